"""The ports of what leaves for the providers, and of the files that messages carry."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from typing import Any, Literal, Protocol

import msgspec

from .channel_messages import Media, Receipt
from .entries import Actor, ActorType, DeliveryStatus
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
    """A file of an account. `digest` is the SHA-256 of its bytes, by which they are stored once; `size` in bytes.

    `uploader_type` and `uploader_id`: who uploaded it; None for a provider's.
    """

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
    uploader_type: ActorType | None = None
    uploader_id: str | None = None


class NewMedia(msgspec.Struct, frozen=True):
    """A file of an inbound message under the id it will have; the same id again has no effect."""

    id: str
    media: Media


class NewUpload(msgspec.Struct, frozen=True):
    """A file that somebody uploads; `uploader` None: a provider. `channel_id`: a customer's or the provider's."""

    id: str
    account_id: str
    uploader: Actor | None
    channel_id: str | None = None
    name: str | None = None


class AttachmentStore(Protocol):
    """Files: their records in the database, their bytes in the object store."""

    async def ingest(
        self, account_id: str, channel_id: str, wanted: Sequence[NewMedia]
    ) -> list[StoredAttachment]:
        """Note a provider's files before their message is stored. What came along as bytes is stored now; the rest is
        `pending`, and fetched in the background. Raises StorageUnavailable: then nothing may be taken for stored."""
        ...

    async def upload(
        self, new: NewUpload, pieces: AsyncIterator[bytes], most: int, settle: Callable[[bytes], str]
    ) -> StoredAttachment:
        """Store what comes. `settle` is shown the first bytes (`core.files.BEGINNING`) and gives the type or raises.

        Raises TooLarge beyond `most` bytes, Invalid for an empty file, StorageUnavailable; then nothing stays."""
        ...

    async def get(self, account_id: str, attachment_id: str) -> StoredAttachment | None: ...

    async def get_all(self, account_id: str, attachment_ids: Sequence[str]) -> dict[str, StoredAttachment]:
        """Those that there are, by id."""
        ...

    async def find(self, attachment_id: str) -> StoredAttachment | None:
        """An attachment by its id alone, across accounts: for signed links, which come without a token."""
        ...

    async def is_shown(
        self, account_id: str, attachment_id: str, channel_id: str, contact_identifier: str
    ) -> bool:
        """Whether a public message of one of a customer's own conversations holds it."""
        ...

    async def link(self, account_id: str, conversation_id: str, attachment_ids: Sequence[str]) -> None:
        """Note the conversation that attachments belong to; the first one counts."""
        ...

    def read(
        self, attachment: StoredAttachment, start: int = 0, end: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Its bytes, in pieces. Raises NotFound where they are gone, StorageUnavailable."""
        ...


class PendingMedia(msgspec.Struct, frozen=True):
    """A provider's file that this process may try to fetch now. `attempt` counts from 1."""

    attachment: StoredAttachment
    media: Media
    attempt: int


class MediaQueue(Protocol):
    """The files still to be fetched, and bytes nobody needs any more; any number of processes may work on them."""

    async def claim(self, limit: int, lease: float) -> list[PendingMedia]:
        """Files that are due, for nobody else within `lease` seconds."""
        ...

    async def fetched(
        self, pending: PendingMedia, pieces: AsyncIterator[bytes], most: int, content_type: str | None
    ) -> None:
        """Store what comes. Raises TooLarge, Invalid (empty), StorageUnavailable."""
        ...

    async def not_fetched(self, pending: PendingMedia, reason: str, retry_after: float | None) -> None:
        """Try again after so many seconds, or never (None)."""
        ...

    async def sweep(self) -> int:
        """Delete bytes without a record, and records whose bytes never came; returns how many."""
        ...
