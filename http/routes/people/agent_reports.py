"""`/v1/agents/{user_id}/stats`: an agent's figures, for the agent and for those who may read reports."""

from __future__ import annotations

from functools import partial

from aiohttp import web

from ....actors import clock
from ....core.errors import NotFound
from ....core.views.people import AgentStats
from ....core.views.statistics import Period
from ...framework.endpoint import Call, Route, answer
from ...framework.pagination import user_id
from ..conversation.inbox import StatsQuery

TAG = "agents"


async def stats(call: Call[None]) -> web.Response:
    query: StatsQuery = call.query
    p, agent_id = call.principal, user_id(call)
    if agent_id == "me" and p.is_staff:
        agent_id = p.user_id
    if not (p.is_staff and agent_id == p.user_id):
        p.require("reports.read")
    period = Period.of(query.start, query.end, clock.now_ms())
    if await call.services.stores.agents.get(call.account_id, agent_id) is None:
        raise NotFound("no such agent")
    read = partial(call.services.stores.inbox.agent_stats, call.account_id, agent_id, period)
    return answer(await call.services.expensive.shared(call.principal, ("agent", agent_id, query), read))


ROUTES = [
    Route("GET", "/v1/agents/{user_id}/stats", stats, "agents.read", {200: AgentStats},
          "getAgentStats", "An agent's statistics: `me` for one's own; leads may read others'", query=StatsQuery, tag=TAG),
]  # fmt: skip
