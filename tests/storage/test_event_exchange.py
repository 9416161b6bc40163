"""All accounts' events on an exchange of a real RabbitMQ: under their names, in each account's order, at least once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import aio_pika
import msgspec
import pytest
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue
from event_rig import EventRig
from rabbitmq import RabbitBroker
from serving import free_port
from structlog.testing import capture_logs
from waiting import until

from tertulia.actors.webhooks.event_streamer import EventStreamer, backoff
from tertulia.core.errors import StorageUnavailable
from tertulia.storage.postgres.delivery.event_log import PostgresEventLog
from tertulia.storage.rabbitmq.event_exchange import Connection, RabbitExchange

STREAM = "exchange"
NAME = "messaging"


@pytest.fixture(scope="module")
async def broker(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RabbitBroker]:
    broker = RabbitBroker(tmp_path_factory.mktemp("rabbitmq"))
    await broker.start()
    yield broker
    await broker.kill()


@pytest.fixture
async def channel(broker: RabbitBroker) -> AsyncIterator[AbstractChannel]:
    async with await aio_pika.connect(broker.url, connection_class=Connection) as connection:
        channel = await connection.channel()
        await channel.exchange_delete(NAME)
        yield channel


@contextlib.asynccontextmanager
async def exchange(url: str, deadline: float = 10) -> AsyncIterator[RabbitExchange]:
    made = RabbitExchange(url, NAME, deadline=deadline)
    try:
        yield made
    finally:
        await made.close()


async def bound(channel: AbstractChannel, *keys: str, **arguments: object) -> AbstractQueue:
    await channel.declare_exchange(NAME, aio_pika.ExchangeType.TOPIC, durable=True)
    queue = await channel.declare_queue(durable=True, arguments=arguments or None)  # type: ignore[arg-type]
    for key in keys or ("#",):
        await queue.bind(NAME, key)
    return queue


async def taken(queue: AbstractQueue, most: int) -> list[AbstractIncomingMessage]:
    found: list[AbstractIncomingMessage] = []
    async with asyncio.timeout(60), queue.iterator() as messages:
        async for message in messages:
            await message.ack()
            found.append(message)
            if len(found) == most:
                return found
    raise AssertionError("the queue ended")


def contents(messages: list[AbstractIncomingMessage], account_id: str) -> list[str]:
    told = [msgspec.json.decode(m.body) for m in messages if m.headers["account_id"] == account_id]
    return [e["data"]["content"] for e in told if e["type"] == "conversation:message"]


async def all_of(log: PostgresEventLog, sink: RabbitExchange) -> None:
    while await log.pump(STREAM, sink):
        pass


async def test_events_have_the_names_that_consumers_bind_to(
    events: EventRig, channel: AbstractChannel, broker: RabbitBroker
) -> None:
    everything = await bound(channel)
    received, agents = await bound(channel, "conversation.message.received"), await bound(channel, "agent.*")
    log = PostgresEventLog(events.database)
    await log.start(STREAM)
    await events.said("Hello")
    async with exchange(broker.url) as sink:
        await all_of(log, sink)
    opened, said = await taken(everything, 2)
    assert (opened.routing_key, said.routing_key) == ("conversation.created", "conversation.message.received")
    event = msgspec.json.decode(said.body)
    assert event["type"] == said.type == "conversation:message" and event["data"]["content"] == "Hello"
    assert said.headers == {"account_id": events.account_id, "conversation_id": event["conversation_id"]}
    assert said.message_id and said.message_id.startswith("evt_") and said.message_id != opened.message_id
    assert (said.content_type, said.delivery_mode) == ("application/json", aio_pika.DeliveryMode.PERSISTENT)
    assert [m.message_id for m in await taken(received, 1)] == [said.message_id]
    assert await agents.get(fail=False) is None


async def test_nothing_is_lost_or_reordered_when_the_broker_is_killed(
    events: EventRig, broker: RabbitBroker
) -> None:
    log = PostgresEventLog(events.database, page=10)
    async with await aio_pika.connect(broker.url, connection_class=Connection) as connection:
        queue = await bound(await connection.channel())
    async with exchange(broker.url) as sink:
        running = asyncio.ensure_future(EventStreamer(log, sink, STREAM).main_loop())
        try:
            await log.start(STREAM)
            later = EventRig(events.backend, events.owner, await events.backend.add_account())
            for n in range(60):
                await events.said(f"a{n}")
                await later.said(f"b{n}")
                if n == 30:
                    await broker.kill()
            await broker.start()
            async with await aio_pika.connect(broker.url, connection_class=Connection) as connection:
                channel = await connection.channel()
                queue = await channel.declare_queue(queue.name, durable=True, passive=True)
                found: dict[str, list[str]] = {"a": [], "b": []}
                async with asyncio.timeout(60), queue.iterator() as messages:
                    async for message in messages:
                        await message.ack()
                        for name, rig in (("a", events), ("b", later)):
                            found[name] += contents([message], rig.account_id)
                        if all("59" in "".join(said[-1:]) for said in found.values()):
                            break
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    for name, said in found.items():  # repeated, perhaps, never missing and never before its predecessor
        assert list(dict.fromkeys(said)) == [f"{name}{n}" for n in range(60)]


async def test_what_the_broker_refuses_waits(
    events: EventRig, channel: AbstractChannel, broker: RabbitBroker
) -> None:
    queue = await bound(
        channel, "conversation.message.*", **{"x-max-length": 3, "x-overflow": "reject-publish"}
    )
    log = PostgresEventLog(events.database)
    await log.start(STREAM)
    await events.said(*(f"m{n}" for n in range(5)))
    async with exchange(broker.url) as sink:
        with pytest.raises(StorageUnavailable, match=r"RabbitMQ at .* does not accept events"):
            await log.pump(STREAM, sink)
        await queue.purge()
        await queue.unbind(NAME, "conversation.message.*")
        roomy = await bound(channel, "conversation.message.*")
        await all_of(log, sink)
    assert contents(await taken(roomy, 5), events.account_id) == [f"m{n}" for n in range(5)]


async def test_nobody_there_and_a_silent_one_cost_the_deadline(
    events: EventRig, broker: RabbitBroker, channel: AbstractChannel
) -> None:
    log = PostgresEventLog(events.database)
    await log.start(STREAM)
    await events.said("one")
    async with exchange(f"amqp://guest:hunter2@127.0.0.1:{free_port()}/") as sink:
        with pytest.raises(StorageUnavailable) as caught:
            await log.pump(STREAM, sink)
    assert "hunter2" not in str(caught.value) and "RabbitMQ at 127.0.0.1:" in str(caught.value)
    assert "cannot be reached" in str(caught.value)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with exchange(f"amqp://guest:hunter2@127.0.0.1:{port}/", deadline=0.5) as sink:
            with pytest.raises(StorageUnavailable, match=r"does not answer within 0\.5 s"):
                await log.pump(STREAM, sink)
    queue = await bound(channel)
    async with exchange(broker.url) as sink:
        await all_of(log, sink)
    assert contents(await taken(queue, 2), events.account_id) == ["one"]


async def test_an_exchange_that_others_declared_is_used_as_it_is(
    events: EventRig, channel: AbstractChannel, broker: RabbitBroker
) -> None:
    await channel.declare_exchange(NAME, aio_pika.ExchangeType.TOPIC, durable=False, auto_delete=True)
    queue = await channel.declare_queue(exclusive=True)
    await queue.bind(NAME, "conversation.*")
    log = PostgresEventLog(events.database)
    await log.start(STREAM)
    await events.said("one")
    async with exchange(broker.url) as sink:
        await all_of(log, sink)
    (opened,) = await taken(queue, 1)
    assert opened.routing_key == "conversation.created"


@pytest.mark.parametrize(
    "change, told",
    [
        (("guest:guest@", "guest:hunter2@"), "refuses the user or the password of RABBITMQ_URL"),
        (("/", "/elsewhere"), "does not let the user into the virtual host 'elsewhere'"),
    ],
)
async def test_a_refusal_says_what_is_wrong(broker: RabbitBroker, change: tuple[str, str], told: str) -> None:
    url = change[1].join(broker.url.rsplit(change[0], 1))
    async with exchange(url) as sink:
        with pytest.raises(StorageUnavailable, match=rf"RabbitMQ at 127\.0\.0\.1:[0-9]+ {told}") as caught:
            await sink.open()
    assert "hunter2" not in str(caught.value) and "\n" not in str(caught.value)


async def test_a_fault_is_said_once_noted_and_taken_back(
    events: EventRig, broker: RabbitBroker, channel: AbstractChannel
) -> None:
    """From the start, before there is any event; the pauses grow, and what waited follows."""
    port, failures, said = free_port(), list[int](), asyncio.Event()

    def pause(count: int) -> float:
        failures.append(count)
        if count == 3:
            said.set()
        return 0.01

    log = PostgresEventLog(events.database)
    queue = await bound(channel)
    async with exchange(f"amqp://guest:guest@127.0.0.1:{port}/") as sink:
        streamer = EventStreamer(log, sink, STREAM, backoff=pause)
        with capture_logs() as logs:
            running = asyncio.ensure_future(streamer.main_loop())
            try:
                await asyncio.wait_for(said.wait(), 30)
                assert failures[:3] == [1, 2, 3]  # those of a row
                assert streamer.fault is not None
                (fault,) = (await log.faults([STREAM, "another"])).values()
                assert f"RabbitMQ at 127.0.0.1:{port} cannot be reached" in fault == streamer.fault
                await events.said("one")
                async with forwarded(port, broker.url):
                    assert contents(await taken(queue, 2), events.account_id) == ["one"]
                    await until(lambda: unnoted(log), "the fault to be taken back")
                    assert streamer.fault is None
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
    told = [entry for entry in logs if entry["event"] == "events_not_copied"]
    assert len(told) == 1 and told[0]["detail"].startswith(f"{fault}; events wait in PostgreSQL")
    assert [entry["event"] for entry in logs if entry["log_level"] == "info"] == ["events_copied_again"]


async def unnoted(log: PostgresEventLog) -> bool:
    return not await log.faults([STREAM])


@contextlib.asynccontextmanager
async def forwarded(port: int, url: str) -> AsyncIterator[None]:
    """The broker at another port."""

    writers: list[asyncio.StreamWriter] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with contextlib.suppress(OSError):
            while piece := await reader.read(65_536):
                writer.write(piece)
                await writer.drain()
        writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far = await asyncio.open_connection("127.0.0.1", int(url.rsplit(":", 1)[1].rstrip("/")))
        await asyncio.gather(pump(reader, far[1]), pump(far[0], writer))

    async with await asyncio.start_server(accept, "127.0.0.1", port) as server:
        yield
        server.close()
        for writer in writers:
            writer.close()


def test_pauses_grow_to_half_a_minute() -> None:
    pauses = [backoff(count) for count in (1, 2, 3, 5, 6, 100)]
    for pause, most in zip(pauses, (1, 2, 4, 16, 30, 30), strict=True):
        assert most / 2 <= pause <= most
