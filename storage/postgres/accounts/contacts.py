"""Contacts and contact identifiers on Postgres. Erasure is in `erasure.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg
import msgspec

from ....core.accounts.records import Contact, ContactIdentifier, Page, Place
from ....core.conversation.entries import Actor
from ....core.errors import Conflict, NotFound
from ....core.ports.resources import NewIdentifier
from ....core.views.search_terms import searches
from ..database import Connection, Database
from ..pages import bounds, page_of
from ..queries import sql
from ..rows import json_or_none, json_text
from .audit import record
from .erasure import Erasure

_CONTACT = sql("contact_columns")
_IDENTIFIER = sql("identifier_columns")


def _identifier(row: Sequence[Any]) -> ContactIdentifier:
    i, account, contact, kind, identifier, name, metadata, *times = row
    return ContactIdentifier(
        i, account, contact, kind, identifier, name, msgspec.json.decode(metadata), *times
    )


def _contact(row: Sequence[Any]) -> Contact:
    i, account, name, attributes, merged, created, updated, identifiers = row
    return Contact(
        i,
        account,
        name,
        msgspec.json.decode(attributes),
        merged,
        created,
        updated,
        tuple(ContactIdentifier(*values) for values in msgspec.json.decode(identifiers)),
    )


class PostgresContacts(Erasure):
    """`core.ports.resources.ContactStore` on Postgres."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)

    async def create(
        self,
        account_id: str,
        contact_id: str,
        name: str | None,
        attributes: dict[str, Any],
        identifiers: Sequence[NewIdentifier],
    ) -> Contact:
        async with self._database.account(account_id) as connection:
            for index, wanted in enumerate(identifiers):
                await self._check_free(connection, account_id, wanted, f"identifiers[{index}].identifier")
            try:
                async with connection.transaction():
                    await connection.execute(
                        sql("contact_create"), contact_id, account_id, name, json_text(attributes)
                    )
                    for wanted in identifiers:
                        await self._insert(connection, account_id, contact_id, wanted)
            except asyncpg.UniqueViolationError:
                for index, wanted in enumerate(identifiers):
                    await self._check_free(connection, account_id, wanted, f"identifiers[{index}].identifier")
                raise Conflict("an identifier is given twice") from None
            made = await connection.fetchrow(sql("contact_get", columns=_CONTACT), contact_id)
        assert made is not None
        return _contact(made)

    async def _insert(
        self, connection: Connection, account_id: str, contact_id: str, wanted: NewIdentifier
    ) -> ContactIdentifier | None:
        row = await connection.fetchrow(
            sql("identifier_create", columns=_IDENTIFIER),
            wanted.id,
            account_id,
            contact_id,
            wanted.channel_type,
            wanted.identifier,
            wanted.display_name,
            json_text(wanted.metadata),
        )
        return _identifier(row) if row is not None else None

    async def _check_free(
        self, connection: Connection, account_id: str, wanted: NewIdentifier, path: str
    ) -> None:
        row = await connection.fetchrow(
            sql("identifier_holder", columns=_IDENTIFIER), account_id, wanted.channel_type, wanted.identifier
        )
        if row is not None:
            holder = _identifier(row)
            raise Conflict(
                f"this {wanted.channel_type} identifier belongs to another contact already",
                errors=((path, "belongs to another contact"),),
                current={"contact_id": holder.contact_id, "contact_identifier_id": holder.id},
            )

    async def get(self, account_id: str, contact_id: str) -> Contact | None:
        async with self._database.account(account_id) as connection:
            row = await connection.fetchrow(sql("contact_get", columns=_CONTACT), contact_id)
        return _contact(row) if row is not None else None

    async def page(self, account_id: str, q: str | None, after: Place | None, limit: int) -> Page[Contact]:
        session = self._database.account if q is None else self._database.expensive
        async with session(account_id) as connection:
            if q is None:
                rows = await connection.fetch(sql("contacts_page", columns=_CONTACT), *bounds(after, limit))
            else:
                rows = await connection.fetch(
                    sql("contacts_found", columns=_CONTACT),
                    msgspec.json.encode(searches(q)).decode(),
                    *bounds(after, limit),
                )
        return page_of(rows, _contact, limit)

    async def update(self, account_id: str, contact_id: str, changes: dict[str, Any]) -> Contact | None:
        async with self._database.account(account_id) as connection:
            attributes = changes.get("attributes")
            done = await connection.fetchval(
                sql("contact_update"),
                contact_id,
                "name" in changes,
                changes.get("name"),
                json_or_none(attributes),
            )
            row = await connection.fetchrow(sql("contact_get", columns=_CONTACT), contact_id)
        if row is None:
            return None
        contact = _contact(row)
        if not done:
            raise _merged(contact.merged_into)
        return contact

    async def delete(self, account_id: str, contact_id: str) -> bool:
        async with self._database.account(account_id) as connection:
            row = await connection.fetchrow(sql("contact_delete"), contact_id)
        assert row is not None
        existed, gone = row
        if existed and not gone:
            raise Conflict("the contact has conversations: erase it instead (POST …/erase)")
        return existed

    async def merge(self, account_id: str, contact_id: str, into: str, by: Actor) -> Contact | None:
        async with self._database.account(account_id) as connection, connection.transaction():
            locked = {r[0]: r[1] for r in await connection.fetch(sql("contacts_lock"), [contact_id, into])}
            if contact_id not in locked:
                return None
            if into not in locked:
                raise NotFound("no such contact", errors=(("into", "no such contact"),))
            if locked[into] is not None:
                raise _merged(locked[into], "into")
            if locked[contact_id] not in (None, into):
                raise _merged(locked[contact_id])
            if locked[contact_id] is None:
                moved = await connection.fetchval(sql("contact_merge"), contact_id, into)
                details = {"into": into, "identifiers": moved}
                await record(connection, account_id, by, "contact.merged", ("contact", contact_id), details)
            row = await connection.fetchrow(sql("contact_get", columns=_CONTACT), into)
        assert row is not None
        return _contact(row)

    async def conversations(
        self, account_id: str, contact_id: str, identifier: ContactIdentifier | None = None
    ) -> list[str]:
        narrowed = (identifier.channel_type, identifier.identifier) if identifier else (None, None)
        async with self._database.account(account_id) as connection:
            rows = await connection.fetch(sql("contact_conversations"), account_id, [contact_id], *narrowed)
        return [row[0] for row in rows]

    # -- identifiers

    async def add_identifier(
        self, account_id: str, contact_id: str, identifier: NewIdentifier
    ) -> ContactIdentifier | None:
        async with self._database.account(account_id) as connection:
            try:
                return await self._insert(connection, account_id, contact_id, identifier)
            except asyncpg.UniqueViolationError:
                await self._check_free(connection, account_id, identifier, "identifier")
                raise Conflict("the identifier has just moved to another contact: try again") from None

    async def identifier(self, account_id: str, identifier_id: str) -> ContactIdentifier | None:
        async with self._database.account(account_id) as connection:
            row = await connection.fetchrow(sql("identifier_get", columns=_IDENTIFIER), identifier_id)
        return _identifier(row) if row is not None else None

    async def identifiers(
        self, account_id: str, contact_id: str | None, after: Place | None, limit: int
    ) -> Page[ContactIdentifier]:
        async with self._database.account(account_id) as connection:
            rows = await connection.fetch(
                sql("identifiers_page", columns=_IDENTIFIER), contact_id, *bounds(after, limit)
            )
        return page_of(rows, _identifier, limit)

    async def update_identifier(
        self, account_id: str, identifier_id: str, changes: dict[str, Any]
    ) -> ContactIdentifier | None:
        contact_id, metadata = changes.get("contact_id"), changes.get("metadata")
        async with self._database.account(account_id) as connection, connection.transaction():
            if contact_id is not None:
                found = await connection.fetchrow(sql("contacts_lock"), [contact_id])
                if found is None:
                    raise NotFound("no such contact", errors=(("contact_id", "no such contact"),))
                if found[1] is not None:
                    raise _merged(found[1], "contact_id")
            row = await connection.fetchrow(
                sql("identifier_update", columns=_IDENTIFIER),
                identifier_id,
                contact_id,
                "display_name" in changes,
                changes.get("display_name"),
                json_or_none(metadata),
            )
        return _identifier(row) if row is not None else None

    async def delete_identifier(self, account_id: str, identifier_id: str) -> bool:
        async with self._database.account(account_id) as connection:
            return bool(await connection.fetchval(sql("identifier_delete"), identifier_id))


def _merged(into: str | None, path: str = "") -> Conflict:
    errors = ((path, "was merged into another contact"),) if path else ()
    return Conflict("the contact was merged into another", errors=errors, current={"merged_into": into})
