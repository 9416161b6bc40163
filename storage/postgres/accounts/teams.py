"""Teams and their members on Postgres."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ....core.accounts.agents_and_teams import Team, TeamMember, folded
from ....core.accounts.records import Page, Place
from ....core.conversation.entries import Actor
from ..database import Database
from ..pages import bounds, page_of
from ..queries import sql
from .agents import ensure_agent
from .audit import record
from .unique_names import UniqueName

_TEAM = sql("team_columns")
_MEMBER = sql("member_columns")
_NAME = UniqueName("name", "another team has this name", "team_named", "team_id")


def _team(row: Sequence[Any]) -> Team:
    return Team(*row)


def _member(row: Sequence[Any]) -> TeamMember:
    return TeamMember(*row)


class PostgresTeams:
    """`core.ports.people.TeamStore` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self, account_id: str, team_id: str, name: str, description: str | None, by: Actor
    ) -> Team:
        async with _NAME.change(self._database, account_id, name) as connection:
            query = sql("team_create", columns=_TEAM)
            row = await connection.fetchrow(query, team_id, account_id, name, folded(name), description)
            await record(connection, account_id, by, "team.created", ("team", team_id), {"name": name})
        assert row is not None
        return _team(row)

    async def get(self, account_id: str, team_id: str) -> Team | None:
        async with self._database.account(account_id) as connection:
            row = await connection.fetchrow(sql("team_get", columns=_TEAM), team_id)
        return _team(row) if row is not None else None

    async def page(self, account_id: str, after: Place | None, limit: int) -> Page[Team]:
        async with self._database.account(account_id) as connection:
            rows = await connection.fetch(sql("teams_page", columns=_TEAM), *bounds(after, limit))
        return page_of(rows, _team, limit)

    async def update(self, account_id: str, team_id: str, changes: dict[str, Any], by: Actor) -> Team | None:
        name = changes.get("name")
        async with _NAME.change(self._database, account_id, name) as connection:
            row = await connection.fetchrow(
                sql("team_update", columns=_TEAM),
                team_id,
                name,
                None if name is None else folded(name),
                "description" in changes,
                changes.get("description"),
            )
            if row is not None:
                details = {"fields": sorted(changes)}
                await record(connection, account_id, by, "team.updated", ("team", team_id), details)
        return _team(row) if row is not None else None

    async def begin_deletion(self, account_id: str, team_id: str) -> bool:
        async with self._database.account(account_id) as connection:
            return bool(await connection.fetchval(sql("team_leave"), team_id))

    async def conversations(self, account_id: str, team_id: str) -> list[str]:
        async with self._database.account(account_id) as connection:
            rows = await connection.fetch(sql("team_conversations"), account_id, team_id)
        return [row[0] for row in rows]

    async def finish_deletion(self, account_id: str, team_id: str, by: Actor) -> None:
        async with self._database.account(account_id) as connection, connection.transaction():
            name = await connection.fetchval(sql("team_delete"), team_id)
            if name is not None:
                await record(connection, account_id, by, "team.deleted", ("team", team_id), {"name": name})

    # -- members

    async def members(
        self, account_id: str, team_id: str, after: Place | None, limit: int
    ) -> Page[TeamMember] | None:
        async with self._database.account(account_id) as connection:
            if await connection.fetchrow(sql("team_get", columns=_TEAM), team_id) is None:
                return None
            rows = await connection.fetch(
                sql("members_page", columns=_MEMBER), team_id, *bounds(after, limit)
            )
        return page_of(rows, _member, limit)

    async def add_member(
        self, account_id: str, team_id: str, user_id: str, by: Actor
    ) -> tuple[TeamMember, bool] | None:
        async with self._database.account(account_id) as connection, connection.transaction():
            # Locked, so that a deletion comes either before this or after it.
            if await connection.fetchrow(sql("team_get", columns=_TEAM) + " FOR SHARE", team_id) is None:
                return None
            await ensure_agent(connection, account_id, user_id)
            new = bool(await connection.fetchval(sql("member_add"), account_id, team_id, user_id))
            if new:
                details = {"user_id": user_id}
                await record(connection, account_id, by, "team.member_added", ("team", team_id), details)
            row = await connection.fetchrow(sql("member_get", columns=_MEMBER), team_id, user_id)
        assert row is not None
        return _member(row), new

    async def remove_member(self, account_id: str, team_id: str, user_id: str, by: Actor) -> bool:
        async with self._database.account(account_id) as connection, connection.transaction():
            gone = bool(await connection.fetchval(sql("member_remove"), team_id, user_id))
            if gone:
                details = {"user_id": user_id}
                await record(connection, account_id, by, "team.member_removed", ("team", team_id), details)
        return gone
