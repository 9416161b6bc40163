"""Contacts, channels, accounts, API clients and the audit log as the API shows them, and how they are made from records."""

from __future__ import annotations

from typing import Any

import msgspec

from ..accounts.account_settings import AccountSettings, known_settings
from ..accounts.records import (
    Account,
    ApiClient,
    AuditRecord,
    Channel,
    ChannelType,
    Contact,
    ContactIdentifier,
)
from ..channels.records import Delivery
from ..conversation.entries import DeliveryStatus
from ..times import rfc3339, rfc3339_or_none
from .conversations import ConversationView, EntryView


class ContactIdentifierView(msgspec.Struct, frozen=True):
    id: str
    contact_id: str
    channel_type: ChannelType
    identifier: str
    display_name: str | None
    metadata: dict[str, Any]
    created_at: str
    updated_at: str


class ContactView(msgspec.Struct, frozen=True):
    """`merged_into`: the contact that got its identifiers and conversations; from then on it does not change."""

    id: str
    account_id: str
    name: str | None
    attributes: dict[str, Any]
    merged_into: str | None
    identifiers: list[ContactIdentifierView]
    created_at: str
    updated_at: str


class ExportedConversation(msgspec.Struct, frozen=True):
    conversation: ConversationView
    entries: list[EntryView]


class ContactExport(msgspec.Struct, frozen=True):
    """Everything stored about a contact, including private notes."""

    exported_at: str
    contact: ContactView
    conversations: list[ExportedConversation]


class ChannelView(msgspec.Struct, frozen=True):
    """`credential_fields`: names of the credentials that are set, never their values; null if the server's keys cannot decrypt
    them.
    """

    id: str
    account_id: str
    type: ChannelType
    name: str
    config: dict[str, Any]
    credential_fields: list[str] | None
    is_active: bool
    created_at: str
    updated_at: str


class AccountView(msgspec.Struct, frozen=True):
    """`settings`: in force, including defaults."""

    id: str
    name: str
    settings: AccountSettings
    created_at: str
    updated_at: str


class ApiClientView(msgspec.Struct, frozen=True):
    client_id: str
    name: str
    created_at: str
    last_used_at: str | None


class ApiClientWithSecret(msgspec.Struct, frozen=True):
    """Returned by creation only, as no other response contains the secret."""

    client_id: str
    client_secret: str
    name: str
    created_at: str


class AuditRecordView(msgspec.Struct, frozen=True):
    id: str
    at: str
    actor_type: str
    actor_id: str | None
    action: str
    target_type: str | None
    target_id: str | None
    details: dict[str, Any]


class DeliveryView(msgspec.Struct, frozen=True):
    """`error`: `{code, detail}`, for a queued delivery that of the last try. `attempts`: tries so far."""

    message_id: str
    conversation_id: str
    channel_id: str
    seq: int
    status: DeliveryStatus
    attempts: int
    provider_id: str | None
    error: dict[str, Any] | None
    next_attempt_at: str | None
    created_at: str
    updated_at: str


def delivery_view(d: Delivery) -> DeliveryView:
    return DeliveryView(
        d.message_id,
        d.conversation_id,
        d.channel_id,
        d.seq,
        d.status,
        d.attempts,
        d.provider_id,
        d.error,
        rfc3339_or_none(d.next_attempt_at),
        rfc3339(d.created_at),
        rfc3339(d.updated_at),
    )


def identifier_view(i: ContactIdentifier) -> ContactIdentifierView:
    return ContactIdentifierView(
        i.id,
        i.contact_id,
        i.channel_type,
        i.identifier,
        i.display_name,
        i.metadata,
        rfc3339(i.created_at),
        rfc3339(i.updated_at),
    )


def contact_view(c: Contact) -> ContactView:
    return ContactView(
        c.id,
        c.account_id,
        c.name,
        c.attributes,
        c.merged_into,
        [identifier_view(i) for i in c.identifiers],
        rfc3339(c.created_at),
        rfc3339(c.updated_at),
    )


def channel_view(c: Channel, credential_fields: list[str] | None) -> ChannelView:
    return ChannelView(
        c.id,
        c.account_id,
        c.type,
        c.name,
        c.config,
        credential_fields,
        c.is_active,
        rfc3339(c.created_at),
        rfc3339(c.updated_at),
    )


def account_view(a: Account) -> AccountView:
    return AccountView(a.id, a.name, known_settings(a.settings), rfc3339(a.created_at), rfc3339(a.updated_at))


def client_view(c: ApiClient) -> ApiClientView:
    return ApiClientView(c.id, c.name, rfc3339(c.created_at), rfc3339_or_none(c.last_used_at))


def audit_view(r: AuditRecord) -> AuditRecordView:
    return AuditRecordView(
        r.id, rfc3339(r.at), r.actor_type, r.actor_id, r.action, r.target_type, r.target_id, r.details
    )
