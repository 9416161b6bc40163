"""The assistant runtime's bodies and answers, made from core structs, and the form of its errors."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
from aiohttp import web

from ....core.conversation.entries import Entry, Message, SenderType
from ....core.conversation.state import Conversation
from ....core.errors import TertuliaError
from ....core.ids import is_uuid
from ....core.times import rfc3339
from ...actions import conversations as actions
from ...framework.endpoint import answer
from ...framework.problems import STATUS

BASE: Final = "/assistant/api/v1"
TAG: Final = "assistant"
MAX_LISTED: Final = 1000
"""Messages of one answer, the newest."""
AssistantRole = Literal["user", "assistant", "system"]
SENDERS: Final[dict[AssistantRole, SenderType]] = {"user": "contact", "assistant": "bot", "system": "system"}
ROLES: Final[dict[SenderType, AssistantRole]] = {
    "contact": "user",
    "bot": "assistant",
    "agent": "assistant",
    "system": "system",
}


class NewAssistantConversation(msgspec.Struct, frozen=True):
    title: actions.Subject | None = None
    owner_id: actions.Uuid | None = None
    metadata_json: dict[str, Any] | None = None


class NewAssistantMessage(msgspec.Struct, frozen=True):
    role: AssistantRole
    content: actions.Content
    metadata_json: dict[str, Any] | None = None


class AssistantConversation(msgspec.Struct, frozen=True):
    id: str
    title: str | None
    owner_id: str | None
    metadata_json: dict[str, Any]
    created_at: str
    updated_at: str


class AssistantMessage(msgspec.Struct, frozen=True):
    id: str
    conversation_id: str
    role: AssistantRole
    content: str
    metadata_json: dict[str, Any]
    created_at: str
    updated_at: str


class AssistantHealth(msgspec.Struct, frozen=True):
    status: Literal["ok"] = "ok"


class AssistantError(msgspec.Struct, frozen=True):
    """`detail` names the wrong fields."""

    detail: str


class AssistantMessagesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_LISTED)] = MAX_LISTED


def conversation(c: Conversation) -> AssistantConversation:
    owner = c.contact_identifier if is_uuid(c.contact_identifier) else None
    return AssistantConversation(
        c.id, c.subject, owner, c.metadata, rfc3339(c.created_at), rfc3339(c.updated_at)
    )


def message(entry: Entry) -> AssistantMessage:
    m = entry.data
    assert isinstance(m, Message)
    at = rfc3339(entry.at)
    return AssistantMessage(m.id, entry.conversation_id, ROLES[m.sender_type], m.content, m.metadata, at, at)


def refused(error: TertuliaError) -> web.Response:
    """An error in the runtime's form."""
    status = STATUS[error.code][0]
    fields = "; ".join(f"{path}: {text}" if path else text for path, text in error.errors[:3])
    detail = f"{error.detail} ({fields})" if fields else error.detail
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(max(1, round(error.retry_after)))
    return answer(AssistantError(detail.encode("utf-8", "replace").decode()), status, headers)
