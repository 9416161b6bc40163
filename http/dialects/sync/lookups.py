"""`/sync/api/v1/whatsapp/lookup`: which tenant and conversation a phone number belongs to."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from ....core.conversation.commands import Recall
from ....core.conversation.recent_messages import CONTEXT_SIZE
from ....core.conversation.state import Conversation
from ....core.ports.resources import Session
from ...framework.endpoint import Call, Route
from . import sessions, shapes
from .envelope import SyncEnvelope, SyncError, enveloped, refused
from .gate import GATE

BASE = "/sync/api/v1"
TAG = "sync"
FOUND = "Conversation retrieved successfully"


async def tenant(call: Call[None]) -> web.Response:
    session, c = await sessions.of_phone(call)
    shown = shapes.tenant(session, await sessions.sub_domain(call), c)
    return enveloped("Tenant information retrieved successfully", shown)


async def whole(
    call: Call[Any], session: Session, c: Conversation, message: str, status: int = 200
) -> web.Response:
    """A conversation with its newest messages."""
    recalled = await call.ask(Recall(CONTEXT_SIZE), conversation=c.id)
    shown = shapes.conversation(session, await sessions.sub_domain(call), c, recalled.entries)
    return enveloped(message, shown, status)


async def conversation(call: Call[None]) -> web.Response:
    session, c = await sessions.of_phone(call)
    return await whole(call, session, c, FOUND)


OK = {200: SyncEnvelope}
ROUTES = [
    Route("GET", BASE + "/whatsapp/lookup/tenant/{phoneNumber}", tenant, "inbox.read", OK, "syncLookUpTenant",
          "The tenant and session of a phone number", tag=TAG, gate=GATE, refused=refused, error=SyncError, refuses=(404, 422)),
    Route("GET", BASE + "/whatsapp/lookup/conversation/{phoneNumber}", conversation, "inbox.read", OK,
          "syncLookUpConversation", "The conversation of a phone number", tag=TAG, gate=GATE, refused=refused, error=SyncError,
          refuses=(404, 422)),
]  # fmt: skip
