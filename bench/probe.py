"""A conversation host, or the journal alone, in its own process, with Postgres but without Ray and HTTP.

Runs as `python -m bench.probe`, with a `Spec` as one line of JSON on stdin, then one command a line. Each answers with a line
of JSON. `cold N`, `reside N`, `burst N`, `memory N` drive a host; `prepare N`, `commit ROWS BATCH` the journal.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import uvloop

from tertulia.actors.clock import fresh_id, now_ms
from tertulia.actors.host.host import ConversationHost
from tertulia.actors.host.placement import SharedPlacement
from tertulia.actors.transport import codec
from tertulia.actors.transport.entry_publisher import FeedPublisher
from tertulia.actors.transport.host_link import FULL
from tertulia.composition.garbage_collection import calm_garbage_collector
from tertulia.core.conversation.commands import (
    By,
    Command,
    Done,
    Envelope,
    Open,
    Opening,
    Post,
    Recall,
    ThreadKey,
)
from tertulia.core.conversation.entries import Actor, Entry
from tertulia.core.conversation.projection import apply
from tertulia.core.conversation.state import State
from tertulia.core.conversation.thread import Thread
from tertulia.core.ports.archive import Archive, Repeat, ThreadWanted
from tertulia.core.ports.journal import Journal, Write
from tertulia.storage.postgres.conversations.archive import PostgresArchive
from tertulia.storage.postgres.conversations.journal import PostgresJournal
from tertulia.storage.postgres.database import Database

from . import seed
from .processes import Tenant, resident_bytes

BATCH = 256
CALLS = 3
CONNECTIONS = 256
BY = By("service", "bench", "service")


class Spec(msgspec.Struct, kw_only=True):
    """`url` None: store nothing. `prefix`: of the customers whose conversations this process uses."""

    url: str | None
    tenant: Tenant
    prefix: str = ""


class NullJournal:
    """Stores nothing, to measure a host alone."""

    async def commit(self, writes: Sequence[Write], epochs: dict[int, int]) -> list[int]:
        return [0] * sum(len(w.entries) for w in writes)


class NullArchive:
    """Is empty: every thread key is a new customer."""

    async def load_conversations(self, ids: Sequence[str]) -> dict[str, State]:
        return {}

    async def load_threads(self, wanted: Sequence[ThreadWanted]) -> dict[ThreadKey, Thread]:
        return {w.key: Thread(w.contact_id, w.name) for w in wanted}

    async def find_repeats(self, keys: Iterable[Any], provider_ids: Iterable[Any]) -> tuple[dict, dict]:
        return dict[tuple[str, str], Repeat](), dict[tuple[str, str], Repeat]()


class Probe:
    """The state behind the commands."""

    def __init__(self, spec: Spec, database: Database | None) -> None:
        self.spec = spec
        self.database = database
        self.epochs: dict[int, int] = {}
        self.host: ConversationHost | None = None
        self.loops: list[asyncio.Task[None]] = []
        self.ids: list[str] = []
        self.states: list[State] = []
        self.sent = 0

    async def startup(self) -> None:
        if self.database is None:
            self.epochs = dict.fromkeys(range(1024), 0)
            return
        async with self.database.system() as connection:
            self.epochs = dict(await connection.fetch("SELECT id, epoch FROM partitions"))
            self.ids = [
                row[0]
                for row in await connection.fetch(
                    "SELECT id::text FROM conversations WHERE account_id = $1 AND contact_identifier LIKE $2 ORDER BY id",
                    self.spec.tenant.account,
                    f"{self.spec.prefix}-%",
                )
            ]
        random.Random(1).shuffle(self.ids)

    def journal(self) -> Journal:
        return PostgresJournal(self.database) if self.database else NullJournal()

    def fresh_host(self) -> ConversationHost:
        """A host with empty memory that owns every partition."""
        for task in self.loops:
            task.cancel()
        archive: Archive = PostgresArchive(self.database) if self.database else NullArchive()
        placement = SharedPlacement(now=now_ms, new_id=fresh_id)
        host = ConversationHost(
            self.journal(), archive, FeedPublisher(), placement, max_waiting=1 << 20, on_stale=asyncio.Event()
        )
        host.own(self.epochs)
        self.loops = [
            asyncio.ensure_future(host.main_loop()),
        ]
        self.host = host
        gc.collect()
        return host

    def post(self) -> Post:
        self.sent += 1
        return Post(
            "contact",
            seed.CONTENT.format(self.sent, self.spec.prefix),
            key=f"{self.spec.prefix}-{os.getpid()}-{self.sent}",
        )

    def envelope(self, command: Command, conversation: str) -> Envelope:
        return Envelope(fresh_id(), self.spec.tenant.account, BY, command, conversation)

    async def drive(
        self, envelopes: list[Envelope], batch: int = BATCH, calls: int = CALLS
    ) -> tuple[float, list[Done]]:
        """Send envelopes in batches, with `calls` of them under way. Returns the seconds and the outcomes."""
        assert self.host is not None
        payloads = [codec.encode(envelopes[i : i + batch]) for i in range(0, len(envelopes), batch)]
        answers: list[bytes] = []
        queue = iter(payloads)

        async def caller(host: ConversationHost) -> None:
            for payload in queue:
                answers.append(await host.submit(payload))  # noqa: PERF401

        began = time.perf_counter()
        await asyncio.gather(*(caller(self.host) for _ in range(calls)))
        seconds = time.perf_counter() - began
        done = [o for answer in answers for o in codec.decode_outcomes(answer)]
        refused = [o for o in done if not isinstance(o, Done)]
        if refused or len(done) != len(envelopes):
            raise RuntimeError(f"{len(refused)} of {len(envelopes)} commands were refused: {refused[:1]}")
        return seconds, done  # type: ignore[return-value]

    # -- commands

    async def cold(self, count: int) -> dict[str, float]:
        """A message to each of `count` conversations, none of which is in memory."""
        self.fresh_host()
        seconds, done = await self.drive([self.envelope(self.post(), i) for i in self.ids[:count]])
        return {"seconds": seconds, "count": len(done)}

    async def reside(self, count: int) -> dict[str, float]:
        """Load `count` conversations into memory, without writing."""
        self.fresh_host()
        self.ids = self.ids[:count]
        seconds, _ = await self.drive([self.envelope(Recall(1), i) for i in self.ids])
        assert self.host is not None
        return {"seconds": seconds, "count": len(self.host.activations.conversations)}

    async def burst(self, count: int) -> dict[str, float]:
        """Messages to random conversations that are in memory, as a gateway with 256 connections sends them."""
        chosen = random.choices(self.ids, k=count)
        envelopes = [self.envelope(self.post(), i) for i in chosen]
        cpu = time.process_time()
        seconds, done = await self.drive(envelopes, FULL, CONNECTIONS // FULL)
        return {"seconds": seconds, "cpu": time.process_time() - cpu, "count": len(done)}

    async def memory(self, count: int) -> dict[str, float]:
        """Bytes of one live conversation with eight messages: `count` of them opened and written to."""
        self.fresh_host()
        await self._grow(0, 500)
        gc.collect()
        before = resident_bytes(os.getpid())
        await self._grow(500, count)
        gc.collect()
        assert self.host is not None
        held = len(self.host.activations.conversations)
        return {"bytes": (resident_bytes(os.getpid()) - before) / count, "count": held}

    async def _grow(self, first: int, count: int) -> None:
        t = self.spec.tenant
        for at in range(first, first + count, 500):
            threads = [
                ThreadKey(t.account, t.channel, f"{self.spec.prefix}-{at + i:06d}")
                for i in range(min(500, count))
            ]
            _, opened = await self.drive(
                [
                    Envelope(
                        fresh_id(),
                        t.account,
                        BY,
                        Open(Opening("webchat", f"Customer {k.identifier}")),
                        None,
                        k,
                    )
                    for k in threads
                ]
            )
            ids = [d.conversation.id for d in opened if d.conversation is not None]
            for _ in range(8):
                await self.drive([self.envelope(self.post(), i) for i in ids])

    async def prepare(self, count: int) -> int:
        """States of `count` conversations, for `commit`."""
        assert self.database is not None
        states = await PostgresArchive(self.database).load_conversations(self.ids[:count])
        self.states = list(states.values())
        return len(self.states)

    async def commit(self, rows: int, batch: int) -> dict[str, float]:
        """The journal alone: `rows` messages in commits of `batch`."""
        writes = [self._write(i % len(self.states)) for i in range(rows)]
        journal = self.journal()
        began = time.perf_counter()
        cpu = time.process_time()
        for i in range(0, rows, batch):
            await journal.commit(writes[i : i + batch], self.epochs)
        return {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu, "count": rows}

    def _write(self, index: int) -> Write:
        state = self.states[index]
        c = state.conversation
        self.sent += 1
        entry = Entry(
            c.account_id, c.id, c.seq + 1, now_ms(), Actor("service", "bench"), seed.message(index, self.sent)
        )
        self.states[index] = after = apply(state, entry)
        return Write(c, after.conversation, (entry,), f"{self.spec.prefix}:{os.getpid()}:{self.sent}")


async def serve() -> None:
    """Execute commands until stdin ends."""
    loop = asyncio.get_running_loop()
    commands = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    spec = msgspec.json.decode(await commands.readline(), type=Spec)
    probe = Probe(spec, await Database.connect(spec.url, system=6, app=1) if spec.url else None)
    await probe.startup()
    calm_garbage_collector()
    answer: object = "ready"
    while True:
        sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
        sys.stdout.buffer.flush()
        words = (await commands.readline()).decode().split()
        if not words:
            return
        answer = await getattr(probe, words[0])(*map(int, words[1:]))


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())
