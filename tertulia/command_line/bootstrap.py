"""`tertulia bootstrap`: the assistant runtime's API client, whose id and secret go into an environment file.

Never prints a secret. Repeating it changes nothing while the file's secret is that of the client.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from .common import database_url, fail, read_settings, say
from .database_access import run, with_database

if TYPE_CHECKING:
    from ..storage.postgres.database import Database

ACCOUNT = "CONVERSATION_SERVICE_ACCOUNT_ID"
CLIENT_ID = "CONVERSATION_SERVICE_CLIENT_ID"
CLIENT_SECRET = "CONVERSATION_SERVICE_CLIENT_SECRET"
NAME = "assistant runtime"
ENV_FILE = Path(".env.dev")
_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*")


class _Outcome(msgspec.Struct, frozen=True):
    """`written`: what the file must hold from now on; empty if it holds it already."""

    account_id: str
    client_id: str
    written: dict[str, str]


class _Ambiguous(Exception):
    """Which account is meant cannot be told."""


def bootstrap(
    account: Annotated[
        str | None,
        typer.Option(help=f"account id; {ACCOUNT}, or else the only account. Created if there is none"),
    ] = None,
    env_file: Annotated[
        Path, typer.Option("--env-file", help="file that gets the client's id and secret")
    ] = ENV_FILE,
) -> None:
    """Create the API client of the assistant runtime, and write its id and secret into an environment file.

    The client gets tokens from POST /v1/auth/token. Changes nothing if the file's secret is valid.
    """
    settings, known = read_settings(), _known(env_file)
    wanted = _wanted(account or settings.assistant_account or known.get(ACCOUNT) or "")
    url = database_url(settings)
    work = with_database(settings, lambda database: _bootstrap(database, wanted, known))
    try:
        outcome: _Outcome = run(url, work, lambda outcome: [])
    except _Ambiguous:
        fail(f"there are several accounts: name one with --account or {ACCOUNT}")
    if not outcome.written:
        say(f"API client {outcome.client_id} of account {outcome.account_id}: unchanged")
        return
    try:
        write_variables(env_file, outcome.written)
    except OSError as error:
        fail(f"{env_file} cannot be written: {error}")
    say(f"API client {outcome.client_id} of account {outcome.account_id}: its secret is in {env_file}")


def _known(env_file: Path) -> dict[str, str]:
    """The values of the environment, and for those that it lacks, the file's."""
    try:
        in_file = read_variables(env_file)
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{env_file} cannot be read: {error}")
    return in_file | {name: os.environ[name] for name in (CLIENT_ID, CLIENT_SECRET) if os.environ.get(name)}


def _wanted(account: str) -> str:
    from ..core.ids import is_uuid

    if account and not is_uuid(account.lower()):
        fail(f"--account must be a UUID (given: {account!r})")
    return account.lower()


async def _bootstrap(database: Database, wanted: str, known: Mapping[str, str]) -> _Outcome:
    from ..actors.clock import fresh_id
    from ..core.conversation.entries import Actor
    from ..core.ids import is_uuid
    from ..storage.postgres.accounts.clients import PostgresClients

    account_id = await _account(database, wanted)
    clients = PostgresClients(database)
    client_id, secret = known.get(CLIENT_ID, "").lower(), known.get(CLIENT_SECRET, "")
    if is_uuid(client_id) and await clients.secret(client_id) == (account_id, _hashed(secret)):
        return _Outcome(account_id, client_id, {})
    client_id, secret = fresh_id(), secrets.token_urlsafe(32)
    await clients.create(account_id, client_id, NAME, _hashed(secret), Actor("system", "bootstrap"))
    return _Outcome(account_id, client_id, {ACCOUNT: account_id, CLIENT_ID: client_id, CLIENT_SECRET: secret})


async def _account(database: Database, wanted: str) -> str:
    """The account's id; it is created if it does not exist. Raises _Ambiguous."""
    from ..actors.clock import fresh_id
    from ..storage.postgres.accounts.accounts import PostgresAccounts

    accounts = PostgresAccounts(database)
    if not wanted:
        ids = await accounts.some_ids(2)
        if len(ids) > 1:
            raise _Ambiguous
        wanted = ids[0] if ids else fresh_id()
    await accounts.create(wanted, NAME.capitalize())
    return wanted


def _hashed(secret: str) -> bytes:
    """As `http/routes/admin/api_clients.py` stores it."""
    return hashlib.sha256(secret.encode()).digest()


def read_variables(path: Path) -> dict[str, str]:
    """The variables of an environment file; none if there is no file. Raises OSError, UnicodeDecodeError."""
    try:
        lines = path.read_text().splitlines()
    except FileNotFoundError:
        return {}
    found = (_LINE.fullmatch(line) for line in lines)
    return {match[1]: match[2].strip("\"'") for match in found if match is not None}


def write_variables(path: Path, variables: Mapping[str, str]) -> None:
    """Set variables in an environment file, whose other lines stay. It is replaced as a whole, and private to its user. Raises
    OSError."""
    left = dict(variables)
    lines: list[str] = []
    for line in path.read_text().splitlines() if path.exists() else []:
        match = _LINE.fullmatch(line)
        if match is None or match[1] not in variables:
            lines.append(line)
        elif match[1] in left:
            lines.append(f"{match[1]}={left.pop(match[1])}")
    lines += [f"{name}={value}" for name, value in left.items()]
    target = path.resolve()
    new = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write("\n".join(lines) + "\n")
        new.replace(target)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
