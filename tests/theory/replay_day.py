"""Simulate a day on a server of its own, kill the supervisor in the middle, and make every decision again from the routing journal.

    make replay-day                                        50,000 conversations, 200 agents, one kill
    make replay-day CONVERSATIONS=5000                     four minutes instead of 27
    make replay-day ARGS="--kills 3 --minutes 40"

Exits 1 if a decision differs from its record.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import secrets
import signal
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from desks import Account
from routing_accounts import self_replay
from serving import OwnServer

from tertulia.serving.demo import ACCOUNT, WEBCHAT
from tertulia.simulator.plan import Plan, Seat
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


async def simulated(server: OwnServer, of: Account, options: argparse.Namespace) -> None:
    parsed = loading.parsed(scenario(options))
    run = "d" + secrets.token_hex(3)
    seats = [
        Seat(f"day-{n}", server.token("agent", f"day-{n}", of.id, DAY)) for n in range(parsed.agent_count)
    ]
    plan = Plan(
        run=run, url=server.url, account=of.id, scenario=parsed, channels={"webchat": of.channel}, seats=seats,
        service=server.token("service", "day", of.id, DAY), admin=server.token("admin", "day-admin", of.id, DAY),
    )  # fmt: skip
    report = await Simulation(plan, [], keep=True, progress=shown, progress_every=PROGRESS_EVERY).run()
    m = report.measures
    print(
        f"{m['arrived']:,.0f} customers in {report.run.elapsed / 60:.1f} min, {m['abandoned']:.1%} gave up, occupancy {m['occupancy']:.1%}"
    )


def shown(report: Report) -> None:
    """Print how far the day is."""
    m, elapsed = report.measures, report.run.elapsed
    hours, minutes = divmod(int(elapsed * report.scenario["scale"] / 60), 60)
    waiting = points(report, "waiting")[-1]
    print(
        f"  {elapsed / 60:4.1f} min: {hours:02}:{minutes:02} of the day, {m['arrived']:,.0f} customers, {m['served']:,.0f} served, {waiting:.0f} waiting",
        flush=True,
    )


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
            kills = asyncio.ensure_future(killed(server, options))
            await simulated(server, Account(ACCOUNT, WEBCHAT), options)
            kills.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await kills
            began = time.monotonic()
            print("making every decision again", flush=True)
            found = await self_replay(server, ACCOUNT)
        finally:
            await server.kill_all()
    print(
        f"{found.equal:,} of {found.stored:,} stored decisions were made again, from {found.entries:,} entries, in {time.monotonic() - began:.0f} s;"
        f" {found.restarts} restarts; {found.not_stored:,} decisions were not carried out"
    )
    for mismatch in found.mismatches[:10]:
        print(f"  ! {mismatch}")
    return found.agrees and found.restarts >= options.kills


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--conversations", type=int, default=50_000)
    parser.add_argument("--agents", type=int, default=200)
    parser.add_argument(
        "--minutes",
        type=float,
        help="that the day takes; as long as 33 conversations a second need, and 4 at least",
    )
    parser.add_argument("--kills", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    if given.minutes is None:
        given.minutes = max(SHORTEST_DAY, given.conversations / PACE / 60)
    sys.exit(0 if asyncio.run(main(given)) else 1)
