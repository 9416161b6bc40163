"""Deliveries as a receiver sees them: signed, once, retried after failures, and never to a forbidden address."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from event_rig import BY, LONG, VAULT, EventRig
from receivers import Got, Receiver, after, with_status
from samples import uid
from standardwebhooks.webhooks import WebhookVerificationError
from waiting import until

from tertulia.actors.webhooks.event_delivery import WebhookCaller
from tertulia.channels.outgoing.event_posts import GuardedPoster
from tertulia.channels.outgoing.guard import Guard
from tertulia.core.errors import Conflict, Overloaded
from tertulia.core.webhooks.delivery import RETRIES, Attempt, new_secret
from tertulia.core.webhooks.records import EventWebhook
from tertulia.storage.postgres.delivery import event_queue
from tertulia.storage.postgres.delivery.event_queue import PostgresEventQueue
from tertulia.storage.postgres.delivery.event_webhooks import MAX_WEBHOOKS


async def test_an_event_is_delivered_signed_and_logged(events: EventRig, receiver: Receiver) -> None:
    receiver.answering = with_status(200, "thanks")
    webhook = await events.webhook(receiver.url)
    events.start()
    await events.said("hello 👋")
    (delivery,) = await events.settled(webhook, "delivered")
    (got,) = receiver.got
    body = got.verified(events.secrets[webhook.id])
    assert set(body) == {"type", "timestamp", "data"} and body["type"] == "conversation:message"
    assert body["data"]["data"]["content"] == "hello 👋" and body["data"]["seq"] == 1
    assert body["data"]["topic"] == f"account:{events.account_id}" and body["timestamp"] == body["data"]["at"]
    assert got.id == delivery.event_id and got.headers["content-type"] == "application/json"
    assert got.headers["user-agent"].startswith("Tertulia") and "cookie" not in got.headers
    assert (delivery.attempts, delivery.response_status, delivery.response_excerpt) == (1, 200, "thanks")
    assert delivery.delivered_at is not None and delivery.next_attempt_at is None and delivery.error is None
    with pytest.raises(WebhookVerificationError):
        got.verified(new_secret(b"x" * 32))
    with pytest.raises(WebhookVerificationError):
        Got(got.headers, got.body.replace(b"hello", b"jello")).verified(events.secrets[webhook.id])


async def test_a_healthy_receiver_gets_everything_once_and_in_order(
    events: EventRig, receiver: Receiver
) -> None:
    webhook = await events.webhook(receiver.url)
    await events.said(*(f"m{n}" for n in range(100)))
    events.start()
    await events.settled(webhook, "delivered", 100)
    assert sorted(receiver.contents()) == sorted(f"m{n}" for n in range(100))
    # requests of one moment may overtake each other on the way, those of another may not
    assert all(
        abs(int(text[1:]) - n) < event_queue.MAX_UNDER_WAY for n, text in enumerate(receiver.contents())
    )
    assert len({g.id for g in receiver.got}) == 100


async def test_failures_are_retried_under_the_same_id(events: EventRig, receiver: Receiver) -> None:
    receiver.answering = with_status(500, "no\0")
    webhook = await events.webhook(receiver.url)
    events.start()
    await events.said("hello")
    first = await events.tried(webhook, 1)
    assert first.status == "pending" and first.response_status == 500 and first.response_excerpt == "no\ufffd"
    assert first.next_attempt_at is not None
    wait = first.next_attempt_at - first.created_at
    assert 5_000 <= wait <= 20_000
    assert (await events.again(webhook)).failing_since is not None
    receiver.answering = with_status(302, Location="http://169.254.169.254/latest/")
    await events.hasten()
    second = await events.tried(webhook, 2)
    assert second.response_status == 302 and second.next_attempt_at is not None
    assert 300_000 <= second.next_attempt_at - second.created_at <= 390_000
    receiver.answering = with_status(204)
    await events.hasten()
    (delivery,) = await events.settled(webhook, "delivered")
    assert delivery.attempts == 3 and len(receiver.got) == 3 and len({g.id for g in receiver.got}) == 1
    assert len({g.body for g in receiver.got}) == 1
    for got in receiver.got:
        got.verified(events.secrets[webhook.id])
    assert (await events.again(webhook)).failing_since is None


async def test_a_receiver_that_asks_for_time_gets_it(events: EventRig, receiver: Receiver) -> None:
    receiver.answering = with_status(429, Retry_After="4000")
    webhook = await events.webhook(receiver.url)
    events.start()
    await events.said("hello")
    delivery = await events.tried(webhook, 1)
    assert delivery.next_attempt_at is not None
    assert 3_990_000 <= delivery.next_attempt_at - delivery.created_at <= 4_020_000


async def test_after_its_last_attempt_a_delivery_has_failed_and_can_be_replayed(
    events: EventRig, receiver: Receiver
) -> None:
    receiver.answering = with_status(503)
    webhook = await events.webhook(receiver.url)
    events.start()
    await events.said("hello")
    for n in range(len(RETRIES)):
        assert (await events.tried(webhook, n + 1)).status == "pending"
        await events.hasten()
    (delivery,) = await events.settled(webhook, "failed")
    assert delivery.attempts == len(RETRIES) + 1 == len(receiver.got) and delivery.next_attempt_at is None
    assert (await events.again(webhook)).is_active
    receiver.answering = with_status(200)
    queued = await events.webhooks.replay(events.account_id, webhook.id, delivery.id)
    assert queued is not None and (queued.status, queued.attempts) == ("pending", 0)
    (delivery,) = await events.settled(webhook, "delivered")
    assert delivery.attempts == 1 and len({g.id for g in receiver.got}) == 1
    # what was delivered can be sent again as well
    await events.webhooks.replay(events.account_id, webhook.id, delivery.id)
    await receiver.count(len(RETRIES) + 3)


async def test_all_that_failed_since_a_time_is_replayed(events: EventRig, receiver: Receiver) -> None:
    webhook = await events.webhook(receiver.url)
    await events.said("a", "b", "c")
    await events.pump()
    await events.owner.execute(
        "UPDATE event_deliveries SET status = 'failed', next_attempt_at = NULL WHERE webhook_id = $1",
        webhook.id,
    )
    oldest = (await events.log(webhook))[0]
    await events.owner.execute(
        "UPDATE event_deliveries SET created_at = now() - interval '1 hour' WHERE id = $1", oldest.id
    )
    assert (
        await events.webhooks.replay_failed(events.account_id, webhook.id, oldest.created_at - 600_000) == 2
    )
    events.start()
    await events.settled(webhook, "delivered", 2)
    assert sorted(receiver.contents()) == ["b", "c"]
    assert [d.status for d in await events.log(webhook)].count("failed") == 1


async def test_410_disables_the_webhook_at_once(events: EventRig, receiver: Receiver) -> None:
    receiver.answering = with_status(410)
    webhook = await events.webhook(receiver.url)
    await events.said(*(f"m{n}" for n in range(30)))
    events.start()
    found = await until_disabled(events, webhook)
    assert found.disabled_reason == "gone" and not found.is_active and found.disabled_at is not None
    assert await events.audited("event_webhook.disabled") == [{"url": receiver.url, "reason": "gone"}]
    await events.settled(webhook, "failed", 30)
    assert len(receiver.got) <= 2 * event_queue.MAX_UNDER_WAY
    await events.said("later")
    receiver.answering = with_status(200)
    again = await events.webhooks.update(events.account_id, webhook.id, {"is_active": True}, BY)
    assert (
        again is not None and (again.disabled_at, again.disabled_reason, again.failing_since) == (None,) * 3
    )
    await events.said("now")
    await events.settled(webhook, "delivered")
    assert receiver.contents()[-1] == "now" and "later" not in receiver.contents()


async def test_days_of_failures_disable_the_webhook(events: EventRig, receiver: Receiver) -> None:
    receiver.answering = with_status(500)
    webhook = await events.webhook(receiver.url)
    events.start()
    await events.said("hello")
    await events.tried(webhook, 1)
    await failing_for(events, webhook, "4 days 23 hours")
    await events.hasten()
    await events.tried(webhook, 2)
    assert (await events.again(webhook)).is_active
    await failing_for(events, webhook, "5 days 1 hour")
    await events.hasten()
    found = await until_disabled(events, webhook)
    assert found.disabled_reason == "failing"
    assert await events.audited("event_webhook.disabled") == [{"url": receiver.url, "reason": "failing"}]
    assert [d.status for d in await events.log(webhook)] == ["failed"]


async def test_one_success_among_failures_keeps_it_enabled(events: EventRig, receiver: Receiver) -> None:
    webhook = await events.webhook(receiver.url)
    receiver.answering = with_status(500)
    events.start()
    await events.said("one")
    await events.tried(webhook, 1)
    await failing_for(events, webhook, "30 days")
    receiver.answering = with_status(200)
    await events.said("two")
    # back after an outage: what waited comes at once, too
    await events.settled(webhook, "delivered", 2)
    found = await events.again(webhook)
    assert found.is_active and found.failing_since is None


async def failing_for(events: EventRig, webhook: EventWebhook, time: str) -> None:
    await events.owner.execute(
        f"UPDATE event_webhooks SET failing_since = now() - interval '{time}' WHERE id = $1", webhook.id
    )


async def until_disabled(events: EventRig, webhook: EventWebhook) -> EventWebhook:
    async def look() -> EventWebhook | None:
        found = await events.again(webhook)
        return found if found.disabled_at is not None else None

    return await until(look, "the webhook to be switched off", 20)


async def test_a_rotated_secret_and_the_old_one_both_sign_for_a_day(
    events: EventRig, receiver: Receiver
) -> None:
    webhook = await events.webhook(receiver.url)
    old, new = events.secrets[webhook.id], new_secret(b"n" * 32)
    sealed = VAULT.seal_secrets(events.account_id, webhook.id, [new, old])
    until_ms = webhook.created_at + 86_400_000
    rotated = await events.webhooks.rotate(
        events.account_id, webhook.id, webhook.secret, sealed, until_ms, BY
    )
    assert rotated is not None and rotated.previous_until == until_ms
    with pytest.raises(Conflict):
        await events.webhooks.rotate(events.account_id, webhook.id, webhook.secret, b"x", until_ms, BY)
    events.start()
    await events.said("during")
    await events.settled(webhook, "delivered")
    (got,) = receiver.got
    assert got.verified(new) == got.verified(old) and len(got.headers["webhook-signature"].split(" ")) == 2
    await events.owner.execute("UPDATE event_webhooks SET previous_until = now() WHERE id = $1", webhook.id)
    await events.said("after")
    await events.settled(webhook, "delivered", 2)
    got = receiver.got[-1]
    got.verified(new)
    with pytest.raises(WebhookVerificationError):
        got.verified(old)


async def test_another_sender_takes_over_from_one_that_died(events: EventRig, receiver: Receiver) -> None:
    gate = asyncio.Event()
    receiver.answering = after(gate)
    webhook = await events.webhook(receiver.url)
    events.start()
    await events.said("hello")
    await receiver.count(1)
    await events.stop()
    gate.set()
    (delivery,) = await events.log(webhook)
    assert (delivery.status, delivery.attempts) == ("delivering", 1)
    events.start()
    await events.said("next")
    await events.settled(webhook, "delivered")
    assert receiver.contents() == ["hello", "next"]  # the claim of the dead one still holds
    await events.owner.execute(
        "UPDATE event_deliveries SET claimed_until = now() WHERE status = 'delivering'"
    )
    first, _ = await events.settled(webhook, "delivered", 2)
    assert first.attempts == 2 and receiver.got[0].id == receiver.got[2].id


async def test_an_outcome_that_comes_too_late_changes_nothing(events: EventRig, receiver: Receiver) -> None:
    webhook = await events.webhook(receiver.url)
    await events.said("hello")
    await events.pump()
    (slow,) = await events.queue.claim(10)
    await events.owner.execute(
        "UPDATE event_deliveries SET claimed_until = now() WHERE status = 'delivering'"
    )
    events.start()
    await events.settled(webhook, "delivered")
    late = await events.caller(private=False).call(slow.webhook, slow.event_id, slow.payload)
    assert await events.queue.finish(slow, late, "gone", None, 0) is None
    (delivery,) = await events.log(webhook)
    assert (delivery.status, delivery.attempts) == ("delivered", 2) and (
        await events.again(webhook)
    ).is_active


async def test_concurrent_senders_send_each_event_once_and_eight_at_a_time(
    events: EventRig, receiver: Receiver
) -> None:
    webhook = await events.webhook(receiver.url)
    await events.said(*(f"m{n}" for n in range(60)))
    await events.pump()
    gate = asyncio.Event()
    receiver.answering = after(gate)
    for _ in range(3):
        events.start_sender(events.caller(), PostgresEventQueue(events.database))
    await receiver.count(event_queue.MAX_UNDER_WAY)
    for _ in range(20):  # nobody takes a ninth, however often they look
        assert await events.queue.claim(64) == []
    gate.set()
    await events.settled(webhook, "delivered", 60)
    assert receiver.most == event_queue.MAX_UNDER_WAY and len(receiver.got) == 60


async def test_a_failing_webhook_gets_one_attempt_and_delays_no_other(
    events: EventRig, receiver: Receiver
) -> None:
    bad, good = await events.webhook(receiver.url + "/bad"), await events.webhook(receiver.url)
    await events.owner.execute("UPDATE event_webhooks SET failing_since = now() WHERE id = $1", bad.id)
    await events.said(*(f"m{n}" for n in range(30)))
    await events.pump()
    claimed = await events.queue.claim(64)
    assert [c.webhook.id for c in claimed].count(bad.id) == 1
    assert [c.webhook.id for c in claimed].count(good.id) == event_queue.MAX_UNDER_WAY


async def test_a_receiver_that_does_not_answer_has_ten_seconds(events: EventRig, receiver: Receiver) -> None:
    gate = asyncio.Event()
    receiver.answering = after(gate)
    webhook = await events.webhook(receiver.url)
    events.start(deadline=0.3)
    await events.said("hello")
    delivery = await events.tried(webhook, 1)
    assert delivery.error == "no answer within 0.3 s" and delivery.response_status is None
    assert delivery.duration_ms is not None and delivery.duration_ms >= 290
    gate.set()


async def test_an_endless_answer_is_read_no_further_than_its_excerpt(
    events: EventRig, receiver: Receiver
) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"a" * 65_536)

    receiver.answering = endless
    webhook = await events.webhook(receiver.url)
    events.start()
    await events.said("hello")
    (delivery,) = await events.settled(webhook, "delivered")
    assert delivery.response_excerpt == "a" * 1000


async def test_calls_beyond_a_number_are_refused(events: EventRig, receiver: Receiver) -> None:
    gate = asyncio.Event()
    receiver.answering = after(gate)
    webhook, guard = await events.webhook(receiver.url), Guard()
    caller = WebhookCaller(GuardedPoster(guard, private=True), VAULT, most=2)
    calls = [asyncio.ensure_future(caller.call(webhook, "evt_1", b"{}")) for _ in range(2)]
    await receiver.count(2)
    with pytest.raises(Overloaded):
        await caller.call(webhook, "evt_1", b"{}")
    gate.set()
    assert [a.status for a in await asyncio.gather(*calls)] == [204, 204]
    assert (await caller.call(webhook, "evt_1", b"{}")).status == 204
    await guard.close()


async def test_a_refused_connection_is_a_failure(events: EventRig) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: refused
        webhook = await events.webhook(f"http://127.0.0.1:{taken.getsockname()[1]}/")
        events.start()
        await events.said("hello")
        delivery = await events.tried(webhook, 1)
    assert delivery.error == "the connection failed (ClientConnectorError)"


class Names(AbstractResolver):
    """Every name stands for one address."""

    def __init__(self, address: str) -> None:
        self.address = address

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[ResolveResult]:
        kind = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        return [ResolveResult(hostname=host, host=self.address, port=port, family=kind, proto=0, flags=0)]

    async def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://{host}/in", "127.0.0.1"),
        ("https://hooks.example.com/in", "127.0.0.1"),
        ("https://hooks.example.com/in", "169.254.169.254"),
        ("https://hooks.example.com/in", "::ffff:10.0.0.1"),
        ("https://127.1/in", "127.0.0.1"),
        ("https://2130706433/in", "127.0.0.1"),
        ("http://{host}/in", "127.0.0.1"),
    ],
)
async def test_private_addresses_are_refused_at_sending(
    events: EventRig, receiver: Receiver, url: str, address: str
) -> None:
    """Whatever the webhook's URL was when it was made: a name may stand for another address now."""
    host = receiver.url.split("/")[2]
    webhook = await events.webhook(url.format(host=host))
    await events.said("hello")
    await events.pump()
    events.start_sender(events.caller(private=False, guard=Guard(resolver=Names(address))))
    delivery = await events.tried(webhook, 1)
    assert delivery.error is not None and delivery.error.startswith("refused: ")
    assert delivery.status == "pending" and receiver.got == []


async def test_a_secret_of_another_webhook_signs_nothing(events: EventRig, receiver: Receiver) -> None:
    webhook, other = await events.webhook(receiver.url), await events.webhook(receiver.url)
    await events.owner.execute(
        "UPDATE event_webhooks SET secret = $2 WHERE id = $1", webhook.id, other.secret
    )
    await events.webhooks.delete(events.account_id, other.id, BY)
    events.start()
    await events.said("hello")
    delivery = await events.tried(webhook, 1)
    assert delivery.error == "the secrets belong to another object" and receiver.got == []


async def test_other_accounts_webhooks_are_invisible(events: EventRig, receiver: Receiver) -> None:
    theirs = await events.backend.add_account()
    webhook = await events.webhook(receiver.url)
    await events.said("hello")
    await events.pump()
    (delivery,) = await events.log(webhook)
    store = events.webhooks
    assert await store.get(theirs, webhook.id) is None
    assert (await store.page(theirs, None, 10)).items == []
    assert await store.update(theirs, webhook.id, {"url": "https://evil.example"}, BY) is None
    assert await store.rotate(theirs, webhook.id, webhook.secret, b"x", 0, BY) is None
    assert not await store.delete(theirs, webhook.id, BY)
    assert (await store.deliveries(theirs, webhook.id, None, None, 10)).items == []
    assert await store.delivery(theirs, webhook.id, delivery.id) is None
    assert await store.replay(theirs, webhook.id, delivery.id) is None
    assert await store.replay_failed(theirs, webhook.id, 0) == 0
    assert await events.again(webhook) == await store.get(events.account_id, webhook.id)


async def test_the_number_of_an_accounts_webhooks_is_bounded(events: EventRig) -> None:
    made = await asyncio.gather(
        *(events.webhook(f"https://hooks.example.com/{n}") for n in range(MAX_WEBHOOKS + 5)),
        return_exceptions=True,
    )
    assert sum(isinstance(m, Conflict) for m in made) == 5
    page = await events.webhooks.page(events.account_id, None, 100)
    assert len(page.items) == MAX_WEBHOOKS
    await events.webhook("https://hooks.example.com/", account=await events.backend.add_account())
    assert await events.webhooks.get(events.account_id, uid()) is None


async def test_claims_at_one_moment_stay_within_eight(events: EventRig) -> None:
    webhook = await events.webhook("https://hooks.example.com/in")
    await events.said(*(f"m{n}" for n in range(60)))
    await events.pump()
    for _ in range(10):
        claims = await asyncio.gather(*(events.queue.claim(64) for _ in range(6)))
        claimed = [one for some in claims for one in some]
        assert len(claimed) == len({one.id for one in claimed}) == event_queue.MAX_UNDER_WAY
        await events.owner.execute(
            "UPDATE event_deliveries SET status = 'pending', next_attempt_at = now() WHERE webhook_id = $1",
            webhook.id,
        )


async def test_a_webhook_is_deleted_while_attempts_finish(events: EventRig) -> None:
    """Whoever deletes it goes from the webhook to its deliveries; so must those who write what came of them."""
    refused = Attempt(500)
    for _ in range(12):
        webhook = await events.webhook("https://hooks.example.com/in")
        await events.said(*(f"m{n}" for n in range(event_queue.MAX_UNDER_WAY)))
        await events.pump()
        claimed = await events.queue.claim(64)
        assert len(claimed) == event_queue.MAX_UNDER_WAY
        finishing = [events.queue.finish(one, refused, "failed", 5.0, LONG) for one in claimed]
        gone = events.webhooks.delete(events.account_id, webhook.id, BY)
        outcomes = await asyncio.gather(*finishing[:4], gone, *finishing[4:], return_exceptions=True)
        assert [o for o in outcomes if isinstance(o, BaseException)] == []
        assert await events.log(webhook) == []
