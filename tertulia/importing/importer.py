"""Imports the conversations of a source into an account, in batches; each is stored completely or not at all.

The database alone records the progress: an interrupted run is simply repeated.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from ..core.channels.messages import Sender
from ..core.errors import TertuliaError
from ..core.ports.inbound import SenderStore
from ..core.ports.journal import DuplicateKey, Rejected
from ..core.ports.resources import Session
from ..storage.postgres.conversations.imports import KnownImport, NewImport, PostgresImports
from .history import Place, digest, write_of
from .source import Head, Loaded, SetAside, Source, SourceConversation, SourceMessage, Totals

ENTRIES: Final = 1_000
BYTES: Final = 4 * 1024 * 1024
"""Messages and bytes that are stored together; a conversation is never divided."""
ATTEMPTS: Final = 3
"""Times that a batch is prepared again because something was created meanwhile."""
NAME: Final = "whatsapp"


class Counts(msgspec.Struct):
    """Conversations and messages: at the source, stored by this run, stored by earlier ones, set aside. `lost`: messages that were
    stored and are not there now. `second`: conversations that have ended here since their customer has another live one."""

    source: Totals = Totals(0, 0)
    conversations: int = 0
    messages: int = 0
    known_conversations: int = 0
    known_messages: int = 0
    aside_conversations: int = 0
    aside_messages: int = 0
    lost: int = 0
    second: int = 0

    def faults(self) -> Iterator[str]:
        """In what the counts do not agree."""
        for what, there, here in (
            ("conversations", self.source.conversations,
             self.conversations + self.known_conversations + self.aside_conversations),
            ("messages", self.source.messages, self.messages + self.known_messages + self.aside_messages),
        ):  # fmt: skip
            if there != here:
                yield f"the source has {there:,} {what}, {here:,} are accounted for: were some added since they were imported?"
        if self.lost:
            yield f"{self.lost:,} messages that were imported are missing here"


class Destination(msgspec.Struct, frozen=True):
    """The account, its WhatsApp channel (None in a dry run that would make it), and what it says about resolved conversations."""

    account_id: str
    channel_id: str
    source: str
    auto_close_hours: int


class Importer:
    """One run. `aside` gets what is set aside, `progress` the number of conversations that are done."""

    def __init__(
        self,
        source: Source,
        imports: PostgresImports,
        senders: SenderStore,
        to: Destination,
        *,
        now: int,
        dry_run: bool,
        aside: Callable[[SetAside], None],
        progress: Callable[[Counts, int], None],
    ) -> None:
        self._source = source
        self._imports = imports
        self._senders = senders
        self._to = to
        self._now = now
        self._dry_run = dry_run
        self._aside = aside
        self._progress = progress
        self._seen_live: set[str] = set()
        self._seen_sessions: set[str] = set()
        self._seen_external_ids: set[str] = set()
        self.counts = Counts()

    async def run(self) -> Counts:
        """Raises SourceError, StorageUnavailable and what the source's driver has."""
        self.counts.source = await self._source.totals()
        done = 0
        async for heads in self._source.heads():
            keys = {head.id: self._key(head.id) for head in heads}
            known = await self._imports.known(list(keys.values()))
            for stored in known.values():
                self._count_known(stored)
            await self._carry([head for head in heads if keys[head.id] not in known])
            done += len(heads)
            self._progress(self.counts, done)
        if not self._dry_run:
            await self._imports.catch_up()
        return self.counts

    def _key(self, id: str) -> bytes:
        return digest(self._to.account_id, self._to.source, id)

    def _count_known(self, stored: KnownImport) -> None:
        self.counts.known_conversations += 1
        self.counts.known_messages += stored.messages
        self.counts.aside_messages += stored.set_aside
        if stored.found is not None:
            self.counts.lost += stored.messages - stored.found

    async def _carry(self, heads: Sequence[Head]) -> None:
        """Load conversations and store them, as many together as may be."""
        batch: list[Loaded] = []
        messages = size = 0
        async for loaded in self._source.load(heads):
            if loaded.conversation is None:
                self._leave_out(loaded, loaded.set_aside)
                continue
            batch.append(loaded)
            messages += len(loaded.conversation.messages) + 1
            size += sum(m.size for m in loaded.conversation.messages)
            if messages >= ENTRIES or size >= BYTES:
                await self._store(batch)
                batch, messages, size = [], 0, 0
        if batch:
            await self._store(batch)

    def _leave_out(self, loaded: Loaded, reasons: Sequence[SetAside]) -> None:
        self.counts.aside_conversations += 1
        self.counts.aside_messages += loaded.total
        for reason in reasons:
            self._aside(reason)

    async def _store(self, batch: Sequence[Loaded]) -> None:
        """Store a batch. What the database refuses is found by storing each alone."""
        fault: Exception | None = None
        for _ in range(ATTEMPTS):
            try:
                prepared = await _Batch(self, batch).prepare()
                if prepared.ready and not self._dry_run:
                    await self._imports.store([new for _, new in prepared.ready])
            except DuplicateKey as error:
                fault = error
                continue
            except Rejected as error:
                fault = error
                break
            prepared.count()
            return
        if len(batch) == 1:
            head = batch[0].head
            self._leave_out(
                batch[0], [SetAside("conversation", head.id, "", f"the database refuses it: {fault}")]
            )
            return
        for loaded in batch:
            await self._store([loaded])


class _Batch:
    """A batch, prepared against the account's present contents. Nothing is counted before it is stored."""

    def __init__(self, run: Importer, batch: Sequence[Loaded]) -> None:
        self._run = run
        self._batch = batch
        self.ready: list[tuple[Loaded, NewImport]] = []
        self._refused: list[tuple[Loaded, SetAside]] = []
        self._left_out: list[SetAside] = []
        self._live: set[str] = set()
        self._sessions: set[str] = set()
        self._external_ids: set[str] = set()
        self._second = 0

    async def prepare(self) -> _Batch:
        """Look up what the conversations meet here, and make their entries."""
        run, to = self._run, self._run._to
        conversations = [(loaded, c) for loaded in self._batch if (c := loaded.conversation) is not None]
        threads = await self._threads([c for _, c in conversations])
        contacts = await run._imports.contacts(NAME, set(threads))
        live = await run._imports.live(to.channel_id, set(threads))
        ids = {m.external_id for _, c in conversations for m in c.messages if m.external_id is not None}
        external_ids = await run._imports.external_ids(to.channel_id, ids) | ids & run._seen_external_ids
        names = {c.session.id for _, c in conversations if c.session}
        sessions = await run._imports.sessions(names) | names & run._seen_sessions
        for (loaded, c), thread in zip(conversations, threads, strict=True):
            if c.session is not None:
                if c.session.id in sessions:
                    reason = f"sessionId {c.session.id} is another conversation's"
                    self._refused.append((loaded, SetAside("conversation", loaded.head.id, "", reason)))
                    continue
                sessions.add(c.session.id)
                self._sessions.add(c.session.id)
            contact_id, name = contacts.get(thread, (to.account_id, None))  # a dry run makes no contacts
            place = Place(to.account_id, to.channel_id, contact_id, thread, name)
            self._add(loaded, c, place, live, external_ids)
        return self

    async def _threads(self, conversations: Sequence[SourceConversation]) -> list[str]:
        """The customers' identifiers as they are known here; new customers become contacts."""
        if self._run._dry_run:
            return [c.phone for c in conversations]
        resolve, account = self._run._senders.resolve, self._run._to.account_id
        known = await self._run._imports.contacts(NAME, {c.phone for c in conversations})
        named: dict[str, str | None] = {}
        for c in conversations:  # who is known here keeps the present name
            named[c.phone] = None if c.phone in known else named.get(c.phone) or c.name
        found = await asyncio.gather(
            *(resolve(account, NAME, Sender(phone, name)) for phone, name in named.items()),
            return_exceptions=True,
        )
        threads: dict[str, str] = {}
        for phone, thread in zip(named, found, strict=True):
            if isinstance(thread, BaseException):
                if not isinstance(thread, TertuliaError) or thread.retry_after is not None:
                    raise thread
                raise Rejected(str(thread))
            threads[phone] = thread
        return [threads[c.phone] for c in conversations]

    def _add(
        self, loaded: Loaded, c: SourceConversation, place: Place, live: set[str], external_ids: set[str]
    ) -> None:
        to, head = self._run._to, loaded.head
        kept: list[SourceMessage] = []
        for message in c.messages:
            if message.external_id is not None and message.external_id in external_ids:
                reason = f"whatsapp_message_id {message.external_id} is another message's"
                self._left_out.append(SetAside("message", message.id, f"conversation {head.id}", reason))
                continue
            if message.external_id is not None:
                external_ids.add(message.external_id)
                self._external_ids.add(message.external_id)
            kept.append(message)
        wants_live = c.status in ("active", "handed_off")
        may_live = wants_live and place.identifier not in live | self._run._seen_live | self._live
        if may_live:
            self._live.add(place.identifier)
        self._second += wants_live and not may_live
        write = write_of(
            to.source,
            head.id,
            msgspec.structs.replace(c, messages=tuple(kept)),
            place,
            live=may_live,
            auto_close_hours=to.auto_close_hours,
            now=self._run._now,
        )
        session = c.session and Session(c.session.id, write.after.id, c.session.bot_id, c.session.local_id)
        aside = loaded.total - len(kept)
        self.ready.append((loaded, NewImport(self._run._key(head.id), write, aside, session)))

    def count(self) -> None:
        counts = self._run.counts
        for loaded, new in self.ready:
            counts.conversations += 1
            counts.messages += new.messages
            counts.aside_messages += new.set_aside
            for reason in loaded.set_aside:
                self._run._aside(reason)
        for loaded, reason in self._refused:
            self._run._leave_out(loaded, [reason])
        for reason in self._left_out:
            self._run._aside(reason)
        counts.second += self._second
        if self._run._dry_run:  # nothing is in the database that would tell
            self._run._seen_live |= self._live
            self._run._seen_sessions |= self._sessions
            self._run._seen_external_ids |= self._external_ids
