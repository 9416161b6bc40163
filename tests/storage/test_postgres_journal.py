"""What only a real database can do: lose an answer, hold a lock, refuse a row to another account."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from backends import PostgresBackend, everything, thread
from samples import Scribe, conversation_id, received, to_thread, uid
from waiting import until

from tertulia.core.conversation.commands import ThreadKey
from tertulia.core.conversation.entries import Entry, Message
from tertulia.core.errors import StorageUnavailable
from tertulia.core.ports.journal import NotStored, Rejected, StaleEpoch, Write
from tertulia.storage.postgres.conversations import journal
from tertulia.storage.postgres.conversations.archive import PostgresArchive
from tertulia.storage.postgres.conversations.feeds import PostgresFeeds
from tertulia.storage.postgres.conversations.journal import PostgresJournal
from tertulia.storage.postgres.database import Database

GATE = 0x6A7E
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE $1"
BUSY = "SELECT pid FROM pg_stat_activity WHERE query LIKE '%commit_batch%' AND state = 'active' AND pid <> pg_backend_pid()"


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def until_waiting(connection: asyncpg.Connection, query: str, count: int = 1) -> None:
    """Until as many statements like `query` wait for a lock."""

    async def waiting() -> bool:
        return await connection.fetchval(WAITING, f"%{query}%") >= count

    await until(waiting, f"{count} of {query} to wait")


async def holding_partition(connection: asyncpg.Connection, partition: int) -> None:
    await connection.execute("BEGIN")
    await connection.execute("SELECT 1 FROM partitions WHERE id = $1 FOR UPDATE", partition)


async def kill_commits(connection: asyncpg.Connection) -> int:
    return len(await connection.fetch(f"SELECT pg_terminate_backend(pid) FROM ({BUSY}) AS busy"))


async def test_a_commit_that_was_lost_before_it_happened(postgres: PostgresBackend, scribe: Scribe) -> None:
    key, epochs = await thread(postgres), await postgres.epochs()
    write = scribe.write(to_thread(received(), key), 5)
    async with connected(postgres.url) as other, connected(postgres.url) as killer:
        await holding_partition(other, 5)
        task = asyncio.create_task(postgres.journal.commit([write], epochs))
        await until_waiting(killer, "commit_batch")
        known = epochs[5]
        assert await kill_commits(killer) == 1
        await until_waiting(killer, "SET epoch = p.epoch + 1")  # settling waits for whoever holds the row
        await other.execute("ROLLBACK")
        with pytest.raises(NotStored):
            await task
    assert await everything(postgres, key.account_id) == []
    assert epochs[5] == known + 1 == (await postgres.epochs())[5]
    # the host continues under its new epoch, and the same write is fine now
    assert await postgres.journal.commit([write], epochs) == [1, 2]


async def test_a_commit_whose_answer_was_lost(postgres: PostgresBackend, scribe: Scribe) -> None:
    """The connection breaks after the commit and before its answer."""
    key, epochs = await thread(postgres), await postgres.epochs()
    write = scribe.write(to_thread(received(), key), 5)
    broken = PostgresJournal(Deaf(postgres.database))  # type: ignore[arg-type]
    known = epochs[5]
    assert await broken.commit([write], epochs) == [1, 2]
    assert [e.position for e in await everything(postgres, key.account_id)] == [1, 2]
    assert epochs[5] == known + 1
    assert await broken.commit([scribe.write(to_thread(received("next"), key))], epochs) == [3]


ODD = ["", "NULL", "{}", '"', "\\", "a,b", "\n", "\x1f", "\x1e", "{NULL}", "\u1238 \U0001f600", "x" * 300]


async def test_words_are_stored_unchanged(postgres: PostgresBackend, scribe: Scribe) -> None:
    """Keys, ids and previews travel many in one text."""
    key, epochs = await thread(postgres), await postgres.epochs()
    writes = [scribe.write(to_thread(received(word, key=f"key {word}"), key)) for word in ODD]
    for batch in (writes[:1], writes[1:]):
        await postgres.journal.commit(batch, epochs)
        async with connected(postgres.url) as connection:
            shown = "SELECT last_message_preview, seq FROM conversations WHERE id = $1"
            row = await connection.fetchrow(shown, batch[-1].after.id)
        assert tuple(row) == (batch[-1].after.last_message_preview, batch[-1].after.seq)
    messages = [e for e in await everything(postgres, key.account_id) if isinstance(e.data, Message)]
    assert [(m.data.content, m.data.client_message_id) for m in messages] == [(w, f"key {w}") for w in ODD]
    async with connected(postgres.url) as connection:
        stored = "SELECT command_key FROM entries WHERE account_id = $1 AND kind = 'message' ORDER BY seq"
        keys = [row[0] for row in await connection.fetch(stored, key.account_id)]
    assert keys == [f"contact::key {word}" for word in ODD]


async def test_a_word_that_contains_the_separator_is_refused(
    postgres: PostgresBackend, scribe: Scribe
) -> None:
    """Only somebody who reads our memory could send one; it must not move its neighbours into the wrong rows."""
    key, epochs = await thread(postgres), await postgres.epochs()
    write = scribe.write(to_thread(received("hi", key=f"a{journal.SEPARATOR}b"), key))
    with pytest.raises(Rejected):
        await postgres.journal.commit([write], epochs)
    assert await everything(postgres, key.account_id) == []


class Deaf:
    """A database whose next commit is carried out, but its answer gets lost."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.lost = False

    @asynccontextmanager
    async def system(self) -> AsyncIterator[Deaf]:
        async with self._database.system() as connection:
            self._connection = connection
            yield self

    async def fetchval(self, query: str, *arguments: object) -> object:
        answer = await self._connection.fetchval(query, *arguments)
        if not self.lost:
            self.lost = True
            raise ConnectionResetError("the answer was lost")
        return answer

    async def fetch(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        return await self._connection.fetch(query, *arguments)


async def test_a_commit_still_under_way_is_waited_for(postgres: PostgresBackend, scribe: Scribe) -> None:
    """The host loses patience; the statement continues in the server, and its outcome counts."""
    impatient = PostgresJournal(postgres.database, deadline=0.3)
    key, epochs = await thread(postgres), await postgres.epochs()
    write = scribe.write(to_thread(received(), key), 5)
    async with connected(postgres.url) as other, connected(postgres.url) as looker:
        await other.execute("BEGIN")
        await other.execute(
            "SELECT 1 FROM account_feeds WHERE account_id = $1::text::uuid FOR UPDATE", key.account_id
        )
        task = asyncio.create_task(impatient.commit([write], epochs))
        await until_waiting(looker, "commit_batch")
        with pytest.raises(NotStored):  # asyncpg cancels the statement on a timeout: it never happened
            await task
        await other.execute("ROLLBACK")
    assert await everything(postgres, key.account_id) == []
    assert await postgres.journal.commit([write], epochs) == [1, 2]


async def test_a_takeover_while_the_outcome_is_unknown(postgres: PostgresBackend, scribe: Scribe) -> None:
    key, epochs = await thread(postgres), await postgres.epochs()
    write = scribe.write(to_thread(received(), key), 5)
    async with connected(postgres.url) as other, connected(postgres.url) as killer:
        await holding_partition(other, 5)
        task = asyncio.create_task(postgres.journal.commit([write], epochs))
        await until_waiting(killer, "commit_batch")
        await kill_commits(killer)
        await until_waiting(killer, "SET epoch = p.epoch + 1")
        await other.execute("UPDATE partitions SET epoch = epoch + 1 WHERE id = 5")
        await other.execute("COMMIT")
        with pytest.raises(StaleEpoch):
            await task
    assert await everything(postgres, key.account_id) == []


async def test_a_takeover_waits_for_a_commit_under_way(postgres: PostgresBackend, scribe: Scribe) -> None:
    """Whoever takes a partition over reads what its former owner committed, all of it."""
    key, epochs = await thread(postgres), await postgres.epochs()
    write = scribe.write(to_thread(received(), key), 5)
    async with connected(postgres.url) as other, connected(postgres.url) as looker:
        await other.execute("BEGIN")
        await other.execute(
            "SELECT 1 FROM account_feeds WHERE account_id = $1::text::uuid FOR UPDATE", key.account_id
        )
        commit = asyncio.create_task(postgres.journal.commit([write], epochs))
        await until_waiting(looker, "commit_batch")
        claim = asyncio.create_task(postgres.ownership.claim(uid(), [], 1024))
        await until_waiting(looker, "UPDATE partitions SET owner")
        assert not claim.done()
        await other.execute("COMMIT")
        assert await commit == [1, 2]
        claimed = await claim
    assert claimed[5] == epochs[5] + 1
    with pytest.raises(StaleEpoch):
        await postgres.journal.commit([scribe.write(to_thread(received("late"), key))], epochs)


async def test_without_a_connection_nothing_was_sent(postgres: PostgresBackend, scribe: Scribe) -> None:
    """An outage is told at once: nothing is unknown, and the epochs stand."""
    key, epochs = await thread(postgres), await postgres.epochs()
    gone = Database(Closed(), Closed())  # type: ignore[arg-type]
    before = dict(epochs)
    async with asyncio.timeout(30):
        with pytest.raises(NotStored):
            await PostgresJournal(gone).commit([scribe.write(to_thread(received(), key))], epochs)
        with pytest.raises(StorageUnavailable):
            await PostgresArchive(gone).load_conversations([conversation_id()])
    assert epochs == before == await postgres.epochs()


class Closed:
    async def acquire(self, timeout: float) -> None:
        raise ConnectionRefusedError("nobody listens")


async def test_opposite_provider_ids_never_hang(postgres: PostgresBackend) -> None:
    """Two hosts that meet in a unique index both get an answer, and one of each id is stored."""
    account, channel = await postgres.add_account(), uid()
    epochs = await postgres.epochs()

    def batch(host: int, order: list[int]) -> list[Write]:
        scribe = Scribe()
        return [
            scribe.write(to_thread(received(external_id=f"x{n}"), ThreadKey(account, channel, f"{host}:{n}")), host)
            for n in order
        ]  # fmt: skip

    numbers = list(range(50))
    async with asyncio.timeout(30):
        outcomes = await asyncio.gather(
            postgres.journal.commit(batch(1, numbers), dict(epochs)),
            postgres.journal.commit(batch(2, numbers[::-1]), dict(epochs)),
            return_exceptions=True,
        )
    assert sum(isinstance(o, list) for o in outcomes) == 1
    assert len(await everything(postgres, account)) == 100


# --- row-level security


async def visible(connection: asyncpg.Connection) -> set[str]:
    rows = await connection.fetch("SELECT DISTINCT account_id::text FROM entries")
    return {row[0] for row in rows}


TABLES = [
    "account_feeds",
    "channels",
    "contacts",
    "contact_identifiers",
    "conversations",
    "conversation_recency",
]


async def two_accounts(postgres: PostgresBackend) -> list[ThreadKey]:
    scribe, keys = Scribe(), [await thread(postgres), await thread(postgres)]
    await postgres.journal.commit(
        [scribe.write(to_thread(received(), key), 8) for key in keys], await postgres.epochs()
    )
    return keys


async def test_an_account_sees_its_own_rows_and_no_others(postgres: PostgresBackend) -> None:
    first, second = await two_accounts(postgres)
    for key in (first, second, first):  # the pool gives the same connection again
        async with postgres.database.account(key.account_id) as connection:
            assert await visible(connection) == {key.account_id}  # type: ignore[arg-type]
            for table in TABLES:
                rows = await connection.fetch(f"SELECT DISTINCT account_id::text FROM {table}")
                assert {row[0] for row in rows} <= {key.account_id}
            assert await connection.fetchval("SELECT count(*) FROM accounts") == 1


async def test_without_an_account_there_are_no_rows(postgres: PostgresBackend) -> None:
    (first, _) = await two_accounts(postgres)
    async with connected(postgres.url) as connection:
        await connection.execute("SET ROLE tertulia_app")
        for account in (None, ""):
            if account is not None:
                await connection.execute("SELECT set_config('tertulia.account', $1, false)", account)
            for table in [*TABLES, "entries", "accounts"]:
                assert await connection.fetchval(f"SELECT count(*) FROM {table}") == 0
        await connection.execute("SELECT set_config('tertulia.account', $1, false)", first.account_id)
        assert await visible(connection) == {first.account_id}


async def test_an_account_writes_only_its_own_rows(postgres: PostgresBackend) -> None:
    first, second = await two_accounts(postgres)
    insert = "INSERT INTO contacts (id, account_id) VALUES ($1::text::uuid, $2::text::uuid)"
    async with postgres.database.account(first.account_id) as connection:
        await connection.execute(insert, uid(), first.account_id)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(insert, uid(), second.account_id)
        changed = await connection.execute("UPDATE contacts SET name = 'x'")
        assert changed == "UPDATE 1"
        for forbidden in (
            "DELETE FROM entries",
            "UPDATE conversations SET seq = 0",
            "INSERT INTO accounts (id, name) VALUES (gen_random_uuid(), 'x')",
            "SELECT * FROM partitions",
            "SELECT * FROM provider_messages",
            "SELECT * FROM entries_other",
            "DELETE FROM audit_log",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(forbidden)


async def test_a_feed_is_read_as_its_account(postgres: PostgresBackend) -> None:
    first, second = await two_accounts(postgres)
    feeds = PostgresFeeds(postgres.database)
    entries: list[Entry] = await feeds.read(second.account_id, 0, 10)
    theirs = [e.conversation_id for e in entries]
    assert await feeds.read_conversations(first.account_id, theirs, 0, 100, 10) == []
    assert await feeds.read_conversations(second.account_id, theirs, 0, 100, 10) == entries
