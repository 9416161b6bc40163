"""Agents and their preferences on Postgres. Their rows are created when a valid token is first used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from ....core.accounts.agents_and_teams import (
    Agent,
    AgentPreferences,
    AvailableHours,
    NotificationPreferences,
    PreferencesFilter,
    folded,
)
from ....core.accounts.records import Page, Place
from ....core.conversation.entries import Actor
from ....core.errors import Conflict, NotFound
from ....core.views.inbox_preferences import (
    InboxPreferences,
    InboxPreferencesPatch,
    merged,
    stored_preferences,
)
from ..database import Connection, Database
from ..pages import bounds, page_of
from ..queries import sql
from ..rows import json_or_none
from .audit import record

MAX_CALLED = 500
"""Agents that one look-up by name returns at most."""
MAX_ASSIGNED = 100
"""Conversations that a refused removal names at most."""
_COLUMNS = sql("preferences_columns")
_hours = msgspec.json.Decoder(AvailableHours)
_notifications = msgspec.json.Decoder(NotificationPreferences)


def _preferences(row: Sequence[Any]) -> AgentPreferences:
    i, account, user, channels, topics, hours, languages, most, available, accepts, *rest = row
    notifications, created, updated = rest
    return AgentPreferences(
        i,
        account,
        user,
        tuple(channels),
        tuple(topics),
        None if hours is None else _hours.decode(hours),
        tuple(languages),
        most,
        available,
        accepts,
        _notifications.decode(notifications),
        created,
        updated,
    )


async def ensure_agent(
    connection: Connection, account_id: str, user_id: str, name: str | None = None
) -> None:
    """Create an agent's row and default preferences unless they exist, and update the name."""
    key = None if name is None else folded(name)
    await connection.execute(sql("agent_ensure"), account_id, user_id, name, key)


async def _check_unassigned(connection: Connection, account_id: str, user_id: str) -> None:
    rows = await connection.fetch(sql("agent_holds"), account_id, user_id, MAX_ASSIGNED)
    if rows:
        raise Conflict(
            "conversations are assigned to the agent: reassign, release or resolve them first",
            current={"assigned": [row[0] for row in rows]},
        )


class PostgresAgents:
    """`core.ports.people.AgentStore` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ensure(self, account_id: str, user_id: str, name: str | None = None) -> None:
        try:
            async with self._database.account(account_id) as connection:
                await ensure_agent(connection, account_id, user_id, name)
        except NotFound:
            pass  # no such account: the request itself will find nothing either

    async def get(self, account_id: str, user_id: str) -> Agent | None:
        async with self._database.account(account_id) as connection:
            row = await connection.fetchrow(sql("agent_get"), account_id, user_id)
        return Agent(*row) if row is not None else None

    async def called(self, account_id: str, ids: Sequence[str], names: Sequence[str]) -> list[Agent]:
        async with self._database.account(account_id) as connection:
            rows = await connection.fetch(sql("agents_called"), account_id, ids, names, MAX_CALLED)
        return [Agent(*row) for row in rows]

    async def is_removable(self, account_id: str, user_id: str) -> bool:
        async with self._database.account(account_id) as connection:
            await _check_unassigned(connection, account_id, user_id)
            return await connection.fetchrow(sql("agent_get"), account_id, user_id) is not None

    async def remove(self, account_id: str, user_id: str, by: Actor) -> bool:
        async with self._database.account(account_id) as connection, connection.transaction():
            row = await connection.fetchrow(sql("agent_remove"), account_id, user_id)
            if row is None:
                return False
            await _check_unassigned(connection, account_id, user_id)
            details = {} if row[0] is None else {"name": row[0]}
            await record(connection, account_id, by, "agent.removed", ("agent", user_id), details)
        return True


class PostgresPreferences:
    """`core.ports.people.PreferencesStore` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, account_id: str, user_id: str) -> AgentPreferences | None:
        async with self._database.account(account_id) as connection:
            row = await connection.fetchrow(sql("preferences_get", columns=_COLUMNS), account_id, user_id)
        return _preferences(row) if row is not None else None

    async def page(
        self, account_id: str, wanted: PreferencesFilter, after: Place | None, limit: int
    ) -> Page[AgentPreferences]:
        async with self._database.account(account_id) as connection:
            rows = await connection.fetch(
                sql("preferences_page", columns=_COLUMNS),
                account_id,
                wanted.is_available,
                list(wanted.topics),
                list(wanted.channels),
                *bounds(after, limit),
            )
        return page_of(rows, _preferences, limit)

    async def update(
        self, account_id: str, user_id: str, changes: dict[str, Any], by: Actor
    ) -> AgentPreferences | None:
        async with self._database.account(account_id) as connection, connection.transaction():
            row = await connection.fetchrow(
                sql("preferences_update", columns=_COLUMNS),
                account_id,
                user_id,
                changes.get("available_channels"),
                changes.get("available_topics"),
                "available_hours" in changes,
                json_or_none(changes.get("available_hours")),
                changes.get("languages"),
                changes.get("max_concurrent_conversations"),
                changes.get("is_available"),
                changes.get("auto_accept"),
                json_or_none(changes.get("notification_preferences")),
            )
            if row is not None and by != Actor("agent", user_id):
                details = {"fields": sorted(changes)}
                await record(
                    connection, account_id, by, "agent_preferences.updated", ("agent", user_id), details
                )
        return _preferences(row) if row is not None else None

    async def inbox(self, account_id: str, user_id: str) -> InboxPreferences | None:
        async with self._database.account(account_id) as connection:
            row = await connection.fetchrow(sql("inbox_preferences_get"), account_id, user_id)
        return stored_preferences(msgspec.json.decode(row[0])) if row is not None else None

    async def update_inbox(
        self, account_id: str, user_id: str, patch: InboxPreferencesPatch
    ) -> InboxPreferences | None:
        async with self._database.account(account_id) as connection, connection.transaction():
            row = await connection.fetchrow(sql("inbox_preferences_lock"), account_id, user_id)
            if row is None:
                return None
            after = msgspec.json.encode(merged(msgspec.json.decode(row[0]), patch))
            await connection.execute(sql("inbox_preferences_put"), account_id, user_id, after.decode())
        return stored_preferences(msgspec.json.decode(after))
