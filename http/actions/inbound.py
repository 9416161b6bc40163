"""Turns a provider's events into commands: who wrote, in which thread, in reply to what.

An event that can never succeed becomes a `Fault`, which the caller stores; one that may succeed later raises, so that the provider
repeats its call. Repeats are harmless: provider ids are unique within their channel for good.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from ...actors.clock import fresh_id
from ...core.accounts.records import Channel
from ...core.accounts.user_ids import shown_name
from ...core.channels.file_types import safe_name
from ...core.channels.messages import ChannelEvent, Faulty, Inbound, InboundEdit, Receipt
from ...core.channels.records import NewMedia
from ...core.conversation.commands import By, Command, Done, Edit, Envelope, Opening, Post, Receive, ThreadKey
from ...core.conversation.entries import Attachment, Entry, Message
from ...core.conversation.projection import edited_at
from ...core.errors import Internal, Overloaded, RateLimited, StorageUnavailable, TertuliaError
from ...core.ports.inbound import Fault, Original
from ...core.views.stream_events import conversation_topic
from ..framework.services import Services
from . import names

LATER: Final = (Overloaded, StorageUnavailable, Internal, RateLimited)
"""Refusals that are not the event's fault: the provider is asked to repeat its call."""
MAX_PART: Final = 4_096
"""Characters of a failed payload part that are shown."""


class ProcessedEvents(msgspec.Struct):
    """The outcomes of a call's events."""

    received: int = 0
    repeated: int = 0
    edited: int = 0
    receipts: int = 0
    faults: list[Fault] = []


class _PendingMessage(msgspec.Struct):
    """A message being processed: the event, and its thread and attachments once they are resolved."""

    message: Inbound
    edited_at: int | None = None
    thread: str = ""
    attachments: tuple[Attachment, ...] = ()


async def process(services: Services, channel: Channel, events: Sequence[ChannelEvent]) -> ProcessedEvents:
    """Process all events of a verified call; returns after the commit. Raises one of LATER."""
    return await _Call(services, channel).process(events)


class _Call:
    """The events of one call."""

    def __init__(self, services: Services, channel: Channel) -> None:
        self._services = services
        self._channel = channel
        self._processed = ProcessedEvents()

    async def process(self, events: Sequence[ChannelEvent]) -> ProcessedEvents:
        messages: list[_PendingMessage] = []
        receipts: list[Receipt] = []
        for event in events:
            if isinstance(event, Inbound):
                messages.append(_PendingMessage(event))
            elif isinstance(event, InboundEdit):
                messages.append(_PendingMessage(event.inbound, event.edited_at))
            elif isinstance(event, Receipt):
                receipts.append(event)
            else:
                self._fault(event.reason, event)
        if messages:
            await self._messages(messages)
        if receipts:
            await self._receipts(receipts)
        return self._processed

    # -- messages

    async def _messages(self, messages: list[_PendingMessage]) -> None:
        messages = await self._settled([self._resolve(item) for item in messages], messages)
        originals = {**await self._originals(messages), **await self._mails(messages)}
        await self._ingest(messages)
        outcomes = [self._store(item, originals) for item in messages]
        # Gathered coroutines start in order, and each queues its command before it first awaits.
        await self._settled(outcomes, messages)

    async def _settled(self, work: Sequence[Any], messages: list[_PendingMessage]) -> list[_PendingMessage]:
        """The items whose work succeeded; the others become faults. Raises if one of them may succeed later."""
        results = await asyncio.gather(*work, return_exceptions=True)
        later = [r for r in results if isinstance(r, BaseException) and not _final(r)]
        if later:
            raise later[0]
        good = []
        for item, result in zip(messages, results, strict=True):
            if isinstance(result, TertuliaError):
                self._fault(f"{result.code}: {result.detail}", item.message)
            else:
                good.append(item)
        return good

    async def _resolve(self, item: _PendingMessage) -> None:
        channel = self._channel
        sender = item.message.sender
        item.thread = await self._services.stores.senders.resolve(channel.account_id, channel.type, sender)
        if not item.message.is_echo:
            await names.fill(self._services, channel.account_id, channel.type, item.thread, sender.name)

    async def _originals(self, messages: list[_PendingMessage]) -> dict[str, Original]:
        """The stored messages that these reply to or edit."""
        wanted: dict[str, None] = {}
        for item in messages:
            message = item.message
            if item.edited_at is not None or message.is_echo:
                wanted[message.provider_id] = None
            for reference in (*filter(None, (message.reply_to,)), *message.references):
                wanted |= dict.fromkeys(_spellings(reference))
        if not wanted:
            return {}
        channel = self._channel
        return await self._services.stores.inbound.originals(channel.account_id, channel.id, list(wanted))

    async def _mails(self, messages: list[_PendingMessage]) -> dict[str, Original]:
        """The customers' earlier mails that these refer to by Message-ID."""
        found: dict[str, Original] = {}
        if self._channel.type == "email":
            account_id, channel_id = self._channel.account_id, self._channel.id
            for item in messages:
                if references := item.message.references:
                    mails = self._services.stores.inbound.mails
                    found |= await mails(account_id, channel_id, item.thread, references)
        return found

    async def _ingest(self, messages: list[_PendingMessage]) -> None:
        """Store files before their messages, under ids derived from the provider's, so that a repeat finds them."""
        media: list[NewMedia] = []
        for item in messages:
            made = []
            for index, file in enumerate(item.message.media):
                name = f"{item.message.provider_id}:{index}"
                media.append(NewMedia(str(uuid.uuid5(uuid.UUID(self._channel.id), name)), file))
                url = f"/v1/attachments/{media[-1].id}"
                made.append(Attachment(url, safe_name(file.name), file.content_type, file.size))
            item.attachments = tuple(made)
        if media:
            channel = self._channel
            await self._services.stores.attachments.ingest(channel.account_id, channel.id, media)

    async def _store(self, item: _PendingMessage, originals: dict[str, Original]) -> None:
        if item.message.is_echo and item.edited_at is None and item.message.provider_id in originals:
            self._processed.repeated += 1  # the echo of a message sent from here
            return
        if item.edited_at is None:
            done = await self._receive(item, originals)
        else:
            done = await self._edit(item, item.edited_at, originals)
        if done is not None and done.repeated:
            self._processed.repeated += 1
            if (entry := next(iter(done.entries), None)) is not None and _differs(entry, item):
                self._fault("another message came under this provider id before", item.message)
        elif item.edited_at is None:
            self._processed.received += 1
        else:
            self._processed.edited += 1

    async def _receive(self, item: _PendingMessage, originals: dict[str, Original]) -> Done:
        message, channel = item.message, self._channel
        answered = _first(originals, _spellings(message.reply_to)) if message.reply_to else None
        metadata = message.metadata
        if item.edited_at is not None:
            metadata = {**metadata, "edited_at": item.edited_at}
        post = Post(
            sender_type="agent" if message.is_echo else "contact",
            content=message.content,
            content_type=message.content_type,
            attachments=item.attachments,
            external_id=message.provider_id,
            reply_to=answered.message_id if answered else None,
            metadata=metadata,
        )
        # The contact's name stays, since the team may have changed it; `resolve` has recorded the provider's.
        opening = Opening(channel.type, subject=message.subject)
        thread = ThreadKey(channel.account_id, channel.id, item.thread, _topic(item, originals))
        name = None if message.is_echo else shown_name(message.sender.name)
        return await self._ask(Receive(opening, post, name), item.thread, thread=thread, echo=message.is_echo)

    async def _edit(self, item: _PendingMessage, at: int, originals: dict[str, Original]) -> Done | None:
        """Edit a stored message. If the original has not arrived yet, the edit is stored in its place, and the original will
        count as its repeat."""
        original = originals.get(item.message.provider_id)
        if original is None:
            done = await self._receive(item, originals)
            if not done.repeated:
                return done
            original = _original(item.message.provider_id, done.entries[0])
        if original.edited_at >= at:
            return None
        edit = Edit(
            item.message.provider_id,
            original.message_id,
            original.seq,
            item.message.content,
            original.content,
            at,
        )
        return await self._ask(edit, item.thread, conversation=original.conversation_id)

    async def _ask(
        self,
        command: Command,
        identifier: str,
        *,
        thread: ThreadKey | None = None,
        conversation: str | None = None,
        echo: bool = False,
    ) -> Done:
        """On the customer's behalf, or that of whoever wrote in the business's own app, by the provider's word."""
        by = By("service", None, "service") if echo else By("contact", identifier, "service")
        envelope = Envelope(fresh_id(), self._channel.account_id, by, command, conversation, thread)
        return await self._services.gateway.router.ask(envelope)

    # -- the rest

    async def _receipts(self, receipts: list[Receipt]) -> None:
        channel, hints = self._channel, self._services.hints
        changed = await self._services.stores.deliveries.receive(channel.account_id, channel.id, receipts)
        self._processed.receipts += len(receipts)
        for delivery in changed:
            data: dict[str, Any] = {"message_id": delivery.message_id, "delivery_status": delivery.status}
            if delivery.error is not None:
                data["delivery_error"] = delivery.error
            topics = [conversation_topic(delivery.conversation_id)]
            await hints.send(
                channel.account_id, "conversation:receipt", data, topics, delivery.conversation_id
            )

    def _fault(self, reason: str, event: Inbound | Faulty) -> None:
        part = event.payload if isinstance(event, Faulty) else event
        self._processed.faults.append(Fault(reason[:1000], part_of(part)))


def part_of(value: Any) -> str | None:
    """A part of a payload for display: JSON, truncated to `MAX_PART` characters."""
    try:
        text = msgspec.json.encode(value, enc_hook=str).decode()
    except (TypeError, ValueError, RecursionError):
        return None
    return text[:MAX_PART].replace("\\u0000", "\ufffd")


def _final(error: BaseException) -> bool:
    return isinstance(error, TertuliaError) and not isinstance(error, LATER)


def _differs(entry: Entry, item: _PendingMessage) -> bool:
    """Whether a repeat says something else than the message that is taken for its first. One that was edited may."""
    first = entry.data
    if not isinstance(first, Message) or edited_at(first) or item.edited_at is not None:
        return False
    files = len(first.attachments), len(item.attachments)
    return first.content != item.message.content or first.sender_id != item.thread or files[0] != files[1]


def _spellings(reference: str) -> tuple[str, ...]:
    """The forms in which a provider id may be stored: Postmark uses the bare id where others use `id@its.domain`."""
    local, at, _ = reference.partition("@")
    return (reference, local) if at and local else (reference,)


def _first(originals: dict[str, Original], names: Sequence[str]) -> Original | None:
    return next((originals[name] for name in names if name in originals), None)


def _topic(item: _PendingMessage, originals: dict[str, Original]) -> str:
    """The thread's topic: that of the nearest referenced message known to be this customer's, else the message's own."""
    for reference in item.message.references:
        known = _first(originals, _spellings(reference))
        if known is not None and known.contact_identifier == item.thread:
            return known.topic
    return item.message.topic


def _original(provider_id: str, entry: Entry) -> Original:
    message = entry.data
    assert isinstance(message, Message), "the first answer to a message is a message"
    return Original(
        provider_id, entry.conversation_id, entry.seq, message.id, message.content, edited_at(message), "", ""
    )
