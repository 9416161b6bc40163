"""The desk of one account: told what happens, it says who gets what. No clock, no randomness: the same events, the same effects.

It holds to this, after every event:
- a conversation is held by one agent, on offer to one agent, or waits; never two of these;
- nobody is given more than its maximum, counting offers without an answer;
- no ready agent is left idle while a conversation waits that fits it.

The last is kept without looking at everything: it held before, so only what has changed can break it. What could give an agent
something to do is noted as a set of agents, and these get the first in the queue that fits, until there is none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from .agents import Agents
from .board import Board, Offered
from .eligibility import may_assign
from .explain import Explain, decide, explain
from .facts import Policy, Waiting, order
from .messages import (
    Accepted,
    AgentChanged,
    AgentRemoved,
    Answered,
    Arrived,
    Assign,
    Declined,
    Effect,
    Event,
    Found,
    Gone,
    Holding,
    PolicyChanged,
    PresenceChanged,
    Refused,
    Released,
    Requeue,
    Snapshot,
    TakenByHand,
    TimePassed,
)
from .queue import Queue


class Desk:
    def __init__(self, policy: Policy) -> None:
        self.floor = Board(policy)

    @classmethod
    def restored(cls, truth: Snapshot, now: int) -> tuple[Desk, list[Effect]]:
        """A desk as the stored state says, and what it does at once."""
        desk = cls(truth.policy)
        floor = desk.floor
        floor.now = now
        for agent in truth.agents:
            floor.agents.restore(agent, now)
            floor.alarms.set(("hours", agent.id), floor.agents.turn(agent.id, now))
        for holding in truth.held:
            if holding.agent_id in floor.agents:
                floor.hold(holding)
            else:
                floor.effects.append(Requeue(holding.waiting.id, holding.agent_id, "removed"))
                floor.wait(holding.waiting)
        for standing in truth.offered:
            floor.stand(standing.waiting, standing.agent_id, standing.deadline)
        for agent in truth.agents:
            floor.agents.settle(agent)
        for waiting in truth.waiting:
            floor.wait(waiting)
        return desk, floor.finish()

    def handle(self, event: Event, at: int) -> list[Effect]:
        """Take in an event. Time does not go back: an earlier `at` counts as the last one."""
        self.floor.now = max(self.floor.now, at)
        self._pass_time()
        HANDLERS[type(event)](self, event)
        return self.floor.finish()

    # -- asking

    @property
    def agents(self) -> Agents:
        return self.floor.agents

    @property
    def queue(self) -> Queue:
        """All that wait for an agent, those on offer among them."""
        return self.floor.queue

    @property
    def held(self) -> dict[str, Holding]:
        return self.floor.held

    @property
    def offers(self) -> dict[str, Offered]:
        return self.floor.offers

    def truth(self) -> Snapshot:
        """What another desk is made from to go on like this one, but for offers."""
        floor = self.floor
        return Snapshot(floor.policy, tuple(floor.agents), tuple(floor.held.values()), tuple(floor.queue))

    def why_waiting(self, conversation_id: str, now: int) -> Explain | None:
        """Every agent, and why it cannot have this conversation; None: it does not wait."""
        w = self.queue.get(conversation_id)
        if w is None:
            return None
        return explain(self.agents, w, self.floor.policy.need(w, now), None, now)

    def estimated_wait(self, position: int, now: int) -> int | None:
        """Of whoever is at `position`, in ms; None while it cannot be said."""
        return self.floor.rate.estimate(position, now)

    # -- conversations

    def _arrived(self, event: Arrived) -> None:
        floor = self.floor
        w = event.waiting
        known = self._forget(w.id)
        if known is not None:
            w = replace(w, declined_by=w.declined_by | known.declined_by)
        offered = floor.offers.get(w.id)
        if offered is not None:
            slot = floor.agents.slot(offered.agent_id)
            fits = floor.agents.fits(floor.policy.need(w, floor.now)) & ~floor.agents.mask(w.declined_by)
            if slot is not None and fits >> slot & 1 and w.strategy != "manual_queue":
                floor.queue.put(w, order(w, floor.policy))
                floor.regroup(w)
                return
            floor.end_offer(w.id, "changed")
        if not floor.woken:  # nothing older can want what it gets: see above
            need = floor.policy.need(w, floor.now)
            slot = decide(floor.agents, w, need, floor.now)
            if slot is not None:
                floor.give(w, need, slot)
                return
        floor.wait(w)

    def _forget(self, conversation_id: str) -> Waiting | None:
        """What was known of it; whoever held it is free of it."""
        floor = self.floor
        holding = floor.let_go(conversation_id)
        if holding is not None:
            return holding.waiting
        return floor.queue.get(conversation_id)

    def _released(self, event: Released) -> None:
        floor = self.floor
        holding = floor.let_go(event.conversation_id)
        if holding is None:
            floor.effects.append(Refused(event.conversation_id, None, "not_held"))
            return
        w = holding.waiting
        floor.wait(replace(w, declined_by=w.declined_by | {holding.agent_id}))

    def _gone(self, event: Gone) -> None:
        floor = self.floor
        conversation_id = event.conversation_id
        floor.let_go(conversation_id)
        if conversation_id in floor.offers:
            floor.end_offer(conversation_id, "gone")
        floor.leave(conversation_id)

    def _accepted(self, event: Accepted) -> None:
        floor = self.floor
        offered = floor.offers.get(event.conversation_id)
        if offered is None or offered.agent_id != event.agent_id:
            holder = floor.holder(event.conversation_id)
            floor.effects.append(Refused(event.conversation_id, event.agent_id, "no_offer", holder))
            return
        w = floor.queue[event.conversation_id]
        floor.close_offer(event.conversation_id)
        floor.assign(w, event.agent_id, Assign(w.id, event.agent_id, "offer"))

    def _declined(self, event: Declined) -> None:
        floor = self.floor
        offered = floor.offers.get(event.conversation_id)
        if offered is None or offered.agent_id != event.agent_id:
            floor.effects.append(Refused(event.conversation_id, event.agent_id, "no_offer"))
            return
        floor.turned_down(event.conversation_id, "declined")

    def _taken_by_hand(self, event: TakenByHand) -> None:
        floor = self.floor
        w, agent_id = event.waiting, event.agent_id
        holder = floor.holder(w.id)
        agent = floor.agents.get(agent_id)
        if holder == agent_id or (holder is not None and event.by == "claim"):
            floor.effects.append(Refused(w.id, agent_id, "held", holder))
            return
        if agent is None:
            floor.effects.append(Refused(w.id, agent_id, "unknown_agent"))
            return
        if (reason := may_assign(agent)) is not None:
            floor.effects.append(Refused(w.id, agent_id, reason, holder))
            return
        known = self._forget(w.id)
        if known is not None:
            w = replace(w, declined_by=w.declined_by | known.declined_by)
        if w.id in floor.offers:
            if floor.offers[w.id].agent_id == agent_id:
                floor.close_offer(w.id)
            else:
                floor.end_offer(w.id, "taken")
        floor.assign(w, agent_id, Assign(w.id, agent_id, event.by, holder))
        floor.trim(agent_id)

    def _found(self, event: Found) -> None:
        floor = self.floor
        w, agent_id = event.waiting, event.agent_id
        if agent_id not in floor.agents:
            floor.effects.append(Refused(w.id, agent_id, "unknown_agent"))
            return
        self._forget(w.id)
        if w.id in floor.offers:
            floor.end_offer(w.id, "taken")
        floor.leave(w.id)
        floor.hold(Holding(w, agent_id))
        floor.trim(agent_id)

    def _answered(self, event: Answered) -> None:
        floor = self.floor
        holding = floor.held.get(event.conversation_id)
        if holding is None:
            return
        if event.answered:
            since = None
        else:
            since = floor.now if holding.unanswered_since is None else holding.unanswered_since
        floor.held[event.conversation_id] = replace(holding, unanswered_since=since)
        floor.watch(holding.agent_id)

    # -- agents

    def _agent_changed(self, event: AgentChanged) -> None:
        floor = self.floor
        agent_id = event.agent_id
        new_words = floor.agents.prefer(agent_id, event.preferences, floor.now)
        floor.alarms.set(("hours", agent_id), floor.agents.turn(agent_id, floor.now))
        floor.queue.refit()
        if new_words:  # needs are told apart by them now
            for w in [w for w in floor.queue if w.language in new_words or w.topics & new_words]:
                floor.regroup(w)
        if not event.preferences.available:
            floor.withdraw_all(agent_id, "unavailable")
        floor.trim(agent_id)
        floor.wake(agent_id)

    def _agent_removed(self, event: AgentRemoved) -> None:
        floor = self.floor
        agent_id = event.agent_id
        if agent_id not in floor.agents:
            return
        floor.withdraw_all(agent_id, "removed")
        for conversation_id in list(floor.held_by.get(agent_id, ())):
            floor.requeue(conversation_id, "removed")
        floor.alarms.set(("hours", agent_id), None)
        floor.alarms.set(("grace", agent_id), None)
        floor.agents.remove(agent_id)
        floor.queue.refit()

    def _presence_changed(self, event: PresenceChanged) -> None:
        floor = self.floor
        agent = floor.agents.get(event.agent_id)
        if agent is None or agent.status == event.status:
            return
        floor.agents.appear(event.agent_id, event.status, floor.now)
        if event.status != "online":
            floor.withdraw_all(event.agent_id, event.status)
        floor.watch(event.agent_id)
        floor.wake(event.agent_id)

    def _policy_changed(self, event: PolicyChanged) -> None:
        floor = self.floor
        renewed = {w.id: w for w in event.waiting if w.id in floor.queue}
        ids = list(renewed) if event.policy == floor.policy else [w.id for w in floor.queue]
        floor.policy = event.policy
        for conversation_id in ids:
            known = w = floor.queue[conversation_id]
            if conversation_id in renewed:
                new = renewed[conversation_id]
                w = replace(new, declined_by=new.declined_by | known.declined_by)
            floor.queue.put(w, order(w, floor.policy))
            if w.strategy == "manual_queue" and w.id in floor.offers:
                floor.end_offer(w.id, "changed")
            else:
                floor.regroup(w)
        for agent in floor.agents:
            floor.watch(agent.id)

    # -- time

    def _pass_time(self) -> None:
        floor = self.floor
        while (due := floor.alarms.pop(floor.now)) is not None:
            what, name = due
            if what == "offer":
                floor.turned_down(name, "lapsed")
            elif what == "hours":
                floor.alarms.set(due, floor.agents.turn(name, floor.now))
                floor.wake(name)
            elif what == "step":
                floor.regroup(floor.queue[name])
            else:
                for conversation_id, at in list(floor.absences(name)):
                    if at <= floor.now:
                        floor.requeue(conversation_id, "absent")
                floor.watch(name)
        floor.settle()


HANDLERS: dict[type, Callable[[Desk, Any], None]] = {
    Arrived: Desk._arrived,
    Released: Desk._released,
    Gone: Desk._gone,
    Accepted: Desk._accepted,
    Declined: Desk._declined,
    TakenByHand: Desk._taken_by_hand,
    Found: Desk._found,
    Answered: Desk._answered,
    AgentChanged: Desk._agent_changed,
    AgentRemoved: Desk._agent_removed,
    PresenceChanged: Desk._presence_changed,
    PolicyChanged: Desk._policy_changed,
    TimePassed: lambda desk, event: None,
}
