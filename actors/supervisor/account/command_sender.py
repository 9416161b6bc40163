"""A supervisor's in-flight commands: one at a time for each conversation, each retried until its outcome is known.

The supervisor has already counted what it decided. So a command with an unknown outcome is sent again with the same id,
which has one effect, for as long as it takes. Only a refusal or a successor of the supervisor ends it otherwise.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Container

import msgspec
import structlog

from ....core.conversation.commands import Done, Envelope
from ....core.errors import Internal, Overloaded, StorageUnavailable, Superseded, TertuliaError
from ....core.routing.supervision_messages import TAKEN_OVER
from ...background_tasks import BackgroundTasks

log = structlog.get_logger(__name__)

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 3.0
"""Seconds between attempts: doubled from the first to the longest."""


class InFlightCommand:
    """A command on its way. `prepare` must succeed before it is sent. `outcome` is for a person who waits for it."""

    __slots__ = ("envelope", "outcome", "prepare")

    def __init__(self, envelope: Envelope, prepare: Callable[[], Awaitable[None]] | None = None) -> None:
        self.envelope = envelope
        self.prepare = prepare
        self.outcome: asyncio.Future[Done] = asyncio.get_running_loop().create_future()
        self.outcome.add_done_callback(_pushed)


def _pushed(outcome: asyncio.Future[Done]) -> None:
    if not outcome.cancelled():
        outcome.exception()  # retrieved, in case nobody waits for it


class CommandSender:
    """`on_accepted(done)` is called for each accepted command, `on_idle(account_id, conversation_id, refused)` when a
    conversation has no command left, and `on_superseded(fence)` when the supervisor with this fence has a successor.

    Its users bound the queues: a desk decides once for each conversation, and people's requests are counted on admission.
    """

    def __init__(
        self,
        send: Callable[[Envelope], Awaitable[Done]],
        *,
        on_accepted: Callable[[Done], None],
        on_idle: Callable[[str, str, bool], None],
        on_superseded: Callable[[tuple[int, int]], None],
        quiet_deadline: float,
    ) -> None:
        self._send = send
        self._quiet_deadline = quiet_deadline
        self._on_accepted = on_accepted
        self._on_idle = on_idle
        self._on_superseded = on_superseded
        self._queues: dict[str, deque[InFlightCommand]] = {}
        self._idle: dict[str, asyncio.Event] = {}
        self._tasks = BackgroundTasks()

    def __len__(self) -> int:
        return len(self._queues)

    def busy(self, conversation_id: str) -> bool:
        return conversation_id in self._queues

    async def wait_idle(self, conversation_id: str) -> None:
        """Wait until the conversation has no command in flight. On return this holds until the caller awaits."""
        while conversation_id in self._queues:
            await self._idle[conversation_id].wait()

    async def wait_quiet(self, conversations: Container[str]) -> None:
        """Wait until the commands now in flight to any of these are done, for at most `quiet_deadline`."""
        under_way = [self._idle[i] for i in self._queues if i in conversations]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._quiet_deadline):
                for over in under_way:
                    await over.wait()

    def add(self, in_flight: InFlightCommand) -> None:
        conversation_id = in_flight.envelope.conversation_id
        assert conversation_id is not None
        queue = self._queues.get(conversation_id)
        if queue is not None:
            queue.append(in_flight)
            return
        self._queues[conversation_id] = deque([in_flight])
        self._idle[conversation_id] = asyncio.Event()
        self._tasks.start(self._run(in_flight.envelope.account_id, conversation_id))

    async def _run(self, account_id: str, conversation_id: str) -> None:
        queue, refused = self._queues[conversation_id], False
        try:
            while queue:
                refused = not await self._send_one(queue.popleft()) or refused
        finally:
            del self._queues[conversation_id]
            self._idle.pop(conversation_id).set()
        self._on_idle(account_id, conversation_id, refused)

    async def _send_one(self, in_flight: InFlightCommand) -> bool:
        """Send a command until its outcome is known; True if it was accepted."""
        pause = FIRST_PAUSE
        while True:
            try:
                if in_flight.prepare is not None:
                    await in_flight.prepare()
                done = await self._send(in_flight.envelope)
            except (Overloaded, StorageUnavailable) as error:
                log.info("command_retried", error=error.code, detail=error.detail)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
                attempt = in_flight.envelope.attempt + 1
                in_flight.envelope = msgspec.structs.replace(in_flight.envelope, attempt=attempt)
            except Superseded:
                replaced = Overloaded("the supervisor is being replaced", current=TAKEN_OVER, retry_after=1)
                _refuse(in_flight, replaced)
                if in_flight.envelope.fence is not None:
                    self._on_superseded(in_flight.envelope.fence)
                return False
            except TertuliaError as error:
                _refuse(in_flight, error)
                return False
            except Exception as error:  # a bug: the caller gets an error and later commands continue
                log.exception("command_failed", command=type(in_flight.envelope.command).__name__)
                _refuse(in_flight, Internal(f"the command failed: {type(error).__name__}"))
                return False
            else:
                self._on_accepted(done)
                if not in_flight.outcome.done():
                    in_flight.outcome.set_result(done)
                return True

    def close(self) -> None:
        self._tasks.cancel()


def _refuse(in_flight: InFlightCommand, error: TertuliaError) -> None:
    if not in_flight.outcome.done():
        in_flight.outcome.set_exception(error)
