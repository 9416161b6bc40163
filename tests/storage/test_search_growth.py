"""Folding, gathering and signing what customers wrote costs time linear in its length, whatever they wrote."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from growth import assert_linear
from hostile import HTML, MAIL, TEXTS, Make, repeated

from tertulia.storage.postgres.conversations.search_signatures import signature

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
"""What a parser of words would look ahead for, and numbers in all their spellings."""
MARKS: dict[str, Make] = {
    "accents": repeated("\u0301\u0323"),
    "points": repeated("\u05b4\u05b0"),
    "vowels": repeated("\u0e38\u0eb8"),
    "voices and viramas": repeated("\u3099\u094d"),
    "vowels on a letter": lambda n: "\u0e01" + "\u0eb8\u0e38" * (n // 2),
    "long compositions": repeated("\ufdfa"),
    "digits of many scripts": repeated("\u0667\u096d\u0e57"),
}
"""What normalising would sort by insertion, or make longer."""
HOSTILE = {**TEXTS, **HTML, **MAIL, **COMPOUND, **MARKS}
GATHERED = """
SELECT length(body) + length(search_numbers(body)) FROM (
  SELECT search_fold(search_document('message', jsonb_build_object('content', $1::text, 'metadata', jsonb_build_object('original', $1::text))))
    AS body) AS folded
"""
LONGEST = 65_536
MOST = "5s"
"""A statement's time for a text that takes 30 ms; the words of the worst took minutes before they were parted."""


@pytest.fixture(scope="module")
async def connection(postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(f"SET statement_timeout = '{MOST}'")
    yield connection
    await connection.close()


@pytest.mark.parametrize("name", HOSTILE)
async def test_every_text_is_gathered_in_time(connection: asyncpg.Connection, name: str) -> None:
    await connection.fetchval(GATHERED, _storable(HOSTILE[name](LONGEST)))


@pytest.mark.parametrize("name", [*COMPOUND, *MARKS])
async def test_gathering_is_linear(connection: asyncpg.Connection, name: str) -> None:
    loop = asyncio.get_running_loop()
    spent = Path(f"/proc/{connection.get_server_pid()}/schedstat")

    def index(text: str) -> object:
        return asyncio.run_coroutine_threadsafe(connection.fetchval(GATHERED, text), loop).result()

    def clock() -> float:
        """Seconds of CPU that the database's process has had."""
        return int(spent.read_text().split()[0]) / 1e9

    def make(n: int) -> str:
        return _storable(HOSTILE[name](n))

    await asyncio.to_thread(assert_linear, index, make, LONGEST // 4, clock=clock)


@pytest.mark.parametrize("name", ["digits of many scripts", "words of its own"])
def test_signing_is_linear(name: str) -> None:
    assert_linear(lambda text: signature({0: text}), HOSTILE[name], 2 * LONGEST, memory=250)


def _storable(text: str) -> str:
    return text[:LONGEST].replace("\0", "").encode("utf-8", "replace").decode()
