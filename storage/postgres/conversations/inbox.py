"""The inbox and its reports on Postgres. How a page is found: the function `inbox_page` in schema.sql."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from ....core.conversation.entries import Assigned
from ....core.conversation.status import Status
from ....core.times import rfc3339, rfc3339_or_none
from ....core.views.assignments import AssignmentView, assignments_of
from ....core.views.inbox import InboxFilter, InboxPage, IncludedContact, IncludedIdentifier, Seen, Sort
from ....core.views.people import AgentStats, LabelCount
from ....core.views.search_terms import searches
from ....core.views.statistics import (
    DAY_MS,
    AiFigures,
    DayVolume,
    Durations,
    InboxStats,
    Period,
    Queue,
    Volume,
)
from ..database import Connection, Database
from ..queries import sql
from ..reports.report_counters import ReportCounters
from ..reports.reports import csat, durations
from ..rows import conversation_from_row, entry_from_row

MAX_HOLDINGS = 1000
"""The newest entries that a conversation's assignments are derived from."""
LABELLED = 10_000
MAX_LABELS = 1000
"""Labels are counted in an account's newest LABELLED conversations; the MAX_LABELS most used ones are returned."""


class PostgresInbox:
    """`core.ports.http.InboxStore` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._counters = ReportCounters(database)

    async def page(
        self, account_id: str, wanted: InboxFilter, sort: Sort, *, after: Seen | None, limit: int
    ) -> InboxPage:
        query = sql("inbox_page", columns=sql("conversation_columns"))
        key, last = (after.key, after.id) if after is not None else (None, None)
        session = self._database.account if wanted.q is None else self._database.expensive
        async with session(account_id) as connection:
            rows = await connection.fetch(
                query, filter_json(wanted), sort.key, sort.descending, key, last, limit + 1
            )
        items = [conversation_from_row(row[1:]) for row in rows[:limit]]
        return InboxPage(items, Seen(rows[limit - 1][0], items[-1].id) if len(rows) > limit else None)

    async def assignments(self, account_id: str, conversation_id: str) -> list[AssignmentView]:
        query = sql("assignment_entries", columns=sql("entry_columns"))
        async with self._database.account(account_id) as connection:
            rows = await connection.fetch(query, conversation_id, MAX_HOLDINGS)
            entries = [entry_from_row(row) for row in rows]
            digests = {
                e.data.explain.roster for e in entries if isinstance(e.data, Assigned) and e.data.explain
            }
            rosters = await connection.fetch(sql("routing_rosters"), list(digests)) if digests else []
        agents = {digest: msgspec.json.decode(told, type=tuple[str, ...]) for digest, told in rosters}
        return assignments_of(entries, agents)

    async def contact(self, account_id: str, contact_id: str) -> IncludedContact | None:
        async with self._database.account(account_id) as connection:
            row = await connection.fetchrow(sql("contact_detail"), contact_id)
        if row is None:
            return None
        found, name, attributes, created, updated, identifiers = row
        return IncludedContact(
            found,
            name,
            msgspec.json.decode(attributes),
            [
                IncludedIdentifier(
                    i, kind, identifier, shown, msgspec.json.decode(metadata), rfc3339(made), rfc3339(changed)
                )
                for i, kind, identifier, shown, metadata, made, changed in identifiers
            ],
            rfc3339(created),
            rfc3339(updated),
        )

    async def labels(self, account_id: str) -> list[LabelCount]:
        async with self._database.expensive(account_id) as connection:
            rows = await connection.fetch(sql("labels_used"), account_id, LABELLED, MAX_LABELS)
        return [LabelCount(*row) for row in rows]

    async def agent_stats(self, account_id: str, user_id: str, period: Period) -> AgentStats:
        asked = account_id, user_id, period.start, period.end
        async with self._database.expensive(account_id) as connection:
            assigned = await connection.fetchval(sql("agent_assigned"), *asked)
            resolved = await connection.fetchval(sql("agent_resolved"), *asked)
            row = await connection.fetchrow(sql("agent_messages"), *asked)
            scores = await _pairs(connection, "agent_ratings", *asked)
        assert row is not None
        messages, *replies = row
        return AgentStats(
            rfc3339(period.start),
            rfc3339(period.end),
            user_id,
            assigned,
            resolved,
            messages,
            _durations(*replies),
            csat(scores),
        )

    async def stats(self, account_id: str, period: Period) -> InboxStats:
        period = period.in_whole_hours()
        span = period.start, period.end
        await self._counters.complete(account_id)
        async with self._database.expensive(account_id) as connection:
            statuses = await _pairs(connection, "report_now", account_id)
            waiting = await connection.fetchrow(sql("report_queue"), account_id)
            counts = {
                (m, day): n for m, day, n in await connection.fetch(sql("report_volumes"), account_id, *span)
            }
            replies, resolutions = [
                [
                    (bucket, n)
                    for bucket, n in await connection.fetch(sql("report_durations"), account_id, m, *span)
                ]
                for m in ("reply", "resolution")
            ]
            scores = await _pairs(connection, "report_scores", account_id, *span)
        assert waiting is not None
        volume = _volume(period, counts)
        bots = sum(n for (measure, _), n in counts.items() if measure == "bot")
        handoffs = sum(n for (measure, _), n in counts.items() if measure == "handoff")
        return InboxStats(
            start=rfc3339(period.start),
            end=rfc3339(period.end),
            statuses={s.value: statuses.get(s.value, 0) for s in Status},
            queue=Queue(waiting[0], rfc3339_or_none(waiting[1])),
            first_reply=durations(replies),
            resolution=durations(resolutions),
            volume=volume,
            csat=csat(scores),
            ai=AiFigures(bots, _share(bots, volume.outbound), handoffs),
        )


def filter_json(wanted: InboxFilter) -> str:
    """The filter as JSON for the database's type `inbox_filter`, without conditions that are not set."""
    fields = msgspec.to_builtins(wanted)
    if (q := fields.pop("q", None)) is not None:
        fields["searches"] = msgspec.to_builtins(searches(q))
    return msgspec.json.encode(fields).decode()


async def _pairs(connection: Connection, name: str, *arguments: Any) -> dict[Any, int]:
    return dict(await connection.fetch(sql(name), *arguments))


def _durations(count: int, percentiles: list[float] | None) -> Durations:
    p50, p90 = (None, None) if percentiles is None else (round(p, 3) for p in percentiles)
    return Durations(count, p50, p90)


def _volume(period: Period, counts: dict[tuple[str, str], int]) -> Volume:
    """Every day of the period, including empty ones. `counts`: by measure and day."""
    days: list[DayVolume] = []
    for day in range(period.start // DAY_MS, (period.end - 1) // DAY_MS + 1):
        date = datetime.fromtimestamp(day * DAY_MS / 1000, UTC).strftime("%Y-%m-%d")
        days.append(DayVolume(date, *(counts.get((m, date), 0) for m in ("opened", "inbound", "outbound"))))
    return Volume(
        sum(d.conversations for d in days), sum(d.inbound for d in days), sum(d.outbound for d in days), days
    )


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
