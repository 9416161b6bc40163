"""One account in its supervisor: its live conversations as stored, the desk that routes them, and the agents' presence.

Owns the agreement of the three. A decision of the desk becomes a command to the conversation; a change of a conversation
reaches the desk once no command to it is in flight. The desk alone decides who gets what.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec
import structlog
from msgspec.structs import replace

from ...core.conversation.commands import (
    Assign,
    By,
    Command,
    Done,
    EndOffer,
    Envelope,
    NotifyLeads,
    Offer,
)
from ...core.conversation.entries import Entry, OfferOutcome, Opened, Priority, StatusChanged
from ...core.conversation.state import Conversation, LastHeld, State, apply
from ...core.conversation.status import HELD, LIVE
from ...core.routing import messages
from ...core.routing.desk import Desk
from ...core.routing.explain import Explain
from ...core.routing.facts import Agent, Preferences, Waiting
from ...core.routing.policy import policy_of, waiting_of
from ...core.routing.supervision_messages import AccountFacts, Presence
from .command_sender import CommandSender, InFlightCommand
from .conversation_cache import ConversationCache
from .presence import PresenceTable
from .queue_updates import QueueUpdates
from .routing_journal import RoutingJournal

log = structlog.get_logger(__name__)

SYSTEM = By("system", None, "service")
ENDED_BY_CONVERSATION: frozenset[str] = frozenset({"gone", "taken"})
"""Reasons for which an offer ends without a command to the conversation."""
OUTCOMES: dict[str, OfferOutcome] = {"lapsed": "timeout"}
NOTIFY_LEADS_OF: frozenset[Priority] = frozenset({"high", "urgent"})
"""Priorities for which leads are notified when nobody can take a conversation."""
NEVER_NOTIFIED = ("", -1, -1)
"""Differs from every real state of an agent."""


class Tools(msgspec.Struct, frozen=True):
    """What a desk needs to carry out decisions. `wake(account, at)` schedules `TimePassed` at a time in ms.
    `look_up_last_held(account, conversation, contact)` calls `set_last_held` later."""

    fence: tuple[int, int]
    now: Callable[[], int]
    new_id: Callable[[], str]
    sender: CommandSender
    wake: Callable[[str, int | None], None]
    keep_roster: Callable[[str, str, tuple[str, ...]], Any]
    reload: Callable[[str, str], None]
    look_up_last_held: Callable[[str, str, str], None]
    journal: RoutingJournal


class AccountDesk:
    """Keeps one account's desk, conversations and presence in agreement. `facts` are the current ones."""

    def __init__(
        self,
        account_id: str,
        facts: AccountFacts,
        live: Iterable[Conversation],
        last_assigned: dict[str, int],
        presences: Sequence[Presence],
        tools: Tools,
        last_held: Mapping[str, LastHeld] = MappingProxyType({}),
    ) -> None:
        self.id = account_id
        self.facts = facts
        self.names: dict[str, str | None] = {}
        self.presence = PresenceTable()
        self.presence.update(presences, tools.now())
        self.cache = ConversationCache(live)
        for c in self.cache.needing_lookup(facts.settings):
            self.cache.set_last_held(c.id, c.contact_id, last_held.get(c.contact_id))
        self.queue_updates = QueueUpdates()
        # nobody knows what a predecessor sent about agents seen lately
        self.notified: dict[str, tuple[str, int, int]] = {p.user_id: NEVER_NOTIFIED for p in presences}
        self.presence_changed = True
        self.next_alarm: int | None = None
        self._request: InFlightCommand | None = None
        self._last_assigned = last_assigned
        self._tools = tools
        self._offer_ids: dict[str, str] = {}
        self._explains: dict[str, dict[str, Any] | None] = {}
        self.desk = self._restore()

    # -- state

    @property
    def conversations(self) -> dict[str, Conversation]:
        """The live conversations by id."""
        return self.cache.live

    @property
    def fence(self) -> tuple[int, int]:
        """The fence of every command sent from here."""
        return self._tools.fence

    def waiting(self, c: Conversation) -> Waiting:
        """A conversation as the queue sees it."""
        return waiting_of(c, self.facts.settings, self.cache.last_held(c.id))

    def _restore(self) -> Desk:
        """Build the desk from the stored state. Offers to people who are no longer agents are withdrawn."""
        now = self._tools.now()
        agents = {f.id: f.preferences for f in self.facts.agents}
        self.names = {f.id: f.name for f in self.facts.agents}
        held, waiting, offered = [], [], []
        for c in self.conversations.values():
            offer = c.routing.offer
            if c.status in HELD and c.assignee_id is not None:
                agents.setdefault(c.assignee_id, Preferences())
                held.append(messages.Holding(self.waiting(c), c.assignee_id))
            elif c.waits and offer is not None:
                agents.setdefault(offer.agent_id, Preferences())
                offered.append(messages.PendingOffer(self.waiting(c), offer.agent_id, offer.expires_at))
                self._offer_ids[c.id] = offer.id
            elif c.waits:
                waiting.append(self.waiting(c))
        snapshot = messages.Snapshot(
            policy_of(self.facts.settings),
            tuple(self._agent(i, p) for i, p in agents.items()),
            tuple(held),
            tuple(waiting),
            tuple(offered),
        )
        self.desk, effects = Desk.restored(snapshot, now)
        self._tools.journal.begin(self.id, self.fence, snapshot, self.desk, now)
        self._apply_effects(effects)
        return self.desk

    def _agent(self, agent_id: str, preferences: Preferences) -> Agent:
        last = self._last_assigned.get(agent_id, 0)
        return Agent(
            id=agent_id,
            preferences=preferences,
            status=self.presence.status(agent_id),
            idle_since=last,
            assigned_at=last,
        )

    # -- events

    def handle(self, event: messages.Event, request: InFlightCommand | None = None) -> list[messages.Effect]:
        """Pass an event to the desk and apply its effects. `request` is the person's own command: it is sent when the desk
        carries it out, in order with the desk's other commands to that conversation, and not at all if the desk refuses."""
        now = self._tools.now()
        effects = self.desk.handle(event, now)
        self._tools.journal.note(self.id, self.desk, event, now)
        self.presence_changed = True
        self._request = request
        self._apply_effects(effects)
        self._request = None
        return effects

    def update_facts(self, facts: AccountFacts) -> None:
        """Apply current preferences, teams and settings."""
        before = {f.id: f.preferences for f in self.facts.agents}
        settings = self.facts.settings
        self.facts = facts
        self.names = {f.id: f.name for f in facts.agents}
        for f in facts.agents:
            if before.get(f.id) != f.preferences or f.id not in self.desk.agents:
                self.ensure_agent(f.id, f.preferences)
        if facts.settings != settings:
            reaches = facts.settings.routing != settings.routing
            self.handle(
                messages.PolicyChanged(
                    policy_of(facts.settings), tuple(self._changed_waiting()) if reaches else ()
                )
            )
            for c in self.cache.needing_lookup(facts.settings):
                self._tools.look_up_last_held(self.id, c.id, c.contact_id)
        self.presence_changed = True

    def _changed_waiting(self) -> Iterator[Waiting]:
        """Waiting conversations whose requirements the new settings change."""
        for known in self.desk.queue:
            c = self.conversations.get(known.id)
            if c is not None and (w := self.waiting(c)) != known:
                yield w

    def set_last_held(self, conversation_id: str, contact_id: str, last: LastHeld | None) -> None:
        """Set who last held a conversation of this contact."""
        if self.cache.set_last_held(conversation_id, contact_id, last):
            self.sync(conversation_id)

    def ensure_agent(self, agent_id: str, preferences: Preferences | None = None) -> None:
        """Add an agent if missing; without `preferences`, with the default ones."""
        if preferences is None:
            if agent_id in self.desk.agents:
                return
            preferences = Preferences()
        is_new = agent_id not in self.desk.agents
        self.handle(messages.AgentChanged(agent_id, preferences))
        if is_new and (status := self.presence.status(agent_id)) != "offline":
            self.handle(messages.PresenceChanged(agent_id, status))

    def on_presence(self, presences: Iterable[Presence]) -> None:
        self._on_presence_changed(self.presence.update(presences, self._tools.now()))

    def expire_presence(self) -> None:
        self._on_presence_changed(self.presence.expire(self._tools.now()))

    def _on_presence_changed(self, changed: dict[str, Any]) -> None:
        for user_id, status in changed.items():
            self.ensure_agent(user_id)
            self.handle(messages.PresenceChanged(user_id, status))
            self.presence_changed = True

    def on_entries(self, entries: Iterable[Entry]) -> None:
        """Apply pushed entries, which are not messages. Repeated and older ones change nothing. The entries of one commit
        come together and the desk sees only their result: an opening without the team that a rule has set must not be acted
        on."""
        changed = [entry.conversation_id for entry in entries if self._apply(entry)]
        for conversation_id in dict.fromkeys(changed):
            self.sync(conversation_id)

    def _apply(self, entry: Entry) -> bool:
        c = self.conversations.get(entry.conversation_id)
        if c is None:
            if isinstance(entry.data, Opened):
                return self.cache.put(apply(None, entry).conversation)
            self.cache.note_seq(entry.conversation_id, entry.seq)
            if isinstance(entry.data, StatusChanged) and entry.data.to_status in LIVE:
                self._tools.reload(self.id, entry.conversation_id)
            return False
        return entry.seq > c.seq and self.cache.put(apply(State(c), entry).conversation)

    def put(self, c: Conversation) -> bool:
        """Apply a conversation's stored state; False if a newer one is known."""
        if not self.cache.put(c):
            return False
        self.sync(c.id)
        return True

    def forget(self, conversation_id: str) -> None:
        """The conversation no longer exists."""
        self.cache.drop(conversation_id)
        self.sync(conversation_id)

    def sync(self, conversation_id: str) -> None:
        """Make the desk see a conversation's stored state. Postponed while a command to it is in flight."""
        if self._tools.sender.busy(conversation_id):
            return
        c = self.conversations.get(conversation_id)
        known = conversation_id in self.desk.queue or conversation_id in self.desk.held
        if c is None or not (c.waits or c.status in HELD):  # closed, with a bot, or snoozed
            if known:
                self.handle(messages.Gone(conversation_id))
        elif c.waits:
            self._sync_waiting(c)
        elif c.assignee_id is not None and c.assignee_id != self.desk.board.holder(c.id):
            # Only the supervisor assigns; an assignment by anybody else still counts once our commands are
            # done.
            log.warning("assignment_found", account=self.id, conversation=c.id)
            self.ensure_agent(c.assignee_id)
            self.handle(messages.Found(self.waiting(c), c.assignee_id))

    def _sync_waiting(self, c: Conversation) -> None:
        if self.cache.needs_lookup(c, self.facts.settings):
            self._tools.look_up_last_held(self.id, c.id, c.contact_id)
            if c.id not in self.desk.queue and c.id not in self.desk.held:
                return  # it is offered to nobody before that is known
        stored, believed = c.routing.offer, self.desk.offers.get(c.id)
        if stored is not None and (believed is None or self._offer_ids.get(c.id) != stored.id):
            # an offer that this desk does not track; it is looked at again afterwards
            self.send(c.id, EndOffer(stored.id, "withdrawn"))
            return
        if stored is None and believed is not None:
            self.handle(messages.Gone(c.id))
        w = self.waiting(c)
        if c.id in self.desk.held or c.id not in self.desk.queue or self.desk.queue[c.id] != w:
            self.handle(messages.Arrived(w))

    # -- effects

    def send(
        self,
        conversation_id: str,
        command: Command,
        explain: Explain | None = None,
    ) -> InFlightCommand:
        """Send a command of the supervisor's own."""
        envelope = Envelope(
            self._tools.new_id(), self.id, SYSTEM, command, conversation_id, fence=self._tools.fence
        )
        in_flight = InFlightCommand(envelope)
        self._add(in_flight, explain)
        return in_flight

    def _add(self, in_flight: InFlightCommand, explain: Explain | None = None) -> None:
        """Have a command sent, once everything that led to it is stored."""
        journal = self._tools.journal
        mark = journal.mark(self.id)

        async def prepare() -> None:
            await journal.stored(mark)
            if explain is not None:
                await self._tools.keep_roster(self.id, explain.roster, explain.agents)

        in_flight.prepare = prepare
        self._tools.sender.add(in_flight)

    def _apply_effects(self, effects: list[messages.Effect]) -> None:
        for effect in effects:
            handler = _EFFECTS.get(type(effect))
            if handler is not None:
                handler(self, effect)

    def _assign(self, effect: messages.Assign) -> None:
        self.presence_changed = True
        if effect.by == "routing":
            record = _record(effect.explain)
            command = Assign(effect.agent_id, "routing", only_waiting=True, explain=record)
            self.send(effect.conversation_id, command, effect.explain)
        else:
            self._send_request(effect.conversation_id)

    def _offer(self, effect: messages.Offer) -> None:
        offer_id = self._offer_ids[effect.conversation_id] = self._tools.new_id()
        record = self._explains[effect.conversation_id] = _record(effect.explain)
        command = Offer(offer_id, effect.agent_id, effect.deadline, record)
        self.send(effect.conversation_id, command, effect.explain)

    def _withdraw(self, effect: messages.Withdraw) -> None:
        offer_id = self._offer_ids.pop(effect.conversation_id, None)
        self._explains.pop(effect.conversation_id, None)
        if effect.why == "declined":
            self._send_request(effect.conversation_id)
        elif offer_id is not None and effect.why not in ENDED_BY_CONVERSATION:
            self.send(effect.conversation_id, EndOffer(offer_id, OUTCOMES.get(effect.why, "withdrawn")))

    def _send_request(self, conversation_id: str) -> None:
        assert self._request is not None and self._request.envelope.conversation_id == conversation_id
        self._offer_ids.pop(conversation_id, None)
        self._explains.pop(conversation_id, None)
        self._add(self._request)

    def _queued(self, effect: messages.Queued) -> None:
        self.queue_updates.joined(effect.conversation_id)
        c = self.conversations.get(effect.conversation_id)
        if c is not None and c.priority in NOTIFY_LEADS_OF and not c.routing.leads_notified:
            self.send(c.id, NotifyLeads())

    def _moved(self, effect: messages.QueueMoved) -> None:
        self.queue_updates.moved(effect.position)

    def _wake(self, effect: messages.WakeAt) -> None:
        self.next_alarm = effect.at
        self._tools.wake(self.id, effect.at)

    def notify_again(self) -> None:
        """Send all presence and queue hints again: they may have been lost."""
        self.notified = {a.id: NEVER_NOTIFIED for a in self.desk.agents}
        self.presence_changed = True
        self.queue_updates.notify_again()

    def open_offer(self, conversation_id: str, agent_id: str) -> tuple[str, dict[str, Any] | None] | None:
        """The id and explain record of the open offer of a conversation to an agent, or None."""
        c = self.conversations.get(conversation_id)
        if c is None or c.routing.offer is None or c.routing.offer.agent_id != agent_id:
            return None
        return c.routing.offer.id, self._explains.get(conversation_id)

    def on_accepted(self, done: Done) -> None:
        """A command was accepted: apply the conversation's new state."""
        if done.conversation is not None:
            self.cache.put(done.conversation)


_EFFECTS: dict[type, Callable[[AccountDesk, Any], None]] = {
    messages.Assign: AccountDesk._assign,
    messages.Offer: AccountDesk._offer,
    messages.Withdraw: AccountDesk._withdraw,
    messages.Queued: AccountDesk._queued,
    messages.QueueMoved: AccountDesk._moved,
    messages.WakeAt: AccountDesk._wake,
}


def _record(explain: Explain | None) -> dict[str, Any] | None:
    """The record as stored. Its roster is stored separately, by digest."""
    return None if explain is None else msgspec.to_builtins(replace(explain, agents=()))
