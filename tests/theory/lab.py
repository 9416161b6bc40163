"""The replay lab on two recorded shifts: a policy that is known to be better, and one that is known to be no different.

Of the first shift's agents half are three times as fast: fastest first is better. The second's are alike, so that no rule for who gets a
conversation can be better than another. Customers are the same in both, and the server routed them by its own `least_busy`.
"""

from __future__ import annotations

import asyncio
from datetime import datetime

from desks import Account, new_accounts
from replications import simulated
from serving import OwnServer

from tertulia.planning.comparison import Comparison, compare
from tertulia.planning.policy_file import PolicyFile, parsed
from tertulia.planning.recording import Recording
from tertulia.planning.workload import workload_of
from tertulia.simulator.report.document import Report
from tertulia.storage.postgres.database import Database

MINUTES = 4.0
ANSWER_WITHIN = 1.0
"""Seconds of the run."""
JUDGED = ("wait", "abandoned", "in time")
AGENTS = 12
UNEQUAL, EQUAL = (3.0, 9.0), (4.5, 4.5)
"""Mean handling times of the two halves of the agents; both shifts can do as much work a second."""
BETTER = parsed('name = "fastest first"\nagents = "fastest_first"')
NO_DIFFERENT = parsed('name = "round robin"\nagents = "round_robin"')


def shift(means: tuple[float, float]) -> str:
    """Twelve agents with 80 % of the work that they can do, in the run's own time."""
    halves = "".join(f"[[agents]]\ncount = {AGENTS // 2}\nhandling = {{ mean = {mean} }}\n" for mean in means)
    return f"""
name = "A shift, {means[0]:g} and {means[1]:g} s"
about = "For the replay lab."
duration = "{MINUTES}m"
[arrivals]
rate = {0.8 * AGENTS / 2 * sum(1 / mean for mean in means)}
[[customers]]
patience = {{ mean = 12 }}
{halves}"""


async def lab(server: OwnServer, *, seed: int, replications: int) -> bool:
    """Record both shifts at once, and try a policy on each; whether the verdicts are right."""
    of = await new_accounts(server, "Lab", 2)
    reports = await asyncio.gather(*(simulated(server, a, shift(m), seed) for a, m in zip(of, (UNEQUAL, EQUAL), strict=True)))  # fmt: skip
    right = all(report.passed for report in reports)
    database = await Database.connect(server.database_url(), system=1, app=1)
    try:
        better = await _tried(database, of[0], reports[0], BETTER, replications)
        same = await _tried(database, of[1], reports[1], NO_DIFFERENT, replications)
    finally:
        await database.close()
    _show("a policy known to be better, among unequal agents", better)
    _show("a policy known to be no different, among equal agents", same)
    figures = {f.name: f for f in better.figures}
    right &= all(figures[name].verdict == "better" for name in JUDGED)
    for figure in (f for f in same.figures if f.name in JUDGED):
        # one interval in twenty misses 0 by chance, but hardly any lies further away than twice its length
        difference = figure.difference
        right &= abs(difference.mean) <= difference.high - difference.low
    print("  right" if right else "  WRONG", flush=True)
    return right


async def _tried(
    database: Database, of: Account, report: Report, policy: PolicyFile, replications: int
) -> Comparison:
    since = round(1000 * datetime.fromisoformat(report.run.started_at).timestamp())
    until = since + round(60_000 * MINUTES)
    entries = await Recording(database, of.id, since, until).entries()
    workload = workload_of(entries, since, until)
    return await asyncio.to_thread(
        compare, workload, policy, {}, replications=replications, seed=1, answer_within=ANSWER_WITHIN
    )


def _show(what: str, c: Comparison) -> None:
    print(
        f"\n{what}: {c.policy.name}, {c.stints:,} conversations, {len(c.factors)} agents not as fast as the mean, {c.replications} replications"
    )
    for f in c.figures:
        d = f.difference
        print(
            f"  {f.about:28} recorded {f.recorded:8.4f}  model {f.present.mean:8.4f} → {f.other.mean:8.4f}  {d.mean:+8.4f} ({d.low:+.4f} … {d.high:+.4f})  {f.verdict}"
        )
    for note in c.notes:
        print(f"  ! {note}")
