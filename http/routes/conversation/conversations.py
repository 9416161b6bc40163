"""`/v1/conversations`: opening, reading, changing, assigning. Lists are in `inbox.py`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web

from ....core.accounts.principal import Role
from ....core.conversation.commands import (
    Changes,
    Close,
    Entrust,
    GiveBack,
    Handoff,
    MarkRead,
    Rate,
    Release,
    Update,
)
from ....core.conversation.entries import Priority
from ....core.conversation.status import Status
from ....core.errors import Forbidden, Invalid
from ....core.text.fields import about
from ....core.views.assignments import AssignmentView
from ....core.views.conversations import ConversationView, MessageView, conversation_view
from ....core.views.inbox import IncludedContact
from ...actions import conversations, opening
from ...actions.conversations import check_team
from ...framework.endpoint import Call, Route, answer, created, no_content
from ...framework.pagination import given
from .messages import MessagesQuery, page, visible

TAG = "conversations"
INCLUDABLE = frozenset({"messages", "contact", "assignments"})
UserId = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]


class ConversationPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`PATCH /v1/conversations/{id}`: only given fields change; null clears a nullable one."""

    status: Annotated[
        Status | msgspec.UnsetType,
        about("The new status; `bot` and `assigned` cannot be set here", "pending"),
    ] = msgspec.UNSET
    assignee_id: Annotated[
        UserId | msgspec.UnsetType | None,
        about(
            "The agent to assign it to (`me` for oneself); null to release it",
            "00000000-0000-0000-0000-000000000021",
        ),
    ] = msgspec.UNSET
    team_id: Annotated[
        conversations.Uuid | msgspec.UnsetType | None,
        about("The team it is assigned to; null for none", "0190a5f0-7c1e-7000-8000-00000000b0b1"),
    ] = msgspec.UNSET
    priority: Annotated[Priority | msgspec.UnsetType, about("How urgent it is", "high")] = msgspec.UNSET
    labels: Annotated[
        conversations.Labels | msgspec.UnsetType, about("Labels, replaced as a whole", ["refund"])
    ] = msgspec.UNSET
    subject: Annotated[
        conversations.Subject | msgspec.UnsetType | None,
        about("The subject; null to clear it", "Refund for order A-1042"),
    ] = msgspec.UNSET
    metadata: Annotated[
        dict[str, Any] | msgspec.UnsetType,
        about("Free-form: replaced as a whole, at most 16,384 bytes as JSON", {"order": "A-1042"}),
    ] = msgspec.UNSET
    snoozed_until: Annotated[
        Annotated[datetime, msgspec.Meta(extra_json_schema={"format": "date-time"})]
        | msgspec.UnsetType
        | None,
        about("Hide it from the inbox until then; null to show it", "2026-03-02T09:30:00Z"),
    ] = msgspec.UNSET
    archived: Annotated[bool | msgspec.UnsetType, about("Whether it is archived")] = msgspec.UNSET


Included = Annotated[
    str,
    msgspec.Meta(
        extra_json_schema={"pattern": "^((messages|contact|assignments)(,(messages|contact|assignments))*)?$"}
    ),
]


class ReadQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    include: Annotated[
        list[Included],
        about("Any of messages, contact, assignments, comma separated", ["messages,contact"]),
    ] = []


class ConversationDetail(ConversationView, frozen=True, kw_only=True):
    """A conversation with what `include` names: `messages` are the newest 50, oldest first."""

    messages: Annotated[
        list[MessageView] | msgspec.UnsetType, about("With `include=messages`: the newest 50, oldest first")
    ] = msgspec.UNSET
    contact: Annotated[
        IncludedContact | msgspec.UnsetType | None, about("With `include=contact`: the customer")
    ] = msgspec.UNSET
    assignments: Annotated[
        list[AssignmentView] | msgspec.UnsetType,
        about("With `include=assignments`: its assignments, oldest first"),
    ] = msgspec.UNSET


class AssignmentRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    agent_id: Annotated[
        UserId | None, about("The agent; `me` for oneself", "00000000-0000-0000-0000-000000000021")
    ] = None
    team_id: Annotated[
        conversations.Uuid | None, about("The team", "0190a5f0-7c1e-7000-8000-00000000b0b1")
    ] = None
    strategy: Annotated[
        Literal["round_robin", "least_busy", "manual_queue"] | None,
        about("How an agent of the team is chosen"),
    ] = None


class HandoffRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reason: Annotated[
        str, msgspec.Meta(min_length=1, max_length=1000), about("Why a human was requested", "wants a human")
    ]
    agent_id: Annotated[
        UserId | None, about("An agent to assign it to at once", "00000000-0000-0000-0000-000000000021")
    ] = None


class NewRating(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    score: Annotated[int, msgspec.Meta(ge=1, le=5), about("From 1 (worst) to 5", 5)]
    comment: Annotated[
        Annotated[str, msgspec.Meta(max_length=5000)] | None,
        about("The customer's comment", "Quick and kind"),
    ] = None


class ReadMarker(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    seq: Annotated[conversations.Seq, about("The number up to which everything has been read", 7)]


class TypingChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    state: Annotated[conversations.TypingState, about("Whether the user starts or stops typing")]


async def create(call: Call[conversations.NewConversation]) -> web.Response:
    return created(
        conversations.conversation_of(call, await opening.open_conversation(call, call.body, find=False)),
        BASE,
    )


async def find_or_create(call: Call[conversations.NewConversation]) -> web.Response:
    done = await opening.open_conversation(call, call.body, find=True)
    view = conversations.conversation_of(call, done)
    return answer(view) if done.repeated else created(view, BASE)


async def read(call: Call[None]) -> web.Response:
    wanted = _included(call)
    c = await visible(call, call.id())
    (view,) = await conversations.with_positions(call, [c])
    if not wanted:
        return answer(view)
    parts: dict[str, Any] = {}
    inbox = call.services.stores.inbox
    if "messages" in wanted:
        parts["messages"] = (await page(call, [c.id], MessagesQuery())).items
    if "contact" in wanted:
        parts["contact"] = await inbox.contact(call.account_id, c.contact_id)
    if "assignments" in wanted:
        parts["assignments"] = await inbox.assignments(call.account_id, c.id)
    return answer(ConversationDetail(**msgspec.structs.asdict(view), **parts))


def _included(call: Call[None]) -> frozenset[str]:
    """The parts that `include` names, separated by commas or repeated. Raises Invalid, and Forbidden for internal parts."""
    query: ReadQuery = call.query
    names = frozenset(name.strip() for text in query.include for name in text.split(",")) - {""}
    unknown = sorted(names - INCLUDABLE)
    if unknown:
        message = f"{unknown[0][:80]!r} is none of {', '.join(sorted(INCLUDABLE))}"
        raise Invalid("the query parameters are not valid", errors=(("include", message),))
    if call.principal.role is Role.CUSTOMER and names - {"messages"}:
        raise Forbidden("customers may include messages only")
    return names


async def patch(call: Call[ConversationPatch]) -> web.Response:
    update = Update(_changes(call))
    await check_team(call, update.changes.team_id or None)
    if agent_id := update.changes.assignee_id:
        done = await conversations.ask_for_agent(call, update, call.id(), agent_id, "assignee_id")
    else:
        done = await call.ask(update, conversation=call.id())
    return answer(conversations.conversation_of(call, done))


def _changes(call: Call[ConversationPatch]) -> Changes:
    """The fields of the body as the core has them. Raises Invalid."""
    wanted = given(call.body)
    conversations.check_metadata(wanted.get("metadata"))
    if "labels" in wanted:
        wanted["labels"] = tuple(dict.fromkeys(wanted["labels"]))
    if (snoozed := wanted.get("snoozed_until")) is not None:
        if snoozed.tzinfo is None:
            raise Invalid(
                "a time needs an offset", errors=(("snoozed_until", "RFC 3339 with Z or an offset"),)
            )
        wanted["snoozed_until"] = int(snoozed.timestamp() * 1000)
    if wanted.get("assignee_id") == "me":
        wanted["assignee_id"] = call.principal.user_id
    return Changes(**wanted)


async def close(call: Call[None]) -> web.Response:
    await call.ask(Close(), conversation=call.id())
    return no_content()


async def assign(call: Call[AssignmentRequest]) -> web.Response:
    body = call.body
    if (body.agent_id is None) == (body.team_id is None):
        raise Invalid(
            "either agent_id or team_id", errors=(("agent_id", "give exactly one of agent_id, team_id"),)
        )
    if body.agent_id is not None:
        agent_id = call.principal.user_id if body.agent_id == "me" else body.agent_id
        done = await conversations.assign(call, call.id(), agent_id)
    else:
        call.principal.require("conversation.assign_others")
        await check_team(call, body.team_id)
        assert body.team_id is not None
        done = await call.ask_supervisor(Entrust(body.team_id, body.strategy or "least_busy"), call.id())
    return answer(conversations.conversation_of(call, done))


async def handoff(call: Call[HandoffRequest]) -> web.Response:
    command = Handoff(call.body.reason, call.body.agent_id)
    if call.body.agent_id is not None:
        done = await conversations.ask_for_agent(call, command, call.id(), call.body.agent_id, "agent_id")
    else:
        done = await call.ask(command, conversation=call.id())
    return answer(conversations.conversation_of(call, done))


async def hand_back(call: Call[None]) -> web.Response:
    return answer(conversations.conversation_of(call, await call.ask(GiveBack(), conversation=call.id())))


async def release(call: Call[None]) -> web.Response:
    return answer(conversations.conversation_of(call, await call.ask(Release(), conversation=call.id())))


async def accept(call: Call[None]) -> web.Response:
    return answer(
        conversations.conversation_of(call, await conversations.answer_offer(call, call.id(), "accepted"))
    )


async def decline(call: Call[None]) -> web.Response:
    return answer(
        conversations.conversation_of(call, await conversations.answer_offer(call, call.id(), "declined"))
    )


async def rate(call: Call[NewRating]) -> web.Response:
    done = await call.ask(Rate(call.body.score, call.body.comment), conversation=call.id())
    return answer(conversations.conversation_of(call, done))


async def mark_read(call: Call[ReadMarker]) -> web.Response:
    if call.principal.role is Role.CUSTOMER:
        raise Forbidden("customers have no unread count")
    return answer(conversation_view(await conversations.mark_read(call, call.id(), MarkRead(call.body.seq))))


async def typing(call: Call[TypingChange]) -> web.Response:
    await conversations.typing(call, call.id(), call.body.state)
    return no_content()


BASE = "/v1/conversations"
ONE = {200: ConversationView}
ROUTES = [
    Route("POST", BASE, create, "conversation.create", {201: ConversationView}, "createConversation", "Open a conversation",
          body=conversations.NewConversation, tag=TAG, refuses=(404,), locates=True),
    Route("POST", f"{BASE}/find-or-create", find_or_create, "conversation.create",
          {200: ConversationView, 201: ConversationView}, "findOrCreateConversation", "The live conversation of a thread key, or a new one",
          body=conversations.NewConversation, tag=TAG, refuses=(404,), locates=True),
    Route("GET", BASE + "/{id}", read, "conversation.read", {200: ConversationDetail}, "getConversation", "One conversation",
          query=ReadQuery, tag=TAG),
    Route("PATCH", BASE + "/{id}", patch, "conversation.update", ONE, "updateConversation", "Change a conversation", body=ConversationPatch, tag=TAG, example={"priority": "high", "labels": ["refund"]}),
    Route("DELETE", BASE + "/{id}", close, "conversation.update", {204: None}, "closeConversation", "Close a conversation", tag=TAG),
    Route("POST", BASE + "/{id}/assign", assign, "conversation.update", ONE, "assignConversation", "Assign to an agent or a team",
          body=AssignmentRequest, tag=TAG, example={"agent_id": "me"}),
    Route("POST", BASE + "/{id}/handoff", handoff, "conversation.handoff", ONE, "requestHandoff", "Request a human agent",
          body=HandoffRequest, tag=TAG, example={"reason": "wants a human"}),
    Route("POST", BASE + "/{id}/handback", hand_back, "conversation.update", ONE,
          "handBackConversation", "Return an open, assigned or pending conversation to the bot; ends the handoff, frees its agent's slot, and removes "
          "it from the queue. For its assignee, leads, admins and services", tag=TAG),
    Route("POST", BASE + "/{id}/release", release, "conversation.update", ONE, "releaseConversation", "Return it to the queue", tag=TAG),
    Route("POST", BASE + "/{id}/accept", accept, "conversation.claim", ONE, "acceptOffer", "Accept an offer", tag=TAG),
    Route("POST", BASE + "/{id}/decline", decline, "conversation.claim", ONE, "declineOffer", "Decline an offer", tag=TAG),
    Route("POST", BASE + "/{id}/csat", rate, "csat.write", ONE, "rateConversation", "Submit the customer's rating, once per resolution",
          body=NewRating, tag=TAG),
    Route("POST", BASE + "/{id}/read", mark_read, "conversation.read", ONE, "markRead", "Move the read marker",
          body=ReadMarker, tag=TAG),
    Route("POST", BASE + "/{id}/typing", typing, "conversation.read", {204: None}, "setTyping", "Show or hide a typing indicator",
          body=TypingChange, tag=TAG),
]  # fmt: skip
