"""The ports of what leaves for the providers, and of the files that messages carry."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from typing import Protocol

from ..accounts.records import Page, Place
from ..channels.messages import Receipt
from ..channels.records import Delivery, NewMedia, NewUpload, PendingMedia, StoredAttachment
from ..conversation.entries import DeliveryStatus


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
        """Store what comes. `settle` is shown the first bytes (`core.channels.file_types.BEGINNING`) and gives the type or raises.

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
