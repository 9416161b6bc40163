"""Shared by the people of one worker: the plan, the clock, the figures, and the participants."""

from __future__ import annotations

import asyncio
import random
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from ...client import AsyncClient, Options
from ..figures.audit import Audit
from ..figures.figures import BUCKETS, Figures
from ..figures.floor import MAX_CONVERSATIONS, Floor
from ..plan import Plan
from ..scenario.model import Profile
from ..traffic import identities
from ..traffic.feed import Event, untouched
from ..traffic.requests import Requests


class KnownCustomer(Protocol):
    """A customer that is under way, as far as others call on it (`customer.Customer`)."""

    profile: Profile

    def on_event(self, event: Event) -> None: ...
    def reached(self, part: int) -> None: ...


class World:
    """`now` and `pause` know both times: seconds of the run, and of the model."""

    def __init__(self, plan: Plan, began: float) -> None:
        scenario = plan.scenario
        self.plan = plan
        self.scenario = scenario
        self.scale = scenario.scale
        self.begin(began)
        self.length = float(scenario.duration) / self.scale
        self.figures = Figures(max(1.0, self.length * 1.1 / BUCKETS), float(scenario.warm_up) / self.scale)
        self.audit = Audit(plan.run)
        self.requests = Requests(plan.url, self.figures, lambda: self.now)
        self.number_of = identities.reader(plan.run)
        self.owners: OrderedDict[str, int] = OrderedDict()
        self.customers: dict[int, KnownCustomer] = {}
        self.contacts: set[str] = set()
        self.floor: Floor | None = None
        self.listeners: list[Callable[[Event], None]] = []
        self.tamper = plan.tamper or untouched
        self.stopping = asyncio.Event()
        """Set when the planned time is over: nobody begins anything new."""
        self.background: set[asyncio.Task[None]] = set()
        """Tasks that nobody waits for before the end."""
        self.client = AsyncClient(plan.url, plan.service, options=Options(max_connections=64))
        self.chance = random.Random(f"{scenario.seed}/{plan.index}")

    def begin(self, began: float) -> None:
        """Set the run's start, in epoch seconds."""
        self.began = began
        self.start = time.monotonic() + began - time.time()

    # -- time

    @property
    def now(self) -> float:
        """Seconds of the run since its start."""
        return time.monotonic() - self.start

    async def pause(self, model_seconds: float) -> None:
        await asyncio.sleep(model_seconds / self.scale)

    async def settled(self) -> None:
        """Wait until everything acknowledged has been seen everywhere."""
        while True:
            if not self.audit.pending():
                return
            await asyncio.sleep(0.05)

    # -- the feed

    def on_event(self, event: Event) -> None:
        """One event of the account's feed."""
        id = event["conversation_id"]
        if event["type"] == "conversation:new":
            self._opened(event)
        if self.floor is not None:
            self.floor.on_event(event)
        for listen in self.listeners:
            listen(event)
        owner = self.owners.get(id) if id else None
        if owner is None:
            return
        if event["type"] == "conversation:message":
            self._message(owner, event)
        customer = self.customers.get(owner)
        if customer is not None:
            customer.on_event(event)

    def _opened(self, event: Event) -> None:
        number = self.number_of(event["data"]["contact_identifier"])
        if number is None:
            return
        self.owners[event["conversation_id"]] = number
        if self.plan.index == 0:
            self.contacts.add(event["data"]["contact_id"])
        while len(self.owners) > MAX_CONVERSATIONS:
            self.owners.popitem(last=False)

    def _message(self, owner: int, event: Event) -> None:
        data = event["data"]
        mark = self.audit.seen("feed", owner, event["conversation_id"], event["seq"], data["content"])
        if mark is not None and mark.side == "a":
            # what the feed has is committed: the customer's own stream must have it too
            if owner in self.customers and self.customers[owner].profile.kind.channel != "webchat":
                self.audit.attach(owner, "provider", "a")
            self.audit.acked(owner, "a", mark.part)
