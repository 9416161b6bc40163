"""One account in its supervisor: its live conversations as stored, the desk that routes them, and the agents' presence.

Owns the agreement of the three. A decision of the desk becomes a command to the conversation; a change of a conversation
reaches the desk once no command to it is in flight. The desk alone decides who gets what.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import structlog
from msgspec.structs import replace

from ....core.conversation.commands import Done, EndOffer
from ....core.conversation.entries import Entry, Opened, StatusChanged
from ....core.conversation.projection import apply
from ....core.conversation.state import Conversation, LastHeld, State
from ....core.conversation.status import HELD, LIVE
from ....core.routing import messages
from ....core.routing.desk import Desk
from ....core.routing.facts import Agent, Preferences, Waiting
from ....core.routing.policy import policy_of, waiting_of
from ....core.routing.supervision_messages import AccountFacts, Presence
from .command_sender import InFlightCommand
from .conversation_cache import ConversationCache
from .decisions import Decisions
from .desk_tools import DeskTools
from .presence import PresenceTable
from .queue_updates import QueueUpdates

log = structlog.get_logger(__name__)

NEVER_NOTIFIED = ("", -1, -1, None)
"""Differs from every real state of an agent."""


class AccountDesk:
    """Keeps one account's desk, conversations and presence in agreement. `facts` are the current ones."""

    def __init__(
        self,
        account_id: str,
        facts: AccountFacts,
        live: Iterable[Conversation],
        last_assigned: dict[str, int],
        presences: Sequence[Presence],
        tools: DeskTools,
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
        self.notified: dict[str, tuple[str, int, int, str | None]] = {
            p.user_id: NEVER_NOTIFIED for p in presences
        }
        self.presence_changed = True
        self.decisions = Decisions(account_id, tools, self.cache, self.queue_updates)
        self._last_assigned = last_assigned
        self._tools = tools
        self.desk = self._restore()
        self._follow()

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
                self.decisions.note_offer(c.id, offer.id)
            elif c.waits:
                waiting.append(self.waiting(c))
        snapshot = messages.Snapshot(
            policy_of(self.facts.settings),
            tuple(self._agent(i, p) for i, p in agents.items()),
            tuple(held),
            tuple(waiting),
            tuple(offered),
        )
        desk, effects = Desk.restored(snapshot, now)
        self._tools.journal.begin(self.id, self.fence, snapshot, desk, now)
        self.decisions.carry_out(effects)
        return desk

    def _follow(self) -> None:
        """Have the account's shadow policy follow the desk from now on."""
        rule = self.facts.settings.routing.shadow_policy
        observer = self._tools.shadows.observer(self.id, self.fence, rule, self._tools.now())
        self.desk.board.observer = observer

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
        self.decisions.carry_out(effects, request)
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
        for a in [a for a in self.desk.agents if a.id not in self.names and not a.preferences.removed]:
            # who was never among the facts may be about to be, unless nothing is known of them any more
            if a.id in before or (a.status == "offline" and not a.load):
                self.handle(
                    messages.AgentChanged(a.id, replace(a.preferences, available=False, removed=True))
                )
        if facts.settings != settings:
            self._follow()
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
            if self._is_agent(agent_id):
                return
            preferences = Preferences()
        is_new = agent_id not in self.desk.agents
        self.handle(messages.AgentChanged(agent_id, preferences))
        if is_new and (status := self.presence.status(agent_id)) != "offline":
            self.handle(messages.PresenceChanged(agent_id, status))

    def _is_agent(self, agent_id: str) -> bool:
        known = self.desk.agents.get(agent_id)
        return known is not None and not known.preferences.removed

    def on_presence(self, presences: Iterable[Presence]) -> None:
        self._on_presence_changed(self.presence.update(presences, self._tools.now()))

    def expire_presence(self) -> None:
        self._on_presence_changed(self.presence.expire(self._tools.now()))

    def _on_presence_changed(self, changed: dict[str, Any]) -> None:
        for user_id, status in changed.items():
            if status != "offline" or user_id not in self.desk.agents:
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
        if stored is not None and (believed is None or self.decisions.offer_id(c.id) != stored.id):
            # an offer that this desk does not track; it is looked at again afterwards
            self.decisions.send(c.id, EndOffer(stored.id, "withdrawn"))
            return
        if stored is None and believed is not None:
            self.handle(messages.Gone(c.id))
        w = self.waiting(c)
        if c.id in self.desk.held or c.id not in self.desk.queue or self.desk.queue[c.id] != w:
            self.handle(messages.Arrived(w))

    # -- hints

    def notify_again(self) -> None:
        """Send all presence and queue hints again: they may have been lost."""
        self.notified = {a.id: NEVER_NOTIFIED for a in self.desk.agents}
        self.presence_changed = True
        self.queue_updates.notify_again()

    def on_accepted(self, done: Done) -> None:
        """A command was accepted: apply the conversation's new state."""
        if done.conversation is not None:
            self.cache.put(done.conversation)
