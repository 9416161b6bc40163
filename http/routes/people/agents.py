"""`/v1/agents`: agents' presence and load; setting one's own presence. Preferences: `preferences.py`."""

from __future__ import annotations

import msgspec
from aiohttp import web

from ....core.routing.facts import PresenceStatus
from ....core.times import rfc3339_or_none
from ...framework.endpoint import Call, Route, answer

TAG = "agents"


class AgentView(msgspec.Struct, frozen=True):
    """`active`: conversations held, of at most `maximum`; `last_seen`: when presence was last renewed."""

    user_id: str
    name: str | None
    status: PresenceStatus
    active: int
    maximum: int
    is_available: bool
    last_seen: str | None


class AgentList(msgspec.Struct, frozen=True):
    items: list[AgentView]


class PresenceChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    status: PresenceStatus


class PresenceView(msgspec.Struct, frozen=True):
    """`ttl_s`: seconds until it expires, unless it is set again or a stream is open."""

    user_id: str
    status: PresenceStatus
    ttl_s: float


async def index(call: Call[None]) -> web.Response:
    found = await call.services.supervision.agents(call.account_id)
    return answer(
        AgentList(
            [
                AgentView(
                    a.user_id,
                    a.name,
                    a.status,
                    a.active,
                    a.maximum,
                    a.is_available,
                    rfc3339_or_none(a.last_seen),
                )
                for a in found
            ]
        )
    )


async def appear(call: Call[PresenceChange]) -> web.Response:
    status = call.body.status
    await call.services.presence.say(call.principal, status)
    return answer(PresenceView(call.principal.user_id, status, call.services.settings.presence_ttl))


ROUTES = [
    Route("GET", "/v1/agents", index, "agents.read", {200: AgentList}, "listAgents", "Agents with presence and load", tag=TAG),
    Route("PUT", "/v1/agents/me/presence", appear, "me", {200: PresenceView}, "setMyPresence", "Set one's own presence",
          body=PresenceChange, tag=TAG),
]  # fmt: skip
