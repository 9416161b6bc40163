"""Reproduce the known values of queueing theory against a live server, in scaled time.

    make simulate-theory                                seven rows of Erlang-A, and five policies with two unequal agents
    make simulate-theory ARGS=--rows                    the policies alone
    make simulate-theory ARGS="--rows --no-policies"    the policies on the desk alone, without a server
    make simulate-theory ARGS="--rows 1 2 5 --rate 15 --no-policies"
    make simulate-theory ARGS="--url http://127.0.0.1:9000 --data FOLDER"   a server that runs already

Each row runs in several accounts at once, with different seeds: independent replications, whose means have an interval that does not
depend on how long a queue remembers. Each begins with as many customers as the theory expects in the system, so that the warm-up may be
shorter than that memory. All policies meet the same customers at the same time (common random numbers).

Of as many values with 95 % intervals one or two lie outside by chance, so a row is accepted with one such value, if that is within twice
the interval. Exits 1 if a row is not accepted, or the policies are not in the order of theory.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from desks import new_accounts
from policies import WARM_UP, alone, policies
from replications import interval, shown, simulated, told
from serving import OwnServer

from tertulia.simulator.report import files
from tertulia.simulator.theory.erlang import erlang_a


class Row(NamedTuple):
    """Rates a minute. `slots`: of each agent."""

    arrival: float
    service: float
    agents: int
    patience: float
    slots: int = 1

    @property
    def servers(self) -> int:
        return self.agents * self.slots

    def __str__(self) -> str:
        return f"λ={self.arrival:g} μ={self.service:g} n={self.servers} θ={self.patience:g}"


ROWS = [
    Row(48, 1, 50, 0.5), Row(48, 1, 50, 0), Row(9, 1, 10, 0.5), Row(60, 1, 50, 0.5), Row(100, 1, 100, 1), Row(10, 0.1, 20, 0.2, 5),
    Row(12, 0.1, 20, 0.2, 5),
]  # fmt: skip
FILLING = 1.0
"""Minutes within which the first customers arrive."""
SETTLING = 3.0
"""Handling times between that and the first that count."""
LARGEST_SCALE = 20.0
"""Faster, the server's own latency would no longer be small beside the handling times."""


def memory(row: Row) -> float:
    """The relaxation time in minutes: after so long, 1/e of a deviation is left. The gap of the birth-death chain's spectrum."""
    states = np.arange(row.servers + 400)
    deaths = (
        np.minimum(states, row.servers) * row.service + np.maximum(states - row.servers, 0) * row.patience
    )
    births = np.full(len(states), row.arrival)
    births[-1] = 0
    between = np.sqrt(births[:-1] * deaths[1:])
    chain = np.diag(-(births + deaths)) + np.diag(between, 1) + np.diag(between, -1)
    return float(-1 / np.linalg.eigvalsh(chain)[-2])


def minutes_of(row: Row, options: argparse.Namespace) -> float:
    """How long each replication measures."""
    return max(options.customers / (options.replications * row.arrival), memory(row))


def scenario(row: Row, minutes: float, scale: float) -> str:
    theory = erlang_a(row.arrival, row.service, row.servers, row.patience)
    at_first = row.servers * theory.occupancy + theory.queue
    warm_up = FILLING + SETTLING / row.service
    leaves = f"patience = {{ mean = {60 / row.patience} }}" if row.patience else ""
    return f"""
name = "{row}"
about = "A row of the table."
duration = "{minutes + warm_up}m"
warm_up = "{warm_up}m"
scale = {scale}
[arrivals]
rate = "{row.arrival}/min"
bursts = [{{ at = 0, lasts = "{FILLING}m", factor = {1 + at_first / (FILLING * row.arrival)} }}]
[[customers]]
{leaves}
[[agents]]
count = {row.agents}
slots = {row.slots}
handling = {{ mean = {60 / row.service} }}
"""


async def played(server: OwnServer, row: Row, options: argparse.Namespace) -> bool:
    """Run a row, and print it; whether it is accepted."""
    scale = min(LARGEST_SCALE, options.rate * 60 / (options.replications * row.arrival))
    print(f"\n{row}, {minutes_of(row, options) / scale:.0f} min and more …", flush=True)
    text = scenario(row, minutes_of(row, options), scale)
    began = time.monotonic()
    of = await new_accounts(server, "Theory", options.replications)
    reports = await asyncio.gather(*(simulated(server, a, text, options.seed + n) for n, a in enumerate(of)))
    lines = [report.theory.lines for report in reports if report.theory is not None]
    assert len(lines) == len(reports), "the scenario is within the theory's reach"
    arrived = sum(report.measures["arrived"] for report in reports)
    held = np.mean([report.times["handling"].mean for report in reports]) * row.service / 60 - 1
    print(
        f"\n{row}  {arrived:,.0f} customers, {options.replications} replications of {minutes_of(row, options):.0f} min, scale {scale:.1f},"
        f" {time.monotonic() - began:.0f} s; slots held {held:+.1%}"
    )
    right, near = 0, True
    for those in zip(*lines, strict=True):
        found = interval([line.measured.mean for line in those if line.measured is not None])
        right += shown(those[0].name, those[0].expected, found)
        near &= abs(those[0].expected - found.mean) <= 2 * (found.high - found.mean)
    accepted = right >= len(lines[0]) - 1 and near and not told(reports)
    print(f"  {'accepted' if accepted else 'NOT accepted'}", flush=True)
    if options.reports:
        files.write(reports[0], Path(options.reports) / f"row-{ROWS.index(row) + 1}")
    return accepted


async def play(options: argparse.Namespace) -> int:
    accepted = not options.desk_runs or alone(options)
    if options.rows or options.policies:
        accepted &= await live(options)
    print(f"\nload average of this machine: {os.getloadavg()[0]:.1f}; {time.strftime('%Y-%m-%d')}")
    return 0 if accepted else 1


async def live(options: argparse.Namespace) -> bool:
    """Whether all that runs against a server is accepted."""
    accepted = True
    with tempfile.TemporaryDirectory(prefix="tertulia-theory-") as folder:
        server = OwnServer(Path(options.data or folder))
        if options.url:
            server.url = options.url
        else:
            await server.start()
        try:
            for number in options.rows:
                accepted &= await played(server, ROWS[number - 1], options)
            if options.policies:
                minutes = (options.policy_minutes + WARM_UP) / options.policy_scale
                print(f"\nfive policies at once, {minutes:.0f} min …", flush=True)
                accepted &= await policies(server, options)
        finally:
            if not options.url:
                await server.stop()
    return accepted


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    every = list(range(1, len(ROWS) + 1))
    parser.add_argument("--rows", type=int, nargs="*", default=every, choices=every)
    parser.add_argument(
        "--replications", type=int, default=8, help="of each row, each in an account of its own"
    )
    parser.add_argument(
        "--customers", type=int, default=6000, help="at least, of each row, after the warm-up"
    )
    parser.add_argument(
        "--rate", type=float, default=25, help="customers a second of the run; the time is scaled accordingly"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--policies", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--policy-accounts", type=int, default=20, help="for each policy")
    parser.add_argument("--policy-minutes", type=float, default=15)
    parser.add_argument("--policy-scale", type=float, default=2.5)
    parser.add_argument(
        "--desk-runs", type=int, default=40, help="of the desk alone, for each policy; 0: none"
    )
    parser.add_argument("--desk-minutes", type=float, default=1000, help="of each")
    parser.add_argument("--url", help="of a server that runs already")
    parser.add_argument("--data", help="its data folder, for the secret")
    parser.add_argument("--reports", help="folder for a report of each row")
    sys.exit(asyncio.run(play(parser.parse_args())))


if __name__ == "__main__":
    main()
