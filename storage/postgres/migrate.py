"""Numbered SQL migrations: applied in order, under an advisory lock, each in a transaction, and recorded with a checksum.

One that can be undone without losing tenants' data has a file of the same name in `migrations/undo`. One that earlier versions can
work with says so, in a line `-- Compatible from: 0045`: versions that know migration 45 accept a database that has it, so that a release
can be rolled back.

Also creates the monthly partitions of `entries`, which appear as time passes and are not migrations.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import msgspec
from asyncpg.pool import PoolConnectionProxy

from ...core.ids import first_id_of
from . import roles

FOLDER = Path(__file__).parent / "migrations"
_LOCK = 0x7E57
_MONTHS_LOCK = 0x7E58
_MONTHS_AHEAD = 3
_LOGIN_ROLES = 19
"""The migration that introduced login roles, and the function that creates months."""


OLDEST_SERVER = 17
"""The first PostgreSQL with `transaction_timeout`, which bounds how long a request holds its locks."""
_COMPATIBLE = re.compile(r"^-- Compatible from: (\d{4})$", re.MULTILINE)
MAX_NAME = 60
"""Characters of a new migration's name, without its number."""
_OTHERS = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND usename IS NOT NULL
AND coalesce(backend_type, 'client backend') = 'client backend'
"""
"""Other sessions. Only superusers see their type."""


class MigrationError(Exception):
    """The database cannot have this version's schema; the message names the migration or the server's version."""


class Migration(msgspec.Struct, frozen=True):
    number: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def compatible_from(self) -> int:
        """The newest migration that a version must know to work with this one: itself, unless its text names another."""
        named = _COMPATIBLE.search(self.text)
        return int(named[1]) if named else self.number


def read_migrations(folder: Path = FOLDER) -> list[Migration]:
    """All migrations in order."""
    files = sorted(folder.glob("*.sql"))
    return [Migration(int(f.stem.split("_")[0]), f.stem, f.read_text()) for f in files]


async def upgrade(
    url: str, folder: Path = FOLDER, *, app_url: str | None = None, system_url: str | None = None
) -> list[str]:
    """Apply missing migrations and prepare the login roles. Returns the names of those applied. Safe to call concurrently.

    `url` is the owner's. `app_url` and `system_url` are the operator's own logins for the two roles (`roles.py`). Raises
    MigrationError, or RolesError if the server would have more rights than it may.
    """
    connection = await asyncpg.connect(url, timeout=10)
    try:
        check_version(connection.get_server_version())
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_migrations (number integer PRIMARY KEY, name text NOT NULL,"
            " checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now());"
            "ALTER TABLE schema_migrations ADD COLUMN IF NOT EXISTS compatible_from integer"
        )
        applied = await _check(connection, folder, newer=True)
        fresh = [m for m in read_migrations(folder) if m.number not in applied]
        for migration in fresh:
            async with connection.transaction():
                await _apply(connection, migration)
                await connection.execute(
                    "INSERT INTO schema_migrations (number, name, checksum, compatible_from) VALUES ($1, $2, $3, $4)",
                    migration.number,
                    migration.name,
                    migration.checksum,
                    migration.compatible_from,
                )
        if _LOGIN_ROLES in applied | {m.number for m in fresh}:
            await make_months(connection)
            await roles.prepare(connection, url, {roles.APP_ROLE: app_url, roles.SYSTEM_ROLE: system_url})
        return [m.name for m in fresh]
    finally:
        await connection.close()


def check_version(found: asyncpg.ServerVersion) -> None:
    """Raise MigrationError for a server older than OLDEST_SERVER."""
    if found.major < OLDEST_SERVER:
        raise MigrationError(
            f"the server of DATABASE_URL is PostgreSQL {found.major}.{found.minor}; PostgreSQL {OLDEST_SERVER} or newer is"
            " needed"
        )


async def _apply(connection: asyncpg.Connection, migration: Migration) -> None:
    try:
        await connection.execute(migration.text)
    except asyncpg.InsufficientPrivilegeError as error:
        raise MigrationError(
            f"migration {migration.name} needs more rights than DATABASE_URL's user has ({error}): it must own the"
            f" database and have CREATEROLE"
        ) from error


async def verify(url: str, folder: Path = FOLDER) -> list[str]:
    """The names of missing migrations. Raises MigrationError if an applied one differs from its file."""
    connection = await asyncpg.connect(url, timeout=10)
    try:
        if await connection.fetchval("SELECT to_regclass('schema_migrations')") is None:
            return [m.name for m in read_migrations(folder)]
        applied = await _check(connection, folder, newer=True)
        return [m.name for m in read_migrations(folder) if m.number not in applied]
    finally:
        await connection.close()


async def downgrade(url: str, steps: int, folder: Path = FOLDER) -> list[str]:
    """Undo the newest `steps` migrations, newest first. Returns their names.

    Undoes none unless all can be undone and nobody else is connected. Raises MigrationError.
    """
    connection = await asyncpg.connect(url, timeout=10)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        if await connection.fetchval("SELECT to_regclass('schema_migrations')") is None:
            raise MigrationError("the database has no migration to undo")
        applied = await _check(connection, folder)
        newest = [m for m in reversed(read_migrations(folder)) if m.number in applied][:steps]
        if len(newest) < steps:
            raise MigrationError(f"the database has only {len(newest)} migrations")
        undos = [(m, _undo(m, folder)) for m in newest]
        if others := await connection.fetchval(_OTHERS):
            raise MigrationError(f"{others} other connections use the database: stop the servers first")
        for migration, text in undos:
            async with connection.transaction():
                await connection.execute(text)
                await connection.execute("DELETE FROM schema_migrations WHERE number = $1", migration.number)
        return [m.name for m in newest]
    finally:
        await connection.close()


def _undo(migration: Migration, folder: Path) -> str:
    """The SQL that undoes a migration. Raises MigrationError if there is none."""
    try:
        return (folder / "undo" / f"{migration.name}.sql").read_text()
    except FileNotFoundError:
        raise MigrationError(
            f"migration {migration.name} cannot be undone, since that would lose data: restore a backup from before it"
        ) from None


def create_migration(message: str, folder: Path = FOLDER) -> Path:
    """An empty migration with the next free number, named after the message. Raises OSError, and ValueError for a message without
    letters."""
    words = re.sub(r"[^a-z0-9]+", "_", message.lower()).strip("_")[:MAX_NAME].strip("_")
    if not words:
        raise ValueError("the message needs letters or digits")
    number = max((m.number for m in read_migrations(folder)), default=0) + 1
    path = folder / f"{number:04d}_{words}.sql"
    with path.open("x") as file:
        file.write(f"-- {' '.join(message.split())}\n\n")
    return path


async def _check(connection: asyncpg.Connection, folder: Path, *, newer: bool = False) -> set[int]:
    """The numbers of the applied migrations. `newer`: of a later version, those that this one can work with are accepted."""
    on_disk = {m.number: m for m in read_migrations(folder)}
    rows = await connection.fetch(
        "SELECT number, name, checksum, (to_jsonb(m) ->> 'compatible_from')::integer AS needed FROM schema_migrations AS m"
    )
    for row in rows:
        known = on_disk.get(row["number"])
        if known is None and not (newer and row["needed"] is not None and row["needed"] <= max(on_disk)):
            raise MigrationError(
                f"the database has migration {row['name']}, which this version does not know"
            )
        if known is not None and known.checksum != row["checksum"]:
            raise MigrationError(f"migration {row['name']} was changed after it was applied")
    return {row["number"] for row in rows}


async def make_months(
    connection: asyncpg.Connection | PoolConnectionProxy, now: datetime | None = None
) -> None:
    """Create missing partitions of `entries` for the last month, this one and the next ones."""
    now = now or datetime.now(UTC)
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _MONTHS_LOCK)
        await _make_months(connection, now)


async def _make_months(connection: asyncpg.Connection | PoolConnectionProxy, now: datetime) -> None:
    for ahead in range(-1, _MONTHS_AHEAD + 1):
        start, end = _month(now, ahead), _month(now, ahead + 1)
        name = f"entries_{start:%Y_%m}"
        if await connection.fetchval("SELECT to_regclass($1)", name) is None:
            low, high = (first_id_of(int(t.timestamp() * 1000)) for t in (start, end))
            await connection.execute(
                "SELECT make_entries_partition($1, $2::text::uuid, $3::text::uuid)", name, low, high
            )


def _month(now: datetime, ahead: int) -> datetime:
    months = now.year * 12 + now.month - 1 + ahead
    return datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)
