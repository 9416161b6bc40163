"""The outcome of one run, recorded or replayed: waits, who gave up, how busy agents were and how evenly."""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from ..core.routing.facts import Agent
from ..simulator.figures.floor import gini
from .workload import Workload

BINS: Final = 96
"""Of the plots over time."""

MEASURES: Final = {
    "wait": "mean wait",
    "wait p50": "median wait",
    "wait p90": "wait, 90th percentile",
    "wait p95": "wait, 95th percentile",
    "abandoned": "gave up",
    "in time": "answered in time",
    "occupancy": "occupancy",
    "gini of load": "inequality of load (Gini)",
    "unfinished": "still waiting at the end",
}
"""Measure → what it is. Waits in seconds, until an agent or until they gave up; shares of those who arrived."""
LESS_IS_BETTER: Final = frozenset(MEASURES) - {"in time", "occupancy"}
NEUTRAL: Final = frozenset({"occupancy"})
SHARES: Final = frozenset({"abandoned", "in time", "occupancy", "unfinished"})


class Shift(msgspec.Struct):
    """An agent's slots over time, and how long they were in use. All in ms."""

    slots: int = 0
    since: int = 0
    offered: float = 0.0
    busy: float = 0.0


class Outcome:
    """Counts those who arrive from `since` to `until`, in ms. Who waits at the end counts as unfinished, not as answered in time."""

    def __init__(self, since: int, until: int, answer_within: int) -> None:
        self.since, self.until, self.answer_within = since, until, answer_within
        self.count = self.abandoned = self.in_time = self.waiting = 0
        self.waits: list[int] = []
        self.shifts: dict[str, Shift] = {}
        self.queue = np.zeros(BINS)
        self.busy = np.zeros(BINS)

    def arrived(self, at: int) -> None:
        self.count += at >= self.since

    def answered(self, arrived_at: int, at: int) -> None:
        self._wait(arrived_at, at)
        if arrived_at >= self.since:
            self.in_time += at - arrived_at <= self.answer_within

    def gave_up(self, arrived_at: int, at: int) -> None:
        self._wait(arrived_at, at)
        self.abandoned += arrived_at >= self.since

    def _wait(self, arrived_at: int, at: int) -> None:
        if arrived_at >= self.since:
            self.waits.append(at - arrived_at)
        self._spread(self.queue, arrived_at, at)

    def ended(self, agent_id: str, assigned_at: int, at: int) -> None:
        begin, end = max(assigned_at, self.since), min(at, self.until)
        self.shifts.setdefault(agent_id, Shift()).busy += max(end - begin, 0)
        self._spread(self.busy, assigned_at, at)

    def unfinished(self, arrived_at: int, agent_id: str | None, assigned_at: int) -> None:
        """It waits, or an agent has it, at the end."""
        if agent_id is None:
            self._spread(self.queue, arrived_at, self.until)
            self.waiting += arrived_at >= self.since
        else:
            self.ended(agent_id, assigned_at, self.until)

    def agent(self, at: int, agent: Agent) -> None:
        """Note the capacity that an agent offers from now on."""
        shift = self.shifts.setdefault(agent.id, Shift(since=at))
        self._offer(shift, at)
        ready = agent.status == "online" and agent.preferences.available
        shift.slots = agent.preferences.maximum if ready else 0

    def _offer(self, shift: Shift, at: int) -> None:
        begin, end = max(shift.since, self.since), min(at, self.until)
        shift.offered += shift.slots * max(end - begin, 0)
        shift.since = at

    def _spread(self, into: np.ndarray, begin: int, end: int) -> None:
        """Add a time to the bins that it covers, as a share of each."""
        width = (self.until - self.since) / BINS
        a, b = (max(begin, self.since) - self.since) / width, (min(end, self.until) - self.since) / width
        if b <= a:
            return
        first, last = int(a), min(int(b), BINS - 1)
        if first == last:
            into[first] += b - a
            return
        into[first] += first + 1 - a
        into[first + 1 : last] += 1
        into[last] += b - last

    def measures(self) -> dict[str, float]:
        """By `MEASURES`."""
        for shift in self.shifts.values():
            self._offer(shift, self.until)
        waits = np.asarray(self.waits or [0], np.float64) / 1000
        n = max(self.count, 1)
        p50, p90, p95 = (float(np.percentile(waits, p)) for p in (50, 90, 95))
        offered, busy = (sum(getattr(s, k) for s in self.shifts.values()) for k in ("offered", "busy"))
        load = [s.busy / s.offered for s in self.shifts.values() if s.offered > 0]
        return {
            "wait": float(waits.mean()), "wait p50": p50, "wait p90": p90, "wait p95": p95,
            "abandoned": self.abandoned / n, "in time": self.in_time / n,
            "occupancy": busy / offered if offered else 0.0, "gini of load": gini(load), "unfinished": self.waiting / n,
        }  # fmt: skip


def recorded(workload: Workload, answer_within: int) -> Outcome:
    """The recorded outcome."""
    found = Outcome(workload.since, workload.until, answer_within)
    for agent in workload.agents:
        found.agent(workload.since, agent)
    _agents(found, workload)
    for s in workload.stints:
        if s.ended_at is not None and s.ended_at <= workload.since:
            continue
        began = s.waiting.waiting_since if s.early else s.arrived_at
        if s.arrived_at >= workload.since and not s.early:
            found.arrived(s.arrived_at)
        else:
            began = min(began, workload.since - 1)
        if s.assigned_at is None and s.ended_at is None:
            found.unfinished(began, None, 0)
        elif s.assigned_at is None:
            found.gave_up(began, s.ended_at or workload.until)
        else:
            if not s.early:
                found.answered(began, s.assigned_at)
            found.ended(s.agent_id or "", s.assigned_at, s.ended_at or workload.until)
    return found


def _agents(found: Outcome, workload: Workload) -> None:
    for at, agent in workload.agent_changes():
        found.agent(at, agent)
