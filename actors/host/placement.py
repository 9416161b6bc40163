"""Where conversation actors run: in their host's own process (shared), or in a Ray actor each (dedicated)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

import structlog

from ...core.conversation.entries import Entry
from ...core.conversation.state import State
from ...core.turn.account_rules import AccountRules
from ..transport.turns import Taken, Turning
from .activations import ActiveConversation
from .commit_queue import PendingCommand
from .conversation_actor import ConversationActor

log = structlog.get_logger(__name__)

Take = Callable[[PendingCommand, Taken], None]


class SharedPlacement:
    """Actors are objects of the host's process; a turn is a call."""

    def __init__(self, taken: Take, *, now: Callable[[], int], new_id: Callable[[], str]) -> None:
        self._taken = taken
        self._now = now
        self._new_id = new_id

    def activate(self, state: State) -> ConversationActor:
        return ConversationActor(state, self._new_id)

    def passivate(self, actor: object) -> None:
        pass

    def take(
        self,
        item: PendingCommand,
        resident: ActiveConversation,
        live_id: str | None,
        opening: Entry | None,
        account: AccountRules | None,
    ) -> None:
        actor: ConversationActor = resident.actor  # pyright: ignore[reportAssignmentType]
        self._taken(
            item, actor.turn(Turning(item.envelope, self._now(), live_id, opening, account, item.heard))
        )


class RemoteConversation(Protocol):
    """A conversation actor in a process of its own, as `ray_calls.py` reaches it."""

    async def turns(self, turnings: list[Turning]) -> list[Taken]: ...
    def stop(self) -> None: ...


class DedicatedPlacement:
    """Actors are Ray actors named `conversation:<id>`; what arrives during a turn goes with the next call.

    When such an actor dies, its uncommitted turns never happened: `taken_back` gets their commands, and the state is
    loaded from the journal again.
    """

    def __init__(
        self,
        taken: Take,
        taken_back: Callable[[ActiveConversation, list[PendingCommand]], None],
        start: Callable[[State], RemoteConversation],
        *,
        now: Callable[[], int],
    ) -> None:
        self._taken = taken
        self._taken_back = taken_back
        self._start = start
        self._now = now
        self._queues: dict[ActiveConversation, list[tuple[PendingCommand, Turning]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def activate(self, state: State) -> RemoteConversation:
        return self._start(state)

    def passivate(self, actor: object) -> None:
        remote: RemoteConversation = actor  # pyright: ignore[reportAssignmentType]
        remote.stop()

    def take(
        self,
        item: PendingCommand,
        resident: ActiveConversation,
        live_id: str | None,
        opening: Entry | None,
        account: AccountRules | None,
    ) -> None:
        turning = Turning(item.envelope, self._now(), live_id, opening, account, item.heard)
        # a turn under way keeps the conversation in memory, as an uncommitted write does
        resident.pending += 1
        queue = self._queues.get(resident)
        if queue is not None:
            queue.append((item, turning))
            return
        self._queues[resident] = [(item, turning)]
        task = asyncio.ensure_future(self._drain(resident))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _drain(self, resident: ActiveConversation) -> None:
        remote: RemoteConversation = resident.actor  # pyright: ignore[reportAssignmentType]
        while batch := self._queues[resident]:
            self._queues[resident] = []
            try:
                results = await remote.turns([turning for _, turning in batch])
                if len(results) != len(batch):
                    raise RuntimeError(f"{len(results)} results for {len(batch)} turns")
            except Exception as error:
                log.warning("conversation_actor_lost", conversation=resident.id, error=repr(error))
                rest = [item for item, _ in batch + self._queues.pop(resident)]
                resident.pending -= len(rest)
                self._taken_back(resident, rest)
                return
            for (item, _), taken in zip(batch, results, strict=True):
                resident.pending -= 1
                self._taken(item, taken)
        del self._queues[resident]
