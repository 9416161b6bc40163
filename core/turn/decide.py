"""`decide`: from a conversation's state and a command to entries, or a refusal.

Its rules are the table in `status.py`, and who may ask for what. Pure: ids come from `Turn`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from ..channels import recipients
from ..conversation.commands import (
    Assign,
    BotAnswer,
    By,
    Close,
    Command,
    Edit,
    EndOffer,
    Entrust,
    Erase,
    GiveBack,
    Handoff,
    MarkRead,
    NotifyLeads,
    Offer,
    Open,
    Opening,
    Post,
    Rate,
    Recall,
    Receive,
    Release,
    ThreadKey,
    Tick,
    Update,
)
from ..conversation.entries import (
    Assigned,
    ChangedFields,
    Edited,
    Entry,
    EntryData,
    Erased,
    Message,
    Opened,
    Rated,
    StatusChanged,
    Updated,
)
from ..conversation.projection import edited_at
from ..conversation.state import Conversation, State
from ..conversation.status import ASKED, FINAL, LIVE, Change, Status, next_status
from ..errors import Conflict, Forbidden, Invalid, NotFound
from . import assisting, form_filling
from .assignment import (
    assign,
    end_offer,
    entrust,
    give_back,
    hand_off,
    notify_leads,
    offer,
    release,
    status_change,
    with_offer_ended,
)
from .context import Turn
from .posting import check_thread_free, name_contact, post_message
from .timers import fire

CUSTOMERS = (Post, Receive, Open, Rate, Recall)
"""The commands that customers may send, each for their own conversation."""


END_OF_TIME: Final = 253_402_300_800_000
"""The year 10000, in ms: RFC 3339 cannot express later times."""
MAX_MERGED: Final = 16_384
"""Bytes of a conversation's metadata or bot context as JSON, after a merge."""
IMPOSSIBLE: Final = "these changes cannot be made"


def check_party(c: Conversation, account_id: str, by: By) -> None:
    """Raise NotFound unless the conversation belongs to the account and, for a customer, to them."""
    if c.account_id != account_id:
        raise NotFound("no such conversation")
    if by.role == "customer" and (by.channel_id, by.contact_identifier) != (
        c.channel_id,
        c.contact_identifier,
    ):
        raise NotFound("no such conversation")


def decide(state: State, by: By, command: Command, turn: Turn) -> tuple[EntryData, ...]:
    """The entries that accept `command`; none if nothing changes. Raises a TertuliaError.

    Call `check_party` first: it checks that the conversation is the sender's.
    """
    c = state.conversation
    if c.erased and not isinstance(command, Erase):
        raise NotFound("no such conversation: its customer was erased")
    if by.role == "customer" and not isinstance(command, CUSTOMERS):
        raise Forbidden("customers may not do this")
    if isinstance(command, Edit):
        return _edit(state, by, command)
    entries = with_offer_ended(c, _accepted(state, by, command, turn))
    return assisting.concluded(state, entries, turn.new_id) if assisting.STATE in c.bot_context else entries


def _accepted(state: State, by: By, command: Command, turn: Turn) -> tuple[EntryData, ...]:
    c = state.conversation
    if isinstance(command, Post):
        return post_message(state, by, command, turn)
    if isinstance(command, Receive):
        named = name_contact(c, command)
        return (*named, *post_message(state, by, command.post, turn))
    if isinstance(command, BotAnswer):
        return assisting.settle(state, by, command, turn)
    return _RULES[type(command)](c, by, command, turn)


def open_conversation(
    thread: ThreadKey, contact_id: str, opening: Opening, contact_name: str | None
) -> tuple[EntryData, ...]:
    """Entry 0 of a new conversation."""
    return (
        Opened(
            channel_id=thread.channel_id,
            channel_type=opening.channel_type,
            contact_id=contact_id,
            contact_identifier=thread.identifier,
            contact_name=opening.contact_name or contact_name,
            topic=thread.topic,
            outlet_id=opening.outlet_id,
            subject=opening.subject,
            priority=opening.priority,
            labels=opening.labels,
            metadata=opening.metadata,
        ),
    )


def repeated(state: State, by: By, post: Post) -> Entry | None:
    """The message that a repeated key or provider id stands for, if memory still has it.

    Raises Conflict if the same key comes with other content.
    """
    recent = state.recent
    if not (recent.may_hold(post.key) or recent.may_hold(post.external_id)):
        return None
    for entry in reversed(state.messages()):
        message = entry.data
        assert isinstance(message, Message)
        if post.external_id is not None and message.external_id == post.external_id:
            return entry
        same_sender = message.sender_type == post.sender_type and (
            post.sender_type == "contact" or message.sender_id == by.id
        )
        if post.key is not None and message.client_message_id == post.key and same_sender:
            check_same(message, post)
            return entry
    return None


def check_same(message: Message, post: Post) -> None:
    """Raise Conflict unless `post` equals the message that its key already stands for."""
    same = (
        message.content == post.content
        and message.content_type == post.content_type
        and message.is_private == post.is_private
        and message.attachments == post.attachments
        and message.reply_to == post.reply_to
        and recipients.same(message, post)
    )
    if not same:
        raise Conflict(
            f"the key {post.key!r} already stands for another message",
            current={"message_id": message.id},
        )


def _close(c: Conversation, by: By, _: Close, turn: Turn) -> tuple[EntryData, ...]:
    return () if c.status is Status.CLOSED else status_change(c, Change.CLOSED)


def _erase(c: Conversation, by: By, _: Erase, turn: Turn) -> tuple[EntryData, ...]:
    if by.role != "admin":
        raise Forbidden("only admins may erase a customer")
    if c.erased:
        return ()
    return (*(() if c.status in FINAL else status_change(c, Change.CLOSED)), Erased())


def _rate(c: Conversation, by: By, command: Rate, turn: Turn) -> tuple[EntryData, ...]:
    if by.role not in ("customer", "service"):
        raise Forbidden("only the customer may rate, or a service for them")
    if not 1 <= command.score <= 5:
        raise Invalid("a score must be from 1 to 5", errors=(("score", "1 to 5"),))
    if not c.csat_due:
        raise Conflict(
            "a conversation accepts one score for each time it is resolved, and none is due now",
            current={"status": c.status},
        )
    return (Rated(command.score, command.comment),)


def _edit(state: State, by: By, command: Edit) -> tuple[EntryData, ...]:
    """The newest edit counts, in any order of arrival; a text that does not change is not an edit."""
    if by.role != "service":
        raise Forbidden("only a service may report a provider's edit of a message")
    if not 0 <= command.edited_at < END_OF_TIME:
        raise Invalid("an edit needs a time", errors=(("edited_at", "ms since the epoch"),))
    seq, before = command.seq, command.previous_content
    for entry in state.messages():
        message = entry.data
        if isinstance(message, Message) and message.id == command.message_id:
            if edited_at(message) >= command.edited_at:
                return ()
            seq, before = entry.seq, message.content
    if before == command.content:
        return ()
    return (Edited(command.message_id, seq, command.content, before, command.edited_at),)


def _update(c: Conversation, by: By, command: Update, turn: Turn) -> tuple[EntryData, ...]:
    changes = command.changes.given() | _merged(c, command)
    if not 0 <= (changes.get("snoozed_until") or 0) < END_OF_TIME:
        raise Invalid(IMPOSSIBLE, errors=(("snoozed_until", "between the years 1970 and 9999"),))
    status = changes.pop("status", None)
    assigns = "assignee_id" in changes
    assignee = changes.pop("assignee_id", None)
    if "archived" in changes:
        archived = changes.pop("archived")
        if archived != (c.archived_at is not None):
            changes["archived_at"] = turn.now if archived else None
    changes = {
        k: v for k, v in changes.items() if getattr(c, k) != v and not (command.fills and getattr(c, k))
    }
    entries: tuple[EntryData, ...] = (Updated(ChangedFields(**changes)),) if changes else ()
    if assigns:
        entries += assign(c, by, Assign(assignee), turn)
        c = _after(c, entries)
    if status is not None and status != c.status:
        entries += _ask_status(c, by, status, turn)
    return entries


def _merged(c: Conversation, command: Update) -> dict[str, Any]:
    """The bot's context and the metadata with what a command merges into them. Raises Invalid if they become too large."""
    merged: dict[str, Any] = {}
    if command.context:
        for own in {form_filling.STATE, assisting.STATE} & command.context.keys():
            raise Invalid(IMPOSSIBLE, errors=(("context", f"{own} is kept by the server"),))
        joined = {
            key: _joined(c.bot_context.get(key), command.context[key])
            for key in command.joins
            if key in command.context
        }
        merged["bot_context"] = {**c.bot_context, **command.context, **joined}
    if command.metadata:
        merged["metadata"] = {**c.metadata, **command.metadata}
    for field, path in (("bot_context", "context"), ("metadata", "metadata")):
        if field in merged and len(msgspec.json.encode(merged[field])) > MAX_MERGED:
            rule = f"at most {MAX_MERGED} bytes as JSON, with what is stored"
            raise Invalid(IMPOSSIBLE, errors=((path, rule),))
    return merged


def _joined(stored: object, given: object) -> object:
    """Both lists' values, each once, the stored ones first. What is not a list replaces, or is replaced."""
    if not isinstance(given, list):
        return given
    known = stored if isinstance(stored, list) else []
    return list({msgspec.json.encode(value): value for value in [*known, *given]}.values())


def _after(c: Conversation, entries: tuple[EntryData, ...]) -> Conversation:
    """The conversation with the first rule's effects, as far as a second rule of the same command depends on them."""
    for data in entries:
        if isinstance(data, StatusChanged):
            c = msgspec.structs.replace(c, status=data.to_status)
        elif isinstance(data, Assigned):
            c = msgspec.structs.replace(c, assignee_id=data.agent_id)
    return c


def _ask_status(c: Conversation, by: By, wanted: Status, turn: Turn) -> tuple[EntryData, ...]:
    change = ASKED.get(wanted)
    if change is None:
        raise Conflict(
            f"a conversation that is {c.status} cannot become {wanted}", current={"status": c.status}
        )
    to = next_status(c.status, change, wanted)
    if wanted is Status.EXPIRED and by.role != "service":
        raise Forbidden("only a service may expire a conversation")
    if to in LIVE and c.status not in LIVE:
        check_thread_free(c, turn)
    return (StatusChanged(c.status, to),)


def _tick(c: Conversation, by: By, _: Tick, turn: Turn) -> tuple[EntryData, ...]:
    if by.type != "system":
        raise Forbidden("only the server may fire timers")
    return () if turn.account is None else fire(c, turn.account, turn.now, turn.new_id)


def _nothing(c: Conversation, by: By, _: Command, turn: Turn) -> tuple[EntryData, ...]:
    return ()


_RULES: dict[type[Command], Callable[[Conversation, By, Any, Turn], tuple[EntryData, ...]]] = {
    Open: _nothing,
    Update: _update,
    Assign: assign,
    Offer: offer,
    EndOffer: end_offer,
    Entrust: entrust,
    NotifyLeads: notify_leads,
    Release: release,
    Handoff: hand_off,
    GiveBack: give_back,
    Close: _close,
    Erase: _erase,
    Rate: _rate,
    Tick: _tick,
    MarkRead: _nothing,
    Recall: _nothing,
}
