"""How entries change a conversation's state. `apply` never refuses an accepted entry."""

from __future__ import annotations

from sys import intern
from typing import Any

from msgspec.structs import replace

from .entries import (
    ASSIST,
    NOTHING,
    Assigned,
    Edited,
    Entry,
    Erased,
    HandoffRequested,
    LeadsNotified,
    Message,
    Offered,
    OfferEnded,
    Opened,
    Rated,
    SlaNoted,
    StatusChanged,
    Updated,
)
from .erasure import ERASED_FIELDS, blanked
from .recent_messages import Recent
from .state import (
    AUTO_REPLY,
    BY_MACHINE,
    CSAT_ASK,
    IMPORTED,
    MACHINES_ANSWER,
    MAX_AUTOMATIC,
    UNROUTED,
    Conversation,
    Fired,
    LastHeld,
    OpenOffer,
    RoutingState,
    State,
)
from .status import BOT, HELD, LIVE, RESOLVED

PREVIEW_LENGTH = 120


def apply(state: State | None, entry: Entry) -> State:
    """The state after `entry`. The first entry must be `Opened`, and only the first."""
    data = entry.data
    if isinstance(data, Opened):
        return State(_opened(entry, data))
    if state is None:
        raise ValueError(
            f"entry {entry.seq} of conversation {entry.conversation_id} comes before its opening"
        )
    c = state.conversation
    if isinstance(data, Message):
        return State(_messaged(c, entry, data), state.recent.then(entry))
    if isinstance(data, StatusChanged):
        return State(_status_changed(c, entry, data), state.recent)
    if isinstance(data, Edited):
        return _edited(state, entry, data)
    if isinstance(data, Erased):
        c = replace(c, seq=entry.seq, updated_at=entry.at, **ERASED_FIELDS)
        return State(c, Recent.of(map(blanked, state.messages())))
    fields: dict[str, Any]
    if isinstance(data, Assigned):
        fields = {"assignee_id": data.agent_id, "routing": _given(c.routing, data, entry.at)}
    elif isinstance(data, Offered):
        offer = OpenOffer(data.offer_id, data.agent_id, data.expires_at)
        fields = {"routing": replace(c.routing, offer=offer)}
    elif isinstance(data, OfferEnded):
        refused = data.outcome in ("declined", "timeout")
        fields = {"routing": _without(replace(c.routing, offer=None), data.agent_id if refused else None)}
    elif isinstance(data, Updated):
        fields = data.changes.given()
        if "strategy" in fields:
            fields["routing"] = replace(c.routing, strategy=fields.pop("strategy"))
    elif isinstance(data, HandoffRequested):
        fields = {"handoff_requested": True, "handoff_reason": data.reason}
    elif isinstance(data, SlaNoted):
        sla = {**c.fired.sla, f"{data.target}_{data.state}": data.due_at}
        fields = {"fired": replace(c.fired, sla=sla)}
    elif isinstance(data, LeadsNotified):
        fields = {"routing": replace(c.routing, leads_notified=True)}
    else:
        assert isinstance(data, Rated)
        fields = {"csat_due": False}
    return State(replace(c, seq=entry.seq, updated_at=entry.at, **fields), state.recent)


def _given(routing: RoutingState, data: Assigned, at: int) -> RoutingState:
    """An agent that gives a conversation back does not get it again; one that lost the connection may."""
    if data.agent_id is None and data.previous_agent_id is not None:
        routing = replace(routing, last=LastHeld(data.previous_agent_id, at))
    return _without(routing, data.previous_agent_id if data.by in ("release", "handoff") else None)


def _without(routing: RoutingState, agent_id: str | None) -> RoutingState:
    if agent_id is None or agent_id in routing.declined_by:
        return routing
    return replace(routing, declined_by=(*routing.declined_by, agent_id))


def _opened(entry: Entry, data: Opened) -> Conversation:
    return Conversation(
        id=entry.conversation_id,
        account_id=entry.account_id,
        channel_id=data.channel_id,
        channel_type=intern(data.channel_type),
        contact_id=data.contact_id,
        contact_identifier=data.contact_identifier,
        contact_name=data.contact_name,
        topic=data.topic,
        outlet_id=data.outlet_id,
        subject=data.subject,
        priority=data.priority,
        labels=data.labels,
        bot_context=NOTHING,
        metadata=data.metadata or NOTHING,
        created_at=entry.at,
        updated_at=entry.at,
        waiting_since=entry.at,
    )


def _messaged(c: Conversation, entry: Entry, data: Message) -> Conversation:
    if data.is_private:
        return replace(c, seq=entry.seq, updated_at=entry.at)
    by_agent = data.sender_type == "agent"
    waits = data.direction == "inbound" and not by_machine(data)
    unread = c.unread_count + 1 if waits else 0 if by_agent else c.unread_count
    first_reply = entry.at if by_agent and c.first_reply_at is None else c.first_reply_at
    since = c.unanswered_since
    if by_agent:
        since = None
    elif since is None and waits:
        since = entry.at
    asks = data.sender_type == "system" and data.metadata.get(CSAT_ASK) is True
    by_rule = data.sender_type == "bot" and entry.actor.type == "bot" and ASSIST not in data.metadata
    if asks or by_rule or _mails_by_itself(c, data):
        automatic = (*c.fired.automatic, entry.at)[-MAX_AUTOMATIC:]
        c = replace(c, fired=replace(c.fired, csat_asked=asks or c.fired.csat_asked, automatic=automatic))
    return replace(
        c,
        seq=entry.seq,
        updated_at=entry.at,
        unread_count=unread,
        first_reply_at=first_reply,
        last_message_at=entry.at,
        last_message_preview=data.content[:PREVIEW_LENGTH],
        unanswered_since=since,
    )


def _mails_by_itself(c: Conversation, message: Message) -> bool:
    """Whether no person wrote a message that machines may answer."""
    by_itself = message.sender_type in ("bot", "system") and message.external_id is None
    return by_itself and c.channel_type in MACHINES_ANSWER


def by_machine(message: Message) -> bool:
    """Whether it came from outside and no person wrote it."""
    metadata = message.metadata
    return bool(metadata) and message.direction == "inbound" and metadata.get(AUTO_REPLY) is True


def edited_at(message: Message) -> int:
    """The time of a message's last edit, in ms; 0: never."""
    at = message.metadata.get("edited_at", 0)
    return at if isinstance(at, int) else 0


def amended(entry: Entry, edit: Edited) -> Entry:
    """A message's entry as it reads after an edit; any other entry as it is."""
    message = entry.data
    if not isinstance(message, Message) or message.id != edit.message_id:
        return entry
    metadata = {**message.metadata, "edited_at": edit.edited_at}
    return replace(entry, data=replace(message, content=edit.content, metadata=metadata))


def _edited(state: State, entry: Entry, edit: Edited) -> State:
    c, messages = state.conversation, [amended(e, edit) for e in state.messages()]
    public = [e.data for e in messages if isinstance(e.data, Message) and not e.data.is_private]
    # Many notes may have pushed the message out of memory; then its text shows that it was the last one.
    last = (
        public[-1].id == edit.message_id
        if public
        else (c.last_message_preview == edit.previous_content[:PREVIEW_LENGTH])
    )
    if last:
        c = replace(c, last_message_preview=edit.content[:PREVIEW_LENGTH])
    routing = replace(c.routing, edited=entry.seq)
    return State(replace(c, seq=entry.seq, updated_at=entry.at, routing=routing), Recent.of(messages))


def _kept(routing: RoutingState) -> RoutingState:
    """The routing state that survives when a conversation is reopened."""
    if routing.last is None and not routing.edited:
        return UNROUTED
    return RoutingState(last=routing.last, edited=routing.edited)


def _first_reply(noted: dict[str, int]) -> dict[str, int]:
    """The first reply's timers among those noted: reopening does not restart that target's clock."""
    return {timer: at for timer, at in noted.items() if timer.startswith("first_reply")}


def _status_changed(c: Conversation, entry: Entry, data: StatusChanged) -> Conversation:
    to = data.to_status
    fields: dict[str, Any] = {"status": to}
    if to in LIVE and to not in HELD:
        fields["assignee_id"] = None
    routing = c.routing
    if c.status in HELD and to not in HELD and c.assignee_id is not None:
        routing = replace(routing, last=LastHeld(c.assignee_id, entry.at))
    if to is BOT and (c.handoff_requested or data.from_status in HELD):
        routing = replace(routing, given_back=entry.seq)
        fields |= {"handoff_requested": False, "handoff_reason": None}
    fields["routing"] = routing
    if to is RESOLVED:
        fields |= {"resolved_at": entry.at, "csat_due": data.reason not in (BY_MACHINE, IMPORTED)}
    elif data.from_status is RESOLVED and to in LIVE:
        fields |= {
            "resolved_at": None,
            "handoff_requested": False,
            "handoff_reason": None,
            "unanswered_since": None,
            "fired": Fired(sla=_first_reply(c.fired.sla), reopened_at=entry.at, automatic=c.fired.automatic),
            "routing": _kept(c.routing),
        }
    return replace(c, seq=entry.seq, updated_at=entry.at, **fields)
