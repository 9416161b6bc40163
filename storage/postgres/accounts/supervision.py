"""The supervisors' reads, and the shards they hold, on Postgres."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from ....core.accounts.account_settings import known_settings
from ....core.accounts.agents_and_teams import AvailableHours
from ....core.conversation.state import Conversation, LastHeld
from ....core.routing.facts import Preferences
from ....core.routing.journal import RoutingEntry
from ....core.routing.supervision_messages import AccountFacts, AgentFacts, ChangedHeads, Head, Unanswered
from ....core.text.languages import primary
from ..database import Database
from ..queries import sql
from ..rows import conversation_from_row

NEWEST = 2000
"""The newest assignments, from which follows who has been idle longest."""


class PostgresSupervision:
    """`core.ports.supervision.SupervisionStore` on Postgres. Reads across accounts, outside row-level security."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def _fetch(self, query: str, *arguments: Any) -> list[Any]:
        async with self._database.system() as connection:
            return await connection.fetch(query, *arguments)

    async def register(self, shard: int, incarnation: str) -> int:
        async with self._database.system() as connection:
            return await connection.fetchval(sql("supervisor_register"), shard, incarnation)

    async def epochs(self) -> dict[int, int]:
        return dict(await self._fetch("SELECT shard, epoch FROM supervisors"))

    async def holders(self) -> dict[int, str]:
        return dict(await self._fetch("SELECT shard, incarnation::text FROM supervisors"))

    async def changed_heads(self, mark: str | None) -> ChangedHeads:
        rows = await self._fetch(sql("routing_moved"), mark)
        return ChangedHeads(rows[0][0], [Head(*row[1:]) for row in rows if row[1] is not None])

    async def head(self, account_id: str) -> Head | None:
        rows = await self._fetch(sql("routing_head"), account_id)
        return Head(*rows[0]) if rows else None

    async def waking(self) -> list[str]:
        return [row[0] for row in await self._fetch(sql("routing_waking"))]

    async def facts(self, account_id: str) -> AccountFacts | None:
        async with self._database.system() as connection:
            stored = await connection.fetchval(
                "SELECT settings::text FROM accounts WHERE id = $1::text::uuid", account_id
            )
            if stored is None:
                return None
            rows = await connection.fetch(sql("routing_agents"), account_id)
        settings = known_settings(msgspec.json.decode(stored))
        return AccountFacts(settings, tuple(_agent(row) for row in rows))

    async def live(self, account_id: str) -> list[Conversation]:
        query = sql("routing_live", columns=sql("conversation_columns"))
        return [conversation_from_row(row) for row in await self._fetch(query, account_id)]

    async def last_assigned(self, account_id: str) -> dict[str, int]:
        return dict(await self._fetch(sql("routing_last"), account_id, NEWEST))

    async def last_held(self, contacts: Sequence[tuple[str, str]]) -> dict[tuple[str, str], LastHeld]:
        accounts, ids = map(list, zip(*contacts, strict=True))
        rows = await self._fetch(sql("routing_last_held"), accounts, ids)
        return {(account, contact): LastHeld(agent, until) for account, contact, agent, until in rows}

    async def conversations(self, ids: Sequence[str]) -> dict[str, Conversation]:
        query = sql("load_conversations", columns=sql("conversation_columns"))
        return {row[0]: conversation_from_row(row) for row in await self._fetch(query, list(ids))}

    async def missed(self, ranges: Sequence[tuple[str, int, int]], limit: int) -> list[tuple[str, str, int]]:
        accounts, after, until = map(list, zip(*ranges, strict=True))
        rows = await self._fetch(sql("routing_missed"), accounts, after, until, limit)
        return [tuple(row) for row in rows]

    async def unanswered(self, ids: Sequence[str]) -> list[Unanswered]:
        return [Unanswered(*row) for row in await self._fetch(sql("routing_unanswered"), list(ids))]

    async def trim_rosters(self, after: tuple[str, str], limit: int) -> tuple[str, str] | None:
        rows = await self._fetch(sql("routing_rosters_trim"), *after, limit)
        return (rows[-1][0], rows[-1][1]) if rows else None

    async def routing_heads(self, accounts: Sequence[str]) -> dict[str, int]:
        return dict(await self._fetch(sql("routing_journal_heads"), list(accounts)))

    async def write_routing(
        self, account_id: str, fence: tuple[int, int], entries: Sequence[RoutingEntry]
    ) -> None:
        async with self._database.system() as connection:
            await connection.execute(
                sql("routing_journal_write"),
                account_id,
                *fence,
                [e.position for e in entries],
                [e.at for e in entries],
                [e.kind for e in entries],
                [e.agent_id for e in entries],
                [e.conversation_id for e in entries],
                [msgspec.json.encode(e.data).decode() for e in entries],
            )

    async def trim_routing(self, after: str, accounts: int, limit: int) -> str | None:
        rows = await self._fetch(sql("routing_journal_trim"), after, accounts, limit)
        return rows[-1][0] if rows else None

    async def keep_roster(self, account_id: str, digest: str, agents: Sequence[str]) -> None:
        async with self._database.system() as connection:
            await connection.execute(
                sql("routing_roster_keep"), account_id, digest, msgspec.json.encode(agents).decode()
            )


def _agent(row: Sequence[Any]) -> AgentFacts:
    user_id, name, channels, topics, hours, languages, maximum, available, auto_accept, teams = row
    open_at = msgspec.json.decode(hours, type=AvailableHours) if hours is not None else None
    return AgentFacts(
        user_id,
        name,
        Preferences(
            channels=frozenset(channels),
            topics=frozenset(t.casefold() for t in topics),
            languages=frozenset(map(primary, languages)),
            teams=frozenset(teams),
            hours=tuple(open_at.schedule) if open_at is not None else (),
            timezone=open_at.timezone if open_at is not None else "UTC",
            maximum=maximum,
            available=available,
            auto_accept=auto_accept,
        ),
    )
