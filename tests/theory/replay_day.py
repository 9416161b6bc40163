"""Simulate a day on a server of its own, kill the supervisor in the middle, and make every decision again from the routing journal. Then try
other policies on two recorded shifts: one is known to be better, one to be no different.

    make replay-day                                        50,000 conversations, 200 agents, one kill
    make replay-day CONVERSATIONS=5000                     ten minutes instead of half an hour
    make replay-day ARGS="--kills 3 --minutes 40 --no-lab"

Exits 1 if a decision differs from its record, a condition of the run does not hold, or a verdict on a policy is wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from desks import Account
from lab import lab
from memory import Memory
from replications import plan_of
from routing_accounts import self_replay
from serving import OwnServer

from tertulia.planning.self_replay import Agreement
from tertulia.serving.demo import ACCOUNT, WEBCHAT
from tertulia.simulator.report.document import Report, points
from tertulia.simulator.run.simulation import Simulation
from tertulia.simulator.scenario import loading

DAY = 86_400
PACE = 100 / 3
"""Conversations a second, on average."""
SHORTEST_DAY = 4.0
PROGRESS_EVERY = 20.0


def scenario(options: argparse.Namespace) -> str:
    """A day with two humps, long breaks, three languages and topics, and agents who accept by hand among them."""
    scale = DAY / (60 * options.minutes)
    handling = (
        0.55 * options.agents * 4 * DAY / options.conversations
    )  # somewhat over half of the slots in use on average
    by_hand = options.agents // 10
    return f"""
name = "A day to replay"
about = "{options.conversations} conversations, {options.agents} agents."
duration = "1d"
scale = {scale}
seed = {options.seed}
[arrivals]
curve = "day"
rate = {options.conversations / DAY}
[[customers]]
share = 6
language = "en"
patience = {{ mean = {handling / 2} }}
[[customers]]
share = 3
language = "de"
topic = "billing"
patience = {{ mean = {handling / 3} }}
[[customers]]
share = 1
comes_back = 0.2
[[agents]]
count = {options.agents - 2 * by_hand}
slots = 4
handling = {{ distribution = "lognormal", mean = {handling}, cv = 0.9 }}
breaks = {{ after = {{ mean = "4h" }}, lasts = {{ mean = "40m" }} }}
[[agents]]
count = {by_hand}
slots = 4
languages = ["de", "en"]
topics = ["billing"]
handling = {{ distribution = "lognormal", mean = {handling}, cv = 0.9 }}
[[agents]]
count = {by_hand}
slots = 3
auto_accept = false
reaction = {{ mean = {2 * scale} }}
handling = {{ mean = {handling} }}
"""


async def simulated(server: OwnServer, of: Account, options: argparse.Namespace) -> Report:
    plan = plan_of(server, of, loading.parsed(scenario(options)))
    report = await Simulation(plan, [], keep=True, progress=shown, progress_every=PROGRESS_EVERY).run()
    m = report.measures
    print(
        f"{m['arrived']:,.0f} customers in {report.run.elapsed / 60:.1f} min, {m['abandoned']:.1%} gave up, occupancy {m['occupancy']:.1%};"
        f" {m['checked']:,.0f} messages checked, {m['lost']:.0f} lost, {m['duplicated']:.0f} twice, {m['reordered']:.0f} out of order;"
        f" load average {os.getloadavg()[0]:.1f}"
    )
    for what in (*(v.text for v in report.verdicts if not v.holds), *report.samples[:5]):
        print(f"  ! {what}")
    return report


def shown(report: Report) -> None:
    """Print how far the day is."""
    m, elapsed = report.measures, report.run.elapsed
    waiting = points(report, "waiting")[-1]
    print(
        f"  {elapsed / 60:4.1f} min: {time_of_day(elapsed * report.scenario['scale'])}, {m['arrived']:,.0f} customers, {m['served']:,.0f} served, {waiting:.0f} waiting",
        flush=True,
    )


def time_of_day(seconds: float) -> str:
    """How far the day is; customers of its last hour are served after its end."""
    if seconds >= DAY:
        return "the day is over"
    hours, minutes = divmod(int(seconds / 60), 60)
    return f"{hours:02}:{minutes:02} of the day"


async def killed(server: OwnServer, options: argparse.Namespace) -> None:
    """End the supervisor `kills` times, evenly over the day."""
    for _ in range(options.kills):
        await asyncio.sleep(60 * options.minutes / (options.kills + 1))
        for pid in server.pids("ray::SupervisorProcess"):
            os.kill(pid, signal.SIGKILL)
            print(f"  supervisor {pid} killed", flush=True)


async def main(options: argparse.Namespace) -> bool:
    print(
        f"a day of {options.conversations:,} conversations in {options.minutes:.0f} min; {options.kills} kills",
        flush=True,
    )
    with tempfile.TemporaryDirectory(prefix="tertulia-day-") as folder:
        server = OwnServer(Path(folder))
        await server.start()
        try:
            kills, memory = asyncio.ensure_future(killed(server, options)), Memory(server)
            watch = asyncio.ensure_future(memory.watch())
            report = await simulated(server, Account(ACCOUNT, WEBCHAT), options)
            for task in (kills, watch):
                task.cancel()
            await asyncio.gather(kills, watch, return_exceptions=True)
            began = datetime.fromisoformat(report.run.started_at).timestamp() - memory.began
            for role, (early, late) in memory.growth(began, began + 60 * options.minutes).items():
                print(f"  {role:20} {early:8.1f} MB in the second quarter, {late:8.1f} MB in the last")
            began = time.monotonic()
            print("making every decision again", flush=True)
            found = await self_replay(server, ACCOUNT)
            said(found, time.monotonic() - began)
            right = not options.lab or await lab(server, seed=options.seed, replications=options.replications)
        finally:
            await server.kill_all()
    return right and report.passed and found.agrees and found.restarts >= options.kills


def said(found: Agreement, took: float) -> None:
    print(
        f"{found.equal:,} of {found.stored:,} stored decisions were made again, from {found.entries:,} entries, in {took:.0f} s;"
        f" {found.restarts} restarts; {found.not_stored:,} decisions were not carried out",
        flush=True,
    )
    for mismatch in found.mismatches[:10]:
        print(f"  ! {mismatch}")


def number(least: int, most: float) -> Callable[[str], int]:
    """A parser of an option's value."""

    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
            raise argparse.ArgumentTypeError(
                f"must be a whole number from {least:,} to {most:,.0f} (given: {text!r})"
            )
        return int(text)

    return parse


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--conversations", type=number(200, 1_000_000), default=50_000)
    parser.add_argument("--agents", type=number(10, 5000), default=200)
    parser.add_argument(
        "--minutes",
        type=number(1, DAY / 60),
        help="that the day takes; as long as 33 conversations a second need, and 4 at least",
    )
    parser.add_argument(
        "--kills", type=number(0, 100), default=1, help="of the supervisor, evenly over the day"
    )
    parser.add_argument(
        "--lab", action=argparse.BooleanOptionalAction, default=True, help="try other policies"
    )
    parser.add_argument("--replications", type=number(2, 1000), default=40, help="of each policy")
    parser.add_argument("--seed", type=number(0, 2**31 - 1), default=1)
    given = parser.parse_args()
    if given.minutes is None:
        given.minutes = max(SHORTEST_DAY, given.conversations / PACE / 60)
    try:
        sys.exit(0 if asyncio.run(main(given)) else 1)
    except KeyboardInterrupt:
        sys.exit("interrupted; the server and its data are gone")
