"""The queue of conversations that wait for a draft, filled from the feeds of accounts that want drafts on inbound messages."""

from __future__ import annotations

import time
from collections.abc import Sequence

import asyncpg
import msgspec
import structlog

from ....core.accounts.account_settings import Assistance, known_settings
from ....core.conversation.entries import Edited, Entry, Message
from ....core.conversation.projection import by_machine
from ....core.ports.assistance.models import NotDrafted
from ....core.ports.assistance.suggestions import DueDraft, Overtaken
from ..database import Connection, Database, unreachable
from ..queries import sql
from ..rows import entry_from_row

log = structlog.get_logger(__name__)

ACCOUNTS = 16
"""Accounts that one call of `pump` advances."""
PAGE = 200
"""Entries of a feed that one call of `pump` reads."""
CLAIM = 15.0
"""Seconds that a claim lasts unless it is renewed."""
SILENT = 4.0
"""Seconds after which a claim ends early, if neither it has been renewed nor its process's heartbeat."""
UNREADABLE = 30.0
"""Seconds for which this process leaves a feed alone that it could not read."""


class PostgresDraftQueue:
    """`core.ports.assistance.suggestions.DraftQueue` on Postgres. `process`: the incarnation that its process beats for."""

    def __init__(self, database: Database, process: str) -> None:
        self._database = database
        self._process = process
        self._unreadable: dict[str, float] = {}
        """Accounts whose feed could not be read, and until when it is left alone."""

    async def pump(self) -> tuple[int, list[Overtaken]]:
        moved, overtaken, now = 0, [], time.monotonic()
        self._unreadable = {account: until for account, until in self._unreadable.items() if until > now}
        async with self._database.system() as connection, connection.transaction():
            rows = await connection.fetch(sql("draft_pump_lock"), ACCOUNTS, list(self._unreadable))
            for account_id, position, _, head in rows:
                try:
                    async with connection.transaction():  # one account's fault must not hold up the others
                        overtaken += await self._advance(connection, account_id, position, head)
                    moved += 1
                except (asyncpg.PostgresError, msgspec.MsgspecError) as error:
                    if isinstance(error, asyncpg.PostgresError) and unreachable(error):
                        raise
                    self._unreadable[account_id] = now + UNREADABLE
                    log.error("feed_not_readable", account=account_id, after=position, exc_info=error)
        return moved, overtaken

    async def _advance(
        self, connection: Connection, account_id: str, position: int, head: int
    ) -> list[Overtaken]:
        found = await connection.fetch(
            sql("feed_read", columns=sql("entry_columns")), account_id, position, PAGE
        )
        entries = [entry_from_row(row) for row in found]  # those of a newer version are read by its processes
        asked, answered = _newest(entries)
        settings = await _settings(connection, account_id)
        if asked:
            await connection.execute(
                sql("draft_wanted"), account_id, list(asked), list(asked.values()), float(settings.wait_s)
            )
        if answered:
            await connection.execute(sql("draft_unwanted"), list(answered), list(answered.values()))
        newest = {**answered, **{c: max(seq, answered.get(c, 0)) for c, seq in asked.items()}}
        rows = (
            await connection.fetch(sql("draft_overtaken"), list(newest), list(newest.values()))
            if newest
            else []
        )
        last = entries[-1].position if entries else 0
        await connection.execute(
            sql("draft_pump_move"), account_id, last if len(entries) == PAGE else max(head, last)
        )
        return [Overtaken(*row) for row in rows]

    async def claim(self, most: int) -> list[DueDraft]:
        async with self._database.system() as connection:
            rows = await connection.fetch(sql("draft_claim"), most, CLAIM, self._process)
        return [DueDraft(*row) for row in rows]

    async def keep(self, conversations: Sequence[str]) -> None:
        async with self._database.system() as connection:
            await connection.execute(sql("draft_keep"), self._process, CLAIM, list(conversations), SILENT)

    async def release(self, conversations: Sequence[str]) -> None:
        async with self._database.system() as connection:
            await connection.execute(sql("draft_release"), self._process, list(conversations))

    async def done(self, due: DueDraft) -> None:
        async with self._database.system() as connection:
            await connection.execute(sql("draft_done"), due.conversation_id, due.seq, self._process)

    async def later(self, due: DueDraft, seconds: float, *, counts: bool) -> None:
        async with self._database.system() as connection:
            await connection.execute(
                sql("draft_later"), due.conversation_id, due.seq, self._process, seconds, 0 if counts else 1
            )

    async def give_up(self, due: DueDraft, reason: NotDrafted) -> None:
        async with self._database.system() as connection, connection.transaction():
            await connection.execute(sql("model_call_missed"), due.account_id, due.conversation_id, reason)
            await connection.execute(sql("draft_done"), due.conversation_id, due.seq, self._process)

    async def settings(self, account_id: str) -> Assistance:
        async with self._database.system() as connection:
            return await _settings(connection, account_id)


async def _settings(connection: Connection, account_id: str) -> Assistance:
    stored = await connection.fetchval(sql("account_settings_of"), account_id)
    return known_settings(msgspec.json.decode(stored or "{}")).assistance


def _newest(entries: list[Entry]) -> tuple[dict[str, int], dict[str, int]]:
    """The newest message or edit of customers, and the newest message of agents, by conversation."""
    asked: dict[str, int] = {}
    answered: dict[str, int] = {}
    for entry in entries:
        message = entry.data
        if isinstance(message, Edited):
            asked[entry.conversation_id] = entry.seq
        elif isinstance(message, Message) and not message.is_private and not by_machine(message):
            if message.sender_type == "contact":
                asked[entry.conversation_id] = entry.seq
            elif message.sender_type == "agent":
                answered[entry.conversation_id] = entry.seq
    return asked, answered
