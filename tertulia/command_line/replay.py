"""`tertulia replay`: what an account's routing did, decided again. The replay lab itself is in `planning/`.

Exits with 1 if a decision differs from its record, with 2 if it cannot continue.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core.ids import is_uuid
from ..core.times import rfc3339
from ..storage.connection_faults import fault_of
from .app import app
from .common import database_url, fail, read_settings, say

if TYPE_CHECKING:
    from ..planning.self_replay import Agreement, Mismatch
    from ..settings import Settings
    from ..storage.postgres.database import Database

From = Annotated[
    str,
    typer.Option("--from", help='where it begins: a time such as 2026-03-02T08:00Z, or "24h" before --to'),
]
To = Annotated[str | None, typer.Option("--to", help="where it ends; now by default")]


@app.command()
def replay(
    account: Annotated[str, typer.Argument(help="the account's id")],
    since: From = "24h",
    until: To = None,
) -> None:
    """Decide again what an account's routing decided, from its journal, and compare each decision with its record.

    Reads the database of DATABASE_URL, or that of the server that runs on TERTULIA_DATA. Exit codes: 0 all decisions agree;
    1 one differs; 2 it could not run.
    """
    begin, end = span(since, until)
    found: Agreement = with_database(account, lambda database: _agreement(database, account, begin, end))
    _show(found)
    if not found.agrees:
        raise typer.Exit(1)


def span(since: str, until: str | None) -> tuple[int, int]:
    """The time span in ms of the options `--from` and `--to`."""
    from ..actors.clock import now_ms
    from ..simulator.scenario.units import seconds

    end = now_ms() if until is None else _ms("--to", until)
    try:
        begin = end - round(1000 * seconds(since))
    except ValueError:
        begin = _ms("--from", since)
    if begin >= end:
        fail("--from must be before --to")
    return begin, end


def _ms(option: str, text: str) -> int:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        fail(f"{option} must be a time such as 2026-03-02T08:00Z (given: {text!r})")
    if not 1970 < at.year < 9999:
        fail(f"{option} is out of range (given: {text!r})")
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def with_database(account: str, work: Any) -> Any:
    """Run work that reads an account's record; what prevents it is said in one sentence."""
    import asyncpg

    from ..core.errors import TertuliaError
    from ..core.routing.journal import Incomplete
    from ..planning.recording import NothingRecorded

    if not is_uuid(account.lower()):
        fail(f"the account must be a UUID (given: {account!r})")
    settings = read_settings()
    url = database_url(settings)
    try:
        return asyncio.run(_connected(settings, url, work))
    except (NothingRecorded, Incomplete) as error:
        fail(f"account {account}: {error}")
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError, ValueError) as error:
        fail(f"the database cannot be used: {fault_of(url, error, 5432)}")
    except TertuliaError as error:
        fail(f"the database cannot be read: {error}")


async def _connected(settings: Settings, url: str, work: Any) -> Any:
    from ..storage.postgres.database import Database

    app_url, system_url = settings.app_database_url, settings.system_database_url
    database = await Database.connect(
        url, system=1, app=1, app_url=app_url, system_url=system_url, expensive_timeout=120.0
    )
    try:
        return await work(database)
    finally:
        await database.close()


async def _agreement(database: Database, account: str, since: int, until: int) -> Agreement:
    from ..planning.recording import Recording

    recording = Recording(database, account.lower(), since, until)
    return await recording.self_replay(await recording.entries())


def _show(found: Agreement) -> None:
    say(f"{rfc3339(found.since)} to {rfc3339(found.until)}: {found.entries:,} entries of the journal")
    for mismatch in found.mismatches:
        say(_both(mismatch))
    if found.different > len(found.mismatches):
        say(f"and {found.different - len(found.mismatches):,} more")
    if found.supervisors:
        say(f"a supervisor took over {found.supervisors:,} times in between")
    if found.not_stored:
        say(
            f"{found.not_stored:,} decisions have no record: their command was refused, or the conversation is erased"
        )
    say(f"{found.equal:,} of {found.stored:,} stored decisions were made again, with equal records")


def _both(m: Mismatch) -> str:
    head = f"{m.conversation_id} at {rfc3339(m.at)}: stored: {m.stored.kind} to {m.stored.agent_id}"
    if m.replayed is None:
        return f"{head}; replayed: no such decision"
    sides = "; ".join(
        f"{name} {getattr(m.stored.explain, name)!r} and {getattr(m.replayed.explain, name)!r}"
        for name in m.fields
        if name != "agent_id"
    )
    return f"{head}; replayed: {m.replayed.kind} to {m.replayed.agent_id}" + (f" ({sides})" if sides else "")
