"""The ports of contacts, channels, the account, API clients, the audit log, and session ids of conversations.

Everything is bound to one account, enforced by row-level security; methods that read across accounts say so. Lists are paged in a
fixed order, after a `Place`. `by` goes to the audit log.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from ..accounts.records import (
    Account,
    ApiClient,
    AuditRecord,
    Channel,
    ChannelType,
    Contact,
    ContactIdentifier,
    Page,
    Place,
)
from ..conversation.entries import Actor
from ..conversation.state import Conversation


class NewIdentifier(msgspec.Struct, frozen=True):
    id: str
    channel_type: ChannelType
    identifier: str
    display_name: str | None = None
    metadata: dict[str, Any] = {}


class ContactStore(Protocol):
    """Contacts and their identifiers. `Conflict` names the contact that already has an identifier."""

    async def create(
        self,
        account_id: str,
        contact_id: str,
        name: str | None,
        attributes: dict[str, Any],
        identifiers: Sequence[NewIdentifier],
    ) -> Contact:
        """Raises Conflict."""
        ...

    async def get(self, account_id: str, contact_id: str) -> Contact | None: ...

    async def page(self, account_id: str, q: str | None, after: Place | None, limit: int) -> Page[Contact]:
        """Newest first, without those merged into others; `q` searches names and identifiers."""
        ...

    async def update(self, account_id: str, contact_id: str, changes: dict[str, Any]) -> Contact | None:
        """`name`, `attributes`. Raises Conflict if the contact was merged."""
        ...

    async def delete(self, account_id: str, contact_id: str) -> bool:
        """Raises Conflict where it has conversations."""
        ...

    async def merge(self, account_id: str, contact_id: str, into: str, by: Actor) -> Contact | None:
        """Move the identifiers to `into`, which is returned; the contact stays and points to it. Idempotent.

        Raises Conflict if one of them was merged elsewhere.
        """
        ...

    async def conversations(
        self, account_id: str, contact_id: str, identifier: ContactIdentifier | None = None
    ) -> list[str]:
        """Ids of a contact's conversations, oldest first; optionally only those with one of its identifiers."""
        ...

    async def begin_erasure(self, account_id: str, contact_id: str) -> list[str] | None:
        """Remove the name, attributes and identifiers of the contact, and of contacts merged into it.

        Returns the ids of all of them. A later message of that customer creates a new contact. May be repeated.
        Raises Conflict if the contact was merged into another.
        """
        ...

    async def finish_erasure(self, account_id: str, contact_ids: Sequence[str], by: Actor) -> int:
        """Blank the stored data of these contacts' erased conversations, and delete the contacts, in one transaction.

        Returns how many conversations there were. Raises Conflict if one of them has not been erased by command.
        """
        ...

    async def add_identifier(
        self, account_id: str, contact_id: str, identifier: NewIdentifier
    ) -> ContactIdentifier | None:
        """None if there is no such contact. Raises Conflict."""
        ...

    async def identifier(self, account_id: str, identifier_id: str) -> ContactIdentifier | None: ...

    async def identifiers(
        self, account_id: str, contact_id: str | None, after: Place | None, limit: int
    ) -> Page[ContactIdentifier]:
        """Oldest first."""
        ...

    async def update_identifier(
        self, account_id: str, identifier_id: str, changes: dict[str, Any]
    ) -> ContactIdentifier | None:
        """`contact_id`, `display_name`, `metadata`. Raises NotFound for an unknown contact."""
        ...

    async def delete_identifier(self, account_id: str, identifier_id: str) -> bool: ...


MAX_OF_TYPE = 100
"""Channels of one type that an account is asked for at once."""


class ChannelStore(Protocol):
    """Channels. This process sees its own changes at once, others within seconds."""

    async def find(self, channel_id: str) -> Channel | None:
        """A channel by its id alone, across accounts: calls of webhooks and web chat carry no token."""
        ...

    def known(self, channel_id: str) -> Channel | None:
        """A recent result of `find`. None if it must be called."""
        ...

    async def allows_origin(self, origin: str) -> bool:
        """Whether an active web chat channel of any account has this origin in its `allowed_origins`: preflight requests name
        no channel."""
        ...

    async def page(self, account_id: str, after: Place | None, limit: int) -> Page[Channel]:
        """Oldest first."""
        ...

    async def get(self, account_id: str, channel_id: str) -> Channel | None: ...

    async def first(self, account_id: str, type: ChannelType) -> Channel | None:
        """The account's oldest active channel of a type."""
        ...

    async def of_type(self, account_id: str, type: ChannelType) -> tuple[Channel, ...]:
        """The account's channels of a type, inactive ones too, oldest first; the first MAX_OF_TYPE."""
        ...

    async def create(self, channel: Channel, by: Actor) -> Channel: ...

    async def ensure(self, channel: Channel, by: Actor) -> Channel:
        """Create a channel unless its id exists; concurrent calls create one. Raises NotFound if there is no such account."""
        ...

    async def update(
        self, account_id: str, channel_id: str, changes: dict[str, Any], by: Actor
    ) -> Channel | None:
        """`name`, `config`, `credentials` (sealed), `is_active`."""
        ...

    async def delete(self, account_id: str, channel_id: str, by: Actor) -> bool:
        """Raises Conflict if the channel has conversations."""
        ...


class AccountStore(Protocol):
    async def get(self, account_id: str) -> Account | None: ...

    def at_hand(self, account_id: str) -> Account | None:
        """A result of `get` from within the last minute, without waiting. Another process may have changed the account since."""
        ...

    async def update(
        self, account_id: str, name: str | None, settings: dict[str, Any] | None, by: Actor
    ) -> Account | None:
        """Merge settings as `core.accounts.account_settings.merge_settings` does. Raises Invalid; Conflict if the `sub_domain` is taken."""
        ...


class ClientStore(Protocol):
    async def create(
        self, account_id: str, client_id: str, name: str, secret_hash: bytes, by: Actor
    ) -> ApiClient: ...

    async def page(self, account_id: str, after: Place | None, limit: int) -> Page[ApiClient]:
        """Oldest first."""
        ...

    async def delete(self, account_id: str, client_id: str, by: Actor) -> bool: ...

    async def secret(self, client_id: str) -> tuple[str, bytes] | None:
        """Account and secret hash of a client, across accounts, to issue a token."""
        ...

    def at_hand(self, secret_hash: bytes) -> tuple[str, str] | None:
        """A cached result of `by_secret`, without waiting."""
        ...

    async def by_secret(self, secret_hash: bytes) -> tuple[str, str] | None:
        """Id and account of the client with a secret, across accounts. Records that it is used; found ones are cached for a minute."""
        ...

    async def used(self, client_id: str) -> bool:
        """Record that it gets a token now; False if it was deleted meanwhile and must not get one."""
        ...

    async def revoked(self, since: int | None) -> list[tuple[str, int]]:
        """Clients deleted since a time (µs), across accounts, each with its time; None: all whose tokens may still be valid."""
        ...


class AuditStore(Protocol):
    """The audit log: append-only. Stores write their own changes into it, in the same transaction."""

    async def add(
        self,
        account_id: str,
        by: Actor,
        action: str,
        target: tuple[str, str | None],
        details: dict[str, Any] | None = None,
    ) -> None:
        """Record an action on an object (type, id). `details` never hold a secret or a customer's words."""
        ...

    async def page(
        self, account_id: str, action: str | None, target_id: str | None, after: Place | None, limit: int
    ) -> Page[AuditRecord]:
        """Newest first."""
        ...


class Session(msgspec.Struct, frozen=True):
    """The name under which an older service's clients know a conversation: the sync API's `sessionId`, or the id it had in the CRM
    before it was imported. `bot_id` and `local_id` (the outlet) are in the client's own words."""

    id: str
    conversation_id: str
    bot_id: str | None
    local_id: str | None


class SessionStore(Protocol):
    async def find(self, account_id: str, session_id: str) -> Session | None: ...

    def at_hand(self, account_id: str, session_id: str) -> Session | None:
        """The same, if nothing has to be awaited."""
        ...

    async def of(self, account_id: str, conversation_id: str) -> Session | None: ...

    async def ensure(self, account_id: str, session: Session) -> Session:
        """A conversation's session: `session`, unless it has one, which only takes the bot and the outlet that it lacks. Raises Overloaded
        if the id is taken."""
        ...

    async def live(self, account_id: str, numbers: list[str]) -> Conversation | None:
        """The live WhatsApp conversation of a phone number, given in all its spellings."""
        ...
