"""The threads and conversations in a host's memory: activation and passivation.

A command whose target is not in memory waits while it is loaded, together with all others that are missing: one to three
queries per batch, however many conversations there are in it or in memory. A few batches load at the same time. Nothing with an
uncommitted write leaves memory, except when it is dropped after a failure.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from sys import intern
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

import structlog

from ...core.conversation.commands import Refused, ThreadKey
from ...core.conversation.state import Conversation, State
from ...core.conversation.thread import NewContact, Thread
from ...core.ids import partition_of_thread
from ...core.ports.archive import Archive, Target, ThreadWanted
from ...core.ports.journal import Rejected
from .pending_command import PendingCommand

log = structlog.get_logger(__name__)

A = TypeVar("A")
"""The placement's actors."""

MAX_LOAD = 500
"""Conversations activated by one round of queries."""
MAX_LOADS = 3
"""Rounds at the same time. Beyond them targets wait for the next; `max_waiting` of the host bounds their commands."""
WORTH_A_LOAD = 64
"""Targets for which a further round starts at once, beside one under way: a round costs as much as loading dozens of conversations."""
LOAD_PAUSE = 0.005
"""Seconds after the start of a round until the next one starts for fewer."""


class ActiveThread(Generic[A]):
    """A thread in memory, with its active conversations."""

    __slots__ = ("conversations", "key", "partition", "thread")

    def __init__(self, key: ThreadKey, thread: Thread) -> None:
        self.key = key
        self.partition = partition_of_thread(key.account_id, key.channel_id, key.identifier, key.topic)
        self.thread = thread
        self.conversations: tuple[ActiveConversation[A], ...] = ()


class ActiveConversation(Generic[A]):
    """A conversation in memory. `actor` is the placement's; `known` is the conversation after the last turn that has
    returned."""

    __slots__ = ("actor", "id", "known", "pending", "thread", "touched")

    def __init__(self, known: Conversation, thread: ActiveThread[A], actor: A) -> None:
        self.id = known.id
        self.known = known
        self.thread = thread
        self.actor = actor
        self.pending = 0
        self.touched = 0.0


class Load:
    """Targets that one round of queries loads. What was read of something that has left memory since may be older than what was
    committed."""

    __slots__ = ("dropped", "targets", "unsettled")

    def __init__(self, targets: list[Target]) -> None:
        self.targets = targets
        self.dropped: set[Target] = set()
        self.unsettled = False
        """Whether something was dropped whose commit is under way."""


def key_of(c: Conversation) -> ThreadKey:
    return ThreadKey(c.account_id, c.channel_id, c.contact_identifier, c.topic)


def _shared(key: ThreadKey) -> ThreadKey:
    """The key with its frequent ids interned, so that many keys share them."""
    return ThreadKey(intern(key.account_id), intern(key.channel_id), key.identifier, key.topic)


class Activations(Generic[A]):
    """The host's memory. `next_load` waits until there is something to load, and `load` loads it.

    `activate` and `passivate` make and stop the placement's actor of a state. `settled` waits until everything decided before
    has been committed or has failed. `prepare` gets the accounts whose conversations are about to be activated.
    """

    def __init__(
        self,
        archive: Archive,
        *,
        activate: Callable[[State], A],
        passivate: Callable[[A], None],
        settled: Callable[[], Awaitable[None]],
        new_id: Callable[[], str],
        prepare: Callable[[set[str]], Awaitable[None]] | None = None,
    ) -> None:
        self._archive = archive
        self._activate = activate
        self._passivate = passivate
        self._settled = settled
        self._prepare = prepare
        self._unsettled = 0
        self._settled_until = 0
        self._new_id = new_id
        self.threads: dict[ThreadKey, ActiveThread[A]] = {}
        self.conversations: dict[str, ActiveConversation[A]] = {}
        self._waiting: defaultdict[Target, list[PendingCommand]] = defaultdict(list)
        self._loading: set[Target] = set()
        self._loads: set[Load] = set()
        self._started = 0.0
        self._new_contacts: WeakValueDictionary[tuple[str, str, str], NewContact] = WeakValueDictionary()
        """Contacts of threads in memory and of writes under way that no commit has stored, by their address."""
        self._wake = asyncio.Event()
        self.activation_count = 0

    def of_account(self, account_id: str) -> list[str]:
        """The ids of an account's conversations in memory."""
        threads = (t for key, t in self.threads.items() if key.account_id == account_id)
        return [r.id for thread in threads for r in thread.conversations]

    @property
    def loading(self) -> int:
        """Commands that wait for their target to be loaded."""
        return sum(map(len, self._waiting.values()))

    def has(self, target: Target) -> bool:
        """Whether the target is in memory and no earlier command waits for it."""
        if target in self._waiting:
            return False
        return target in self.conversations if isinstance(target, str) else target in self.threads

    def wait(self, target: Target, item: PendingCommand) -> None:
        """Queue `item` until `target` has been loaded."""
        self._waiting[target].append(item)
        self._wake.set()

    def open(self, thread: ActiveThread[A], state: State) -> ActiveConversation[A]:
        """Add a conversation to memory."""
        active = ActiveConversation(state.conversation, thread, self._activate(state))
        active.touched = time.monotonic()
        thread.conversations += (active,)
        self.conversations[active.id] = active
        return active

    def unopen(self, active: ActiveConversation[A]) -> None:
        """Undo `open` for a conversation whose first command was refused."""
        active.thread.thread.forget(active.id)
        self.drop(active)

    def drop_thread(self, key: ThreadKey) -> None:
        """Drop a thread and its conversations. Uncommitted changes are lost on purpose."""
        thread = self.threads.pop(key, None)
        self._note_drop(key)
        for active in thread.conversations if thread else ():
            self.drop(active)

    def _note_drop(self, target: Target) -> None:
        for load in self._loads:
            load.dropped.add(target)

    def drop(self, active: ActiveConversation[A]) -> None:
        if active.pending:  # the archive may change with the commits in flight
            self._unsettled += 1
            for load in self._loads:
                load.unsettled = True
        self._note_drop(active.id)
        self.conversations.pop(active.id, None)
        thread = active.thread
        thread.conversations = tuple(r for r in thread.conversations if r is not active)
        self._passivate(active.actor)

    def sweep(self, idle_after: float, most: int) -> int:
        """Passivate conversations idle for `idle_after` seconds, and the least recently used beyond `most`."""
        now = time.monotonic()
        free = [r for r in self.conversations.values() if r.pending == 0]
        surplus = len(self.conversations) - most
        old = [r for r in free if now - r.touched > idle_after]
        if len(old) < surplus:
            old = sorted(free, key=lambda r: r.touched)[:surplus]
        for active in old:
            self.drop(active)
        for key in [k for k, t in self.threads.items() if not t.conversations and k not in self._waiting]:
            del self.threads[key]
            self._note_drop(key)
        return len(old)

    async def next_load(self) -> Load:
        """Wait until a round of queries is worth its cost, and take its targets. The caller passes them to `load`."""
        while len(self._waiting) - len(self._loading) < self._least():
            if 0 < len(self._loads) < MAX_LOADS and len(self._loading) < len(self._waiting):
                asyncio.get_running_loop().call_later(LOAD_PAUSE, self._wake.set)
            await self._wake.wait()
            self._wake.clear()
        load = Load([t for t in self._waiting if t not in self._loading][:MAX_LOAD])
        self._loading.update(load.targets)
        self._started = time.monotonic()
        self._loads.add(load)
        return load

    def _least(self) -> float:
        """The number of targets that the next round needs."""
        if len(self._loads) == MAX_LOADS:
            return math.inf
        patient = self._loads and time.monotonic() < self._started + LOAD_PAUSE
        return WORTH_A_LOAD if patient else 1

    async def load(self, load: Load) -> AsyncIterator[PendingCommand]:
        """Load targets, and yield the commands that waited for them, which must run before anything else happens: their targets
        are in memory, if they exist. If the targets cannot be loaded, their commands are refused."""
        try:
            async for item in self._serve(load.targets, load):
                yield item
        finally:
            self._loads.discard(load)
            self._wake.set()

    async def _serve(self, targets: Sequence[Target], load: Load) -> AsyncIterator[PendingCommand]:
        try:
            await self._load(targets, load)
        except Rejected as error:
            if len(targets) > 1:  # one of them is at fault: halving finds it, and the others continue
                half = len(targets) // 2
                for part in (targets[:half], targets[half:]):
                    async for item in self._serve(part, load):
                        yield item
                return
            log.warning("activation_rejected", error=str(error))
            self._refuse(targets, Refused("invalid", "no conversation can have this address"))
        except Exception as error:
            log.warning("activation_failed", error=repr(error), conversations=len(targets))
            self._refuse(
                targets, Refused("storage_unavailable", "the storage could not be reached", retry_after=1)
            )
        else:
            # Removed from `_waiting` only now: commands that arrived during the load keep their place behind
            # earlier ones.
            absent = {t for t in targets if isinstance(t, str) and t not in self.conversations}
            for target in targets:
                for item in self._take(target):
                    item.absent = target in absent
                    yield item

    def _take(self, target: Target) -> list[PendingCommand]:
        self._loading.discard(target)
        return self._waiting.pop(target)

    def _refuse(self, targets: Sequence[Target], refused: Refused) -> None:
        for target in targets:
            for item in self._take(target):
                item.answer(refused)

    async def _load(self, targets: Sequence[Target], load: Load) -> None:
        """Load the existing targets into memory, all at once at the end."""
        while True:
            load.dropped.clear()
            load.unsettled = False
            await self._settle()
            states, threads = await self._read(targets)
            if self._prepare is not None:
                await self._prepare({key.account_id for key in threads})
            current = not load.unsettled and load.dropped.isdisjoint({*targets, *states, *threads})
            keys = map(key_of, (s.conversation for s in states.values()))
            if current and all(key in threads or key in self.threads for key in keys):
                break  # otherwise something was dropped during the reads
        for key, thread in threads.items():
            if key not in self.threads:
                shared = _shared(key)
                self.threads[shared] = ActiveThread(shared, self._with_shared_contact(thread))
        for target in targets:
            if isinstance(target, str) and target not in states and target not in self.conversations:
                self._forget(target)
        for conversation_id, state in states.items():
            if conversation_id not in self.conversations:
                self.open(self.threads[key_of(state.conversation)], state)
                self.activation_count += 1

    async def _settle(self) -> None:
        """Wait for the commits whose conversations were dropped."""
        while self._settled_until < (unsettled := self._unsettled):
            await self._settled()
            self._settled_until = max(self._settled_until, unsettled)

    def _with_shared_contact(self, thread: Thread) -> Thread:
        """The thread with the new contact that another thread of its address is about to store."""
        if (new := thread.new_contact) is not None:
            shared = self._new_contacts.setdefault(new.address, new)
            thread.new_contact, thread.contact_id, thread.contact_name = shared, shared.id, shared.name
        return thread

    async def _read(self, targets: Sequence[Target]) -> tuple[dict[str, State], dict[ThreadKey, Thread]]:
        """The states of the targets and of the conversations that their threads lead to, and the threads not in memory."""
        states: dict[str, State] = {}
        threads: dict[ThreadKey, Thread] = {}
        if missing := [t for t in targets if isinstance(t, str) and t not in self.conversations]:
            states = await self._archive.load_conversations(missing)
        if wanted := self._wanted(targets, states):
            threads = await self._archive.load_threads(wanted)
        there = {k: self.threads[k].thread for k in targets if isinstance(k, ThreadKey) and k in self.threads}
        firsts = {i for thread in (threads | there).values() if (i := _first(thread)) is not None}
        # looked up one by one: the difference of a set and a dict's keys takes as long as the dict
        if further := [i for i in firsts if i not in states and i not in self.conversations]:
            states |= await self._archive.load_conversations(sorted(further))
        return states, threads

    def _wanted(self, targets: Sequence[Target], states: dict[str, State]) -> list[ThreadWanted]:
        wanted: dict[ThreadKey, tuple[str, str | None]] = {}
        for target in targets:
            if isinstance(target, ThreadKey):
                opening = self._waiting[target][0].envelope.opening
                wanted[target] = (opening.channel_type, opening.contact_name)
        for state in states.values():
            c = state.conversation
            wanted.setdefault(key_of(c), (c.channel_type, c.contact_name))
        return [
            ThreadWanted(key, channel_type, self._new_id(), self._new_id(), name)
            for key, (channel_type, name) in wanted.items()
            if key not in self.threads
        ]

    def _forget(self, conversation_id: str) -> None:
        """The conversation does not exist (any more): no thread may lead to it."""
        for item in self._waiting[conversation_id]:
            key = item.envelope.thread
            if key is not None and key in self.threads:
                self.threads[key].thread.forget(conversation_id)


def _first(thread: Thread) -> str | None:
    return thread.live or (thread.resolved[0] if thread.resolved else None)
