"""Figures counted outside the commits: exact at any moment, whatever dies, and the same when counted again."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import asyncpg
import pytest
from backends import PostgresBackend, thread
from hypothesis import given
from hypothesis import strategies as st
from samples import OPENING, Scribe, agent, answered, received, to_conversation, to_thread, uid

from tertulia.core.conversation.commands import (
    Assign,
    Changes,
    Close,
    Handoff,
    Open,
    Post,
    Rate,
    ThreadKey,
    Update,
)
from tertulia.core.conversation.entries import Message, Rated
from tertulia.core.conversation.state import Conversation
from tertulia.core.conversation.status import Status
from tertulia.core.ports.journal import Write
from tertulia.core.times import rfc3339_or_none
from tertulia.core.views.statistics import DAY_MS, InboxStats, Period, Queue
from tertulia.storage.postgres.conversations.inbox import PostgresInbox
from tertulia.storage.postgres.database import Database
from tertulia.storage.postgres.reports.report_counters import ACCURACY, ReportCounters, quantile

COUNTS = "SELECT dimension, item, measure, at, bucket, n FROM report_counts WHERE account_id = $1 AND n <> 0 ORDER BY 1, 2, 3, 4, 5"


class Life:
    """An account in which things happen at random, and what its figures must be."""

    def __init__(self, backend: PostgresBackend, key: ThreadKey, seed: int) -> None:
        self.backend, self.key, self.random = backend, key, random.Random(seed)
        self.scribe = Scribe()
        self.conversations: dict[str, Conversation] = {}
        self.writes: list[Write] = []

    def write(self) -> Write:
        live = [i for i, c in self.conversations.items() if c.live]
        resolved = [i for i, c in self.conversations.items() if c.status == "resolved"]
        what = self.random.choice(
            [
                "open",
                "message",
                "answer",
                "note",
                "handoff",
                "resolve",
                "close",
                "reopen",
                "rate",
                "assign",
                "snooze",
            ]
        )
        self.scribe.now += self.random.choice([10, 5_000, 600_000])
        if what == "reopen" and resolved:
            envelope = to_conversation(
                Update(Changes(status=Status.OPEN)),
                self.random.choice(resolved),
                agent(),
                account=self.key.account_id,
            )
        elif what == "rate" and (asked := [i for i in resolved if self.conversations[i].csat_due]):
            envelope = to_conversation(
                Rate(self.random.randint(1, 5)),
                self.random.choice(asked),
                agent("desk", "service"),
                account=self.key.account_id,
            )
        elif what in ("open", "reopen", "rate") or not live:
            envelope = to_thread(Open(OPENING), ThreadKey(self.key.account_id, self.key.channel_id, uid()))
        else:
            target = self.random.choice(live)
            c = self.conversations[target]
            command = {
                "message": received("m").post,
                "answer": answered("a"),
                "note": answered("n", is_private=True),
                "handoff": Handoff("asked"),
                "resolve": Update(Changes(status=Status.RESOLVED)),
                "close": Close(),
                "assign": Assign("ana" if c.assignee_id is None else None),
                "snooze": Update(
                    Changes(snoozed_until=None if c.snoozed_until else self.scribe.now + 86_400_000)
                ),
            }[what]
            by = agent("ana") if isinstance(command, Post) else agent("desk", "service")
            envelope = to_conversation(command, target, by, account=self.key.account_id)
        write = self.scribe.write(envelope)
        self.conversations[write.after.id] = write.after
        self.writes.append(write)
        return write

    def check(self, stats: InboxStats) -> None:
        all_of_them = list(self.conversations.values())
        messages = [e.data for w in self.writes for e in w.entries if isinstance(e.data, Message)]
        public = [m for m in messages if not m.is_private]
        assert {s: n for s, n in stats.statuses.items() if n} == {
            s.value: sum(c.status is s for c in all_of_them) for s in {c.status for c in all_of_them}
        }
        waiting = [
            c.waiting_since for c in all_of_them if c.status is Status.OPEN and c.snoozed_until is None
        ]
        assert stats.queue == Queue(len(waiting), rfc3339_or_none(min(waiting, default=None)))
        assert stats.volume.conversations == len(all_of_them)
        assert stats.volume.inbound == sum(m.direction == "inbound" for m in public)
        assert stats.volume.outbound == sum(m.direction == "outbound" for m in public)
        scores = {
            e.conversation_id: e.data.score
            for w in self.writes
            for e in w.entries
            if isinstance(e.data, Rated)
        }
        assert +Counter(stats.csat.distribution) == Counter(map(str, scores.values()))  # each one's last
        for found, times in (
            (stats.first_reply, [c.first_reply_at - c.created_at for c in all_of_them if c.first_reply_at]),
            (stats.resolution, [c.resolved_at - c.created_at for c in all_of_them if c.resolved_at]),
        ):
            times.sort()
            assert found.count == len(times)
            if times:
                expected = times[int(0.9 * (len(times) - 1))] / 1000
                assert found.p90_s == pytest.approx(expected, rel=1.1 * ACCURACY, abs=0.001)


@pytest.fixture
async def life(postgres: PostgresBackend) -> Life:
    return Life(postgres, await thread(postgres), 1)


async def stats_of(life: Life, database: Database) -> InboxStats:
    now = life.scribe.now
    return await PostgresInbox(database).stats(life.key.account_id, Period(now - 80 * DAY_MS, now + DAY_MS))


async def test_figures_are_exact_at_every_moment(life: Life, database: Database) -> None:
    counters = ReportCounters(database)
    epochs = await life.backend.epochs()
    for round_ in range(12):
        await life.backend.journal.commit([life.write() for _ in range(15)], epochs)
        if round_ % 3 == 0:
            await counters.catch_up()
        life.check(await stats_of(life, database))


async def test_counting_that_dies_in_the_middle_leaves_nothing_half_done(
    life: Life, database: Database, owner: asyncpg.Connection
) -> None:
    epochs = await life.backend.epochs()
    await life.backend.journal.commit([life.write() for _ in range(60)], epochs)
    for _ in range(3):
        transaction = owner.transaction()
        await transaction.start()
        assert await owner.fetchval("SELECT report_advance($1, 20, true)", life.key.account_id) == 20
        await transaction.rollback()  # as when the process dies before its commit
    assert not await owner.fetch(COUNTS, life.key.account_id)
    life.check(await stats_of(life, database))


async def test_many_may_count_at_once(life: Life, database: Database, owner: asyncpg.Connection) -> None:
    epochs = await life.backend.epochs()
    counters = ReportCounters(database)

    async def commit() -> None:
        for _ in range(8):
            await life.backend.journal.commit([life.write() for _ in range(10)], epochs)

    async def count() -> None:
        for _ in range(6):
            await counters.catch_up()
            await stats_of(life, database)

    await asyncio.gather(commit(), *(count() for _ in range(3)))
    life.check(await stats_of(life, database))


async def test_counting_again_gives_the_same(
    life: Life, database: Database, owner: asyncpg.Connection
) -> None:
    epochs = await life.backend.epochs()
    for _ in range(4):
        await life.backend.journal.commit([life.write() for _ in range(20)], epochs)
        await stats_of(life, database)
    before = await owner.fetch(COUNTS, life.key.account_id)
    assert await ReportCounters(database).recount() >= 80
    assert await owner.fetch(COUNTS, life.key.account_id) == before != []
    life.check(await stats_of(life, database))


async def test_the_schemas_buckets_are_those_of_the_quantiles(owner: asyncpg.Connection) -> None:
    for seconds in (0.001, 0.02, 1.0, 59.9, 3600.0, 86_400.0 * 90):
        bucket = await owner.fetchval("SELECT report_bucket(make_interval(secs => $1))", seconds)
        assert quantile([(bucket, 1)], 0.5) == pytest.approx(seconds, rel=1.001 * ACCURACY)


@given(st.lists(st.tuples(st.integers(-400, 900), st.integers(1, 5)), max_size=8), st.floats(0, 1))
def test_a_quantile_is_one_of_its_buckets(sketch: list[tuple[int, int]], q: float) -> None:
    merged: dict[int, int] = {}
    for bucket, n in sketch:
        merged[bucket] = merged.get(bucket, 0) + n
    ordered = sorted(merged.items())
    found = quantile(ordered, q)
    assert (found is None) == (not ordered)
    if found is not None:
        every = [b for b, n in ordered for _ in range(n)]
        assert found == quantile([(every[int(q * (len(every) - 1))], 1)], 0)
