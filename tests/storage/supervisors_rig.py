"""A conversation host on Postgres with several supervisors, without Ray."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import asyncpg
from backends import PostgresBackend
from in_memory.supervision import MemoryPresence
from samples import SERVICE, to_thread, uid

from tertulia.actors.clock import fresh_id, now_ms
from tertulia.actors.host.host import ConversationHost
from tertulia.actors.host.placement import SharedPlacement
from tertulia.actors.supervisor.account_registry import Intervals
from tertulia.actors.supervisor.supervisor import Supervisor
from tertulia.actors.transport import codec
from tertulia.core.conversation.commands import Done, Envelope, Open, Opening, Outcome, Refused, ThreadKey
from tertulia.core.conversation.entries import Assigned, Entry, Message
from tertulia.core.errors import BY_CODE, Internal
from tertulia.core.routing.supervision_messages import SHARDS, Presence, shard_of


class SupervisorsRig:
    """The host. Its commits are pushed to `supervisors`."""

    def __init__(self, backend: PostgresBackend, owner: asyncpg.Connection) -> None:
        self.backend = backend
        self.owner = owner
        self.supervisors: list[Supervisor] = []
        self.router = self  # a supervisor's hearing has one
        self.published: list[Entry] = []
        self.intervals = Intervals(poll=0.05)
        self.tasks: list[asyncio.Task[None]] = []
        self.host = ConversationHost(
            backend.journal,
            backend.archive,
            self,
            SharedPlacement(now=now_ms, new_id=fresh_id),
            max_waiting=1000,
            on_stale=asyncio.Event(),
        )

    async def start(self) -> None:
        self.host.own(await self.backend.epochs())
        loops = (self.host.main_loop(),)
        self.tasks += [asyncio.create_task(loop) for loop in loops]

    async def stop(self) -> None:
        for supervisor in self.supervisors:
            supervisor.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    # -- what a supervisor stands on

    async def startup(self) -> None: ...

    async def watch_events(self) -> None: ...

    async def main_loop(self) -> None:
        await asyncio.Event().wait()

    async def send(self, *_: Any) -> None: ...

    def publish(self, entries: Sequence[Entry], positions: Sequence[int]) -> None:
        placed = [
            Entry(e.account_id, e.conversation_id, e.seq, e.at, e.actor, e.data, p)
            for e, p in zip(entries, positions, strict=True)
            if not isinstance(e.data, Message)
        ]
        self.published += placed
        for supervisor in self.supervisors:
            supervisor.on_entries(placed)

    async def ask(self, envelope: Envelope) -> Done:
        (outcome,) = codec.decode_outcomes(await self.host.submit(codec.encode([envelope])))
        return done(outcome)

    # -- what happens

    async def supervisor(
        self, own: Iterable[int] = range(SHARDS), incarnation: str | None = None
    ) -> Supervisor:
        """One more, at work."""
        made = Supervisor(
            self.backend.supervision,
            MemoryPresence(),
            self,  # type: ignore[arg-type]
            self,
            own=own,
            incarnation=incarnation or uid(),
            intervals=self.intervals,
        )
        await made.startup()
        self.supervisors.append(made)
        self.tasks.append(asyncio.create_task(made.main_loop()))
        return made

    async def account(self, wanted: Callable[[int], bool] = lambda shard: True, **routing: Any) -> str:
        """An account in a shard as wanted, with Ana, who takes what comes."""
        while not wanted(shard_of(account := await self.backend.add_account())):
            pass
        await self.owner.execute("INSERT INTO agents (account_id, user_id) VALUES ($1, 'ana')", account)
        await self.owner.execute(
            "INSERT INTO agent_preferences (account_id, user_id, auto_accept) VALUES ($1, 'ana', true)",
            account,
        )
        return account

    async def open(self, account: str) -> str:
        opened = await self.ask(
            to_thread(Open(Opening("webchat")), ThreadKey(account, uid(), uid()), SERVICE)
        )
        assert opened.conversation is not None
        return opened.conversation.id

    def assigned(self, conversation: str) -> list[str | None]:
        """To whom, one after the other."""
        mine = [e.data for e in self.published if e.conversation_id == conversation]
        return [data.agent_id for data in mine if isinstance(data, Assigned)]


def ana(account: str) -> Presence:
    return Presence(account, "ana", "", "online", now_ms() + 60_000)


def done(outcome: Outcome) -> Done:
    if isinstance(outcome, Done):
        return outcome
    assert isinstance(outcome, Refused)
    raise BY_CODE.get(outcome.code, Internal)(outcome.detail, current=outcome.current)
