"""What supervisors and their callers exchange, and how accounts map to shards.

A supervisor balances the agents of the accounts in its shards. It knows who is present, who holds what and what waits, and every
assignment goes through it. Conversation actors apply its decisions.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import Final

import msgspec
from msgspec.structs import replace

from ..accounts.account_settings import AccountSettings
from ..conversation.entries import Priority
from .facts import Preferences, PresenceStatus

SHARDS: Final = 64
"""Into so many the accounts are divided, however many supervisors there are: never change it beside running processes."""


@lru_cache(maxsize=65_536)
def shard_of(account_id: str) -> int:
    """The shard an account belongs to. Stable across processes and releases."""
    return int.from_bytes(blake2b(account_id.encode(), digest_size=8).digest(), "big") % SHARDS


def supervisor_of(account_id: str, supervisors: int) -> int:
    """Which of so many supervisors is asked for an account."""
    return shard_of(account_id) % supervisors


def shards_of(supervisor: int, supervisors: int) -> range:
    """The shards of one of so many supervisors."""
    return range(supervisor, SHARDS, supervisors)


REST = ""
"""The connection that stands for what an agent said over REST."""


class Presence(msgspec.Struct, frozen=True, array_like=True):
    """One connection of an agent says so, until `expires_at`. `said_at`: when it was said, however often it was renewed since."""

    account_id: str
    user_id: str
    connection: str
    status: PresenceStatus
    expires_at: int
    said_at: int = 0


def is_older(said: Presence, known: Presence) -> bool:
    """Whether a connection said so before it said what is known, though it comes later. What was said over REST every gateway
    renews that has a stream of the agent, perhaps when it has just been outdone: of two such words the one said last counts,
    however long they last."""
    if said.connection == REST and said.status != known.status:
        return said.said_at < known.said_at
    return said.expires_at < known.expires_at


CLOCKS_AGREE = 5000
"""Ms. By less than this two clocks do not differ for certain: what one shows reaches the other late."""


def by_clock(said: Iterable[Presence], ahead: int) -> list[Presence]:
    """The same by a clock that is so many ms ahead of the one it was said by."""
    if abs(ahead) < CLOCKS_AGREE:
        return list(said)
    return [moved(p, ahead) for p in said]


def moved(p: Presence, ms: int) -> Presence:
    """The same by a clock that is so many ms ahead, or was set so much."""
    return replace(p, expires_at=p.expires_at + ms, said_at=p.said_at and p.said_at + ms)


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
    """One waiting conversation. `order` is its place for good, which cursors are made of."""

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


class QueuePage(msgspec.Struct, frozen=True):
    items: list[QueueItem]
    more: bool
    total: int


class Head(msgspec.Struct, frozen=True):
    """Where an account's feed stands, and how often what routing goes by has changed. `fed`: the feed has moved."""

    account_id: str
    position: int
    version: int
    fed: bool = True


class Moved(msgspec.Struct, frozen=True):
    """What has changed since a mark, and the mark to ask with the next time."""

    mark: str
    heads: list[Head]


class AgentFacts(msgspec.Struct, frozen=True):
    id: str
    name: str | None
    preferences: Preferences


class AccountFacts(msgspec.Struct, frozen=True):
    """What routing goes by: everything that is stored of an account but its conversations."""

    settings: AccountSettings
    agents: tuple[AgentFacts, ...]


class Unanswered(msgspec.Struct, frozen=True):
    """Since when an agent has a conversation, whether they have written to the customer since, and whether they took it
    themselves.
    """

    conversation_id: str
    assigned_at: int
    answered: bool
    taken: bool
