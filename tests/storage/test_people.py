"""Agents, their preferences, teams and canned responses on Postgres, and that no account sees another's."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import asyncpg
import pytest

from tertulia.core.accounts.account_settings import Hours
from tertulia.core.accounts.agents_and_teams import (
    Agent,
    AvailableHours,
    CannedResponse,
    NotificationPreferences,
    PreferencesFilter,
    Team,
)
from tertulia.core.conversation.entries import Actor
from tertulia.core.errors import Conflict, Invalid
from tertulia.core.views.inbox_preferences import (
    MAX_FILTERS,
    InboxPreferences,
    InboxPreferencesPatch,
    SavedFilter,
)
from tertulia.storage.postgres.accounts.accounts import PostgresAccounts
from tertulia.storage.postgres.accounts.agents import PostgresAgents, PostgresPreferences
from tertulia.storage.postgres.accounts.audit import PostgresAudit
from tertulia.storage.postgres.accounts.canned import PostgresCanned
from tertulia.storage.postgres.accounts.supervision import PostgresSupervision
from tertulia.storage.postgres.accounts.teams import PostgresTeams
from tertulia.storage.postgres.database import Database

BY = Actor("agent", "dana")
ANY = PreferencesFilter()


def fresh() -> str:
    return str(uuid.uuid4())


@pytest.fixture
async def other(database: Database) -> str:
    """Another account."""
    made = fresh()
    await PostgresAccounts(database).create(made, "Other")
    return made


async def actions(database: Database, account_id: str) -> list[str]:
    page = await PostgresAudit(database).page(account_id, None, None, None, 100)
    return [r.action for r in reversed(page.items)]


# -- agents


async def test_an_agent_starts_with_the_defaults(database: Database, account_id: str) -> None:
    agents, preferences = PostgresAgents(database), PostgresPreferences(database)
    await asyncio.gather(*(agents.ensure(account_id, "ana") for _ in range(8)))
    assert await agents.get(account_id, "ana") == Agent("ana", None)
    (made,) = (await preferences.page(account_id, ANY, None, 10)).items
    assert made == await preferences.get(account_id, "ana")
    assert (made.user_id, made.account_id) == ("ana", account_id)
    assert made.available_channels == made.available_topics == made.languages == ()
    assert (made.available_hours, made.max_concurrent_conversations) == (None, 5)
    assert (made.is_available, made.auto_accept) == (True, False)
    assert made.notification_preferences == NotificationPreferences(True, True, False)


async def test_an_agent_of_an_unknown_account_is_ignored(database: Database) -> None:
    nowhere = fresh()
    await PostgresAgents(database).ensure(nowhere, "ana")
    assert await PostgresAgents(database).get(nowhere, "ana") is None


async def test_the_latest_name_counts(database: Database, account_id: str) -> None:
    agents = PostgresAgents(database)
    for name, expected in ((None, None), ("Ana", "Ana"), (None, "Ana"), ("Ünal", "Ünal")):
        await agents.ensure(account_id, "ana", name)
        assert await agents.get(account_id, "ana") == Agent("ana", expected)
    assert await agents.called(account_id, [], ["ana"]) == []
    assert await agents.called(account_id, [], ["ünal"]) == [Agent("ana", "Ünal")]


async def test_agents_are_found_by_id_or_name_within_their_account(
    database: Database, account_id: str, other: str
) -> None:
    agents = PostgresAgents(database)
    await agents.ensure(account_id, "u-1", "Abeba")
    await agents.ensure(account_id, "u-2", "ABEBA")
    await agents.ensure(account_id, "abeba")
    await agents.ensure(other, "u-1", "Abeba")
    await agents.ensure(other, "u-9", "Abeba")
    found = await agents.called(account_id, ["abeba", "u-9", "u-1"], ["abeba"])
    assert found == [Agent("abeba", None), Agent("u-1", "Abeba"), Agent("u-2", "ABEBA")]
    assert await agents.get(account_id, "u-9") is None


async def test_a_removed_agent_leaves_nothing_but_what_they_did(
    database: Database, account_id: str, other: str, owner: asyncpg.Connection
) -> None:
    agents, preferences, teams = (
        PostgresAgents(database),
        PostgresPreferences(database),
        PostgresTeams(database),
    )
    made = await team(teams, account_id, "Billing")
    for account in (account_id, other):
        await agents.ensure(account, "ana", "Ana")
    await agents.ensure(account_id, "ben")
    for user in ("ana", "ben"):
        await teams.add_member(account_id, made.id, user, BY)
    held = fresh()
    await owner.execute(
        "INSERT INTO conversations (id, account_id, channel_id, channel_type, contact_id, contact_identifier, status,"
        " priority, seq, unread_count, waiting_since, created_at, updated_at, assignee_id)"
        " VALUES ($1, $2, $1, 'sms', $1, '+1', 'pending', 'normal', 0, 0, now(), now(), now(), 'ana')",
        held, account_id,
    )  # fmt: skip
    await owner.execute(
        "INSERT INTO drafts VALUES ($1, $2, 'ana', 'Dear'), ($1, $3, 'ben', 'Dear')",
        account_id,
        held,
        fresh(),
    )
    for refused in (agents.is_removable(account_id, "ana"), agents.remove(account_id, "ana", BY)):
        with pytest.raises(Conflict) as error:
            await refused
        assert error.value.current == {"assigned": [held]}
    assert await agents.get(account_id, "ana") is not None and await agents.is_removable(account_id, "ben")
    await owner.execute("UPDATE conversations SET status = 'resolved' WHERE id = $1", held)
    version = "SELECT version FROM routing_changes WHERE account_id = $1"
    before = await owner.fetchval(version, account_id)
    assert await agents.is_removable(account_id, "ana") and await agents.remove(account_id, "ana", BY)
    assert await owner.fetchval(version, account_id) > before, "supervisors notice"
    assert await agents.get(account_id, "ana") is None and await preferences.get(account_id, "ana") is None
    members = await teams.members(account_id, made.id, None, 9)
    assert members is not None and [m.user_id for m in members.items] == ["ben"]
    assert await owner.fetch("SELECT user_id FROM drafts WHERE account_id = $1", account_id) == [("ben",)]
    assert await agents.get(other, "ana") is not None
    assert not await agents.is_removable(account_id, "ana") and not await agents.remove(account_id, "ana", BY)
    (entry,) = (await PostgresAudit(database).page(account_id, "agent.removed", None, None, 9)).items
    assert (entry.target_id, entry.actor_id, entry.details) == ("ana", "dana", {"name": "Ana"})


# -- preferences


async def test_only_what_is_given_changes(database: Database, account_id: str) -> None:
    preferences = PostgresPreferences(database)
    await PostgresAgents(database).ensure(account_id, "ana")
    before = await preferences.get(account_id, "ana")
    hours = AvailableHours("Africa/Addis_Ababa", [Hours(["mon", "tue"], "09:00", "24:00")])
    changes: dict[str, Any] = {
        "available_channels": ["whatsapp"],
        "available_topics": ["billing", "größe"],
        "available_hours": hours,
        "languages": ["en", "am-ET"],
        "max_concurrent_conversations": 0,
        "is_available": False,
        "auto_accept": True,
        "notification_preferences": {"sound": False},
    }
    for name, value in changes.items():
        after = await preferences.update(account_id, "ana", {name: value}, BY)
        assert after is not None and before is not None
        kept = [f for f in after.__struct_fields__ if f not in (name, "updated_at")]
        assert [getattr(after, f) for f in kept] == [getattr(before, f) for f in kept]
        assert after.updated_at >= before.updated_at and after == await preferences.get(account_id, "ana")
        before = after
    assert before is not None and before.available_hours == hours
    assert before.available_topics == ("billing", "größe")
    assert before.notification_preferences == NotificationPreferences(sound=False)
    routed = await PostgresSupervision(database).facts(account_id)
    assert routed is not None and routed.agents[0].preferences.languages == {"en", "am"}
    merged = await preferences.update(account_id, "ana", {"notification_preferences": {"desktop": False}}, BY)
    assert merged is not None and merged.notification_preferences == NotificationPreferences(False, False)
    cleared = await preferences.update(account_id, "ana", {"available_hours": None, "languages": []}, BY)
    assert cleared is not None and (cleared.available_hours, cleared.languages) == (None, ())


def shortcuts(**keys: str | None) -> InboxPreferencesPatch:
    return InboxPreferencesPatch(shortcuts=keys)


async def test_what_an_agent_keeps_of_the_inbox_is_merged(
    database: Database, account_id: str, other: str
) -> None:
    preferences = PostgresPreferences(database)
    assert await preferences.inbox(account_id, "ana") is None
    assert await preferences.update_inbox(account_id, "ana", shortcuts(resolve="x")) is None
    for account in (account_id, other):
        await PostgresAgents(database).ensure(account, "ana")
    assert await preferences.inbox(account_id, "ana") == InboxPreferences({}, {})
    # eight clients at once: none undoes what another saved
    names = [f"command_{n}" for n in range(8)]
    changes = [shortcuts(**{name: "x"}) for name in names]
    await asyncio.gather(*(preferences.update_inbox(account_id, "ana", change) for change in changes))
    refunds = SavedFilter(("open",), label="refund")
    saved = await preferences.update_inbox(
        account_id, "ana", InboxPreferencesPatch(filters={"Refunds": refunds}, shortcuts={"command_0": None})
    )
    assert saved == InboxPreferences({"Refunds": refunds}, dict.fromkeys(names[1:], "x"))
    assert await preferences.inbox(account_id, "ana") == saved
    assert await preferences.inbox(other, "ana") == InboxPreferences({}, {})
    many = {f"filter {n}": SavedFilter() for n in range(MAX_FILTERS)}
    with pytest.raises(Invalid) as caught:
        await preferences.update_inbox(account_id, "ana", InboxPreferencesPatch(filters={**many}))
    assert [path for path, _ in caught.value.errors] == ["filters"]
    replaced = await preferences.update_inbox(
        account_id, "ana", InboxPreferencesPatch(filters={**many, "Refunds": None})
    )
    assert replaced is not None and len(replaced.filters) == MAX_FILTERS
    assert await PostgresAgents(database).remove(account_id, "ana", BY)
    assert await preferences.inbox(account_id, "ana") is None


async def test_only_others_changes_are_in_the_audit_log(database: Database, account_id: str) -> None:
    preferences = PostgresPreferences(database)
    await PostgresAgents(database).ensure(account_id, "ana")
    await preferences.update(account_id, "ana", {"is_available": False}, Actor("agent", "ana"))
    assert await actions(database, account_id) == []
    await preferences.update(account_id, "ana", {"is_available": True}, BY)
    assert await preferences.update(account_id, "nobody", {"is_available": True}, BY) is None
    assert await actions(database, account_id) == ["agent_preferences.updated"]


async def test_agents_without_topics_or_channels_serve_all(database: Database, account_id: str) -> None:
    agents, preferences = PostgresAgents(database), PostgresPreferences(database)
    told: dict[str, dict[str, Any]] = {
        "any": {"is_available": False},
        "billing": {"available_topics": ["billing"]},
        "both": {"available_topics": ["billing", "technical"], "available_channels": ["sms", "email"]},
        "mail": {"available_channels": ["email"]},
    }
    for user, changes in told.items():
        await agents.ensure(account_id, user)
        await preferences.update(account_id, user, changes, BY)

    async def found(*wanted: Any) -> set[str]:
        page = await preferences.page(account_id, PreferencesFilter(*wanted), None, 10)
        assert page.next is None
        return {p.user_id for p in page.items}

    assert await found() == set(told)
    assert await found(True) == {"billing", "both", "mail"}
    assert await found(False) == {"any"}
    assert await found(None, ("billing",)) == set(told)
    assert await found(None, ("technical",)) == {"any", "both", "mail"}
    assert await found(None, ("billing", "technical")) == {"any", "both", "mail"}
    assert await found(None, (), ("sms",)) == {"any", "billing", "both"}
    assert await found(True, ("technical",), ("sms",)) == {"both"}


async def test_other_accounts_preferences_are_invisible(
    database: Database, account_id: str, other: str
) -> None:
    agents, preferences = PostgresAgents(database), PostgresPreferences(database)
    for n in range(5):
        await agents.ensure(account_id, f"u-{n}")
    await agents.ensure(other, "u-0")
    first = await preferences.page(account_id, ANY, None, 3)
    second = await preferences.page(account_id, ANY, first.next, 3)
    assert [p.user_id for p in first.items + second.items] == [f"u-{n}" for n in range(5)]
    assert second.next is None and len({p.id for p in first.items + second.items}) == 5
    assert await preferences.get(other, "u-1") is None
    changed = await preferences.update(other, "u-0", {"auto_accept": True}, BY)
    mine = await preferences.get(account_id, "u-0")
    assert changed is not None and mine is not None and changed.auto_accept and not mine.auto_accept


# -- teams


async def team(teams: PostgresTeams, account_id: str, name: str) -> Team:
    return await teams.create(account_id, fresh(), name, None, BY)


async def test_a_teams_name_is_unique(database: Database, account_id: str, other: str) -> None:
    teams = PostgresTeams(database)
    billing, sales = await team(teams, account_id, "Billing"), await team(teams, account_id, "Sales")
    with pytest.raises(Conflict) as caught:
        await team(teams, account_id, " bILLING")
    assert (caught.value.errors[0][0], caught.value.current) == ("name", {"team_id": billing.id})
    with pytest.raises(Conflict):
        await teams.update(account_id, sales.id, {"name": "BILLING"}, BY)
    assert await teams.get(account_id, sales.id) == sales
    renamed = await teams.update(account_id, billing.id, {"name": "BILLING", "description": "money"}, BY)
    assert renamed is not None and (renamed.name, renamed.description) == ("BILLING", "money")
    assert await teams.update(account_id, sales.id, {"description": None}, BY) is not None
    assert (await team(teams, other, "Billing")).account_id == other
    page = await teams.page(account_id, None, 1)
    rest = await teams.page(account_id, page.next, 5)
    assert [t.id for t in page.items + rest.items] == [billing.id, sales.id] and rest.next is None


async def test_twenty_concurrent_creations_make_one_team(database: Database, account_id: str) -> None:
    teams = PostgresTeams(database)
    made = await asyncio.gather(
        *(team(teams, account_id, "Billing") for _ in range(20)), return_exceptions=True
    )
    (one,) = [m for m in made if isinstance(m, Team)]
    refused = [m for m in made if isinstance(m, Conflict)]
    assert len(refused) == 19 and all(r.current == {"team_id": one.id} for r in refused)


async def test_members_of_a_team(database: Database, account_id: str) -> None:
    teams, agents = PostgresTeams(database), PostgresAgents(database)
    made = await team(teams, account_id, "Billing")
    await agents.ensure(account_id, "u-1", "Abeba")
    added = await teams.add_member(account_id, made.id, "u-1", BY)
    assert added is not None and added[1] and (added[0].user_id, added[0].name) == ("u-1", "Abeba")
    assert await teams.add_member(account_id, made.id, "u-1", BY) == (added[0], False)
    assert await teams.add_member(account_id, made.id, "new", BY) is not None
    assert await PostgresPreferences(database).get(account_id, "new") is not None, "an agent from now on"
    first = await teams.members(account_id, made.id, None, 1)
    assert first is not None
    rest = await teams.members(account_id, made.id, first.next, 5)
    assert rest is not None and [m.user_id for m in first.items + rest.items] == ["u-1", "new"]
    assert await teams.remove_member(account_id, made.id, "u-1", BY)
    assert not await teams.remove_member(account_id, made.id, "u-1", BY)
    assert await actions(database, account_id) == [
        "team.created", "team.member_added", "team.member_added", "team.member_removed",
    ]  # fmt: skip


async def test_a_deleted_team_disappears_at_once(
    database: Database, account_id: str, owner: asyncpg.Connection
) -> None:
    teams = PostgresTeams(database)
    made = await team(teams, account_id, "Billing")
    await teams.add_member(account_id, made.id, "u-1", BY)
    held = {}
    for status in ("open", "assigned", "resolved", "closed", "expired"):
        held[status] = fresh()
        await owner.execute(
            "INSERT INTO conversations (id, account_id, channel_id, channel_type, contact_id, contact_identifier, status,"
            " priority, seq, unread_count, waiting_since, created_at, updated_at, team_id)"
            " VALUES ($1, $2, $1, 'sms', $1, '+1', $3, 'normal', 0, 0, now(), now(), now(), $4)",
            held[status], account_id, status, made.id,
        )  # fmt: skip
    assert await teams.begin_deletion(account_id, made.id) and await teams.begin_deletion(account_id, made.id)
    assert (
        await teams.get(account_id, made.id) is None and (await teams.page(account_id, None, 9)).items == []
    )
    assert await teams.members(account_id, made.id, None, 9) is None
    assert await teams.add_member(account_id, made.id, "u-2", BY) is None
    assert not await teams.remove_member(account_id, made.id, "u-1", BY)
    assert await teams.update(account_id, made.id, {"name": "x"}, BY) is None
    assert set(await teams.conversations(account_id, made.id)) == {
        held["open"], held["assigned"], held["resolved"],
    }  # fmt: skip
    again = await team(teams, account_id, "Billing")
    await teams.finish_deletion(account_id, made.id, BY)
    await teams.finish_deletion(account_id, again.id, BY)
    assert not await teams.begin_deletion(account_id, made.id)
    assert await teams.get(account_id, again.id) == again, "only what was begun is finished"
    assert await owner.fetchval("SELECT count(*) FROM team_members WHERE account_id = $1", account_id) == 0


async def test_other_accounts_teams_are_invisible(database: Database, account_id: str, other: str) -> None:
    teams = PostgresTeams(database)
    theirs = await team(teams, other, "Billing")
    await teams.add_member(other, theirs.id, "u-1", BY)
    assert await teams.get(account_id, theirs.id) is None
    assert await teams.update(account_id, theirs.id, {"name": "x"}, BY) is None
    assert await teams.members(account_id, theirs.id, None, 9) is None
    assert await teams.add_member(account_id, theirs.id, "u-2", BY) is None
    assert not await teams.remove_member(account_id, theirs.id, "u-1", BY)
    assert not await teams.begin_deletion(account_id, theirs.id)
    assert await teams.get(other, theirs.id) == theirs
    async with database.account(account_id) as connection:
        with pytest.raises(asyncpg.ForeignKeyViolationError):
            await connection.execute(
                "WITH a AS (INSERT INTO agents (account_id, user_id) VALUES ($1, 'u') ON CONFLICT DO NOTHING)"
                " INSERT INTO team_members (account_id, team_id, user_id) VALUES ($1, $2, 'u')",
                account_id,
                theirs.id,
            )


# -- canned responses


def canned(account_id: str, code: str, **fields: Any) -> CannedResponse:
    given = {"title": "Title", "content": "Content", "category": None, "created_by": "dana"} | fields
    return CannedResponse(fresh(), account_id, code, **given, created_at=0, updated_at=0)


async def test_a_short_code_is_unique(database: Database, account_id: str, other: str) -> None:
    store = PostgresCanned(database)
    made = await store.create(canned(account_id, "/Refund", category="billing"), BY)
    assert await store.get(account_id, made.id) == made
    assert (made.short_code, made.category, made.created_by) == ("/Refund", "billing", "dana")
    with pytest.raises(Conflict) as caught:
        await store.create(canned(account_id, "/refund"), BY)
    assert caught.value.current == {"canned_response_id": made.id}
    bare = await store.create(canned(account_id, "refund"), BY)
    with pytest.raises(Conflict):
        await store.update(account_id, bare.id, {"short_code": "/REFUND"}, BY)
    assert (await store.create(canned(other, "/refund"), BY)).account_id == other
    changed = await store.update(account_id, made.id, {"short_code": "/REFUND", "category": None}, BY)
    assert changed is not None and (changed.short_code, changed.category, changed.title) == (
        "/REFUND", None, "Title",
    )  # fmt: skip
    assert await store.delete(account_id, made.id, BY) and not await store.delete(account_id, made.id, BY)
    assert await actions(database, account_id) == [
        "canned_response.created", "canned_response.created", "canned_response.updated", "canned_response.deleted",
    ]  # fmt: skip


async def test_canned_responses_are_found(database: Database, account_id: str, other: str) -> None:
    store = PostgresCanned(database)
    codes = [
        ("/hello", {"title": "A greeting", "category": "greetings"}),
        ("/refund", {"content": "100% of it", "category": "billing"}),
        ("/bye", {"title": "Farewell", "category": "greetings"}),
    ]
    made = [await store.create(canned(account_id, code, **fields), BY) for code, fields in codes]
    await store.create(canned(other, "/hello", category="greetings"), BY)

    async def found(category: str | None, q: str | None) -> list[str]:
        return [c.short_code for c in (await store.page(account_id, category, q, None, 9)).items]

    assert await found(None, None) == ["/hello", "/refund", "/bye"]
    assert await found("greetings", None) == ["/hello", "/bye"] and await found("Greetings", None) == []
    assert await found(None, "FAREW") == ["/bye"] and await found(None, "100%") == ["/refund"]
    assert await found(None, "%") == ["/refund"] and await found("billing", "hello") == []
    first = await store.page(account_id, None, None, None, 2)
    second = await store.page(account_id, None, None, first.next, 2)
    assert first.items + second.items == made and second.next is None


async def test_other_accounts_canned_responses_are_invisible(
    database: Database, account_id: str, other: str
) -> None:
    store = PostgresCanned(database)
    theirs = await store.create(canned(other, "/x"), BY)
    assert await store.get(account_id, theirs.id) is None
    assert await store.update(account_id, theirs.id, {"title": "x"}, BY) is None
    assert not await store.delete(account_id, theirs.id, BY)
    assert await store.get(other, theirs.id) == theirs
