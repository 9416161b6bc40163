"""The ports of what stands beside conversations: contacts, channels, the account, api clients, the audit log.

Everything is bound to one account, and by row-level security beneath; the few that look across accounts say so. Lists
are pages in a fixed order, after a `Place`. `by` is who is written into the audit log.
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


class NewIdentifier(msgspec.Struct, frozen=True):
    id: str
    channel_type: ChannelType
    identifier: str
    display_name: str | None = None
    metadata: dict[str, Any] = {}


class ContactStore(Protocol):
    """Contacts and their identifiers. `Conflict` names the contact that holds an identifier already."""

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
        """Newest first, without those merged into others; `q` looks in names and identifiers."""
        ...

    async def update(self, account_id: str, contact_id: str, changes: dict[str, Any]) -> Contact | None:
        """`name`, `attributes`. Raises Conflict where the contact was merged."""
        ...

    async def delete(self, account_id: str, contact_id: str) -> bool:
        """Raises Conflict where it has conversations."""
        ...

    async def merge(self, account_id: str, contact_id: str, into: str, by: Actor) -> Contact | None:
        """Move the identifiers; the contact stays, pointing to the other, which is returned. Doing it again is no fault.

        Raises Conflict where one of them was merged elsewhere.
        """
        ...

    async def conversations(
        self, account_id: str, contact_id: str, identifier: ContactIdentifier | None = None
    ) -> list[str]:
        """Ids of a contact's conversations, oldest first; with one of its identifiers only."""
        ...

    async def begin_erasure(self, account_id: str, contact_id: str) -> list[str] | None:
        """Take the contact's name, attributes and identifiers away, and those of contacts merged into it.

        Returns the ids of all of these. From now on a message of that customer makes a new contact. May be repeated.
        Raises Conflict where the contact was merged into another.
        """
        ...

    async def finish_erasure(self, account_id: str, contact_ids: Sequence[str], by: Actor) -> int:
        """Blank what is stored of these contacts' erased conversations, and delete the contacts; in one transaction.

        Returns how many conversations there were. Raises Conflict where one of them has not been erased by command.
        """
        ...

    async def add_identifier(
        self, account_id: str, contact_id: str, identifier: NewIdentifier
    ) -> ContactIdentifier | None:
        """None where there is no such contact. Raises Conflict."""
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
        """`contact_id`, `display_name`, `metadata`. Raises NotFound for a contact that is none."""
        ...

    async def delete_identifier(self, account_id: str, identifier_id: str) -> bool: ...


class ChannelStore(Protocol):
    """Channels. A change made here is seen at once in this process, elsewhere within seconds."""

    async def find(self, channel_id: str) -> Channel | None:
        """A channel by its id alone, across accounts: for webhooks and web chat, which come without a token."""
        ...

    async def page(self, account_id: str, after: Place | None, limit: int) -> Page[Channel]:
        """Oldest first."""
        ...

    async def get(self, account_id: str, channel_id: str) -> Channel | None: ...

    async def create(self, channel: Channel, by: Actor) -> Channel: ...

    async def update(
        self, account_id: str, channel_id: str, changes: dict[str, Any], by: Actor
    ) -> Channel | None:
        """`name`, `config`, `credentials` (sealed), `is_active`."""
        ...

    async def delete(self, account_id: str, channel_id: str, by: Actor) -> bool:
        """Raises Conflict where the channel has conversations."""
        ...


class AccountStore(Protocol):
    async def get(self, account_id: str) -> Account | None: ...

    async def update(
        self, account_id: str, name: str | None, settings: dict[str, Any] | None, by: Actor
    ) -> Account | None:
        """Merge settings as `core.accounts.account_settings.merge_settings` does. Raises Invalid, and Conflict for a `sub_domain` taken."""
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
        """Account and hash of a client, across accounts: for those who ask for a token."""
        ...

    async def used(self, client_id: str) -> bool:
        """Note that it is given a token now; False where it was deleted meanwhile, and must not get one."""
        ...

    async def revoked(self, since: int | None) -> list[tuple[str, int]]:
        """Clients deleted since then (µs), across accounts, each with its time; None: all whose tokens may still live."""
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
        """What was done to which (type, id). `details` never hold a secret or a customer's words."""
        ...

    async def page(
        self, account_id: str, action: str | None, target_id: str | None, after: Place | None, limit: int
    ) -> Page[AuditRecord]:
        """Newest first."""
        ...
