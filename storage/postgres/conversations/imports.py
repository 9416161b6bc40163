"""Conversations imported from another service, on Postgres.

A conversation is stored completely, by the group commit that hosts use, together with a note that it was imported: an import that is
interrupted at any moment continues where it was. It takes over no partition: it only adds conversations that no host has in memory.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import asyncpg

from ....core.accounts.records import ChannelType
from ....core.conversation.entries import Message
from ....core.ids import partition_of_conversation
from ....core.ports.journal import DuplicateKey, Rejected, Write
from ....core.ports.resources import Session
from ..database import Connection, Database
from ..queries import sql
from .journal import COMMIT, batch_arguments

SEARCH_CHUNKS = 8
REPORT_ENTRIES = 5_000


class KnownImport(NamedTuple):
    """The conversation as an earlier run stored it. `found`: the number of its messages that are there now, None if it is gone."""

    messages: int
    set_aside: int
    found: int | None


class NewImport(NamedTuple):
    """A conversation to be stored. `key`: a digest of its id at the source; `set_aside`: how many of its messages are left out."""

    key: bytes
    write: Write
    set_aside: int
    session: Session | None = None

    @property
    def messages(self) -> int:
        return sum(isinstance(e.data, Message) for e in self.write.entries)


class PostgresImports:
    """The reads and writes of `tertulia import` in one account."""

    def __init__(self, database: Database, account_id: str, source: str) -> None:
        self._database = database
        self._account = account_id
        self._source = source

    async def known(self, keys: Sequence[bytes]) -> dict[bytes, KnownImport]:
        async with self._database.system() as connection:
            rows = await connection.fetch(sql("imports_known"), self._account, self._source, keys)
        return {key: KnownImport(*counts) for key, *counts in rows}

    async def contacts(
        self, type: ChannelType, identifiers: Collection[str]
    ) -> dict[str, tuple[str, str | None]]:
        """The contacts of identifiers: id and name."""
        async with self._database.system() as connection:
            rows = await connection.fetch(sql("imports_contacts"), self._account, type, list(identifiers))
        return {identifier: (contact_id, name) for identifier, contact_id, name in rows}

    async def live(self, channel_id: str, identifiers: Collection[str]) -> set[str]:
        """Those of the identifiers that have a live conversation."""
        return await self._which("imports_live", channel_id, identifiers, self._account)

    async def external_ids(self, channel_id: str, ids: Collection[str]) -> set[str]:
        """Those of the providers' message ids that exist."""
        return await self._which("imports_external", channel_id, ids)

    async def sessions(self, ids: Collection[str]) -> set[str]:
        """Those of the session ids that exist."""
        return await self._which("imports_sessions", self._account, ids)

    async def _which(self, query: str, within: str, ids: Collection[str], *before: str) -> set[str]:
        if not ids:
            return set()
        async with self._database.system() as connection:
            return {row[0] for row in await connection.fetch(sql(query), *before, within, list(ids))}

    async def store(self, batch: Sequence[NewImport]) -> None:
        """Store conversations, all or none. Raises DuplicateKey if one of their ids, or a customer's live conversation, has come
        into being meanwhile; Rejected if a value cannot be stored."""
        writes = [new.write for new in batch]
        try:
            async with self._database.system() as connection, connection.transaction():
                await self._commit(connection, writes)
                await self._note(connection, batch)
        except asyncpg.UniqueViolationError as error:
            raise DuplicateKey(str(error)) from error
        except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, ValueError, TypeError) as error:
            raise Rejected(str(error)) from error

    async def _commit(self, connection: Connection, writes: Sequence[Write]) -> None:
        partitions = sorted({partition_of_conversation(w.after.id) for w in writes})
        epochs = await connection.fetch(sql("imports_epochs"), partitions)
        arguments, _ = batch_arguments(writes, dict(epochs))
        bases = await connection.fetchval(COMMIT, *arguments)
        if None in bases:
            raise Rejected("the account has no feed")

    async def _note(self, connection: Connection, batch: Sequence[NewImport]) -> None:
        ids = [new.write.after.id for new in batch]
        await connection.execute(
            sql("imports_note"),
            self._account,
            self._source,
            [new.key for new in batch],
            ids,
            [new.messages for new in batch],
            [new.set_aside for new in batch],
        )
        sessions = [s for new in batch if (s := new.session) is not None]
        if sessions:
            await connection.execute(
                sql("imports_add_sessions"),
                self._account,
                [s.id for s in sessions],
                [s.conversation_id for s in sessions],
                [s.bot_id for s in sessions],
                [s.local_id for s in sessions],
            )

    async def catch_up(self) -> None:
        """Make everything stored so far searchable and counted. Hosts do so beside their commits; here may be none."""
        for statement, most in (
            ("SELECT search_advance($1, $2)", SEARCH_CHUNKS),
            ("SELECT report_advance($1, $2, true)", REPORT_ENTRIES),
        ):
            made = most
            while made >= most:
                async with self._database.system() as connection:
                    made = await connection.fetchval(statement, self._account, most)
