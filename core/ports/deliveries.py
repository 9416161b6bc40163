"""The ports of deliveries to providers, and of attachments."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from typing import Protocol

from ..accounts.records import Page, Place
from ..channels.messages import Receipt
from ..channels.records import Delivery, NewMedia, NewUpload, PendingMedia, StoredAttachment
from ..conversation.entries import DeliveryStatus


class DeliveryStore(Protocol):
    """Deliveries. A status only advances: queued → sent → delivered → read; `failed` is final."""

    async def receive(self, account_id: str, channel_id: str, receipts: Sequence[Receipt]) -> list[Delivery]:
        """Apply a provider's receipts; returns the deliveries that changed. Receipts of messages that are not recorded as sent yet
        are kept until they are, so order and repeats do not matter."""
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
        """Queue a failed delivery again. Raises Conflict unless it has failed."""
        ...


class AttachmentStore(Protocol):
    """Attachments: records in the database, bytes in the object store."""

    async def ingest(
        self, account_id: str, channel_id: str, wanted: Sequence[NewMedia]
    ) -> list[StoredAttachment]:
        """Record a provider's files before their message is stored. Bytes that came with the call are stored now; other files are
        `pending` and fetched in the background. Raises StorageUnavailable; then count nothing as stored."""
        ...

    async def upload(
        self, new: NewUpload, pieces: AsyncIterator[bytes], most: int, settle: Callable[[bytes], str]
    ) -> StoredAttachment:
        """Store an upload. `settle` gets the first bytes (`core.channels.file_types.BEGINNING`) and returns the type or raises.

        Raises TooLarge beyond `most` bytes, Invalid for an empty file, StorageUnavailable; then nothing is kept."""
        ...

    async def get(self, account_id: str, attachment_id: str) -> StoredAttachment | None: ...

    async def get_all(self, account_id: str, attachment_ids: Sequence[str]) -> dict[str, StoredAttachment]:
        """Existing ones by id."""
        ...

    async def find(self, attachment_id: str) -> StoredAttachment | None:
        """An attachment by its id alone, across accounts: signed links carry no token."""
        ...

    async def is_shown(
        self, account_id: str, attachment_id: str, channel_id: str, contact_identifier: str
    ) -> bool:
        """Whether a public message in one of a customer's conversations contains it."""
        ...

    async def link(self, account_id: str, conversation_id: str, attachment_ids: Sequence[str]) -> None:
        """Record the conversation that attachments belong to; the first one counts."""
        ...

    def read(
        self, attachment: StoredAttachment, start: int = 0, end: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Its bytes, in pieces. Raises NotFound if they are gone, StorageUnavailable."""
        ...


class MediaQueue(Protocol):
    """Files to fetch, and bytes to delete; any number of processes may work on them."""

    async def claim(self, limit: int, lease: float) -> list[PendingMedia]:
        """Claim due files exclusively, for `lease` seconds."""
        ...

    async def fetched(
        self, pending: PendingMedia, pieces: AsyncIterator[bytes], most: int, content_type: str | None
    ) -> None:
        """Store a fetched file. Raises TooLarge, Invalid (empty), StorageUnavailable."""
        ...

    async def not_fetched(self, pending: PendingMedia, reason: str, retry_after: float | None) -> None:
        """Note a failure; retry after so many seconds, or never (None)."""
        ...

    async def sweep(self) -> int:
        """Delete bytes without a record, and records whose bytes never arrived; returns how many."""
        ...
