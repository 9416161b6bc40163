"""A command's life in a host: the stages from its admission to its reply, the reply of its batch, and the batches under way.

`ConversationHost.accept` admits a command, and admits it again whenever it must start over. Only the methods of
`PendingCommand` change its stage.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Collection, Sequence
from typing import Protocol

from ...core.conversation.commands import Envelope, Outcome, Refused
from ...core.ports.archive import Target
from ...core.ports.journal import Write
from ...core.turn.message_analysis import Analysis
from ..transport.turns import Announce, TurnResult

MAX_ATTEMPTS = 4


class Activation(Protocol):
    """A conversation in memory as commits see it: `pending` counts its uncommitted writes.

    A decision may depend on earlier decisions in the same thread, never on those in another.
    """

    pending: int

    @property
    def thread(self) -> object: ...


class Reply:
    """The outcomes of one incoming batch. `done` resolves when all are known."""

    __slots__ = ("announce", "done", "envelopes", "missing", "outcomes")

    def __init__(self, envelopes: Sequence[Envelope], announce: Announce | None = None) -> None:
        self.announce = announce
        self.envelopes = envelopes
        self.outcomes: list[Outcome | None] = [None] * len(envelopes)
        self.missing = len(envelopes)
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not envelopes:
            self.done.set_result(None)

    def set(self, slot: int, outcome: Outcome) -> None:
        if self.outcomes[slot] is None:
            self.outcomes[slot] = outcome
            self.missing -= 1
            if self.missing == 0 and not self.done.done():
                self.done.set_result(None)

    def waits_for(self, partitions: Collection[int]) -> bool:
        """Whether a command of one of these partitions is still under way."""
        return any(
            outcome is None and envelope.partition in partitions
            for outcome, envelope in zip(self.outcomes, self.envelopes, strict=True)
        )


LOOK_EVERY = 0.005
"""Seconds between looks whether the commands of some partitions are done: others of their batches may take longer."""


class Admission:
    """The replies under way. At most `limit` of their commands wait at a time."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._replies: set[Reply] = set()
        self.waiting = 0

    def admit(self, reply: Reply) -> int:
        """Returns how many of the batch's commands may wait, the first ones. The others must be refused."""
        admitted = min(max(0, self._limit - self.waiting), len(reply.envelopes))
        self.waiting += admitted
        self._replies.add(reply)
        reply.done.add_done_callback(lambda _: self._release(reply, admitted))
        return admitted

    def _release(self, reply: Reply, admitted: int) -> None:
        self.waiting -= admitted
        self._replies.discard(reply)

    async def wait_until_done(self, partitions: Collection[int]) -> None:
        """Wait until no command of these partitions is under way."""
        while under_way := [reply.done for reply in self._replies if reply.waits_for(partitions)]:
            await asyncio.wait(under_way, timeout=LOOK_EVERY, return_when=asyncio.FIRST_COMPLETED)


class Stage(enum.Enum):
    """In this order, except that a command is admitted again when its actor or its commit fails, and may be answered early."""

    ADMITTED = enum.auto()
    """Waits for its actor, for the analysis of a message, or for a look-up of its original result."""
    IN_TURN = enum.auto()
    """With the placement."""
    DECIDED = enum.auto()
    """Waits for the commit of its write, or of the writes that its outcome depends on."""
    ANSWERED = enum.auto()


_ADMITTED, _IN_TURN, _DECIDED, _ANSWERED = Stage
"""As in `core/conversation/status.py`: a command meets ten of them."""


class PendingCommand:
    """A command in a host, from its arrival to its reply."""

    __slots__ = (
        "absent",
        "active",
        "alone",
        "analysis",
        "announced",
        "attempts",
        "envelope",
        "looked_up",
        "opened",
        "partition",
        "queued_at",
        "reply",
        "result",
        "slot",
        "stage",
    )

    def __init__(self, envelope: Envelope, reply: Reply, slot: int) -> None:
        self.envelope = envelope
        self.partition = envelope.partition
        self.reply = reply
        self.slot = slot
        self.stage = _ADMITTED
        self.active: Activation | None = None
        """The conversation of its last turn."""
        self.opened = False
        """Whether its last turn opened that conversation."""
        self.result: TurnResult | None = None
        """The result of its last turn."""
        self.analysis: Analysis | None = None
        """The analysis of its message, if there was one."""
        self.queued_at: float | None = None
        """The time at which it began to wait behind others of its thread, on the monotonic clock (s)."""
        self.looked_up = False
        """Whether it is known not to have happened before."""
        self.announced = False
        """Whether its sender knows that its turn begins."""
        self.absent = False
        """Whether its conversation was looked for, and does not exist."""
        self.alone = False
        """Whether it must be committed by itself."""
        self.attempts = 0
        """Failures that it was part of."""

    def admit(self) -> None:
        """It starts, or starts over."""
        assert self.stage is not _ANSWERED, "an outcome is final"
        self.stage = _ADMITTED

    def begin_turn(self, active: Activation, *, opened: bool) -> None:
        assert self.stage is _ADMITTED
        self.stage = _IN_TURN
        self.active, self.opened = active, opened

    def decide(self, result: TurnResult) -> None:
        assert self.stage is _IN_TURN
        self.stage = _DECIDED
        self.result = result

    def answer(self, outcome: Outcome) -> None:
        """Set its outcome, which is final."""
        if self.stage is not _ANSWERED:
            self.stage = _ANSWERED
            self.reply.set(self.slot, outcome)

    def confirm(self) -> None:
        """Everything that the turn's outcome depends on is committed."""
        assert self.result is not None
        self.answer(self.result.outcome)

    def fail(self, refusal: Refused) -> None:
        """Count a failure; after `MAX_ATTEMPTS` it is refused."""
        self.attempts += 1
        if self.attempts > MAX_ATTEMPTS:
            self.answer(refusal)

    @property
    def target(self) -> Target:
        envelope = self.envelope
        target = envelope.conversation_id or envelope.thread
        assert target is not None
        return target

    @property
    def answered(self) -> bool:
        return self.stage is _ANSWERED

    @property
    def write(self) -> Write | None:
        return None if self.result is None else self.result.write
