"""Maps senders, as providers identify them, to threads, on Postgres.

Owns a cache, so that a known customer costs nothing, and batches the look-ups of others: those that arrive while one
statement runs share the next one.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import OrderedDict
from typing import Any, NamedTuple

import asyncpg
import msgspec
import structlog

from ....core.accounts.identifiers import spellings
from ....core.accounts.records import ChannelType
from ....core.accounts.user_ids import shown_name
from ....core.channels.messages import Sender
from ....core.errors import Internal, Invalid, NotFound, Overloaded, TertuliaError
from ....core.ids import new_id
from ....core.ports.inbound import Nameless
from ..database import Database
from ..queries import sql

log = structlog.get_logger(__name__)

MAX_CACHED = 50_000
"""Identifiers in the cache; the least recently used is dropped first."""
CACHED_FOR = 3600.0
"""Seconds an identifier is cached: how late this process sees that two customers were merged into one."""
MAX_BATCH = 200
"""Senders that one statement looks up."""
MAX_WAITING = 10_000
"""Senders that may wait for a statement; one more raises Overloaded."""

MAX_NAMED = 200
"""Conversations that one message's name is given to; the customer's next message continues with the others."""


class _Key(NamedTuple):
    account_id: str
    channel_type: ChannelType
    identifier: str


class _CacheEntry(NamedTuple):
    thread: str
    name: str | None
    metadata: dict[str, Any]
    until: float


class _Lookup(NamedTuple):
    account_id: str
    channel_type: ChannelType
    names: list[str]
    sender: Sender
    result: asyncio.Future[str]


def _fresh_id() -> str:
    return new_id(time.time_ns() // 1_000_000, random.getrandbits(80))


class PostgresSenders:
    """`core.ports.inbound.SenderStore` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cache: OrderedDict[_Key, _CacheEntry] = OrderedDict()
        self._names: OrderedDict[_Key, tuple[str, float]] = OrderedDict()
        self._waiting: list[_Lookup] = []
        self._task: asyncio.Task[None] | None = None

    async def resolve(self, account_id: str, channel_type: ChannelType, sender: Sender) -> str:
        sender = msgspec.structs.replace(sender, name=shown_name(sender.name))
        names = list(dict.fromkeys((sender.identifier, *sender.aliases)))
        thread = self._cached_thread(account_id, channel_type, names, sender)
        if thread is not None:
            return thread
        if len(self._waiting) >= MAX_WAITING:
            raise Overloaded("too many new senders are waiting", retry_after=1)
        lookup = _Lookup(account_id, channel_type, names, sender, asyncio.get_running_loop().create_future())
        self._waiting.append(lookup)
        if self._task is None:
            self._task = asyncio.create_task(self._look_up_all())
        return await lookup.result

    def _cached_thread(
        self, account_id: str, channel_type: ChannelType, names: list[str], sender: Sender
    ) -> str | None:
        if sender.moved_to is not None:
            return None
        now, threads = time.monotonic(), set[str]()
        for name in names:
            key = _Key(account_id, channel_type, name)
            known = self._cache.get(key)
            if known is None or known.until < now or sender.name not in (None, known.name):
                return None
            if sender.metadata and sender.metadata != known.metadata:
                return None
            self._cache.move_to_end(key)
            threads.add(known.thread)
        return threads.pop() if len(threads) == 1 else None

    async def fill_name(
        self, account_id: str, channel_type: ChannelType, thread: str, name: str
    ) -> Nameless | None:
        key, now = _Key(account_id, channel_type, thread), time.monotonic()
        given, until = self._names.get(key, ("", 0.0))
        if given == name and now < until:
            self._names.move_to_end(key)
            return None
        async with self._database.system() as connection:
            row = await connection.fetchrow(sql("sender_named"), *key, name, MAX_NAMED)
        if row is None:
            return None
        self._names[key] = (name, now + CACHED_FOR)
        self._names.move_to_end(key)
        while len(self._names) > MAX_CACHED:
            self._names.popitem(last=False)
        return Nameless(row["name"], tuple(row["nameless"]), len(row["nameless"]) == MAX_NAMED)

    def forget_name(self, account_id: str, channel_type: ChannelType, thread: str) -> None:
        self._names.pop(_Key(account_id, channel_type, thread), None)

    async def _look_up_all(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
                await self._look_up(batch)
        finally:
            self._task = None
            _fail(self._waiting, Overloaded("the server is stopping", retry_after=1))

    async def _look_up(self, batch: list[_Lookup]) -> None:
        """Resolve a batch. If the database refuses it, resolve each alone, so that only the faulty one fails."""
        try:
            async with self._database.system() as connection:
                threads = await connection.fetchval(sql("senders_resolve"), _wanted(batch))
        except TertuliaError as error:
            _fail(batch, error)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, ValueError, TypeError) as error:
            if len(batch) == 1:
                _fail(batch, _refusal(error))
                return
            for lookup in batch:
                await self._look_up([lookup])
        except Exception as error:  # a bug: callers must still get a result
            log.exception("senders_failed", senders=len(batch))
            _fail(batch, Internal(f"the sender could not be looked up: {type(error).__name__}"))
        else:
            for lookup, thread in zip(batch, threads, strict=True):
                self._cache_thread(lookup, thread)
                if not lookup.result.done():
                    lookup.result.set_result(thread)

    def _cache_thread(self, lookup: _Lookup, thread: str) -> None:
        sender, until = lookup.sender, time.monotonic() + CACHED_FOR
        for name in lookup.names:
            key = _Key(lookup.account_id, lookup.channel_type, name)
            self._cache[key] = _CacheEntry(thread, sender.name, sender.metadata, until)
            self._cache.move_to_end(key)
        while len(self._cache) > MAX_CACHED:
            self._cache.popitem(last=False)


def _wanted(batch: list[_Lookup]) -> str:
    rows = [
        {
            "ord": number,
            "account": lookup.account_id,
            "channel_type": lookup.channel_type,
            "names": lookup.names,
            "ids": [_fresh_id() for _ in lookup.names],
            "contact": _fresh_id(),
            "display": lookup.sender.name,
            "metadata": lookup.sender.metadata,
            "spellings": spellings(lookup.channel_type, lookup.names),
            "moved_to": lookup.sender.moved_to,
        }
        for number, lookup in enumerate(batch, 1)
    ]
    return msgspec.json.encode(rows).decode()


def _fail(batch: list[_Lookup], error: TertuliaError) -> None:
    for lookup in batch:
        if not lookup.result.done():
            lookup.result.set_exception(error)


def _refusal(error: Exception) -> TertuliaError:
    if isinstance(error, asyncpg.ForeignKeyViolationError):
        return NotFound("no such account")
    return Invalid(f"the sender cannot be stored: {error}", errors=(("sender", "cannot be stored"),))
