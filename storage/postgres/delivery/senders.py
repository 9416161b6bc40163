"""Customers as providers name them, on Postgres: which thread a sender's messages belong to.

Owns a short memory, so that a customer who is known costs nothing, and the batches in which the others are asked for:
what gathers while one statement is under way goes with the next.
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

from ....core.accounts.records import ChannelType
from ....core.accounts.user_ids import shown_name
from ....core.channels.messages import Sender
from ....core.errors import Internal, Invalid, NotFound, Overloaded, TertuliaError
from ....core.ids import new_id
from ..database import Database
from ..queries import sql

log = structlog.get_logger(__name__)

MAX_KNOWN = 50_000
"""Identifiers remembered; the one used least recently is forgotten first."""
KNOWN_FOR = 3600.0
"""Seconds an identifier is remembered: how late it is seen here that two customers turned out to be one."""
MAX_BATCH = 200
MAX_WAITING = 10_000
"""Senders that may wait for a statement; one more is refused as overloaded."""


class _Key(NamedTuple):
    account_id: str
    channel_type: ChannelType
    identifier: str


class _Known(NamedTuple):
    thread: str
    name: str | None
    metadata: dict[str, Any]
    until: float


class _Asked(NamedTuple):
    account_id: str
    channel_type: ChannelType
    names: list[str]
    sender: Sender
    answer: asyncio.Future[str]


def _fresh_id() -> str:
    return new_id(time.time_ns() // 1_000_000, random.getrandbits(80))


class PostgresSenders:
    """`core.ports.inbound.SenderStore` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: OrderedDict[_Key, _Known] = OrderedDict()
        self._waiting: list[_Asked] = []
        self._asking: asyncio.Task[None] | None = None

    async def resolve(self, account_id: str, channel_type: ChannelType, sender: Sender) -> str:
        """See `core.ports.inbound.SenderStore`."""
        sender = msgspec.structs.replace(sender, name=shown_name(sender.name))
        names = list(dict.fromkeys((sender.identifier, *sender.aliases)))
        thread = self._remembered(account_id, channel_type, names, sender)
        if thread is not None:
            return thread
        if len(self._waiting) >= MAX_WAITING:
            raise Overloaded("too many new senders are waiting", retry_after=1)
        asked = _Asked(account_id, channel_type, names, sender, asyncio.get_running_loop().create_future())
        self._waiting.append(asked)
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask_all())
        return await asked.answer

    def _remembered(
        self, account_id: str, channel_type: ChannelType, names: list[str], sender: Sender
    ) -> str | None:
        now, threads = time.monotonic(), set[str]()
        for name in names:
            key = _Key(account_id, channel_type, name)
            known = self._known.get(key)
            if known is None or known.until < now or sender.name not in (None, known.name):
                return None
            if sender.metadata and sender.metadata != known.metadata:
                return None
            self._known.move_to_end(key)
            threads.add(known.thread)
        return threads.pop() if len(threads) == 1 else None

    async def _ask_all(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
                await self._ask(batch)
        finally:
            self._asking = None
            _fail(self._waiting, Overloaded("the server is stopping", retry_after=1))

    async def _ask(self, batch: list[_Asked]) -> None:
        """Answer a batch; where the database refuses it, each by itself, so that only the one at fault fails."""
        try:
            async with self._database.system() as connection:
                threads = await connection.fetchval(sql("senders_resolve"), _wanted(batch))
        except TertuliaError as error:
            _fail(batch, error)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, ValueError, TypeError) as error:
            if len(batch) == 1:
                _fail(batch, _refusal(error))
                return
            for asked in batch:
                await self._ask([asked])
        except Exception as error:  # a fault of ours: who waits must hear of it all the same
            log.exception("senders_failed", senders=len(batch))
            _fail(batch, Internal(f"the sender could not be looked up: {type(error).__name__}"))
        else:
            for asked, thread in zip(batch, threads, strict=True):
                self._remember(asked, thread)
                if not asked.answer.done():
                    asked.answer.set_result(thread)

    def _remember(self, asked: _Asked, thread: str) -> None:
        sender, until = asked.sender, time.monotonic() + KNOWN_FOR
        for name in asked.names:
            key = _Key(asked.account_id, asked.channel_type, name)
            self._known[key] = _Known(thread, sender.name, sender.metadata, until)
            self._known.move_to_end(key)
        while len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)


def _wanted(batch: list[_Asked]) -> str:
    rows = [
        {
            "ord": number,
            "account": asked.account_id,
            "channel_type": asked.channel_type,
            "names": asked.names,
            "ids": [_fresh_id() for _ in asked.names],
            "contact": _fresh_id(),
            "display": asked.sender.name,
            "metadata": asked.sender.metadata,
        }
        for number, asked in enumerate(batch, 1)
    ]
    return msgspec.json.encode(rows).decode()


def _fail(batch: list[_Asked], error: TertuliaError) -> None:
    for asked in batch:
        if not asked.answer.done():
            asked.answer.set_exception(error)


def _refusal(error: Exception) -> TertuliaError:
    if isinstance(error, asyncpg.ForeignKeyViolationError):
        return NotFound("no such account")
    return Invalid(f"the sender cannot be stored: {error}", errors=(("sender", "cannot be stored"),))
