"""Journal, archive, ownership and feeds in memory, over one `MemoryStore`.

For tests that need no database. The contract suite runs against these and against Postgres. Nothing here awaits, so every operation is atomic among the tasks of one loop.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec
from msgspec.structs import replace

from tertulia.core.conversation.commands import ThreadKey
from tertulia.core.conversation.entries import Edited, Entry, Message
from tertulia.core.conversation.projection import amended, edited_at
from tertulia.core.conversation.recent_messages import Recent
from tertulia.core.conversation.state import Conversation, State
from tertulia.core.conversation.status import Status
from tertulia.core.conversation.thread import NewContact, Thread
from tertulia.core.ids import PARTITIONS, is_uuid, partition_of_conversation
from tertulia.core.ports.archive import REPEATS_WITHIN, THREAD_RESOLVED, Repeat, Target, ThreadWanted
from tertulia.core.ports.feeds import FeedHead
from tertulia.core.ports.journal import DuplicateKey, Rejected, StaleEpoch, StaleSupervisor, Write
from tertulia.core.ports.ownership import HostAddress, Membership, PartitionMap, Peer
from tertulia.storage.postgres.rows import conversation_to_json, encode_data


class _Feed:
    """An account's entries in commit order: the one at index i has position i + 1."""

    def __init__(self) -> None:
        self.generation = uuid.uuid4().hex[:8]
        self.kept_from = 1
        self.entries: list[Entry] = []


class _Host(msgspec.Struct):
    at: HostAddress
    beats: int = 0
    draining: bool = False


class _Partition(msgspec.Struct):
    owner: str | None = None
    epoch: int = 0


class MemoryStore:
    """The data that the implementations share. An account must be added before its first commit."""

    def __init__(self) -> None:
        self.feeds: dict[str, _Feed] = {}
        self.conversations: dict[str, Conversation] = {}
        self.threads: defaultdict[ThreadKey, set[str]] = defaultdict(set)
        self.entries: defaultdict[str, list[Entry]] = defaultdict(list)
        self.keys: dict[tuple[str, str], Entry] = {}
        self.provider_ids: dict[tuple[str, str], Entry] = {}
        self.outbox: dict[tuple[str, str], Entry] = {}
        self.contacts: dict[tuple[str, str, str], tuple[str, str | None]] = {}
        self.partitions = [_Partition() for _ in range(PARTITIONS)]
        self.hosts: dict[str, _Host] = {}
        self.pins: dict[int, str] = {}
        self.supervisors: dict[int, int] = {}
        self.holders: dict[int, str] = {}

    def add_account(self, account_id: str) -> None:
        """Add an account's feed unless it exists."""
        self.feeds.setdefault(account_id, _Feed())

    def of_thread(self, key: ThreadKey) -> list[Conversation]:
        """A thread's conversations, newest first."""
        return [self.conversations[i] for i in sorted(self.threads.get(key, ()), reverse=True)]


def thread_key(c: Conversation) -> ThreadKey:
    return ThreadKey(c.account_id, c.channel_id, c.contact_identifier, c.topic)


class MemoryJournal:
    """`core.ports.journal.Journal` in memory."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def commit(self, writes: Sequence[Write], epochs: dict[int, int]) -> list[int]:
        """Checks everything before it changes anything."""
        for partition in {partition_of_conversation(w.after.id) for w in writes}:
            if self._store.partitions[partition].epoch != epochs.get(partition, -1):
                raise StaleEpoch("stale epoch")
        for fence in {w.fence for w in writes if w.fence is not None}:
            if self._store.supervisors.get(fence[0]) != fence[1]:
                raise StaleSupervisor("stale supervisor")
        opened = {w.after.id for w in writes if w.before is None}
        for write in writes:
            self._check_content(write)
            if write.after.id not in opened and write.after.id not in self._store.conversations:
                raise Rejected("a conversation of the batch does not exist")
        self._check_unique(writes)
        for contact in filter(None, (w.new_contact for w in writes)):
            self._store.contacts[contact.address] = contact.id, contact.name
        return [self._add(write, entry) for write in writes for entry in self._apply(write)]

    def _check_content(self, write: Write) -> None:
        after = write.after
        ids = (after.id, after.account_id, after.channel_id, after.contact_id, after.team_id, after.outlet_id)
        if not all(is_uuid(i) for i in ids if i is not None):
            raise Rejected("an id is not a UUID")
        if after.account_id not in self._store.feeds:
            raise Rejected("an account of the batch has no feed")
        try:
            texts = [conversation_to_json(after), *(encode_data(e.data).decode() for e in write.entries)]
        except (ValueError, TypeError, OverflowError) as error:
            raise Rejected(str(error)) from error
        if "\0" in (write.key or "") or any("\\u0000" in text.replace("\\\\", "") for text in texts):
            raise Rejected("text with a NUL cannot be stored")

    def _check_unique(self, writes: Sequence[Write]) -> None:
        store = self._store
        for contact in filter(None, (w.new_contact for w in writes)):
            if store.contacts.get(contact.address, (contact.id,))[0] != contact.id:
                raise DuplicateKey("another contact has the address")
        seen: set[tuple[object, ...]] = set()
        ends: dict[str, Conversation] = {}
        for write in writes:
            ends[write.after.id] = write.after
            new: list[tuple[object, ...]] = [("seq", e.conversation_id, e.seq) for e in write.entries]
            taken = any(e.seq < len(store.entries[e.conversation_id]) for e in write.entries)
            if write.entries and write.key is not None:
                new.append(("key", write.after.id, write.key))
                taken = taken or (write.after.id, write.key) in store.keys
            for external in _external_ids(write):
                new.append(("provider", write.after.channel_id, external))
                taken = taken or (write.after.channel_id, external) in store.provider_ids
            if taken or len(set(new)) < len(new) or seen & set(new):
                raise DuplicateKey("a key of the batch is taken")
            seen |= set(new)
        live = [thread_key(c) for c in ends.values() if c.live]
        for key in live:
            beside = any(c.live for c in store.of_thread(key) if c.id not in ends)
            if beside or live.count(key) > 1:
                raise DuplicateKey("conversations_live")

    def _apply(self, write: Write) -> tuple[Entry, ...]:
        self._store.conversations[write.after.id] = write.after
        self._store.threads[thread_key(write.after)].add(write.after.id)
        return write.entries

    def _add(self, write: Write, entry: Entry) -> int:
        store, feed = self._store, self._store.feeds[entry.account_id]
        placed = replace(entry, position=len(feed.entries) + 1)
        feed.entries.append(placed)
        entries = store.entries[entry.conversation_id]
        if isinstance(entry.data, Edited):
            self._amend(feed, entries, entry.data)
        entries.append(placed)
        if entry is write.answer and write.key is not None:
            store.keys[entry.conversation_id, write.key] = placed
        if isinstance(entry.data, Message):
            if entry.data.external_id is not None:
                store.provider_ids[write.after.channel_id, entry.data.external_id] = placed
            if entry.data.delivery_status == "queued":
                store.outbox[write.after.channel_id, entry.data.id] = placed
        return placed.position

    def _amend(self, feed: _Feed, entries: list[Entry], edit: Edited) -> None:
        """Change the message itself, wherever it is read, unless a later edit came first."""
        old = entries[edit.message_seq]
        if not isinstance(old.data, Message) or edited_at(old.data) >= edit.edited_at:
            return
        new = entries[edit.message_seq] = feed.entries[old.position - 1] = amended(old, edit)
        for known in (self._store.keys, self._store.provider_ids):
            for key in [k for k, e in known.items() if e is old]:
                known[key] = new


def _external_ids(write: Write) -> list[str]:
    messages = (e.data for e in write.entries if isinstance(e.data, Message))
    return [m.external_id for m in messages if m.external_id is not None]


class MemoryArchive:
    """`core.ports.archive.Archive` in memory."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def load_conversations(self, ids: Sequence[str]) -> dict[str, State]:
        if not all(map(is_uuid, ids)):
            raise Rejected("an id is not a UUID")
        return {i: self._state(i) for i in ids if i in self._store.conversations}

    def _state(self, conversation_id: str) -> State:
        messages = [e for e in self._store.entries[conversation_id] if isinstance(e.data, Message)]
        return State(self._store.conversations[conversation_id], Recent.of(messages))

    async def load_threads(self, wanted: Sequence[ThreadWanted]) -> dict[ThreadKey, Thread]:
        if any("\0" in w.key.identifier + w.key.topic + (w.name or "") for w in wanted):
            raise Rejected("text with a NUL cannot be stored")
        made: dict[tuple[str, str, str], NewContact] = {}
        return {w.key: self._thread(w, made) for w in wanted}

    def _thread(self, wanted: ThreadWanted, made: dict[tuple[str, str, str], NewContact]) -> Thread:
        key = wanted.key
        if key.account_id not in self._store.feeds:
            raise Rejected("no such account")
        new = wanted.new_contact()
        known = self._store.contacts.get(new.address)
        if known is None:
            new = made.setdefault(new.address, new)
        contact_id, name = known or (new.id, new.name)
        conversations = self._store.of_thread(key)
        live = next((c.id for c in conversations if c.live), None)
        resolved = [c.id for c in conversations if c.status is Status.RESOLVED]
        return Thread(
            contact_id,
            name,
            live,
            tuple(resolved[:THREAD_RESOLVED]),
            new_contact=new if known is None else None,
            unused=not conversations,
        )

    async def find_repeats(
        self, keys: Iterable[tuple[Target, str]], provider_ids: Iterable[tuple[str, str]]
    ) -> tuple[dict[tuple[Target, str], Repeat], dict[tuple[str, str], Repeat]]:
        by_key: dict[tuple[Target, str], Repeat] = {}
        for target, key in keys:
            ids = [target] if isinstance(target, str) else [c.id for c in self._store.of_thread(target)]
            for conversation_id in reversed(ids[:REPEATS_WITHIN]):
                if (entry := self._store.keys.get((conversation_id, key))) is not None:
                    by_key[target, key] = Repeat(conversation_id, entry)
        provided = {k: self._store.provider_ids.get(k) for k in provider_ids}
        return by_key, {k: Repeat(e.conversation_id, e) for k, e in provided.items() if e is not None}


class MemoryOwnership:
    """`core.ports.ownership.Ownership` in memory."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def register(self, name: str, node: str, at: HostAddress) -> None:
        before = self._store.hosts.get(name)
        if before is not None:
            self._free(before.at.incarnation, range(PARTITIONS))
        self._store.hosts[name] = _Host(at, 0 if before is None else before.beats + 1)

    async def beat(
        self, name: str, incarnation: str, *, owned: int = 0, draining: bool = False
    ) -> Membership:
        host = self._store.hosts.get(name)
        owners = [p.owner for p in self._store.partitions]
        if host is None or host.at.incarnation != incarnation or owners.count(incarnation) < owned:
            raise StaleEpoch(f"others have taken the place or the partitions of {name}")
        host.beats += 1
        host.draining = draining
        return Membership(tuple(self._peer(name, h, owners) for name, h in self._store.hosts.items()))

    def _peer(self, name: str, host: _Host, owners: list[str | None]) -> Peer:
        own = host.at.incarnation
        taking = {h.at.incarnation for h in self._store.hosts.values() if not h.draining} - {own}
        elsewhere = sum(owners[p] == own and to in taking for p, to in self._store.pins.items())
        return Peer(name, own, host.beats, host.draining, owners.count(own), host.at, True, elsewhere)

    async def claim(self, incarnation: str, alive: Sequence[str], limit: int) -> dict[int, int]:
        free = [i for i, p in enumerate(self._store.partitions) if p.owner is None or p.owner not in alive]
        return {i: self._change(i, incarnation) for i in free[:limit]}

    async def move(self, incarnation: str, partitions: Sequence[int], to: str) -> None:
        there = self._takes(to)
        for i in partitions:
            if self._store.partitions[i].owner == incarnation:
                self._change(i, to if there else None)

    async def owned_by(self, incarnation: str) -> dict[int, int]:
        return {i: p.epoch for i, p in enumerate(self._store.partitions) if p.owner == incarnation}

    async def release(self, incarnation: str, partitions: Sequence[int]) -> None:
        self._free(incarnation, partitions)

    def _takes(self, incarnation: str) -> bool:
        return any(h.at.incarnation == incarnation and not h.draining for h in self._store.hosts.values())

    async def pin(self, partitions: Sequence[int], host: str) -> int:
        to = self._store.hosts.get(host)
        if to is None or to.draining:
            return 0
        self._store.pins |= dict.fromkeys(partitions, to.at.incarnation)
        return len(partitions)

    async def unpin(self) -> int:
        count = len(self._store.pins)
        self._store.pins.clear()
        return count

    async def pins(self) -> dict[int, str]:
        return {p: to for p, to in self._store.pins.items() if self._takes(to)}

    def _free(self, incarnation: str, partitions: Iterable[int]) -> None:
        for i in partitions:
            if self._store.partitions[i].owner == incarnation:
                self._change(i, None)

    def _change(self, partition: int, owner: str | None) -> int:
        p = self._store.partitions[partition]
        p.owner, p.epoch = owner, p.epoch + 1
        return p.epoch

    async def read_map(self) -> PartitionMap:
        names = {h.at.incarnation: name for name, h in self._store.hosts.items()}
        owners = tuple(names.get(p.owner) if p.owner else None for p in self._store.partitions)
        owning = {name for name in owners if name is not None}
        return PartitionMap(owners, {n: self._store.hosts[n].at for n in owning})


class MemoryFeeds:
    """`core.ports.feeds.FeedArchive` in memory."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def heads(self, accounts: Sequence[str]) -> list[FeedHead]:
        feeds = [(a, self._store.feeds[a]) for a in accounts if a in self._store.feeds]
        return [FeedHead(a, f.generation, len(f.entries), f.kept_from) for a, f in feeds]

    async def read(self, account_id: str, after: int, limit: int) -> list[Entry]:
        feed = self._store.feeds.get(account_id)
        return feed.entries[max(0, after) :][:limit] if feed else []

    async def read_conversations(
        self, account_id: str, conversations: list[str], after: int, until: int, limit: int
    ) -> list[Entry]:
        """A page of some conversations' entries after one position and up to another, in feed order."""
        page = await self.read(account_id, after, until - after)
        return [e for e in page if e.conversation_id in conversations][:limit]
