"""The Redis stream of all accounts' events, on a real Valkey: everything, in each account's order, at least once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from event_rig import EventRig
from redis.asyncio import Redis
from waiting import until

from tertulia.actors.webhooks.event_streamer import EventStreamer
from tertulia.core.errors import StorageUnavailable
from tertulia.core.webhooks.events import OutgoingEvent
from tertulia.storage.embedded import EmbeddedValkey
from tertulia.storage.postgres.delivery.event_log import PostgresEventLog
from tertulia.storage.valkey import client as valkey
from tertulia.storage.valkey.event_stream import ValkeyEventStream

STREAM = "events"


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedValkey]:
    server = EmbeddedValkey(tmp_path_factory.mktemp("valkey"))
    await server.start()
    yield server
    await server.stop("immediate")


@pytest.fixture
async def client(server: EmbeddedValkey) -> AsyncIterator[Redis]:
    client = valkey.connect(server.url, deadline=5.0)
    await client.flushall()
    yield client
    await client.aclose()


async def read(client: Redis) -> list[dict[str, str]]:
    found = await client.xrange(STREAM)
    return [{k.decode(): v.decode() for k, v in fields.items()} for _, fields in found]


def contents(rows: list[dict[str, str]], account_id: str) -> list[str]:
    told = [msgspec.json.decode(r["event"]) for r in rows if r["account_id"] == account_id]
    return [e["data"]["content"] for e in told if e["type"] == "conversation:message"]


class Breaking:
    """A sink that fails after what it was given has been written."""

    def __init__(self, sink: ValkeyEventStream) -> None:
        self.sink = sink
        self.broken = True

    async def open(self) -> None:
        await self.sink.open()

    async def append(self, events: list[OutgoingEvent]) -> None:
        await self.sink.append(events)
        if events and self.broken:
            raise StorageUnavailable("gone after the write")


async def test_every_event_of_every_account_in_order(events: EventRig, client: Redis) -> None:
    await events.said("before the stream")
    log, sink = PostgresEventLog(events.database), ValkeyEventStream(client, STREAM, 10_000)
    running = asyncio.ensure_future(EventStreamer(log, sink, STREAM).main_loop())
    try:
        await until(lambda: events.owner.fetchval("SELECT count(*) FROM event_streams"), "the stream")
        later = EventRig(events.backend, events.owner, await events.backend.add_account())
        for n in range(120):
            await events.said(f"a{n}")
            await later.said(f"b{n}")

        async def all_there() -> list[dict[str, str]] | None:
            rows = await read(client)
            return rows if len(rows) >= 241 else None

        rows = await until(all_there, "all events")
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert contents(rows, events.account_id) == [f"a{n}" for n in range(120)]
    assert contents(rows, later.account_id) == [f"b{n}" for n in range(120)]  # made after the stream
    assert len(rows) == 241 and rows[-1].keys() == {"id", "type", "account_id", "event"}
    first = next(r for r in rows if r["account_id"] == later.account_id)
    assert first["type"] == "conversation:new" and first["id"].startswith("evt_")


async def test_a_failure_after_the_write_repeats_and_never_loses(events: EventRig, client: Redis) -> None:
    log = PostgresEventLog(events.database)
    await log.start(STREAM)
    await events.said("one", "two")
    sink = Breaking(ValkeyEventStream(client, STREAM, 10_000))
    with pytest.raises(StorageUnavailable):
        await log.pump(STREAM, sink)
    sink.broken = False
    while await log.pump(STREAM, sink):
        pass
    assert contents(await read(client), events.account_id) == ["one", "two", "one", "two"]
    assert len({r["id"] for r in await read(client)}) == 3
    await log.start(STREAM)  # as every process does: it goes on where it was
    await events.said("three")
    while await log.pump(STREAM, sink):
        pass
    assert contents(await read(client), events.account_id)[4:] == ["three"]


async def test_concurrent_writers_write_each_event_once(events: EventRig, client: Redis) -> None:
    log, sink = PostgresEventLog(events.database), ValkeyEventStream(client, STREAM, 10_000)
    await asyncio.gather(*(log.start(STREAM) for _ in range(4)))
    await events.said(*(f"m{n}" for n in range(100)))

    async def write() -> None:
        for _ in range(100):
            await PostgresEventLog(events.database, page=5).pump(STREAM, sink)

    await asyncio.gather(*(write() for _ in range(4)))
    assert contents(await read(client), events.account_id) == [f"m{n}" for n in range(100)]


async def test_the_oldest_events_are_dropped_when_full(events: EventRig, client: Redis) -> None:
    log, sink = PostgresEventLog(events.database), ValkeyEventStream(client, STREAM, 100)
    await log.start(STREAM)
    await events.said(*(f"m{n}" for n in range(1000)))
    while await log.pump(STREAM, sink):
        pass
    kept = contents(await read(client), events.account_id)
    assert 100 <= len(kept) < 400 and kept == [f"m{n}" for n in range(1000)][-len(kept) :]


async def test_nothing_is_skipped_while_valkey_is_away(
    events: EventRig, client: Redis, tmp_path: Path
) -> None:
    log = PostgresEventLog(events.database)
    await log.start(STREAM)
    await events.said("one")
    nobody = valkey.connect(f"unix://{tmp_path}/none.sock")
    try:
        with pytest.raises(StorageUnavailable):
            await log.pump(STREAM, ValkeyEventStream(nobody, STREAM, 100))
    finally:
        await nobody.aclose()
    await log.pump(STREAM, ValkeyEventStream(client, STREAM, 100))
    assert contents(await read(client), events.account_id) == ["one"]
