"""Migrations: in order, once, under concurrent starters, guarded by checksums; and the months of the journal."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
from samples import conversation_id, uid

from tertulia.core.ids import first_id_of, new_conversation_id
from tertulia.storage.postgres.migrate import (
    FOLDER,
    MigrationError,
    downgrade,
    make_months,
    read_migrations,
    upgrade,
    verify,
)


@pytest.fixture
async def fresh(postgres_url: str) -> AsyncIterator[str]:
    """An empty database of its own."""
    name = "t" + uid().replace("-", "")
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(f"CREATE DATABASE {name}")
    yield postgres_url.replace("/postgres?", f"/{name}?")
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


@pytest.fixture
async def connection(fresh: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(fresh)
    yield connection
    await connection.close()


SCHEMA = """
SELECT 'column', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull::text,
       coalesce(pg_get_expr(d.adbin, d.adrelid), '')
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE n.nspname = 'public' AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p')
UNION ALL SELECT 'index', tablename, indexname, indexdef, '', '' FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', '' FROM pg_constraint
  WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT 'function', proname, pg_get_function_identity_arguments(oid), prosrc, '', '' FROM pg_proc
  WHERE pronamespace = 'public'::regnamespace AND NOT EXISTS (
    SELECT 1 FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')
UNION ALL SELECT 'policy', tablename, policyname, coalesce(qual, ''), coalesce(with_check, ''), roles::text
  FROM pg_policies
UNION ALL SELECT 'security', relname, relrowsecurity::text, '', '', '' FROM pg_class
  WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
UNION ALL SELECT 'grant', table_name, privilege_type, grantee, '', '' FROM information_schema.role_table_grants
  WHERE table_schema = 'public'
ORDER BY 1, 2, 3, 4
"""


async def schema(connection: asyncpg.Connection) -> list[tuple[str, ...]]:
    return [tuple(row) for row in await connection.fetch(SCHEMA)]


async def test_the_schema_is_the_sum_of_the_migrations(
    fresh: str, connection: asyncpg.Connection, postgres_url: str
) -> None:
    names = [m.name for m in read_migrations()]
    assert names == sorted(names) and [m.number for m in read_migrations()] == list(range(1, len(names) + 1))
    assert await verify(fresh) == names
    assert await upgrade(fresh) == names
    made = await schema(connection)
    assert await upgrade(fresh) == [] == await verify(fresh)
    assert await schema(connection) == made
    shared = await asyncpg.connect(postgres_url)  # upgraded by another hand, and used since
    try:
        assert await schema(shared) == made
    finally:
        await shared.close()


async def test_five_concurrent_upgrades(fresh: str, connection: asyncpg.Connection) -> None:
    async with asyncio.timeout(60):
        applied = await asyncio.gather(*(upgrade(fresh) for _ in range(5)))
    assert sorted(map(len, applied)) == [0, 0, 0, 0, len(read_migrations())]
    assert await connection.fetchval("SELECT count(*) FROM schema_migrations") == len(read_migrations())


async def test_every_table_with_an_account_has_row_level_security(
    fresh: str, connection: asyncpg.Connection
) -> None:
    await upgrade(fresh)
    rows = await connection.fetch(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'account_id'"
        " WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND NOT c.relrowsecurity"
        " AND has_table_privilege('tertulia_app', c.oid, 'SELECT')"
    )
    assert rows == []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "migrations"))


async def test_a_changed_migration_is_detected(fresh: str, folder: Path) -> None:
    await upgrade(fresh, folder)
    first = sorted(folder.glob("*.sql"))[0]
    first.write_text(first.read_text() + "\n-- a word more\n")
    for check in (upgrade, verify):
        with pytest.raises(MigrationError, match=first.stem):
            await check(fresh, folder)


async def test_a_database_newer_than_the_program_is_detected(fresh: str, folder: Path) -> None:
    more = folder / "9999_more.sql"
    more.write_text("CREATE TABLE more (id integer)")
    await upgrade(fresh, folder)
    more.unlink()
    for check in (upgrade, verify):
        with pytest.raises(MigrationError, match="9999_more"):
            await check(fresh, folder)


async def test_a_version_works_on_a_later_ones_database_if_that_says_so(fresh: str, folder: Path) -> None:
    newest = read_migrations(folder)[-1].number
    more, again = folder / "9998_more.sql", folder / "9999_again.sql"
    more.write_text(f"-- More.\n-- Compatible from: {newest:04d}\n\nCREATE TABLE more (id integer)")
    again.write_text("-- Again.\n-- Compatible from: 9998\n\nCREATE TABLE again (id integer)")
    await upgrade(fresh, folder)
    again.unlink()
    assert await upgrade(fresh, folder) == [] == await verify(fresh, folder), "the release before"
    more.unlink()
    for check in (upgrade, verify):  # the release before that one
        with pytest.raises(MigrationError, match="9999_again"):
            await check(fresh, folder)
    with pytest.raises(MigrationError, match="9998_more"):
        await downgrade(fresh, 1, folder)


async def test_a_failing_migration_leaves_nothing(
    fresh: str, folder: Path, connection: asyncpg.Connection
) -> None:
    bad = folder / "9999_bad.sql"
    bad.write_text("CREATE TABLE half (id integer); SELECT 1 / 0")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await upgrade(fresh, folder)
    assert await connection.fetchval("SELECT to_regclass('half')") is None
    assert await verify(fresh, folder) == ["9999_bad"]
    bad.write_text("CREATE TABLE half (id integer)")
    assert await upgrade(fresh, folder) == ["9999_bad"]


# --- months


async def write(connection: asyncpg.Connection, conversation: str, seq: int = 0) -> str:
    """Insert an entry; returns the partition it landed in."""
    return await connection.fetchval(
        "INSERT INTO entries (conversation_id, seq, account_id, position, at, kind, actor_type, data)"
        " VALUES ($1::text::uuid, $2, gen_random_uuid(), 1, now(), 'opened', 'contact', '{}')"
        " RETURNING tableoid::regclass::text",
        conversation,
        seq,
    )


def at(year: int, month: int, day: int = 1) -> int:
    return int(datetime(year, month, day, tzinfo=UTC).timestamp() * 1000)


async def test_a_conversation_is_stored_in_its_month(fresh: str, connection: asyncpg.Connection) -> None:
    await upgrade(fresh)
    await make_months(connection, datetime(2031, 11, 15, tzinfo=UTC))
    for when, table in (
        (at(2031, 9, 30), "entries_other"),
        (at(2031, 10), "entries_2031_10"),
        (at(2031, 11) - 1, "entries_2031_10"),
        (at(2031, 11), "entries_2031_11"),
        (at(2031, 12) - 1, "entries_2031_11"),
        (at(2032, 1) - 1, "entries_2031_12"),
        (at(2032, 1), "entries_2032_01"),
        (at(2032, 2, 29), "entries_2032_02"),
        (at(2032, 3), "entries_other"),
    ):
        assert await write(connection, conversation_id(1023, when)) == table
        assert await write(connection, first_id_of(when)) == table
        assert await write(connection, new_conversation_id(when, 2**80 - 1, 1023)) == table


async def test_months_are_created_once_and_in_advance(fresh: str, connection: asyncpg.Connection) -> None:
    await upgrade(fresh)
    count = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'entries'::regclass"
    before = await connection.fetchval(count)
    assert before == 6  # last month, this one, three ahead, and the rest
    others = [await asyncpg.connect(fresh) for _ in range(3)]
    moment = datetime(2033, 1, 31, tzinfo=UTC)
    await asyncio.gather(*(make_months(c, moment) for c in others))
    await make_months(connection, datetime(2033, 2, 1, tzinfo=UTC))
    for other in others:
        await other.close()
    assert await connection.fetchval(count) == before + 6
    indexes = "SELECT count(*) FROM pg_index WHERE indrelid = $1::text::regclass"
    whole = await connection.fetchval(indexes, "entries")
    assert await connection.fetchval(indexes, "entries_2033_05") == whole


async def test_a_late_month_takes_over_earlier_rows(fresh: str, connection: asyncpg.Connection) -> None:
    """A server that ran for months without making new ones wrote into the rest; that must not stop the next start."""
    await upgrade(fresh)
    early = [conversation_id(1, at(2035, 5, day)) for day in (1, 15, 31)]
    for conversation in early:
        assert await write(connection, conversation) == "entries_other"
        await write(connection, conversation, 1)
    beyond = conversation_id(1, at(2036, 1))
    assert await write(connection, beyond) == "entries_other"
    await make_months(connection, datetime(2035, 5, 31, tzinfo=UTC))
    where = "SELECT tableoid::regclass::text, count(*) FROM entries GROUP BY 1 ORDER BY 1"
    assert [tuple(row) for row in await connection.fetch(where)] == [
        ("entries_2035_05", 6),
        ("entries_other", 1),
    ]
    assert await write(connection, early[0], 2) == "entries_2035_05"
    with pytest.raises(asyncpg.UniqueViolationError):
        await write(connection, early[0], 2)
    await make_months(connection, datetime(2035, 5, 31, tzinfo=UTC))
