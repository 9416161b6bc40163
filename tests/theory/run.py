"""Reproduce the known values of queueing theory against a live server, in scaled time.

    make simulate-theory                                seven rows of Erlang-A, and the order of policies with two unequal agents
    make simulate-theory ARGS="--rows 3 6 --minutes 30 --scale 20 --policies"
    make simulate-theory ARGS="--url http://127.0.0.1:9000 --data FOLDER"   a server that runs already

Of 35 values with 95 % intervals one or two lie outside by chance, so a row is accepted with one such value, if that is within twice
the interval. Exits 1 if a row is not accepted, or the policies are not in the order of theory.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from desks import Account
from serving import OwnServer

from tertulia.serving.demo import ACCOUNT, WEBCHAT
from tertulia.simulator.plan import Plan, Seat
from tertulia.simulator.report import files
from tertulia.simulator.report.document import Report, TheoryLine
from tertulia.simulator.run.simulation import Simulation
from tertulia.simulator.scenario import loading
from tertulia.simulator.theory.erlang import two_servers

ROWS = [
    (48, 1, 50, 0.5, 1), (48, 1, 50, 0, 1), (9, 1, 10, 0.5, 1), (60, 1, 50, 0.5, 1), (100, 1, 100, 1, 1), (10, 0.1, 20, 0.2, 5), (12, 0.1, 20, 0.2, 5),
]  # fmt: skip
"""λ, μ a minute, agents, θ a minute, slots of each."""
POLICIES = {"fastest_first": 1.0, "random": 0.5, "slowest_first": 0.0}
"""Strategy → the probability that an arrival who finds both free gets the fast one."""


def scenario(row: tuple[float, ...], minutes: float, scale: float) -> str:
    arrival, service, agents, patience, slots = row
    leaves = f"patience = {{ mean = {60 / patience} }}" if patience else ""
    # the queue forgets its beginning in a few handling and patience times; a row with slow work needs a longer run
    slow = max(1.0, 0.3 / service)
    return f"""
name = "λ={arrival:g} μ={service:g} n={agents * slots:g} θ={patience:g}"
about = "A row of the table."
duration = "{minutes * slow + 8 * slow}m"
warm_up = "{8 * slow}m"
scale = {scale * slow}
[arrivals]
rate = "{arrival}/min"
[[customers]]
{leaves}
[[agents]]
count = {agents:g}
slots = {slots:g}
handling = {{ mean = {60 / service} }}
"""


def unequal(strategy: str, minutes: float, scale: float) -> str:
    return f"""
name = "two agents, {strategy}"
about = "μ = 2 and 1, λ = 1.5 a minute."
duration = "{minutes + 10}m"
warm_up = "10m"
scale = {scale}
[arrivals]
rate = "1.5/min"
[[customers]]
[[agents]]
count = 1
handling = {{ mean = 30 }}
[[agents]]
count = 1
handling = {{ mean = 60 }}
[policy]
strategy = "{strategy}"
"""


async def simulated(server: OwnServer, of: Account, text: str, seed: int) -> Report:
    parsed = loading.parsed(f"seed = {seed}\n{text}")
    run = "t" + secrets.token_hex(3)
    seats = [
        Seat(f"theory-{n}", server.token("agent", f"theory-{n}", of.id, 86400))
        for n in range(parsed.agent_count)
    ]
    plan = Plan(
        run=run, url=server.url, account=of.id, scenario=parsed, channels={"webchat": of.channel}, seats=seats,
        service=server.token("service", "theory", of.id, 86400), admin=server.token("admin", "theory-admin", of.id, 86400),
    )  # fmt: skip
    return await Simulation(plan, [], keep=True).run()


def near(line: TheoryLine) -> bool:
    """Whether the theory lies within twice the measured interval."""
    m = line.measured
    return m is not None and abs(line.expected - m.mean) <= 2 * (m.high - m.mean)


def shown(report: Report) -> bool:
    """Print a row; whether it is accepted."""
    assert report.theory is not None
    accepted = (
        report.passed
        and all(map(near, report.theory.lines))
        and sum(not line.agrees for line in report.theory.lines) <= 1
    )
    print(
        f"\n{report.scenario['name']}  ({report.measures['arrived']:.0f} customers, {report.run.elapsed:.0f} s): {'accepted' if accepted else 'NOT accepted'}"
    )
    for line in report.theory.lines:
        m = line.measured
        where = "no interval" if m is None else f"{m.mean:10.5f}  {m.low:10.5f} … {m.high:10.5f}"
        effective = "" if line.effective is None else f"  (with the real holding time {line.effective:.5f})"
        print(f"  {line.name:24} {line.expected:10.5f}  {where}  {'✓' if line.agrees else '✗'}{effective}")
    print(f"  {report.theory.effect}")
    for what in (*report.limited, *(v.text for v in report.verdicts if not v.holds)):
        print(f"  ! {what}")
    return accepted


async def policies(server: OwnServer, of: Account, options: argparse.Namespace) -> bool:
    """The same customers under each policy; whether the mean waits are in the order of theory."""
    waits = {}
    for strategy, to_fast in POLICIES.items():
        report = await simulated(
            server, of, unequal(strategy, options.minutes * 4, options.scale), options.seed
        )
        known = two_servers(1.5, 2, 1, to_fast)
        wait = report.times["wait"].mean / 60
        waits[strategy] = wait
        print(
            f"\n{strategy}: mean wait {wait:.5f} min, theory {known.mean_wait:.5f} ({report.measures['arrived']:.0f} customers)"
        )
    right = list(waits.values()) == sorted(waits.values())
    print(
        "the policies are in the order of theory" if right else "the policies are NOT in the order of theory"
    )
    return right


async def play(options: argparse.Namespace) -> int:
    of, accepted = Account(ACCOUNT, WEBCHAT), True
    with tempfile.TemporaryDirectory(prefix="tertulia-theory-") as folder:
        server = OwnServer(Path(options.data or folder))
        if options.url:
            server.url = options.url
        else:
            await server.start()
        try:
            for number in options.rows:
                report = await simulated(
                    server, of, scenario(ROWS[number - 1], options.minutes, options.scale), options.seed
                )
                accepted &= shown(report)
                if options.reports:
                    files.write(report, Path(options.reports) / f"row-{number}")
            if options.policies:
                accepted &= await policies(server, of, options)
        finally:
            if not options.url:
                await server.stop()
    print(f"\nload average of this machine: {os.getloadavg()[0]:.1f}; {time.strftime('%Y-%m-%d')}")
    return 0 if accepted else 1


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--rows", type=int, nargs="*", default=list(range(1, len(ROWS) + 1)), choices=range(1, len(ROWS) + 1)
    )
    parser.add_argument("--minutes", type=float, default=60, help="of the model, after the warm-up")
    parser.add_argument(
        "--scale", type=float, default=20, help="how many seconds of the model pass in a second of the run"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--policies", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--url", help="of a server that runs already")
    parser.add_argument("--data", help="its data folder, for the secret")
    parser.add_argument("--reports", help="folder for the reports")
    sys.exit(asyncio.run(play(parser.parse_args())))


if __name__ == "__main__":
    main()
