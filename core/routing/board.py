"""The board of one account: which agent holds each conversation, which conversations are on offer, and which wait.

`desk.py` maps events to the moves made here. A move keeps everything that depends on it consistent: holders, agents' loads, the
queue, alarms, effects. It also notes in `woken` the agents that may now take something, and `assign_waiting` acts on that.
"""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from ..conversation.explain_record import Explain, Need
from .agents import Agents
from .alarms import Alarms
from .explain import explain
from .facts import Agent, Policy, Waiting, order
from .messages import Assign, Effect, Holding, Offer, Queued, QueueMoved, WakeAt, Why, Withdraw
from .queue import Queue
from .rates import ServiceRate
from .rules import OWN, Observer, Rules


class Offered(msgspec.Struct, frozen=True, gc=False):
    """The agent to whom a conversation is offered, and until when."""

    agent_id: str
    deadline: int


class Board:
    """`now` is the time of the current event. `woken`: agents (as bits) that may be able to take a conversation. `observer`: follows the
    decisions, and has no part in them."""

    def __init__(self, policy: Policy, rules: Rules = OWN) -> None:
        self.policy = policy
        self.rules = rules
        self.observer: Observer | None = None
        self.agents = Agents()
        self.queue = Queue(self._fits, rules.class_of)
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
        """End an event: assign what can be assigned, and return all effects."""
        self.assign_waiting()
        for conversation_id in self._new:
            self._announce_queued(conversation_id)
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

    def _announce_queued(self, conversation_id: str) -> None:
        position = self.queue.position(conversation_id)
        if position is not None and conversation_id not in self.offers:
            estimate = self.rate.estimate(position, self.now)
            self.effects.append(Queued(conversation_id, position, estimate))

    # -- the queue

    def _fits(self, need: Need, declined_by: frozenset[str]) -> int:
        return self.agents.fits(need) & ~self.agents.mask(declined_by)

    def enqueue(self, w: Waiting) -> None:
        """Add a conversation to the queue; `assign_waiting` finds it there."""
        self.queue.put(w, order(w, self.policy))
        self._new[w.id] = None
        self.regroup(w)

    def regroup(self, w: Waiting) -> None:
        """Recompute what a queued conversation needs, and wake every ready agent that fits."""
        self.alarms.set(("step", w.id), self.policy.next_step(w, self.now))
        if w.id in self.offers or w.strategy == "manual_queue":
            self.queue.park(w.id)
        else:
            need = self.agents.narrowed(self.policy.need(w, self.now))
            self.woken |= self.queue.unpark(w.id, need) & self.agents.ready

    def dequeue(self, conversation_id: str) -> bool:
        """Remove a conversation from the queue. Whether it was queued."""
        self.alarms.set(("step", conversation_id), None)
        return self.queue.remove(conversation_id)

    def wake(self, agent_id: str) -> None:
        slot = self.agents.slot(agent_id)
        if slot is not None:
            self.woken |= 1 << slot

    def assign_waiting(self) -> None:
        """Give woken agents the conversations in the queue that the rules choose for them, until none is left."""
        while woken := self.woken & self.agents.ready:
            choice = self.rules.next(self.agents, self.queue, self.policy, woken, self.now)
            if choice is None:
                break
            self.assign_or_offer(*choice)
        self.woken = 0

    def assign_or_offer(self, w: Waiting, need: Need, slot: int) -> None:
        """Assign it if the agent accepts automatically, else offer it."""
        if self.observer is not None:
            self.observer.decided(self.agents, w, need, slot, self.now)
        agent = self.agents.at(slot)
        record = explain(self.agents, w, need, slot, self.now)
        if agent.preferences.auto_accept:
            self.assign(w, agent.id, Assign(w.id, agent.id, "routing", None, record))
        else:
            self.offer(w, agent, record)

    # -- offers

    def offer(self, w: Waiting, agent: Agent, record: Explain) -> None:
        deadline = self.now + self.policy.offer_timeout
        self.open_offer(w, agent.id, deadline)
        self.effects.append(Offer(w.id, agent.id, deadline, record))

    def open_offer(self, w: Waiting, agent_id: str, deadline: int) -> None:
        """Record an offer, whether it is made now or was found in storage."""
        self.offers[w.id] = Offered(agent_id, deadline)
        self.offered_to.setdefault(agent_id, {})[w.id] = None
        self.agents.add_load(agent_id, self.now, offered=1, got=True)
        self.alarms.set(("offer", w.id), deadline)
        self.queue.put(w, order(w, self.policy))
        self.regroup(w)

    def withdraw_offer(self, conversation_id: str, why: Why) -> None:
        """End an offer; the conversation becomes available to other agents."""
        agent_id = self.offers[conversation_id].agent_id
        self.close_offer(conversation_id)
        self.effects.append(Withdraw(conversation_id, agent_id, why))
        if conversation_id in self.queue:
            self.regroup(self.queue[conversation_id])
            self._new[conversation_id] = None

    def close_offer(self, conversation_id: str) -> None:
        """Forget an offer without an effect: its end is already known, or told by the caller."""
        offered = self.offers.pop(conversation_id)
        del self.offered_to[offered.agent_id][conversation_id]
        self.alarms.set(("offer", conversation_id), None)
        self.agents.add_load(offered.agent_id, self.now, offered=-1)
        self.wake(offered.agent_id)

    def reject_offer(self, conversation_id: str, why: Why) -> None:
        """End an offer that its agent declined or let lapse; the agent is not chosen for the conversation again."""
        agent_id = self.offers[conversation_id].agent_id
        self.withdraw_offer(conversation_id, why)
        w = self.queue[conversation_id]
        self.enqueue(replace(w, declined_by=w.declined_by | {agent_id}))

    def withdraw_offers(self, agent_id: str, why: Why) -> None:
        """End all offers to an agent."""
        for conversation_id in list(self.offered_to.get(agent_id, ())):
            self.withdraw_offer(conversation_id, why)

    def withdraw_excess_offers(self, agent_id: str) -> None:
        """Withdraw offers, the newest first, that exceed the agent's capacity."""
        while (
            (agent := self.agents.get(agent_id)) and agent.offered and agent.load > agent.preferences.maximum
        ):
            self.withdraw_offer(next(reversed(self.offered_to[agent_id])), "full")

    # -- holders

    def holder(self, conversation_id: str) -> str | None:
        holding = self.held.get(conversation_id)
        return None if holding is None else holding.agent_id

    def assign(self, w: Waiting, agent_id: str, effect: Assign) -> None:
        if self.dequeue(w.id):
            self.rate.served(self.now)
        self.hold(Holding(w, agent_id))
        self.effects.append(effect)

    def hold(self, holding: Holding) -> None:
        """Record who holds a conversation."""
        agent_id, conversation_id = holding.agent_id, holding.waiting.id
        self.held[conversation_id] = holding
        self.held_by.setdefault(agent_id, {})[conversation_id] = None
        self.agents.add_load(agent_id, self.now, active=1, got=True)
        if self.observer is not None:
            self.observer.held(conversation_id, agent_id, self.now)

    def release(self, conversation_id: str) -> Holding | None:
        """Take a conversation from its agent, if it has one."""
        holding = self.held.pop(conversation_id, None)
        if holding is not None:
            del self.held_by[holding.agent_id][conversation_id]
            self.agents.add_load(holding.agent_id, self.now, active=-1)
            self.wake(holding.agent_id)
            if self.observer is not None:
                self.observer.released(conversation_id, self.now)
        return holding
