"""Helpers of all commands: output, settings, and the server's secret."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer
from pydantic import ValidationError

from .. import older_environment
from ..secret_settings import is_secret
from ..settings import Settings
from ..settings_environment import given_by_environment

if TYPE_CHECKING:
    from rich.console import Console

    from ..http.auth.tokens import TokenSigner

LOG_WIDTH = 160
"""Columns of tables where there is no terminal: in a log, no row should go on in the next line."""


def say(line: str) -> None:
    """Print one line for the operator."""
    typer.echo(line)
    sys.stdout.flush()


def console() -> Console:
    """For tables: as wide as the terminal, or as COLUMNS says."""
    from rich.console import Console

    found = Console()
    if not found.is_terminal and "COLUMNS" not in os.environ:
        found.width = LOG_WIDTH
    return found


def note(sentence: str) -> None:
    """Print one sentence beside the result."""
    typer.echo(f"tertulia: {sentence}", err=True)


def fail(sentence: str) -> NoReturn:
    """Print one sentence and exit with code 2."""
    typer.echo(f"tertulia: {sentence}", err=True)
    raise typer.Exit(2)


def read_settings(**given: Any) -> Settings:
    """Read the settings from the environment; options take precedence, and a setting's own variable before an older service's."""
    own = given_by_environment()
    older = {k: v for k, v in older_environment.settings_of(os.environ).items() if k not in own}
    try:
        settings = Settings(**older | {k: v for k, v in given.items() if v is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "?"
        given_as = "" if is_secret(name.lower(), first["input"]) else f" (given: {first['input']!r})"
        name = name if name.isupper() else f"TERTULIA_{name.upper()}"
        fail(f"{name} is wrong: {first['msg'].removeprefix('Value error, ')}{given_as}")
    return settings


def signer_of(settings: Settings) -> TokenSigner:
    """A signer with the server's secret: the configured one, or the one in the server's data folder."""
    from ..http.auth.tokens import TokenSigner

    secret = settings.jwt_secret or _secret_of_server(settings)
    try:
        return TokenSigner.from_settings(settings, secret)
    except ValueError as error:
        fail(f"TERTULIA_JWT_SECRET is wrong: {error}")


def _secret_of_server(settings: Settings) -> str:
    """The secret in the data folder; if there is none and no folder was named, that of the one server that runs."""
    from ..serving.running_servers import running
    from ..storage.secrets import load

    data, servers = settings.data, running()
    try:
        secret = load(data, "jwt_secret")
        if secret is not None:
            if servers and all(Path(server.data) != data for server in servers):
                note(f"the secret is from {data}, but the server at {servers[0].url} uses {servers[0].data}")
            return secret
        if "data" in settings.model_fields_set or not servers:
            fail(
                f"there is no server's secret in {data}: name the server's data folder (TERTULIA_DATA) or its secret"
                " (TERTULIA_JWT_SECRET), or start it first with `tertulia serve`"
            )
        if len(servers) > 1:
            places = ", ".join(f"{server.data} ({server.url})" for server in servers)
            fail(f"several servers run; name the data folder of one with TERTULIA_DATA: {places}")
        (server,) = servers
        if server.own_secret:
            fail(f"the server at {server.url} was given TERTULIA_JWT_SECRET; set it here too")
        data = Path(server.data)
        secret = load(data, "jwt_secret")
    except (OSError, ValueError) as error:
        fail(f"the secret in the data folder {data} cannot be used: {error}")
    if secret is None:
        fail(f"the server at {server.url} has lost the secret in its data folder {data}")
    note(f"signed for the server at {server.url} (data folder {data})")
    return secret


def database_url(settings: Settings) -> str:
    """The server's database: the configured one, or that of the server that runs with the data folder; if no folder was named,
    that of the one server that runs."""
    from ..serving.running_servers import running
    from ..storage.embedded.postgres import url_of_running

    if settings.database_url is not None:
        return settings.database_url
    url, servers = url_of_running(settings.data), running()
    if url is None and "data" not in settings.model_fields_set and len(servers) == 1:
        url = url_of_running(Path(servers[0].data))
        if url is not None:
            note(f"using the database of the server at {servers[0].url} (data folder {servers[0].data})")
    if url is None:
        fail(
            f"DATABASE_URL is not set, and no server with a database of its own runs in {settings.data}: set it, or name the data"
            " folder of a running server (TERTULIA_DATA)"
        )
    return url
