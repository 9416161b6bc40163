"""Contacts, channels, accounts, API clients and the audit log as the API shows them, and how they are made from records."""

from __future__ import annotations

from typing import Annotated, Any

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
from ..text.fields import (
    AccountId,
    ChannelId,
    ContactId,
    ConversationId,
    Count,
    CreatedAt,
    Id,
    MessageId,
    Metadata,
    Seq,
    Timestamp,
    UpdatedAt,
    about,
)
from ..times import rfc3339, rfc3339_or_none
from ..views.payloads import DeliveryError
from .conversations import ConversationView, EntryView


class ContactIdentifierView(msgspec.Struct, frozen=True):
    id: Id
    contact_id: ContactId
    channel_type: Annotated[ChannelType, about("The channel type of the address", "webchat")]
    identifier: Annotated[str, about("The address, in its normal form", "visitor-7f3a")]
    display_name: Annotated[str | None, about("The name used with it", "Marta")]
    metadata: Metadata
    created_at: CreatedAt
    updated_at: UpdatedAt


class ContactView(msgspec.Struct, frozen=True):
    """`merged_into`: the contact that got its identifiers and conversations; from then on it does not change."""

    id: ContactId
    account_id: AccountId
    name: Annotated[str | None, about("The customer's name", "Marta")]
    attributes: Annotated[
        dict[str, Any], about("Free-form: what the account keeps about the customer", {"vip": True})
    ]
    merged_into: Annotated[
        ContactId | None,
        about(
            "The contact that got its identifiers and conversations; from then on this one does not change"
        ),
    ]
    identifiers: Annotated[list[ContactIdentifierView], about("The customer's addresses")]
    created_at: CreatedAt
    updated_at: UpdatedAt


class ExportedConversation(msgspec.Struct, frozen=True):
    conversation: Annotated[ConversationView, about("The conversation")]
    entries: Annotated[list[EntryView], about("Everything that happened in it")]


class ContactExport(msgspec.Struct, frozen=True):
    """Everything stored about a contact, including private notes."""

    exported_at: Annotated[Timestamp, about("When it was exported")]
    contact: Annotated[ContactView, about("The contact")]
    conversations: Annotated[list[ExportedConversation], about("The contact's conversations")]


class ChannelView(msgspec.Struct, frozen=True):
    """`credential_fields`: names of the credentials that are set, never their values; null if the server's keys cannot decrypt
    them.
    """

    id: ChannelId
    account_id: AccountId
    type: Annotated[ChannelType, about("The type of the channel", "webchat")]
    name: Annotated[str, about("The channel's name", "Shop")]
    config: Annotated[dict[str, Any], about("Free-form: settings of the channel's provider", {})]
    credential_fields: Annotated[
        list[str] | None,
        about(
            "Names of the credentials that are set; null if the server's keys cannot decrypt them",
            ["identity_secret"],
        ),
    ]
    is_active: Annotated[bool, about("Whether the channel receives and sends messages")]
    created_at: CreatedAt
    updated_at: UpdatedAt


class AccountView(msgspec.Struct, frozen=True):
    """`settings`: in force, including defaults."""

    id: AccountId
    name: Annotated[str, about("The account's name", "Demo")]
    settings: Annotated[AccountSettings, about("The settings in force, including defaults")]
    created_at: CreatedAt
    updated_at: UpdatedAt


class ApiClientView(msgspec.Struct, frozen=True):
    client_id: Annotated[Id, about("The client's id")]
    name: Annotated[str, about("Its purpose", "CRM")]
    created_at: CreatedAt
    last_used_at: Annotated[Timestamp | None, about("When it last requested a token")]


class ApiClientWithSecret(msgspec.Struct, frozen=True):
    """Returned by creation only, as no other response contains the secret."""

    client_id: Annotated[Id, about("The client's id")]
    client_secret: Annotated[str, about("Its secret, shown only once", "3q2-7wqU9nX0m1c5")]
    name: Annotated[str, about("Its purpose", "CRM")]
    created_at: CreatedAt


class AuditRecordView(msgspec.Struct, frozen=True):
    id: Id
    at: Annotated[Timestamp, about("When it happened")]
    actor_type: Annotated[str, about("What kind of actor did it", "agent")]
    actor_id: Annotated[str | None, about("Who did it", "00000000-0000-0000-0000-000000000024")]
    action: Annotated[str, about("The action", "team.created")]
    target_type: Annotated[str | None, about("What kind of object it was done to", "team")]
    target_id: Annotated[str | None, about("The object's id", "0190a5f0-7c1e-7000-8000-00000000b0b1")]
    details: Annotated[
        dict[str, Any], about("Free-form: the fields that changed, by action", {"name": "Billing"})
    ]


class DeliveryView(msgspec.Struct, frozen=True):
    """`error`: `{code, detail}`, for a queued delivery that of the last try. `attempts`: tries so far."""

    message_id: MessageId
    conversation_id: ConversationId
    channel_id: ChannelId
    seq: Annotated[Seq, about("The message's number in its conversation")]
    status: Annotated[DeliveryStatus, about("The delivery status")]
    attempts: Annotated[Count, about("Attempts so far")]
    provider_id: Annotated[str | None, about("The provider's id of the message", "wamid.HBgL")]
    error: Annotated[dict[str, Any] | None, about("Why the last attempt failed", shown_as=DeliveryError)]
    next_attempt_at: Annotated[Timestamp | None, about("When the next attempt is due")]
    created_at: CreatedAt
    updated_at: UpdatedAt


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
