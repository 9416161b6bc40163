"""The rules of `decide` for assigning, offering, releasing and handing off.

Which agent to choose, and whether an agent has room, is decided by routing: commands arrive here with its decision.
"""

from __future__ import annotations

from typing import Any

from ..conversation.commands import (
    Assign,
    By,
    EndOffer,
    Entrust,
    GiveBack,
    Handoff,
    NotifyLeads,
    Offer,
    Release,
)
from ..conversation.entries import (
    Assigned,
    ChangedFields,
    EntryData,
    Erased,
    HandoffRequested,
    LeadsNotified,
    Offered,
    OfferEnded,
    StatusChanged,
    Updated,
)
from ..conversation.explain_record import Explain
from ..conversation.state import Conversation
from ..conversation.status import HELD, Change, Status, next_status
from ..errors import Conflict, Forbidden
from . import form_filling
from .context import Turn

OVERSEERS = frozenset({"lead", "admin", "service"})
"""Roles that may take a conversation from the agent who holds it."""

Entries = tuple[EntryData, ...]


def status_change(c: Conversation, change: Change, reason: str | None = None) -> Entries:
    to = next_status(c.status, change)
    return () if to is c.status else (StatusChanged(c.status, to, reason),)


def assign(c: Conversation, by: By, command: Assign, turn: Turn) -> Entries:
    if command.agent_id is None:
        return release(c, by, Release(), turn) if c.status in HELD else ()
    if c.status in HELD and command.agent_id == c.assignee_id:
        return ()
    if command.only_waiting and not c.waits:
        raise Conflict("the conversation no longer waits for an agent", current=_state(c))
    change = status_change(c, Change.ASSIGNED)
    if c.status in HELD and by.id != c.assignee_id and by.role not in OVERSEERS:
        raise Conflict(f"the conversation is already assigned to {c.assignee_id}", current=_state(c))
    if c.status not in HELD and command.agent_id != by.id and by.role not in OVERSEERS:
        raise Forbidden("only leads, admins and services may assign to others")
    return (_assigned(c, command.agent_id, command.reason, turn, command.explain), *change)


def release(c: Conversation, by: By, command: Release, turn: Turn) -> Entries:
    change = status_change(c, Change.RELEASED)
    if command.only_from is not None and command.only_from != c.assignee_id:
        raise Conflict(f"the conversation is now assigned to {c.assignee_id}", current=_state(c))
    if by.id != c.assignee_id and by.role not in OVERSEERS:
        raise Conflict(
            f"only its assignee, {c.assignee_id}, or a lead may release it",
            current={"assignee_id": c.assignee_id},
        )
    return (_assigned(c, None, command.reason, turn), *change)


def hand_off(c: Conversation, by: By, command: Handoff, turn: Turn) -> Entries:
    change = status_change(c, Change.HANDED_OFF)
    request = HandoffRequested(command.reason)
    if c.status in HELD and by.id != c.assignee_id and by.role not in OVERSEERS:
        raise Conflict(f"only its assignee, {c.assignee_id}, or a lead may hand it off", current=_state(c))
    if command.agent_id is None:
        freed = (_assigned(c, None, "handoff", turn),) if c.status in HELD else ()
        return (request, *freed, *change)
    return (request, *assign(c, by, Assign(command.agent_id, "handoff"), turn))


def give_back(c: Conversation, by: By, _: GiveBack, turn: Turn) -> Entries:
    """The conversation loses its holder and waits for nobody."""
    change = status_change(c, Change.GIVEN_BACK)
    if by.role not in OVERSEERS and (c.status not in HELD or by.id != c.assignee_id):
        holder = f"its assignee, {c.assignee_id}, or " if c.status in HELD else ""
        raise Conflict(f"only {holder}a lead may give it back to the bot", current=_state(c))
    freed = (_assigned(c, None, "bot", turn),) if c.status in HELD else ()
    if form_filling.STATE not in c.bot_context:
        return (*freed, *change)
    # the customer no longer answers what the bot asked before humans took over
    return (Updated(ChangedFields(bot_context=form_filling.given_up(c.bot_context))), *freed, *change)


def entrust(c: Conversation, by: By, command: Entrust, turn: Turn) -> Entries:
    change = status_change(c, Change.HANDED_OFF)
    if by.role not in OVERSEERS:
        raise Forbidden("only leads, admins and services may give a conversation to a team")
    wanted = ChangedFields(team_id=command.team_id, strategy=command.strategy)
    freed = (_assigned(c, None, "team", turn),) if c.status in HELD else ()
    if not freed and not change and (c.team_id, c.routing.strategy) == (command.team_id, command.strategy):
        return ()
    return (*_withdrawn(c), Updated(wanted), *freed, *change)


def notify_leads(c: Conversation, by: By, command: NotifyLeads, turn: Turn) -> Entries:
    """At most once while it is open."""
    if by.role != "service":
        raise Forbidden("only routing may notify leads that nobody can take a conversation")
    told = c.status is not Status.OPEN or c.routing.leads_notified
    return () if told else (LeadsNotified(summary_of(c)),)


def offer(c: Conversation, by: By, command: Offer, turn: Turn) -> Entries:
    if by.role != "service":
        raise Forbidden("only routing may offer conversations")
    if not c.waits:
        raise Conflict("the conversation no longer waits for an agent", current=_state(c))
    if c.routing.offer is not None:
        raise Conflict("the conversation is already on offer", current=_state(c))
    return (Offered(command.offer_id, command.agent_id, command.expires_at, summary_of(c), command.explain),)


def end_offer(c: Conversation, by: By, command: EndOffer, turn: Turn) -> Entries:
    """An agent's answer, or the end that routing decided. An offer ends once."""
    current = c.routing.offer
    if current is None or current.id != command.offer_id:
        raise Conflict("the conversation has no such open offer", current=_state(c))
    if by.role != "service" and by.id != current.agent_id:
        raise Conflict("the offer was made to another agent", current=_state(c))
    ended = OfferEnded(current.id, current.agent_id, command.outcome)
    if command.outcome != "accepted":
        return (ended,)
    change = status_change(c, Change.ASSIGNED)
    return (ended, _assigned(c, current.agent_id, "offer", turn, command.explain), *change)


def with_offer_ended(c: Conversation, entries: Entries) -> Entries:
    """A command's entries, with the open offer ended if they take the conversation elsewhere."""
    if c.routing.offer is None or not any(map(_takes_away, entries)):
        return entries
    return entries if any(isinstance(e, OfferEnded) for e in entries) else (*_ended(c, entries), *entries)


def _takes_away(data: EntryData) -> bool:
    left = isinstance(data, StatusChanged) and data.to_status is not Status.OPEN
    snoozed = isinstance(data, Updated) and isinstance(data.changes.snoozed_until, int)
    return left or snoozed or isinstance(data, (Assigned, Erased))


def _ended(c: Conversation, entries: Entries) -> Entries:
    assert c.routing.offer is not None
    o = c.routing.offer
    taken = any(isinstance(e, Assigned) and e.agent_id == o.agent_id for e in entries)
    return (OfferEnded(o.id, o.agent_id, "accepted" if taken else "withdrawn"),)


def _withdrawn(c: Conversation) -> Entries:
    o = c.routing.offer
    return () if o is None else (OfferEnded(o.id, o.agent_id, "withdrawn"),)


def _assigned(
    c: Conversation, agent_id: str | None, by: str, turn: Turn, explain: Explain | None = None
) -> Assigned:
    previous = c.assignee_id if c.status in HELD else None
    return Assigned(turn.new_id(), agent_id, previous, by=by, summary=summary_of(c), explain=explain)


def summary_of(c: Conversation) -> dict[str, Any]:
    """The part of a conversation that notifications include."""
    return {
        "id": c.id,
        "channel_id": c.channel_id,
        "channel_type": c.channel_type,
        "contact_name": c.contact_name,
        "contact_identifier": c.contact_identifier,
        "priority": c.priority,
        "subject": c.subject,
        "labels": c.labels,
        "last_message_preview": c.last_message_preview,
    }


def _state(c: Conversation) -> dict[str, Any]:
    return {"status": c.status, "assignee_id": c.assignee_id}
