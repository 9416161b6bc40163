"""From feeds to deliveries: nothing lost, nothing twice, in order, whichever processes die or run concurrently."""

from __future__ import annotations

import asyncio
import uuid

import asyncpg
import msgspec
import pytest
from backends import PostgresBackend
from event_rig import EventRig
from samples import SERVICE, agent, to_conversation

from tertulia.core.conversation.commands import Assign, Handoff
from tertulia.core.webhooks.records import EventWebhook
from tertulia.storage.postgres.database import Database
from tertulia.storage.postgres.delivery import event_queue
from tertulia.storage.postgres.delivery.event_queue import EventQueueBounds, PostgresEventQueue

URL = "https://hooks.example.com/in"


async def texts(events: EventRig, webhook: EventWebhook) -> list[str]:
    """The messages queued for a webhook, in the order of the queue."""
    rows = await events.owner.fetch(
        "SELECT payload FROM event_deliveries WHERE webhook_id = $1 ORDER BY next_attempt_at, id", webhook.id
    )
    return [msgspec.json.decode(row[0])["data"]["data"]["content"] for row in rows]


async def test_events_from_now_on_in_the_order_of_the_feed(events: EventRig) -> None:
    await events.said("before")
    webhook = await events.webhook(URL)
    assert webhook.position == 2 and await events.queue.pump() == 0
    await events.said(*(f"m{n}" for n in range(500)))
    await events.pump()
    assert await texts(events, webhook) == [f"m{n}" for n in range(500)]
    assert [d.event_id for d in await events.log(webhook)] == [
        f"evt_{webhook.generation}_{p}_0" for p in range(3, 503)
    ]
    assert (await events.again(webhook)).position == 502


async def test_each_webhook_gets_the_types_it_named(events: EventRig) -> None:
    everything, named = await events.webhook(URL, ()), await events.webhook(URL, ("notification:assignment",))
    await events.said("help")
    conversation = events.scribe.threads[events.thread].live
    assert conversation is not None
    writes = [events.scribe.write(to_conversation(command, conversation, by, events.account_id))
              for by, command in ((SERVICE, Handoff("angry")), (agent(), Assign("ana")))]  # fmt: skip
    await events.backend.journal.commit(writes, await events.backend.epochs())
    await events.pump()
    assert [d.event_type for d in await events.log(everything)] == [
        "conversation:new",
        "conversation:message",
        "conversation:handoff",
        "agent:assigned",
        "conversation:status",
    ]
    (told,) = await events.log(named)
    found = await events.webhooks.delivery(events.account_id, named.id, told.id)
    assert found is not None and told.event_type == "notification:assignment"
    body = msgspec.json.decode(found[1])
    assert body["data"]["topic"] == "user:ana" and body["data"]["id"].endswith(".1")
    assert told.event_id == "evt_" + body["data"]["id"].replace(".", "_")


async def test_concurrent_pumps_queue_each_event_once(events: EventRig, postgres_url: str) -> None:
    small = EventQueueBounds(page=7)  # many small steps, to meet in
    webhooks = [await events.webhook(URL) for _ in range(3)]
    done = asyncio.Event()

    async def pump(queue: PostgresEventQueue) -> None:
        while not done.is_set():
            await queue.pump()

    other = await Database.connect(postgres_url, system=2, app=1)
    try:
        queues = [
            events.queue,
            PostgresEventQueue(events.database, small),
            PostgresEventQueue(other, small),
            PostgresEventQueue(other, small),
        ]
        pumps = [asyncio.ensure_future(pump(queue)) for queue in queues]
        for n in range(30):
            await events.said(*(f"{n}.{m}" for m in range(10)))
        await events.pump()
        done.set()
        await asyncio.gather(*pumps)
        await events.pump()
    finally:
        await other.close()
    for webhook in webhooks:
        assert await texts(events, webhook) == [f"{n}.{m}" for n in range(30) for m in range(10)]


async def test_a_pump_that_dies_between_its_writes_leaves_nothing(events: EventRig) -> None:
    """Deliveries and the position are one transaction: a failure of the second write takes the first along."""
    webhook = await events.webhook(URL)
    await events.said("one", "two")
    await events.owner.execute(
        "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'dead'; END $$;"
        "CREATE TRIGGER die BEFORE UPDATE OF position ON event_webhooks FOR EACH ROW EXECUTE FUNCTION die()"
    )
    try:
        with pytest.raises(asyncpg.RaiseError):
            await events.queue.pump()
    finally:
        await events.owner.execute("DROP FUNCTION die CASCADE")
    assert await texts(events, webhook) == [] and (await events.again(webhook)).position == 0
    await events.pump()
    await events.pump()
    assert await texts(events, webhook) == ["one", "two"]


async def test_pending_deliveries_are_bounded_and_the_feed_keeps_the_rest(events: EventRig) -> None:
    events.queue = PostgresEventQueue(events.database, EventQueueBounds(page=10, unsettled=20))
    webhook = await events.webhook(URL)
    await events.said(*(f"m{n}" for n in range(60)))
    await events.pump()
    held = await texts(events, webhook)
    assert 20 <= len(held) < 31 and held == [f"m{n}" for n in range(len(held))]
    await events.owner.execute(
        "UPDATE event_deliveries SET status = 'delivered' WHERE webhook_id = $1", webhook.id
    )
    await events.pump()
    assert 20 <= sum(d.status == "pending" for d in await events.log(webhook)) < 31


async def test_an_entry_of_a_newer_version_stops_only_its_account(
    events: EventRig, postgres: PostgresBackend
) -> None:
    webhook = await events.webhook(URL)
    await events.said("one")
    data = await events.owner.fetchval(
        "SELECT data FROM entries WHERE account_id = $1 AND kind = 'message'", events.account_id
    )
    await events.owner.execute(
        "UPDATE entries SET data = $2 WHERE account_id = $1 AND kind = 'message'",
        events.account_id, '{"kind": "from the future"}',
    )  # fmt: skip
    other = EventRig(postgres, events.owner, await postgres.add_account())
    theirs = await other.webhook(URL)
    await other.said("theirs")
    for _ in range(3):
        await events.queue.pump()
    assert await texts(other, theirs) == ["theirs"] and await texts(events, webhook) == []
    await events.owner.execute(
        "UPDATE entries SET data = $2 WHERE account_id = $1 AND kind = 'message'", events.account_id, data
    )
    await events.pump()
    assert await texts(events, webhook) == ["one"]


async def test_entries_that_are_no_longer_kept_are_skipped(events: EventRig) -> None:
    webhook = await events.webhook(URL)
    await events.said("gone", "gone too")
    await events.owner.execute("DELETE FROM entries WHERE account_id = $1", events.account_id)
    await events.pump()
    assert (await events.again(webhook)).position == 3 and await texts(events, webhook) == []


async def test_a_disabled_webhook_gets_nothing_and_a_reenabled_one_new_events(events: EventRig) -> None:
    webhook = await events.webhook(URL)
    await events.webhooks.update(events.account_id, webhook.id, {"is_active": False}, event_queue._SERVER)
    await events.said("off")
    await events.pump()
    again = await events.webhooks.update(
        events.account_id, webhook.id, {"is_active": True}, event_queue._SERVER
    )
    assert again is not None and again.position == 2
    await events.said("on")
    await events.pump()
    assert await texts(events, webhook) == ["on"]


async def test_the_log_is_bounded(events: EventRig, monkeypatch: pytest.MonkeyPatch) -> None:
    webhook = await events.webhook(URL)
    await events.said(*(f"m{n}" for n in range(40)))
    await events.pump()
    ids = [d.id for d in await events.log(webhook)]
    await events.owner.executemany(
        "UPDATE event_deliveries SET status = $2, created_at = now() - $3::float8 * interval '1 day' WHERE id = $1",
        [
            (ids[n], "pending" if n == 0 else "delivered", 31.5 - n if n < 5 else 1 - n / 100)
            for n in range(40)
        ],
    )
    assert await events.queue.trim() == 1  # m1, of 30.5 days; m0 is older
    assert await events.queue.trim() == 0
    await PostgresEventQueue(events.database, EventQueueBounds(kept=10)).trim()
    # the first is older than all of them, and still to be sent
    assert await texts(events, webhook) == ["m0", *(f"m{n}" for n in range(30, 40))]


async def test_an_erasure_reaches_what_is_queued_and_logged(
    events: EventRig, postgres: PostgresBackend
) -> None:
    """As `finish_erasure` does it, after the conversation was erased by its command."""
    from tertulia.core.conversation.commands import By, Erase
    from tertulia.storage.postgres.accounts.contacts import PostgresContacts

    webhook = await events.webhook(URL, ())
    # a contact that the store knows, as a host would have made it
    contacts = PostgresContacts(events.database)
    contact = await contacts.create(events.account_id, str(uuid.uuid4()), "Ada Lovelace", {}, ())
    events.scribe.contacts[events.thread] = contact.id
    await events.said("my secret words")
    await events.pump()
    conversation = events.scribe.threads[events.thread].live
    assert conversation is not None
    await events.owner.execute(
        "UPDATE event_deliveries SET response_excerpt = 'my secret words' WHERE webhook_id = $1", webhook.id
    )
    erase = to_conversation(Erase(), conversation, By("agent", "dana", "admin"), events.account_id)
    await postgres.journal.commit([events.scribe.write(erase)], await postgres.epochs())
    assert await contacts.begin_erasure(events.account_id, contact.id) == [contact.id]
    await contacts.finish_erasure(events.account_id, [contact.id], event_queue._SERVER)
    await events.pump()
    rows = await events.owner.fetch(
        "SELECT payload, response_excerpt FROM event_deliveries WHERE webhook_id = $1 ORDER BY id", webhook.id
    )
    kept = b"".join(row[0] for row in rows)
    assert b"secret" not in kept and b"+1" not in kept and all(row[1] is None for row in rows)
    types = [d.event_type for d in await events.log(webhook)]
    assert types[:2] == ["conversation:new", "conversation:message"] and len(types) > 2  # and it is told
