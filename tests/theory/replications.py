"""Independent replications of a run: each in an account of its own, with another seed."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import numpy as np
from desks import Account
from serving import OwnServer

from tertulia.simulator.plan import Plan, Seat
from tertulia.simulator.report.document import Report
from tertulia.simulator.run.simulation import Simulation
from tertulia.simulator.scenario import loading
from tertulia.simulator.scenario.model import Scenario
from tertulia.simulator.theory.batch_means import Interval, quantile

LIFETIME = 86_400
"""Of tokens, in seconds."""


async def simulated(server: OwnServer, of: Account, text: str, seed: int) -> Report:
    """Run a scenario once in an account. Its customers stay."""
    return await Simulation(
        plan_of(server, of, loading.parsed(f"seed = {seed}\n{text}")), [], keep=True
    ).run()


def plan_of(server: OwnServer, of: Account, scenario: Scenario) -> Plan:
    seats = [
        Seat(f"agent-{n}", server.token("agent", f"agent-{n}", of.id, LIFETIME))
        for n in range(scenario.agent_count)
    ]
    return Plan(
        run="t" + secrets.token_hex(3), url=server.url, account=of.id, scenario=scenario, channels={"webchat": of.channel}, seats=seats,
        service=server.token("service", "simulator", of.id, LIFETIME), admin=server.token("admin", "simulator-admin", of.id, LIFETIME),
    )  # fmt: skip


def interval(means: Sequence[float]) -> Interval:
    """The mean of independent replications, and its 95 % interval."""
    half = quantile(len(means) - 1) * float(np.std(means, ddof=1)) / len(means) ** 0.5
    mean = float(np.mean(means))
    return Interval(mean, mean - half, mean + half)


def shown(what: str, expected: float, found: Interval) -> bool:
    """Print a value; whether the theory lies in its interval."""
    holds = expected in found
    print(
        f"  {what:24} {expected:10.5f}  {found.mean:10.5f}  {found.low:10.5f} … {found.high:10.5f}  {'✓' if holds else '✗'}"
    )
    return holds


def told(reports: Sequence[Report]) -> list[str]:
    """Print why the runs may not be what they should be. The conditions that did not hold."""
    failed = sorted({v.text for report in reports for v in report.verdicts if not v.holds})
    for what in failed:
        print(f"  ! {what}")
    limited = [what for report in reports for what in report.limited]
    if limited:
        print(f"  ! the generator was a bottleneck in {len(limited)} of {len(reports)} runs: {max(limited)}")
    return failed
