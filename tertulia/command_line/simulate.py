"""`tertulia simulate`: options, and how they change a scenario. The simulator itself is in `simulator/`."""

from __future__ import annotations

import asyncio
import time
from inspect import cleandoc
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
import uvloop

from .common import console, fail, note, say
from .interrupts import EXIT_CODE
from .participants import plan_of
from .simulation_runs import check_folder, find_limit, one_run

if TYPE_CHECKING:
    from ..simulator.scenario.model import Scenario

LOCAL = "http://127.0.0.1:8080"
HELP = """Examples:

tertulia simulate: the scenario `first-look` against the server on this machine.

tertulia simulate scenarios: list the scenarios that come with Tertulia.

tertulia simulate busy-day --url https://chat.example.com --account ID --tokens tokens.txt

tertulia simulate --rate 50 --duration 5m --agents 40 --expect "p99(ack)<100ms" --expect "abandoned<2%"

tertulia simulate --find-limit --expect "p99(ack)<100ms": raise the rate until the conditions fail.

tertulia simulate compare REPORT-A REPORT-B: what changed between two reports.

tertulia simulate learn ACCOUNT --from 24h > scenario.toml: a scenario fitted to what an account recorded.

Exit codes: 0 all conditions hold; 1 one does not; 2 it could not run; 130 it was interrupted, by Ctrl-C or SIGTERM. The conditions lost=0, duplicated=0, reordered=0, leaked=0,
over_capacity=0, failed=0 and acknowledged>0 always apply, unless --expect has another for the same measure.
"""


def simulate(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SCENARIO]",
            help="name of a scenario that comes with Tertulia, or a TOML file; first-look by default",
        ),
    ] = None,
    url: Annotated[str, typer.Option(envvar="TERTULIA_URL", help="address of the server")] = LOCAL,
    account: Annotated[str | None, typer.Option(help="account id; the demo account by default")] = None,
    customers: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=1_000_000,
            help="how many customers arrive; evenly over the duration unless --rate is given",
        ),
    ] = None,
    agents: Annotated[
        int | None,
        typer.Option(
            min=1, max=5000, help="number of agents; if there are several kinds, their proportions stay"
        ),
    ] = None,
    rate: Annotated[
        str | None,
        typer.Option(
            help='arrivals, such as 2.5 (a second) or "150/min"; the scenario\'s curve becomes constant'
        ),
    ] = None,
    duration: Annotated[
        str | None, typer.Option(help="length of the run in the model's time, such as 90s or 10m")
    ] = None,
    ramp: Annotated[str | None, typer.Option(help="time in which the rate rises from zero")] = None,
    scale: Annotated[
        float | None,
        typer.Option(min=0.1, max=3600, help="how many seconds of the model pass in a second of the run"),
    ] = None,
    transport: Annotated[
        Literal["ws", "sse", "socketio"] | None, typer.Option(help="how agents are connected")
    ] = None,
    policy: Annotated[
        Literal["account", "least_busy", "round_robin", "fastest_first", "slowest_first", "random"] | None,
        typer.Option(
            help="how conversations are assigned; with the last three, a simulated lead assigns them"
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="seed of all randomness: the same seed makes the same customers")
    ] = None,
    expect: Annotated[
        list[str] | None,
        typer.Option(
            help='a condition that decides the exit code, such as "p99(ack)<100ms"; may be repeated'
        ),
    ] = None,
    find_limit: Annotated[
        bool,
        typer.Option(
            "--find-limit", help="run again and again to find the rate at which the conditions fail"
        ),
    ] = False,
    channel: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TYPE=ID",
            help="a channel to use instead of the account's first of its type; may be repeated",
        ),
    ] = None,
    double: Annotated[
        str | None,
        typer.Option(
            help="address of the provider double, for customers at providers; the demo's by default"
        ),
    ] = None,
    tokens: Annotated[
        Path | None,
        typer.Option(
            help="file with tokens, one per line: a service's, an admin's, and an agent's for each agent. Without it they are signed with TERTULIA_JWT_SECRET, or the data folder's secret"
        ),
    ] = None,
    processes: Annotated[int, typer.Option(min=1, max=256, help="processes of the generator")] = 1,
    ray: Annotated[
        str | None, typer.Option(help='spread the generator over a Ray cluster: its address, or "auto"')
    ] = None,
    live: Annotated[
        int | None,
        typer.Option(min=1, max=65535, metavar="PORT", help="serve the report on this port during the run"),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="folder for the report; one named after the time by default")
    ] = None,
    since: Annotated[
        str, typer.Option("--from", help='for learn: where the record begins: a time, or "24h" before --to')
    ] = "24h",
    until: Annotated[
        str | None, typer.Option("--to", help="for learn: where it ends; now by default")
    ] = None,
    keep: Annotated[
        bool,
        typer.Option(
            "--keep",
            help="keep the customers with their conversations, and the agents, instead of deleting them",
        ),
    ] = False,
) -> None:
    """Simulate customers who write to a running server and agents who answer, and report what they saw.

    Customers arrive independently, write, lose patience and come back; agents work on several conversations at once.
    Each acknowledged message must arrive at each reader. Latency counts from the time at which a request should have been sent.
    """
    options = dict(locals())
    try:
        from ..client import ApiError, TertuliaError
    except ModuleNotFoundError:  # a distribution of its own
        fail("simulate needs the Python client: pip install tertulia-client (folder client/python)")
    first, *rest = words or ["first-look"]
    if first == "compare":
        return _compare(rest)
    if first == "learn":
        return _learn(rest, since, until)
    if rest:
        fail(f"unexpected {' '.join(rest)!r}: give one scenario")
    if first == "scenarios":
        return _list()
    scenario = _scenario(first, options)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_run(scenario, options))
    except ApiError as error:
        fail(
            f"the server at {url} refused: {error}"
            + (" – does it have the same TERTULIA_JWT_SECRET?" if error.status == 401 else "")
        )
    except (TertuliaError, TimeoutError) as error:
        fail(f"the server at {url} cannot be used: {str(error) or type(error).__name__}")
    except (KeyboardInterrupt, asyncio.CancelledError):
        note("interrupted, without a report")
        raise typer.Exit(EXIT_CODE) from None


def _list() -> None:
    from rich.table import Table

    from ..simulator.scenario.loading import shipped

    table = Table(show_edge=False)
    for name in ("scenario", "what it is for", "lasts"):
        table.add_column(name, justify="right" if name == "lasts" else "left")
    for name, scenario in shipped().items():
        minutes = scenario.duration / scenario.scale / 60
        table.add_row(
            f"[bold]{name}", scenario.about, f"{minutes:g} min" if minutes >= 1 else f"{60 * minutes:g} s"
        )
    console().print(table)


def _compare(paths: list[str]) -> None:
    from ..simulator.report import comparison

    if len(paths) != 2:
        fail("compare takes two reports: tertulia simulate compare A B")
    try:
        a, b = (comparison.load(Path(path)) for path in paths)
    except (OSError, ValueError) as error:
        fail(f"a report cannot be read: {error}")
    comparison.show(a, b, console())
    written = Path(paths[1]) if Path(paths[1]).is_dir() else Path(paths[1]).parent
    (written / "comparison.html").write_text(comparison.page(a, b))
    say(str(written / "comparison.html"))


def _learn(words: list[str], since: str, until: str | None) -> None:
    """Print a scenario fitted to an account's record."""
    from ..planning.learning import learned
    from ..planning.recording import Recording
    from ..planning.workload import TooLittle, workload_of
    from .replay import span, with_database

    if len(words) != 1:
        fail("learn takes one account: tertulia simulate learn ACCOUNT --from 24h")
    (account,) = words
    begin, end = span(since, until)

    async def read(database: Any) -> Any:
        recording = Recording(database, account.lower(), begin, end)
        workload = workload_of(await recording.entries(), begin, end)
        return workload, await recording.talks(workload)

    try:
        found = learned(*with_database(account, read))
    except TooLittle as error:
        fail(f"account {account}: {error}")
    note(found.basis)
    say(found.toml.rstrip())


def _scenario(name: str, options: dict[str, Any]) -> Scenario:
    """The scenario with the options' changes."""
    from ..simulator.scenario import changes, loading

    try:
        loaded = loading.load(name)
        for number, text in enumerate(loaded.expect):
            _check(f"{name}: expect[{number}]", text)
        for text in options["expect"] or []:
            _check("--expect", text)
        scenario = changes.apply(
            loaded, customers=options["customers"], agents=options["agents"], rate=options["rate"], duration=options["duration"],
            ramp=options["ramp"], scale=options["scale"], transport=options["transport"], seed=options["seed"], policy=options["policy"], expect=options["expect"] or [],
        )  # fmt: skip
    except loading.ScenarioError as error:
        fail(str(error))
    return scenario


def _check(where: str, condition: str) -> None:
    from ..simulator.figures import expectations

    try:
        expectations.parsed(condition)
    except expectations.ExpectationError as error:
        fail(f"{where} {error}")


async def _run(scenario: Scenario, options: dict[str, Any]) -> None:
    from ..simulator.run.crew import CrewError
    from ..simulator.run.preparation import PreparationError

    try:
        folder = options["report"] or Path(time.strftime("tertulia-simulation-%Y%m%d-%H%M%S"))
        check_folder(folder)
        plan = await plan_of(scenario, options)
        if options["find_limit"]:
            await find_limit(plan, folder, options)
        else:
            await one_run(plan, folder, options)
    except (CrewError, PreparationError) as error:
        fail(str(error))


simulate.__doc__ = f"{cleandoc(simulate.__doc__ or '')}\n\n{HELP}"
