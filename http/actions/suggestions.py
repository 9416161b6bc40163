"""Actions on suggestions, shared by the native routes and the reply desk."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from ...actors.assistant.draft_loop import notify_team
from ...core.accounts.account_settings import Assistance, known_settings
from ...core.assistance.analysis import MessageAnalysis
from ...core.assistance.suggestions import (
    OPEN,
    Length,
    Source,
    Status,
    Suggestion,
    Tone,
    Wishes,
    edit_distance,
)
from ...core.conversation.commands import Post
from ...core.conversation.entries import Entry, Message
from ...core.conversation.state import Conversation
from ...core.errors import (
    Conflict,
    Invalid,
    NotFound,
    NotReady,
    Overloaded,
    Stale,
    StorageUnavailable,
    TertuliaError,
)
from ...core.text.fields import AgentId, ConversationId, CreatedAt, Id, MessageId, Seq, about
from ...core.times import rfc3339, rfc3339_or_none
from ..framework.endpoint import Call

LISTED = 20
_UNKNOWN = (Overloaded, StorageUnavailable, NotReady)
"""Errors after which the message may have been sent all the same."""


class SourceView(msgspec.Struct, frozen=True):
    kind: Annotated[Literal["article", "conversation"], about("The kind of source")]
    id: Id
    title: Annotated[str, about("Its title", "Refunds")]


class SuggestionView(msgspec.Struct, frozen=True):
    """A suggested reply. It is sent only when somebody approves it, and never after the customer or an agent has written again."""

    id: Id
    conversation_id: ConversationId
    message_id: Annotated[MessageId | None, about("The customer's message that it answers")]
    seq: Annotated[Seq, about("The last message that it takes into account")]
    status: Annotated[Status, about("`pending` until somebody decides or a newer message arrives")]
    subject: Annotated[str | None, about("The conversation's subject", "Refund for order A-1042")]
    body: Annotated[str, about("The suggested text", "Hello, your refund is on its way.")]
    confidence: Annotated[float, about("Its confidence, from 0 to 1", 0.6)]
    analysis: Annotated[MessageAnalysis, about("The analysis of the customer's message")]
    provider: Annotated[str, about("The provider that wrote it", "rules")]
    model: Annotated[str, about("The model", "rules-1")]
    failed_provider: Annotated[str | None, about("The provider that should have written it but failed")]
    failed_reason: Annotated[str | None, about("Why it failed", "timeout")]
    tone: Annotated[Tone | None, about("The requested tone", "friendly")]
    length: Annotated[Length | None, about("The requested length", "shorter")]
    sources: Annotated[list[SourceView], about("What it is based on; cited as [1], [2] …")]
    requested_by: Annotated[
        AgentId | None, about("Who requested it; null if the customer's message triggered it")
    ]
    created_at: CreatedAt
    decided_at: Annotated[str | None, about("When it was decided", format="date-time")]
    decided_by: Annotated[AgentId | None, about("Who decided")]
    reason: Annotated[str | None, about("Why it was rejected")]
    edit_distance: Annotated[float | None, about("The share of words changed before it was sent", 0.1)]
    sent_message_id: Annotated[MessageId | None, about("The message that was sent")]


def view(s: Suggestion) -> SuggestionView:
    failed_provider, failed_reason = s.failed or (None, None)
    return SuggestionView(
        s.id, s.conversation_id, s.message_id, s.seen, s.status, s.subject, s.body, s.confidence, s.analysis,
        s.provider, s.model, failed_provider, failed_reason, s.wishes.tone, s.wishes.length,
        [_source_view(source) for source in s.sources], s.requested_by, rfc3339(s.created_at),
        rfc3339_or_none(s.decided_at), s.decided_by, s.reason, s.edit_distance, s.sent_message_id,
    )  # fmt: skip


def _source_view(source: Source) -> SourceView:
    return SourceView(source.kind, source.id, source.title)


async def settings_of(call: Call[Any]) -> Assistance:
    """The account's settings of assistance. Raises Conflict if it wants none."""
    account = await call.services.stores.accounts.get(call.account_id)
    if account is None:
        raise NotFound("no such account")
    settings = known_settings(account.settings).assistance
    if settings.suggestions == "off":
        raise Conflict("the account's setting assistance.suggestions is off", current={"suggestions": "off"})
    return settings


async def conversation(call: Call[Any], conversation_id: str) -> Conversation:
    """Raises NotFound."""
    c = await call.services.stores.conversations.get(call.account_id, conversation_id)
    if c is None or c.erased:
        raise NotFound("no such conversation")
    return c


async def draft(call: Call[Any], conversation_id: str, wishes: Wishes) -> Suggestion:
    """Draft a reply now."""
    settings = await settings_of(call)
    c = await conversation(call, conversation_id)
    made = await call.services.drafter.draft(c, settings, wishes, call.principal.user_id)
    await _notify_team(call, made)
    return made


async def found(call: Call[Any], conversation_id: str, suggestion_id: str) -> Suggestion:
    """Raises NotFound."""
    s = await call.services.stores.suggestions.get(call.account_id, conversation_id, suggestion_id)
    if s is None:
        raise NotFound("no such suggestion")
    return s


async def approve(
    call: Call[Any],
    conversation_id: str,
    suggestion_id: str,
    content: str | None,
    metadata: dict[str, Any] | None = None,
) -> tuple[Suggestion, Entry]:
    """Send a suggestion, edited or not. The conversation's own turn decides whether it is stale. Raises Stale, Conflict, Invalid."""
    s = await found(call, conversation_id, suggestion_id)
    _check_open(s)
    body = s.body if content is None else content
    if not body.strip():
        raise Invalid("there is nothing to send", errors=(("content", "must not be blank"),))
    store, by = call.services.stores.suggestions, call.principal.user_id
    if await store.move(call.account_id, s.id, OPEN, "approving", by=by) is None:
        _check_open(await found(call, conversation_id, suggestion_id))
        raise Conflict("the suggestion was decided in the meantime")
    entry = await _send(call, s, body, metadata or {})
    is_edited = body.strip() != s.body.strip()
    # what was sent counts, even if somebody else has found it stale since
    decided = await store.move(
        call.account_id, s.id, ("pending", "approving", "stale"), "edited" if is_edited else "approved",
        by=by, edit_distance=edit_distance(s.body, body), sent_message_id=_message_id(entry),
    )  # fmt: skip
    if decided is None:
        return await found(call, conversation_id, suggestion_id), entry
    await _notify_team(call, decided)
    return decided, entry


async def _send(call: Call[Any], s: Suggestion, body: str, metadata: dict[str, Any]) -> Entry:
    """Post it into its conversation, bound to the messages it is based on. Whatever the turn refuses is undone here. Raises Stale …"""
    store = call.services.stores.suggestions
    post = Post(
        "agent", body, key=f"suggestion:{s.id}", metadata={**metadata, "suggestion_id": s.id}, seen=s.seen
    )
    try:
        done = await call.ask(post, conversation=s.conversation_id)
    except Stale:
        gone = await store.move(call.account_id, s.id, OPEN, "stale")
        if gone is not None:
            await _notify_team(call, gone)
        raise
    except _UNKNOWN:
        raise
    except TertuliaError:
        await store.reopen(call.account_id, s.conversation_id, s.id)
        raise
    return done.entries[0]


def _message_id(entry: Entry) -> str:
    assert isinstance(entry.data, Message)
    return entry.data.id


def _check_open(s: Suggestion) -> None:
    """Raises Stale or Conflict if it was decided."""
    if s.status == "stale":
        raise Stale(
            "somebody has written since this was drafted", current={"status": s.status, "seen": s.seen}
        )
    if s.status not in OPEN:
        raise Conflict(f"the suggestion is {s.status} already", current={"status": s.status})


async def reject(call: Call[Any], conversation_id: str, suggestion_id: str, reason: str | None) -> Suggestion:
    """Raises Stale, Conflict."""
    s = await found(call, conversation_id, suggestion_id)
    _check_open(s)
    decided = await call.services.stores.suggestions.move(
        call.account_id, s.id, ("pending",), "rejected", by=call.principal.user_id, reason=reason
    )
    if decided is None:
        s = await found(call, conversation_id, suggestion_id)
        _check_open(s)
        raise Conflict("the suggestion is being sent", current={"status": s.status})
    await _notify_team(call, decided)
    return decided


async def _notify_team(call: Call[Any], s: Suggestion) -> None:
    await notify_team(call.services.hints, s.account_id, s.conversation_id, s.id, s.status, s.confidence)
