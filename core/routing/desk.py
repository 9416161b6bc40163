"""The desk routes the conversations of one account: events in, effects out. No clock and no randomness; equal events give equal effects.

After every event:
- a conversation is held by one agent, offered to one agent, or waiting; never two of these;
- automatic routing gives no agent more than its maximum, open offers included;
- no ready agent is idle while a conversation waits that it could take.

The third holds without checking everything: it held before, so only what has changed can break it. Each event notes the agents
that may now have something to do, and these get the first conversations in the queue that fit, until none is left.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from .agents import Agents
from .board import Board, Offered
from .facts import Policy, Waiting, order
from .messages import (
    Accepted,
    AgentChanged,
    Arrived,
    Assign,
    Declined,
    Effect,
    Event,
    Found,
    Gone,
    Holding,
    PendingOffer,
    PolicyChanged,
    PresenceChanged,
    RequestRefused,
    Snapshot,
    TakenByHand,
    TimePassed,
)
from .queue import Queue
from .rules import OWN, Rules


class Desk:
    def __init__(self, policy: Policy, rules: Rules = OWN) -> None:
        self.board = Board(policy, rules)

    @classmethod
    def restored(cls, snapshot: Snapshot, now: int, rules: Rules = OWN) -> tuple[Desk, list[Effect]]:
        """A desk made from stored state, and its first effects."""
        desk = cls(snapshot.policy, rules)
        board = desk.board
        board.now = now
        for agent in snapshot.agents:
            board.agents.restore(agent, now)
            board.alarms.set(("hours", agent.id), board.agents.refresh_schedule(agent.id, now))
        for holding in snapshot.held:
            board.hold(holding)
        for offer in snapshot.offered:
            board.open_offer(offer.waiting, offer.agent_id, offer.deadline)
        for agent in snapshot.agents:
            board.agents.restore_times(agent)
        for waiting in snapshot.waiting:
            board.enqueue(waiting)
        return desk, board.finish()

    def snapshot(self) -> Snapshot:
        """The desk's state: a desk restored from it continues exactly like this one."""
        board = self.board
        offered = [
            PendingOffer(board.queue[i], agent_id, board.offers[i].deadline)
            for agent_id, ids in board.offered_to.items()
            for i in ids
        ]
        waiting = tuple(w for w in board.queue if w.id not in board.offers)
        return Snapshot(
            board.policy, tuple(board.agents), tuple(board.held.values()), waiting, tuple(offered)
        )

    def handle(self, event: Event, at: int) -> list[Effect]:
        """Handle an event. Time never goes back: an `at` before the last one counts as the last one."""
        self.board.now = max(self.board.now, at)
        self._pass_time()
        HANDLERS[type(event)](self, event)
        return self.board.finish()

    # -- queries

    @property
    def agents(self) -> Agents:
        return self.board.agents

    @property
    def queue(self) -> Queue:
        """All conversations that wait for an agent, including those on offer."""
        return self.board.queue

    @property
    def held(self) -> dict[str, Holding]:
        return self.board.held

    @property
    def offers(self) -> dict[str, Offered]:
        return self.board.offers

    def estimated_wait(self, position: int, now: int) -> int | None:
        """The wait in ms at a position of the queue; None while too few were served to tell."""
        return self.board.rate.estimate(position, now)

    # -- conversations

    def _arrived(self, event: Arrived) -> None:
        board = self.board
        w = event.waiting
        known = self._release(w.id)
        if known is not None:
            w = replace(w, declined_by=w.declined_by | known.declined_by)
        offered = board.offers.get(w.id)
        if offered is not None:
            slot = board.agents.slot(offered.agent_id)
            fits = board.agents.fits(board.policy.need(w, board.now)) & ~board.agents.mask(w.declined_by)
            if slot is not None and fits >> slot & 1 and w.strategy != "manual_queue":
                board.queue.put(w, order(w, board.policy))
                board.regroup(w)
                return
            board.withdraw_offer(w.id, "changed")
        if not board.woken:  # no older conversation can want the same agent: see the module docstring
            need = board.policy.need(w, board.now)
            slot = board.rules.agent(board.agents, w, need, board.now)
            if slot is not None:
                board.assign_or_offer(w, need, slot)
                return
        board.enqueue(w)

    def _release(self, conversation_id: str) -> Waiting | None:
        """Take a conversation from its holder. What was known of it."""
        board = self.board
        holding = board.release(conversation_id)
        if holding is not None:
            return holding.waiting
        return board.queue.get(conversation_id)

    def _gone(self, event: Gone) -> None:
        board = self.board
        conversation_id = event.conversation_id
        board.release(conversation_id)
        if conversation_id in board.offers:
            board.withdraw_offer(conversation_id, "gone")
        board.dequeue(conversation_id)

    def _accepted(self, event: Accepted) -> None:
        board = self.board
        offered = board.offers.get(event.conversation_id)
        if offered is None or offered.agent_id != event.agent_id:
            holder = board.holder(event.conversation_id)
            board.effects.append(RequestRefused(event.conversation_id, event.agent_id, "no_offer", holder))
            return
        w = board.queue[event.conversation_id]
        board.close_offer(event.conversation_id)
        board.assign(w, event.agent_id, Assign(w.id, event.agent_id, "offer"))

    def _declined(self, event: Declined) -> None:
        board = self.board
        offered = board.offers.get(event.conversation_id)
        if offered is None or offered.agent_id != event.agent_id:
            board.effects.append(RequestRefused(event.conversation_id, event.agent_id, "no_offer"))
            return
        board.reject_offer(event.conversation_id, "declined")

    def _taken_by_hand(self, event: TakenByHand) -> None:
        board = self.board
        w, agent_id = event.waiting, event.agent_id
        holder = board.holder(w.id)
        agent = board.agents.get(agent_id)
        if holder == agent_id or (holder is not None and event.by == "claim"):
            board.effects.append(RequestRefused(w.id, agent_id, "held", holder))
            return
        if agent is None:
            board.effects.append(RequestRefused(w.id, agent_id, "unknown_agent"))
            return
        if (reason := agent.not_assignable) is not None:
            board.effects.append(RequestRefused(w.id, agent_id, reason, holder))
            return
        known = self._release(w.id)
        if known is not None:
            w = replace(w, declined_by=w.declined_by | known.declined_by)
        if w.id in board.offers:
            if board.offers[w.id].agent_id == agent_id:
                board.close_offer(w.id)
            else:
                board.withdraw_offer(w.id, "taken")
        board.assign(w, agent_id, Assign(w.id, agent_id, event.by, holder))
        board.withdraw_excess_offers(agent_id)

    def _found(self, event: Found) -> None:
        board = self.board
        w, agent_id = event.waiting, event.agent_id
        if agent_id not in board.agents:
            board.effects.append(RequestRefused(w.id, agent_id, "unknown_agent"))
            return
        self._release(w.id)
        if w.id in board.offers:
            board.withdraw_offer(w.id, "taken")
        board.dequeue(w.id)
        board.hold(Holding(w, agent_id))
        board.withdraw_excess_offers(agent_id)

    # -- agents

    def _agent_changed(self, event: AgentChanged) -> None:
        board = self.board
        agent_id = event.agent_id
        new_values = board.agents.set_preferences(agent_id, event.preferences, board.now)
        board.alarms.set(("hours", agent_id), board.agents.refresh_schedule(agent_id, board.now))
        board.queue.refit()
        if new_values:  # needs are now distinguished by these values
            for w in [w for w in board.queue if w.language in new_values or w.topics & new_values]:
                board.regroup(w)
        if not event.preferences.available:
            board.withdraw_offers(agent_id, "unavailable")
        board.withdraw_excess_offers(agent_id)
        board.wake(agent_id)

    def _presence_changed(self, event: PresenceChanged) -> None:
        board = self.board
        agent = board.agents.get(event.agent_id)
        if agent is None or agent.status == event.status:
            return
        board.agents.set_presence(event.agent_id, event.status)
        if event.status != "online":
            board.withdraw_offers(event.agent_id, event.status)
        board.wake(event.agent_id)

    def _policy_changed(self, event: PolicyChanged) -> None:
        board = self.board
        renewed = {w.id: w for w in event.waiting if w.id in board.queue}
        ids = list(renewed) if event.policy == board.policy else [w.id for w in board.queue]
        board.policy = event.policy
        for conversation_id in ids:
            known = w = board.queue[conversation_id]
            if conversation_id in renewed:
                new = renewed[conversation_id]
                w = replace(new, declined_by=new.declined_by | known.declined_by)
            board.queue.put(w, order(w, board.policy))
            if w.strategy == "manual_queue" and w.id in board.offers:
                board.withdraw_offer(w.id, "changed")
            else:
                board.regroup(w)

    # -- time

    def _pass_time(self) -> None:
        board = self.board
        while (due := board.alarms.pop(board.now)) is not None:
            what, name = due
            if what == "offer":
                board.reject_offer(name, "lapsed")
            elif what == "hours":
                board.alarms.set(due, board.agents.refresh_schedule(name, board.now))
                board.wake(name)
            else:
                board.regroup(board.queue[name])
        board.assign_waiting()


HANDLERS: dict[type, Callable[[Desk, Any], None]] = {
    Arrived: Desk._arrived,
    Gone: Desk._gone,
    Accepted: Desk._accepted,
    Declined: Desk._declined,
    TakenByHand: Desk._taken_by_hand,
    Found: Desk._found,
    AgentChanged: Desk._agent_changed,
    PresenceChanged: Desk._presence_changed,
    PolicyChanged: Desk._policy_changed,
    TimePassed: lambda desk, event: None,
}
