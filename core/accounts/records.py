"""Accounts, channels, contacts, API clients, audit records, and pages of records. Frozen, with times in ms."""

from __future__ import annotations

from typing import Any, Generic, Literal, TypeVar

import msgspec

from ..text.cursors import Id, Micros

Record = TypeVar("Record")

ChannelType = Literal["webchat", "whatsapp", "telegram", "messenger", "sms", "email"]


class Account(msgspec.Struct, frozen=True):
    id: str
    name: str
    settings: dict[str, Any]
    created_at: int
    updated_at: int


class Channel(msgspec.Struct, frozen=True):
    """`credentials` are ciphertext; only `storage/credentials.py` decrypts them."""

    id: str
    account_id: str
    type: ChannelType
    name: str
    config: dict[str, Any]
    credentials: bytes | None
    is_active: bool
    created_at: int
    updated_at: int


class ContactIdentifier(msgspec.Struct, frozen=True):
    id: str
    account_id: str
    contact_id: str
    channel_type: ChannelType
    identifier: str
    display_name: str | None
    metadata: dict[str, Any]
    created_at: int
    updated_at: int


class Contact(msgspec.Struct, frozen=True):
    id: str
    account_id: str
    name: str | None
    attributes: dict[str, Any]
    merged_into: str | None
    created_at: int
    updated_at: int
    identifiers: tuple[ContactIdentifier, ...] = ()


class ApiClient(msgspec.Struct, frozen=True):
    id: str
    account_id: str
    name: str
    created_at: int
    last_used_at: int | None


class AuditRecord(msgspec.Struct, frozen=True):
    id: str
    at: int
    actor_type: str
    actor_id: str | None
    action: str
    target_type: str | None
    target_id: str | None
    details: dict[str, Any]


class Place(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The end of a page: the last row's time in microseconds, and its id."""

    at: Micros
    id: Id


class Page(msgspec.Struct, Generic[Record], frozen=True):
    """Records in order; `next` is None on the last page."""

    items: list[Record]
    next: Place | None
