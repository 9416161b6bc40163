"""The ports of what arrives from the providers: who wrote, which messages are meant, and what is set aside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from ..accounts.records import ChannelType, Page, Place
from ..channels.messages import Sender

MAX_PAYLOAD = 262_144
"""Bytes kept of a payload that was set aside; one that was longer cannot be replayed."""
MAX_FAILURES = 1_000
"""Payloads kept of one channel, the newest."""


class Original(msgspec.Struct, frozen=True):
    """A stored message that a provider id stands for, and the thread it is in. `edited_at` in ms, 0 for never."""

    provider_id: str
    conversation_id: str
    seq: int
    message_id: str
    content: str
    edited_at: int
    contact_identifier: str
    topic: str


class Fault(msgspec.Struct, frozen=True):
    """What could not be taken in: the reason, and the part of the payload as JSON, cut where it is long."""

    reason: str
    part: str | None = None


class NewFailure(msgspec.Struct, frozen=True):
    """A call with something that could not be taken in. `headers`: those that a replay needs, no secrets."""

    account_id: str
    channel_id: str
    faults: tuple[Fault, ...]
    headers: dict[str, str]
    body: bytes


class Failure(msgspec.Struct, frozen=True):
    """A payload that was set aside; `size` is that of the whole body, `payload` at most MAX_PAYLOAD of it. Times in ms;
    `replayed_at` where a replay took in all of it."""

    id: str
    account_id: str
    channel_id: str
    at: int
    faults: tuple[Fault, ...]
    headers: dict[str, str]
    size: int
    payload: bytes
    replayed_at: int | None


class SenderStore(Protocol):
    """Customers as providers name them."""

    async def resolve(self, account_id: str, channel_type: ChannelType, sender: Sender) -> str:
        """The identifier of the sender's threads: the same one for all identifiers of a person, for good.

        Notes the sender's identifiers, name and metadata; the first message of a customer makes their contact, however
        many come at once. Does not wait while nothing about the sender is new. Raises Invalid for what cannot be stored.
        """
        ...


class InboundStore(Protocol):
    """Look-ups by provider ids, and the payloads that were set aside."""

    async def originals(
        self, account_id: str, channel_id: str, provider_ids: Sequence[str]
    ) -> dict[str, Original]:
        """Messages of a channel, received or sent, by provider id; unknown ids are left out."""
        ...

    async def mails(
        self, account_id: str, channel_id: str, identifier: str, message_ids: Sequence[str]
    ) -> dict[str, Original]:
        """A customer's mails by their Message-IDs, which are no provider ids; of several with the same one, the newest."""
        ...

    async def set_aside(self, failure: NewFailure) -> str:
        """Keep a payload, with the newest MAX_FAILURES of its channel; the same one again is kept once. Returns its id."""
        ...

    async def failures(
        self, account_id: str, channel_id: str | None, after: Place | None, limit: int
    ) -> Page[Failure]:
        """Newest first, without their payloads."""
        ...

    async def failure(self, account_id: str, failure_id: str) -> Failure | None: ...

    async def replayed(self, account_id: str, failure_id: str, faults: Sequence[Fault]) -> Failure | None:
        """Note a replay: what of the payload could still not be taken in, or that all of it was."""
        ...
