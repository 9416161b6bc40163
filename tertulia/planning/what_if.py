"""Simulates another policy: recorded arrivals and agents, and the same desk that routes live conversations.

Arrivals, needs, and what agents did by themselves (sign in, go away, change their preferences) are as recorded. Handling times, patience
and answers to offers are drawn from what the record says of them. Pure, but for numbers drawn from a seed.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from ..core.routing.desk import Desk
from ..core.routing.facts import Waiting
from ..core.routing.messages import (
    Accepted,
    AgentChanged,
    Arrived,
    Assign,
    Declined,
    Effect,
    Event,
    Found,
    Gone,
    Offer,
    PresenceChanged,
    RequestRefused,
    Snapshot,
    TakenByHand,
    TimePassed,
    WakeAt,
)
from .outcome import Outcome
from .people import OFFERS, Chance, People
from .policy_file import PolicyFile
from .timeline import Timeline
from .workload import Stint, Workload


class Place(msgspec.Struct):
    """A conversation in the model. `left`: the numbers of its stints, the present one first. `turn` counts its changes, so that what was
    planned before one is void."""

    left: list[int]
    arrived_at: int = 0
    agent_id: str | None = None
    assigned_at: int = 0
    offers: int = 0
    turn: int = 0


class Case(msgspec.Struct, frozen=True):
    """The common inputs of one policy's replications. `stints` are in the order of `Chance`. `contacts`: conversation → its customer,
    for policies that prefer a customer's last agent. `answer_within` in ms."""

    workload: Workload
    stints: Sequence[Stint]
    people: People
    policy: PolicyFile
    timeline: Timeline
    contacts: Mapping[str, str]
    answer_within: int


class WhatIf:
    """One run of a policy."""

    def __init__(self, case: Case, chance: Chance) -> None:
        self._case, self._chance = case, chance
        self._events: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._count = count()
        self._places: dict[str, Place] = {}
        self._last: dict[str, tuple[str, int]] = {}
        self._wake: int | None = None
        self.outcome = Outcome(case.workload.since, case.workload.until, case.answer_within)
        like, people = case.timeline.like, case.people
        rules = case.policy.rules(lambda agent_id, w: people.expected(like.get(agent_id, agent_id), w))
        start = Snapshot(case.timeline.policy, tuple(case.timeline.agents))
        self._desk, effects = Desk.restored(start, case.workload.since, rules)
        self._apply(effects, case.workload.since)

    def run(self) -> Outcome:
        for agent in self._desk.agents:
            self.outcome.agent(self._case.workload.since, agent)
        for at, event in self._case.timeline.events:
            self._at(at, self._agents_did, event)
        self._plan_conversations()
        end = self._case.workload.until
        while self._events and self._events[0][0] <= end:
            at, _, action, about = heapq.heappop(self._events)
            action(at, *about)
        for place in self._places.values():
            if place.left:
                self.outcome.unfinished(place.arrived_at, place.agent_id, place.assigned_at)
        return self.outcome

    def _plan_conversations(self) -> None:
        since = self._case.workload.since
        numbers: dict[str, list[int]] = {}
        for n, stint in enumerate(self._case.stints):
            if stint.ended_at is None or stint.ended_at > since:
                numbers.setdefault(stint.conversation_id, []).append(n)
        for conversation_id, left in numbers.items():
            first = self._case.stints[left[0]]
            if first.assigned_at is not None and first.assigned_at <= since:
                self._at(since, self._was_held, conversation_id, left, first)
            else:
                self._at(max(first.arrived_at, since), self._arrives, conversation_id, left)

    # -- what happens

    def _at(self, at: int, action: Callable[..., None], *about: Any) -> None:
        heapq.heappush(self._events, (at, next(self._count), action, about))

    def _tell(self, event: Event, at: int) -> list[Effect]:
        effects = self._desk.handle(event, at)
        self._apply(effects, at)
        return effects

    def _agents_did(self, at: int, event: Event) -> None:
        self._tell(event, at)
        if isinstance(event, AgentChanged | PresenceChanged):
            agent = self._desk.agents.get(event.agent_id)
            if agent is not None:
                self.outcome.agent(at, agent)

    def _was_held(self, at: int, conversation_id: str, left: list[int], stint: Stint) -> None:
        """An agent had it when the time begins: with them it stays for as long as it did."""
        assert stint.agent_id is not None
        if stint.agent_id not in self._desk.agents:
            return
        place = self._places[conversation_id] = Place(left, stint.arrived_at, stint.agent_id, at)
        self._tell(Found(self._case.policy.waiting(stint.waiting), stint.agent_id), at)
        if stint.ended_at is not None:
            self._at(stint.ended_at, self._ends, conversation_id, place.turn)

    def _arrives(self, at: int, conversation_id: str, left: list[int]) -> None:
        number = left[0]
        stint = self._case.stints[number]
        began = at
        if at == self._case.workload.since:  # it has waited already
            began = min(at, stint.waiting.waiting_since if stint.early else stint.arrived_at)
        place = self._places.setdefault(conversation_id, Place(left))
        place.left, place.arrived_at, place.agent_id = left, began, None
        place.turn += 1
        patience = self._chance.patience[number]
        if math.isfinite(patience):
            self._at(at + round(patience), self._gives_up, conversation_id, place.turn)
        w = self._waiting(stint, at)
        if w.strategy == "manual_queue" and stint.claimed and stint.assigned_at is not None:
            claimed = at + stint.assigned_at - stint.arrived_at
            self._at(claimed, self._is_claimed, conversation_id, place.turn, w, stint.agent_id)
        self.outcome.arrived(began)
        self._tell(Arrived(w), at)

    def _waiting(self, stint: Stint, at: int) -> Waiting:
        w = self._case.policy.waiting(stint.waiting)
        if stint.number and not stint.early:
            w = replace(w, waiting_since=max(w.waiting_since + at - stint.arrived_at, 0))
        sticky = self._case.policy.sticky
        if sticky:
            last = self._last.get(self._case.contacts.get(stint.conversation_id, stint.conversation_id))
            if last is not None:
                w = replace(w, sticky_agent=last[0], sticky_until=last[1] + round(1000 * sticky))
        return w

    def _is_claimed(self, at: int, conversation_id: str, turn: int, w: Waiting, agent_id: str) -> None:
        """An agent takes it by hand, as recorded; if that agent cannot, any agent gets it."""
        if self._places[conversation_id].turn != turn:
            return
        effects = self._tell(TakenByHand(w, agent_id), at)
        if any(isinstance(e, RequestRefused) for e in effects):
            self._tell(Arrived(replace(w, strategy="least_busy")), at)

    def _gives_up(self, at: int, conversation_id: str, turn: int) -> None:
        place = self._places[conversation_id]
        if place.turn == turn:
            self.outcome.gave_up(place.arrived_at, at)
            self._leave(conversation_id, place, at)

    def _ends(self, at: int, conversation_id: str, turn: int) -> None:
        place = self._places[conversation_id]
        if place.turn != turn or place.agent_id is None:
            return
        self.outcome.ended(place.agent_id, place.assigned_at, at)
        self._last[self._case.contacts.get(conversation_id, conversation_id)] = place.agent_id, at
        self._leave(conversation_id, place, at)

    def _leave(self, conversation_id: str, place: Place, at: int) -> None:
        """A stint is over; the next one follows as long after it as it did."""
        left = place.left[1:]
        place.left, place.agent_id = [], None
        place.turn += 1
        self._tell(Gone(conversation_id), at)
        if left:
            self._at(at + max(self._case.stints[left[0]].after or 0, 0), self._arrives, conversation_id, left)

    def _answers(self, at: int, conversation_id: str, turn: int, agent_id: str, accepts: bool) -> None:
        offered = self._desk.offers.get(conversation_id)
        if (
            self._places[conversation_id].turn == turn
            and offered is not None
            and offered.agent_id == agent_id
        ):
            self._tell((Accepted if accepts else Declined)(conversation_id, agent_id), at)

    def _wakes(self, at: int) -> None:
        if self._wake == at:
            self._wake = None
            self._tell(TimePassed(), at)

    # -- what the desk decides

    def _apply(self, effects: list[Effect], at: int) -> None:
        for effect in effects:
            if (reaction := REACTIONS.get(type(effect))) is not None:
                reaction(self, effect, at)

    def _assigned(self, effect: Assign, at: int) -> None:
        place = self._places[effect.conversation_id]
        place.turn += 1
        place.agent_id, place.assigned_at = effect.agent_id, at
        self.outcome.answered(place.arrived_at, at)
        like = self._case.timeline.like.get(effect.agent_id, effect.agent_id)
        lasts = self._chance.handling[place.left[0]] * self._case.people.factor(like)
        if math.isfinite(lasts):
            self._at(at + max(round(lasts), 1), self._ends, effect.conversation_id, place.turn)
        sticky = self._case.contacts.get(effect.conversation_id, effect.conversation_id)
        self._last[sticky] = effect.agent_id, at

    def _offered(self, effect: Offer, at: int) -> None:
        place = self._places[effect.conversation_id]
        drawn = self._chance.offers[place.left[0], place.offers % OFFERS]
        place.offers += 1
        answer = self._case.people.response(effect.agent_id, float(drawn))
        if answer is None:
            self._at(at, self._answers, effect.conversation_id, place.turn, effect.agent_id, True)
        elif answer.outcome != "lapsed":
            accepts = answer.outcome == "accepted"
            self._at(
                at + answer.after, self._answers, effect.conversation_id, place.turn, effect.agent_id, accepts
            )

    def _alarm(self, effect: WakeAt, at: int) -> None:
        self._wake = effect.at
        if effect.at is not None:
            self._at(effect.at, self._wakes)


REACTIONS: Final[dict[type, Callable[[WhatIf, Any, int], None]]] = {
    Assign: WhatIf._assigned,
    Offer: WhatIf._offered,
    WakeAt: WhatIf._alarm,
}
