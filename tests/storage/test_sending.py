"""A dispatcher at work, on a real outbox and a provider that misbehaves: retries, order, pace, circuit, fence."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from aiohttp import web
from backends import PostgresBackend, thread
from fake_provider import FakeKind, FakeProvider
from outbox_rig import OutboxRig
from serving import ROOT, free_port
from waiting import until

from tertulia.actors.dispatcher.channel_queue import QueuePolicy
from tertulia.actors.dispatcher.dispatcher import Dispatcher, DispatcherIntervals
from tertulia.actors.dispatcher.message_sender import MessageSender
from tertulia.actors.dispatcher.provider_client import ProviderClient
from tertulia.channels.outgoing.guard import Guard
from tertulia.core.accounts.records import Channel
from tertulia.core.channels.delivery_policy import BreakerLimits, RetryPolicy, shard_of
from tertulia.core.channels.messages import Receipt
from tertulia.core.channels.provider_urls import ProviderUrls
from tertulia.core.channels.records import Delivery
from tertulia.core.conversation.entries import Actor, Attachment
from tertulia.core.ports.outbox import ToSend
from tertulia.storage.credentials import FernetVault, new_key
from tertulia.storage.postgres.accounts.channels import PostgresChannels
from tertulia.storage.postgres.delivery.outbox import PostgresOutbox

KEY = new_key()
VAULT = FernetVault(KEY)
SHARDS = 2**31 - 1
"""So many that every channel has a shard, and a row of `dispatchers`, of its own."""


class Hints:
    """Remembers what readers would be told."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    async def send(
        self, account_id: str, type: str, data: dict[str, Any], topics: list[str], conversation_id: str | None = None
    ) -> bool:  # fmt: skip
        assert type == "conversation:receipt" and topics == [f"conversation:{conversation_id}"]
        self.sent.append(data)
        return True


class Rig(OutboxRig):
    """A channel with a provider behind it, and dispatchers for it."""

    provider: FakeProvider
    hints: Hints
    channels: PostgresChannels
    networks: tuple[str, ...] = ()

    policy = QueuePolicy(
        retries=RetryPolicy(backoff=0.05, backoff_factor=1.5), breaker=BreakerLimits(rest=0.4)
    )
    """Waits fractions of a second where the product waits seconds."""
    intervals = DispatcherIntervals(poll=0.2)
    outbox_class: type[PostgresOutbox] = PostgresOutbox

    def dispatcher(self, client: ProviderClient, kind: FakeKind | None = None) -> Dispatcher:
        sender = MessageSender(
            {"telegram": kind or FakeKind()}, self.channels, VAULT, client.send, public_url="https://t.example",
            urls=ProviderUrls({"telegram": self.provider.url}, self.networks), link=lambda url: f"https://t.example{url}", attachments=None,
        )  # fmt: skip
        shard = shard_of(self.channel, SHARDS)
        return Dispatcher(
            self.outbox_class(self.postgres.database), sender, self.hints, shard=shard, shards=SHARDS,
            intervals=self.intervals, policy=self.policy,
        )  # fmt: skip

    @asynccontextmanager
    async def running(self, deadline: float = 5, kind: FakeKind | None = None) -> AsyncIterator[Dispatcher]:
        guard = Guard()
        client = ProviderClient(guard, deadline)
        dispatcher = self.dispatcher(client, kind)
        await dispatcher.startup()
        work = asyncio.create_task(dispatcher.main_loop())
        try:
            yield dispatcher
        finally:
            await dispatcher.drain(5)
            work.cancel()
            await asyncio.wait([work])
            await guard.close()

    async def settled(self, *messages: str, status: str = "sent") -> None:
        async def all_there() -> bool:
            return {await self.status(m) for m in messages} == {status}

        await until(all_there, f"{len(messages)} messages to be {status}")

    async def change_channel(self, **changes: Any) -> None:
        await self.channels.update(self.account, self.channel, changes, Actor("agent", "dana"))


@pytest.fixture
async def provider() -> AsyncIterator[FakeProvider]:
    provider = FakeProvider()
    await provider.start()
    yield provider
    await provider.stop()


@pytest.fixture
async def rig(postgres: PostgresBackend, owner: asyncpg.Connection, provider: FakeProvider) -> Rig:
    rig = Rig(postgres, await thread(postgres), owner)
    rig.provider, rig.hints, rig.channels = provider, Hints(), PostgresChannels(postgres.database)
    sealed = VAULT.seal(rig.account, rig.channel, {"token": "secret"})
    await rig.channels.create(
        Channel(rig.channel, rig.account, "telegram", "Shop", {}, sealed, True, 0, 0), Actor("agent", "dana")
    )
    return rig


def answering(*statuses: int, **headers: str) -> Any:
    """Answers with these statuses in turn, then well."""

    async def behave(request: web.Request, number: int) -> web.StreamResponse | None:
        if number > len(statuses) or statuses[number - 1] == 200:
            return None
        return web.Response(status=statuses[number - 1], text="no", headers=headers)

    return behave


async def test_a_message_is_sent_once_and_readers_are_told(rig: Rig) -> None:
    message = await rig.reply(await rig.customer_writes("+55"), "hello")
    async with rig.running() as dispatcher:
        await rig.settled(message)
        figures = await dispatcher.statistics()
    (request,) = rig.provider.requests
    assert (request["to"], request["text"], request["headers"]["Authorization"]) == ("+55", "hello", "secret")
    assert request["headers"]["X-Status-Url"] == f"https://t.example/v1/webhooks/telegram/{rig.channel}"
    assert rig.hints.sent == [{"message_id": message, "delivery_status": "sent"}]
    assert figures == {"telegram": {"sent_total": 1, "open_circuits": 0}}


async def test_a_wake_is_faster_than_the_poll(rig: Rig) -> None:
    rig.intervals = DispatcherIntervals(poll=3600)
    conversation = await rig.customer_writes()
    async with rig.running() as dispatcher:
        for n in range(3):
            message = await rig.reply(conversation, str(n))
            dispatcher.wake([rig.channel])
            await rig.settled(message)
        dispatcher.wake(["00000000-0000-0000-0000-000000000000"])
        assert set(dispatcher.queues) == {rig.channel}, "another shard's channel is left alone"


async def test_the_order_within_a_conversation_is_kept(rig: Rig) -> None:
    async def behave(request: web.Request, number: int) -> web.StreamResponse | None:
        await asyncio.sleep(0.01 * (number % 3))
        return web.Response(status=500) if number % 5 == 0 else None

    rig.provider.behaviour = behave
    conversations = [await rig.customer_writes(f"+{n}") for n in range(8)]
    messages = {c: [await rig.reply(c, str(n)) for n in range(6)] for c in conversations}
    async with rig.running():
        await rig.settled(*(m for some in messages.values() for m in some))
    for conversation, expected in messages.items():
        heard = [h.message for h in rig.provider.heard if h.conversation == conversation]
        assert list(dict.fromkeys(heard)) == expected
        assert heard == sorted(heard, key=expected.index), "a later one never comes between the tries of one"
    assert 1 < rig.provider.most_at_once <= 8, "conversations do not wait for each other"


async def test_errors_then_success(rig: Rig) -> None:
    rig.provider.behaviour = answering(500, 503)
    message = await rig.reply(await rig.customer_writes())
    async with rig.running() as dispatcher:
        await rig.settled(message)
        assert (await dispatcher.statistics())["telegram"]["retries_total"] == 2
    found = await rig.deliveries.get(rig.account, message)
    assert found is not None and (found.attempts, found.error) == (3, None)
    assert [h["delivery_status"] for h in rig.hints.sent] == ["sent"]


async def test_a_refusal_is_final_and_the_next_one_goes_on(rig: Rig) -> None:
    rig.provider.behaviour = answering(400)
    conversation = await rig.customer_writes()
    first, second = await rig.reply(conversation, "1"), await rig.reply(conversation, "2")
    async with rig.running():
        await rig.settled(second)
        await rig.settled(first, status="failed")
        error = {"code": "http_400", "detail": "no"}
        assert rig.hints.sent[0] == {
            "message_id": first,
            "delivery_status": "failed",
            "delivery_error": error,
        }
        assert await rig.deliveries.retry(rig.account, first) is not None
        await rig.settled(first)
    assert [h.message for h in rig.provider.heard] == [first, second, first]


async def test_a_message_fails_after_its_last_try(rig: Rig) -> None:
    retries = RetryPolicy(backoff=0.01, backoff_factor=1, give_up_after=0)
    rig.policy = QueuePolicy(retries=retries, breaker=BreakerLimits(failures=100))
    rig.provider.behaviour = answering(*[500] * 20)
    message = await rig.reply(await rig.customer_writes())
    async with rig.running():
        await rig.settled(message, status="failed")
    assert len(rig.provider.heard) == retries.attempts
    found = await rig.deliveries.get(rig.account, message)
    assert found is not None and found.error == {"code": "http_500", "detail": "no"}


async def test_a_rate_limited_channel_pauses_as_a_whole(rig: Rig) -> None:
    rig.provider.behaviour = answering(429, **{"Retry-After": "1"})
    messages = [await rig.reply(await rig.customer_writes(f"+{n}")) for n in range(3)]
    rig.channels = PostgresChannels(rig.postgres.database)
    await rig.change_channel(config={"rate": 1})  # one token, so that the others meet the pause
    async with rig.running():
        await rig.provider.until(2)
        first, second = rig.provider.heard[:2]
        assert second.at - first.at >= 0.95
        await rig.settled(*messages)


async def test_the_pace_of_a_channel(rig: Rig) -> None:
    await rig.change_channel(config={"rate": 20})
    messages = [await rig.reply(await rig.customer_writes(f"+{n}")) for n in range(35)]
    began = time.monotonic()
    async with rig.running():
        await rig.settled(*messages)
    assert rig.provider.heard[-1].at - began >= (35 - 20) / 20
    assert rig.provider.most_at_once <= 16


async def test_parts_already_taken_are_not_sent_again(rig: Rig) -> None:
    rig.provider.behaviour = answering(200, 500, 200, 500)
    message = await rig.reply(await rig.customer_writes(), "one\ntwo\nthree")
    async with rig.running():
        await rig.settled(message)
    assert [h.text for h in rig.provider.heard] == ["one", "two", "two", "three", "three"]
    last = rig.provider.heard[-1]
    receipt = Receipt("delivered", (f"{message}:{last.part}:{len(rig.provider.heard)}",))
    assert await rig.receive(receipt) == [(message, "delivered")]


async def test_what_the_provider_refuses_for_one_part_goes_without_it(rig: Rig) -> None:
    rig.provider.behaviour = answering(410)
    message = await rig.reply(await rig.customer_writes(), "one\ntwo")
    async with rig.running():
        await rig.settled(message)
    assert [h.text for h in rig.provider.heard] == ["one", "one, elsewhere", "two"]


async def test_a_lost_response_is_retried_once_and_reported_as_unknown(rig: Rig) -> None:
    async def silent(request: web.Request, number: int) -> None:
        await asyncio.Event().wait()

    rig.provider.behaviour = silent
    message = await rig.reply(await rig.customer_writes())
    async with rig.running(deadline=0.3):
        await rig.provider.until(1)

        async def unknown() -> bool:
            found = await rig.deliveries.get(rig.account, message)
            return found is not None and found.error is not None and found.status == "queued"

        await until(unknown, "the unknown outcome to be told")
        found = await rig.deliveries.get(rig.account, message)
        assert found is not None and found.error is not None and found.error["code"] == "outcome_unknown"
        await rig.settled(message, status="failed")
    assert len(rig.provider.heard) == 2
    assert rig.hints.sent[0]["delivery_error"]["code"] == "outcome_unknown"


async def test_a_receipt_replaces_a_lost_response(rig: Rig) -> None:
    message = await rig.reply(await rig.customer_writes())

    async def told_and_silent(request: web.Request, number: int) -> None:
        assert await rig.receive(Receipt("delivered", ("only the provider knows it",), message)) == []
        await asyncio.Event().wait()

    rig.provider.behaviour = told_and_silent
    async with rig.running(deadline=0.3):
        await rig.settled(message, status="delivered")
    assert len(rig.provider.heard) == 1
    assert rig.hints.sent == [{"message_id": message, "delivery_status": "delivered"}]


async def test_a_connection_lost_in_the_answer(rig: Rig) -> None:
    async def cut(request: web.Request, number: int) -> None:
        if number == 1:
            assert request.transport is not None
            request.transport.close()

    rig.provider.behaviour = cut
    message = await rig.reply(await rig.customer_writes())
    async with rig.running():
        await rig.settled(message)
    (row,) = await rig.owner.fetch(
        "SELECT uncertain, lost_answers, error FROM outbox WHERE message_id = $1", message
    )
    assert tuple(row) == (1, 1, None) and len(rig.provider.heard) == 2


async def test_the_circuit_opens_and_closes(rig: Rig) -> None:
    await rig.provider.stop()
    port = free_port()
    rig.provider.url = f"http://127.0.0.1:{port}"
    messages = [await rig.reply(await rig.customer_writes(f"+{n}")) for n in range(30)]
    async with rig.running() as dispatcher:
        await until(lambda: dispatcher.queues.get(rig.channel), "a lane")
        queue = dispatcher.queues[rig.channel]
        await until(lambda: not queue.breaker.closed, "the circuit to open")
        assert (await dispatcher.statistics())["telegram"]["open_circuits"] == 1
        tries = "SELECT sum(attempts)::integer FROM outbox WHERE channel_id = $1"
        before = (await rig.owner.fetchval(tries, rig.channel)) or 0
        await until(lambda: queue.breaker.rests >= 3, "two probes")
        assert (await rig.owner.fetchval(tries, rig.channel)) - before <= 3, "it only probes"
        back = FakeProvider()
        await back.start(port)
        try:
            await rig.settled(*messages)
            assert queue.breaker.closed and len(back.heard) == 30
        finally:
            await back.stop()
            await rig.provider.start()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"is_active": False}, "channel_inactive"),
        ({"credentials": None}, "no_credentials"),
        ({"credentials": b"not sealed by us"}, "no_credentials"),
    ],
)
async def test_a_channel_that_cannot_send(rig: Rig, change: dict[str, Any], code: str) -> None:
    await rig.change_channel(**change)
    message = await rig.reply(await rig.customer_writes())
    async with rig.running():
        await rig.settled(message, status="failed")
    found = await rig.deliveries.get(rig.account, message)
    assert found is not None and found.error is not None and found.error["code"] == code
    assert rig.provider.heard == []


async def test_a_bug_in_a_channel_fails_only_its_message(rig: Rig) -> None:
    class Broken(FakeKind):
        def requests(self, message: Any, *others: Any) -> Any:
            if message.content == "poison":
                raise ZeroDivisionError("oops")
            return super().requests(message, *others)

    conversation = await rig.customer_writes()
    poison, good = await rig.reply(conversation, "poison"), await rig.reply(conversation, "good")
    async with rig.running(kind=Broken()):
        await rig.settled(good)
    found = await rig.deliveries.get(rig.account, poison)
    assert found is not None and found.error is not None
    assert (found.status, found.error["code"]) == ("failed", "unsendable")


async def test_the_url_of_the_channel_comes_first_and_redirects_are_not_followed(rig: Rig) -> None:
    async def redirect(request: web.Request, number: int) -> web.StreamResponse:
        return web.Response(status=307, headers={"Location": rig.provider.url + "/send"})

    rig.provider.behaviour = redirect
    rig.networks = ("127.0.0.0/8",)
    await rig.change_channel(config={"base_url": rig.provider.url + "/"})
    rig_url, rig.provider.url = rig.provider.url, "http://127.0.0.1:9"
    message = await rig.reply(
        await rig.customer_writes(), attachments=(Attachment("/v1/attachments/x", "a.png"),)
    )
    async with rig.running():
        rig.provider.url = rig_url
        await rig.settled(message, status="failed")
    assert len(rig.provider.heard) == 1


async def test_a_channels_base_url_leads_inside_only_where_it_may(rig: Rig) -> None:
    await rig.change_channel(config={"base_url": rig.provider.url})
    message = await rig.reply(await rig.customer_writes())
    async with rig.running():
        await rig.settled(message, status="failed")
    found = await rig.deliveries.get(rig.account, message)
    assert rig.provider.heard == [] and found is not None and found.error is not None
    assert found.error["code"] == "unreachable" and "127.0.0.1" not in found.error["detail"]


async def test_a_stop_finishes_what_is_under_way(rig: Rig) -> None:
    gate = asyncio.Event()

    async def slow(request: web.Request, number: int) -> None:
        await gate.wait()

    rig.provider.behaviour = slow
    messages = [await rig.reply(await rig.customer_writes(f"+{n}")) for n in range(40)]
    async with rig.running() as dispatcher:
        await rig.provider.until(16)
        draining = asyncio.create_task(dispatcher.drain(10))
        gate.set()
        await draining
        assert {await rig.status(h.message) for h in rig.provider.heard} == {"sent"}
        assert await rig.outbox.held(dispatcher.incarnation) == []
    assert len(rig.provider.heard) == 16
    async with rig.running():
        await rig.settled(*messages)
    assert len(rig.provider.heard) == 40


async def test_a_stale_dispatcher_ends_itself(rig: Rig) -> None:
    conversation = await rig.customer_writes()
    gate = asyncio.Event()

    async def slow(request: web.Request, number: int) -> None:
        if number == 1:
            await gate.wait()

    rig.provider.behaviour = slow
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(rig.running())
        message = await rig.reply(conversation)
        first.wake([rig.channel])
        await rig.provider.until(1)
        await stack.enter_async_context(rig.running())
        await rig.settled(message)
        second = await rig.reply(conversation, "2")
        first.wake([rig.channel])
        await asyncio.wait_for(first.stale.wait(), 10)
        gate.set()
        await rig.settled(second)
    assert [h.message for h in rig.provider.heard] == [message, message, second]
    assert [h["message_id"] for h in rig.hints.sent] == [message, second], (
        "the stale one's outcome does not count"
    )


async def test_a_claim_whose_answer_was_lost_is_found_again(rig: Rig) -> None:
    lost: list[list[ToSend]] = []

    class Deaf(PostgresOutbox):
        async def claim(self, *arguments: Any) -> list[ToSend]:
            answer = await super().claim(*arguments)
            if answer and not lost:
                lost.append(answer)
                raise TimeoutError
            return answer

    rig.outbox_class, rig.intervals = Deaf, DispatcherIntervals(poll=0.2, strays=0.3)
    message = await rig.reply(await rig.customer_writes())
    async with rig.running():
        await rig.settled(message)
    assert lost and len(rig.provider.heard) == 1


async def test_an_outcome_is_written_when_the_storage_is_back(rig: Rig) -> None:
    refused: list[float] = []

    class Away(PostgresOutbox):
        async def sent(self, *arguments: Any) -> Delivery | None:
            if len(refused) < 3:
                refused.append(time.monotonic())
                raise TimeoutError
            return await super().sent(*arguments)

    rig.outbox_class = Away
    message = await rig.reply(await rig.customer_writes())
    async with rig.running():
        await rig.settled(message)
    assert len(refused) == 3 and len(rig.provider.heard) == 1


KILLS = 8


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_a_dispatcher_is_killed_while_it_sends(rig: Rig, postgres_url: str) -> None:
    """Every message at least once; none again whose outcome was recorded; a conversation's in their order."""
    recorded: dict[str, float] = {}

    async def slowly(request: web.Request, number: int) -> None:
        heard = rig.provider.heard[-1]
        assert heard.message not in recorded, "its outcome was known"
        await asyncio.sleep(0.02)

    rig.provider.behaviour = slowly
    conversations = [await rig.customer_writes(f"+{n}") for n in range(12)]
    messages = {c: [await rig.reply(c, f"{n}\nand more") for n in range(20)] for c in conversations}
    everything = [m for some in messages.values() for m in some]
    command = [
        sys.executable, str(Path(__file__).with_name("dispatcher_process.py")), postgres_url, rig.provider.url,
        str(shard_of(rig.channel, SHARDS)), str(SHARDS),
    ]  # fmt: skip
    environment = {**os.environ, "VAULT_KEY": KEY, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    for kill in range(KILLS + 1):
        process = await asyncio.create_subprocess_exec(*command, env=environment)
        try:
            if kill == KILLS:
                await rig.settled(*everything)
            else:
                await rig.provider.until(len(rig.provider.heard) + 26 + 3 * (kill % 7))
        finally:
            process.kill()
            await process.wait()
        rows = await rig.owner.fetch(
            "SELECT message_id::text FROM outbox WHERE channel_id = $1 AND status = 'sent'", rig.channel
        )
        recorded |= dict.fromkeys((row[0] for row in rows), 0.0)
    counts = Counter((h.message, h.part) for h in rig.provider.heard)
    assert counts.keys() == {(m, part) for m in everything for part in (0, 1)}
    rows = await rig.owner.fetch(
        "SELECT message_id::text, uncertain FROM outbox WHERE channel_id = $1", rig.channel
    )
    uncertain = dict(rows)
    assert all(count <= 1 + uncertain[message] for (message, _), count in counts.items())
    assert sum(uncertain.values()) >= KILLS / 2, "they were killed while they sent"
    for conversation, expected in messages.items():
        heard = [
            (expected.index(h.message), h.part) for h in rig.provider.heard if h.conversation == conversation
        ]
        assert [m for m, _ in heard] == sorted(m for m, _ in heard)
        for message in expected:
            parts = [h.part for h in rig.provider.heard if h.message == message]
            assert parts == sorted(parts), "a part that was recorded is not sent again"
