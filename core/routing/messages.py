"""What a desk is told, and what it wants done. Values; the desk's reply to an event is a list of effects."""

from __future__ import annotations

from typing import Literal

import msgspec

from .explain import Explain
from .facts import Agent, Policy, Preferences, PresenceStatus, Reason, Waiting

# -- events


class Arrived(msgspec.Struct, frozen=True, gc=False):
    """A conversation wants an agent: new, reopened, handed off, given to a team; or what it asks for has changed.

    Whoever held it has it no longer.
    """

    waiting: Waiting


class Released(msgspec.Struct, frozen=True, gc=False):
    """Its agent gives it back: to the queue, with its age, and not to this agent again."""

    conversation_id: str


class Gone(msgspec.Struct, frozen=True, gc=False):
    """Resolved, closed, expired, or with a bot: it needs no agent, and its slot is free."""

    conversation_id: str


class Accepted(msgspec.Struct, frozen=True, gc=False):
    conversation_id: str
    agent_id: str


class Declined(msgspec.Struct, frozen=True, gc=False):
    conversation_id: str
    agent_id: str


class TakenByHand(msgspec.Struct, frozen=True, gc=False):
    """An agent claims it (refused when another holds it), or it is transferred to the agent (whoever holds it)."""

    waiting: Waiting
    agent_id: str
    by: Literal["claim", "transfer"] = "claim"


class Found(msgspec.Struct, frozen=True, gc=False):
    """It is with an agent, whoever gave it to them: counted, whatever they may hold."""

    waiting: Waiting
    agent_id: str


class Answered(msgspec.Struct, frozen=True, gc=False):
    """Its agent has written (`answered`), or the customer has."""

    conversation_id: str
    answered: bool


class AgentChanged(msgspec.Struct, frozen=True, gc=False):
    """Preferences or teams, of a known agent or a new one. A new one is offline."""

    agent_id: str
    preferences: Preferences


class AgentRemoved(msgspec.Struct, frozen=True, gc=False):
    agent_id: str


class PresenceChanged(msgspec.Struct, frozen=True, gc=False):
    agent_id: str
    status: PresenceStatus


class PolicyChanged(msgspec.Struct, frozen=True, gc=False):
    """`waiting`: those that wait and ask for something else now, as the account's settings make them."""

    policy: Policy
    waiting: tuple[Waiting, ...] = ()


class TimePassed(msgspec.Struct, frozen=True, gc=False):
    """The time of the last `WakeAt` has come. Every event has this meaning too."""


Event = (
    Arrived
    | Released
    | Gone
    | Accepted
    | Declined
    | TakenByHand
    | Found
    | Answered
    | AgentChanged
    | AgentRemoved
    | PresenceChanged
    | PolicyChanged
    | TimePassed
)


class Holding(msgspec.Struct, frozen=True, gc=False):
    """A conversation with its agent. `unanswered_since`: the customer waits for an answer since then."""

    waiting: Waiting
    agent_id: str
    unanswered_since: int | None = None


class Standing(msgspec.Struct, frozen=True, gc=False):
    """An offer without an answer yet, to an agent of the account."""

    waiting: Waiting
    agent_id: str
    deadline: int


class Snapshot(msgspec.Struct, frozen=True, gc=False):
    """What a desk is made from: what is stored. `waiting` are those that are not on offer.

    Of `agents` the figures `active` and `offered` are not looked at: they follow from `held`.
    """

    policy: Policy
    agents: tuple[Agent, ...] = ()
    held: tuple[Holding, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    offered: tuple[Standing, ...] = ()


# -- effects


class Assign(msgspec.Struct, frozen=True, gc=False):
    """The agent has it. `explain` is None when a person decided."""

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


Why = Literal[
    "declined", "lapsed", "taken", "gone", "changed", "unavailable", "offline", "away", "full", "removed"
]


class Withdraw(msgspec.Struct, frozen=True, gc=False):
    """An offer is over. After `declined` and `lapsed` the agent is not chosen for it again: that is to be stored."""

    conversation_id: str
    agent_id: str
    why: Why


class Requeue(msgspec.Struct, frozen=True, gc=False):
    """The agent has it no longer, and it waits again: the agent was absent too long, or left the account."""

    conversation_id: str
    agent_id: str
    why: Literal["absent", "removed"]


class Queued(msgspec.Struct, frozen=True, gc=False):
    """It waits, nobody being free for it: `Desk.why_waiting` says more. `estimated_wait` in ms."""

    conversation_id: str
    position: int
    estimated_wait: int | None


class QueueMoved(msgspec.Struct, frozen=True, gc=False):
    """Positions from this one on may have changed."""

    position: int


class Refused(msgspec.Struct, frozen=True, gc=False):
    """What a person asked for is not done. `held`: by `holder`."""

    conversation_id: str
    agent_id: str | None
    why: Reason | Literal["held", "unknown_agent", "no_offer", "not_held"]
    holder: str | None = None


class WakeAt(msgspec.Struct, frozen=True, gc=False):
    """When the desk wants to be woken, in place of the time it said before; None: it need not be."""

    at: int | None


Effect = Assign | Offer | Withdraw | Requeue | Queued | QueueMoved | Refused | WakeAt
