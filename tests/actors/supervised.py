"""A supervisor over a host in memory, without Ray, for the tests of what it does."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from in_memory.supervision import MemoryPresence, MemorySupervision
from rig import Rig
from samples import ACCOUNT, SERVICE, THREAD, to_thread

from tertulia.actors.clock import now_ms
from tertulia.actors.supervisor.account_registry import Intervals
from tertulia.actors.supervisor.supervisor import Supervisor
from tertulia.core.conversation.commands import Done, Envelope, Open, Opening, Outcome, Refused, ThreadKey
from tertulia.core.conversation.entries import Entry
from tertulia.core.errors import BY_CODE, Internal
from tertulia.core.ports.http import Hint
from tertulia.core.routing.supervision_messages import SHARDS, Presence


class HostSubscription:
    """The way to the host, with a door: `faults` say what becomes of the next commands. Nothing is pushed but by the test."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self.router = self
        self.faults: list[Callable[[Envelope], Awaitable[Outcome]] | None] = []
        self.sent: list[Envelope] = []

    async def startup(self) -> None: ...

    async def watch_events(self) -> None: ...

    async def main_loop(self) -> None:
        await asyncio.Event().wait()

    async def ask(self, envelope: Envelope) -> Done:
        self.sent.append(envelope)
        fault = self.faults.pop(0) if self.faults else None
        outcome = await (fault or self._rig.ask)(envelope)
        if isinstance(outcome, Done):
            return outcome
        assert isinstance(outcome, Refused)
        raise BY_CODE.get(outcome.code, Internal)(outcome.detail, current=outcome.current)


class Hints:
    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.away = False
        self.lost = 0

    async def send_all(self, hints: Sequence[Hint]) -> bool:
        if self.away:
            self.lost += len(hints)
        else:
            self.sent += [(hint.type, hint.data) for hint in hints]
        return not self.away


class Office:
    """A rig with its supervisor, which can be replaced."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.store = MemorySupervision(rig.store)
        self.presence = MemoryPresence()
        self.hints = Hints()
        self.hosts = HostSubscription(rig)
        self.intervals = Intervals(poll=0.05, tick=0.02, notify=0.05)
        self.tasks: list[asyncio.Task[None]] = []
        self.all: list[Supervisor] = []

    async def start(self, own: Iterable[int] = range(SHARDS)) -> Supervisor:
        """A new supervisor, which takes these shards first; those before are left running."""
        self.supervisor = Supervisor(
            self.store,
            self.presence,
            self.hosts,  # type: ignore[arg-type]
            self.hints,
            own=own,
            incarnation=str(uuid.uuid4()),
            intervals=self.intervals,
        )
        await self.supervisor.startup()
        self.tasks.append(asyncio.create_task(self.supervisor.main_loop()))
        self.all.append(self.supervisor)
        return self.supervisor

    async def stop(self) -> None:
        for supervisor in self.all:
            supervisor.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def open(self, name: str) -> str:
        thread = ThreadKey(ACCOUNT, THREAD.channel_id, name)
        done = await self.rig.done(to_thread(Open(Opening("webchat")), thread, SERVICE))
        assert done.conversation is not None
        return done.conversation.id

    async def appear(self, *users: str, status: Any = "online", ttl: int = 60_000) -> None:
        await self.supervisor.present([Presence(ACCOUNT, u, "", status, now_ms() + ttl) for u in users])

    def holder(self, conversation_id: str) -> str | None:
        return self.rig.store.conversations[conversation_id].assignee_id

    def offered(self, conversation_id: str) -> str | None:
        offer = self.rig.store.conversations[conversation_id].routing.offer
        return None if offer is None else offer.agent_id

    def entries(self, conversation_id: str, kind: type) -> list[Any]:
        return [e.data for e in self.rig.store.entries[conversation_id] if isinstance(e.data, kind)]

    def push(self, conversation_id: str) -> None:
        """What the host would have pushed of a conversation."""
        entries: Sequence[Entry] = self.rig.store.entries[conversation_id]
        self.supervisor.on_entries(entries)
