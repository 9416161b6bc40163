"""Posting messages: the entries of a message or note, and the other effects of a customer's message."""

from __future__ import annotations

from typing import Any

from ..channels import recipients
from ..conversation.commands import (
    By,
    Post,
    Receive,
)
from ..conversation.entries import (
    NOTHING,
    ChangedFields,
    DeliveryStatus,
    Entry,
    EntryData,
    Message,
    Rated,
    StatusChanged,
    Updated,
)
from ..conversation.projection import by_machine
from ..conversation.recent_messages import CONTEXT_SIZE
from ..conversation.state import (
    AUTO_REPLY,
    BY_MACHINE,
    MACHINES_ANSWER,
    MAX_AUTOMATIC,
    Conversation,
    State,
    first_delivery,
)
from ..conversation.status import FINAL, RESOLVED, Change
from ..errors import Conflict, Forbidden, Invalid, RateLimited, Stale
from .assignment import (
    status_change,
)
from .context import Turn
from .csat import answered

_WROTE = Change.CUSTOMER_WROTE


def post_message(state: State, by: By, post: Post, turn: Turn) -> tuple[EntryData, ...]:
    c = state.conversation
    _check_post(c, by, post)
    _check_automatic(c, post, turn.now)
    if post.seen is not None:
        check_seen(state, post.seen)
    inbound = post.sender_type == "contact"
    before = _before(c, by, post, turn) if inbound else ()
    message = Message(
        id=turn.new_id(),
        direction="inbound" if inbound else "outbound",
        sender_type=post.sender_type,
        sender_id=c.contact_identifier if inbound else by.id,
        content=post.content,
        content_type=post.content_type,
        attachments=post.attachments,
        is_private=post.is_private,
        external_id=post.external_id,
        client_message_id=post.key,
        reply_to=post.reply_to,
        delivery_status=None if inbound or post.is_private else _delivery(c, post),
        metadata=_metadata(state, by, post) if post.metadata or not inbound else NOTHING,
    )
    return (*before, message)


def _delivery(c: Conversation, post: Post) -> DeliveryStatus | None:
    """A message that the provider already has (with a provider's id: the business wrote it in its own app) is not sent again."""
    return first_delivery(c) if post.external_id is None else "sent"


def _metadata(state: State, by: By, post: Post) -> dict[str, Any]:
    """A message's metadata: customers may not set the fields that a provider reports of a mail, and recipients are decided here."""
    if post.sender_type == "contact":
        stated = post.metadata if by.role == "service" else _without(post.metadata, AUTO_REPLY)
        return _without(stated, recipients.RECIPIENTS) or NOTHING
    if post.is_private or state.conversation.channel_type != "email":
        return post.metadata or NOTHING
    return {**post.metadata, recipients.RECIPIENTS: recipients.of(state.conversation, state.messages(), post)}


def _without(metadata: dict[str, Any], name: str) -> dict[str, Any]:
    return {k: v for k, v in metadata.items() if k != name} if name in metadata else metadata


def _before(c: Conversation, by: By, post: Post, turn: Turn) -> tuple[EntryData, ...]:
    """The entries that precede a customer's message."""
    if post.metadata and by.role == "service" and post.metadata.get(AUTO_REPLY) is True:
        # nobody waits for an answer: a conversation that begins with it is done, and becomes a person's with their first word
        return (StatusChanged(c.status, RESOLVED, BY_MACHINE),) if turn.opens else ()
    score = answered(c, post)
    return _customer_wrote(c, turn) if score is None else (Rated(score),)


def _check_post(c: Conversation, by: By, post: Post) -> None:
    if c.status in FINAL:
        raise Conflict(f"a conversation that is {c.status} accepts no messages", current={"status": c.status})
    inbound = post.sender_type == "contact"
    if inbound and post.is_private:
        raise Invalid("a customer's message is never private", errors=(("is_private", "not for a contact"),))
    if by.role == "customer" and not inbound:
        raise Forbidden("customers may only write as themselves")
    if post.sender_type == "bot" and c.handoff_requested and not post.is_private and c.live:
        raise Conflict(
            "a human has been requested, and bots may not write here until the conversation is given back to it (/handback) or"
            " resolved: post with sender_type agent or system, or a note (is_private)",
            current={"status": c.status, "handoff_requested": True},
        )
    recipients.check(c.channel_type, post)


def _check_automatic(c: Conversation, post: Post, now: int) -> None:
    """Raises RateLimited for one more mail than machines may get from a machine."""
    by_itself = post.sender_type in ("bot", "system") and not post.is_private and post.external_id is None
    if by_itself and c.channel_type in MACHINES_ANSWER and (again := c.automatic_again_at(now)) > now:
        raise RateLimited(
            f"this mail conversation has had {MAX_AUTOMATIC} messages that no person wrote within an hour, since machines may"
            " answer machines without end: let an agent answer (sender_type agent), hand it off (/handoff), or wait",
            retry_after=max(1, (again - now) // 1000),
        )


def check_seen(state: State, seen: int) -> None:
    """Raises Stale if a person has written or edited anything since, or if memory no longer tells."""
    c, messages = state.conversation, state.messages()
    forgotten = len(messages) == CONTEXT_SIZE and messages[0].seq > seen + 1
    if (
        forgotten
        or c.routing.edited > seen
        or any(entry.seq > seen and _is_news(entry) for entry in messages)
    ):
        raise Stale("somebody has written since this was drafted", current={"seq": c.seq, "seen": seen})


def _is_news(entry: Entry) -> bool:
    """Whether a person wrote this. What bots and the server itself say makes no answer wrong."""
    message = entry.data
    assert isinstance(message, Message)
    return not message.is_private and message.sender_type in ("contact", "agent") and not by_machine(message)


def _customer_wrote(c: Conversation, turn: Turn) -> tuple[EntryData, ...]:
    if c.status is RESOLVED:
        check_thread_free(c, turn)
    woken = () if c.snoozed_until is None else (Updated(ChangedFields(snoozed_until=None)),)
    return (*woken, *status_change(c, _WROTE))


def check_thread_free(c: Conversation, turn: Turn) -> None:
    if turn.live_id is not None and turn.live_id != c.id:
        raise Conflict(
            "this customer has a newer live conversation on the channel",
            current={"status": c.status, "live_conversation_id": turn.live_id},
        )


def name_contact(c: Conversation, command: Receive) -> tuple[EntryData, ...]:
    """The provider's name for the customer, where the conversation has none."""
    named = command.known_as is not None and not c.contact_name
    return (Updated(ChangedFields(contact_name=command.known_as)),) if named else ()
