"""Reports by agent, team, channel and label on Postgres, from the counts of `report_counters.py`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from ....core.times import rfc3339
from ....core.views.reports import MAX_ITEMS, TARGETS, Dimension, Missed, Report, ReportDay, ReportItem
from ....core.views.statistics import DAY_MS, Csat, Durations, Period
from ..database import Connection, Database
from ..queries import sql
from .report_counters import ReportCounters, quantile

_BY_CHANNEL: Final = {"account", "channel"}
"""Dimensions to which every message belongs for good. A message of an agent belongs to the agent besides."""


class PostgresReports:
    """`core.ports.http.ReportStore` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._counters = ReportCounters(database)

    async def report(
        self, account_id: str, dimension: Dimension, period: Period, item: str | None = None
    ) -> Report:
        period = period.in_whole_hours()
        stored, single = ("", "") if dimension == "account" else (dimension, item)
        await self._counters.complete(account_id)
        async with self._database.expensive(account_id) as connection:
            found, names = await _read(connection, (account_id, stored, period.start, period.end), single)
        dates = _dates(period) if single is not None else []
        items = [
            _item(
                account_id if dimension == "account" else name,
                dimension,
                found[name, ""],
                [_day(date, found[name, date]) for date in dates],
            )
            for name in names[:MAX_ITEMS]
        ]
        return Report(
            rfc3339(period.start), rfc3339(period.end), dimension, items, max(0, len(names) - MAX_ITEMS)
        )


class _Figures:
    """One item's counts, in the whole period or on one day."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, int]] = Counter()
        """By measure and bucket."""
        self.sketches: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        """Buckets in order, with their counts, by measure."""
        self.statuses: dict[str, int] = {}

    def count(self, measure: str) -> int:
        return self.counts[measure, 0]

    def durations(self, measure: str) -> Durations:
        return durations(self.sketches[measure])

    def csat(self) -> Csat:
        return csat({score: n for (measure, score), n in self.counts.items() if measure == "csat"})

    def missed(self) -> Missed:
        return Missed(*(self.count(f"missed {target}") for target in TARGETS))


Found = defaultdict[tuple[str, str], _Figures]
"""By item and day, '' for the whole period."""


async def _read(
    connection: Connection, asked: tuple[str, str, int, int], single: str | None
) -> tuple[Found, list[str]]:
    """The figures of one item, by day as well, or of the busiest; and all items that have any, the busiest first."""
    found: Found = defaultdict(_Figures)
    by_day = single is not None
    for name, measure, bucket, day, n in await connection.fetch(
        sql("report_figures"), *asked, single, by_day
    ):
        for key in {day, ""}:
            found[name, key].counts[measure, bucket] += n
    for name, status, n in await connection.fetch(sql("report_statuses"), asked[0], asked[1], single):
        found[name, ""].statuses[status] = n
    weights = {name: figures.counts.total() for (name, day), figures in found.items() if not day}
    names = sorted(weights, key=lambda name: (-weights[name], name)) if single is None else [single]
    for split in {False, by_day}:
        for name, measure, day, bucket, n in await connection.fetch(
            sql("report_sketches"), *asked, names[:MAX_ITEMS], split
        ):
            found[name, day].sketches[measure].append((bucket, n))
    return found, names


def _dates(period: Period) -> list[str]:
    days = range(period.start // DAY_MS, (period.end - 1) // DAY_MS + 1)
    return [datetime.fromtimestamp(day * DAY_MS / 1000, UTC).strftime("%Y-%m-%d") for day in days]


def _item(name: str, dimension: Dimension, figures: _Figures, days: list[ReportDay]) -> ReportItem:
    def messages(measure: str, *, agents: bool = False) -> int | None:
        counted = dimension in _BY_CHANNEL or (agents and dimension == "agent")
        return figures.count(measure) if counted else None

    return ReportItem(
        id=name,
        conversations=figures.count("opened"),
        resolved=figures.count("resolved"),
        inbound=messages("inbound"),
        outbound=messages("outbound", agents=True),
        bot_messages=messages("bot"),
        handoffs=messages("handoff"),
        assigned=messages("assigned", agents=True),
        first_reply=figures.durations("reply"),
        resolution=figures.durations("resolution"),
        wait=figures.durations("wait"),
        missed=figures.missed(),
        csat=figures.csat(),
        statuses=figures.statuses,
        days=days,
    )


def _day(date: str, figures: _Figures) -> ReportDay:
    scores = figures.csat()
    return ReportDay(
        date=date,
        conversations=figures.count("opened"),
        resolved=figures.count("resolved"),
        inbound=figures.count("inbound"),
        outbound=figures.count("outbound"),
        assigned=figures.count("assigned"),
        missed=figures.missed(),
        first_reply_p50_s=figures.durations("reply").p50_s,
        resolution_p50_s=figures.durations("resolution").p50_s,
        wait_p50_s=figures.durations("wait").p50_s,
        csat_count=scores.count,
        csat_average=scores.average,
    )


def durations(sketch: Sequence[tuple[int, int]]) -> Durations:
    """The percentiles of a sketch."""
    p50, p90 = quantile(sketch, 0.5), quantile(sketch, 0.9)
    return Durations(
        sum(n for _, n in sketch),
        None if p50 is None else round(p50, 3),
        None if p90 is None else round(p90, 3),
    )


def csat(scores: Mapping[int, int]) -> Csat:
    """The figures of scores with their counts."""
    count = sum(scores.values())
    average = round(sum(s * n for s, n in scores.items()) / count, 3) if count else None
    return Csat(count, average, {str(s): scores.get(s, 0) for s in range(1, 6)})
