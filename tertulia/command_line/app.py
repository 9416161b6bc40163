"""The command line: `tertulia serve`, `token`, `simulate`, `provider-double`, `db`, `account`. Exit code 2 and one sentence where it cannot go on."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
import uvloop
from pydantic import ValidationError

from .. import __version__, logs
from ..secret_settings import is_secret
from ..serving import ray_environment
from ..settings import Settings
from ..storage import data_folder

if TYPE_CHECKING:
    from ..http.auth.tokens import TokenSigner

app = typer.Typer(
    help="An actor-based realtime server for customer conversations.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
)
db = typer.Typer(help="The database schema.", no_args_is_help=True)
account = typer.Typer(help="Accounts.", no_args_is_help=True)
app.add_typer(db, name="db")
app.add_typer(account, name="account")


def say(line: str) -> None:
    """One line for the operator."""
    typer.echo(line)
    sys.stdout.flush()


def fail(sentence: str) -> NoReturn:
    """One sentence and exit code 2."""
    typer.echo(f"tertulia: {sentence}", err=True)
    raise typer.Exit(2)


def read_settings(**given: Any) -> Settings:
    """Settings from the environment, options first."""
    try:
        settings = Settings(**{k: v for k, v in given.items() if v is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "?"
        given_as = "" if is_secret(name.lower(), first["input"]) else f" (given: {first['input']!r})"
        name = name if name.isupper() else f"TERTULIA_{name.upper()}"
        fail(f"{name} is wrong: {first['msg']}{given_as}")
    return settings.model_copy(update={"data": settings.data.absolute()})


def _settings_help() -> str:
    rows = []
    for name, field in Settings.model_fields.items():
        alias = field.validation_alias
        variable = str(alias.choices[0]) if alias is not None else f"TERTULIA_{name.upper()}"  # pyright: ignore
        default = "" if field.default_factory else field.default
        shown = "" if default in (None, "") else f" ({default})"
        rows.append(f"{variable}: {field.description}{shown}")
    return "Settings, by environment:\n\n" + "\n\n".join(rows)


@app.command(epilog=_settings_help())
def serve(
    demo: Annotated[
        bool, typer.Option("--demo", help="make the demo account, and print how to sign in")
    ] = False,
    host: Annotated[str | None, typer.Option(help="address to listen on")] = None,
    port: Annotated[int | None, typer.Option(help="port to listen on")] = None,
    data: Annotated[Path | None, typer.Option(help="folder of the embedded servers")] = None,
) -> None:
    """Start the server; it runs until Ctrl-C or SIGTERM, then drains."""
    settings = read_settings(host=host, port=port, data=data)
    try:
        opened = data_folder.prepare(settings.data)
        ray_environment.prepare(settings)
    except (data_folder.DataFolderError, OSError, ValueError) as error:
        fail(str(error))
    if opened:
        say(f"{settings.data}: was open to other users of this machine; it is private now")
    from ..serving.server import Serving, StartError  # imports Ray, which reads its environment then

    logs.configure(settings.log_level, settings.log_format)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(Serving(settings, say, with_demo=demo).run())
    except StartError as error:
        fail(str(error))


@app.command()
def token(
    account: Annotated[str, typer.Option(help="account id")],
    role: Annotated[str, typer.Option(help="agent, lead, admin or service")] = "agent",
    user: Annotated[str, typer.Option(help="user id: the token's sub")] = "",
    hours: Annotated[float, typer.Option(min=0.01, max=24 * 365, help="how long it lives")] = 12,
) -> None:
    """Print a token (HS256), signed with this server's secret."""
    from ..core.accounts.principal import Role
    from ..core.ids import is_uuid

    if not is_uuid(account.lower()):
        fail(f"--account must be a UUID (given: {account!r})")
    if role not in {r.value for r in Role} - {"customer"}:
        fail(f"--role must be agent, lead, admin or service (given: {role!r})")
    if not user and role != "service":
        fail("--user is needed for a person's token")
    signer = _signer(read_settings())
    say(signer.issue(user or "service", {account.lower(): Role(role)}, lifetime=hours * 3600))


def _signer(settings: Settings) -> TokenSigner:
    """Signs as this server does: with the configured secret, or the data folder's."""
    from ..http.auth.tokens import TokenSigner
    from ..storage.credentials import new_key
    from ..storage.secrets import load_or_create

    try:
        secret = settings.jwt_secret or load_or_create(settings.data, "jwt_secret", new_key)
    except (OSError, ValueError) as error:
        fail(f"the secret in the data folder {settings.data} cannot be used: {error}")
    try:
        return TokenSigner.from_settings(settings, secret)
    except ValueError as error:
        fail(f"TERTULIA_JWT_SECRET is wrong: {error}")


def database_url(settings: Settings) -> str:
    if settings.database_url is None:
        fail("DATABASE_URL is not set; the embedded database is upgraded by `tertulia serve` itself")
    return settings.database_url


@db.command()
def upgrade() -> None:
    """Apply the migrations that are missing, and let the server's two roles log in."""
    from ..storage.postgres import migrate

    settings = read_settings()
    work = migrate.upgrade(
        database_url(settings), app_url=settings.app_database_url, system_url=settings.system_database_url
    )
    _run(work, lambda names: names or ["up to date"])


@db.command()
def verify() -> None:
    """Say which migrations are missing, or which were changed after they were applied. Exit code 2 if any."""
    from ..storage.postgres import migrate

    missing = _run(migrate.verify(database_url(read_settings())), lambda names: names or ["up to date"])
    if missing:
        fail(f"{len(missing)} migrations are missing; run `tertulia db upgrade`")


@account.command()
def create(
    name: Annotated[str, typer.Argument(help="the account's name")],
    account_id: Annotated[str | None, typer.Option("--id", help="its id; made when not given")] = None,
) -> None:
    """Make an account and print its id."""
    from ..actors.clock import fresh_id
    from ..core.ids import is_uuid
    from ..storage.postgres.accounts.accounts import PostgresAccounts
    from ..storage.postgres.database import Database

    settings = read_settings()
    url, chosen = database_url(settings), (account_id or fresh_id()).lower()
    if not is_uuid(chosen):
        fail(f"--id must be a UUID (given: {account_id!r})")

    async def make() -> bool:
        database = await Database.connect(
            url, system=1, app=1, app_url=settings.app_database_url, system_url=settings.system_database_url
        )
        try:
            return await PostgresAccounts(database).create(chosen, name)
        finally:
            await database.close()

    if not _run(make(), lambda made: [chosen] if made else []):
        fail(f"account {chosen} exists already")


def _run(work: Any, lines: Any) -> Any:
    import asyncpg

    from ..storage.postgres.migrate import MigrationError
    from ..storage.postgres.roles import RolesError

    try:
        result = asyncio.run(work)
    except (MigrationError, RolesError) as error:
        fail(str(error))
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError, ValueError) as error:
        fail(f"the database (DATABASE_URL) cannot be used: {str(error) or type(error).__name__}")
    for line in lines(result):
        say(line)
    return result


@app.command()
def simulate(
    url: Annotated[str, typer.Option(help="the server")] = "http://127.0.0.1:8080",
    customers: Annotated[int, typer.Option(min=1, max=5000, help="how many customers write")] = 50,
    agents: Annotated[int, typer.Option(min=1, max=500, help="how many agents answer")] = 4,
    duration: Annotated[float, typer.Option(min=1, help="seconds")] = 30,
    think: Annotated[float, typer.Option(min=0.01, help="mean seconds between a customer's messages")] = 2,
    account: Annotated[str | None, typer.Option(help="account id; the demo's when not given")] = None,
    channel: Annotated[
        str | None, typer.Option(help="its web chat channel; the demo's when not given")
    ] = None,
) -> None:
    """Let simulated customers write to a running server and simulated agents answer.

    The agents' tokens are signed with this server's secret (TERTULIA_JWT_SECRET, or the data folder's). Exit code 1 when
    an acknowledged message was not seen by the other side, or when none was acknowledged.
    """
    from aiohttp import ClientError
    from rich.console import Console

    from ..core.accounts.principal import Role
    from ..serving import demo
    from ..simulator import simulation as simulation

    if (account is None) != (channel is None):
        fail("--account and --channel go together")
    signer, of = _signer(read_settings()), account or demo.ACCOUNT
    users = list(demo.AGENTS) if account is None else []

    def agent_token(number: int) -> tuple[str, str]:
        user = users[number] if number < len(users) else f"simulated-{number}"
        return signer.issue(user, {of: Role.AGENT}, lifetime=duration + 3600), user

    plan = simulation.Plan(
        url=url.rstrip("/"),
        channel=channel or demo.WEBCHAT,
        customers=customers,
        agents=agents,
        duration=duration,
        think=think,
        agent_token=agent_token,
    )
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            figures = runner.run(simulation.simulate(plan, Console()))
    except simulation.Refused as error:
        fail(f"the server at {url} refuses the agents ({error}): is TERTULIA_JWT_SECRET its own?")
    except (ClientError, OSError, TimeoutError) as error:
        fail(f"the server at {url} cannot be used: {str(error) or type(error).__name__}")
    if figures.lost:
        typer.echo(
            f"tertulia: {figures.lost} acknowledged messages were not seen by the other side", err=True
        )
    if figures.lost or not figures.inbound.acked:
        raise typer.Exit(1)


DOUBLE_HELP = """How to use it (JSON in and out; refusals are problem+json naming the field):

POST /double/channels {type, webhook_url, credentials, id?}: register a channel. Its config.base_url is this server.

POST /double/ID/messages {from, name?, text?, attachments?, reply_to?, edit?, subject?} or {messages: […]}: a customer
writes. The webhook goes out, signed as the provider signs; what it was answered comes back. Attachments: {name,
content_type, data (base64)}.

POST /double/ID/subscription: ask the webhook for Meta's confirmation (WhatsApp, Messenger).

GET /double/ID/sent?after=N: what the channel was sent, in order.

PUT /double/ID/faults {kind: 429|500|timeout|drop_before|drop_after|garbage|refuse, count?, retry_after?, seconds?};
DELETE takes it back.

PUT /double/ID/webhooks {duplicate?, shuffle?, concurrent?}: how webhooks are delivered.

PUT /double/ID/receipts {sent?, delivered?, read?, delay?}: receipts by themselves. POST {provider_id, status, code?,
detail?}: one by hand.

GET /double: the channels. DELETE /double/ID forgets one. Nothing is kept on disk.
"""


@app.command("provider-double", epilog=DOUBLE_HELP)
def provider_double(
    port: Annotated[int, typer.Option(min=1, max=65535, help="port to listen on")] = 8090,
    host: Annotated[
        str, typer.Option(help="address to listen on; whoever reaches it may play customers")
    ] = "127.0.0.1",
) -> None:
    """A double of WhatsApp, Messenger, Telegram, Twilio and Postmark, to try channels without any of them.

    It takes what channels send, as strictly as the providers, and plays customers that write in. Runs until Ctrl-C.
    """
    import signal

    from ..channels.double.server import serve as serve_double

    async def run() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        shown = f"[{host}]" if ":" in host else host
        await serve_double(host, port, stop, lambda: say(f"provider double: http://{shown}:{port}/double"))

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run())
    except OSError as error:
        fail(f"{host}:{port} cannot be listened on: {error.strerror or error}")


@app.command()
def version() -> None:
    """Print the version."""
    say(__version__)


def main() -> None:
    """The console script. Whatever it creates, and its processes do, is for its own user alone."""
    os.umask(data_folder.UMASK)
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    app()
