"""`/v1/agents`: agents' presence and load; setting one's own presence; removing an agent. Preferences: `preferences.py`."""

from __future__ import annotations

from typing import Annotated

import msgspec
from aiohttp import web

from ....core.errors import NotFound
from ....core.routing.facts import PresenceStatus
from ....core.text.fields import AgentId, Count, Timestamp, about
from ....core.times import rfc3339_or_none
from ...actions import conversations
from ...framework.endpoint import Call, Route, answer, no_content
from ...framework.pagination import author, user_id

TAG = "agents"


class AgentView(msgspec.Struct, frozen=True):
    """`active`: conversations held, of at most `maximum`; `last_seen`: when presence was last renewed."""

    user_id: AgentId
    name: Annotated[str | None, about("The agent's name", "Abel")]
    status: Annotated[PresenceStatus, about("The agent's presence")]
    active: Annotated[Count, about("Conversations assigned to the agent")]
    maximum: Annotated[Count, about("The most conversations that the agent may hold", 5)]
    is_available: Annotated[bool, about("Whether the agent receives conversations at all")]
    last_seen: Annotated[Timestamp | None, about("When the presence was last renewed")]


class AgentList(msgspec.Struct, frozen=True):
    items: Annotated[list[AgentView], about("The agents")]


class PresenceChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    status: Annotated[PresenceStatus, about("One's presence")]


class PresenceView(msgspec.Struct, frozen=True):
    """`ttl_s`: seconds until it expires, unless it is set again or a stream is open."""

    user_id: AgentId
    status: Annotated[PresenceStatus, about("The agent's presence")]
    ttl_s: Annotated[
        float, about("Seconds until it expires, unless it is set again or a stream is open", 60.0)
    ]


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


async def remove(call: Call[None]) -> web.Response:
    """Sign the agent off, then remove them: so routing assigns them nothing more. A conversation that somebody assigns to them in that
    very moment goes back to the queue like an absent agent's."""
    agent_id, agents = user_id(call), call.services.stores.agents
    if not await agents.is_removable(call.account_id, agent_id):
        raise NotFound("no such agent")
    await call.services.presence.sign_off(call.account_id, agent_id)
    if not await agents.remove(call.account_id, agent_id, author(call)):
        raise NotFound("no such agent")
    await conversations.refresh_rules(call)
    await conversations.refresh_routing(call)
    return no_content()


async def appear(call: Call[PresenceChange]) -> web.Response:
    status = call.body.status
    await call.services.presence.say(call.principal, status)
    return answer(PresenceView(call.principal.user_id, status, call.services.settings.presence_ttl))


ROUTES = [
    Route("GET", "/v1/agents", index, "agents.read", {200: AgentList}, "listAgents", "Agents with presence and load", tag=TAG),
    Route("PUT", "/v1/agents/me/presence", appear, "me", {200: PresenceView}, "setMyPresence", "Set one's own presence",
          body=PresenceChange, tag=TAG),
    Route("DELETE", "/v1/agents/{user_id}", remove, "agents.remove", {204: None}, "removeAgent", "Remove an agent who holds no conversation",
          details="Signs the agent off, and deletes their preferences, team memberships and drafts. What they wrote and did stays, with their "
          "id. A token that is used later makes them an agent again, with default preferences. 409 names conversations that are assigned to "
          "them.", tag=TAG, refuses=(409,)),
]  # fmt: skip
