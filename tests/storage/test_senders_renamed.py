"""Customers whose number changed or is spelled in two ways, and names that come later, on Postgres."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from backends import PostgresBackend, thread
from outbox_rig import OutboxRig
from samples import uid

from tertulia.core.channels.messages import Sender
from tertulia.storage.postgres.accounts.contacts import PostgresContacts
from tertulia.storage.postgres.database import Database
from tertulia.storage.postgres.delivery.senders import PostgresSenders

LONG, SHORT = "+5511987808080", "+551187808080"
OLD, NEW, NEWER = "+447780808000", "+447701808080", "+447702808080"


async def names(owner: asyncpg.Connection, account_id: str) -> list[tuple[str, str | None, str | None]]:
    """Identifier, where its thread's messages go, and the contact's name."""
    rows = await owner.fetch(
        "SELECT i.identifier, i.sends_to, k.name FROM contact_identifiers i JOIN contacts k ON k.id = i.contact_id"
        " WHERE i.account_id = $1 ORDER BY i.identifier",
        account_id,
    )
    return [tuple(row) for row in rows]


@pytest.mark.parametrize(("first", "second"), [(LONG, SHORT), (SHORT, LONG)])
@pytest.mark.parametrize("kind", ["whatsapp", "sms"])
async def test_another_spelling_is_the_same_customer(
    database: Database, owner: asyncpg.Connection, account_id: str, first: str, second: str, kind: str
) -> None:
    senders = PostgresSenders(database)
    for number in (first, second, first):
        assert await senders.resolve(account_id, kind, Sender(number, "Joana")) == first  # type: ignore[arg-type]
    assert await names(owner, account_id) == [(n, None, "Joana") for n in sorted((LONG, SHORT))]
    assert await owner.fetchval("SELECT count(*) FROM contacts WHERE account_id = $1", account_id) == 1


async def test_spellings_at_once_make_one_contact(
    database: Database, owner: asyncpg.Connection, account_id: str
) -> None:
    several = [PostgresSenders(database) for _ in range(8)]
    found = await asyncio.gather(
        *(s.resolve(account_id, "whatsapp", Sender((LONG, SHORT)[n % 2])) for n, s in enumerate(several))
    )
    assert len(set(found)) == 1
    assert await owner.fetchval("SELECT count(*) FROM contacts WHERE account_id = $1", account_id) == 1


async def test_spellings_that_agents_keep_apart_stay_apart(database: Database, account_id: str) -> None:
    senders, contacts = PostgresSenders(database), PostgresContacts(database)
    assert await senders.resolve(account_id, "whatsapp", Sender(LONG)) == LONG
    other = await contacts.create(account_id, uid(), "Another", {}, [])
    async with database.account(account_id) as connection:
        await connection.execute(
            "INSERT INTO contact_identifiers (id, account_id, contact_id, channel_type, identifier)"
            " VALUES ($1, $2, $3, 'whatsapp', $4)", uid(), account_id, other.id, SHORT,
        )  # fmt: skip
    assert await PostgresSenders(database).resolve(account_id, "whatsapp", Sender(SHORT)) == SHORT


async def test_a_changed_number_keeps_the_thread_and_says_where_to_send(
    database: Database, owner: asyncpg.Connection, account_id: str
) -> None:
    senders = PostgresSenders(database)
    await senders.resolve(account_id, "whatsapp", Sender(OLD, "Tia"))
    for _ in range(2):  # the provider repeats itself
        moved = Sender(OLD, None, (NEW,), moved_to=NEW)
        assert await senders.resolve(account_id, "whatsapp", moved) == OLD
    again = Sender(NEW, None, (NEWER,), moved_to=NEWER)
    assert await PostgresSenders(database).resolve(account_id, "whatsapp", again) == OLD
    for number in (OLD, NEW, NEWER):
        assert await PostgresSenders(database).resolve(account_id, "whatsapp", Sender(number)) == OLD
    assert await names(owner, account_id) == [(n, NEWER, "Tia") for n in sorted((OLD, NEW, NEWER))]


async def test_a_name_fills_what_is_empty_and_nothing_else(
    database: Database, owner: asyncpg.Connection, account_id: str
) -> None:
    senders, contacts = PostgresSenders(database), PostgresContacts(database)
    await senders.resolve(account_id, "whatsapp", Sender(OLD))
    await senders.resolve(account_id, "whatsapp", Sender(OLD, "Wanda"))
    assert await names(owner, account_id) == [(OLD, None, "Wanda")]
    contact_id = await owner.fetchval("SELECT id::text FROM contacts WHERE account_id = $1", account_id)
    await contacts.update(account_id, contact_id, {"name": "Ms Berg"})
    await senders.resolve(account_id, "whatsapp", Sender(OLD, "Wanda B."))
    assert await names(owner, account_id) == [(OLD, None, "Ms Berg")]
    await contacts.update(account_id, contact_id, {"name": None})
    await PostgresSenders(database).resolve(account_id, "whatsapp", Sender(OLD, "Wanda B."))
    assert await names(owner, account_id) == [(OLD, None, "Wanda B.")]


async def test_messages_go_where_the_customer_moved_to_and_answers_of_sends_are_noted(
    postgres: PostgresBackend, database: Database, owner: asyncpg.Connection
) -> None:
    rig, senders = OutboxRig(postgres, await thread(postgres), owner), PostgresSenders(database)
    await rig.register()
    await senders.resolve(rig.account, "whatsapp", Sender(LONG, "Joana", metadata={"username": "jo"}))
    conversation = await rig.customer_writes(LONG, "whatsapp")
    await rig.reply(conversation)
    (item,) = await rig.claim()
    assert (item.recipient, item.recipient_metadata) == (LONG, {"username": "jo"})
    await rig.outbox.learn(item, (NEW, "BR.123"))
    for name in (NEW, "BR.123"):
        assert await PostgresSenders(database).resolve(rig.account, "whatsapp", Sender(name)) == LONG
    await rig.outbox.sent(rig.me, item, 0, "p1", 5)
    await senders.resolve(rig.account, "whatsapp", Sender(LONG, None, (NEWER,), moved_to=NEWER))
    await rig.reply(conversation)
    (item,) = await rig.claim()
    assert item.recipient == NEWER
