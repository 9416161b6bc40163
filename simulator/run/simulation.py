"""One simulation from preparation to report."""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import msgspec

from ..plan import Plan
from ..report.document import Machine, Report, Run, report_of
from ..scenario.model import Scenario
from . import ray_workers
from .crew import Here, Member
from .preparation import prepared
from .processes import Process
from .worker import LEAD_TIME, Outcome, merged

LOOK_EVERY = 0.5
"""Seconds between looks at whether the workers are done."""
PROGRESS_EVERY = 1.0
SHORTEST_DRAIN = 5.0
LONGEST_DRAIN = 120.0

Progress = Callable[[Report], None]


def drain_of(scenario: Scenario) -> float:
    """Seconds for conversations to end after the planned duration: six times the longest mean handling time."""
    mean = max(group.handling.mean for group in scenario.agents)
    return min(LONGEST_DRAIN, SHORTEST_DRAIN + 6 * mean / scenario.scale)


class Simulation:
    """`processes`: workers on this machine; `ray`: the address of a cluster to spread them over instead. `progress` gets a report every
    `progress_every` seconds. Setting `interrupt` ends the run before its time, with a report."""

    def __init__(
        self, plan: Plan, expectations: list[str], *, processes: int = 1, ray: str | None = None, keep: bool = False,
        parameters: Mapping[str, object] | None = None, progress: Progress | None = None,
        progress_every: float = PROGRESS_EVERY,
    ) -> None:  # fmt: skip
        self.plan = plan
        self.expectations = expectations
        self.ray = ray
        self.keep = keep
        self.parameters = dict(parameters or {})
        self.progress = progress
        self.progress_every = progress_every
        self.interrupt = asyncio.Event()
        if ray is not None:
            cpus = ray_workers.connect(ray)
            processes = processes if processes > 1 else max(1, cpus - 1)
        self.plans = [msgspec.structs.replace(plan, workers=processes, index=i) for i in range(processes)]

    def _members(self) -> list[Member]:
        if self.ray is not None:
            return [ray_workers.OnRay(plan) for plan in self.plans]
        if len(self.plans) > 1:
            return [Process(plan) for plan in self.plans]
        return [Here(self.plans[0])]

    async def run(self) -> Report:
        """Raises CrewError, PreparationError, TertuliaError, TimeoutError if it cannot begin or continue."""
        async with prepared(self.plan) as preparation:
            members: list[Member] = []
            outcomes: list[Outcome] = []
            contacts: set[str] = set()
            try:
                members += self._members()
                await asyncio.gather(*(member.open() for member in members))
                began = time.time() + LEAD_TIME + 0.5
                started = datetime.fromtimestamp(began, UTC)
                await asyncio.gather(*(member.start(began) for member in members))
                await self._watch(members, began, started, preparation.version, contacts)
                outcomes = list(await asyncio.gather(*(member.finish() for member in members)))
                contacts.update(c for outcome in outcomes for c in outcome.contacts)
                elapsed = time.time() - began
            finally:
                await asyncio.gather(*(member.close() for member in members), return_exceptions=True)
                live = [id for outcome in outcomes if outcome.floor for id in outcome.floor.live]
                await preparation.restore(contacts, live=live, keep=self.keep)
        return self._report(outcomes, started, preparation.version, preparation.notes, elapsed)

    async def _watch(
        self, members: list[Member], began: float, started: datetime, version: str, contacts: set[str]
    ) -> None:
        """Wait until all customers are done, the time for that is over, or somebody interrupts."""
        scenario = self.plan.scenario
        deadline = began + float(scenario.duration) / scenario.scale + drain_of(scenario)
        shown = began
        while time.time() < deadline:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY):
                    await self.interrupt.wait()
                    return
            states = await asyncio.gather(*(member.state() for member in members))
            contacts.update(contact for state in states for contact in state.contacts)
            if self.progress is not None and time.time() - shown >= self.progress_every:
                shown = time.time()
                outcomes = await asyncio.gather(*(member.figures() for member in members))
                contacts.update(contact for outcome in outcomes for contact in outcome.contacts)
                elapsed = max(0.0, time.time() - began)
                self.progress(self._report(list(outcomes), started, version, [], elapsed, runs=True))
            if not any(state.busy for state in states):
                return

    def _report(
        self, outcomes: list[Outcome], started: datetime, version: str, notes: list[str], elapsed: float, *, runs: bool = False,
    ) -> Report:  # fmt: skip
        figures, rest = merged(outcomes)
        assert rest.floor is not None
        run = Run(
            name=self.plan.run, started_at=started.isoformat(timespec="seconds"), elapsed=elapsed, url=self.plan.url, server=version,
            account=self.plan.account, workers=len(self.plans), ray=self.ray, parameters=self.parameters, machine=machine(), interrupted=self.interrupt.is_set(),
        )  # fmt: skip
        return report_of(
            self.plan.scenario, self.plan.seats, run, figures, rest, self.expectations, notes, runs=runs
        )


def machine() -> Machine:
    """The generator's."""
    return Machine(
        platform.node(),
        f"{platform.system()} {platform.release()}",
        os.cpu_count() or 1,
        platform.python_version(),
        os.getloadavg()[0],
    )
