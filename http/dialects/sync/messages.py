"""Messages of a session: the agent's route and the legacy one."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from aiohttp import web

from ....core.conversation.commands import Recall
from ....core.conversation.entries import SenderType
from ....core.conversation.recent_messages import CONTEXT_SIZE
from ...actions import conversations as actions
from ...framework.endpoint import Call, Route
from . import sessions, shapes
from .envelope import SyncEnvelope, SyncError, enveloped, refused
from .gate import GATE
from .lookups import BASE, TAG

ROLES: dict[shapes.SyncRole, SenderType] = {"user": "contact", "bot": "bot"}
SubDomain = Annotated[str, msgspec.Meta(max_length=255)]


class NewSyncMessage(msgspec.Struct, frozen=True):
    role: shapes.SyncRole
    content: actions.Content
    metadata: dict[str, Any] | None = None
    subDomain: SubDomain | None = None


async def create(call: Call[NewSyncMessage]) -> web.Response:
    body = call.body
    session = await sessions.found(call)
    await sessions.check_sub_domain(call, body.subDomain)
    new = actions.NewMessage(body.content, ROLES[body.role], metadata=body.metadata or {})
    done = await actions.post(call, session.conversation_id, new)
    recalled = await call.ask(Recall(CONTEXT_SIZE), conversation=session.conversation_id)
    shown = shapes.SyncMessages(session.id, shapes.said(recalled.entries))
    return enveloped("Message added successfully", shown, 200 if done.repeated else 201)


MADE = {200: SyncEnvelope, 201: SyncEnvelope}
ROUTES = [
    Route("POST", BASE + "/whatsapp/agent/conversations/{sessionId}/messages", create, "message.as_any_sender", MADE,
          "syncAddAgentMessage", "Add a message", body=NewSyncMessage, tag=TAG, gate=GATE, refused=refused, error=SyncError),
    Route("POST", BASE + "/conversations/{sessionId}/messages", create, "message.as_any_sender", MADE, "syncAddMessage",
          "Add a message (legacy)", body=NewSyncMessage, tag=TAG, gate=GATE, refused=refused, error=SyncError),
]  # fmt: skip
