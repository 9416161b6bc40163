"""Messages of a session: the agent's route and the legacy one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from ....core.accounts.principal import Principal
from ....core.conversation.commands import By, Done, Post
from ....core.conversation.entries import SenderType
from ....core.conversation.state import NO_MESSAGES
from ...actions import conversations as actions
from ...framework.endpoint import Call, CommandHandler, Named, Route
from ...framework.services import Services
from . import sessions, shapes
from .envelope import SyncEnvelope, SyncError, refused
from .gate import GATE
from .lookups import BASE, TAG

ROLES: dict[shapes.SyncRole, SenderType] = {"user": "contact", "bot": "bot"}
SubDomain = Annotated[str, msgspec.Meta(max_length=255)]


class NewSyncMessage(msgspec.Struct, frozen=True):
    role: shapes.SyncRole
    content: actions.Content
    metadata: dict[str, Any] | None = None
    subDomain: SubDomain | None = None


def _to_post(principal: Principal, headers: Mapping[str, str], body: NewSyncMessage) -> Post:
    principal.require("message.write")
    new = actions.NewMessage(body.content, ROLES[body.role], metadata=body.metadata or {})
    return actions.to_post(principal, headers, new, recalls=True)


def _at_hand(services: Services, account_id: str, session_id: str, body: NewSyncMessage) -> str | None:
    session = services.stores.sessions.at_hand(account_id, session_id)
    if session is None or not sessions.is_own(services, account_id, body.subDomain):
        return None
    return session.conversation_id


async def _find(call: Call[NewSyncMessage]) -> str:
    """The session's conversation, after a check of the sub-domain that the body names."""
    session = await sessions.found(call)
    await sessions.check_sub_domain(call, call.body.subDomain)
    return session.conversation_id


def _answer(session_id: str, by: By, done: Done) -> tuple[int, SyncEnvelope]:
    recalled = shapes.recalled(done.recent or NO_MESSAGES)
    shown = SyncEnvelope("Message added successfully", shapes.SyncMessages(session_id, recalled))
    return 200 if done.repeated else 201, shown


def _unnamed(by: By, done: Done) -> tuple[int, Any]:
    raise AssertionError("the path names the conversation by its session")


create = CommandHandler(
    _to_post,
    _unnamed,
    named=Named("sessionId", _at_hand, _find, _answer),
)
MADE = {200: SyncEnvelope, 201: SyncEnvelope}
ROUTES = [
    Route("POST", BASE + "/whatsapp/agent/conversations/{sessionId}/messages", create, "message.as_any_sender", MADE,
          "syncAddAgentMessage", "Add a message", body=NewSyncMessage, tag=TAG, gate=GATE, refused=refused, error=SyncError),
    Route("POST", BASE + "/conversations/{sessionId}/messages", create, "message.as_any_sender", MADE, "syncAddMessage",
          "Add a message (legacy)", body=NewSyncMessage, tag=TAG, gate=GATE, refused=refused, error=SyncError),
]  # fmt: skip
