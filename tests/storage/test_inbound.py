"""What arrives from providers, on Postgres: one contact however a customer is named, originals by provider id, payloads
set aside."""

from __future__ import annotations

import asyncio
import itertools

import asyncpg
import pytest
from backends import PostgresBackend
from samples import OPENING, SERVICE, Scribe, answered, said, to_conversation, to_thread, uid

from tertulia.core.channels.messages import Sender
from tertulia.core.conversation.commands import Edit, Receive, ThreadKey
from tertulia.core.conversation.entries import Actor, Message
from tertulia.core.errors import Invalid, NotFound
from tertulia.core.ports.inbound import MAX_FAILURES, MAX_PAYLOAD, Fault, NewInboundFailure
from tertulia.storage.postgres.accounts.contacts import PostgresContacts
from tertulia.storage.postgres.database import Database
from tertulia.storage.postgres.delivery.inbound import PostgresInbound
from tertulia.storage.postgres.delivery.senders import PostgresSenders

PHONE, USER, PARENT = "+628123456789", "ID.1349120865530274", "ID.ENT.11815799212886844830"
BOTH = Sender(PHONE, "Sari", (USER,))

Rows = list[tuple[str, str, str, str | None, str | None]]


async def rows(owner: asyncpg.Connection, account_id: str) -> Rows:
    """Identifier, contact, thread identifier, display name, contact's name."""
    return [
        tuple(row)
        for row in await owner.fetch(
            "SELECT i.identifier, i.contact_id::text, i.thread_identifier, i.display_name, k.name"
            " FROM contact_identifiers i JOIN contacts k ON k.id = i.contact_id WHERE i.account_id = $1 ORDER BY 1",
            account_id,
        )
    ]


async def contacts(owner: asyncpg.Connection, account_id: str) -> int:
    return await owner.fetchval("SELECT count(*) FROM contacts WHERE account_id = $1", account_id)


# --- senders

ORDERS = list(itertools.permutations([Sender(PHONE), Sender(USER), BOTH]))


@pytest.mark.parametrize("order", ORDERS, ids=lambda o: "-".join(str(len(s.aliases)) for s in o))
async def test_identifiers_seen_together_share_one_thread(
    database: Database, owner: asyncpg.Connection, account_id: str, order: tuple[Sender, ...]
) -> None:
    senders = PostgresSenders(database)
    for sender in order:
        await senders.resolve(account_id, "whatsapp", sender)
    for later in (senders, PostgresSenders(database)):  # one that remembers, one that has to ask
        threads = {
            await later.resolve(account_id, "whatsapp", s)
            for s in (BOTH, Sender(PHONE), Sender(USER), Sender(USER, aliases=(PARENT,)), Sender(PARENT))
        }
        assert len(threads) == 1 and threads <= {PHONE, USER}
    found = await rows(owner, account_id)
    assert [row[0] for row in found] == sorted([PHONE, USER, PARENT])
    assert len({row[1] for row in found}) == 1
    if order[0] is BOTH:
        assert await contacts(owner, account_id) == 1 and {row[4] for row in found} == {"Sari"}


async def test_the_thread_stays_with_the_first_identifier(database: Database, account_id: str) -> None:
    senders = PostgresSenders(database)
    assert await senders.resolve(account_id, "whatsapp", Sender(USER)) == USER
    assert await senders.resolve(account_id, "whatsapp", BOTH) == USER
    assert await senders.resolve(account_id, "whatsapp", Sender(PHONE)) == USER


async def test_concurrent_messages_create_one_contact(
    database: Database, owner: asyncpg.Connection, account_id: str
) -> None:
    """Over several gateways, under both names in any order, while a host makes a contact of its own."""
    gateways = [PostgresSenders(database) for _ in range(6)]
    ways = [BOTH, Sender(USER, "Sari", (PHONE,)), Sender(PHONE, "Sari", (USER,))]
    await asyncio.gather(
        *[g.resolve(account_id, "whatsapp", ways[n % 3]) for n, g in enumerate(gateways * 4)],
        *[
            g.resolve(account_id, "whatsapp", Sender(f"+62811{n}", aliases=(f"ID.{n}",)))
            for n in range(20)
            for g in gateways
        ],
    )
    threads = {
        await PostgresSenders(database).resolve(account_id, "whatsapp", s)
        for s in (Sender(PHONE), Sender(USER))
    }
    assert len(threads) == 1
    assert await contacts(owner, account_id) == 21 and len(await rows(owner, account_id)) == 42


async def test_a_name_that_changes_is_kept_and_others_are_left(
    database: Database, owner: asyncpg.Connection, account_id: str
) -> None:
    senders = PostgresSenders(database)
    for name in ("Sari", None, "Sari W."):
        await senders.resolve(account_id, "telegram", Sender("77", name, metadata={"username": "sari"}))
    await senders.resolve(account_id, "telegram", Sender("77", metadata={"language_code": "id"}))
    ((_, _, thread, shown, contact),) = await rows(owner, account_id)
    assert (thread, shown, contact) == (None, "Sari W.", "Sari")
    metadata = await owner.fetchval(
        "SELECT metadata::text FROM contact_identifiers WHERE account_id = $1", account_id
    )
    assert '"username": "sari"' in metadata and '"language_code": "id"' in metadata


async def test_a_known_sender_costs_no_query(database: Database, account_id: str) -> None:
    senders = PostgresSenders(database)
    await senders.resolve(account_id, "whatsapp", BOTH)
    for known in (BOTH, Sender(PHONE), Sender(USER, "Sari")):
        resolving = senders.resolve(account_id, "whatsapp", known)
        with pytest.raises(StopIteration) as answer:  # it never waits
            resolving.send(None)
        assert answer.value.value == PHONE


async def test_a_sender_that_cannot_be_stored_fails_alone(database: Database, account_id: str) -> None:
    senders = PostgresSenders(database)
    good, nul, nowhere = await asyncio.gather(
        senders.resolve(account_id, "sms", Sender("+491701234567")),
        senders.resolve(account_id, "sms", Sender("+491701234568", "a\0b")),
        senders.resolve(uid(), "sms", Sender("+491701234569")),
        return_exceptions=True,
    )
    assert good == "+491701234567" and isinstance(nul, Invalid) and isinstance(nowhere, NotFound)


async def test_deleting_an_identifier_separates_its_thread(
    database: Database, owner: asyncpg.Connection, account_id: str
) -> None:
    await PostgresSenders(database).resolve(account_id, "whatsapp", BOTH)
    phone = await owner.fetchval(
        "SELECT id::text FROM contact_identifiers WHERE account_id = $1 AND identifier = $2",
        account_id,
        PHONE,
    )
    assert await PostgresContacts(database).delete_identifier(account_id, phone)
    assert await PostgresSenders(database).resolve(account_id, "whatsapp", Sender(USER)) == USER


# --- originals


async def test_originals_by_provider_id_received_or_sent(
    postgres: PostgresBackend, owner: asyncpg.Connection
) -> None:
    scribe, inbound = Scribe(), PostgresInbound(postgres.database)
    account, channel = await postgres.add_account(), uid()
    key = ThreadKey(account, channel, "ana@example.com", "order")
    writes = [scribe.write(to_thread(Receive(OPENING, said("hi", external_id="m1@example.com")), key))]
    conversation = writes[0].after.id
    writes.append(scribe.write(to_conversation(answered("yes"), conversation, SERVICE, account)))
    first, second = writes[0].entries[-1].data, writes[1].entries[-1].data
    assert isinstance(first, Message) and isinstance(second, Message)
    edit = Edit("m1@example.com", first.id, 1, "hello", "hi", 5)
    writes.append(scribe.write(to_conversation(edit, conversation, SERVICE, account)))
    await postgres.journal.commit(writes, await postgres.epochs())
    await owner.execute(
        "INSERT INTO outbox_ids VALUES ($1, 'p1', $2, $3, 2, 0)", channel, account, conversation
    )
    found = await inbound.originals(account, channel, ["m1@example.com", "p1", "p1", "unknown"])
    assert set(found) == {"m1@example.com", "p1"}
    mine, sent = found["m1@example.com"], found["p1"]
    assert (mine.message_id, mine.seq, mine.content, mine.edited_at) == (first.id, 1, "hello", 5)
    assert (mine.contact_identifier, mine.topic, mine.conversation_id) == (
        "ana@example.com",
        "order",
        conversation,
    )
    assert (sent.message_id, sent.topic, sent.edited_at) == (second.id, "order", 0)
    assert await inbound.originals(await postgres.add_account(), channel, ["m1@example.com"]) == {}
    assert await inbound.originals(account, uid(), ["m1@example.com"]) == {}


# --- failures


@pytest.fixture
async def channel_id(owner: asyncpg.Connection, account_id: str) -> str:
    made = uid()
    await owner.execute(
        "INSERT INTO channels (id, account_id, type, name) VALUES ($1, $2, 'telegram', 'Bot')",
        made,
        account_id,
    )
    return made


def failure(account_id: str, channel_id: str, body: bytes, *reasons: str) -> NewInboundFailure:
    faults = tuple(Fault(r, '{"a": 1}') for r in reasons or ("no sense",))
    return NewInboundFailure(account_id, channel_id, faults, {"content-type": "application/json"}, body)


async def test_a_payload_is_set_aside_once_and_noted_when_replayed(
    database: Database, account_id: str, channel_id: str
) -> None:
    inbound = PostgresInbound(database)
    one = await inbound.set_aside(failure(account_id, channel_id, b"{\x00\xff"))
    assert await inbound.set_aside(failure(account_id, channel_id, b"{\x00\xff", "worse", "and worse")) == one
    other = await inbound.set_aside(failure(account_id, channel_id, b"x" * (MAX_PAYLOAD + 1)))
    page = await inbound.failures(account_id, None, None, 1)
    assert [f.id for f in page.items] == [other] and page.items[0].payload == b""
    rest = await inbound.failures(account_id, channel_id, page.next, 5)
    assert [f.id for f in rest.items] == [one] and rest.next is None
    found, long = await inbound.failure(account_id, one), await inbound.failure(account_id, other)
    assert found is not None and long is not None
    assert found.payload == b"{\x00\xff" and found.size == 3 and found.replayed_at is None
    assert [f.reason for f in found.faults] == ["worse", "and worse"]
    assert (long.size, len(long.payload)) == (MAX_PAYLOAD + 1, MAX_PAYLOAD)

    still = await inbound.replayed(account_id, one, [Fault("as before")])
    assert still is not None and still.replayed_at is None and still.faults == (Fault("as before"),)
    gone = await inbound.replayed(account_id, one, [])
    assert gone is not None and gone.replayed_at is not None and gone.faults == (Fault("as before"),)
    assert await inbound.replayed(account_id, uid(), []) is None


async def test_each_channels_newest_payloads_are_kept(
    database: Database, owner: asyncpg.Connection, account_id: str, channel_id: str
) -> None:
    inbound = PostgresInbound(database)
    other = uid()
    await owner.execute(
        "INSERT INTO channels (id, account_id, type, name) VALUES ($1, $2, 'sms', 'Phone')", other, account_id
    )
    kept = await inbound.set_aside(failure(account_id, other, b"other"))
    ids = [
        await inbound.set_aside(failure(account_id, channel_id, b"%d" % n)) for n in range(MAX_FAILURES + 3)
    ]
    assert await inbound.failure(account_id, ids[2]) is None and await inbound.failure(account_id, ids[3])
    assert await owner.fetchval(
        "SELECT count(*) FROM inbound_failures WHERE channel_id = $1", channel_id
    ) == (MAX_FAILURES)
    assert await inbound.failure(account_id, kept) is not None


async def test_other_accounts_payloads_are_invisible(
    database: Database, postgres: PostgresBackend, account_id: str, channel_id: str
) -> None:
    inbound = PostgresInbound(database)
    one = await inbound.set_aside(failure(account_id, channel_id, b"secret"))
    stranger = await postgres.add_account()
    assert await inbound.failure(stranger, one) is None
    assert (await inbound.failures(stranger, channel_id, None, 10)).items == []
    assert await inbound.replayed(stranger, one, []) is None


async def test_an_erasure_deletes_payloads_that_name_the_customer(
    database: Database, account_id: str, channel_id: str
) -> None:
    inbound, store = PostgresInbound(database), PostgresContacts(database)
    await PostgresSenders(database).resolve(account_id, "whatsapp", BOTH)
    theirs = [
        await inbound.set_aside(failure(account_id, channel_id, body))
        for body in (b'{"from": "628123456789"}', USER.encode())
    ]
    others = await inbound.set_aside(failure(account_id, channel_id, b'{"from": "628999"}'))
    (contact,) = (await store.page(account_id, None, None, 10)).items
    ids = await store.begin_erasure(account_id, contact.id)
    assert ids == [contact.id]
    assert [await inbound.failure(account_id, i) for i in theirs] == [None, None]
    assert await inbound.failure(account_id, others) is not None
    assert await store.finish_erasure(account_id, ids, Actor("agent", "ada")) == 0
