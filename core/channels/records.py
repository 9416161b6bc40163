"""Deliveries and attachments as they are stored. Frozen records with times in ms."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from ..conversation.entries import Actor, ActorType, DeliveryStatus
from .messages import Media


class Delivery(msgspec.Struct, frozen=True):
    """The delivery of one outbound message. Times in ms; `error`: `{code, detail}`, the provider's reason."""

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


class PendingMedia(msgspec.Struct, frozen=True):
    """A provider's file that this process may try to fetch now. `attempt` counts from 1."""

    attachment: StoredAttachment
    media: Media
    attempt: int
