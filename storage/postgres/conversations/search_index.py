"""Builds the search index outside the commits, in batches.

Any number of hosts may build at once. Each step is one statement, and the chunks always cover the feed up to a position, so a process that
dies between two steps leaves nothing half-done: the next one, anywhere, continues.
"""

from __future__ import annotations

import asyncio
from typing import Final

from ..database import Database
from ..queries import sql
from .search_signatures import signature

ACCOUNTS: Final = 32
"""Accounts whose entries are gathered in one pass, those with most of them first."""
CHUNKS: Final = 8
"""Chunks made by one statement. Editing a stored message of the account waits for it, some 20 ms."""
CLAIM_SECONDS: Final = 30.0
"""Seconds for which a segment is its claimant's; the signature takes a tenth of a second."""


class SearchIndex:
    """A host's part in the search index."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def catch_up(self) -> int:
        """Gather new entries into chunks, and sign one complete segment. Returns how many chunks and signatures were made."""
        made = 0
        async with self._database.system() as connection:
            behind = await connection.fetch(sql("search_behind"), ACCOUNTS)
            for (account_id,) in behind:
                made += await connection.fetchval("SELECT search_advance($1, $2)", account_id, CHUNKS)
        return made + await self._sign()

    async def _sign(self) -> int:
        async with self._database.system() as connection:
            claimed = await connection.fetchrow(sql("search_claim"), CLAIM_SECONDS)
            if claimed is None:
                return 0
            account_id, segment, version = claimed
            texts = dict(await connection.fetch(sql("search_texts"), account_id, segment))
        signed = await asyncio.to_thread(signature, texts)
        async with self._database.system() as connection:
            await connection.execute(sql("search_seal"), account_id, segment, version, signed)
        return 1
