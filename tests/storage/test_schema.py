"""schema.sql equals the sum of the migrations, and every named query is described and used."""

from __future__ import annotations

import re

import asyncpg
from samples import uid
from schema_dump import SCHEMA, dump

from tertulia.storage.postgres.migrate import upgrade
from tertulia.storage.postgres.queries import named_queries

STORAGE = SCHEMA.parents[1]


async def test_schema_sql_is_the_sum_of_the_migrations(postgres_url: str) -> None:
    name = "t" + uid().replace("-", "")
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(f"CREATE DATABASE {name}")
    try:
        url = postgres_url.replace("/postgres?", f"/{name}?")
        await upgrade(url)
        assert dump(url) == SCHEMA.read_text(), "run `make schema`"
    finally:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await connection.close()


def test_every_query_is_described_and_used() -> None:
    source = "\n".join(path.read_text() for path in STORAGE.rglob("*.py"))
    for name, text in named_queries().items():
        assert re.match(r"-- (?!\$)", text), f"{name} has no description"
        assert re.search(rf'"{name}"', source), f"{name} is used nowhere"


def test_every_sql_file_says_which_store_it_belongs_to() -> None:
    for path in (STORAGE / "postgres/sql").glob("*.sql"):
        assert re.match(r"-- (?!name:)", path.read_text()), f"{path.name} has no header"
