"""The ports of routing: what supervisors read, the presence they keep, and what gateways ask them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..conversation.commands import Done, Envelope
from ..conversation.state import Conversation, LastHeld
from ..routing.alternatives.shadow import ShadowFigures
from ..routing.journal import BoardAt, RoutingEntry
from ..routing.supervision_messages import (
    AccountFacts,
    AgentPresence,
    ChangedHeads,
    Head,
    Presence,
    QueuePage,
    QueuePlace,
    Unanswered,
)


class SupervisionStore(Protocol):
    """The supervisors' reads, across accounts. Raises StorageUnavailable."""

    async def register(self, shard: int, incarnation: str) -> int:
        """Take over a shard; returns its epoch. Commands of predecessors are stored by then, or never will be."""
        ...

    async def epochs(self) -> dict[int, int]:
        """The current epochs, by shard."""
        ...

    async def holders(self) -> dict[int, str]:
        """The incarnation that holds each shard."""
        ...

    async def changed_heads(self, mark: str | None) -> ChangedHeads:
        """Every account that has changed since `mark`, perhaps repeated, perhaps with others; none without a mark."""
        ...

    async def head(self, account_id: str) -> Head | None: ...

    async def waking(self) -> list[str]:
        """Accounts with waiting or held conversations."""
        ...

    async def facts(self, account_id: str) -> AccountFacts | None: ...

    async def live(self, account_id: str) -> list[Conversation]: ...

    async def last_assigned(self, account_id: str) -> dict[str, int]:
        """The times at which agents last received a conversation; only recent ones."""
        ...

    async def last_held(self, contacts: Sequence[tuple[str, str]]) -> dict[tuple[str, str], LastHeld]:
        """The last holder of a conversation of each (account, contact), until now if they still hold it."""
        ...

    async def conversations(self, ids: Sequence[str]) -> dict[str, Conversation]: ...

    async def missed(self, ranges: Sequence[tuple[str, int, int]], limit: int) -> list[tuple[str, str, int]]:
        """(account, conversation, position) of entries other than messages, in ranges (account, after, until)."""
        ...

    async def unanswered(self, ids: Sequence[str]) -> list[Unanswered]: ...

    async def keep_roster(self, account_id: str, digest: str, agents: Sequence[str]) -> None:
        """Store the roster that a decision's record refers to by its digest, for at least a day."""
        ...

    async def trim_rosters(self, after: tuple[str, str], limit: int) -> tuple[str, str] | None:
        """Check the next `limit` rosters after one (account, digest), and delete those that no stored decision refers to. Returns the
        last one checked; None at the end."""
        ...

    async def routing_heads(self, accounts: Sequence[str]) -> dict[str, int]:
        """The position of the newest entry of these accounts' routing journals, for those that have one."""
        ...

    async def write_routing(
        self, account_id: str, fence: tuple[int, int], entries: Sequence[RoutingEntry]
    ) -> None:
        """Add entries to a routing journal, unless the fence is stale or they are stored already."""
        ...

    async def trim_routing(self, after: str, accounts: int, limit: int) -> str | None:
        """Delete what is older than its account keeps it from the journals of the next `accounts` accounts, at most `limit` entries of
        each. The last snapshot before that time stays, with what follows it. Returns the last account; None at the end."""
        ...


class RoutingJournalStore(Protocol):
    """The routing journal as its account reads it. Raises StorageUnavailable."""

    async def entries(self, account_id: str, after: int, limit: int) -> list[RoutingEntry]:
        """The entries after a position, in order."""
        ...

    async def start(self, account_id: str, at: int) -> int | None:
        """The position of the newest snapshot at or before a time in ms; before the first one, that one; None in an empty
        journal."""
        ...

    async def board(self, account_id: str, at: int) -> BoardAt | None:
        """The board at a time in ms; None if the journal begins later. Raises `core.routing.journal.Incomplete`."""
        ...


class PresenceStore(Protocol):
    """Presence that a supervisor reads when it starts. It may be lost at any moment; gateways renew it."""

    async def put(self, entries: Sequence[Presence]) -> None:
        """Store reports; an older status set over REST does not replace a newer one."""
        ...

    async def read(self, account_id: str) -> list[Presence]:
        """The account's reports, including those that expired within a day: they show since when an agent is away."""
        ...


class Supervision(Protocol):
    """The gateways' requests to supervisors. Raises Overloaded if the account's supervisor does not answer in time."""

    async def ask(self, envelope: Envelope) -> Done:
        """Send a command that may assign. Raises what `Router.ask` raises."""
        ...

    async def present(self, entries: Sequence[Presence]) -> None: ...
    async def agents(self, account_id: str) -> list[AgentPresence]: ...
    async def queue(self, account_id: str, after: tuple[int, int, str] | None, limit: int) -> QueuePage: ...
    async def positions(self, account_id: str, conversations: Sequence[str]) -> dict[str, QueuePlace]: ...
    async def shadow(self, account_id: str) -> ShadowFigures | None:
        """What the account's shadow policy has counted; None without one."""
        ...

    async def refresh(self, account_id: str) -> None:
        """Preferences, teams or settings have changed; on return, the supervisor applies them."""
        ...

    async def resend_hints(self, account_id: str) -> None:
        """Send the state of agents and queue again in full, as earlier notifications may have been lost."""
        ...
