"""Where an account's conversations are: held, on offer or waiting; and the moves between these places.

`desk.py` says which event makes which move. A move keeps what belongs together: who holds what, agents' loads, the queue,
alarms, effects. What a move could give an agent to do is noted in `woken`, and `settle` acts on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec
from msgspec.structs import replace

from .agents import Agents
from .alarms import Alarms
from .explain import Explain, decide, explain
from .facts import Agent, Need, Policy, Waiting, order
from .messages import Assign, Effect, Holding, Offer, Queued, QueueMoved, Requeue, WakeAt, Why, Withdraw
from .queue import Queue
from .rates import ServiceRate


class Offered(msgspec.Struct, frozen=True, gc=False):
    agent_id: str
    deadline: int


class Board:
    """`now` is the time of the event under way. `woken`: agents (as bits) that may find something to do."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.agents = Agents()
        self.queue = Queue(self._fits)
        self.held: dict[str, Holding] = {}
        self.offers: dict[str, Offered] = {}
        self.held_by: dict[str, dict[str, None]] = {}
        self.offered_to: dict[str, dict[str, None]] = {}
        self.rate = ServiceRate()
        self.alarms = Alarms()
        self.effects: list[Effect] = []
        self.woken = 0
        self.now = 0
        self._announced: int | None = None
        self._new: dict[str, None] = {}

    def finish(self) -> list[Effect]:
        """End an event: give away what can be given, and say what has changed."""
        self.settle()
        for conversation_id in self._new:
            self._tell_queued(conversation_id)
        self._new.clear()
        self.rate.waits(len(self.queue) > 0, self.now)
        if self.queue.moved is not None:
            if self.queue.moved <= len(self.queue):
                self.effects.append(QueueMoved(self.queue.moved))
            self.queue.moved = None
        if self.alarms.first != self._announced:
            self._announced = self.alarms.first
            self.effects.append(WakeAt(self._announced))
        effects, self.effects = self.effects, []
        return effects

    def _tell_queued(self, conversation_id: str) -> None:
        position = self.queue.position(conversation_id)
        if position is not None and conversation_id not in self.offers:
            estimate = self.rate.estimate(position, self.now)
            self.effects.append(Queued(conversation_id, position, estimate))

    # -- the queue

    def _fits(self, need: Need, declined_by: frozenset[str]) -> int:
        return self.agents.fits(need) & ~self.agents.mask(declined_by)

    def wait(self, w: Waiting) -> None:
        """Into the queue, where `settle` finds it."""
        self.queue.put(w, order(w, self.policy))
        self._new[w.id] = None
        self.regroup(w)

    def regroup(self, w: Waiting) -> None:
        """Look again at what it asks for; every ready agent that fits may now get it."""
        self.alarms.set(("step", w.id), self.policy.next_step(w, self.now))
        if w.id in self.offers or w.strategy == "manual_queue":
            self.queue.park(w.id)
        else:
            need = self.agents.narrowed(self.policy.need(w, self.now))
            self.woken |= self.queue.offer(w.id, need) & self.agents.ready

    def leave(self, conversation_id: str) -> bool:
        self.alarms.set(("step", conversation_id), None)
        return self.queue.drop(conversation_id)

    def wake(self, agent_id: str) -> None:
        slot = self.agents.slot(agent_id)
        if slot is not None:
            self.woken |= 1 << slot

    def settle(self) -> None:
        while woken := self.woken & self.agents.ready:
            w = self.queue.first_for(woken)
            if w is None:
                break
            need = self.policy.need(w, self.now)
            slot = decide(self.agents, w, need, self.now)
            assert slot is not None, "its group said that an agent fits"
            self.give(w, need, slot)
        self.woken = 0

    def give(self, w: Waiting, need: Need, slot: int) -> None:
        """Assign it, or offer it to who wants to be asked."""
        agent = self.agents.at(slot)
        record = explain(self.agents, w, need, slot, self.now)
        if agent.preferences.auto_accept:
            self.assign(w, agent.id, Assign(w.id, agent.id, "routing", None, record))
        else:
            self.offer(w, agent, record)

    # -- offers

    def offer(self, w: Waiting, agent: Agent, record: Explain) -> None:
        deadline = self.now + self.policy.offer_timeout
        self.stand(w, agent.id, deadline)
        self.effects.append(Offer(w.id, agent.id, deadline, record))

    def stand(self, w: Waiting, agent_id: str, deadline: int) -> None:
        """It is on offer to an agent from now on."""
        self.offers[w.id] = Offered(agent_id, deadline)
        self.offered_to.setdefault(agent_id, {})[w.id] = None
        self.agents.load(agent_id, self.now, offered=1, got=True)
        self.alarms.set(("offer", w.id), deadline)
        self.queue.put(w, order(w, self.policy))
        self.regroup(w)

    def end_offer(self, conversation_id: str, why: Why) -> None:
        """Withdraw it; the conversation is given away anew."""
        agent_id = self.offers[conversation_id].agent_id
        self.close_offer(conversation_id)
        self.effects.append(Withdraw(conversation_id, agent_id, why))
        if conversation_id in self.queue:
            self.regroup(self.queue[conversation_id])
            self._new[conversation_id] = None

    def close_offer(self, conversation_id: str) -> None:
        offered = self.offers.pop(conversation_id)
        del self.offered_to[offered.agent_id][conversation_id]
        self.alarms.set(("offer", conversation_id), None)
        self.agents.load(offered.agent_id, self.now, offered=-1)
        self.wake(offered.agent_id)

    def turned_down(self, conversation_id: str, why: Why) -> None:
        agent_id = self.offers[conversation_id].agent_id
        self.end_offer(conversation_id, why)
        w = self.queue[conversation_id]
        self.wait(replace(w, declined_by=w.declined_by | {agent_id}))

    def withdraw_all(self, agent_id: str, why: Why) -> None:
        for conversation_id in list(self.offered_to.get(agent_id, ())):
            self.end_offer(conversation_id, why)

    def trim(self, agent_id: str) -> None:
        """Withdraw offers, the newest first, that the agent has no room for any more."""
        while (
            (agent := self.agents.get(agent_id)) and agent.offered and agent.load > agent.preferences.maximum
        ):
            self.end_offer(next(reversed(self.offered_to[agent_id])), "full")

    # -- who holds what

    def holder(self, conversation_id: str) -> str | None:
        holding = self.held.get(conversation_id)
        return None if holding is None else holding.agent_id

    def assign(self, w: Waiting, agent_id: str, effect: Assign) -> None:
        if self.leave(w.id):
            self.rate.served(self.now)
        self.hold(Holding(w, agent_id, self.now))
        self.effects.append(effect)

    def hold(self, holding: Holding) -> None:
        agent_id, conversation_id = holding.agent_id, holding.waiting.id
        self.held[conversation_id] = holding
        self.held_by.setdefault(agent_id, {})[conversation_id] = None
        if agent_id in self.agents:
            self.agents.load(agent_id, self.now, active=1, got=True)
        self.watch(agent_id)

    def let_go(self, conversation_id: str) -> Holding | None:
        holding = self.held.pop(conversation_id, None)
        if holding is not None:
            agent_id = holding.agent_id
            del self.held_by[agent_id][conversation_id]
            if agent_id in self.agents:
                self.agents.load(agent_id, self.now, active=-1)
            self.wake(agent_id)
            self.watch(agent_id)
        return holding

    def requeue(self, conversation_id: str, why: Literal["absent", "removed"]) -> None:
        holding = self.let_go(conversation_id)
        assert holding is not None
        self.effects.append(Requeue(conversation_id, holding.agent_id, why))
        self.wait(holding.waiting)

    def watch(self, agent_id: str) -> None:
        """When the agent, being offline, will lose a conversation that it has not answered."""
        self.alarms.set(("grace", agent_id), min((at for _, at in self.absences(agent_id)), default=None))

    def absences(self, agent_id: str) -> Iterator[tuple[str, int]]:
        agent = self.agents.get(agent_id)
        if agent is None or agent.status != "offline":
            return
        for conversation_id in self.held_by.get(agent_id, ()):
            since = self.held[conversation_id].unanswered_since
            if since is not None:
                yield conversation_id, max(since, agent.status_since) + self.policy.presence_grace
