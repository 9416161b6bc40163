"""Indexing what customers wrote costs time linear in its length, whatever they wrote; and a search finds it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from growth import assert_linear
from hostile import HTML, MAIL, TEXTS, Make, repeated

COMPOUND: dict[str, Make] = {
    "underscores between": repeated("a_"),
    "hyphens between": repeated("a-"),
    "hyphens and hosts": repeated("a-b.c-"),
    "versions": repeated("1.2.3-"),
    "home folders": repeated("~/"),
    "paths": repeated("a.b/c/"),
    "queries": repeated("a.b/?c=d&"),
    "addresses of parts": repeated("a+b@c."),
    "exponents": repeated("1e1e"),
    "signs": repeated("-1"),
    "words of its own": lambda n: "-".join(f"{number:x}" for number in range(n // 6)),
}
"""What Postgres's parser takes for one word, or looks ahead for."""
HOSTILE = {**TEXTS, **HTML, **MAIL, **COMPOUND}
LONGEST = 65_536
MOST = "5s"
"""A statement's time for a text that takes 30 ms; the words of the worst took minutes before they were parted."""


@pytest.fixture(scope="module")
async def connection(postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(f"SET statement_timeout = '{MOST}'")
    yield connection
    await connection.close()


@pytest.fixture(scope="module")
async def indexed(connection: asyncpg.Connection) -> str:
    """What the index of messages holds of one whose text is $1, as the database itself has it."""
    found = await connection.fetchval("SELECT pg_get_indexdef('entries_text'::regclass, 2, true)")
    return f"SELECT length({found}) FROM (SELECT jsonb_build_object('content', $1::text) AS data) AS entry"


@pytest.mark.parametrize("name", HOSTILE)
async def test_every_text_is_indexed_in_time(connection: asyncpg.Connection, indexed: str, name: str) -> None:
    await connection.fetchval(indexed, _storable(HOSTILE[name](LONGEST)))


@pytest.mark.parametrize("name", COMPOUND)
async def test_indexing_is_linear(connection: asyncpg.Connection, indexed: str, name: str) -> None:
    loop = asyncio.get_running_loop()
    spent = Path(f"/proc/{connection.get_server_pid()}/schedstat")

    def index(text: str) -> object:
        return asyncio.run_coroutine_threadsafe(connection.fetchval(indexed, text), loop).result()

    def clock() -> float:
        """Seconds of CPU that the database's process has had."""
        return int(spent.read_text().split()[0]) / 1e9

    def make(n: int) -> str:
        return _storable(COMPOUND[name](n))

    await asyncio.to_thread(assert_linear, index, make, LONGEST // 4, clock=clock)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("Look at https://shop.example/orders/12345 please", "orders 12345"),
        ("my address is ana.b+c@mail.example", "ana.b+c@mail.example"),
        ("order_number", "order_n"),
        ("the well-known one", "well-known"),
        ("the well-known one", "known"),
        ("version 1.2.3-beta", "1.2.3"),
        ("l'agent", "agent"),
        ("C:\\temp\\x.txt", "x.txt"),
    ],
)
async def test_words_are_found_however_they_are_joined(
    connection: asyncpg.Connection, text: str, asked: str
) -> None:
    query = "SELECT to_tsvector('simple', search_words($1)) @@ inbox_words($2)"
    assert await connection.fetchval(query, text, asked)


def _storable(text: str) -> str:
    return text[:LONGEST].replace("\0", "").encode("utf-8", "replace").decode()
