"""The inbox and its reports on Postgres. How a page is found: the function `inbox_page` in schema.sql."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from ....core.conversation.status import Status
from ....core.routing.explain import shown
from ....core.times import rfc3339, rfc3339_or_none
from ....core.views.inbox import (
    DAY_MS,
    AiFigures,
    AssignmentView,
    Csat,
    DayVolume,
    Durations,
    InboxFilter,
    InboxStats,
    IncludedContact,
    IncludedIdentifier,
    Page,
    Period,
    Queue,
    Seen,
    Sort,
    Volume,
    assignments_of,
)
from ....core.views.people import AgentStats, LabelCount
from ....core.views.search_terms import searches
from ..database import Connection, Database
from ..queries import sql
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

    async def page(
        self, account_id: str, wanted: InboxFilter, sort: Sort, *, after: Seen | None, limit: int
    ) -> Page:
        query = sql("inbox_page", columns=sql("conversation_columns"))
        key, last = (after.key, after.id) if after is not None else (None, None)
        session = self._database.account if wanted.q is None else self._database.expensive
        async with session(account_id) as connection:
            rows = await connection.fetch(
                query, filter_json(wanted), sort.key, sort.descending, key, last, limit + 1
            )
        items = [conversation_from_row(row[1:]) for row in rows[:limit]]
        return Page(items, Seen(rows[limit - 1][0], items[-1].id) if len(rows) > limit else None)

    async def assignments(self, account_id: str, conversation_id: str) -> list[AssignmentView]:
        query = sql("assignment_entries", columns=sql("entry_columns"))
        async with self._database.account(account_id) as connection:
            rows = await connection.fetch(query, conversation_id, MAX_HOLDINGS)
            found = assignments_of(map(entry_from_row, rows))
            digests = {a.explain["roster"] for a in found if a.explain is not None and "roster" in a.explain}
            rosters = dict(await connection.fetch(sql("routing_rosters"), list(digests))) if digests else {}
        return [_explained(a, rosters) for a in found]

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
            said = await connection.fetchrow(sql("agent_messages"), *asked)
            scores = await _pairs(connection, "agent_ratings", *asked)
        assert said is not None
        messages, *replies = said
        return AgentStats(
            rfc3339(period.start),
            rfc3339(period.end),
            user_id,
            assigned,
            resolved,
            messages,
            _durations(*replies),
            _csat(scores),
        )

    async def stats(self, account_id: str, period: Period) -> InboxStats:
        span = period.start, period.end
        async with self._database.expensive(account_id) as connection:
            statuses = await _pairs(connection, "stats_statuses")
            waiting = await connection.fetchrow(sql("stats_queue"))
            times = await connection.fetchrow(sql("stats_times"), *span)
            opened = await _pairs(connection, "stats_opened", *span)
            messages = await connection.fetch(sql("stats_messages"), *span)
            scores = await _pairs(connection, "stats_ratings", *span)
            handoffs = await connection.fetchval(sql("stats_handoffs"), *span)
        assert waiting is not None and times is not None
        volume = _volume(period, opened, {day: (i, o) for day, i, o, _ in messages})
        bots = sum(row[3] for row in messages)
        return InboxStats(
            start=rfc3339(period.start),
            end=rfc3339(period.end),
            statuses={s.value: statuses.get(s.value, 0) for s in Status},
            queue=Queue(waiting[0], rfc3339_or_none(waiting[1])),
            first_reply=_durations(*times[0:2]),
            resolution=_durations(*times[2:4]),
            volume=volume,
            csat=_csat(scores),
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


def _volume(period: Period, opened: dict[str, int], messages: dict[str, tuple[int, int]]) -> Volume:
    """Every day of the period, including empty ones."""
    days: list[DayVolume] = []
    for day in range(period.start // DAY_MS, (period.end - 1) // DAY_MS + 1):
        date = datetime.fromtimestamp(day * DAY_MS / 1000, UTC).strftime("%Y-%m-%d")
        inbound, outbound = messages.get(date, (0, 0))
        days.append(DayVolume(date, opened.get(date, 0), inbound, outbound))
    return Volume(
        sum(d.conversations for d in days), sum(d.inbound for d in days), sum(d.outbound for d in days), days
    )


def _csat(scores: dict[int, int]) -> Csat:
    count = sum(scores.values())
    average = round(sum(s * n for s, n in scores.items()) / count, 3) if count else None
    return Csat(count, average, {str(s): scores.get(s, 0) for s in range(1, 6)})


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _explained(a: AssignmentView, rosters: dict[str, str]) -> AssignmentView:
    """The assignment with its explain record in full: the stored one only names its roster's digest."""
    record = a.explain
    if record is None or (roster := rosters.get(record.get("roster", ""))) is None:
        return a
    agents = msgspec.json.decode(roster, type=tuple[str, ...])
    return msgspec.structs.replace(a, explain=shown(record, agents))
