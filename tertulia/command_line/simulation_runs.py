"""The runs of `tertulia simulate`: one, or the many of `--find-limit`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from msgspec.structs import replace

from .common import console, fail, say
from .interrupts import EXIT_CODE, Interrupted, interruptible
from .participants import new_run

if TYPE_CHECKING:
    from rich.console import Console

    from ..simulator.plan import Plan
    from ..simulator.report.document import Report
    from ..simulator.run.limit import Knee
    from .simulation_view import View


def check_folder(folder: Path) -> None:
    """Say before the run, not after it, that its report cannot be written."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        fail(f"the report cannot be written: {there} is not a folder that this user may write to")


async def one_run(plan: Plan, folder: Path, options: dict[str, Any]) -> None:
    """One run with its report."""

    from ..simulator.report import files, terminal
    from .simulation_view import watched

    out = console()
    async with watched(out, options["live"]) as view:
        found = await _simulation(plan, options, view)
        await view.finish(found)
    terminal.summary(found, out)
    try:
        say(str(files.write(found, folder)))
    except OSError as error:
        fail(f"the report cannot be written: {error}")
    if found.run.interrupted:
        raise typer.Exit(EXIT_CODE)
    if not found.passed:
        raise typer.Exit(1)


async def _simulation(plan: Plan, options: dict[str, Any], view: View) -> Report:
    from ..simulator.run.simulation import Simulation

    shown = {
        k: str(v)
        for k, v in options.items()
        if v not in (None, False, []) and k not in ("tokens", "words", "since", "until")
    }
    simulation = Simulation(
        plan, plan.scenario.expect, processes=options["processes"], ray=options["ray"], keep=options["keep"], parameters=shown, progress=view.progress,
        progress_every=view.every,
    )  # fmt: skip
    with interruptible(simulation.interrupt.set):
        return await simulation.run()


async def find_limit(plan: Plan, folder: Path, options: dict[str, Any]) -> None:
    """Many short runs; the report is of the one with the highest rate that passed."""

    from ..simulator.run import limit
    from .simulation_view import watched

    reports: dict[float, Report] = {}
    trials: list[limit.Trial] = []
    out, interrupted = console(), False
    async with watched(out, options["live"]) as view:

        async def trial(rate: float) -> limit.Trial:
            found = await _trial(plan, rate, options, view, out)
            if found.passed:
                reports[rate] = found
            trials.append(limit.Trial(rate, found.passed, bool(found.limited)))
            return trials[-1]

        try:
            await limit.search(trial, limit.start_of(plan.scenario))
        except Interrupted:
            say(f"Interrupted after {len(trials)} trials.")
            interrupted = True
        if reports:
            await view.finish(reports[max(reports)])
    if trials:
        _write_knee(limit.knee(trials), reports[max(reports)] if reports else None, folder)
    if interrupted:
        raise typer.Exit(EXIT_CODE)


async def _trial(plan: Plan, rate: float, options: dict[str, Any], view: View, out: Console) -> Report:
    """One run at a rate, printed in a line. Raises Interrupted."""
    from ..simulator.scenario.changes import at_rate

    tried = replace(plan, run=new_run(), scenario=at_rate(plan.scenario, rate), customers=None)
    found = await _simulation(tried, options, view)
    if found.run.interrupted:
        raise Interrupted
    failed = ", ".join(v.text for v in found.verdicts if not v.holds)
    limited = " (the generator was a bottleneck)" if found.limited else ""
    line = f"{rate:8.2f} a second: {'passed' if found.passed else 'failed: ' + failed}{limited}"
    out.print(line, highlight=False, markup=False)
    return found


def _write_knee(knee: Knee, report: Report | None, folder: Path) -> None:
    from ..simulator.report import files

    say(knee.sentence)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "limit.json").write_bytes(knee.encoded())
        say(str(folder / "limit.json" if report is None else files.write(report, folder)))
    except OSError as error:
        fail(f"the report cannot be written: {error}")
