"""The ports of routing: what supervisors read, the presence they keep, and what gateways ask them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from ..conversation.state import Conversation, LastHeld
from ..routing.supervision_messages import (
    AccountFacts,
    AgentPresence,
    Head,
    Moved,
    Presence,
    QueuePage,
    Unanswered,
)


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
