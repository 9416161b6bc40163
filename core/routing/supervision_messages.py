"""What supervisors and those who ask them say to each other, and the ports a supervisor stands on.

A supervisor balances the agents of the accounts in its shards: it knows who is there, who holds what and who waits, and
everything that assigns a conversation goes through it. What it decides, conversation actors apply.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final, Protocol

import msgspec
from msgspec.structs import replace

from ..accounts.account_settings import AccountSettings
from ..conversation.entries import Priority
from ..conversation.state import Conversation, LastHeld
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


class SupervisionStore(Protocol):
    """Reading what a supervisor is made of, across accounts. Raises StorageUnavailable."""

    async def register(self, shard: int, incarnation: str) -> int:
        """Take a shard over; returns the epoch. What predecessors have under way is stored by then, or never will be."""
        ...

    async def epochs(self) -> dict[int, int]:
        """The epochs that stand, by shard."""
        ...

    async def moved(self, mark: str | None) -> Moved:
        """Every account that has changed since `mark`, some of them twice, perhaps others; without a mark none."""
        ...

    async def head(self, account_id: str) -> Head | None: ...

    async def waking(self) -> list[str]:
        """Accounts with conversations that wait or are held."""
        ...

    async def facts(self, account_id: str) -> AccountFacts | None: ...

    async def live(self, account_id: str) -> list[Conversation]: ...

    async def last_assigned(self, account_id: str) -> dict[str, int]:
        """When agents got a conversation last, of those who did lately."""
        ...

    async def last_held(self, contacts: Sequence[tuple[str, str]]) -> dict[tuple[str, str], LastHeld]:
        """Who held a conversation of each (account, contact) last: now, where they still do."""
        ...

    async def conversations(self, ids: Sequence[str]) -> dict[str, Conversation]: ...

    async def missed(self, ranges: Sequence[tuple[str, int, int]], limit: int) -> list[tuple[str, str, int]]:
        """(account, conversation, position) of entries that are no messages, in ranges (account, after, until)."""
        ...

    async def unanswered(self, ids: Sequence[str]) -> list[Unanswered]: ...

    async def keep_roster(self, account_id: str, digest: str, agents: Sequence[str]) -> None:
        """The agents that a decision's record names by their digest. Once it has been kept, it stays for a day at least."""
        ...

    async def trim_rosters(self, after: tuple[str, str], limit: int) -> tuple[str, str] | None:
        """Look at so many rosters after one (account, digest), and forget those that no stored decision names any more. The last
        that was looked at; None at the end."""
        ...


class PresenceStore(Protocol):
    """Presence as a supervisor finds it when it starts. It may be lost at any moment: gateways renew it."""

    async def put(self, entries: Sequence[Presence]) -> None:
        """Keep them; what was said over REST is not outdone by what was said before."""
        ...

    async def read(self, account_id: str) -> list[Presence]:
        """Expired ones of the last day as well: they tell since when somebody is away."""
        ...


class Supervision(Protocol):
    """What gateways ask supervisors. Raises Overloaded where the account's does not answer in time."""

    async def ask(self, envelope: Any) -> Any:
        """A command that may assign; its `Done`. Raises what `Router.ask` raises."""
        ...

    async def present(self, entries: Sequence[Presence]) -> None: ...
    async def agents(self, account_id: str) -> list[AgentPresence]: ...
    async def queue(self, account_id: str, after: tuple[int, int, str] | None, limit: int) -> QueuePage: ...
    async def positions(self, account_id: str, conversations: Sequence[str]) -> dict[str, int]: ...
    async def refresh(self, account_id: str) -> None:
        """Preferences, teams or settings have changed: on return, the supervisor goes by them."""
        ...

    async def retell(self, account_id: str) -> None:
        """What was told of agents and queue may not have been heard: it is told again, whole."""
        ...
