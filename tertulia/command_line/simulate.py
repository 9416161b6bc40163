"""`tertulia simulate`: options, and how they change a scenario. The simulator itself is in `simulator/`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
import uvloop
from msgspec.structs import replace

from .common import fail, note, say
from .participants import new_run, plan_of

if TYPE_CHECKING:
    from ..simulator.plan import Plan
    from ..simulator.report.document import Report
    from ..simulator.run.limit import Knee
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

Exit codes: 0 all conditions hold; 1 one does not; 2 it could not run. The conditions lost=0, duplicated=0, reordered=0, leaked=0,
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
    except KeyboardInterrupt:
        fail("interrupted; the account's settings have been restored")


def _list() -> None:
    from rich.console import Console
    from rich.table import Table

    from ..simulator.scenario.loading import shipped

    table = Table(show_header=False, show_edge=False)
    for name, about in shipped().items():
        table.add_row(f"[bold]{name}", about)
    Console().print(table)


def _compare(paths: list[str]) -> None:
    from rich.console import Console

    from ..simulator.report import comparison

    if len(paths) != 2:
        fail("compare takes two reports: tertulia simulate compare A B")
    try:
        a, b = (comparison.load(Path(path)) for path in paths)
    except (OSError, ValueError) as error:
        fail(f"a report cannot be read: {error}")
    comparison.show(a, b, Console())
    written = Path(paths[1]) if Path(paths[1]).is_dir() else Path(paths[1]).parent
    (written / "comparison.html").write_text(comparison.page(a, b))
    say(str(written / "comparison.html"))


def _learn(words: list[str], since: str, until: str | None) -> None:
    """Print a scenario fitted to an account's record."""
    from ..planning.learning import TooLittle, learned
    from ..planning.recording import Recording
    from ..planning.workload import workload_of
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
    from ..simulator.figures import expectations
    from ..simulator.scenario import changes, loading

    try:
        scenario = changes.apply(
            loading.load(name), customers=options["customers"], agents=options["agents"], rate=options["rate"], duration=options["duration"],
            ramp=options["ramp"], scale=options["scale"], transport=options["transport"], seed=options["seed"], policy=options["policy"], expect=options["expect"] or [],
        )  # fmt: skip
        expectations.all_of(scenario.expect)
    except (loading.ScenarioError, expectations.ExpectationError) as error:
        fail(str(error))
    return scenario


async def _run(scenario: Scenario, options: dict[str, Any]) -> None:
    from ..simulator.run.crew import CrewError
    from ..simulator.run.preparation import PreparationError

    try:
        plan = await plan_of(scenario, options)
        folder = options["report"] or Path(time.strftime("tertulia-simulation-%Y%m%d-%H%M%S"))
        if options["find_limit"]:
            await _find_limit(plan, folder, options)
        else:
            await _one(plan, folder, options)
    except (CrewError, PreparationError) as error:
        fail(str(error))


async def _one(plan: Plan, folder: Path, options: dict[str, Any]) -> None:
    """One run with its report."""
    from rich.console import Console

    from ..simulator.report import files, terminal
    from .simulation_view import watched

    console = Console()
    async with watched(console, options["live"]) as view:
        found = await _simulation(plan, options, view.progress)
        await view.finish(found)
    terminal.summary(found, console)
    try:
        say(str(files.write(found, folder)))
    except OSError as error:
        fail(f"the report cannot be written: {error}")
    if not found.passed:
        raise typer.Exit(1)


async def _simulation(plan: Plan, options: dict[str, Any], progress: Callable[[Report], None]) -> Report:
    from ..simulator.run.simulation import Simulation

    shown = {
        k: str(v)
        for k, v in options.items()
        if v not in (None, False, []) and k not in ("tokens", "words", "since", "until")
    }
    simulation = Simulation(
        plan, plan.scenario.expect, processes=options["processes"], ray=options["ray"], keep=options["keep"], parameters=shown, progress=progress,
    )  # fmt: skip
    return await simulation.run()


async def _find_limit(plan: Plan, folder: Path, options: dict[str, Any]) -> None:
    """Many short runs; the report is the last one's that passed."""
    from rich.console import Console

    from ..simulator.report import files
    from ..simulator.run import limit
    from ..simulator.scenario.changes import at_rate
    from .simulation_view import watched

    reports: dict[float, Report] = {}
    console = Console()

    async def trial(rate: float, progress: Callable[[Report], None]) -> limit.Trial:
        run = new_run()
        tried = replace(plan, run=run, scenario=at_rate(plan.scenario, rate), customers=None)
        found = await _simulation(tried, options, progress)
        if found.passed:
            reports[rate] = found
        failed = ", ".join(v.text for v in found.verdicts if not v.holds)
        limited = " (the generator was a bottleneck)" if found.limited else ""
        console.print(
            f"{rate:8.2f} a second: {'passed' if found.passed else 'failed: ' + failed}{limited}",
            highlight=False,
            markup=False,
        )
        return limit.Trial(rate, found.passed, bool(found.limited))

    async with watched(console, options["live"]) as view:
        knee: Knee = await limit.search(
            lambda rate: trial(rate, view.progress), limit.start_of(plan.scenario)
        )
        if reports:
            await view.finish(reports[max(reports)])
    say(knee.sentence)
    if reports:
        say(str(files.write(reports[max(reports)], folder)))
        (folder / "limit.json").write_bytes(knee.encoded())


simulate.__doc__ = f"{simulate.__doc__}\n\n{HELP}"
