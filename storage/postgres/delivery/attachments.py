"""Attachments: records in Postgres, bytes in the object store, written in an order that loses neither.

Bytes are needed from the moment a record names their digest. They are written after the record, which becomes `stored`
once they are complete. When a record is deleted, a trigger leaves a note, and `sweep` deletes bytes that no record needs.
Both work under the same lock, so the bytes of a new record are never deleted. `sweep` also removes what a process that
ended midway left behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from typing import Any

import msgspec

from ....core.channels.file_types import plain_type, safe_name, settled_type
from ....core.channels.messages import Media
from ....core.channels.records import NewMedia, NewUpload, PendingMedia, StoredAttachment
from ....core.channels.signed_urls import path_of
from ....core.errors import Invalid, StorageUnavailable, TooLarge
from ...objects.object_store import Objects
from ...objects.spool import Spooled, spooled
from ..database import Connection, Database
from ..queries import sql

UNFINISHED_AFTER = 3600.0
"""Seconds after which an unfinished upload counts as abandoned."""
STORE_DEADLINE = 120.0
"""Seconds for writing one file to the object store: 503."""
DELETE_DEADLINE = 10.0
SWEPT_AT_ONCE = 100
"""Notes that one sweep handles."""
_COLUMNS = sql("attachment_columns")


class PostgresAttachments:
    """`core.ports.deliveries.AttachmentStore` and `MediaQueue`. `most`: the maximum size of a file that a payload contains."""

    def __init__(self, database: Database, objects: Objects, *, most: int) -> None:
        self._database = database
        self._objects = objects
        self._most = most

    # -- AttachmentStore

    async def ingest(
        self, account_id: str, channel_id: str, wanted: Sequence[NewMedia]
    ) -> list[StoredAttachment]:
        known = await self.get_all(account_id, [new.id for new in wanted])
        for new in wanted:
            if (before := known.get(new.id)) is None or (before.status == "pending" and new.media.data):
                await self._ingest(account_id, channel_id, new)
        found = await self.get_all(account_id, [new.id for new in wanted])
        return [found[new.id] for new in wanted if new.id in found]

    async def _ingest(self, account_id: str, channel_id: str, new: NewMedia) -> None:
        media, name = new.media, safe_name(new.media.name)
        declared = plain_type(media.content_type)
        if media.data is None:
            source = msgspec.json.encode({"kind": media.kind, "id": media.id, "url": media.url}).decode()
            async with self._database.account(account_id) as connection:
                await connection.execute(
                    sql("attachment_note"), new.id, account_id, channel_id, name, declared, media.size, source
                )
            return
        try:
            async with spooled(
                _whole(media.data), self._most, lambda beginning: settled_type(declared, beginning)
            ) as file:
                await self._store(NewUpload(new.id, account_id, None, channel_id, name), file)
        except (TooLarge, Invalid) as error:
            async with self._database.account(account_id) as connection:
                await connection.execute(
                    sql("attachment_refuse"), new.id, account_id, channel_id, name, error.detail
                )

    async def upload(
        self, new: NewUpload, pieces: AsyncIterator[bytes], most: int, settle: Callable[[bytes], str]
    ) -> StoredAttachment:
        async with spooled(pieces, most, settle) as file:
            return await self._store(new, file)

    async def _store(self, new: NewUpload, file: Spooled) -> StoredAttachment:
        uploader = (new.uploader.type, new.uploader.id) if new.uploader else (None, None)
        async with self._database.account(new.account_id) as connection, connection.transaction():
            await connection.execute(sql("attachment_lock_bytes"), new.account_id, file.digest)
            await connection.execute(
                sql("attachment_reserve"),
                new.id,
                new.account_id,
                new.channel_id,
                *uploader,
                new.name,
                file.content_type,
                file.size,
                file.digest,
            )
        try:
            return await self._put(new.id, new.account_id, file)
        except BaseException:
            await asyncio.shield(self._drop(new.id, new.account_id))
            raise

    async def _put(self, attachment_id: str, account_id: str, file: Spooled) -> StoredAttachment:
        """Write the bytes of a record to the object store, then mark the record as stored."""
        try:
            async with asyncio.timeout(STORE_DEADLINE):
                await self._objects.put(account_id, file.digest, file.file)
        except TimeoutError:
            raise StorageUnavailable("the attachment store is too slow", retry_after=5) from None
        async with self._database.system() as connection:
            row = await connection.fetchrow(
                sql("attachment_stored", columns=_COLUMNS), attachment_id, file.digest
            )
            if row is None:  # erased meanwhile: a sweep may have run before the bytes arrived
                await connection.execute(sql("garbage_note"), account_id, file.digest)
                raise StorageUnavailable("the attachment was deleted while it was stored")
        return _attachment(row)

    async def _drop(self, attachment_id: str, account_id: str) -> None:
        async with self._database.system() as connection:
            await connection.execute(sql("attachment_drop"), attachment_id, account_id)

    async def get(self, account_id: str, attachment_id: str) -> StoredAttachment | None:
        return (await self.get_all(account_id, [attachment_id])).get(attachment_id)

    async def get_all(self, account_id: str, attachment_ids: Sequence[str]) -> dict[str, StoredAttachment]:
        if not attachment_ids:
            return {}
        async with self._database.account(account_id) as connection:
            rows = await connection.fetch(
                sql("attachments_get", columns=_COLUMNS), list(dict.fromkeys(attachment_ids))
            )
        return {row[0]: _attachment(row) for row in rows}

    async def find(self, attachment_id: str) -> StoredAttachment | None:
        async with self._database.system() as connection:
            row = await connection.fetchrow(sql("attachment_get", columns=_COLUMNS), attachment_id)
        return _attachment(row) if row is not None else None

    async def is_shown(
        self, account_id: str, attachment_id: str, channel_id: str, contact_identifier: str
    ) -> bool:
        url = msgspec.json.encode([{"url": path_of(attachment_id)}]).decode()
        async with self._database.account(account_id) as connection:
            return await connection.fetchval(sql("attachment_shown"), channel_id, contact_identifier, url)

    async def link(self, account_id: str, conversation_id: str, attachment_ids: Sequence[str]) -> None:
        if attachment_ids:
            async with self._database.account(account_id) as connection:
                await connection.execute(sql("attachments_link"), conversation_id, list(attachment_ids))

    def read(
        self, attachment: StoredAttachment, start: int = 0, end: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        assert attachment.digest is not None and attachment.size is not None
        last = attachment.size if end is None else end
        return self._objects.read(attachment.account_id, attachment.digest, start, last)

    # -- MediaQueue

    async def claim(self, limit: int, lease: float) -> list[PendingMedia]:
        async with self._database.system() as connection:
            rows = await connection.fetch(sql("attachments_claim", columns=_COLUMNS), limit, lease)
        return [_pending(row) for row in rows]

    async def fetched(
        self, pending: PendingMedia, pieces: AsyncIterator[bytes], most: int, content_type: str | None
    ) -> None:
        attachment = pending.attachment
        declared = plain_type(content_type) or plain_type(attachment.content_type)
        async with spooled(pieces, most, lambda beginning: settled_type(declared, beginning)) as file:
            async with self._database.system() as connection, connection.transaction():
                await connection.execute(sql("attachment_lock_bytes"), attachment.account_id, file.digest)
                reserved = await connection.fetchval(
                    sql("attachment_claimed_reserve"),
                    attachment.id,
                    pending.attempt,
                    file.content_type,
                    file.size,
                    file.digest,
                )
            if reserved is not None:
                await self._put(attachment.id, attachment.account_id, file)

    async def not_fetched(self, pending: PendingMedia, reason: str, retry_after: float | None) -> None:
        async with self._database.system() as connection:
            await connection.execute(
                sql("attachment_later"), pending.attachment.id, pending.attempt, reason, retry_after
            )

    async def sweep(self) -> int:
        async with self._database.system() as connection:
            await connection.execute(sql("garbage_unfinished"), UNFINISHED_AFTER)
        for count in range(SWEPT_AT_ONCE):
            async with self._database.system() as connection, connection.transaction():
                if not await self._sweep_one(connection):
                    return count
        return SWEPT_AT_ONCE

    async def _sweep_one(self, connection: Connection) -> bool:
        row = await connection.fetchrow(sql("garbage_next"))
        if row is None:
            return False
        account_id, digest = row
        await connection.execute(sql("attachment_lock_bytes"), account_id, digest)
        if not await connection.fetchval(sql("garbage_needed"), account_id, digest):
            async with asyncio.timeout(DELETE_DEADLINE):
                await self._objects.delete(account_id, digest)
        await connection.execute(sql("garbage_done"), account_id, digest)
        return True


async def _whole(data: bytes) -> AsyncIterator[bytes]:
    if data:
        yield data


def _attachment(row: Sequence[Any]) -> StoredAttachment:
    return StoredAttachment(*row)


def _pending(row: Sequence[Any]) -> PendingMedia:
    attempt, source, *rest = row
    attachment = _attachment(rest)
    fields = msgspec.json.decode(source, type=dict[str, str | None])
    media = Media(
        fields["kind"] or "",
        id=fields["id"],
        url=fields["url"],
        name=attachment.name,
        content_type=attachment.content_type,
        size=attachment.size,
    )
    return PendingMedia(attachment, media, attempt)
