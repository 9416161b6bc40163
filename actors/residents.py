"""What a host has in memory: threads, and the conversations that live in them. Activation and passivation.

A command for something that is not here waits while it is loaded, together with all others that are missing: two or
three queries a batch, however many conversations. Nothing with an uncommitted write ever leaves memory.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from sys import intern

import structlog

from ..core.commands import Refused, ThreadKey
from ..core.conversation import Conversation, State
from ..core.ports import Archive, ThreadWanted
from ..core.thread import Thread
from .commits import Item

log = structlog.get_logger(__name__)

MAX_LOAD = 500
"""Conversations activated by one round of queries."""


class ResidentThread:
    """A thread key in memory. `conversations` are those of it that are active."""

    __slots__ = ("conversations", "key", "thread")

    def __init__(self, key: ThreadKey, thread: Thread) -> None:
        self.key = key
        self.thread = thread
        self.conversations: tuple[ResidentConversation, ...] = ()


class ResidentConversation:
    """A conversation in memory. `actor` is whatever the placement runs its turns with."""

    __slots__ = ("actor", "id", "pending", "thread", "touched")

    def __init__(self, conversation_id: str, thread: ResidentThread, actor: object) -> None:
        self.id = conversation_id
        self.thread = thread
        self.actor = actor
        self.pending = 0
        self.touched = 0.0


def key_of(c: Conversation) -> ThreadKey:
    return ThreadKey(c.account_id, c.channel_id, c.contact_identifier, c.topic)


def _shared(key: ThreadKey) -> ThreadKey:
    """The key with the ids that many keys have in common held once."""
    return ThreadKey(intern(key.account_id), intern(key.channel_id), key.identifier, key.topic)


class Residents:
    """The host's memory, and the one loop that fills it.

    `activate` makes the placement's actor for a loaded state; `run` takes an item whose target is in memory.
    """

    def __init__(
        self,
        archive: Archive,
        *,
        activate: Callable[[State], object],
        passivate: Callable[[object], None],
        run: Callable[[Item], None],
        new_id: Callable[[], str],
    ) -> None:
        self._archive = archive
        self._activate = activate
        self._passivate = passivate
        self._run = run
        self._new_id = new_id
        self.threads: dict[ThreadKey, ResidentThread] = {}
        self.conversations: dict[str, ResidentConversation] = {}
        self._waiting: defaultdict[str | ThreadKey, list[Item]] = defaultdict(list)
        self._wake = asyncio.Event()
        self.activations = 0

    @property
    def loading(self) -> int:
        """Items waiting for their target to be loaded."""
        return sum(map(len, self._waiting.values()))

    def is_loading(self, target: str | ThreadKey) -> bool:
        return target in self._waiting

    def load(self, target: str | ThreadKey, item: Item) -> None:
        """Let `item` wait until `target` is in memory; then it is run."""
        self._waiting[target].append(item)
        self._wake.set()

    def open(self, thread: ResidentThread, state: State) -> ResidentConversation:
        """Put a conversation into memory."""
        conversation_id = state.conversation.id
        resident = ResidentConversation(conversation_id, thread, self._activate(state))
        resident.touched = time.monotonic()
        thread.conversations += (resident,)
        self.conversations[conversation_id] = resident
        return resident

    def drop_thread(self, key: ThreadKey) -> None:
        """Forget a thread and its conversations; what was not committed never was."""
        thread = self.threads.pop(key, None)
        for resident in thread.conversations if thread else ():
            self.drop(resident)

    def drop(self, resident: ResidentConversation) -> None:
        self.conversations.pop(resident.id, None)
        thread = resident.thread
        thread.conversations = tuple(r for r in thread.conversations if r is not resident)
        self._passivate(resident.actor)

    def sweep(self, idle_after: float, most: int) -> int:
        """Passivate what has been idle for `idle_after` seconds, and the least recently used beyond `most`."""
        now = time.monotonic()
        free = [r for r in self.conversations.values() if r.pending == 0]
        surplus = len(self.conversations) - most
        old = [r for r in free if now - r.touched > idle_after]
        if len(old) < surplus:
            old = sorted(free, key=lambda r: r.touched)[:surplus]
        for resident in old:
            self.drop(resident)
            if not resident.thread.conversations and resident.thread.key not in self._waiting:
                self.threads.pop(resident.thread.key, None)
        return len(old)

    async def main_loop(self) -> None:
        """Load what is waited for until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                batch = {t: self._waiting[t] for t in list(self._waiting)[:MAX_LOAD]}
                try:
                    await self._load([t for t in batch if isinstance(t, str)], self._wanted(batch))
                except Exception as error:
                    log.warning("activation_failed", error=repr(error), conversations=len(batch))
                    refused = Refused(
                        "storage_unavailable", "the storage could not be reached", retry_after=1
                    )
                    self._finish(batch, lambda item, r=refused: item.answer(r))
                else:
                    self._finish(batch, self._run)

    def _finish(self, batch: dict[str | ThreadKey, list[Item]], then: Callable[[Item], None]) -> None:
        # Taken out of `_waiting` only now: what arrived during the load keeps its place behind what came before.
        for target in batch:
            for item in self._waiting.pop(target):
                then(item)

    def _wanted(self, batch: dict[str | ThreadKey, list[Item]]) -> dict[ThreadKey, ThreadWanted]:
        wanted: dict[ThreadKey, ThreadWanted] = {}
        for target, items in batch.items():
            if isinstance(target, ThreadKey) and target not in self.threads:
                opening = items[0].envelope.opening
                wanted[target] = ThreadWanted(
                    target, opening.channel_type, self._new_id(), self._new_id(), opening.contact_name
                )
        return wanted

    async def _load(self, ids: list[str], wanted: dict[ThreadKey, ThreadWanted]) -> None:
        states: dict[str, State] = {}
        missing = [i for i in ids if i not in self.conversations]
        if missing:
            states = await self._archive.load_conversations(missing)
            for state in states.values():
                c = state.conversation
                if (key := key_of(c)) not in self.threads:
                    wanted.setdefault(
                        key, ThreadWanted(key, c.channel_type, self._new_id(), self._new_id(), c.contact_name)
                    )
        if wanted:
            for key, thread in (await self._archive.load_threads(list(wanted.values()))).items():
                if key not in self.threads:
                    shared = _shared(key)
                    self.threads[shared] = ResidentThread(shared, thread)
        targets = {t for key in wanted if (t := _first(self.threads[key].thread)) and t not in states}
        if targets := targets - self.conversations.keys():
            states |= await self._archive.load_conversations(list(targets))
        for conversation_id, state in states.items():
            if conversation_id not in self.conversations:
                self.open(self.threads[key_of(state.conversation)], state)
                self.activations += 1


def _first(thread: Thread) -> str | None:
    return thread.live or (thread.resolved[0] if thread.resolved else None)
