"""`/sync/api/v1/conversations` (legacy), and the agent's unified sync."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from aiohttp import web

from ....core.conversation.commands import Update
from ....core.conversation.state import Conversation
from ....core.ports.resources import Session
from ...actions import conversations as actions
from ...actions.older_services import outlet_of
from ...actions.opening import open_conversation
from ...framework.endpoint import Call, Route
from ..crm.conversations import whatsapp_channel
from . import sessions, shapes
from .envelope import SyncEnvelope, SyncError, enveloped, refused
from .gate import GATE
from .lookups import BASE, FOUND, OK, TAG, whole
from .messages import SubDomain

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
State = Annotated[str, msgspec.Meta(max_length=255)]
"""An intent or a step. An agent that has none yet may say so with an empty text."""


class NewSyncConversation(msgspec.Struct, frozen=True):
    """`userId` is the customer's phone number."""

    userId: actions.Identifier
    subDomain: SubDomain | None = None
    localId: Name | None = None
    botId: Name | None = None


class SyncUpdate(msgspec.Struct, frozen=True):
    """The agent's state; the context and the metadata are merged key by key."""

    intent: State | None = None
    step: State | None = None
    context: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    subDomain: SubDomain | None = None


class SyncIntent(msgspec.Struct, frozen=True):
    intent: State
    step: State | None = None
    subDomain: SubDomain | None = None


class SyncContext(msgspec.Struct, frozen=True):
    context: dict[str, Any]
    subDomain: SubDomain | None = None


async def create(call: Call[NewSyncConversation]) -> web.Response:
    body = call.body
    await sessions.check_sub_domain(call, body.subDomain)
    wanted = actions.NewConversation(
        channel_id=await whatsapp_channel(call),
        contact_identifier=body.userId,
        outlet_id=outlet_of(call.account_id, body.localId),
    )
    done = await open_conversation(call, wanted, find=True, field="userId")
    assert done.conversation is not None
    session = await sessions.session_of(call, done.conversation, body.botId, body.localId)
    message, status = (FOUND, 200) if done.repeated else ("Conversation created successfully", 201)
    return await whole(call, session, done.conversation, message, status)


async def read(call: Call[None]) -> web.Response:
    session, c = await sessions.stored(call)
    return await whole(call, session, c, FOUND)


async def _change(
    call: Call[Any],
    *,
    intent: str | None = None,
    step: str | None = None,
    context: dict[str, Any] | None = None,
    metadata: dict[str, Any] | None = None,
) -> tuple[Session, Conversation]:
    """Merge into the bot's context, but for keys that are not the client's."""
    await sessions.check_sub_domain(call, call.body.subDomain)
    session = await sessions.found(call)
    merged = {k: v for k, v in (context or {}).items() if k not in shapes.KEPT_APART}
    stated = {shapes.INTENT: intent, shapes.STEP: step}
    merged |= {name: value for name, value in stated.items() if value is not None}
    actions.check_metadata(metadata)
    done = await call.ask(
        Update(context=merged, metadata=metadata or {}, joins=shapes.JOINED),
        conversation=session.conversation_id,
    )
    assert done.conversation is not None
    return session, done.conversation


async def sync(call: Call[SyncUpdate]) -> web.Response:
    body = call.body
    changed = await _change(
        call, intent=body.intent, step=body.step, context=body.context, metadata=body.metadata
    )
    return enveloped("Conversation synced successfully from agent", shapes.state(*changed))


async def set_intent(call: Call[SyncIntent]) -> web.Response:
    changed = await _change(call, intent=call.body.intent, step=call.body.step)
    return enveloped("Intent updated successfully", shapes.state(*changed))


async def set_context(call: Call[SyncContext]) -> web.Response:
    changed = await _change(call, context=call.body.context)
    return enveloped("Context updated successfully", shapes.state(*changed))


CONVERSATIONS = BASE + "/conversations"
ONE = CONVERSATIONS + "/{sessionId}"
ROUTES = [
    Route("PUT", BASE + "/whatsapp/agent/conversations/{sessionId}/sync", sync, "message.as_any_sender", OK,
          "syncFromAgent", "Sync an agent's state", body=SyncUpdate, tag=TAG, gate=GATE, refused=refused, error=SyncError),
    Route("POST", CONVERSATIONS, create, "message.as_any_sender", {200: SyncEnvelope, 201: SyncEnvelope},
          "syncCreateConversation", "The customer's live conversation, or a new one (legacy)", body=NewSyncConversation,
          tag=TAG, gate=GATE, refused=refused, error=SyncError),
    Route("GET", ONE, read, "inbox.read", OK, "syncGetConversation", "One conversation (legacy)", tag=TAG, gate=GATE,
          refused=refused, error=SyncError),
    Route("PATCH", ONE + "/intent", set_intent, "message.as_any_sender", OK, "syncUpdateIntent",
          "Update intent and step (legacy)", body=SyncIntent, tag=TAG, gate=GATE, refused=refused, error=SyncError),
    Route("PATCH", ONE + "/context", set_context, "message.as_any_sender", OK, "syncUpdateContext",
          "Merge into the context (legacy)", body=SyncContext, tag=TAG, gate=GATE, refused=refused, error=SyncError),
]  # fmt: skip
