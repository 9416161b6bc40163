"""The floor, derived from the account's feed: who waits, who is assigned, who gave up, how busy the agents are.

One worker keeps it for the whole run. The feed is in the order of commits, so whether an arrival had to wait is known exactly: it had
to if at least as many conversations were waiting as there were free slots. Times are the server's own.
"""

from __future__ import annotations

import math
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from .figures import Figures

BATCHES = 20
"""Batches for the intervals of the steady state's means."""
NOTHING = 1e-9
"""A level of zero, as series keep it: zero itself means that nothing happened then."""
MAX_CONVERSATIONS = 100_000
"""Conversations of which it is known whose they are; the oldest are forgotten."""
ENDED = frozenset({"resolved", "closed", "expired"})


class Live(msgspec.Struct):
    """A conversation that waits or is assigned. Times in seconds of the run."""

    number: int
    opened_at: float
    had_to_wait: bool
    agent: str | None = None
    assigned_at: float = math.nan
    returned: bool = False


class Batch(msgspec.Struct):
    """Sums over the arrivals of one batch; `wait` in seconds of the model, `busy` in slot-seconds of the run."""

    arrived: int = 0
    waited: int = 0
    abandoned: int = 0
    in_time: int = 0
    wait: float = 0.0
    busy: float = 0.0
    decided: int = 0


class Load(msgspec.Struct):
    """An agent's: `slots`, the conversations held now, how many in all, seconds of the run with work, and slot-seconds."""

    slots: int
    held: set[str] = set()
    taken: int = 0
    since: float = 0.0
    working: float = 0.0
    slot_seconds: float = 0.0


class Floor:
    """`began`: the run's start, epoch seconds. `number_of`: the customer's number by an identifier of the run, or None. `most`: conversations
    that it remembers."""

    def __init__(
        self, figures: Figures, *, began: float, warm_up: float, duration: float, scale: float, answer_within: float,
        slots: Mapping[str, int], number_of: Callable[[str], int | None], most: int = MAX_CONVERSATIONS,
    ) -> None:  # fmt: skip
        self.figures = figures
        self.began, self.warm_up, self.duration, self.scale = began, warm_up, duration, scale
        self.answer_within = answer_within
        self.number_of = number_of
        self.most = most
        self.agents = {agent: Load(n) for agent, n in slots.items()}
        self.batches = [Batch() for _ in range(BATCHES)]
        self.live: dict[str, Live] = {}
        self.known: OrderedDict[str, int] = OrderedDict()
        self.waiting = 0
        self.busy = 0
        self.over_capacity: list[str] = []
        self.counts: Counter[str] = Counter()
        self._last = 0.0

    # -- events, in the feed's order

    def on_event(self, event: Mapping[str, Any]) -> None:
        kind = event["type"]
        if kind not in ("conversation:new", "agent:assigned", "conversation:status", "conversation:updated"):
            return
        t = datetime.fromisoformat(event["at"]).timestamp() - self.began
        id, data = event["conversation_id"], event["data"]
        if kind == "conversation:new":
            number = self.number_of(data["contact_identifier"])
            if number is not None:
                self.known[id] = number
                if len(self.known) > self.most:
                    self.known.popitem(last=False)
                self._advance(t)
                self._open(id, number, t)
        elif kind == "agent:assigned":
            self._assigned(id, data["agent_id"], t)
        elif id in self.known:
            if kind == "conversation:updated":
                self.counts["sla"] += "sla" in data and bool(data["sla"])
            elif data["to"] in ENDED:
                self._ended(id, t)
            elif data["from"] in ENDED and id not in self.live:
                self._advance(t)
                self.live[id] = Live(self.known[id], t, True, returned=True)
                self.waiting += 1
        self._measure(t)

    def _open(self, id: str, number: int, t: float) -> None:
        free = sum(load.slots for load in self.agents.values()) - self.busy
        had_to_wait = self.waiting >= free
        self.live[id] = Live(number, t, had_to_wait)
        self.waiting += 1
        if batch := self._batch(t):
            batch.arrived += 1
            batch.waited += had_to_wait

    def _assigned(self, id: str, agent: str | None, t: float) -> None:
        if id not in self.known:
            if agent in self.agents:
                self.counts["foreign"] += 1
            return
        self._advance(t)
        if (live := self.live.get(id)) is None:
            return
        if live.agent is not None:
            self._release(id, live, t)
            self.counts["reassigned"] += 1
            self.waiting += 1
        if agent is None:
            return
        self.waiting -= 1
        first = math.isnan(live.assigned_at)
        live.agent, live.assigned_at = agent, t
        self.busy += 1
        load = self.agents.get(agent)
        if load is None:
            self.counts["to others"] += 1
        else:
            if not load.held:
                load.since = t
            load.held.add(id)
            load.taken += 1
            if len(load.held) > load.slots:
                self.over_capacity.append(f"{agent} held {len(load.held)} of {load.slots}")
        if first and not live.returned:
            self._decide(live, t, abandoned=False)

    def _ended(self, id: str, t: float) -> None:
        self._advance(t)
        live = self.live.pop(id, None)
        if live is None:
            return
        if live.agent is not None:
            self._release(id, live, t)
            self.counts["served"] += not live.returned
            self.figures.time("handling", (t - live.assigned_at) * self.scale, live.assigned_at)
        else:
            self.waiting -= 1
            if not live.returned:
                self._decide(live, t, abandoned=True)

    def _release(self, id: str, live: Live, t: float) -> None:
        self.busy -= 1
        load = self.agents.get(live.agent or "")
        if load is not None and id in load.held:
            load.held.discard(id)
            load.slot_seconds += t - live.assigned_at
            if not load.held:
                load.working += t - load.since
        live.agent = None

    def _decide(self, live: Live, t: float, *, abandoned: bool) -> None:
        """A customer is answered or has given up: its wait is known."""
        wait = (t - live.opened_at) * self.scale if live.had_to_wait or abandoned else 0.0
        self.figures.point("abandoned" if abandoned else "answered", t)
        if live.opened_at >= self.warm_up:
            self.counts["abandoned" if abandoned else "answered"] += 1
        self.figures.time("wait", wait, live.opened_at)
        if not live.had_to_wait and not abandoned:
            self.figures.time("assign", t - live.opened_at, live.opened_at)
        if batch := self._batch(live.opened_at):
            batch.decided += 1
            batch.abandoned += abandoned
            batch.wait += wait
            batch.in_time += not abandoned and wait <= self.answer_within

    # -- over time

    def _batch(self, t: float) -> Batch | None:
        """The batch that an arrival at `t` belongs to; None in the warm-up and after the end."""
        if not self.warm_up <= t < self.duration:
            return None
        return self.batches[int((t - self.warm_up) / (self.duration - self.warm_up) * BATCHES)]

    def _advance(self, t: float) -> None:
        """Integrate the busy slots up to `t`, batch by batch."""
        t = max(t, self._last)
        length = (self.duration - self.warm_up) / BATCHES
        at, end = max(self._last, self.warm_up), min(t, self.duration)
        while at < end and self.busy:
            index = min(BATCHES - 1, int((at - self.warm_up) / length))
            until = min(end, self.warm_up + (index + 1) * length)
            if until <= at:
                break
            self.batches[index].busy += self.busy * (until - at)
            at = until
        self._last = t

    def _measure(self, t: float) -> None:
        self.figures.highest("waiting", t, self.waiting or NOTHING)
        self.figures.highest("busy slots", t, self.busy or NOTHING)

    def close(self, t: float) -> None:
        """Count what is unfinished at the end of the run."""
        self._advance(t)
        for id, live in list(self.live.items()):
            if live.agent is not None:
                self._release(id, live, t)


def gini(values: list[float]) -> float:
    """The inequality of values: 0 if all are equal, towards 1 if one has all."""
    n, total = len(values), sum(values)
    if n < 2 or not total:
        return 0.0
    weighted = sum((2 * i - n - 1) * v for i, v in enumerate(sorted(values), 1))
    return weighted / (n * total)
