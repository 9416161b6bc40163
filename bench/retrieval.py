"""100,000 passages of three accounts: the product's search beside pgvector's exact search and HNSW, with a filter by account.

Fills a database of its own (a few minutes), prints a line a search and account. `python -m bench.retrieval`; figures are kept in
docs/performance/retrieval.md. The product itself needs no pgvector (docs/decisions/0017).
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable
from itertools import accumulate
from pathlib import Path
from statistics import mean
from typing import Any

import asyncpg

from tertulia.core.assistance import rules
from tertulia.core.assistance.vectors import masks, stored
from tertulia.storage.embedded import EmbeddedPostgres
from tertulia.storage.postgres import migrate
from tertulia.storage.postgres.assistance.articles import CANDIDATES
from tertulia.storage.postgres.assistance.vector_ranking import nearest

SIZES = (90_000, 9_000, 1_000)
"""Passages of each account."""
WORDS, PASSAGE, QUESTION, QUESTIONS = 9_000, 60, 10, 100
"""Different words, words of a passage, of a question, and questions to each account."""
BEST = 10
"""Passages that a search returns; recall counts the best five, and all."""
RECALL = (5, 10)
PAGE = 5_000

TABLE = """CREATE EXTENSION vector; CREATE TABLE probe (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account_id uuid NOT NULL, visibility text NOT NULL DEFAULT 'public', content text NOT NULL,
  words tsvector NOT NULL, vector bytea NOT NULL,
  signs bit(512) GENERATED ALWAYS AS (vector_signs(vector)) STORED, v vector(256) NOT NULL);
  CREATE INDEX ON probe USING gin (account_id, words); CREATE INDEX ON probe (account_id) INCLUDE (visibility, id, signs)"""
FILL = """INSERT INTO probe (account_id, content, words, vector, v)
  SELECT $1, s, to_tsvector('simple', s), b, v::vector FROM unnest($2::text[], $3::bytea[], $4::text[]) AS x (s, b, v)"""
SIGNS = """SELECT p.id, p.vector FROM (SELECT id FROM probe WHERE account_id = $1 AND visibility = 'public'
  ORDER BY (bit_count(signs & $2) + 2 * bit_count(signs & $3) + 4 * bit_count(signs & $4) - 3 * bit_count(signs))
    / sqrt(bit_count(signs) + 1) DESC, id LIMIT $5) AS n JOIN probe p USING (id)"""
COSINE = "SELECT id FROM probe WHERE account_id = $1 AND visibility = 'public' ORDER BY v <=> $2::text::vector LIMIT $3"
BY_WORDS = """SELECT id FROM probe, to_tsquery('simple', $2) AS q WHERE account_id = $1 AND words @@ q
  ORDER BY ts_rank(words, q, 1) DESC, id LIMIT 50"""
HNSW = "CREATE INDEX probe_hnsw ON probe USING hnsw (v vector_cosine_ops) WITH (m = 16, ef_construction = 64)"

Search = Callable[[uuid.UUID, str], Awaitable[list[int]]]


class Probe:
    """The filled table, and the questions to each account."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.connection = connection
        self.random = random.Random(7)
        self.questions: dict[uuid.UUID, tuple[int, list[str]]] = {}
        self.truth: dict[str, list[int]] = {}

    async def fill(self) -> None:
        words = [
            "".join(self.random.choices("abcdefgilmnoprstuv", k=self.random.randint(3, 9)))
            for _ in range(WORDS)
        ]
        weights = list(accumulate(1 / (rank + 3) for rank in range(WORDS)))
        await self.connection.execute(TABLE)
        for size in SIZES:
            account, texts = uuid.uuid4(), list[str]()
            for start in range(0, size, PAGE):
                count = min(PAGE, size - start)
                page = [
                    " ".join(self.random.choices(words, cum_weights=weights, k=PASSAGE)) for _ in range(count)
                ]
                vectors = [rules.vector(text) for text in page]
                columns = page, list(map(stored, vectors)), list(map(literal, vectors))
                await self.connection.execute(FILL, account, *columns)
                texts += page
            asked = [
                self.random.sample(self.random.choice(texts).split(), QUESTION) for _ in range(QUESTIONS)
            ]
            self.questions[account] = size, [" ".join(question) for question in asked]
        await self.connection.execute("VACUUM ANALYZE probe")

    async def exact(self, account: uuid.UUID, question: str) -> list[int]:
        rows = await self.connection.fetch(COSINE, account, literal(rules.vector(question)), BEST)
        return [row[0] for row in rows]

    async def signs(self, account: uuid.UUID, question: str) -> list[int]:
        asked = stored(rules.vector(question))
        planes = map(asyncpg.BitString.frombytes, masks(asked))
        rows = await self.connection.fetch(SIGNS, account, *planes, CANDIDATES)
        return [rows[at][0] for at in nearest(asked, [row[1] for row in rows], BEST)]

    async def words(self, account: uuid.UUID, question: str) -> list[int]:
        rows = await self.connection.fetch(BY_WORDS, account, " | ".join(question.split()))
        return [row[0] for row in rows]

    async def measure(self, name: str, search: Search) -> None:
        for account, (size, questions) in self.questions.items():
            times, found = list[float](), list[int]()
            recall: dict[int, list[float]] = {of: [] for of in RECALL}
            for question in questions:
                began = time.perf_counter()
                ids = await search(account, question)
                times.append((time.perf_counter() - began) * 1000)
                truth = self.truth.setdefault(question, ids)
                for of, shares in recall.items():
                    shares.append(len({*truth[:of]} & {*ids[:of]}) / of)
                found.append(len(ids))
            times.sort()
            p50, p99 = times[len(times) // 2], times[len(times) * 99 // 100]
            shares = ", ".join(f"recall@{of} {mean(each):.2f}" for of, each in recall.items())
            print(
                f"{name:36} {size:>6} p50 {p50:7.1f} ms, p99 {p99:7.1f} ms, {shares}, found {mean(found):.1f}",
                flush=True,
            )


def literal(vector: list[float]) -> str:
    return "[" + ",".join(f"{value:.5f}" for value in vector) + "]"


async def sizes(connection: asyncpg.Connection, what: str) -> Any:
    return await connection.fetchval(
        "SELECT pg_size_pretty(pg_total_relation_size($1::text::regclass))", what
    )


async def measured(url: str) -> None:
    await migrate.upgrade(url)
    connection = await asyncpg.connect(url)
    probe = Probe(connection)
    await probe.fill()
    print("table", await sizes(connection, "probe"), flush=True)
    await probe.measure("pgvector, exact", probe.exact)
    await probe.measure("signs, then cosine (the product)", probe.signs)
    await connection.execute("SET max_parallel_workers_per_gather = 0")
    await probe.measure("the same without parallel workers", probe.signs)
    await connection.execute("RESET max_parallel_workers_per_gather")
    await probe.measure("words (the product)", probe.words)
    began = time.perf_counter()
    await connection.execute("SET maintenance_work_mem = '512MB'")
    await connection.execute(HNSW)
    print(
        f"HNSW built in {time.perf_counter() - began:.0f} s,",
        await sizes(connection, "probe_hnsw"),
        flush=True,
    )
    for ef in (40, 200):
        for iterative in ("off", "strict_order"):
            await connection.execute(f"SET hnsw.ef_search = {ef}; SET hnsw.iterative_scan = {iterative}")
            await connection.execute(
                "SET enable_seqscan = off; SET enable_sort = off; SET enable_bitmapscan = off"
            )
            await probe.measure(f"HNSW, ef_search {ef}, iterative {iterative}", probe.exact)
    await connection.close()


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres(Path(folder))
        await server.start()
        try:
            await measured(server.url)
        finally:
            await server.stop()


if __name__ == "__main__":
    asyncio.run(main())
