"""`/v1/agent-preferences`: which conversations an agent takes, and when. Agents edit their own, leads those of others; what an agent keeps
of the inbox (`…/me/inbox`) is theirs alone.

Agents are users who have used a token of the account or were added to one of its teams; they start with default preferences.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from aiohttp import web

from ....core.accounts.agents_and_teams import (
    AgentPreferences,
    AvailableHours,
    PreferencesFilter,
    check_hours,
    distinct,
)
from ....core.accounts.records import ChannelType
from ....core.errors import NotFound
from ....core.text.fields import NextCursor, about
from ....core.views.inbox_preferences import InboxPreferences, InboxPreferencesPatch
from ....core.views.people import AgentPreferencesView, preferences_view
from ...actions import conversations
from ...framework.endpoint import Call, Route, answer
from ...framework.pagination import PageQuery, author, cursor, given, place, user_id

TAG = "agents"
Topics = Annotated[list[conversations.Label], msgspec.Meta(max_length=100)]
Channels = Annotated[list[ChannelType], msgspec.Meta(max_length=20)]
Language = Annotated[
    str,
    msgspec.Meta(
        pattern="^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}(?![\\s\\S])",
        max_length=35,
        description="A BCP 47 tag, as `en` or `am-ET`",
    ),
]
Languages = Annotated[list[Language], msgspec.Meta(max_length=50)]
Capacity = Annotated[int, msgspec.Meta(ge=0, le=1000)]


class NotificationPreferencesPatch(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Only given fields change."""

    sound: Annotated[bool | msgspec.UnsetType, about("Whether a sound is played")] = msgspec.UNSET
    desktop: Annotated[bool | msgspec.UnsetType, about("Whether the desktop shows a notification")] = (
        msgspec.UNSET
    )
    email_on_assignment: Annotated[
        bool | msgspec.UnsetType, about("Whether an assignment is sent by e-mail")
    ] = msgspec.UNSET


class AgentPreferencesPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Only given fields change. Empty lists, and null or an empty schedule for the hours, mean any."""

    available_channels: Annotated[
        Channels | msgspec.UnsetType, about("Channel types that the agent serves; empty for any", ["webchat"])
    ] = msgspec.UNSET
    available_topics: Annotated[
        Topics | msgspec.UnsetType, about("Topics that the agent serves; empty for any", ["billing"])
    ] = msgspec.UNSET
    available_hours: Annotated[
        AvailableHours | msgspec.UnsetType | None, about("The agent's working hours; null for any time")
    ] = msgspec.UNSET
    languages: Annotated[
        Languages | msgspec.UnsetType, about("Languages that the agent speaks; empty for any", ["en"])
    ] = msgspec.UNSET
    max_concurrent_conversations: Annotated[
        Capacity | msgspec.UnsetType, about("How many conversations the agent may hold at once", 5)
    ] = msgspec.UNSET
    is_available: Annotated[
        bool | msgspec.UnsetType, about("Whether the agent receives conversations at all")
    ] = msgspec.UNSET
    auto_accept: Annotated[
        bool | msgspec.UnsetType, about("Whether conversations are assigned without an offer")
    ] = msgspec.UNSET
    notification_preferences: Annotated[
        NotificationPreferencesPatch | msgspec.UnsetType, about("How clients notify the agent")
    ] = msgspec.UNSET


class PreferencesQuery(PageQuery, frozen=True, forbid_unknown_fields=True):
    """Conditions are combined by AND; a repeated topic or channel requires all of them. Agents who name none serve
    any, so they match each.
    """

    is_available: Annotated[
        bool | None, about("Only agents who receive conversations, or only those who do not")
    ] = None
    available_topics: Annotated[Topics, about("Only agents who serve all of these topics", ["billing"])] = (
        msgspec.field(default_factory=list)
    )
    available_channels: Annotated[
        Channels, about("Only agents who serve all of these channel types", ["webchat"])
    ] = msgspec.field(default_factory=list)


class AgentPreferencesPage(msgspec.Struct, frozen=True):
    items: Annotated[list[AgentPreferencesView], about("The agents' preferences")]
    next_cursor: NextCursor


async def _of(call: Call[Any], agent_id: str) -> AgentPreferences:
    found = await call.services.stores.preferences.get(call.account_id, agent_id)
    if found is None:
        raise NotFound("no such agent")
    return found


async def _own(call: Call[Any]) -> AgentPreferences:
    """The caller's preferences, created now if the storage was down when they first connected."""
    p, stores = call.principal, call.services.stores
    found = await stores.preferences.get(p.account_id, p.user_id)
    if found is None:
        await stores.agents.ensure(p.account_id, p.user_id, p.name)
        found = await _of(call, p.user_id)
    return found


async def _change(call: Call[AgentPreferencesPatch], agent_id: str) -> web.Response:
    changes = distinct(given(call.body))
    hours = changes.get("available_hours")
    if hours is not None:
        check_hours(hours)
    after = await call.services.stores.preferences.update(call.account_id, agent_id, changes, author(call))
    if after is None:
        raise NotFound("no such agent")
    if "languages" in changes:
        await conversations.refresh_rules(call)
    await conversations.refresh_routing(call)
    return answer(preferences_view(after))


async def index(call: Call[None]) -> web.Response:
    query: PreferencesQuery = call.query
    wanted = PreferencesFilter(
        query.is_available, tuple(query.available_topics), tuple(query.available_channels)
    )
    page = await call.services.stores.preferences.page(
        call.account_id, wanted, place(query.cursor), query.limit
    )
    return answer(AgentPreferencesPage([preferences_view(p) for p in page.items], cursor(page.next)))


async def read_own(call: Call[None]) -> web.Response:
    return answer(preferences_view(await _own(call)))


async def patch_own(call: Call[AgentPreferencesPatch]) -> web.Response:
    return await _change(call, (await _own(call)).user_id)


async def read(call: Call[None]) -> web.Response:
    return answer(preferences_view(await _of(call, user_id(call))))


async def patch(call: Call[AgentPreferencesPatch]) -> web.Response:
    return await _change(call, user_id(call))


async def read_inbox(call: Call[None]) -> web.Response:
    agent_id = (await _own(call)).user_id
    return answer(_present(await call.services.stores.preferences.inbox(call.account_id, agent_id)))


async def patch_inbox(call: Call[InboxPreferencesPatch]) -> web.Response:
    given(call.body)
    agent_id, stores = (await _own(call)).user_id, call.services.stores
    return answer(_present(await stores.preferences.update_inbox(call.account_id, agent_id, call.body)))


def _present(found: InboxPreferences | None) -> InboxPreferences:
    if found is None:
        raise NotFound("no such agent")
    return found


BASE = "/v1/agent-preferences"
ONE = {200: AgentPreferencesView}
ROUTES = [
    Route("GET", BASE, index, "agents.read", {200: AgentPreferencesPage}, "listAgentPreferences", "Agents' preferences, oldest first",
          query=PreferencesQuery, tag=TAG),
    Route("GET", f"{BASE}/me", read_own, "me", ONE, "getMyPreferences", "One's own preferences", tag=TAG),
    Route("PATCH", f"{BASE}/me", patch_own, "me", ONE, "updateMyPreferences", "Change one's own preferences", body=AgentPreferencesPatch, tag=TAG),
    Route("GET", f"{BASE}/me/inbox", read_inbox, "me", {200: InboxPreferences}, "getMyInboxPreferences",
          "One's own saved filters and changed shortcuts", tag=TAG),
    Route("PATCH", f"{BASE}/me/inbox", patch_inbox, "me", {200: InboxPreferences}, "updateMyInboxPreferences",
          "Save or delete one's own filters and shortcuts", body=InboxPreferencesPatch, tag=TAG),
    Route("GET", BASE + "/{user_id}", read, "agents.read", ONE, "getAgentPreferences", "An agent's preferences", tag=TAG),
    Route("PATCH", BASE + "/{user_id}", patch, "agents.manage", ONE, "updateAgentPreferences", "Change an agent's preferences",
          body=AgentPreferencesPatch, tag=TAG),
]  # fmt: skip
"""`me` comes before `{user_id}`."""
