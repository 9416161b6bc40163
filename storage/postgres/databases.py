"""Creating and dropping the database of a URL, from the server's maintenance database. Never touches roles, which belong to the server."""

from __future__ import annotations

from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit, urlunsplit

import asyncpg

MAINTENANCE = "postgres"
"""The database that every server has, from which others are created and dropped."""


class DatabaseError(Exception):
    """The database cannot be created or dropped; the message is one sentence for the operator."""


def name_of(url: str) -> str:
    """The database that a URL names, as libpq reads it: the user's name where there is none. Raises DatabaseError."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    named = unquote(parts.path.strip("/")) or next(
        (query[key][-1] for key in ("dbname", "database") if key in query), ""
    )
    name = named or unquote(parts.username or "") or next(iter(query.get("user", [])), "")
    if not name:
        raise DatabaseError("DATABASE_URL names no database")
    return name


async def create(url: str) -> bool:
    """Create the database unless it exists. Returns whether it was created."""
    name = name_of(url)
    connection = await asyncpg.connect(_maintenance(url), timeout=10)
    try:
        if await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
            return False
        try:
            await connection.execute(f"CREATE DATABASE {_quoted(name)} TEMPLATE template0 ENCODING 'UTF8'")
        except asyncpg.DuplicateDatabaseError:
            return False  # another command was faster
        return True
    finally:
        await connection.close()


async def drop(url: str) -> bool:
    """Drop the database with all that is in it. Returns whether there was one. Raises DatabaseError if it is in use, or the server's
    own."""
    name = name_of(url)
    if name in (MAINTENANCE, "template0", "template1"):
        raise DatabaseError(f"{name} is the server's own database and stays; give Tertulia one of its own")
    connection = await asyncpg.connect(_maintenance(url), timeout=10)
    try:
        if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
            return False
        try:
            await connection.execute(f"DROP DATABASE IF EXISTS {_quoted(name)}")
        except asyncpg.ObjectInUseError as error:
            raise DatabaseError(f"the database {name} is in use: stop the servers first") from error
        return True
    finally:
        await connection.close()


def _maintenance(url: str) -> str:
    parts = urlsplit(url)
    query = {
        key: values[-1] for key, values in parse_qs(parts.query).items() if key not in ("dbname", "database")
    }
    return urlunsplit(parts._replace(path=f"/{MAINTENANCE}", query=urlencode(query, quote_via=quote)))


def _quoted(name: str) -> str:
    """An identifier for SQL (the documentation of PostgreSQL, section 4.1.1)."""
    return '"' + name.replace('"', '""') + '"'
