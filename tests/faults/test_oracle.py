"""The oracle is proved: it finds every doctored fault, and what a journal without its fence does."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncpg
import pytest
from oracle import History, Verdict, judge

from tertulia.core.conversation.commands import ThreadKey
from tertulia.core.conversation.entries import Actor, Entry, Message, Opened
from tertulia.core.conversation.projection import apply
from tertulia.core.conversation.state import State
from tertulia.core.ids import new_conversation_id, partition_of_thread
from tertulia.core.ports.journal import StaleEpoch, Write
from tertulia.storage.embedded import EmbeddedPostgres
from tertulia.storage.postgres import migrate
from tertulia.storage.postgres.conversations import journal as journal_module
from tertulia.storage.postgres.conversations.journal import PostgresJournal
from tertulia.storage.postgres.database import Database

Stored = dict[str, list[tuple[int, str]]]


def good() -> tuple[History, Stored]:
    """Two conversations of five operations; one refused, one unknown that happened, one unknown that did not."""
    history, stored = History(), {"a": [], "b": []}
    for conversation in ("a", "b"):
        for seq in range(1, 6):
            token = history.invoke(conversation)
            history.succeed(token, seq, float(seq))
            stored[conversation].append((seq, token))
    history.fail(history.invoke("a"), "503")
    happened, _ = history.invoke("a"), history.invoke("b")
    stored["a"].append((6, happened))
    return history, stored


def test_a_good_history_passes() -> None:
    history, stored = good()
    assert judge(history, stored, {"r": stored}).good


def _lose(h: History, s: Stored) -> None:
    s["a"].pop(2)
    s["a"] = [(n, token) for n, (_, token) in enumerate(s["a"], 1)]


def _lose_last(h: History, s: Stored) -> None:
    s["b"].pop()


def _duplicate(h: History, s: Stored) -> None:
    s["a"].append((7, s["a"][0][1]))


def _gap(h: History, s: Stored) -> None:
    s["a"][-1] = (7, s["a"][-1][1])


def _repeated_number(h: History, s: Stored) -> None:
    s["a"][-1] = (5, s["a"][-1][1])


def _other_number(h: History, s: Stored) -> None:
    first, second = s["a"][0], s["a"][1]
    s["a"][0], s["a"][1] = (1, second[1]), (2, first[1])


def _refused_but_there(h: History, s: Stored) -> None:
    s["a"].append((7, next(iter(h.failed))))


def _never_asked(h: History, s: Stored) -> None:
    s["b"].append((6, "op-999"))


@pytest.mark.parametrize(
    ("doctor", "kind"),
    [
        (_lose, "lost"),
        (_lose_last, "lost"),
        (_duplicate, "duplicated"),
        (_gap, "misnumbered"),
        (_repeated_number, "misnumbered"),
        (_other_number, "misnumbered"),
        (_refused_but_there, "unexpected"),
        (_never_asked, "unexpected"),
    ],
)
def test_a_doctored_database_is_seen(doctor: Callable[[History, Stored], None], kind: str) -> None:
    history, stored = good()
    doctor(history, stored)
    verdict = judge(history, stored)
    assert getattr(verdict, kind) and not verdict.good, verdict


@pytest.mark.parametrize("change", ["missing", "twice", "swapped", "strange", "nothing"])
def test_a_doctored_reader_is_seen(change: str) -> None:
    history, stored = good()
    view = {k: list(v) for k, v in stored.items()}
    if change == "missing":
        view["a"].pop(3)
    elif change == "twice":
        view["a"].insert(3, view["a"][2])
    elif change == "swapped":
        view["a"][1], view["a"][2] = view["a"][2], view["a"][1]
    elif change == "strange":
        view["a"][0] = (1, "op-999")
    else:
        view = {}
    assert judge(history, stored, {"r": view}).misseen


def test_gaps_between_acknowledgements() -> None:
    history = History()
    for conversation, times in {
        "a": (1.0, 2.0, 5.0, 5.5),
        "b": (1.0, 1.5, 2.0, 2.5, 3.5, 4.0, 5.0, 5.9),
    }.items():
        for at in times:
            history.succeed(history.invoke(conversation), 1, at)
    assert history.longest_gap(0.5, 6.0) == 3.0
    assert history.longest_gap(5.2, 9.0) == 3.5, "an outage that lasts to the end counts"
    history.succeed(history.invoke("c"), 1, 5.9)
    assert history.longest_gap(0.5, 6.0) == 5.4, "every conversation counts"


# -- the fence, and a journal without it

ACCOUNT = "00000000-0000-0000-0000-00000000f001"
CHANNEL = "00000000-0000-0000-0000-00000000f011"


@pytest.fixture(scope="module")
async def postgres(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    server = EmbeddedPostgres(Path(tmp_path_factory.mktemp("pg")))
    await server.start()
    await migrate.upgrade(server.url)
    connection = await asyncpg.connect(server.url)
    await connection.execute(f"INSERT INTO accounts (id, name) VALUES ('{ACCOUNT}', 'x')")
    await connection.execute(f"INSERT INTO account_feeds (account_id) VALUES ('{ACCOUNT}')")
    source = await connection.fetchval("SELECT pg_get_functiondef('commit_batch'::regproc)")
    unfenced, removed = re.subn(r"IF standing <> .*?END IF;", "", source, flags=re.DOTALL)
    assert removed == 2, "the hosts' fence and the supervisors'"
    await connection.execute(
        unfenced.replace("FUNCTION public.commit_batch", "FUNCTION public.commit_batch_unfenced")
    )
    await connection.close()
    yield server.url
    await server.stop("immediate")


class Owner:
    """A host in miniature: its own idea of the epoch, its own copy of the conversation's state."""

    def __init__(self, thread: ThreadKey, conversation_id: str, epoch: int) -> None:
        self.thread, self.id, self.epoch = thread, conversation_id, epoch
        self.state: State | None = None

    async def say(self, history: History, journal: PostgresJournal) -> None:
        """One command, acknowledged after its commit."""
        token = history.invoke(self.id)
        history.succeed(token, await self.commit(token, journal), 0.0)

    async def commit(self, token: str, journal: PostgresJournal) -> int:
        """A message that says `token`; its seq."""
        entries: list[Entry] = []
        state = self.state
        before = None if state is None else state.conversation
        if state is None:
            opened = Opened(
                CHANNEL, "webchat", "00000000-0000-0000-0000-00000000f021", self.thread.identifier
            )
            entries.append(Entry(ACCOUNT, self.id, 0, 1, Actor("bot"), opened))
            state = apply(None, entries[0])
        message = Message(token, "outbound", "bot", "b", token)
        entries.append(Entry(ACCOUNT, self.id, state.conversation.seq + 1, 1, Actor("bot"), message))
        after = apply(state, entries[-1])
        partition = partition_of_thread(ACCOUNT, CHANNEL, self.thread.identifier)
        write = Write(before, after.conversation, tuple(entries), token)
        await journal.commit([write], {partition: self.epoch})
        self.state = after
        return after.conversation.seq


async def takeover(database: Database, partition: int) -> int:
    async with database.system() as connection:
        return await connection.fetchval(
            "UPDATE partitions SET epoch = epoch + 1, owner = gen_random_uuid() WHERE id = $1 RETURNING epoch",
            partition,
        )


async def stored(database: Database, conversation: str) -> Stored:
    async with database.system() as connection:
        rows = await connection.fetch(
            "SELECT seq, data ->> 'content' FROM entries WHERE conversation_id = $1 AND kind = 'message' ORDER BY seq",
            conversation,
        )
    return {conversation: [tuple(row) for row in rows]}


async def two_owners(database: Database, identifier: str) -> tuple[Owner, Owner, History, PostgresJournal]:
    """The old owner has said three things; a new one has taken over, loaded the state and said two."""
    partition = partition_of_thread(ACCOUNT, CHANNEL, identifier)
    thread = ThreadKey(ACCOUNT, CHANNEL, identifier)
    conversation = new_conversation_id(1_900_000_000_000, abs(hash(identifier)) << 20, partition)
    journal, history = PostgresJournal(database), History()
    old = Owner(thread, conversation, await takeover(database, partition))
    for _ in range(3):
        await old.say(history, journal)
    new = Owner(thread, conversation, await takeover(database, partition))
    new.state = old.state
    return old, new, history, journal


async def test_a_stale_owner_commits_nothing(postgres: str) -> None:
    database = await Database.connect(postgres, system=2, app=1)
    try:
        old, new, history, journal = await two_owners(database, "fenced")
        with pytest.raises(StaleEpoch):
            await old.say(history, journal)
        await new.say(history, journal)
        with pytest.raises(StaleEpoch):
            await old.say(history, journal)
        await new.say(history, journal)
        verdict = judge(history, await stored(database, new.id))
        assert verdict.good, verdict
        assert len(history.ok) == 5
    finally:
        await database.close()


@pytest.mark.parametrize("fenced", [True, False], ids=["with the fence", "without the fence"])
async def test_a_commit_that_arrives_late(
    postgres: str, monkeypatch: pytest.MonkeyPatch, fenced: bool
) -> None:
    """A commit is stuck on its way; its owner settles the matter by raising the epoch, finds nothing and tells the
    client that nothing was stored. Then the commit arrives. The fence shuts it out; without the fence it stands, against
    what was said, and the oracle must see that. (The primary key alone only stops two commits of one number.)"""
    if not fenced:
        unfenced = journal_module.COMMIT.replace("commit_batch", "commit_batch_unfenced")
        monkeypatch.setattr(journal_module, "COMMIT", unfenced)
    database = await Database.connect(postgres, system=2, app=1)
    try:
        _, owner, history, journal = await two_owners(database, f"late-{fenced}")
        await owner.say(history, journal)
        stuck = Owner(owner.thread, owner.id, owner.epoch)
        stuck.state = owner.state
        token = history.invoke(owner.id)
        owner.epoch = await takeover(database, partition_of_thread(ACCOUNT, CHANNEL, owner.thread.identifier))
        assert len((await stored(database, owner.id))[owner.id]) == 4
        history.fail(token, "storage_unavailable")
        if fenced:
            with pytest.raises(StaleEpoch):
                await stuck.commit(token, journal)
            await owner.say(history, journal)
        else:
            await stuck.commit(token, journal)
        verdict = judge(history, await stored(database, owner.id))
        assert verdict.good == fenced and bool(verdict.unexpected) != fenced, verdict
    finally:
        await database.close()


def test_a_verdict_reads_well() -> None:
    assert str(Verdict()) == "nothing wrong"
    assert "1 lost: ['op-1']" in str(Verdict(lost=["op-1"]))
