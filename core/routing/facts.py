"""Routing's input: agents, waiting conversations, their needs, and an account's policy.

All are values. Times are passed in, as ms since the epoch; ids are text. An empty set restricts nothing, whether an agent lists
it or a conversation needs it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec

from ..accounts.account_settings import Hours
from ..accounts.business_hours import MINUTE, Schedule
from ..conversation.entries import Priority
from ..conversation.explain_record import NONE, Need, Strategy

PresenceStatus = Literal["online", "away", "offline"]
HEAD_START: dict[Priority, int] = {
    "low": 0,
    "normal": 15 * MINUTE,
    "high": 30 * MINUTE,
    "urgent": 60 * MINUTE,
}


class Reason(StrEnum):
    """Why an agent is passed over, in the order in which reasons are listed."""

    UNAVAILABLE = "unavailable"
    OFFLINE = "offline"
    AWAY = "away"
    CLOSED = "outside_hours"
    FULL = "full"
    TEAM = "team"
    CHANNEL = "channel"
    TOPIC = "topic"
    LANGUAGE = "language"
    DECLINED = "declined"


class Preferences(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An agent's preferences and teams. Languages and topics are compared verbatim: pass both in lower case.

    `removed`: no longer an agent of the account; the desk keeps its slot, since records refer to it."""

    channels: frozenset[str] = NONE
    topics: frozenset[str] = NONE
    languages: frozenset[str] = NONE
    teams: frozenset[str] = NONE
    hours: tuple[Hours, ...] = ()
    timezone: str = "UTC"
    maximum: int = 5
    available: bool = True
    auto_accept: bool = False
    removed: bool = False

    def schedule(self) -> Schedule:
        return Schedule(self.hours, self.timezone)


class Agent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`active`: conversations held. `offered`: open offers, each of which reserves a slot.

    `idle_since`: when `active` or `offered` last changed; `assigned_at`: when the agent last received a conversation.
    """

    id: str
    preferences: Preferences
    status: PresenceStatus = "offline"
    active: int = 0
    offered: int = 0
    idle_since: int = 0
    assigned_at: int = 0

    @property
    def load(self) -> int:
        return self.active + self.offered

    @property
    def is_listed(self) -> bool:
        """Whether it is an agent of the account, or still has something of it."""
        return not self.preferences.removed or self.load > 0

    @property
    def not_assignable(self) -> Reason | None:
        """Why nobody may assign to it, not even by hand; None if they may. Open offers do not count: they can be withdrawn."""
        if not self.preferences.available:
            return Reason.UNAVAILABLE
        return Reason.FULL if self.active >= self.preferences.maximum else None


class Waiting(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A conversation as the queue sees it. `waiting_since` is its age, kept across release, decline, requeueing and reopening;
    `opened_at`, if later, is when it was reopened: needs are relaxed by the time since then.

    `declined_by`: agents that declined it, let an offer lapse or gave it back; they are not chosen for it again.
    `sticky_agent`: the agent that served this customer last, preferred until `sticky_until`.
    """

    id: str
    waiting_since: int
    channel_type: str
    opened_at: int = 0
    priority: Priority = "normal"
    topics: frozenset[str] = NONE
    language: str | None = None
    team_id: str | None = None
    strategy: Strategy = "least_busy"
    declined_by: frozenset[str] = NONE
    sticky_agent: str | None = None
    sticky_until: int = 0

    @property
    def sought_since(self) -> int:
        return max(self.waiting_since, self.opened_at)


class Relaxation(msgspec.Struct, frozen=True, tag="relaxation"):
    """After a wait of `after` ms, drop this need."""

    after: int
    drop: Literal["topics", "language", "team"]


class Overflow(msgspec.Struct, frozen=True, tag="overflow"):
    """After a wait of `after` ms, `team_id` may help the team asked for."""

    after: int
    team_id: str


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """An account's routing rules, in ms. `head_start`: how much later a conversation may arrive and still go before one of
    priority `low`; see `order`."""

    head_start: dict[Priority, int] = msgspec.field(default_factory=lambda: dict(HEAD_START))
    steps: tuple[Relaxation | Overflow, ...] = ()
    offer_timeout: int = 30_000

    def need(self, w: Waiting, now: int) -> Need:
        """The needs of `w` at this time, relaxations applied."""
        topics, language = w.topics, w.language
        teams = NONE if w.team_id is None else frozenset({w.team_id})
        for step in self.steps:
            if now - w.sought_since < step.after:
                continue
            if isinstance(step, Overflow):
                teams = teams and teams | {step.team_id}
            elif step.drop == "topics":
                topics = NONE
            elif step.drop == "language":
                language = None
            else:
                teams = NONE
        return Need(w.channel_type, topics, language, teams)

    def next_step(self, w: Waiting, now: int) -> int | None:
        """The time at which the needs of `w` are relaxed next; None: never."""
        if not self.steps:
            return None
        return min((at for step in self.steps if (at := w.sought_since + step.after) > now), default=None)


Order = tuple[int, int, str]


def order(w: Waiting, policy: Policy) -> Order:
    """The place in the queue: the least goes first.

    Priority with ageing: `waiting_since`, moved back by the priority's head start. As a score this is `waited + head start`,
    the greatest first: all scores grow alike, so the order of two conversations never changes while they wait. A sorted queue
    stays sorted, and nothing starves: an urgent conversation overtakes only what arrived within its head start.
    """
    return w.waiting_since - policy.head_start.get(w.priority, 0), w.waiting_since, w.id
