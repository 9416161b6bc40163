"""The ports of what leaves for the providers, and of the files that messages carry."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, Literal, Protocol

import msgspec

from .channel_messages import Media, Receipt
from .entries import DeliveryStatus
from .records import Page, Place


class Delivery(msgspec.Struct, frozen=True):
    """What became of one outbound message. Times in ms; `error`: `{code, detail}`, the provider's reason."""

    message_id: str
    account_id: str
    channel_id: str
    conversation_id: str
    seq: int
    status: DeliveryStatus
    attempts: int
    provider_id: str | None
    error: dict[str, Any] | None
    next_attempt_at: int | None
    created_at: int
    updated_at: int


class DeliveryStore(Protocol):
    """Deliveries. A status only moves forward: queued → sent → delivered → read; `failed` is final."""

    async def receive(self, account_id: str, channel_id: str, receipts: Sequence[Receipt]) -> list[Delivery]:
        """Apply a provider's receipts; returns the deliveries that moved. Those of messages whose sending is not
        recorded yet are kept until it is: any order, and any repeat, is harmless."""
        ...

    async def get(self, account_id: str, message_id: str) -> Delivery | None: ...

    async def page(
        self,
        account_id: str,
        status: DeliveryStatus | None,
        channel_id: str | None,
        after: Place | None,
        limit: int,
    ) -> Page[Delivery]:
        """Newest first."""
        ...

    async def retry(self, account_id: str, message_id: str) -> Delivery | None:
        """Queue a failed delivery again. Raises Conflict where it has not failed."""
        ...


AttachmentStatus = Literal["pending", "stored", "failed"]


class StoredAttachment(msgspec.Struct, frozen=True):
    """A file of an account. `digest` is the SHA-256 of its bytes, by which they are stored once; `size` in bytes."""

    id: str
    account_id: str
    conversation_id: str | None
    channel_id: str | None
    status: AttachmentStatus
    name: str | None
    content_type: str | None
    size: int | None
    digest: str | None
    error: str | None
    created_at: int


class NewMedia(msgspec.Struct, frozen=True):
    """A file of an inbound message under the id it will have; the same id again has no effect."""

    id: str
    media: Media


class AttachmentStore(Protocol):
    """Files: their records in the database, their bytes in the object store."""

    async def ingest(
        self, account_id: str, channel_id: str, wanted: Sequence[NewMedia]
    ) -> list[StoredAttachment]:
        """Note a provider's files before their message is stored. What came along as bytes is stored now; the rest is
        `pending`, and fetched in the background."""
        ...

    async def get(self, account_id: str, attachment_id: str) -> StoredAttachment | None: ...

    def read(self, attachment: StoredAttachment) -> AsyncIterator[bytes]:
        """Its bytes, in pieces."""
        ...
