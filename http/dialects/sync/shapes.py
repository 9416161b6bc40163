"""Conversations as the sync API shows them: the context apart from the intent and the step, and messages within the context."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec

from ....core.conversation.entries import Entry, Message, SenderType
from ....core.conversation.recent_messages import Recent
from ....core.conversation.state import Conversation
from ....core.ports.resources import Session
from ....core.times import rfc3339
from ....core.turn import assisting, form_filling

SyncRole = Literal["user", "bot"]
INTENT: Final = "currentIntent"
STEP: Final = "currentStep"
_APART: Final = frozenset({INTENT, STEP, form_filling.STATE, assisting.STATE})
OURS: Final = ("previousMessages", "lastUserMessage")
"""Parts of the context that come from the messages."""
JOINED: Final = ("orderIds",)
"""Keys of the context whose lists grow: several processes link their orders at once, each with the list that it has read."""
KEPT_APART: Final = frozenset({*OURS, INTENT, STEP})
"""Keys of the context that are not the client's: values that it sends under them are not stored."""
_ROLES: Final[dict[SenderType, SyncRole]] = {"contact": "user", "bot": "bot", "agent": "bot", "system": "bot"}


class SyncTenant(msgspec.Struct, frozen=True):
    subDomain: str
    botId: str | None
    sessionId: str
    isActive: bool


class SyncState(msgspec.Struct, frozen=True):
    sessionId: str
    currentIntent: str | None
    currentStep: str | None
    context: dict[str, Any]
    lastActivity: str


class SyncPreviousMessage(msgspec.Struct, frozen=True):
    role: SyncRole
    content: str
    timestamp: str


class SyncMessages(msgspec.Struct, frozen=True):
    sessionId: str
    context: dict[str, Any]


class SyncConversation(SyncState, frozen=True):
    userId: str
    subDomain: str
    localId: str | None
    botId: str | None
    isActive: bool
    metadata: dict[str, Any]
    createdAt: str


def tenant(session: Session, sub_domain: str, c: Conversation) -> SyncTenant:
    return SyncTenant(sub_domain, session.bot_id, session.id, c.live)


def state(session: Session, c: Conversation) -> SyncState:
    """A conversation after a change of its state. The context is the bot's."""
    context = {k: v for k, v in c.bot_context.items() if k not in _APART}
    return SyncState(session.id, _text(c, INTENT), _text(c, STEP), context, rfc3339(c.updated_at))


def _text(c: Conversation, name: str) -> str | None:
    """A text in the bot's context, where the native API may have put something else."""
    value = c.bot_context.get(name)
    return value if isinstance(value, str) else None


def conversation(
    session: Session, sub_domain: str, c: Conversation, messages: Sequence[Entry]
) -> SyncConversation:
    short = state(session, c)
    return SyncConversation(
        sessionId=session.id,
        currentIntent=short.currentIntent,
        currentStep=short.currentStep,
        context=short.context | context_of(messages),
        lastActivity=short.lastActivity,
        userId=c.contact_identifier,
        subDomain=sub_domain,
        localId=session.local_id,
        botId=session.bot_id,
        isActive=c.live,
        metadata=c.metadata,
        createdAt=rfc3339(c.created_at),
    )


def context_of(messages: Sequence[Entry]) -> dict[str, Any]:
    """The newest messages in the form of the context, oldest first."""
    return _of_messages([_message(entry) for entry in messages])


def recalled(recent: Recent) -> dict[str, Any]:
    """The same of the messages in a conversation's memory. Notes are left out."""
    return _of_messages(
        [
            SyncPreviousMessage(_ROLES[m.sender_type], m.content, rfc3339(m.at))
            for m in recent.heads()
            if not m.is_private
        ]
    )


def _of_messages(shown: list[SyncPreviousMessage]) -> dict[str, Any]:
    last = next((m.content for m in reversed(shown) if m.role == "user"), None)
    return {OURS[0]: shown, OURS[1]: last}


def _message(entry: Entry) -> SyncPreviousMessage:
    m = entry.data
    assert isinstance(m, Message)
    return SyncPreviousMessage(_ROLES[m.sender_type], m.content, rfc3339(entry.at))
