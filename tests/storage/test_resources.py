"""Channels, the account, API clients and the audit log on Postgres."""

from __future__ import annotations

import uuid

import asyncpg
import pytest

from tertulia.core.accounts.account_settings import AccountSettings, known_settings, merge_settings
from tertulia.core.accounts.records import Channel
from tertulia.core.conversation.entries import Actor
from tertulia.core.errors import Conflict, Invalid
from tertulia.storage.postgres.accounts.accounts import PostgresAccounts
from tertulia.storage.postgres.accounts.audit import PostgresAudit
from tertulia.storage.postgres.accounts.channels import PostgresChannels
from tertulia.storage.postgres.accounts.clients import PostgresClients
from tertulia.storage.postgres.database import Database

BY = Actor("agent", "dana")


def fresh() -> str:
    return str(uuid.uuid4())


def channel(account_id: str, name: str = "Shop") -> Channel:
    return Channel(fresh(), account_id, "sms", name, {"a": 1}, b"sealed", True, 0, 0)


async def actions(database: Database, account_id: str) -> list[str]:
    page = await PostgresAudit(database).page(account_id, None, None, None, 100)
    return [r.action for r in reversed(page.items)]


# -- channels


async def test_a_change_of_a_channel_is_seen_at_once(database: Database, account_id: str) -> None:
    channels = PostgresChannels(database)
    made = await channels.create(channel(account_id), BY)
    assert await channels.find(made.id) == made
    changed = await channels.update(account_id, made.id, {"is_active": False, "credentials": None}, BY)
    assert changed is not None and not changed.is_active and changed.credentials is None
    assert changed.config == {"a": 1} and await channels.find(made.id) == changed
    assert await channels.delete(account_id, made.id, BY) and await channels.find(made.id) is None
    assert not await channels.delete(account_id, made.id, BY)
    assert await actions(database, account_id) == ["channel.created", "channel.updated", "channel.deleted"]


async def test_a_channel_with_conversations_is_not_deleted(
    database: Database, account_id: str, owner: asyncpg.Connection
) -> None:
    channels = PostgresChannels(database)
    made = await channels.create(channel(account_id), BY)
    await owner.execute(
        "INSERT INTO conversations (id, account_id, channel_id, channel_type, contact_id, contact_identifier, status,"
        " priority, seq, unread_count, waiting_since, created_at, updated_at)"
        " VALUES ($1, $2, $3, 'sms', $1, '+1', 'closed', 'normal', 0, 0, now(), now(), now())",
        fresh(),
        account_id,
        made.id,
    )
    with pytest.raises(Conflict):
        await channels.delete(account_id, made.id, BY)
    assert await channels.get(account_id, made.id) == made


async def test_other_accounts_channels_are_invisible_except_to_webhooks(
    database: Database, account_id: str
) -> None:
    accounts, channels, other = PostgresAccounts(database), PostgresChannels(database), fresh()
    await accounts.create(other, "Other")
    theirs = await channels.create(channel(other), BY)
    assert await channels.get(account_id, theirs.id) is None
    assert await channels.update(account_id, theirs.id, {"name": "x"}, BY) is None
    assert not await channels.delete(account_id, theirs.id, BY)
    assert (await channels.page(account_id, None, 10)).items == []
    assert await PostgresChannels(database).find(theirs.id) == theirs


async def test_pages_of_channels(database: Database, account_id: str) -> None:
    channels = PostgresChannels(database)
    made = [await channels.create(channel(account_id, f"{i}"), BY) for i in range(5)]
    first = await channels.page(account_id, None, 3)
    second = await channels.page(account_id, first.next, 3)
    assert first.items + second.items == made and second.next is None


# -- the account


async def test_settings_are_merged_key_by_key(database: Database, account_id: str) -> None:
    accounts = PostgresAccounts(database)
    await accounts.update(account_id, None, {"timezone": "Africa/Addis_Ababa", "expiry_hours": 12}, BY)
    account = await accounts.update(account_id, "New name", {"expiry_hours": None, "csat_enabled": True}, BY)
    assert account is not None and account.name == "New name"
    assert account.settings == {"timezone": "Africa/Addis_Ababa", "csat_enabled": True}
    assert await accounts.get(account_id) == account
    assert known_settings(account.settings).expiry_hours == 24
    with pytest.raises(Invalid):
        await accounts.update(account_id, "No", {"expiry_hours": 0}, BY)
    assert await accounts.get(account_id) == account, "all or nothing"
    assert await actions(database, account_id) == ["account.updated"] * 2


async def test_a_sub_domain_is_unique(database: Database, account_id: str) -> None:
    accounts, other, name = PostgresAccounts(database), fresh(), f"shop-{fresh()[:8]}"
    await accounts.create(other, "Other")
    await accounts.update(other, None, {"sub_domain": name}, BY)
    with pytest.raises(Conflict) as caught:
        await accounts.update(account_id, None, {"sub_domain": name}, BY)
    assert caught.value.errors[0][0] == "settings.sub_domain"
    assert await accounts.update(fresh(), "x", None, BY) is None


async def test_settings_change_while_a_row_of_the_account_is_being_inserted(
    database: Database, account_id: str, owner: asyncpg.Connection
) -> None:
    async with owner.transaction():
        await owner.execute(
            "SELECT FROM accounts WHERE id = $1 FOR KEY SHARE", account_id
        )  # as a foreign key does
        changed = await PostgresAccounts(database).update(account_id, "New name", None, BY)
    assert changed is not None and changed.name == "New name"


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"timezone": "Mars/Base"}, "settings.timezone"),
        ({"timezone": "../etc/passwd"}, "settings.timezone"),
        ({"timezone": "Africa"}, "settings.timezone"),
        ({"nope": 1}, "settings.nope"),
        ({"offer_timeout_s": 0}, "settings.offer_timeout_s"),
        (
            {"business_hours": {"schedule": [{"days": ["mon"], "start": "09:00", "end": "09:00"}]}},
            "settings.business_hours.schedule[0].end",
        ),
        ({"sla": {"first_reply_minutes": 0}}, "settings.sla.first_reply_minutes"),
        ({"sla": {"other": 0}}, "settings.sla.other"),
        (
            {"sla": {"priorities": {"high": {}, "urgent": {"first_reply_minutes": 0}}}},
            "settings.sla.priorities.urgent.first_reply_minutes",
        ),
        ({"sla": {"priorities": {"low": {"mood": 0}}}}, "settings.sla.priorities.low.mood"),
        (
            {"business_hours": {"schedule": [{"days": ["mon"], "start": "9", "end": "17:00"}]}},
            "settings.business_hours.schedule[0].start",
        ),
        ({"handoff_keywords": [""]}, "settings.handoff_keywords[...]"),
        ({"sub_domain": "-x"}, "settings.sub_domain"),
    ],
)
def test_wrong_settings_are_refused_by_path(given: dict[str, object], path: str) -> None:
    with pytest.raises(Invalid) as caught:
        merge_settings({}, given)
    assert caught.value.errors[0][0].replace("[0]", "[...]") == path.replace("[0]", "[...]")


def test_malformed_stored_settings_count_as_unset() -> None:
    assert known_settings({"timezone": 7, "old": True, "csat_enabled": True}) == AccountSettings(
        csat_enabled=True
    )


# -- api clients


async def test_api_clients(database: Database, account_id: str) -> None:
    clients, client_id = PostgresClients(database), fresh()
    made = await clients.create(account_id, client_id, "bot", b"hash", BY)
    assert made.last_used_at is None and await clients.secret(client_id) == (account_id, b"hash")
    await clients.used(client_id)
    (listed,) = (await clients.page(account_id, None, 10)).items
    assert listed.id == client_id and listed.last_used_at is not None
    other = fresh()
    await PostgresAccounts(database).create(other, "Other")
    assert not await clients.delete(other, client_id, BY)
    assert await clients.delete(account_id, client_id, BY) and await clients.secret(client_id) is None
    assert await actions(database, account_id) == ["api_client.created", "api_client.deleted"]


# -- the audit log


async def test_the_audit_log_is_append_only_and_paged(database: Database, account_id: str) -> None:
    audit = PostgresAudit(database)
    for i in range(5):
        await audit.add(account_id, BY, f"thing.{i % 2}", ("thing", str(i)), {"i": i})
    first = await audit.page(account_id, None, None, None, 3)
    rest = await audit.page(account_id, None, None, first.next, 3)
    assert [r.details["i"] for r in first.items + rest.items] == [4, 3, 2, 1, 0] and rest.next is None
    assert [r.target_id for r in (await audit.page(account_id, "thing.1", None, None, 9)).items] == ["3", "1"]
    assert [r.action for r in (await audit.page(account_id, None, "4", None, 9)).items] == ["thing.0"]
    for statement in ("UPDATE audit_log SET action = 'x'", "DELETE FROM audit_log"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with database.account(account_id) as connection:
                await connection.execute(statement)
