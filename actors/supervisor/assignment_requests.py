"""People's assignment requests: claims, transfers, takeovers, replies to offers, handing a conversation to a team.

`core.turn.decide` checks who may ask for what before anything is reserved, and the desk checks whether the agent can take
it. Then the person's own command goes to the conversation, under the supervisor's fence.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from msgspec.structs import replace

from ...core.conversation.commands import Done, EndOffer, Entrust, Envelope
from ...core.conversation.entries import Assigned
from ...core.conversation.state import Conversation, State
from ...core.conversation.status import HELD
from ...core.errors import Conflict, NotFound
from ...core.ports.supervision import SupervisionStore
from ...core.routing import messages
from ...core.routing.facts import Reason
from ...core.turn.context import Turn
from ...core.turn.decide import check_party, decide
from .account.account_desk import AccountDesk
from .account.command_sender import CommandSender, InFlightCommand

NO_OFFER = "you have no open offer of this conversation"


async def ask_desk(
    desk: AccountDesk,
    envelope: Envelope,
    sender: CommandSender,
    store: SupervisionStore,
) -> Done:
    """Carry out a person's request and return after its commit. Raises Conflict with the reason and the current state."""
    conversation_id = envelope.conversation_id
    assert conversation_id is not None
    envelope = replace(envelope, fence=desk.fence)
    c = await _settled_conversation(desk, conversation_id, sender, store)
    # No awaits from here until the command is queued, so the checked state cannot change.
    command = envelope.command
    if c is not None and isinstance(command, EndOffer):
        in_flight = _offer_answer(desk, envelope, command, c)
    elif c is not None and (event := _assignment(desk, envelope, c)) is not None:
        in_flight = InFlightCommand(envelope)
        _check(desk, desk.handle(event, in_flight), c, event.agent_id)
    else:  # it assigns nobody, or the conversation is closed: the conversation decides
        in_flight = InFlightCommand(envelope)
        sender.add(in_flight)
    done = await asyncio.shield(in_flight.outcome)
    if isinstance(command, Entrust):
        return await _routed(desk, done, sender, store)
    return done


async def _settled_conversation(
    desk: AccountDesk, conversation_id: str, sender: CommandSender, store: SupervisionStore
) -> Conversation | None:
    """The conversation, once no command to it is in flight; None: it is not live."""
    await sender.wait_idle(conversation_id)
    if conversation_id not in desk.conversations:
        # Perhaps too new to have been pushed.
        found = (await store.conversations([conversation_id])).get(conversation_id)
        if found is None or found.account_id != desk.id:
            raise NotFound("no such conversation")
        desk.put(found)
        await sender.wait_idle(conversation_id)
    return desk.conversations.get(conversation_id)


def _assignment(desk: AccountDesk, envelope: Envelope, c: Conversation) -> messages.TakenByHand | None:
    """The event for the desk, if the command leads to an assignment. Raises what the conversation would raise."""
    check_party(c, envelope.account_id, envelope.by)
    entries = decide(State(c), envelope.by, envelope.command, Turn(c.updated_at, lambda: c.id))
    agents = [e.agent_id for e in entries if isinstance(e, Assigned) and e.agent_id is not None]
    if not agents:
        return None
    desk.ensure_agent(agents[-1])
    return messages.TakenByHand(desk.waiting(c), agents[-1], "transfer" if c.status in HELD else "claim")


def _check(desk: AccountDesk, effects: list[messages.Effect], c: Conversation, agent_id: str) -> None:
    for effect in effects:
        if isinstance(effect, messages.RequestRefused) and effect.conversation_id == c.id:
            raise _refusal(desk, effect, c, agent_id)


def _refusal(desk: AccountDesk, effect: messages.RequestRefused, c: Conversation, agent_id: str) -> Conflict:
    agent = desk.desk.agents.get(agent_id)
    state: dict[str, Any] = {"status": c.status, "assignee_id": effect.holder or c.assignee_id}
    if effect.why == "held":
        return Conflict(f"the conversation is already assigned to {effect.holder}", current=state)
    state |= {"agent_id": agent_id, "reason": effect.why}
    if effect.why == Reason.FULL and agent is not None:
        state |= {"active": agent.active, "maximum": agent.preferences.maximum}
        most = agent.preferences.maximum
        return Conflict(f"{agent_id} has reached their maximum of {most} conversations", current=state)
    if effect.why == Reason.UNAVAILABLE:
        return Conflict(f"{agent_id} is not available", current=state)
    return Conflict(f"{agent_id} cannot take the conversation: {effect.why}", current=state)


def _offer_answer(
    desk: AccountDesk, envelope: Envelope, command: EndOffer, c: Conversation
) -> InFlightCommand:
    """Queue the agent's reply to its open offer. Raises Conflict if there is none."""
    check_party(c, envelope.account_id, envelope.by)
    agent_id = envelope.by.id or ""
    found = desk.decisions.open_offer(c.id, agent_id)
    state = {"status": c.status, "assignee_id": c.assignee_id}
    if found is None:
        raise Conflict(NO_OFFER, current=state)
    offer_id, record = found
    accepts = command.outcome == "accepted"
    answer = EndOffer(offer_id, command.outcome, record if accepts else None)
    in_flight = InFlightCommand(replace(envelope, command=answer))
    event = messages.Accepted(c.id, agent_id) if accepts else messages.Declined(c.id, agent_id)
    for effect in desk.handle(event, in_flight):
        if isinstance(effect, messages.RequestRefused) and effect.conversation_id == c.id:
            raise Conflict(NO_OFFER, current=state)
    return in_flight


async def _routed(desk: AccountDesk, done: Done, sender: CommandSender, store: SupervisionStore) -> Done:
    """A conversation handed to a team, after it has been routed to an available agent."""
    assert done.conversation is not None
    conversation_id, seq = done.conversation.id, done.conversation.seq
    await sender.wait_idle(conversation_id)
    known = desk.conversations.get(conversation_id)
    if known is None or known.seq > seq:
        found = (await store.conversations([conversation_id])).get(conversation_id)
        if found is not None:
            return msgspec.structs.replace(done, conversation=found)
    return done
