"""The events a desk handles, and the effects it answers them with."""

from __future__ import annotations

from typing import Literal

import msgspec

from ..conversation.explain_record import Explain
from .facts import Agent, Policy, Preferences, PresenceStatus, Reason, Waiting

# -- events


class Arrived(msgspec.Struct, frozen=True, gc=False):
    """A conversation needs an agent: it is new, reopened, handed off or given to a team, or its needs have changed.

    Its previous holder, if any, no longer has it.
    """

    waiting: Waiting


class Gone(msgspec.Struct, frozen=True, gc=False):
    """Resolved, closed, expired, or with a bot: it needs no agent, and frees its slot."""

    conversation_id: str


class Accepted(msgspec.Struct, frozen=True, gc=False):
    conversation_id: str
    agent_id: str


class Declined(msgspec.Struct, frozen=True, gc=False):
    conversation_id: str
    agent_id: str


class TakenByHand(msgspec.Struct, frozen=True, gc=False):
    """`claim`: an agent takes it, refused when another holds it. `transfer`: it goes to the agent whoever holds it."""

    waiting: Waiting
    agent_id: str
    by: Literal["claim", "transfer"] = "claim"


class Found(msgspec.Struct, frozen=True, gc=False):
    """Storage says that an agent holds it: counted even beyond the agent's maximum."""

    waiting: Waiting
    agent_id: str


class AgentChanged(msgspec.Struct, frozen=True, gc=False):
    """Preferences or teams of a known or a new agent. A new agent is offline."""

    agent_id: str
    preferences: Preferences


class PresenceChanged(msgspec.Struct, frozen=True, gc=False):
    agent_id: str
    status: PresenceStatus


class PolicyChanged(msgspec.Struct, frozen=True, gc=False):
    """`waiting`: the queued conversations whose needs change with it, as they are now."""

    policy: Policy
    waiting: tuple[Waiting, ...] = ()


class TimePassed(msgspec.Struct, frozen=True, gc=False):
    """The time of the last `WakeAt` has come. Every other event implies this one."""


Event = (
    Arrived
    | Gone
    | Accepted
    | Declined
    | TakenByHand
    | Found
    | AgentChanged
    | PresenceChanged
    | PolicyChanged
    | TimePassed
)


class Holding(msgspec.Struct, frozen=True, gc=False):
    """A conversation and the agent that holds it."""

    waiting: Waiting
    agent_id: str


class PendingOffer(msgspec.Struct, frozen=True, gc=False):
    """A stored offer that the agent has not answered yet."""

    waiting: Waiting
    agent_id: str
    deadline: int


class Snapshot(msgspec.Struct, frozen=True, gc=False):
    """The stored state that a desk is restored from. `waiting`: conversations that are not on offer.

    `agents` must include everyone named in `held` and `offered`; their counts `active` and `offered` are computed from these.
    """

    policy: Policy
    agents: tuple[Agent, ...] = ()
    held: tuple[Holding, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    offered: tuple[PendingOffer, ...] = ()


# -- effects


class Assign(msgspec.Struct, frozen=True, gc=False):
    """The agent holds it now. `explain` is None when a person decided."""

    conversation_id: str
    agent_id: str
    by: Literal["routing", "offer", "claim", "transfer"]
    previous_agent_id: str | None = None
    explain: Explain | None = None


class Offer(msgspec.Struct, frozen=True, gc=False):
    conversation_id: str
    agent_id: str
    deadline: int
    explain: Explain


Why = Literal["declined", "lapsed", "taken", "gone", "changed", "unavailable", "offline", "away", "full"]


class Withdraw(msgspec.Struct, frozen=True, gc=False):
    """An offer has ended. After `declined` and `lapsed` the agent is not chosen for it again, which must be stored."""

    conversation_id: str
    agent_id: str
    why: Why


class Queued(msgspec.Struct, frozen=True, gc=False):
    """It waits, as no agent is free for it. `estimated_wait` in ms."""

    conversation_id: str
    position: int
    estimated_wait: int | None


class QueueMoved(msgspec.Struct, frozen=True, gc=False):
    """Positions from this one on may have changed."""

    position: int


class RequestRefused(msgspec.Struct, frozen=True, gc=False):
    """A person's request is refused. `held`: `holder` has the conversation."""

    conversation_id: str
    agent_id: str
    why: Reason | Literal["held", "unknown_agent", "no_offer"]
    holder: str | None = None


class WakeAt(msgspec.Struct, frozen=True, gc=False):
    """Wake the desk at this time, instead of the previous one; None: never."""

    at: int | None


Effect = Assign | Offer | Withdraw | Queued | QueueMoved | RequestRefused | WakeAt
