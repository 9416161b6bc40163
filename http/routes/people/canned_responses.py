"""`/v1/canned-responses`: prepared texts, and their preview in a conversation."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from aiohttp import web
from msgspec import UNSET

from ....actors.clock import fresh_id
from ....core.accounts.agents_and_teams import CannedResponse, MacroActions
from ....core.accounts.principal import Role
from ....core.conversation.commands import Changes, Update
from ....core.conversation.state import Conversation
from ....core.conversation.status import Status
from ....core.errors import Conflict, Invalid, NotFound
from ....core.text.fields import NextCursor, about
from ....core.text.templates import render as fill
from ....core.views.conversations import ConversationView
from ....core.views.people import CannedResponseView, canned_view
from ...actions import conversations
from ...framework.endpoint import Call, Route, answer, created, no_content
from ...framework.pagination import PageQuery, author, cursor, given, place

TAG = "canned responses"
ShortCode = Annotated[
    str,
    msgspec.Meta(
        min_length=1, max_length=100, pattern=r"^\S+(?![\s\S])", description="Without spaces, as `/refund`"
    ),
]
Title = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
Category = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


MAX_LABELS = 50
"""Labels of a conversation: a macro adds no more."""


class NewCannedResponse(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    short_code: Annotated[ShortCode, about("The short code by which agents find it; no spaces", "/refund")]
    title: Annotated[Title, about("What it is about", "Refund")]
    content: Annotated[
        conversations.Content,
        about(
            "The text; `{{contact_name}}`, `{{agent_name}}` and `{{conversation_id}}` are filled in",
            "Hello {{contact_name}}, your refund is on its way.",
        ),
    ]
    category: Annotated[Category | None, about("The category it is listed under", "billing")] = None
    actions: Annotated[
        MacroActions | None,
        about(
            "What else applying it changes; null if it is only a text",
            {"add_labels": ["refund"], "status": "resolved"},
        ),
    ] = None


class CannedResponsePatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    short_code: Annotated[
        ShortCode | msgspec.UnsetType, about("The short code by which agents find it; no spaces", "/refund")
    ] = msgspec.UNSET
    title: Annotated[Title | msgspec.UnsetType, about("What it is about", "Refund")] = msgspec.UNSET
    content: Annotated[
        conversations.Content | msgspec.UnsetType,
        about("The text, with its placeholders", "Hello {{contact_name}}, your refund is on its way."),
    ] = msgspec.UNSET
    category: Annotated[
        Category | msgspec.UnsetType | None,
        about("The category it is listed under; null to clear it", "billing"),
    ] = msgspec.UNSET
    actions: Annotated[
        MacroActions | msgspec.UnsetType | None,
        about(
            "What else applying it changes; null if it is only a text",
            {"add_labels": ["refund"], "status": "resolved"},
        ),
    ] = msgspec.UNSET


class CannedQuery(PageQuery, frozen=True, forbid_unknown_fields=True):
    """`q` searches short codes, titles and contents."""

    category: Annotated[Category | None, about("Only this category", "billing")] = None
    q: Annotated[
        Annotated[str, msgspec.Meta(max_length=200)] | None,
        about("Part of a short code, title or text", "refund"),
    ] = None


class RenderRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    conversation_id: Annotated[
        conversations.Uuid,
        about("The conversation whose values are filled in", "0190a5f0-7c1e-7d3a-9b52-3f6f0c1e5a07"),
    ]


class RenderedResponse(msgspec.Struct, frozen=True):
    content: Annotated[
        str, about("The text, with the values filled in", "Hello Marta, your refund is on its way.")
    ]


class CannedResponsesPage(msgspec.Struct, frozen=True):
    items: Annotated[list[CannedResponseView], about("The canned responses")]
    next_cursor: NextCursor


async def create(call: Call[NewCannedResponse]) -> web.Response:
    body = call.body
    await _check_actions(call, body.actions)
    wanted = CannedResponse(
        fresh_id(),
        call.account_id,
        body.short_code,
        body.title,
        body.content,
        body.category,
        call.principal.user_id,
        0,
        0,
        body.actions,
    )
    return created(canned_view(await call.services.stores.canned.create(wanted, author(call))), BASE)


async def index(call: Call[None]) -> web.Response:
    query: CannedQuery = call.query
    page = await call.services.stores.canned.page(
        call.account_id, query.category, query.q or None, place(query.cursor), query.limit
    )
    return answer(CannedResponsesPage([canned_view(c) for c in page.items], cursor(page.next)))


async def _found(call: Call[Any]) -> CannedResponse:
    found = await call.services.stores.canned.get(call.account_id, call.id())
    if found is None:
        raise _unknown()
    return found


async def read(call: Call[None]) -> web.Response:
    return answer(canned_view(await _found(call)))


async def patch(call: Call[CannedResponsePatch]) -> web.Response:
    if isinstance(call.body.actions, MacroActions):
        await _check_actions(call, call.body.actions)
    after = await call.services.stores.canned.update(
        call.account_id, call.id(), given(call.body), author(call)
    )
    if after is None:
        raise _unknown()
    await conversations.refresh_rules(call)
    return answer(canned_view(after))


async def delete(call: Call[None]) -> web.Response:
    if not await call.services.stores.canned.delete(call.account_id, call.id(), author(call)):
        raise _unknown()
    await conversations.refresh_rules(call)
    return no_content()


async def render(call: Call[RenderRequest]) -> web.Response:
    """Render a template. The agent's name is the caller's; for a service, that of the agent who holds the conversation. An unknown
    name is left empty: better a gap that the agent sees than braces that the customer sees.
    """
    canned, stores = await _found(call), call.services.stores
    c = await stores.conversations.get(call.account_id, call.body.conversation_id)
    if c is None:
        raise NotFound("no such conversation", errors=(("conversation_id", "no such conversation"),))
    p = call.principal
    agent_id = c.assignee_id if p.role is Role.SERVICE else p.user_id
    agent = await stores.agents.get(call.account_id, agent_id) if agent_id is not None else None
    values = {
        "contact_name": c.contact_name or "",
        "agent_name": (agent.name if agent is not None else None) or "",
        "conversation_id": c.id,
    }
    return answer(RenderedResponse(fill(canned.content, values)))


async def _check_actions(call: Call[Any], actions: MacroActions | None) -> None:
    """Raises Invalid if a macro names a team that the account does not have."""
    team_id = actions.team_id if actions is not None else None
    if team_id is not None and await call.services.stores.teams.get(call.account_id, team_id) is None:
        raise Invalid("there is no such team", errors=(("actions.team_id", "is not a team of this account"),))


async def apply(call: Call[RenderRequest]) -> web.Response:
    """Apply a macro's actions. Repeating it changes nothing more: labels are a set, and the rest are values."""
    canned = await _found(call)
    if canned.actions is None:
        raise Conflict("the canned response has no actions")
    conversation_id = call.body.conversation_id
    c = await call.services.stores.conversations.get(call.account_id, conversation_id)
    if c is None:
        raise NotFound("no such conversation", errors=(("conversation_id", "no such conversation"),))
    changes = _changes(canned.actions, c)
    if not changes.given():
        return answer(conversations.conversation_view(c))
    await conversations.check_team(call, canned.actions.team_id)
    return answer(
        conversations.conversation_of(call, await call.ask(Update(changes), conversation=conversation_id))
    )


def _changes(actions: MacroActions, c: Conversation) -> Changes:
    """A macro's changes to a conversation, without a status that it already has."""
    labels = tuple(dict.fromkeys([*c.labels, *actions.add_labels]))[:MAX_LABELS]
    return Changes(
        status=UNSET if actions.status in (None, c.status) else Status(actions.status),
        priority=UNSET if actions.priority is None else actions.priority,
        labels=labels if actions.add_labels else UNSET,
        team_id=UNSET if actions.team_id is None else actions.team_id,
    )


def _unknown() -> NotFound:
    return NotFound("no such canned response")


BASE = "/v1/canned-responses"
ONE = {200: CannedResponseView}
READ, MANAGE = "canned.read", "canned.manage"
ROUTES = [
    Route("GET", BASE, index, READ, {200: CannedResponsesPage}, "listCannedResponses", "Canned responses, oldest first", query=CannedQuery, tag=TAG),
    Route("POST", BASE, create, MANAGE, {201: CannedResponseView}, "createCannedResponse", "Create a canned response",
          body=NewCannedResponse, tag=TAG, locates=True),
    Route("GET", BASE + "/{id}", read, READ, ONE, "getCannedResponse", "One canned response", tag=TAG),
    Route("PATCH", BASE + "/{id}", patch, MANAGE, ONE, "updateCannedResponse", "Change a canned response", body=CannedResponsePatch, tag=TAG),
    Route("DELETE", BASE + "/{id}", delete, MANAGE, {204: None}, "deleteCannedResponse", "Delete a canned response", tag=TAG),
    Route("POST", BASE + "/{id}/render", render, READ, {200: RenderedResponse},
          "renderCannedResponse", "Render the text for a conversation", body=RenderRequest, tag=TAG),
    Route("POST", BASE + "/{id}/apply", apply, "conversation.update", {200: ConversationView}, "applyMacro",
          "Apply a macro's actions to a conversation: status, priority, labels, team", body=RenderRequest, tag=TAG),
]  # fmt: skip
