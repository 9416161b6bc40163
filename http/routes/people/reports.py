"""`/v1/reports`: reports for the account, or by agent, team, channel and label; they need the permission to read reports."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import msgspec
from aiohttp import web

from ....actors import clock
from ....core.text.fields import about
from ....core.views.reports import Dimension, Report
from ....core.views.statistics import Period
from ...framework.endpoint import Call, Route, answer
from ..conversation.inbox import StatsQuery

TAG = "reports"


class ReportQuery(StatsQuery, frozen=True, rename={"start": "from", "end": "to"}):
    """By default the last 30 days; at most 92."""

    by: Annotated[Dimension, about("What the figures are grouped by", "team")] = "account"
    id: Annotated[
        Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None,
        about(
            "One agent, team, channel or label, with figures by day; by default the busiest ones, without days",
            "refund",
        ),
    ] = None


async def report(call: Call[None]) -> web.Response:
    query: ReportQuery = call.query
    period = Period.of(query.start, query.end, clock.now_ms())
    read = partial(call.services.stores.reports.report, call.account_id, query.by, period, query.id)
    return answer(await call.services.expensive.shared(call.principal, ("report", query), read))


ROUTES = [
    Route("GET", "/v1/reports", report, "reports.read", {200: Report}, "getReport",
          "A report by `account`, `agent`, `team`, `channel` or `label`", query=ReportQuery, tag=TAG),
]  # fmt: skip
