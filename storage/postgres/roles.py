"""The two roles that the server logs in as; neither owns anything (`migrations/0019_login_roles.sql`).

Owns their passwords, and the check that their sessions can leave neither the role nor row-level security. Never falls back
to the owner's connection.

Without URLs of their own, the roles log in to the owner's database. If the owner's URL has a password, theirs are derived
from it, so all nodes of a cluster with the same DATABASE_URL agree on them, and there is no further secret to keep. The
embedded server needs none: its Unix socket is in a private folder.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg
import msgspec

from ..connection_faults import fault_of

APP_ROLE: Final = "tertulia_app"
SYSTEM_ROLE: Final = "tertulia_system"
ROLES: Final = (APP_ROLE, SYSTEM_ROLE)
ROUNDS: Final = 100_000
"""Rounds of PBKDF2 from the owner's password to a role's, so that the former cannot be guessed from the latter."""
SCRAM_ROUNDS: Final = 4096
"""The default of Postgres (`scram_iterations`)."""
SETTINGS: Final = {APP_ROLE: "TERTULIA_APP_DATABASE_URL", SYSTEM_ROLE: "TERTULIA_SYSTEM_DATABASE_URL"}

_CANNOT_LOG_IN: Final = (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError)

# Roles that a session of a login role must never become. MEMBER includes every role that it may SET ROLE to or inherits.
_BEYOND: Final = """
SELECT r.rolname FROM pg_roles r
WHERE pg_has_role(session_user, r.oid, 'MEMBER') AND (
  r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR r.rolname = $1
  OR r.rolname IN ('pg_read_all_data', 'pg_write_all_data', 'pg_read_server_files', 'pg_write_server_files',
                   'pg_execute_server_program')
  OR EXISTS (SELECT FROM pg_class o WHERE o.relowner = r.oid
             AND o.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'accounts'::regclass)))
ORDER BY r.rolname
"""


class RolesError(Exception):
    """The server lacks the roles that it needs; the message tells the operator what to do."""


class Login(msgspec.Struct, frozen=True):
    """The arguments to connect as a role: `asyncpg.connect(url, **options)`."""

    url: str
    options: dict[str, Any]


def login(url: str, role: str, own_url: str | None = None) -> Login:
    """The login of `role`: `own_url`, or else the owner's `url` with the role's name and password."""
    if own_url is not None:
        return Login(own_url, {})
    parts = urlsplit(url)
    userinfo, at, _ = parts.netloc.partition("@")
    user, _, password = userinfo.partition(":") if at else ("", "", "")
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    password = unquote(password) or query.get("password", "")
    options: dict[str, Any] = {"user": role, "password": _derived(password, role) if password else None}
    if not parts.path.strip("/") and "dbname" not in query and "database" not in query:
        options["database"] = unquote(user) or query.get(
            "user"
        )  # like libpq; otherwise it would be the role's name
    return Login(url, options)


async def prepare(owner: asyncpg.Connection, url: str, own_urls: dict[str, str | None]) -> None:
    """Enable both roles to log in, and check them. `own_urls`: the operator's URLs by role. Raises RolesError."""
    for role in ROLES:
        own_url = own_urls.get(role)
        wanted = login(url, role, own_url)
        try:
            await check(wanted, role)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError, ValueError) as error:
            if own_url is not None:
                raise RolesError(
                    f"{SETTINGS[role]} cannot be used: {fault_of(own_url, error, 5432)}"
                ) from error
            if not isinstance(error, _CANNOT_LOG_IN):
                raise
            await _let_log_in(owner, role, wanted.options["password"])
            try:
                await check(wanted, role)
            except _CANNOT_LOG_IN as again:
                raise RolesError(
                    f"{role} cannot log in to the database of DATABASE_URL ({again}). {_by_hand(role)}"
                ) from again


async def check(login: Login, role: str) -> None:
    """Raise RolesError if a session of this login could leave row-level security, or lacks the rights of `role`."""
    connection = await asyncpg.connect(login.url, timeout=10, **login.options)
    try:
        if not await connection.fetchval("SELECT pg_has_role(session_user, $1::name, 'USAGE')", role):
            user = await connection.fetchval("SELECT session_user")
            raise RolesError(f"{user} ({SETTINGS[role]}) lacks the rights of {role}: GRANT {role} TO {user}")
        other = APP_ROLE if role == SYSTEM_ROLE else SYSTEM_ROLE
        beyond = await connection.fetch(_BEYOND, other)
        if beyond:
            user, names = (
                await connection.fetchval("SELECT session_user"),
                ", ".join(row[0] for row in beyond),
            )
            raise RolesError(
                f"{user} could leave row-level security, because of what it is or may become ({names}). {_by_hand(role)}"
            )
    finally:
        await connection.close()


async def _let_log_in(owner: asyncpg.Connection, role: str, password: str | None) -> None:
    # Only a verifier leaves this process, since statements may be logged.
    secret = f" PASSWORD '{scram_verifier(password)}'" if password else ""
    try:
        await owner.execute(f"ALTER ROLE {role} LOGIN{secret}")
    except asyncpg.InsufficientPrivilegeError as error:
        raise RolesError(
            f"{role} cannot log in, and DATABASE_URL's user may not change it. {_by_hand(role)}"
        ) from error


def _by_hand(role: str) -> str:
    return (
        f"As a user who may create roles, run CREATE ROLE {role}_login LOGIN PASSWORD '…' IN ROLE {role};"
        f" then set {SETTINGS[role]} to a URL with that user"
    )


@lru_cache(maxsize=8)
def _derived(password: str, role: str) -> str:
    key = hashlib.pbkdf2_hmac("sha256", password.encode(), f"tertulia:{role}".encode(), ROUNDS)
    return base64.urlsafe_b64encode(key).decode()


def scram_verifier(password: str, salt: bytes | None = None) -> str:
    """The verifier that Postgres stores of a password (RFC 5803). `password` must be ASCII."""
    salt = salt or os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, SCRAM_ROUNDS)
    client, server = (hmac.digest(salted, name, "sha256") for name in (b"Client Key", b"Server Key"))
    stored = hashlib.sha256(client).digest()
    b64 = lambda value: base64.b64encode(value).decode()  # noqa: E731
    return f"SCRAM-SHA-256${SCRAM_ROUNDS}:{b64(salt)}${b64(stored)}:{b64(server)}"
