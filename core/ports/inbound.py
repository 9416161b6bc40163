"""The ports of inbound calls from providers: senders, messages by provider id, and failed payloads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from ..accounts.records import ChannelType, Page, Place
from ..channels.messages import Sender

MAX_PAYLOAD = 262_144
"""Bytes kept of a failed payload; a longer one cannot be replayed."""
MAX_FAILURES = 1_000
"""Failed payloads kept for one channel, the newest."""


class Original(msgspec.Struct, frozen=True):
    """The stored message with a provider id, and its thread. `edited_at` in ms, 0 for never."""

    provider_id: str
    conversation_id: str
    seq: int
    message_id: str
    content: str
    edited_at: int
    contact_identifier: str
    topic: str


class Fault(msgspec.Struct, frozen=True):
    """A part of a payload that could not be processed: the reason, and the part as JSON, truncated if long."""

    reason: str
    part: str | None = None


class NewInboundFailure(msgspec.Struct, frozen=True):
    """A call that could not be processed completely. `headers`: those that a replay needs, no secrets."""

    account_id: str
    channel_id: str
    faults: tuple[Fault, ...]
    headers: dict[str, str]
    body: bytes


class InboundFailure(msgspec.Struct, frozen=True):
    """A failed payload; `size` of the whole body, of which `payload` holds at most MAX_PAYLOAD bytes. Times in ms;
    `replayed_at`: when a replay processed all of it."""

    id: str
    account_id: str
    channel_id: str
    at: int
    faults: tuple[Fault, ...]
    headers: dict[str, str]
    size: int
    payload: bytes
    replayed_at: int | None


class Nameless(msgspec.Struct, frozen=True):
    """A contact's name, whoever gave it, and its newest conversations that lack one. `more`: so do others."""

    name: str
    conversation_ids: tuple[str, ...] = ()
    more: bool = False


class SenderStore(Protocol):
    """Customers by the identifiers that providers use."""

    async def resolve(self, account_id: str, channel_type: ChannelType, sender: Sender) -> str:
        """The identifier of the sender's threads: permanent, and the same for all identifiers of a person.

        Stores the sender's identifiers, name and metadata; a customer's first message creates one contact, even if several arrive
        at once. Does not wait if nothing about the sender is new. Raises Invalid for values that cannot be stored.
        """
        ...

    async def fill_name(
        self, account_id: str, channel_type: ChannelType, thread: str, name: str
    ) -> Nameless | None:
        """Give the contact behind a thread's identifier this name, if it has none. None if nobody is known by it, or if the same
        name was given before: then nothing is looked up."""
        ...

    def forget_name(self, account_id: str, channel_type: ChannelType, thread: str) -> None:
        """Let the next `fill_name` look again: the conversations of the last one could not be renamed."""
        ...


class InboundStore(Protocol):
    """Look-ups by provider id, and failed payloads."""

    async def originals(
        self, account_id: str, channel_id: str, provider_ids: Sequence[str]
    ) -> dict[str, Original]:
        """Messages of a channel, received or sent, by provider id; unknown ids are left out."""
        ...

    async def mails(
        self, account_id: str, channel_id: str, identifier: str, message_ids: Sequence[str]
    ) -> dict[str, Original]:
        """A customer's mails by their Message-IDs, which are not provider ids; of several with the same one, the newest."""
        ...

    async def set_aside(self, failure: NewInboundFailure) -> str:
        """Store a failed payload among the newest MAX_FAILURES of its channel; repeats are stored once. Returns its id."""
        ...

    async def failures(
        self, account_id: str, channel_id: str | None, after: Place | None, limit: int
    ) -> Page[InboundFailure]:
        """Newest first, without their payloads."""
        ...

    async def failure(self, account_id: str, failure_id: str) -> InboundFailure | None: ...

    async def replayed(
        self, account_id: str, failure_id: str, faults: Sequence[Fault]
    ) -> InboundFailure | None:
        """Record a replay: the faults that remain, or none if all of it was processed."""
        ...
