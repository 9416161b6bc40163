"""Supervisors over one database: those of different counts beside each other, and what they leave behind in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress

import asyncpg
import pytest
from backends import PostgresBackend
from msgspec.structs import replace
from samples import SERVICE, uid
from supervisors_rig import SupervisorsRig, ana
from waiting import until

from tertulia.actors.clock import fresh_id, now_ms
from tertulia.actors.cluster.peer_watch import PeerWatch
from tertulia.actors.cluster.shard_map import ShardMap
from tertulia.actors.cluster.shard_takeover import ShardTakeover
from tertulia.actors.supervisor.account_registry import Intervals
from tertulia.actors.supervisor.rosters import FIRST
from tertulia.core.conversation.commands import Assign, Envelope
from tertulia.core.errors import Overloaded, StorageUnavailable
from tertulia.core.ports.ownership import Process
from tertulia.core.routing.facts import Policy
from tertulia.core.routing.journal import RoutingEntry
from tertulia.core.routing.messages import Gone, Snapshot
from tertulia.core.routing.supervision_messages import SHARDS, Head, shard_of, shards_of, supervisor_of
from tertulia.storage.postgres.accounts.routing_journal import PostgresRoutingJournal


@pytest.fixture
async def rig(postgres: PostgresBackend, owner: asyncpg.Connection) -> AsyncIterator[SupervisorsRig]:
    rig = SupervisorsRig(postgres, owner)
    await rig.start()
    yield rig
    await rig.stop()


def odd(shard: int) -> bool:
    return shard % 2 == 1


def even(shard: int) -> bool:
    return shard % 2 == 0


def test_supervisors_and_gateways_divide_the_shards_alike() -> None:
    for count in (1, 2, 3, SHARDS):
        parts = [set(shards_of(number, count)) for number in range(count)]
        assert sorted(shard for part in parts for shard in part) == list(range(SHARDS))
        for account in (fresh_id() for _ in range(50)):
            assert shard_of(account) in parts[supervisor_of(shard_of(account), count, range(count))]


async def test_supervisors_of_different_counts_never_share_an_account(rig: SupervisorsRig) -> None:
    rig.intervals = Intervals(poll=60, reclaim=60)  # the old one finds out by what it tries
    ours, theirs = await rig.account(even), await rig.account(odd)
    old = await rig.supervisor(shards_of(0, 1))
    await old.present([ana(ours), ana(theirs)])
    new = await rig.supervisor(shards_of(1, 2))
    await new.present([ana(theirs)])
    assert old.shards.owns(theirs) and new.shards.owns(theirs) and not new.shards.owns(ours)
    # both hear of it, both decide, one of them under an epoch that stands
    contested = sorted([await rig.open(theirs) for _ in range(8)])
    mine = [await rig.open(ours) for _ in range(3)]
    await until(lambda: not old.shards.owns(theirs), "the old one to find out")
    await until(lambda: all(rig.assigned(c) for c in mine), "the old one to go on with the other shards")
    await until(lambda: sum(len(rig.assigned(c)) for c in contested) == 5, "ana to be full")
    assert [rig.assigned(c) for c in contested] == [["ana"]] * 5 + [[]] * 3  # the oldest, each once
    assert len(old.shards) == SHARDS - 1 and len(new.shards) == SHARDS // 2
    # whoever still asks the old one is refused
    with pytest.raises(Overloaded, match="another supervisor"):
        await old.ask(Envelope(fresh_id(), theirs, SERVICE, Assign("ben"), contested[-1]))
    assert rig.assigned(contested[-1]) == []
    another = await rig.account(even)
    with pytest.raises(Overloaded, match="another supervisor"):
        await old.present([ana(theirs), ana(another)])
    assert [a.status for a in await old.agents(another)] == ["online"], "the others are heard all the same"


async def test_a_supervisor_takes_over_a_shard_on_request(rig: SupervisorsRig) -> None:
    rig.intervals = replace(rig.intervals, reclaim=0.05)
    account = await rig.account(odd)
    beside = await rig.account(lambda shard: shard == shard_of(account))
    gone = await rig.supervisor(shards_of(1, 2))
    waiting = await rig.open(beside)
    await until(lambda: gone.accounts.desk(beside), "its supervisor to know of it")
    # from now on there is one supervisor, and gateways ask it for everything
    only = await rig.supervisor(shards_of(0, 2))
    c = await rig.open(account)
    assert (await only.ask(Envelope(fresh_id(), account, SERVICE, Assign("ana"), c))).conversation
    await until(lambda: not gone.shards.owns(account), "the other one to lose the shard")
    assert len(gone.shards) == SHARDS // 2 - 1 and gone.accounts.desk(account) is None
    await until(lambda: only.accounts.desk(beside), "what waits in the shard to come along")
    await only.present([ana(beside)])
    await until(lambda: rig.assigned(waiting) == ["ana"], "ana to get it")
    # and back, once the one that has it has had it for a while
    taken = rig.backend.supervision.epochs
    before = (await taken())[shard_of(account)]
    ben = Envelope(fresh_id(), account, SERVICE, Assign("ben"), c)

    async def taken_back() -> bool:
        with suppress(Overloaded):
            await gone.ask(ben)
            return True
        return False

    await until(taken_back, "the shard to be taken back")
    assert (await taken())[shard_of(account)] == before + 1 and rig.assigned(c) == ["ana", "ben"]
    await until(lambda: not only.shards.owns(account), "the other one to find out")


async def test_a_supervisor_takes_over_the_shards_of_one_that_is_gone(rig: SupervisorsRig) -> None:
    """By its heartbeats, without anybody's request; what waited in them is assigned."""
    processes = rig.backend.processes
    names = [(f"supervisor:{n}", uid()) for n in range(2)]
    for name, incarnation in names:
        await processes.register(Process(name, "supervisor", incarnation, "n", "127.0.0.1", 1, "1", "s", 0))
    account = await rig.account(odd)
    left, right = [await rig.supervisor(shards_of(n, 2), names[n][1]) for n in range(2)]
    await left.present([ana(await rig.account(even))])
    waiting = await rig.open(account)
    await until(lambda: right.accounts.desk(account), "its supervisor to know of it")
    clock = [0.0]
    peers = PeerWatch(processes, "supervisor", 2, clock=lambda: clock[0])
    shards = ShardMap(peers, rig.backend.supervision.holders, count=2)
    takeover = ShardTakeover(shards, left.take_over, number=0)

    async def pass_time(seconds: float, *beating: int) -> None:
        for _ in range(round(seconds)):
            clock[0] += 1
            for number in beating:
                await processes.beat(*names[number])
            await takeover.step()

    await pass_time(8, 0, 1)
    assert len(left.shards) == SHARDS // 2
    await pass_time(3, 0)
    assert len(left.shards) == SHARDS // 2, "not before its time"
    rig.supervisors.remove(right)  # its machine is gone: it hears nothing, and does nothing
    right.close()
    await pass_time(1, 0)
    assert len(left.shards) == SHARDS
    await until(lambda: left.accounts.desk(account), "what waits to be loaded")
    await left.present([ana(account)])
    await until(lambda: rig.assigned(waiting) == ["ana"], "ana to get it")


async def test_waiting_conversations_of_a_shard_are_loaded_after_an_outage(
    rig: SupervisorsRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = await rig.account(odd)
    beside = await rig.account(lambda shard: shard == shard_of(account))
    await rig.open(beside)
    supervisor = await rig.supervisor(shards_of(0, 2))
    failed: list[str] = []
    waking = rig.backend.supervision.waking

    async def flaky() -> list[str]:
        if len(failed) < 2:
            failed.append("away")
            raise StorageUnavailable("away")
        return await waking()

    monkeypatch.setattr(rig.backend.supervision, "waking", flaky)
    await supervisor.present([ana(account)])
    await until(lambda: supervisor.accounts.desk(beside), "what waits in the shard to come along")
    assert len(failed) == 2


# -- what changed


async def test_only_what_has_changed_is_read(rig: SupervisorsRig) -> None:
    store = rig.backend.supervision
    busy, still = await rig.account(), await rig.account()
    await rig.owner.execute("UPDATE accounts SET settings = '{\"csat_enabled\": true}' WHERE id = $1", still)
    mark = (await store.changed_heads(None)).mark
    changed = await store.changed_heads(mark)
    assert changed.heads == []
    await rig.open(busy)
    await rig.open(busy)
    changed = await store.changed_heads(mark)
    assert changed.heads == [Head(busy, 2, 1)] and await store.head(busy) == Head(busy, 2, 1)
    assert (await store.changed_heads(changed.mark)).heads == []
    await rig.owner.execute("UPDATE accounts SET settings = '{}' WHERE id = $1", still)
    assert (await store.changed_heads(changed.mark)).heads == [Head(still, 0, 3, fed=False)]
    # another database's transactions: nothing is known, so everything is read
    assert {h.account_id for h in (await store.changed_heads(str(1 << 40))).heads} >= {busy, still}


async def test_a_commit_after_one_poll_is_seen_by_the_next(rig: SupervisorsRig) -> None:
    store, account = rig.backend.supervision, await rig.account()
    async with rig.owner.transaction():
        await rig.owner.execute(
            "UPDATE account_feeds SET position = position + 1 WHERE account_id = $1", account
        )
        mark = (await store.changed_heads(None)).mark
        mark = (await store.changed_heads(mark)).mark
    assert [h.position for h in (await store.changed_heads(mark)).heads if h.account_id == account] == [1]


# -- what is forgotten


async def test_a_roster_is_deleted_with_the_last_decision_that_names_it(rig: SupervisorsRig) -> None:
    store, account = rig.backend.supervision, await rig.account()
    supervisor = await rig.supervisor()
    await supervisor.present([ana(account)])
    c = await rig.open(account)
    await until(lambda: rig.assigned(c) == ["ana"], "the decision")
    await store.keep_roster(account, "unused", ["ana"])
    await store.keep_roster(account, "recent", ["ana"])

    async def digests() -> set[str]:
        rows = await rig.owner.fetch("SELECT digest FROM routing_rosters WHERE account_id = $1", account)
        return {row[0] for row in rows}

    async def trim() -> None:
        after: tuple[str, str] | None = FIRST
        while after is not None:
            after = await store.trim_rosters(after, 2)

    (named,) = await digests() - {"unused", "recent"}
    await trim()
    assert await digests() == {named, "unused", "recent"}, "any may be on its way into a commit"
    await rig.owner.execute("UPDATE routing_rosters SET kept_at = now() - interval '2 days'")
    await store.keep_roster(account, "recent", ["ana"])
    await trim()
    assert await digests() == {named, "recent"}
    await rig.owner.execute("DELETE FROM entries WHERE conversation_id = $1", c)
    await trim()
    assert await digests() == {"recent"}


async def test_a_journal_is_read_by_its_account_alone_and_trimmed_up_to_a_snapshot(
    rig: SupervisorsRig, postgres: PostgresBackend
) -> None:
    store, account, other = rig.backend.supervision, await rig.account(), await rig.account()
    read = PostgresRoutingJournal(postgres.database)
    fence = (shard_of(account), await store.register(shard_of(account), fresh_id()))
    now, day = now_ms(), 86_400_000
    kinds = ["restored", "gone", "checkpoint", "gone", "checkpoint", "gone"]
    entries = []
    for n, (kind, age) in enumerate(zip(kinds, (50, 45, 40, 20, 10, 0), strict=True), start=1):
        data = Gone(fresh_id()) if kind == "gone" else Snapshot(Policy())
        entries.append(RoutingEntry(n, now - age * day, kind, data))  # type: ignore[arg-type]
    await store.write_routing(account, fence, entries)
    assert await read.entries(account, 0, 10) == entries and await read.entries(account, 2, 2) == entries[2:4]
    assert await read.entries(other, 0, 10) == [] and await read.board(other, now) is None
    assert await read.start(account, now - 41 * day) == 1 and await read.start(account, now) == 5
    assert await read.board(account, now - 60 * day) is None
    board = await read.board(account, now - 15 * day)
    assert board is not None and board.position == 4
    for _ in range(3):
        await store.trim_routing(FIRST[0], 100_000, 1)
    assert [e.position for e in await read.entries(account, 0, 10)] == [3, 4, 5, 6]
    await rig.owner.execute(
        "UPDATE accounts SET settings = '{\"routing_journal_days\": 5}' WHERE id = $1", account
    )
    await store.trim_routing(FIRST[0], 100_000, 1000)
    assert [e.position for e in await read.entries(account, 0, 10)] == [5, 6]
