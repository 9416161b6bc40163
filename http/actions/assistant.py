"""The actions of the assistant runtime's API: conversations of its own channel, and the runs that answer users."""

from __future__ import annotations

import uuid
from typing import Any, Final

from ...actors.assistant.runs import AUTHOR
from ...actors.clock import fresh_id, now_ms
from ...core.accounts.principal import Role
from ...core.accounts.records import Channel
from ...core.conversation.commands import Done, Envelope, GiveBack, Open, Opening, ThreadKey
from ...core.conversation.entries import Message
from ...core.conversation.state import Conversation
from ...core.errors import Forbidden
from ..framework.endpoint import Call
from ..framework.pagination import author
from . import conversations

NOBODY: Final = "anonymous-"
"""Begins the identifier of a conversation's contact where it has no owner."""

LATER: Final = 50
"""Messages after a repeated one that are searched for its answer."""


def assistant_channel_id(account_id: str) -> str:
    """The web chat channel of an account's assistant."""
    return str(uuid.uuid5(uuid.UUID(account_id), "assistant webchat"))


def check_channel(call: Call[Any]) -> None:
    """Raises Forbidden for customers of other channels."""
    p = call.principal
    if p.role is Role.CUSTOMER and p.channel_id != assistant_channel_id(p.account_id):
        raise Forbidden("a customer of another channel has no assistant")


async def open_conversation(
    call: Call[Any], title: str | None, owner_id: str | None, metadata: dict[str, Any]
) -> Conversation:
    """A new conversation, which waits for no agent. A user's own token makes them its owner. Raises Forbidden."""
    check_channel(call)
    conversations.check_metadata(metadata)
    if call.principal.role is Role.CUSTOMER:
        if owner_id not in (None, call.principal.contact_identifier):
            raise Forbidden("owner_id is not the token's user")
        owner_id = call.principal.contact_identifier
    channel = assistant_channel_id(call.account_id)
    if await call.services.stores.channels.find(channel) is None:
        now = now_ms()
        made = Channel(channel, call.account_id, "webchat", "Assistant", {}, None, True, now, now)
        await call.services.stores.channels.ensure(made, author(call))
    # an owner has any number of conversations at once: each is a thread of its own
    thread = ThreadKey(call.account_id, channel, owner_id or f"{NOBODY}{fresh_id()}", fresh_id())
    opening = Opening("webchat", subject=title, metadata=metadata)
    opened = await call.ask(Open(opening), thread=thread)
    assert opened.conversation is not None
    to_bot = Envelope(fresh_id(), call.account_id, AUTHOR, GiveBack(), opened.conversation.id)
    done = await call.services.gateway.router.ask(to_bot)
    return done.conversation or opened.conversation


async def post(call: Call[Any], c: Conversation, new: conversations.NewMessage, role: str) -> Done:
    """Write a message, acknowledge it to the conversation's WebSockets and, if a user wrote it, have it answered."""
    command = conversations.to_post(call.principal, call.request.headers, new)
    done = await call.ask(command, conversation=c.id)
    entry, runs = done.entries[0], call.services.assistant
    assert isinstance(entry.data, Message)
    if not done.repeated:
        await runs.send_frame(c.account_id, c.id, {"type": "ack", "message_id": entry.data.id, "role": role})
    if command.sender_type == "contact" and not (done.repeated and await _answered(call, c, entry.seq)):
        await runs.want(c.account_id, c.id, entry.seq)
    return done


async def _answered(call: Call[Any], c: Conversation, seq: int) -> bool:
    """Whether a bot has spoken since. The request that wrote the message may have failed before it asked for a run."""
    since = await call.services.stores.conversations.messages(
        c.account_id, [c.id], before=None, after=seq, limit=LATER, public=True
    )
    return any(isinstance(e.data, Message) and e.data.sender_type == "bot" for e in since)
