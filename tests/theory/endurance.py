"""Run the scenario `endurance` on a server of its own, and watch the memory of the server's processes and of the generator.

    make endurance                       an hour with 20,000 customers
    make endurance MINUTES=20            as many customers in twenty minutes

Exits 1 if a condition of the scenario does not hold, or a process's memory grew: its mean in the run's last quarter above that in the second
by more than GROWTH and MOST_GROWTH.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from desks import new_accounts
from memory import Memory
from replications import plan_of
from serving import OwnServer

from tertulia.simulator.report import files
from tertulia.simulator.report.document import Report, points
from tertulia.simulator.run.simulation import Simulation
from tertulia.simulator.scenario import changes, loading
from tertulia.simulator.scenario.model import Scenario

CUSTOMERS = 20_000
SPARE = 1.5
"""So many times the slots that the work needs."""
GROWTH, MOST_GROWTH = 0.05, 20.0
"""A part, and MB."""
PROGRESS_EVERY = 30.0


def scenario(minutes: int) -> Scenario:
    """As it ships, but in other time, with as many agents as that takes."""
    shipped = loading.load("endurance")
    kind, rate = shipped.agents[0], CUSTOMERS / (60 * minutes)
    agents = round(SPARE * rate * kind.handling.mean / (kind.slots * kind.pace[-1]))
    return changes.apply(shipped, duration=f"{minutes}m", rate=str(rate), agents=agents)


def shown(report: Report, memory: Memory) -> None:
    """Print how far the run is."""
    m, now = report.measures, memory.samples[-1][1]
    held = ", ".join(f"{role} {size / 2**20:.0f}" for role, size in sorted(now.items()))
    print(
        f"  {report.run.elapsed / 60:4.1f} min: {m['arrived']:,.0f} customers, {points(report, 'waiting')[-1]:.0f} waiting; MB: {held}",
        flush=True,
    )


def said(report: Report, memory: Memory, began: float) -> bool:
    """Print the end; whether it is as it should be."""
    m, ack = report.measures, report.times["ack"]
    print(
        f"{m['arrived']:,.0f} customers, {m['acknowledged']:,.0f} messages acknowledged, {m['checked']:,.0f} checked at their readers; {m['lost']:.0f} lost,"
        f" {m['duplicated']:.0f} twice, {m['reordered']:.0f} out of order, {m['leaked']:.0f} leaked, {m['failed']:.0f} requests failed;"
        f" ack p50 {1000 * ack.p50:.1f} ms, p99 {1000 * ack.p99:.1f} ms; generator {m['cpu']:.0%} of a core"
    )
    right = report.passed
    for what in (*(v.text for v in report.verdicts if not v.holds), *report.samples[:5], *report.limited):
        print(f"  ! {what}")
    for role, (early, late) in memory.growth(began, began + report.scenario["duration"]).items():
        flat = late <= early * (1 + GROWTH) or late - early <= MOST_GROWTH
        right &= flat
        print(
            f"  {role:20} {early:8.1f} MB in the second quarter, {late:8.1f} MB in the last  {'' if flat else 'GREW'}"
        )
    return right


async def main(options: argparse.Namespace) -> bool:
    of = scenario(options.minutes)
    print(f"{CUSTOMERS:,} customers in {options.minutes} min, {of.agent_count} agents", flush=True)
    with tempfile.TemporaryDirectory(prefix="tertulia-endurance-") as folder:
        server = OwnServer(Path(folder))
        await server.start()
        try:
            plan = plan_of(server, (await new_accounts(server, "Endurance"))[0], of)
            memory = Memory(server)
            watch = asyncio.ensure_future(memory.watch())
            report = await Simulation(
                plan, of.expect, progress=lambda r: shown(r, memory), progress_every=PROGRESS_EVERY
            ).run()
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch
        finally:
            await server.kill_all()
    began = datetime.fromisoformat(report.run.started_at).timestamp() - memory.began
    right = said(report, memory, began)
    for note in report.notes:
        print(f"  {note}")
    print(f"load average of this machine: {os.getloadavg()[0]:.1f}; {time.strftime('%Y-%m-%d')}")
    if options.report is not None:
        print(files.write(report, options.report))
    return right


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=int, default=60, choices=range(5, 601), metavar="5…600")
    parser.add_argument("--report", type=Path, help="folder for the report")
    sys.exit(0 if asyncio.run(main(parser.parse_args())) else 1)
