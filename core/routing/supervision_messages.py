"""Messages between supervisors and their callers, and the mapping of accounts to shards.

A supervisor balances the agents of the accounts in its shards. It knows who is present, who holds what and what waits, and every
assignment goes through it. Conversation actors apply its decisions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import Final

import msgspec
from msgspec.structs import replace

from ..accounts.account_settings import AccountSettings
from ..conversation.entries import Priority
from .facts import Preferences, PresenceStatus

SHARDS: Final = 64
"""Shards of accounts, independent of the number of supervisors. All running processes must agree on it."""


@lru_cache(maxsize=65_536)
def shard_of(account_id: str) -> int:
    """The shard an account belongs to. Stable across processes and releases."""
    return int.from_bytes(blake2b(account_id.encode(), digest_size=8).digest(), "big") % SHARDS


def supervisor_of(shard: int, supervisors: int, alive: Collection[int]) -> int:
    """The number of the supervisor that should hold a shard whose holder is gone. It follows from those who are alive, not from how many
    there should be: processes may differ in that. If none is alive, it is one of `supervisors`."""
    numbers = sorted(alive) or range(supervisors)
    return numbers[shard % len(numbers)]


TAKEN_OVER: Final = {"reason": "taken_over"}
"""`current` of a supervisor's Overloaded that means: another one has this account, ask that one."""


def shards_of(supervisor: int, supervisors: int) -> range:
    """The shards of one of `supervisors` supervisors."""
    return range(supervisor, SHARDS, supervisors)


REST = ""
"""The connection id of a status that an agent set over REST."""


class Presence(msgspec.Struct, frozen=True, array_like=True):
    """The status that one connection of an agent reports, until `expires_at`. `reported_at`: when it was first reported; renewals keep
    it."""

    account_id: str
    user_id: str
    connection: str
    status: PresenceStatus
    expires_at: int
    reported_at: int = 0


def is_older(report: Presence, known: Presence) -> bool:
    """Whether a report that arrives later is older than the known one. Every gateway with a stream of the agent renews a status set
    over REST, perhaps one that was just replaced: of two such reports the one set last counts, whenever they expire."""
    if report.connection == REST and report.status != known.status:
        return report.reported_at < known.reported_at
    return report.expires_at < known.expires_at


CLOCKS_AGREE = 5000
"""Ms. A smaller difference between two clocks may be the delay of the message that carried the time."""


def by_clock(reports: Iterable[Presence], ahead: int) -> list[Presence]:
    """The same reports by a clock that is `ahead` ms ahead of the sender's."""
    if abs(ahead) < CLOCKS_AGREE:
        return list(reports)
    return [shifted(p, ahead) for p in reports]


def shifted(p: Presence, ms: int) -> Presence:
    """The same report by a clock that is `ms` ahead, or was moved by that much."""
    return replace(p, expires_at=p.expires_at + ms, reported_at=p.reported_at and p.reported_at + ms)


class AgentPresence(msgspec.Struct, frozen=True):
    """One agent as `GET /v1/agents` shows them."""

    user_id: str
    name: str | None
    status: PresenceStatus
    active: int
    maximum: int
    is_available: bool
    last_seen: int | None


class QueueItem(msgspec.Struct, frozen=True):
    """One waiting conversation. `order` is its permanent sort key, from which cursors are made."""

    conversation_id: str
    position: int
    waiting_since: int
    estimated_wait: int | None
    priority: Priority
    channel_type: str
    topics: tuple[str, ...]
    language: str | None
    team_id: str | None
    strategy: str
    offered_to: str | None
    order: tuple[int, int, str]


class QueuePlace(msgspec.Struct, frozen=True):
    """A waiting conversation's place in the queue. `estimated_wait` in ms; None while too few were served to estimate it."""

    position: int
    estimated_wait: int | None

    @property
    def estimated_wait_s(self) -> int | None:
        """In seconds, rounded up."""
        return None if self.estimated_wait is None else -(-self.estimated_wait // 1000)


class QueuePage(msgspec.Struct, frozen=True):
    items: list[QueueItem]
    more: bool
    total: int


class Head(msgspec.Struct, frozen=True):
    """The position of an account's feed, and the version of its routing facts. `fed`: the feed has moved."""

    account_id: str
    position: int
    version: int
    fed: bool = True


class ChangedHeads(msgspec.Struct, frozen=True):
    """The changes since a mark, and the mark for the next call."""

    mark: str
    heads: list[Head]


class AgentFacts(msgspec.Struct, frozen=True):
    id: str
    name: str | None
    preferences: Preferences


class AccountFacts(msgspec.Struct, frozen=True):
    """Everything that routing reads of an account, except its conversations."""

    settings: AccountSettings
    agents: tuple[AgentFacts, ...]


class Unanswered(msgspec.Struct, frozen=True):
    """Since when an agent holds a conversation, whether they have written to the customer since, and whether they claimed it."""

    conversation_id: str
    assigned_at: int
    answered: bool
    taken: bool
