"""The search: what building its index costs a message, and how long it takes to find a page, among many messages.

Stores and indexes only: no server. Words are drawn as in a language, a few of them in most messages and most of them in few; every
tenth message is Chinese, every tenth Thai; some name an order or a telephone number, and every second one says thanks.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

from tertulia.core.views.inbox import InboxFilter, Sort
from tertulia.storage.postgres.conversations.inbox import PostgresInbox
from tertulia.storage.postgres.conversations.search_index import SearchIndex
from tertulia.storage.postgres.database import Database

from ...processes import BenchError
from ...results import Figure, Series
from ...seed import seed
from ..bench import Bench, connected

PER_CONVERSATION = 10
SEEDED_AT_ONCE = 1_000
SEARCHES = 15
"""Different searches of each kind, the median of which counts."""
P50_GOAL_MS = 50
LETTERS, HAN, THAI = (
    "etaoinshrdlucmfwypvbgkjqxz",
    [chr(0x4E00 + n) for n in range(3_500)],
    [chr(0xE01 + n) for n in range(46)],
)


class Talk:
    """Makes messages, and the searches of what they say."""

    def __init__(self) -> None:
        self.random = random.Random(7)
        self.words = [
            "".join(self.random.choices(LETTERS, k=self.random.randint(2, 9))) for _ in range(30_000)
        ]
        self.said: list[str] = []
        self.orders: list[str] = []
        self.phones: list[str] = []

    def _drawn(self, items: list[str]) -> str:
        return items[min(int(self.random.paretovariate(0.6)) - 1, len(items) - 1)]

    def message(self, number: int, seq: int) -> str:
        kind = self.random.random()
        if kind < 0.1:
            return "".join(self._drawn(HAN) for _ in range(self.random.randint(8, 40)))
        if kind < 0.2:
            return "".join(self.random.choices(THAI, k=self.random.randint(10, 60)))
        text = " ".join(self._drawn(self.words) for _ in range(self.random.randint(4, 22))).capitalize()
        if kind < 0.44:
            self.orders.append(f"{self.random.randrange(10**6):06d}")
            text += f", order ORD-{self.orders[-1]}"
        elif kind < 0.48:
            self.phones.append(f"{self.random.randrange(151, 180)} {self.random.randrange(10**7, 10**8)}")
            text += f", call +49 {self.phones[-1]}"
        if seq % 2:
            text += ", thanks"
        self.said.append(text) if number % 50 == 0 else None
        return text

    def _part(self, text: str, size: int) -> str:
        at = self.random.randrange(len(text) - size + 1)
        return text[at : at + size]

    def searches(self) -> dict[str, Callable[[], str]]:
        pick = self.random.choice
        words = [w for text in self.said for w in text.split() if w.isalpha()]
        return {
            "an order's number": lambda: pick(self.orders),
            "part of one": lambda: pick(self.orders)[2:],
            "a telephone number": lambda: f"0{pick(self.phones)}",
            "a word": lambda: pick(words),
            "part of a word": lambda: self._part(pick([w for w in words if len(w) > 5]), 4),
            "a word of half of all": lambda: "thanks",
            "two letters": lambda: self._part(pick([w for w in words if len(w) > 2]), 2),
            "one Chinese character": lambda: pick(HAN[:300]),
            "two": lambda: self._drawn(HAN) + self._drawn(HAN),
            "three": lambda: "".join(self._drawn(HAN) for _ in range(3)),
            "part of Thai": lambda: "".join(self.random.choices(THAI, k=3)),
            "nothing that was said": lambda: f"{self._part('jqxzjqxzjqxz', 5)}{self.random.randrange(1000)}",
        }


async def search(bench: Bench) -> list[Figure]:
    """One round, as it only reads what was written once."""
    url = await bench.postgres()
    tenant, talk = await bench.make_tenant(url), Talk()
    async with connected(url) as connection:
        for at in range(0, bench.messages // PER_CONVERSATION, SEEDED_AT_ONCE):
            bench.step(f"writing message {at * PER_CONVERSATION:,} of {bench.messages:,}")
            count = min(SEEDED_AT_ONCE, bench.messages // PER_CONVERSATION - at)
            await seed(connection, tenant, f"search-{at}", count, PER_CONVERSATION, talk.message)
        await connection.execute("VACUUM ANALYZE")
        bench.step("indexing")
        database = await Database.connect(url, system=1, app=1)
        try:
            cost = await _built(database, bench.messages)
            size = await connection.fetchval(
                "SELECT pg_total_relation_size('search_chunks') + pg_total_relation_size('search_segments')"
            )
            found = await _asked(bench, PostgresInbox(database), tenant.account, talk)
        finally:
            await database.close()
    cost.append(Series("size", "bytes/message", [size / bench.messages]))
    slowest = max(found, key=lambda s: s.median)
    return [
        Figure(
            measure="search",
            what=f"p50 of a page, of the slowest kind of search, {bench.messages:,} messages",
            value=Series(slowest.name, "ms", [slowest.median]),
            goal=P50_GOAL_MS,
            most=True,
            parts=[*found, *cost],
        )
    ]


async def _built(database: Database, messages: int) -> list[Series]:
    """What indexing all there is costs: CPU of Postgres, of the host, and log."""
    index = SearchIndex(database)
    async with database.system() as connection:
        clock = Path(f"/proc/{await connection.fetchval('SELECT pg_backend_pid()')}/schedstat")
        log = await connection.fetchval("SELECT pg_current_wal_insert_lsn()::text")
    postgres, host = int(clock.read_text().split()[0]), time.process_time()
    while await index.catch_up():
        pass
    host, postgres = time.process_time() - host, int(clock.read_text().split()[0]) - postgres
    async with database.system() as connection:
        written = await connection.fetchval(
            "SELECT (pg_current_wal_insert_lsn() - $1::text::pg_lsn)::float8", log
        )
    return [
        Series("indexing: Postgres", "µs/message", [postgres / 1e3 / messages]),
        Series("indexing: host", "µs/message", [host * 1e6 / messages]),
        Series("indexing: log", "bytes/message", [written / messages]),
    ]


async def _asked(bench: Bench, inbox: PostgresInbox, account: str, talk: Talk) -> list[Series]:
    found = []
    for name, make in talk.searches().items():
        bench.step(f"searching {name}")
        took = []
        for _ in range(SEARCHES):
            wanted = InboxFilter(q=make())
            began = time.perf_counter()
            page = await inbox.page(account, wanted, Sort(), after=None, limit=20)
            took.append((time.perf_counter() - began) * 1e3)
            if name in ("an order's number", "a word of half of all") and not page.items:
                raise BenchError(f"the search for {wanted.q} found nothing")
        found.append(Series(name, "ms", took))
    return found
