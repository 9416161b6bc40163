"""The journal on Postgres: each group commit is one call of the function `commit_batch`, fenced by partition epochs.

What the function does, in which order and why: docs/commit-batch.md. This module owns how a batch becomes columns, and how
a commit of unknown outcome is settled. It never numbers entries and never retries a batch.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from typing import Any, Final

import asyncpg
import msgspec
import structlog

from ....core.conversation.entries import Entry, Message, kind_of
from ....core.conversation.state import Conversation, settled
from ....core.errors import Overloaded, StorageUnavailable
from ....core.ids import partition_of_conversation
from ....core.ports.journal import DuplicateKey, NotStored, Rejected, StaleEpoch, StaleSupervisor, Write
from ..database import Database
from ..queries import sql
from ..rows import conversation_to_json, encode_data

log = structlog.get_logger(__name__)
_encode: Final = msgspec.json.Encoder().encode

_PARTITIONS = ("integer", "bigint")
_ACCOUNTS = ("uuid", "integer")
_ENTRIES = ("uuid", "integer", "integer", "integer", "bigint", "word", "word", "word", "word", "text")
_TOUCHED = ("uuid", "integer", "integer", "bigint", "bigint", "bigint", "word", "bigint")
_CHANGED = ("text",)
_RECENCY = ("uuid", "uuid", "bigint")
_PROVIDERS = ("uuid", "text", "uuid", "integer")
_OUTGOING = ("uuid", "integer", "uuid", "uuid", "uuid", "bigint")
_SUPERVISORS = ("integer", "bigint")
_COLUMNS = (
    *_PARTITIONS, *_ACCOUNTS, *_ENTRIES, *_TOUCHED, *_CHANGED, *_RECENCY, *_PROVIDERS, *_OUTGOING, *_SUPERVISORS
)  # fmt: skip
"""The types of the columns that `commit_batch` takes, in order; a word is a short text.

The driver spends half a microsecond on each element of an array, so numbers and words travel as one text a column: 0.2 µs an
element, the server's part included. For UUIDs and long texts the server would spend what the driver saves.
"""

_token = secrets.token_hex(6)
SEPARATOR = f"\x1f{_token}"
NULL = f"\x1e{_token}"
"""The separator of words, and the word for null. Both are secret, and `_argument` checks that no word contains the separator."""


_FORMS = {
    "integer": "$%d::text::integer[]",
    "bigint": "$%d::text::bigint[]",
    "word": f"(string_to_array($%d, ${len(_COLUMNS) + 1}, ${len(_COLUMNS) + 2}))[2:]",
    "text": "$%d::text[]",
    "uuid": "$%d::uuid[]",
}
COMMIT = f"SELECT commit_batch({', '.join(_FORMS[holds] % place for place, holds in enumerate(_COLUMNS, 1))})"
_CONTACTS = ("uuid", "uuid", "uuid", "text", "text", "text")
MAKE_CONTACTS = f" FROM make_contacts({', '.join(_FORMS[holds] % place for place, holds in enumerate(_CONTACTS, len(_COLUMNS) + 3))}) AS made"
"""Added to COMMIT in batches that open conversations of new contacts. It runs first, in the same transaction."""
COMMIT_DEADLINE = 10.0
"""Seconds until the outcome of a commit counts as unknown."""
SETTLE_DEADLINE = 30.0
"""Seconds to settle an unknown outcome; after that the host gives up its partitions."""
STALE_EPOCH = "TE001"
STALE_SUPERVISOR = "TE002"


class PostgresJournal:
    """`core.ports.journal.Journal` on Postgres."""

    def __init__(self, database: Database, *, deadline: float = COMMIT_DEADLINE) -> None:
        self._database = database
        self._deadline = deadline

    async def commit(self, writes: Sequence[Write], epochs: dict[int, int]) -> list[int]:
        touched = sorted({partition_of_conversation(w.after.id) for w in writes})
        held = {p: epochs.get(p, -1) for p in touched}
        try:
            arguments, places = batch_arguments(writes, held)
            contacts = _contacts(writes)
        except (ValueError, TypeError, OverflowError, RecursionError) as error:
            raise Rejected(f"the batch has content that cannot be stored: {error}") from error
        sent = False
        try:
            async with asyncio.timeout(self._deadline), self._database.system() as connection:
                sent = True
                statement = COMMIT + MAKE_CONTACTS if contacts else COMMIT
                bases: list[int | None] = await connection.fetchval(statement, *arguments, *contacts)
        except asyncpg.UniqueViolationError as error:
            raise DuplicateKey(str(error)) from error
        except (asyncpg.PostgresError, TimeoutError, Overloaded, StorageUnavailable) as error:
            if getattr(error, "sqlstate", None) == STALE_EPOCH:
                raise StaleEpoch(str(error)) from error
            if getattr(error, "sqlstate", None) == STALE_SUPERVISOR:
                raise StaleSupervisor(str(error)) from error
            if isinstance(error, asyncpg.PostgresError):
                raise Rejected(str(error)) from error
            if not sent:
                raise NotStored("no connection to the storage") from error
            return await self._settle(writes, held, epochs, error)
        known = [b for b in bases if b is not None]
        if len(known) < len(bases):
            raise Rejected("an account of the batch has no feed")
        return [known[account] + ordinal for account, ordinal in places]

    async def _settle(
        self, writes: Sequence[Write], held: dict[int, int], epochs: dict[int, int], cause: BaseException
    ) -> list[int]:
        """Find out what became of a commit whose answer was lost.

        Raising the batch's epochs waits for a transaction that is still running (it holds the rows FOR SHARE) and fences
        off one that has not begun. After that the batch is either stored completely or never will be.
        """
        log.warning("commit_outcome_unknown", error=repr(cause), writes=len(writes))
        entries = [e for w in writes for e in w.entries]
        touched = len(held)
        try:
            async with asyncio.timeout(SETTLE_DEADLINE):
                while True:
                    try:
                        async with self._database.system() as connection:
                            raised = await connection.fetch(
                                sql("raise_epochs"), list(held), list(held.values())
                            )
                            epochs.update((p, e) for p, e in raised)
                            held = dict(raised)
                            found = await connection.fetch(
                                sql("find_positions"),
                                [e.conversation_id for e in entries],
                                [e.seq for e in entries],
                            )
                            break
                    except (asyncpg.PostgresError, TimeoutError, Overloaded, StorageUnavailable):
                        await asyncio.sleep(0.1)
        except TimeoutError:
            # Nothing is certain, so this host must not continue. Its successor reads what is stored.
            raise StaleEpoch("the storage did not return in time to settle a commit") from cause
        if len(held) < touched:
            raise StaleEpoch("partitions were taken over during a commit of unknown outcome")
        if len(found) < len(entries) or not entries:
            known = isinstance(cause, StorageUnavailable)
            raise NotStored(cause.detail if known else "the storage could not be reached") from cause
        return [row[0] for row in found]


def batch_arguments(writes: Sequence[Write], held: dict[int, int]) -> tuple[list[Any], list[tuple[int, int]]]:
    """The arguments of `commit_batch`, and the place of each entry in its feed: account index, ordinal."""
    accounts: dict[str, int] = {}
    counts: list[int] = []
    rows: list[tuple[Any, ...]] = []
    places: list[tuple[int, int]] = []
    messages: _Messages = []
    for write in writes:
        account = accounts.setdefault(write.after.account_id, len(accounts))
        if account == len(counts):
            counts.append(0)
        answer = write.answer
        for entry in write.entries:
            counts[account] += 1
            places.append((account, counts[account]))
            rows.append(
                _entry_row(entry, account + 1, counts[account], write.key if entry is answer else None)
            )
            data = entry.data
            if isinstance(data, Message) and not (data.external_id is data.delivery_status is None):
                messages.append((write.after.channel_id, entry, data))
    columns = (
        list(held),
        list(held.values()),
        list(accounts),
        counts,
        *_columns(rows, _ENTRIES),
        *_projection(writes),
        *_columns(_provider_ids(messages), _PROVIDERS),
        *_columns(_outgoing(messages), _OUTGOING),
        *_columns(sorted({w.fence for w in writes if w.fence is not None}), _SUPERVISORS),
    )
    arguments = [_argument(column, holds) for column, holds in zip(columns, _COLUMNS, strict=True)]
    return [*arguments, SEPARATOR, NULL], places


def _contacts(writes: Sequence[Write]) -> list[Sequence[Any]]:
    """The arguments of `make_contacts`; none without new contacts."""
    new = {w.new_contact.id: w.new_contact for w in writes if w.new_contact is not None}
    rows = [(c.id, c.identifier_id, *c.address, c.name) for c in new.values()]
    return _columns(rows, _CONTACTS) if rows else []


def _entry_row(entry: Entry, account: int, ordinal: int, key: str | None) -> tuple[Any, ...]:
    data, by = entry.data, entry.actor
    text = encode_data(data).decode()
    return (
        entry.conversation_id,
        entry.seq,
        account,
        ordinal,
        entry.at,
        kind_of(data),
        by.type,
        by.id,
        key,
        text,
    )


_Messages = list[tuple[str, Entry, Message]]
"""A batch's messages that a provider knows or gets, each with the id of its channel."""


def _provider_ids(messages: _Messages) -> list[tuple[Any, ...]]:
    return [(c, m.external_id, e.conversation_id, e.seq) for c, e, m in messages if m.external_id is not None]


def _outgoing(messages: _Messages) -> list[tuple[Any, ...]]:
    return [
        (e.conversation_id, e.seq, e.account_id, channel_id, m.id, e.at)
        for channel_id, e, m in messages
        if m.delivery_status == "queued"
    ]


def _projection(writes: Sequence[Write]) -> list[Sequence[Any]]:
    """Conversations that a message merely touched, those that changed otherwise, and the inbox's order."""
    ends: dict[str, tuple[Conversation | None, Conversation]] = {}
    for write in writes:
        start = ends.get(write.after.id)
        ends[write.after.id] = (write.before if start is None else start[0], write.after)
    touched: list[tuple[Any, ...]] = []
    changed: list[str] = []
    recency: list[tuple[str, str, int]] = []
    for before, after in ends.values():
        if before is not None and settled(before) == settled(after):
            touched.append(
                (
                    after.id,
                    after.seq,
                    after.unread_count,
                    after.updated_at,
                    after.first_reply_at,
                    after.last_message_at,
                    after.last_message_preview,
                    after.unanswered_since,
                )
            )
        else:
            changed.append(conversation_to_json(after))
        if before is None or before.last_message_at != after.last_message_at:
            recency.append((after.id, after.account_id, after.last_message_at or after.created_at))
    return [*_columns(touched, _TOUCHED), changed, *_columns(recency, _RECENCY)]


def _columns(rows: Sequence[tuple[Any, ...]], types: tuple[str, ...]) -> list[Sequence[Any]]:
    return list(zip(*rows, strict=True)) if rows else [()] * len(types)


def _argument(column: Sequence[Any], holds: str) -> Any:
    """A column in the form that COMMIT expects. Raises ValueError for a word that contains the separator."""
    if holds in ("integer", "bigint"):
        return f"{{{_encode(column).decode()[1:-1]}}}"
    if holds != "word":
        return column
    joined = SEPARATOR.join(["", *(NULL if word is None else word for word in column)])
    if joined.count(SEPARATOR) != len(column):
        raise ValueError("a word contains the separator")
    return joined
