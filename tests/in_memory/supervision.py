"""The supervisor's ports in memory: reads and presence. The contract suites run against these and the real ones."""

from __future__ import annotations

import time
from collections.abc import Sequence

import msgspec

from tertulia.core.accounts.account_settings import AccountSettings
from tertulia.core.conversation.entries import Assigned, Message
from tertulia.core.conversation.state import Conversation, LastHeld
from tertulia.core.conversation.status import HELD
from tertulia.core.routing.journal import RoutingEntry
from tertulia.core.routing.supervision_messages import (
    REST,
    AccountFacts,
    AgentFacts,
    ChangedHeads,
    Head,
    Presence,
    Unanswered,
    is_older,
)

from .conversations import MemoryStore


class MemorySupervision:
    """`core.ports.supervision.SupervisionStore` in memory.

    `facts_of`: what accounts have set; `versions`: how often that has changed.
    """

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.facts_of: dict[str, AccountFacts] = {}
        self.versions: dict[str, int] = {}
        self.rosters: dict[tuple[str, str], tuple[str, ...]] = {}
        self.journals: dict[str, dict[int, RoutingEntry]] = {}

    def prefer(self, account_id: str, *agents: AgentFacts, settings: AccountSettings | None = None) -> None:
        """Set an account's agents and their preferences."""
        self.facts_of[account_id] = AccountFacts(settings or AccountSettings(), agents)
        self.versions[account_id] = self.versions.get(account_id, 0) + 1

    async def register(self, shard: int, incarnation: str) -> int:
        epoch = self._store.supervisors[shard] = self._store.supervisors.get(shard, 0) + 1
        self._store.holders[shard] = incarnation
        return epoch

    async def holders(self) -> dict[int, str]:
        return dict(self._store.holders)

    async def epochs(self) -> dict[int, int]:
        return dict(self._store.supervisors)

    async def changed_heads(self, mark: str | None) -> ChangedHeads:
        """The mark holds what was seen: every account's position and version."""
        now = {a: [len(f.entries), self.versions.get(a, 0)] for a, f in self._store.feeds.items()}
        before: dict[str, list[int]] = now if mark is None else msgspec.json.decode(mark)
        changed = [(a, at, before.get(a, [0, 0])) for a, at in now.items() if before.get(a) != at]
        heads = [Head(a, at[0], at[1], at[0] != old[0]) for a, at, old in changed]
        return ChangedHeads(msgspec.json.encode(now).decode(), heads)

    async def head(self, account_id: str) -> Head | None:
        feed = self._store.feeds.get(account_id)
        return None if feed is None else Head(account_id, len(feed.entries), self.versions.get(account_id, 0))

    async def waking(self) -> list[str]:
        return list({c.account_id for c in self._store.conversations.values() if c.live})

    async def facts(self, account_id: str) -> AccountFacts | None:
        if account_id not in self._store.feeds:
            return None
        return self.facts_of.get(account_id, AccountFacts(AccountSettings(), ()))

    async def live(self, account_id: str) -> list[Conversation]:
        return [c for c in self._store.conversations.values() if c.account_id == account_id and c.live]

    async def last_assigned(self, account_id: str) -> dict[str, int]:
        assigned = [e for e in self._store.feeds[account_id].entries if isinstance(e.data, Assigned)]
        return {e.data.agent_id: e.at for e in assigned if isinstance(e.data, Assigned) and e.data.agent_id}

    async def last_held(self, contacts: Sequence[tuple[str, str]]) -> dict[tuple[str, str], LastHeld]:
        found = {of: self._last_held(of) for of in contacts}
        return {of: last for of, last in found.items() if last is not None}

    def _last_held(self, of: tuple[str, str]) -> LastHeld | None:
        theirs = [c for c in self._store.conversations.values() if (c.account_id, c.contact_id) == of]
        now = time.time_ns() // 1_000_000
        holding = [LastHeld(c.assignee_id, now) for c in theirs if c.status in HELD and c.assignee_id]
        before = [c.routing.last for c in theirs if c.status not in HELD and c.routing.last is not None]
        return max((*holding, *before), key=lambda last: last.until, default=None)

    async def conversations(self, ids: Sequence[str]) -> dict[str, Conversation]:
        return {i: self._store.conversations[i] for i in ids if i in self._store.conversations}

    async def missed(self, ranges: Sequence[tuple[str, int, int]], limit: int) -> list[tuple[str, str, int]]:
        found: list[tuple[str, str, int]] = []
        for account_id, after, until in ranges:
            page = self._store.feeds[account_id].entries[after:until]
            events = [e for e in page if not isinstance(e.data, Message)]
            found += [(account_id, e.conversation_id, e.position) for e in events[:limit]]
        return found

    async def unanswered(self, ids: Sequence[str]) -> list[Unanswered]:
        return [u for i in ids if (u := self._unanswered(i)) is not None]

    def _unanswered(self, conversation_id: str) -> Unanswered | None:
        entries = self._store.entries.get(conversation_id, [])
        assigned = next((e for e in reversed(entries) if isinstance(e.data, Assigned)), None)
        if assigned is None:
            return None
        later = [e.data for e in entries if e.seq > assigned.seq and isinstance(e.data, Message)]
        answered = any(m.sender_type == "agent" and not m.is_private for m in later)
        data = assigned.data
        assert isinstance(data, Assigned)
        taken = assigned.actor.type == "agent" and assigned.actor.id == data.agent_id
        return Unanswered(conversation_id, assigned.at, answered, taken)

    async def keep_roster(self, account_id: str, digest: str, agents: Sequence[str]) -> None:
        self.rosters[account_id, digest] = tuple(agents)

    async def routing_heads(self, accounts: Sequence[str]) -> dict[str, int]:
        return {a: max(self.journals[a]) for a in accounts if self.journals.get(a)}

    async def write_routing(
        self, account_id: str, fence: tuple[int, int], entries: Sequence[RoutingEntry]
    ) -> None:
        if self._store.supervisors.get(fence[0]) == fence[1]:
            journal = self.journals.setdefault(account_id, {})
            for entry in entries:
                journal.setdefault(entry.position, entry)

    async def trim_routing(self, after: str, accounts: int, limit: int) -> str | None:
        """Deletes nothing: journals are kept for a day at least."""
        examined = sorted(a for a in self.facts_of if a > after)[:accounts]
        return examined[-1] if examined else None

    async def trim_rosters(self, after: tuple[str, str], limit: int) -> tuple[str, str] | None:
        """Deletes nothing: rosters stay for a day at least."""
        examined = sorted(key for key in self.rosters if key > after)[:limit]
        return examined[-1] if examined else None


class MemoryPresence:
    """`core.ports.supervision.PresenceStore` in memory. Keeps everything, whatever its age."""

    def __init__(self) -> None:
        self._said: dict[tuple[str, str, str], Presence] = {}

    async def put(self, entries: Sequence[Presence]) -> None:
        for e in entries:
            known = self._said.get(of := (e.account_id, e.user_id, e.connection))
            contradicts = known is not None and e.connection == REST and e.status != known.status
            if known is None or not (contradicts and is_older(e, known)):
                self._said[of] = e

    async def read(self, account_id: str) -> list[Presence]:
        return [e for e in self._said.values() if e.account_id == account_id]
