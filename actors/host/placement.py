"""The placement of conversation actors: in their host's process (shared), or in a Ray actor each (dedicated)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Protocol

import structlog

from ...core.conversation.entries import Entry
from ...core.conversation.state import State
from ...core.turn.account_rules import AccountRules
from ..transport.turns import TurnRequest, TurnResult
from .activations import A, ActiveConversation
from .conversation_actor import ConversationActor
from .pending_command import PendingCommand

log = structlog.get_logger(__name__)

Results = AsyncIterator[tuple[PendingCommand, TurnResult | None]]
"""The results of turns that run elsewhere, in the order of the calls; None for a command whose actor died. Whoever iterates
acts on a result before anything else can happen to its conversation."""


class Placement(Protocol[A]):
    """Runs turns. `run` returns the result, or the iterator that will yield it, or None if an iterator that it returned before
    will."""

    def activate(self, state: State) -> A: ...
    def passivate(self, actor: A) -> None: ...
    def run(
        self,
        item: PendingCommand,
        active: ActiveConversation[A],
        live_id: str | None,
        opening: Entry | None,
        account: AccountRules | None,
    ) -> TurnResult | Results | None: ...


class SharedPlacement:
    """Actors are objects in the host's process; a turn is a call."""

    def __init__(self, *, now: Callable[[], int], new_id: Callable[[], str]) -> None:
        self._now = now
        self._new_id = new_id

    def activate(self, state: State) -> ConversationActor:
        return ConversationActor(state, self._new_id)

    def passivate(self, actor: ConversationActor) -> None:
        pass

    def run(
        self,
        item: PendingCommand,
        active: ActiveConversation[ConversationActor],
        live_id: str | None,
        opening: Entry | None,
        account: AccountRules | None,
    ) -> TurnResult:
        return active.actor.turn(
            TurnRequest(item.envelope, self._now(), live_id, opening, account, item.analysis)
        )


class RemoteConversation(Protocol):
    """A conversation actor in its own process, reached through `ray_calls.py`."""

    async def turns(self, requests: list[TurnRequest]) -> list[TurnResult]: ...
    def stop(self) -> None: ...


class DedicatedPlacement:
    """Actors are Ray actors named `conversation:<id>`. Commands that arrive during a call go with the next one.

    When an actor dies, its uncommitted turns never happened: their commands have no result, and the host loads the state from
    the journal again.
    """

    def __init__(self, start: Callable[[State], RemoteConversation], *, now: Callable[[], int]) -> None:
        self._start = start
        self._now = now
        self._queues: dict[
            ActiveConversation[RemoteConversation], list[tuple[PendingCommand, TurnRequest]]
        ] = {}

    def activate(self, state: State) -> RemoteConversation:
        return self._start(state)

    def passivate(self, actor: RemoteConversation) -> None:
        actor.stop()

    def run(
        self,
        item: PendingCommand,
        active: ActiveConversation[RemoteConversation],
        live_id: str | None,
        opening: Entry | None,
        account: AccountRules | None,
    ) -> Results | None:
        request = TurnRequest(item.envelope, self._now(), live_id, opening, account, item.analysis)
        # like an uncommitted write, a turn in flight keeps the conversation in memory
        active.pending += 1
        queue = self._queues.get(active)
        if queue is not None:
            queue.append((item, request))
            return None
        self._queues[active] = [(item, request)]
        return self._drain(active)

    async def _drain(self, active: ActiveConversation[RemoteConversation]) -> Results:
        while batch := self._queues[active]:
            self._queues[active] = []
            try:
                results = await active.actor.turns([request for _, request in batch])
                if len(results) != len(batch):
                    raise RuntimeError(f"{len(results)} results for {len(batch)} turns")
            except Exception as error:
                log.warning("conversation_actor_lost", conversation=active.id, error=repr(error))
                rest = [item for item, _ in batch + self._queues.pop(active)]
                active.pending -= len(rest)
                for item in rest:
                    yield item, None
                return
            for (item, _), result in zip(batch, results, strict=True):
                active.pending -= 1
                yield item, result
        del self._queues[active]
