"""The two roles that the server logs in as, neither of them the owner of anything: `migrations/0019_login_roles.sql`.

Owns how they come to their passwords, and the check that a session of theirs can leave neither its role nor row-level
security. Must never fall back to the owner's connection.

Without URLs of their own they log in where the owner does. If the owner's URL holds a password, theirs are derived from
it: every node of a cluster that has DATABASE_URL agrees on them, and there is no further secret to keep. The embedded
server asks for none: its Unix socket lies in a folder of this user's.
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

APP_ROLE: Final = "tertulia_app"
SYSTEM_ROLE: Final = "tertulia_system"
ROLES: Final = (APP_ROLE, SYSTEM_ROLE)
ROUNDS: Final = 100_000
"""Rounds of PBKDF2 between the owner's password and a role's: the one must not be guessed from the other."""
SCRAM_ROUNDS: Final = 4096
"""As Postgres has them (`scram_iterations`)."""
SETTINGS: Final = {APP_ROLE: "TERTULIA_APP_DATABASE_URL", SYSTEM_ROLE: "TERTULIA_SYSTEM_DATABASE_URL"}

_CANNOT_LOG_IN: Final = (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError)

# What a session of a login role must never become. MEMBER counts every role it may SET ROLE to, or inherits from.
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
    """The server does not have the roles it needs; the message says what an operator has to do."""


class Login(msgspec.Struct, frozen=True):
    """How to connect as a role: `asyncpg.connect(url, **options)`."""

    url: str
    options: dict[str, Any]


def login(url: str, role: str, own_url: str | None = None) -> Login:
    """How `role` connects: by `own_url`, or else where the owner's `url` leads, under its own name and password."""
    if own_url is not None:
        return Login(own_url, {})
    parts = urlsplit(url)
    userinfo, at, _ = parts.netloc.partition("@")
    user, _, password = userinfo.partition(":") if at else ("", "", "")
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    password = unquote(password) or query.get("password", "")
    options: dict[str, Any] = {"user": role, "password": _derived(password, role) if password else None}
    if not parts.path.strip("/") and "dbname" not in query and "database" not in query:
        options["database"] = unquote(user) or query.get("user")  # as libpq: else it would be the role's name
    return Login(url, options)


async def prepare(owner: asyncpg.Connection, url: str, own_urls: dict[str, str | None]) -> None:
    """Let both roles log in, and check them. `own_urls`: by role, what the operator has set. Raises RolesError."""
    for role in ROLES:
        own_url = own_urls.get(role)
        wanted = login(url, role, own_url)
        try:
            await check(wanted, role)
        except _CANNOT_LOG_IN as error:
            if own_url is not None:
                raise RolesError(f"{SETTINGS[role]} cannot be used: {error}") from error
            await _let_log_in(owner, role, wanted.options["password"])
            try:
                await check(wanted, role)
            except _CANNOT_LOG_IN as again:
                raise RolesError(
                    f"{role} cannot log in where DATABASE_URL does ({again}). {_by_hand(role)}"
                ) from again


async def check(login: Login, role: str) -> None:
    """Raise RolesError where a session of this login could leave row-level security, or lacks `role`'s rights."""
    connection = await asyncpg.connect(login.url, timeout=10, **login.options)
    try:
        if not await connection.fetchval("SELECT pg_has_role(session_user, $1::name, 'USAGE')", role):
            user = await connection.fetchval("SELECT session_user")
            raise RolesError(f"{user} ({SETTINGS[role]}) has no rights of {role}: GRANT {role} TO {user}")
        other = APP_ROLE if role == SYSTEM_ROLE else SYSTEM_ROLE
        beyond = await connection.fetch(_BEYOND, other)
        if beyond:
            user, names = (
                await connection.fetchval("SELECT session_user"),
                ", ".join(row[0] for row in beyond),
            )
            raise RolesError(
                f"{user} could leave row-level security, by what it is or may become ({names}). {_by_hand(role)}"
            )
    finally:
        await connection.close()


async def _let_log_in(owner: asyncpg.Connection, role: str, password: str | None) -> None:
    # Only a verifier leaves this process: statements may be logged.
    secret = f" PASSWORD '{scram_verifier(password)}'" if password else ""
    try:
        await owner.execute(f"ALTER ROLE {role} LOGIN{secret}")
    except asyncpg.InsufficientPrivilegeError as error:
        raise RolesError(
            f"{role} cannot log in, and DATABASE_URL's user may not change it. {_by_hand(role)}"
        ) from error


def _by_hand(role: str) -> str:
    return (
        f"As one who may create roles: CREATE ROLE {role}_login LOGIN PASSWORD '…' IN ROLE {role};"
        f" then set {SETTINGS[role]} to a URL with that user"
    )


@lru_cache(maxsize=8)
def _derived(password: str, role: str) -> str:
    key = hashlib.pbkdf2_hmac("sha256", password.encode(), f"tertulia:{role}".encode(), ROUNDS)
    return base64.urlsafe_b64encode(key).decode()


def scram_verifier(password: str, salt: bytes | None = None) -> str:
    """What Postgres stores of a password (RFC 5803): it can check it, and cannot tell it. `password` must be ASCII."""
    salt = salt or os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, SCRAM_ROUNDS)
    client, server = (hmac.digest(salted, name, "sha256") for name in (b"Client Key", b"Server Key"))
    stored = hashlib.sha256(client).digest()
    b64 = lambda value: base64.b64encode(value).decode()  # noqa: E731
    return f"SCRAM-SHA-256${SCRAM_ROUNDS}:{b64(salt)}${b64(stored)}:{b64(server)}"
