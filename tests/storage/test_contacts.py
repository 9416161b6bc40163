"""Contacts and identifiers on Postgres: pages, search, merging, and that no account sees another's."""

from __future__ import annotations

import uuid

import asyncpg
import pytest

from tertulia.core.accounts.records import Contact
from tertulia.core.conversation.entries import Actor
from tertulia.core.errors import Conflict, NotFound
from tertulia.core.ports.resources import NewIdentifier
from tertulia.storage.postgres.accounts.audit import PostgresAudit
from tertulia.storage.postgres.accounts.contacts import PostgresContacts
from tertulia.storage.postgres.database import Database

BY = Actor("agent", "dana")


def fresh() -> str:
    return str(uuid.uuid4())


@pytest.fixture
def contacts(database: Database) -> PostgresContacts:
    return PostgresContacts(database)


async def made(
    contacts: PostgresContacts, account_id: str, name: str | None, *identifiers: tuple[str, str]
) -> Contact:
    wanted = [NewIdentifier(fresh(), kind, text) for kind, text in identifiers]  # pyright: ignore
    return await contacts.create(account_id, fresh(), name, {"vip": True}, wanted)


async def open_conversation(owner: asyncpg.Connection, contact: Contact, identifier: str) -> str:
    conversation_id = fresh()
    await owner.execute(
        "INSERT INTO conversations (id, account_id, channel_id, channel_type, contact_id, contact_identifier, status,"
        " priority, seq, unread_count, waiting_since, created_at, updated_at)"
        " VALUES ($1, $2, gen_random_uuid(), 'sms', $3, $4, 'open', 'normal', 0, 0, now(), now(), now())",
        conversation_id,
        contact.account_id,
        contact.id,
        identifier,
    )
    return conversation_id


async def test_a_created_contact_is_read_back(contacts: PostgresContacts, account_id: str) -> None:
    contact = await made(contacts, account_id, "Ada", ("sms", "+1"), ("email", "ada@example.org"))
    assert await contacts.get(account_id, contact.id) == contact
    assert contact.name == "Ada" and contact.attributes == {"vip": True}
    assert [(i.channel_type, i.identifier) for i in contact.identifiers] == [
        ("sms", "+1"),
        ("email", "ada@example.org"),
    ]


async def test_an_identifier_belongs_to_one_contact(contacts: PostgresContacts, account_id: str) -> None:
    first = await made(contacts, account_id, "Ada", ("sms", "+1"))
    with pytest.raises(Conflict) as caught:
        await made(contacts, account_id, "Bo", ("email", "bo@example.org"), ("sms", "+1"))
    assert caught.value.errors[0][0] == "identifiers[1].identifier"
    assert caught.value.current == {
        "contact_id": first.id,
        "contact_identifier_id": first.identifiers[0].id,
    }
    with pytest.raises(Conflict):
        await contacts.add_identifier(account_id, first.id, NewIdentifier(fresh(), "sms", "+1"))
    other_type = await contacts.add_identifier(account_id, first.id, NewIdentifier(fresh(), "whatsapp", "+1"))
    assert other_type is not None and (await contacts.page(account_id, "Bo", None, 5)).items == []


async def test_pages_show_every_contact_once_newest_first(
    contacts: PostgresContacts, account_id: str
) -> None:
    everyone = [await made(contacts, account_id, f"Ada {i}") for i in range(7)]
    seen: list[Contact] = []
    after, pages = None, 0
    while pages == 0 or after is not None:
        page = await contacts.page(account_id, "ada" if pages % 2 else None, after, 3)
        seen += page.items
        after, pages = page.next, pages + 1
    assert [c.id for c in seen] == [c.id for c in reversed(everyone)] and pages == 3


async def test_a_search_with_many_matches_has_the_same_pages(
    contacts: PostgresContacts, account_id: str, owner: asyncpg.Connection
) -> None:
    await owner.execute(
        "INSERT INTO contacts (id, account_id, name, created_at)"
        " SELECT gen_random_uuid(), $1, CASE WHEN i % 2 = 0 THEN 'even ' ELSE 'odd ' END || i, now() - i * interval '1 s'"
        " FROM generate_series(1, 2400) AS i",
        account_id,
    )
    first = await contacts.page(account_id, "even", None, 2)
    second = await contacts.page(account_id, "even", first.next, 2)
    assert [c.name for c in first.items + second.items] == ["even 2", "even 4", "even 6", "even 8"]


@pytest.mark.parametrize(
    ("q", "found"),
    [("lovelace", True), ("ADA love", True), ("555", True), ("%", False), ("_da", False), ("bo", False)],
)
async def test_search_looks_in_names_and_identifiers(
    contacts: PostgresContacts, account_id: str, q: str, found: bool
) -> None:
    contact = await made(contacts, account_id, "Ada King Lovelace", ("sms", "+1555"))
    assert [c.id for c in (await contacts.page(account_id, q, None, 5)).items] == [contact.id] * found


async def test_other_accounts_contacts_are_invisible(
    contacts: PostgresContacts, account_id: str, database: Database, owner: asyncpg.Connection
) -> None:
    other = fresh()
    await owner.execute("INSERT INTO accounts (id, name) VALUES ($1, 'Other')", other)
    theirs = await made(contacts, other, "Canary", ("sms", "+9"))
    mine = await made(contacts, account_id, "Ada", ("sms", "+9"))
    assert await contacts.get(account_id, theirs.id) is None
    assert await contacts.update(account_id, theirs.id, {"name": "x"}) is None
    assert await contacts.delete(account_id, theirs.id) is False
    assert await contacts.identifier(account_id, theirs.identifiers[0].id) is None
    assert await contacts.delete_identifier(account_id, theirs.identifiers[0].id) is False
    assert await contacts.add_identifier(account_id, theirs.id, NewIdentifier(fresh(), "sms", "+8")) is None
    assert await contacts.begin_erasure(account_id, theirs.id) is None
    assert await contacts.merge(account_id, theirs.id, mine.id, BY) is None
    with pytest.raises(NotFound):
        await contacts.merge(account_id, mine.id, theirs.id, BY)
    with pytest.raises(NotFound):
        await contacts.update_identifier(account_id, mine.identifiers[0].id, {"contact_id": theirs.id})
    assert (await contacts.page(account_id, "canary", None, 5)).items == []
    assert await contacts.get(other, theirs.id) == theirs


async def test_a_patch_changes_only_what_it_names(contacts: PostgresContacts, account_id: str) -> None:
    contact = await made(contacts, account_id, "Ada", ("sms", "+1"))
    renamed = await contacts.update(account_id, contact.id, {"name": None})
    assert renamed is not None and renamed.name is None and renamed.attributes == {"vip": True}
    changed = await contacts.update(account_id, contact.id, {"attributes": {}})
    assert changed is not None and changed.attributes == {} and changed.identifiers == contact.identifiers
    named = await contacts.update_identifier(account_id, contact.identifiers[0].id, {"display_name": "A."})
    assert named is not None and named.display_name == "A." and named.contact_id == contact.id


async def test_merging_moves_the_identifiers_and_keeps_a_trace(
    contacts: PostgresContacts, account_id: str, database: Database, owner: asyncpg.Connection
) -> None:
    first, second, third = [
        await made(contacts, account_id, n, ("sms", n)) for n in ("first", "second", "third")
    ]
    conversation = await open_conversation(owner, first, "first")
    await contacts.merge(account_id, first.id, second.id, BY)
    into = await contacts.merge(account_id, second.id, third.id, BY)
    assert into is not None and {i.identifier for i in into.identifiers} == {"first", "second", "third"}
    for merged in (first, second):
        left = await contacts.get(account_id, merged.id)
        assert left is not None and left.merged_into == third.id and left.identifiers == ()
    assert [c.id for c in (await contacts.page(account_id, None, None, 5)).items] == [third.id]
    assert await contacts.conversations(account_id, first.id) == [conversation]
    assert await contacts.merge(account_id, first.id, third.id, BY) == into, "once more is not a fault"
    for contact, target in ((first, second), (third, first)):
        with pytest.raises(Conflict) as caught:
            await contacts.merge(account_id, contact.id, target.id, BY)
        assert caught.value.current == {"merged_into": third.id}
    with pytest.raises(Conflict):
        await contacts.update(account_id, first.id, {"name": "x"})
    log = await PostgresAudit(database).page(account_id, "contact.merged", None, None, 10)
    assert [(r.target_id, r.actor_id, r.details["into"]) for r in log.items] == [
        (second.id, "dana", third.id),
        (first.id, "dana", second.id),
    ]


async def test_only_a_contact_without_conversations_is_deleted(
    contacts: PostgresContacts, account_id: str, owner: asyncpg.Connection
) -> None:
    busy, free = [await made(contacts, account_id, n, ("sms", n)) for n in ("busy", "free")]
    await open_conversation(owner, busy, "busy")
    with pytest.raises(Conflict):
        await contacts.delete(account_id, busy.id)
    assert await contacts.delete(account_id, free.id) and await contacts.get(account_id, free.id) is None
    assert not await contacts.delete(account_id, free.id)
    again = await made(contacts, account_id, "again", ("sms", "free"))
    assert again.identifiers[0].identifier == "free"


async def test_an_erasure_is_not_finished_before_the_actors_are_erased(
    contacts: PostgresContacts, account_id: str, owner: asyncpg.Connection
) -> None:
    contact = await made(contacts, account_id, "Ada", ("sms", "+1"))
    await open_conversation(owner, contact, "+1")
    assert await contacts.begin_erasure(account_id, contact.id) == [contact.id]
    begun = await contacts.get(account_id, contact.id)
    assert begun is not None and (begun.name, begun.attributes, begun.identifiers) == (None, {}, ())
    with pytest.raises(Conflict):
        await contacts.finish_erasure(account_id, [contact.id], BY)
    assert await contacts.get(account_id, contact.id) is not None
    assert await contacts.begin_erasure(account_id, contact.id) == [contact.id], "it may be asked again"
