"""A conversation's state: what entries have made of it (`projection.py`)."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import msgspec

from .entries import DeliveryStatus, Entry, Priority
from .recent_messages import Recent
from .status import LIVE, OPEN, Status

CSAT_ASK = "csat_ask"
"""In the metadata of a message of the system's that asks for a score."""
AUTO_REPLY = "auto_reply"
"""In the metadata of a customer's message that no person wrote, as its channel says: an out-of-office note, a list, a bounce."""
BY_MACHINE = "no person has written yet"
"""Why a conversation that a machine's message opens is resolved at once. Nobody is asked for a score."""
IMPORTED = "imported"
"""Why a conversation that is imported from another service has its status. Nobody is asked for a score."""
AUTOMATIC_WITHIN = 3_600_000
MAX_AUTOMATIC = 5
"""Answers of the server itself, of bot rules and questions for a score, in one conversation within so many ms; by e-mail also what
bots write over the API. Machines that say of themselves that they are none would be answered without end."""
MACHINES_ANSWER = frozenset({"email"})
"""Channel types on which whatever no person wrote counts: machines answer there at any hour. Across a sender's conversations, and
on other channels: `delivery_policy.AUTOMATIC_PER_SENDER`."""


class OpenOffer(msgspec.Struct, frozen=True, gc=False):
    id: str
    agent_id: str
    expires_at: int


class LastHeld(msgspec.Struct, frozen=True, gc=False):
    """The agent who last held a conversation, and the time (ms) at which that ended."""

    agent_id: str
    until: int


class RoutingState(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Routing's state of a conversation. Customers never see it.

    `declined_by`: agents that declined, let an offer lapse or gave it back since it was last opened. `strategy`: how to route it
    to its team, if that was specified. `last`: the previous holder, who may get the customer's next conversation. `given_back`:
    the seq at which humans gave it back to the bot; the bot's earlier answers no longer count as unsure. `leads_notified`: leads
    know that nobody can take it. `edited`: the seq of the customer's newest edit of a message.
    """

    offer: OpenOffer | None = None
    declined_by: tuple[str, ...] = ()
    strategy: str | None = None
    last: LastHeld | None = None
    given_back: int = 0
    leads_notified: bool = False
    edited: int = 0


class Fired(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Which timers have had their effect. `sla`: by the name of the timer, the instant it was due at. `reopened_at`: since
    when it is to be resolved anew. `automatic`: when the server answered by itself, the newest MAX_AUTOMATIC times."""

    csat_asked: bool = False
    sla: dict[str, int] = {}
    reopened_at: int | None = None
    automatic: tuple[int, ...] = ()


NEVER_FIRED = Fired()
"""Shared by most conversations."""
UNROUTED = RoutingState()
"""Shared by most conversations."""


class Conversation(msgspec.Struct, frozen=True, gc=False):
    """The projection: one row of `conversations`, one object of the API. Times in ms since the epoch."""

    id: str
    account_id: str
    channel_id: str
    channel_type: str
    contact_id: str
    contact_identifier: str
    created_at: int
    updated_at: int
    waiting_since: int
    topic: str = ""
    contact_name: str | None = None
    outlet_id: str | None = None
    status: Status = OPEN
    priority: Priority = "normal"
    subject: str | None = None
    labels: tuple[str, ...] = ()
    assignee_id: str | None = None
    team_id: str | None = None
    handoff_requested: bool = False
    handoff_reason: str | None = None
    bot_context: dict[str, Any] = {}
    metadata: dict[str, Any] = {}
    seq: int = 0
    unread_count: int = 0
    first_reply_at: int | None = None
    last_message_at: int | None = None
    last_message_preview: str | None = None
    snoozed_until: int | None = None
    resolved_at: int | None = None
    archived_at: int | None = None
    csat_due: bool = False
    """Whether it was resolved after the customer's last score."""
    unanswered_since: int | None = None
    """The customer's first message that no agent has answered yet."""
    timer_at: int | None = None
    """The time (ms) to check for due timers, perhaps too early. Turns set it, which know the account's settings; entries do not."""
    fired: Fired = NEVER_FIRED
    routing: RoutingState = UNROUTED

    @property
    def live(self) -> bool:
        return self.status in LIVE

    @property
    def waits(self) -> bool:
        """Whether it belongs in the queue: open, and not snoozed. A timer, a person or the customer's next message ends a snooze."""
        return self.status is OPEN and self.snoozed_until is None

    @property
    def opened_at(self) -> int:
        """The time at which it was opened or last reopened. Its age, `waiting_since`, is kept when it reopens."""
        return self.created_at if self.fired.reopened_at is None else self.fired.reopened_at

    @property
    def left_to_humans(self) -> bool:
        """Whether it waits for a human: one held it since it was last opened, or it was given to a team. Then only giving it back
        lets the bot speak, not another message of the customer."""
        last = self.routing.last
        had = last is not None and last.until > self.opened_at
        return self.status is OPEN and (had or self.routing.strategy is not None)

    def may_answer_by_itself(self, now: int) -> bool:
        """Whether the bound on automatic answers leaves room for one more."""
        return self.automatic_again_at(now) <= now

    def automatic_again_at(self, now: int) -> int:
        """The time at which the bound on automatic answers allows one more: `now`, or later."""
        recent = [at for at in self.fired.automatic if at > now - AUTOMATIC_WITHIN]
        return now if len(recent) < MAX_AUTOMATIC else recent[-MAX_AUTOMATIC] + AUTOMATIC_WITHIN

    @property
    def erased(self) -> bool:
        """Whether its customer was erased: only erasure leaves a conversation without a contact identifier."""
        return not self.contact_identifier


TOUCHED = (
    "seq",
    "unread_count",
    "updated_at",
    "first_reply_at",
    "last_message_at",
    "last_message_preview",
    "unanswered_since",
)
"""The fields that an ordinary message changes."""
settled = attrgetter(*(f for f in Conversation.__struct_fields__ if f not in TOUCHED))
"""The fields that an ordinary message leaves unchanged."""


def first_delivery(c: Conversation) -> DeliveryStatus:
    """The first delivery status of a message to the customer: streams show it at once in a web chat; providers have to accept it."""
    return "sent" if c.channel_type == "webchat" else "queued"


NO_MESSAGES = Recent()


class State(msgspec.Struct, frozen=True, gc=False):
    """A conversation actor's state: the projection and the newest messages, oldest first."""

    conversation: Conversation
    recent: Recent = NO_MESSAGES

    def messages(self) -> tuple[Entry, ...]:
        """The newest messages, oldest first, unpacked."""
        c = self.conversation
        return self.recent.entries(c.account_id, c.id)
