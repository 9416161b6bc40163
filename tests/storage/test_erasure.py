"""How a change of a contact reaches conversations in memory: with a real host and journal, without Ray."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import asyncpg
import pytest
from msgspec.structs import replace
from samples import listening

from tertulia.actors.clock import fresh_id, now_ms
from tertulia.actors.gateway.account_feeds import Feed
from tertulia.actors.host.host import ConversationHost
from tertulia.actors.host.placement import SharedPlacement
from tertulia.actors.transport import codec
from tertulia.core.channels.records import NewUpload
from tertulia.core.channels.signed_urls import path_of
from tertulia.core.conversation.commands import (
    By,
    Changes,
    Close,
    Command,
    Done,
    Envelope,
    Erase,
    Opening,
    Outcome,
    Post,
    Receive,
    Refused,
    ThreadKey,
    Update,
)
from tertulia.core.conversation.entries import Actor, Attachment, Entry, Message
from tertulia.core.conversation.projection import apply
from tertulia.core.conversation.state import State
from tertulia.core.ports.feeds import FeedHead
from tertulia.core.ports.resources import NewIdentifier
from tertulia.settings import Settings
from tertulia.storage.objects.object_store import open_objects
from tertulia.storage.postgres.accounts.contacts import PostgresContacts
from tertulia.storage.postgres.conversations.archive import PostgresArchive
from tertulia.storage.postgres.conversations.conversations import PostgresConversations
from tertulia.storage.postgres.conversations.journal import PostgresJournal
from tertulia.storage.postgres.conversations.ownership import PostgresOwnership
from tertulia.storage.postgres.database import Database
from tertulia.storage.postgres.delivery.attachments import PostgresAttachments

ADMIN = By("agent", "dana", "admin")
WORDS, NAME, NUMBER = "my secret words", "Ada Lovelace", "+15550001"


class Published:
    """Stands where a gateway's feed does."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def publish(self, entries: Sequence[Entry], positions: Sequence[int]) -> None:
        placed = zip(entries, positions, strict=True)
        self.entries += [replace(entry, position=position) for entry, position in placed]


class Running:
    """A host that owns every partition."""

    def __init__(self, database: Database, account_id: str) -> None:
        self.account_id = account_id
        self.thread = ThreadKey(account_id, str(uuid.uuid4()), NUMBER)
        self.published = Published()
        placement = SharedPlacement(now=now_ms, new_id=fresh_id)
        self.host = ConversationHost(
            PostgresJournal(database),
            PostgresArchive(database),
            self.published,
            placement,
            max_waiting=100,
            on_stale=asyncio.Event(),
        )

    async def ask(self, command: Command, conversation_id: str | None = None, by: By = ADMIN) -> Outcome:
        thread = None if conversation_id else self.thread
        envelope = Envelope(fresh_id(), self.account_id, by, command, conversation_id, thread)
        (outcome,) = codec.decode_outcomes(await self.host.submit(codec.encode([envelope])))
        return outcome

    async def write(
        self, text: str, external_id: str | None = None, attachments: tuple[Attachment, ...] = ()
    ) -> Entry:
        """The customer writes."""
        post = Post(
            "contact", text, external_id=external_id, metadata={"from": NUMBER}, attachments=attachments
        )
        by = By("contact", NUMBER, "customer", self.thread.channel_id, NUMBER)
        done = await self.ask(Receive(Opening("sms", NAME, subject=WORDS), post), by=by)
        assert isinstance(done, Done), done
        return done.entries[0]


@pytest.fixture
async def running(database: Database, account_id: str) -> AsyncIterator[Running]:
    made, ownership, incarnation = (
        Running(database, account_id),
        PostgresOwnership(database),
        str(uuid.uuid4()),
    )
    await ownership.register(f"host:{incarnation}", "node", listening(incarnation))
    made.host.own(await ownership.claim(incarnation, [incarnation], 1024))
    loops = [
        asyncio.ensure_future(made.host.main_loop()),
    ]
    yield made
    for loop in loops:
        loop.cancel()


async def contact_of(database: Database, running: Running, conversation_id: str) -> str:
    c = await PostgresConversations(database).get(running.account_id, conversation_id)
    assert c is not None
    return c.contact_id


async def erase(database: Database, running: Running, contact_id: str) -> None:
    contacts = PostgresContacts(database)
    ids = await contacts.begin_erasure(running.account_id, contact_id)
    assert ids is not None
    for conversation_id in await contacts.conversations(running.account_id, contact_id):
        assert isinstance(await running.ask(Erase(), conversation_id), Done)
    await contacts.finish_erasure(running.account_id, ids, Actor("agent", "dana"))


async def everything_stored(owner: asyncpg.Connection, account_id: str) -> str:
    tables = ("conversations", "entries", "contacts", "contact_identifiers", "audit_log")
    rows = [
        await owner.fetch(f"SELECT t::text FROM {table} t WHERE account_id = $1", account_id)
        for table in tables
    ]
    ids = await owner.fetch(
        "SELECT p::text FROM provider_messages p JOIN conversations c ON c.id = p.conversation_id"
        " WHERE c.account_id = $1",
        account_id,
    )
    return "\n".join(row[0] for found in (*rows, ids) for row in found)


async def test_nothing_of_an_erased_customer_is_left(
    database: Database, running: Running, owner: asyncpg.Connection
) -> None:
    first = await running.write(WORDS, external_id="wamid.canary")
    conversation_id = first.conversation_id
    await running.ask(Update(Changes(contact_name=NAME, metadata={"note": WORDS})), conversation_id)
    await running.ask(Close(), conversation_id)
    second = await running.write(WORDS + " again")
    assert second.conversation_id != conversation_id
    contact_id = await contact_of(database, running, conversation_id)

    await erase(database, running, contact_id)

    stored = await everything_stored(owner, running.account_id)
    assert conversation_id in stored and contact_id in stored, "that something happened may be known"
    for canary in (WORDS, NAME, NUMBER, "wamid.canary", "secret"):
        assert canary not in stored
    for active in running.host.activations.conversations.values():
        assert WORDS not in repr(active.actor.state)  # pyright: ignore
        assert NUMBER not in repr(active.actor.state)  # pyright: ignore


async def test_an_erased_conversation_accepts_nothing_more(
    database: Database, running: Running, owner: asyncpg.Connection
) -> None:
    entry = await running.write(WORDS)
    contact_id = await contact_of(database, running, entry.conversation_id)
    await erase(database, running, contact_id)
    for residents in ("in memory", "loaded"):
        outcome = await running.ask(Update(Changes(subject="x")), entry.conversation_id)
        assert isinstance(outcome, Refused) and outcome.code == "not_found", residents
        running.host.activations.drop_thread(running.thread)
    query = "SELECT count(*) FROM contact_identifiers WHERE account_id = $1"
    assert await owner.fetchval(query, running.account_id) == 0, "looking at it makes nobody"


async def test_an_erased_customer_comes_back_as_somebody_new(database: Database, running: Running) -> None:
    before = await running.write(WORDS)
    contact_id = await contact_of(database, running, before.conversation_id)
    await erase(database, running, contact_id)
    texts = [f"hello {i}" for i in range(5)]
    after = await asyncio.gather(*(running.write(text) for text in texts))
    assert {e.conversation_id for e in after} != {before.conversation_id}
    assert len({e.conversation_id for e in after}) == 1
    ordered = sorted(after, key=lambda e: e.seq)
    assert [e.data.content for e in ordered if isinstance(e.data, Message)] == texts
    again = await contact_of(database, running, after[0].conversation_id)
    assert again != contact_id
    assert await PostgresContacts(database).get(running.account_id, again) is not None


async def test_replays_from_memory_do_not_repeat_what_was_erased(
    database: Database, running: Running
) -> None:
    entry = await running.write(WORDS)
    await erase(database, running, await contact_of(database, running, entry.conversation_id))
    delivered: list[Entry] = []
    feed = Feed(running.account_id, delivered.append)
    feed.start(FeedHead(running.account_id, "g", 0, 1))
    for published in running.published.entries:
        feed.offer(published)
    replayed = feed.since(0)
    assert replayed is not None and len(replayed) == len(delivered) == feed.position
    assert WORDS in repr(delivered) and WORDS not in repr(replayed) and NUMBER not in repr(replayed)
    state: State | None = None
    for replay in replayed:
        state = apply(state, replay)
    c = await PostgresConversations(database).get(running.account_id, entry.conversation_id)
    assert state is not None and state.conversation == c, "snapshot and replay agree"


async def test_only_admins_erase(running: Running) -> None:
    entry = await running.write(WORDS)
    outcome = await running.ask(Erase(), entry.conversation_id, By("agent", "abeba", "lead"))
    assert isinstance(outcome, Refused) and outcome.code == "forbidden"


async def test_the_next_conversation_follows_a_merged_contact(database: Database, running: Running) -> None:
    first = await running.write("hello")
    contacts = PostgresContacts(database)
    into = await contacts.create(running.account_id, str(uuid.uuid4()), "Into", {}, [])
    left = await contact_of(database, running, first.conversation_id)
    assert await contacts.merge(running.account_id, left, into.id, Actor("agent", "dana"))
    await running.ask(Update(Changes(contact_id=into.id, contact_name="Into")), first.conversation_id)
    assert await contact_of(database, running, first.conversation_id) == into.id
    await running.ask(Close(), first.conversation_id)
    second = await running.write("again")
    assert second.conversation_id != first.conversation_id
    assert await contact_of(database, running, second.conversation_id) == into.id


async def test_an_erased_customers_files_are_gone(
    database: Database, running: Running, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    """Records and bytes; but a file stays for as long as another's record has the same bytes."""
    attachments = PostgresAttachments(
        database, open_objects(Settings(attachments_url=tmp_path.as_uri())), most=1000
    )
    account_id, channel_id = running.account_id, running.thread.channel_id

    async def upload(text: str, by: Actor, channel: str | None = None) -> str:
        async def body() -> AsyncIterator[bytes]:
            yield text.encode()

        new = NewUpload(str(uuid.uuid4()), account_id, by, channel, f"{NAME}.txt")
        return (await attachments.upload(new, body(), 1000, lambda _: "text/plain")).id

    agent, customer = Actor("agent", "abeba"), Actor("contact", NUMBER)
    linked, named, never_sent = [
        await upload(f"{WORDS} {what}", customer, channel_id) for what in ("linked", "named", "never sent")
    ]
    sent, shared, kept = [await upload(what, agent) for what in ("by an agent", "same bytes", "same bytes")]
    entry = await running.write("files", attachments=tuple(Attachment(path_of(i)) for i in (linked, named)))
    await attachments.link(account_id, entry.conversation_id, [linked, sent, shared])
    await attachments.link(account_id, str(uuid.uuid4()), [kept])

    await erase(database, running, await contact_of(database, running, entry.conversation_id))
    await attachments.sweep()

    everything = [linked, named, never_sent, sent, shared, kept]
    assert set(await attachments.get_all(account_id, everything)) == {kept}
    (left,) = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert left.read_text() == "same bytes"


async def test_what_a_contact_uploaded_goes_before_any_conversation(
    database: Database, running: Running, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    attachments = PostgresAttachments(
        database, open_objects(Settings(attachments_url=tmp_path.as_uri())), most=1000
    )
    channel_id, account_id = str(uuid.uuid4()), running.account_id
    await owner.execute(
        "INSERT INTO channels (id, account_id, type, name) VALUES ($1, $2, 'sms', 'x')",
        channel_id,
        account_id,
    )
    identifier = NewIdentifier(str(uuid.uuid4()), "sms", NUMBER)
    contacts = PostgresContacts(database)
    contact = await contacts.create(account_id, str(uuid.uuid4()), NAME, {}, [identifier])

    async def body() -> AsyncIterator[bytes]:
        yield WORDS.encode()

    new = NewUpload(str(uuid.uuid4()), account_id, Actor("contact", NUMBER), channel_id)
    made = await attachments.upload(new, body(), 1000, lambda _: "text/plain")
    await erase(database, running, contact.id)
    assert await attachments.get(account_id, made.id) is None
