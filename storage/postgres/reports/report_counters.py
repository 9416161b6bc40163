"""Figures counted outside the commits, from the accounts' feeds.

Any number of hosts and readers may count at once. Each step is one statement that moves an account's cursor and its counts
together, so they are exact up to the cursor whatever dies.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from ....core.errors import Overloaded
from ..database import Database
from ..queries import sql

ACCOUNTS: Final = 32
"""Accounts that one pass counts for, those with most entries first."""
ENTRIES: Final = 5_000
"""Entries counted by one statement."""
STEPS: Final = 40
"""Statements that one reader waits for. An account further behind is not reported until the hosts have caught up."""
ACCURACY: Final = 0.01
"""Relative error of a percentile, that of `report_bucket` in the schema."""
_GAMMA: Final = (1 + ACCURACY) / (1 - ACCURACY)


class ReportCounters:
    """The counters of all accounts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def catch_up(self) -> int:
        """Count new entries, a batch an account. Returns how many."""
        counted = 0
        async with self._database.system() as connection:
            for (account_id,) in await connection.fetch(sql("report_behind"), ACCOUNTS):
                counted += await connection.fetchval(
                    "SELECT report_advance($1, $2, false)", account_id, ENTRIES
                )
        return counted

    async def complete(self, account_id: str) -> None:
        """Count everything that is committed now. Raises Overloaded if it is too much for one request."""
        async with self._database.system() as connection:
            for _ in range(STEPS):
                made = await connection.fetchval("SELECT report_advance($1, $2, true)", account_id, ENTRIES)
                if made < ENTRIES:
                    return
        raise Overloaded("the account's figures are still being counted", retry_after=5)

    async def recount(self) -> int:
        """Forget all counts and count every account again from its first entry. Returns the number of entries."""
        counted = 0
        async with self._database.system() as connection:
            for (account_id,) in await connection.fetch("SELECT account_id::text FROM account_feeds"):
                async with connection.transaction():  # readers never see a part of it
                    await connection.execute(
                        "SELECT FROM report_cursors WHERE account_id = $1 FOR UPDATE", account_id
                    )
                    await connection.execute(sql("report_forget"), account_id)
                    while made := await connection.fetchval(
                        "SELECT report_advance($1, $2, true)", account_id, ENTRIES
                    ):
                        counted += made
        return counted


def quantile(sketch: Sequence[tuple[int, int]], q: float) -> float | None:
    """The value at a quantile of a sketch (buckets in order, with their counts), within ACCURACY; None if it is empty."""
    rank = q * (sum(n for _, n in sketch) - 1)
    passed = 0
    for bucket, n in sketch:
        passed += n
        if passed > rank:
            return 2 * math.pow(_GAMMA, bucket) / (_GAMMA + 1)
    return None
