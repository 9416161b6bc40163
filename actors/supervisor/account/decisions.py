"""Carries out a desk's decisions: each effect becomes a command to its conversation, an alarm, or a hint to send.

Owns the ids and the records of open offers. A command is sent once the journal holds everything that led to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from msgspec.structs import replace

from ....core.conversation.commands import Assign, By, Command, EndOffer, Envelope, NotifyLeads, Offer
from ....core.conversation.entries import OfferOutcome, Priority
from ....core.conversation.explain_record import Explain
from ....core.routing import messages
from .command_sender import InFlightCommand
from .conversation_cache import ConversationCache
from .desk_tools import DeskTools
from .queue_updates import QueueUpdates

SYSTEM = By("system", None, "service")
ENDED_BY_CONVERSATION: frozenset[str] = frozenset({"gone", "taken"})
"""Reasons for which an offer ends without a command to the conversation."""
OUTCOMES: dict[str, OfferOutcome] = {"lapsed": "timeout"}
NOTIFY_LEADS_OF: frozenset[Priority] = frozenset({"high", "urgent"})
"""Priorities for which leads are notified when nobody can take a conversation."""


class Decisions:
    """`next_alarm`: when the desk is to be woken, in ms."""

    def __init__(
        self, account_id: str, tools: DeskTools, cache: ConversationCache, queue_updates: QueueUpdates
    ) -> None:
        self.next_alarm: int | None = None
        self._account_id = account_id
        self._tools = tools
        self._cache = cache
        self._queue_updates = queue_updates
        self._request: InFlightCommand | None = None
        self._offer_ids: dict[str, str] = {}
        self._explains: dict[str, Explain | None] = {}

    def carry_out(self, effects: Iterable[messages.Effect], request: InFlightCommand | None = None) -> None:
        """Carry out the effects of one event, in order. `request` is the command of the person whose event it was."""
        self._request = request
        for effect in effects:
            handler = _HANDLERS.get(type(effect))
            if handler is not None:
                handler(self, effect)
        self._request = None

    def send(self, conversation_id: str, command: Command, explain: Explain | None = None) -> InFlightCommand:
        """Send a command of the supervisor's own."""
        envelope = Envelope(
            self._tools.new_id(), self._account_id, SYSTEM, command, conversation_id, fence=self._tools.fence
        )
        in_flight = InFlightCommand(envelope)
        self._add(in_flight, explain)
        return in_flight

    # -- offers

    def note_offer(self, conversation_id: str, offer_id: str) -> None:
        """An open offer was found in storage."""
        self._offer_ids[conversation_id] = offer_id

    def offer_id(self, conversation_id: str) -> str | None:
        """The id of the open offer of a conversation, as far as the desk knows."""
        return self._offer_ids.get(conversation_id)

    def open_offer(self, conversation_id: str, agent_id: str) -> tuple[str, Explain | None] | None:
        """The id and explain record of the open offer of a conversation to an agent, or None."""
        c = self._cache.live.get(conversation_id)
        if c is None or c.routing.offer is None or c.routing.offer.agent_id != agent_id:
            return None
        return c.routing.offer.id, self._explains.get(conversation_id)

    # -- effects

    def _assign(self, effect: messages.Assign) -> None:
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

    def _queued(self, effect: messages.Queued) -> None:
        self._queue_updates.joined(effect.conversation_id)
        c = self._cache.live.get(effect.conversation_id)
        if c is not None and c.priority in NOTIFY_LEADS_OF and not c.routing.leads_notified:
            self.send(c.id, NotifyLeads())

    def _moved(self, effect: messages.QueueMoved) -> None:
        self._queue_updates.moved(effect.position)

    def _wake(self, effect: messages.WakeAt) -> None:
        self.next_alarm = effect.at
        self._tools.wake(self._account_id, effect.at)

    # -- sending

    def _send_request(self, conversation_id: str) -> None:
        """Send the person's own command, in order with the desk's other commands to that conversation."""
        assert self._request is not None and self._request.envelope.conversation_id == conversation_id
        self._offer_ids.pop(conversation_id, None)
        self._explains.pop(conversation_id, None)
        self._add(self._request)

    def _add(self, in_flight: InFlightCommand, explain: Explain | None = None) -> None:
        """Have a command sent, once everything that led to it is stored."""
        journal = self._tools.journal
        mark = journal.mark(self._account_id)

        async def prepare() -> None:
            await journal.stored(mark)
            if explain is not None:
                await self._tools.keep_roster(self._account_id, explain.roster, explain.agents)

        in_flight.prepare = prepare
        self._tools.sender.add(in_flight)


_HANDLERS: dict[type, Callable[[Decisions, Any], None]] = {
    messages.Assign: Decisions._assign,
    messages.Offer: Decisions._offer,
    messages.Withdraw: Decisions._withdraw,
    messages.Queued: Decisions._queued,
    messages.QueueMoved: Decisions._moved,
    messages.WakeAt: Decisions._wake,
}


def _record(explain: Explain | None) -> Explain | None:
    """The record as stored. Its roster is stored separately, by digest."""
    return None if explain is None else replace(explain, agents=())
