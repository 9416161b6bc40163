"""`tertulia import crm` and `tertulia import sync`: import an older service's conversations into an account.

Exits with 1 if the counts do not agree in the end, with 2 if it cannot continue.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from ..core.ids import is_uuid
from ..storage.connection_faults import fault_of
from .app import app
from .common import database_url, fail, note, read_settings, say

if TYPE_CHECKING:
    from ..core.accounts.records import Account, Channel
    from ..importing.importer import Counts
    from ..importing.source import SetAside, Source
    from ..storage.postgres.database import Database

imports = typer.Typer(
    help="Import an older service's conversations into an account (docs/guides/migrate-crm.md, migrate-sync.md).",
    no_args_is_help=True,
)
app.add_typer(imports, name="import")
EVERY = 1_000
"""Conversations between two lines of progress."""

AccountId = Annotated[str, typer.Option("--account", help="the account's id")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="read and check everything, but store nothing")]
Aside = Annotated[
    Path, typer.Option("--set-aside", help="file that lists what cannot be imported, as JSON lines")
]
Zone = Annotated[str, typer.Option("--time-zone", help="time zone of times that name none")]


@imports.command()
def crm(
    account: AccountId,
    source: Annotated[
        str,
        typer.Option("--from", envvar="TERTULIA_IMPORT_FROM", help="the service's database: postgresql://…"),
    ],
    tenant: Annotated[str | None, typer.Option(help="the tenant's id; by default the account's")] = None,
    dry_run: DryRun = False,
    set_aside: Aside = Path("crm-set-aside.jsonl"),
    time_zone: Zone = "UTC",
) -> None:
    """Import the CRM conversation service's conversations and messages."""
    if not source.startswith(("postgresql://", "postgres://")):
        fail("--from must be a postgresql:// URL")

    @contextlib.asynccontextmanager
    async def opened(_: Account, zone: ZoneInfo, now: int) -> AsyncIterator[Source]:
        import asyncpg

        from ..importing.crm import CrmDatabase

        try:
            connection = await CrmDatabase.connect(source)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError, ValueError) as error:
            fail(f"the source (--from) cannot be used: {fault_of(source, error, 5432)}")
        try:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                yield CrmDatabase(connection, (tenant or account).lower(), zone, now)
        finally:
            connection.terminate()

    _run("crm", account, opened, dry_run, set_aside, time_zone)


@imports.command()
def sync(
    account: AccountId,
    source: Annotated[
        Path,
        typer.Option(
            "--from",
            help="a file of mongoexport (.json) or mongodump (.bson), also with .gz",
            exists=True,
            dir_okay=False,
        ),
    ],
    sub_domain: Annotated[
        str | None, typer.Option(help="sub-domain whose documents are imported; by default the account's")
    ] = None,
    dry_run: DryRun = False,
    set_aside: Aside = Path("sync-set-aside.jsonl"),
    time_zone: Zone = "UTC",
) -> None:
    """Import the conversation sync service's documents."""
    try:
        import bson  # noqa: F401
    except ModuleNotFoundError:
        fail("reading MongoDB's formats needs an extra: pip install 'tertulia[import]'")

    @contextlib.asynccontextmanager
    async def opened(of: Account, zone: ZoneInfo, now: int) -> AsyncIterator[Source]:
        from ..http.actions.older_services import outlet_of, sub_domain_of
        from ..importing.sync import SyncDump

        yield SyncDump(
            source, sub_domain or sub_domain_of(of), lambda local_id: outlet_of(of.id, local_id), zone, now
        )

    _run("sync", account, opened, dry_run, set_aside, time_zone)


def _run(
    name: str, account: str, opened: Callable[..., Any], dry_run: bool, aside: Path, time_zone: str
) -> None:
    import asyncpg

    from ..core.errors import TertuliaError
    from ..importing.source import SourceError

    if not is_uuid(account.lower()):
        fail(f"--account must be a UUID (given: {account!r})")
    try:
        zone = ZoneInfo(time_zone)
    except (ValueError, OSError, KeyError):
        fail(f"--time-zone is not a time zone (given: {time_zone!r})")
    settings = read_settings()
    url = database_url(settings)
    try:
        with _listed(aside) as put:
            counts = asyncio.run(_import(settings, url, name, account.lower(), opened, zone, dry_run, put))
    except SourceError as error:
        fail(str(error))
    except TertuliaError as error:
        fail(f"the import stopped ({error}): run it again to continue where it stopped")
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
        fail(f"the import stopped ({fault_of(url, error, 5432)}): run it again to continue where it stopped")
    _report(counts, aside, dry_run)


@contextlib.contextmanager
def _listed(path: Path) -> Iterator[Callable[[SetAside], None]]:
    """Writes the conversations set aside; the file is created anew, and only if there are any."""
    import msgspec

    with contextlib.ExitStack() as stack:
        files: list[Any] = []

        def put(row: SetAside) -> None:
            if not files:
                files.append(stack.enter_context(path.open("wb")))
            files[0].write(msgspec.json.encode(row) + b"\n")

        yield put


async def _import(
    settings: Any,
    url: str,
    name: str,
    account_id: str,
    opened: Any,
    zone: ZoneInfo,
    dry_run: bool,
    aside: Any,
) -> Counts:
    from ..actors.clock import now_ms
    from ..storage.postgres.accounts.accounts import PostgresAccounts
    from ..storage.postgres.database import Database

    app_url, system_url = settings.app_database_url, settings.system_database_url
    database = await Database.connect(url, system=2, app=1, app_url=app_url, system_url=system_url)
    try:
        account = await PostgresAccounts(database).get(account_id)
        if account is None:
            fail(
                f'there is no account {account_id}: make it with `tertulia account create "…" --id {account_id}`'
            )
        now = now_ms()
        async with opened(account, zone, now) as source:
            return await _carry(database, account, name, source, now, dry_run, aside)
    finally:
        await database.close()


async def _carry(
    database: Database, account: Account, name: str, source: Source, now: int, dry_run: bool, aside: Any
) -> Counts:
    from ..core.accounts.account_settings import known_settings
    from ..importing.importer import Destination, Importer
    from ..storage.postgres.conversations.imports import PostgresImports
    from ..storage.postgres.delivery.senders import PostgresSenders

    channel = await _channel(database, account.id, now, dry_run)
    hours = known_settings(account.settings).auto_close_hours
    run = Importer(
        source,
        PostgresImports(database, account.id, name),
        PostgresSenders(database),
        Destination(account.id, channel.id, name, hours),
        now=now,
        dry_run=dry_run,
        aside=aside,
        progress=_Progress().show,
    )
    return await run.run()


async def _channel(database: Database, account_id: str, now: int, dry_run: bool) -> Channel:
    """The account's WhatsApp channel, or the one that the older services' APIs make at first use."""
    from ..core.conversation.entries import IMPORTER
    from ..http.actions.older_services import recording_channel
    from ..storage.postgres.accounts.channels import PostgresChannels

    channels = PostgresChannels(database)
    found, new = await channels.first(account_id, "whatsapp"), recording_channel(account_id, now)
    return found or (new if dry_run else await channels.ensure(new, IMPORTER))


class _Progress:
    """Prints the progress from time to time."""

    def __init__(self) -> None:
        self._next = EVERY

    def show(self, counts: Counts, done: int) -> None:
        if done >= self._next:
            note(f"{done:,} of {counts.source.conversations:,} conversations")
            self._next = done - done % EVERY + EVERY


def _report(counts: Counts, aside: Path, dry_run: bool) -> None:
    stored = "would be stored" if dry_run else "stored"
    say(
        f"conversations: {counts.source.conversations:,} at the source = {counts.conversations:,} {stored}"
        f" + {counts.known_conversations:,} stored before + {counts.aside_conversations:,} set aside"
    )
    say(
        f"messages: {counts.source.messages:,} at the source = {counts.messages:,} {stored}"
        f" + {counts.known_messages:,} stored before + {counts.aside_messages:,} set aside"
    )
    if counts.second:
        say(
            f"{counts.second:,} live conversations were stored as expired, since their customer has another live one"
        )
    if counts.aside_conversations or counts.aside_messages:
        say(f"set aside in this run, with reasons: {aside}")
    faults = list(counts.faults())
    for fault in faults:
        note(f"the counts do not agree: {fault}")
    if faults:
        raise typer.Exit(1)
    say("the counts agree")
