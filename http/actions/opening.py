"""Opening a conversation by hand: its channel, the customer's identifier, and the command."""

from __future__ import annotations

from typing import Any

from ...core.accounts.identifiers import normalised
from ...core.accounts.records import ChannelType
from ...core.channels.messages import Sender
from ...core.conversation.commands import Done, Open, Opening, ThreadKey
from ...core.errors import Conflict, NotFound
from ...core.text.email_subjects import topic
from ..framework.endpoint import Call
from . import conversations, names

SEVERAL_IDENTIFIERS: frozenset[ChannelType] = frozenset({"whatsapp", "sms"})
"""Channels on which a customer may have several identifiers, all of which lead to the same thread."""


async def open_conversation(
    call: Call[Any], wanted: conversations.NewConversation, *, find: bool, field: str = "contact_identifier"
) -> Done:
    """Open a conversation, or with `find` return the live one. Raises NotFound, Conflict, Invalid.

    `field`: what the caller's body calls the identifier.
    """
    conversations.check_metadata(wanted.metadata)
    channel = await call.services.stores.channels.find(wanted.channel_id)
    if channel is None or channel.account_id != call.account_id:
        raise NotFound("no such channel")
    if not channel.is_active:
        raise Conflict("the channel is switched off")
    opening = Opening(
        channel.type,
        wanted.contact_name,
        wanted.outlet_id,
        wanted.subject,
        wanted.priority,
        tuple(dict.fromkeys(wanted.labels)),
        wanted.metadata,
    )
    identifier = normalised(channel.type, wanted.contact_identifier, field)
    if channel.type in SEVERAL_IDENTIFIERS:
        sender = Sender(identifier, wanted.contact_name)
        identifier = await call.services.stores.senders.resolve(call.account_id, channel.type, sender)
    await names.fill(call.services, call.account_id, channel.type, identifier, wanted.contact_name)
    # e-mail senders have a conversation per subject: the customer's reply looks up the same one
    about = topic(wanted.subject or "") if channel.type == "email" else ""
    thread = ThreadKey(call.account_id, channel.id, identifier, about)
    return await call.ask(Open(opening, find=find), thread=thread)
