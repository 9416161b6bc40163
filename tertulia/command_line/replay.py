"""`tertulia replay`: repeats an account's routing decisions. The replay lab itself is in `planning/`.

Exits with 1 if a decision differs from its record, with 2 if it cannot continue.
"""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core.ids import is_uuid
from ..core.times import rfc3339
from ..storage.connection_faults import fault_of
from .common import console, database_url, fail, read_settings, say

if TYPE_CHECKING:
    from ..planning.comparison import Comparison
    from ..planning.policy_file import PolicyFile
    from ..planning.self_replay import Agreement, Mismatch
    from ..planning.workload import Workload
    from ..settings import Settings
    from ..storage.postgres.database import Database

From = Annotated[
    str,
    typer.Option("--from", help='where it begins: a time such as 2026-03-02T08:00Z, or "24h" before --to'),
]
To = Annotated[str | None, typer.Option("--to", help="where it ends; now by default")]


def replay(
    account: Annotated[str, typer.Argument(help="the account's id")],
    since: From = "24h",
    until: To = None,
    policy: Annotated[
        Path | None,
        typer.Option(help="TOML file with another policy: report what it would have changed"),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(help="folder for the report; with --policy, one named after the time by default"),
    ] = None,
    replications: Annotated[
        int,
        typer.Option(min=2, max=1000, help="how often both policies are tried, each time with other chance"),
    ] = 20,
    seed: Annotated[int, typer.Option(min=0, help="seed of all chance")] = 1,
    answer_within: Annotated[str, typer.Option(help="target of the share answered in time")] = "20s",
) -> None:
    """Repeat an account's routing decisions from its journal, and compare each one with its record.

    With --policy: what waits, abandonments, occupancy and fairness would have been under another policy, with 95 % intervals.
    Reads the database of DATABASE_URL, or that of the server that runs on TERTULIA_DATA. Exit codes: 0 all decisions agree;
    1 one differs; 2 it could not run. docs/guides/planning.md explains policies and figures.
    """
    begin, end = span(since, until)
    other, within = _policy(policy), _within(answer_within)
    found, workload, contacts = with_database(
        account, lambda database: _read(database, account, begin, end, other)
    )
    _show(found)
    compared = None
    if workload is not None and other is not None:
        compared = _compare(workload, other, contacts, replications, seed, within)
        report = report or Path(time.strftime("tertulia-replay-%Y%m%d-%H%M%S"))
    if report is not None:
        _write(account, found, compared, report)
    if not found.agrees:
        raise typer.Exit(1)


def _policy(path: Path | None) -> PolicyFile | None:
    from ..planning.policy_file import PolicyError, load

    try:
        return None if path is None else load(path)
    except PolicyError as error:
        fail(str(error))


def _within(text: str) -> float:
    from ..simulator.scenario.units import seconds

    try:
        return seconds(text)
    except ValueError as error:
        fail(f"--answer-within {error}")


def _compare(
    workload: Workload,
    policy: PolicyFile,
    contacts: dict[str, str],
    replications: int,
    seed: int,
    within: float,
) -> Comparison:
    from ..planning.comparison import compare
    from ..planning.policy_file import PolicyError, check_names
    from ..planning.report.terminal import show
    from ..planning.workload import TooLittle

    try:
        check_names(policy, *workload.names())
        with typer.progressbar(length=replications, label="replications", file=sys.stderr) as bar:
            found = compare(
                workload, policy, contacts, replications=replications, seed=seed, answer_within=within,
                progress=lambda done: bar.update(1),
            )  # fmt: skip
    except (PolicyError, TooLittle) as error:
        fail(str(error))
    show(found, console())
    return found


def _write(account: str, found: Agreement, compared: Comparison | None, folder: Path) -> None:
    from ..planning.report.files import Report, write

    try:
        say(str(write(Report(account.lower(), found, compared), folder)))
    except OSError as error:
        fail(f"the report cannot be written: {error}")


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
    """Run work that reads an account's record; if it cannot run, print the reason in one sentence."""
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


async def _read(
    database: Database, account: str, since: int, until: int, policy: PolicyFile | None
) -> tuple[Agreement, Workload | None, dict[str, str]]:
    from ..planning.recording import Recording
    from ..planning.workload import workload_of

    recording = Recording(database, account.lower(), since, until)
    entries = await recording.entries()
    agreement = await recording.self_replay(entries)
    if policy is None:
        return agreement, None, {}
    workload = workload_of(entries, since, until)
    return agreement, workload, await recording.contacts(workload) if policy.sticky else {}


def _show(found: Agreement) -> None:
    say(f"{rfc3339(found.since)} to {rfc3339(found.until)}: {found.entries:,} entries of the journal")
    for mismatch in found.mismatches:
        say(_both(mismatch))
    if found.different > len(found.mismatches):
        say(f"and {found.different - len(found.mismatches):,} more")
    if found.restarts:
        times = "once" if found.restarts == 1 else f"{found.restarts:,} times"
        say(f"in between, a supervisor loaded the account anew {times}")
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
