"""The command line: `tertulia serve`, `token`, `provider-double` and `account`; the other commands have modules of their own.

A command that cannot continue prints one sentence and exits with code 2.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from .. import __version__, logs, older_environment
from ..serving import ray_environment
from ..settings import Settings
from ..storage import data_folder
from .bootstrap import bootstrap
from .cluster import cluster
from .common import database_url, fail, read_settings, say, signer_of
from .database import db
from .database_access import run, with_database
from .replay import replay
from .simulate import simulate

app = typer.Typer(
    help="An actor-based realtime server for customer conversations.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
)
account = typer.Typer(help="Manage accounts.", no_args_is_help=True)
app.add_typer(db, name="db")
app.add_typer(account, name="account")
app.add_typer(cluster, name="cluster")
app.command()(simulate)
app.command()(replay)
app.command()(bootstrap)


def _settings_help() -> str:
    rows = []
    for name, field in Settings.model_fields.items():
        alias = field.validation_alias
        variable = str(alias.choices[0]) if alias is not None else f"TERTULIA_{name.upper()}"  # pyright: ignore
        default = "" if field.default_factory else field.default
        shown = "" if default in (None, "") else f" ({default})"
        rows.append(f"{variable}: {field.description}{shown}")
    return "Environment variables (times in seconds):\n\n" + "\n\n".join(rows)


@app.command(epilog=_settings_help())
def serve(
    demo: Annotated[
        bool, typer.Option("--demo", help="create the demo account and print how to sign in")
    ] = False,
    host: Annotated[str | None, typer.Option(help="address to listen on")] = None,
    port: Annotated[int | None, typer.Option(help="port to listen on")] = None,
    data: Annotated[Path | None, typer.Option(help="folder for data and generated secrets")] = None,
) -> None:
    """Start the server. It runs until Ctrl-C or SIGTERM, then drains."""
    settings = read_settings(host=host, port=port, data=data)
    if unused := older_environment.ignored(os.environ):
        typer.echo(f"ignored, since Tertulia does not use them: {', '.join(unused)}", err=True)
    try:
        opened = data_folder.prepare(settings.data)
        ray_environment.prepare(settings)
    except (data_folder.DataFolderError, OSError, ValueError) as error:
        fail(str(error))
    if opened:
        say(f"{settings.data}: other users of this machine could read it; it is now private")
    from ..serving.server import Serving, StartError  # imports Ray, which reads its environment at import

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
    user: Annotated[
        str, typer.Option(help="user id (the token's sub); required except for role service")
    ] = "",
    hours: Annotated[float, typer.Option(min=0.01, max=24 * 365, help="lifetime in hours")] = 12,
    many: Annotated[
        int,
        typer.Option(
            min=1, max=100_000, help="number of tokens to print, one per line, for the users USER-1, USER-2 …"
        ),
    ] = 1,
) -> None:
    """Print an HS256 token signed with the server's secret: TERTULIA_JWT_SECRET, or that of the data folder or the running server."""
    from ..core.accounts.principal import Role
    from ..core.ids import is_uuid

    if not is_uuid(account.lower()):
        fail(f"--account must be a UUID (given: {account!r})")
    if role not in {r.value for r in Role} - {"customer"}:
        fail(f"--role must be agent, lead, admin or service (given: {role!r})")
    if not user and role != "service":
        fail("--user is required, except with --role service")
    signer = signer_of(read_settings())
    named = user or "service"
    for one in [named] if many == 1 else [f"{named}-{number}" for number in range(1, many + 1)]:
        say(signer.issue(one, {account.lower(): Role(role)}, lifetime=hours * 3600))


@account.command()
def create(
    name: Annotated[str, typer.Argument(help="the account's name")],
    account_id: Annotated[str | None, typer.Option("--id", help="its id; generated when omitted")] = None,
) -> None:
    """Create an account and print its id."""
    from ..actors.clock import fresh_id
    from ..core.ids import is_uuid
    from ..storage.postgres.accounts.accounts import PostgresAccounts

    settings = read_settings()
    url, chosen = database_url(settings), (account_id or fresh_id()).lower()
    if not is_uuid(chosen):
        fail(f"--id must be a UUID (given: {account_id!r})")

    work = with_database(settings, lambda database: PostgresAccounts(database).create(chosen, name))
    if not run(url, work, lambda made: [chosen] if made else []):
        fail(f"account {chosen} already exists")


DOUBLE_HELP = """Control API (JSON; errors are problem+json and name the field):

POST /double/channels {type, webhook_url, credentials, id?}: register a channel. Set its config.base_url to this server.

POST /double/ID/messages {from, name?, text?, attachments?, reply_to?, edit?, subject?, cc?, answer_to?, headers?} or
{messages: […]}: write as a customer. Calls the webhook, signed as the provider signs it, and returns its responses.
Attachments: {name, content_type, data (base64)}. With reply_to, {react: "👍"} reacts and {press: {data, title?}} presses a
button.

POST /double/ID/subscription: verify the webhook as Meta does (WhatsApp, Messenger).

GET /double/ID/sent?after=N: the messages sent to the channel, in order.

PUT /double/ID/faults {kind: 429|500|timeout|drop_before|drop_after|garbage|refuse, count?, retry_after?, seconds?};
DELETE removes it.

PUT /double/ID/webhooks {duplicate?, shuffle?, concurrent?}: how webhooks are delivered.

PUT /double/ID/numbers {"+5511987654321": "551187654321", …}: WhatsApp knows these numbers by other digits.

PUT /double/ID/receipts {sent?, delivered?, read?, delay?}: send receipts automatically. POST {provider_id, status, code?,
detail?}: send one receipt.

GET /double: list the channels. DELETE /double/ID: remove one. Nothing is stored on disk.
"""


@app.command("provider-double", epilog=DOUBLE_HELP)
def provider_double(
    port: Annotated[int, typer.Option(min=1, max=65535, help="port to listen on")] = 8090,
    host: Annotated[
        str, typer.Option(help="address to listen on; anyone who can reach it can act as a customer")
    ] = "127.0.0.1",
) -> None:
    """Run a stand-in for WhatsApp, Messenger, Telegram, Twilio and Postmark, to try channels without accounts there.

    It accepts and checks messages as the providers do, and simulates customers. Runs until Ctrl-C.
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
        fail(f"cannot listen on {host}:{port}: {error.strerror or error}")


@app.command()
def version() -> None:
    """Print the version."""
    say(__version__)


def main() -> None:
    """The console script. Files that it and its processes create are private to its user."""
    os.umask(data_folder.UMASK)
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    app()
