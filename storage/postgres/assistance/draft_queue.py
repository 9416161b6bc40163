"""The queue of conversations that wait for a draft, filled from the feeds of accounts that want drafts on inbound messages."""

from __future__ import annotations

from typing import Literal

import msgspec
import structlog

from ....core.accounts.account_settings import Assistance, known_settings
from ....core.conversation.entries import Edited, Entry, Message
from ....core.conversation.projection import by_machine
from ....core.ports.assistance.suggestions import DueDraft, Overtaken
from ..database import Connection, Database
from ..queries import sql
from ..rows import entry_from_row

log = structlog.get_logger(__name__)

ACCOUNTS = 16
"""Accounts that one call of `pump` advances."""
PAGE = 200
"""Entries of a feed that one call of `pump` reads."""
CLAIM = 180.0
"""Seconds that a claim lasts: longer than a draft may take, with its analysis and the rules' answer."""
AGAIN = 30.0
ATTEMPTS = 3
"""Attempts at a draft, with AGAIN seconds between."""


class PostgresDraftQueue:
    """`core.ports.assistance.suggestions.DraftQueue` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def pump(self) -> tuple[int, list[Overtaken]]:
        overtaken: list[Overtaken] = []
        async with self._database.system() as connection, connection.transaction():
            rows = await connection.fetch(sql("draft_pump_lock"), ACCOUNTS)
            for account_id, position, _, head in rows:
                overtaken += await self._advance(connection, account_id, position, head)
        return len(rows), overtaken

    async def _advance(
        self, connection: Connection, account_id: str, position: int, head: int
    ) -> list[Overtaken]:
        found = await connection.fetch(
            sql("feed_read", columns=sql("entry_columns")), account_id, position, PAGE
        )
        try:
            entries = [entry_from_row(row) for row in found]
        except msgspec.ValidationError as error:  # of a newer version, which continues
            log.error("feed_not_readable", account=account_id, after=position, error=str(error))
            return []
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
            return [DueDraft(*row) for row in await connection.fetch(sql("draft_claim"), most, CLAIM)]

    async def finish(self, due: DueDraft, outcome: Literal["done", "later"]) -> None:
        async with self._database.system() as connection:
            if outcome == "done":
                await connection.execute(sql("draft_done"), due.conversation_id, due.seq)
            else:
                await connection.execute(sql("draft_later"), due.conversation_id, AGAIN, ATTEMPTS)

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
