"""Changed settings reach the timers of existing conversations, on Postgres and hosts whose clock the test controls."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest
from samples import uid
from timed_host import Running, a_thread

from tertulia.actors.clock import fresh_id
from tertulia.actors.host.timer_rescheduling import TimerRescheduler
from tertulia.core.conversation.commands import Assign, By, Changes, Command, Envelope, Update
from tertulia.core.conversation.entries import Actor, Message, SlaNoted
from tertulia.core.conversation.status import Status
from tertulia.core.ids import PARTITIONS, partition_of_conversation
from tertulia.core.ports.bots import TimerRescheduling
from tertulia.storage.postgres.accounts.accounts import PostgresAccounts
from tertulia.storage.postgres.conversations.timer_rescheduling import PostgresRescheduling
from tertulia.storage.postgres.database import Database

BY = Actor("agent", "dana")
ANA = By("agent", "ana", "lead")
HOUR = 3_600_000


async def stated(running: Running, **settings: Any) -> None:
    assert await PostgresAccounts(running.database).update(running.account_id, None, settings, BY)


async def opened(running: Running, n: int = 0) -> str:
    return (await running.says("hello", a_thread(running.account_id, n))).entries[0].conversation_id


async def do(running: Running, conversation_id: str, command: Command) -> None:
    await running.ask(Envelope(fresh_id(), running.account_id, ANA, command, conversation_id))


async def waits(running: Running) -> list[TimerRescheduling]:
    found = await PostgresRescheduling(running.database).wanted(range(PARTITIONS), 1000)
    return [w for w in found if w.account_id == running.account_id]


def forget(running: Running) -> None:
    """Nothing is in the host's memory any more."""
    running.host.activations.sweep(-1.0, 0)


@pytest.mark.parametrize("in_memory", [True, False])
async def test_a_shorter_expiry_applies_at_once_and_a_longer_one_at_the_next_check(
    running: Running, in_memory: bool
) -> None:
    ids = [await opened(running, n) for n in range(3)]
    await stated(running, expiry_hours=2)
    if not in_memory:
        forget(running)
    assert await running.rescheduler.scan() >= 1
    assert await waits(running) == []
    for i in ids:
        c, entries = await running.read(i)
        assert c.last_message_at is not None and c.timer_at == c.last_message_at + 2 * HOUR
        assert [e.seq for e in entries] == [1], "no entry tells of it"
    await stated(running, expiry_hours=5)
    await running.rescheduler.scan()
    for hours, status in ((3, Status.OPEN), (6, Status.EXPIRED)):
        running.ahead = hours * HOUR
        while await running.ticker.scan():
            pass
        assert {(await running.read(i))[0].status for i in ids} == {status}


class Faulty(PostgresRescheduling):
    """Cannot read the conversations of one account."""

    account: str

    async def page(self, account_id: str, *rest: Any) -> Any:
        if account_id == self.account:
            raise ValueError("what is stored cannot be read")
        return await super().page(account_id, *rest)


@pytest.mark.parametrize("faulty", [0, 1])
async def test_a_failing_account_delays_no_other(running: Running, faulty: int) -> None:
    other = uid()
    await PostgresAccounts(running.database).create(other, "Other")
    accounts = [running.account_id, other]
    for account in accounts:
        assert await PostgresAccounts(running.database).update(account, None, {"expiry_hours": 2}, BY)
    archive = Faulty(running.database)
    archive.account = accounts[faulty]
    await TimerRescheduler(archive, running.host, running.ticker, now=running.now).scan()
    left = {w.account_id for w in await archive.wanted(range(PARTITIONS), 1000)}
    assert left & set(accounts) == {accounts[faulty]}
    await running.rescheduler.scan()
    assert not {w.account_id for w in await archive.wanted(range(PARTITIONS), 1000)} & set(accounts)


async def test_targets_count_for_conversations_that_had_no_timer(running: Running) -> None:
    i = await opened(running)
    await do(running, i, Assign("ana"))
    assert (await running.read(i))[0].timer_at is None
    forget(running)
    await stated(running, sla={"first_reply_minutes": 30})
    await running.rescheduler.scan()
    running.ahead = HOUR
    await running.ticker.scan()
    _, entries = await running.read(i)
    assert isinstance(entries[-1].data, SlaNoted) and entries[-1].data.state == "breach"
    # told once, whatever the target becomes
    await stated(running, sla={"first_reply_minutes": 20})
    await running.rescheduler.scan()
    await running.ticker.scan()
    assert (await running.read(i))[1] == entries


async def test_enabling_csat_does_not_ask_about_old_conversations(
    running: Running,
) -> None:
    old = await opened(running)
    await do(running, old, Update(Changes(status=Status.RESOLVED)))
    running.ahead = 2 * HOUR
    fresh = await opened(running, 1)
    await do(running, fresh, Update(Changes(status=Status.RESOLVED)))
    forget(running)
    await stated(running, csat_enabled=True, auto_close_hours=1)
    await running.rescheduler.scan()
    await running.ticker.scan()
    c, entries = await running.read(old)
    assert c.status is Status.CLOSED and sum(isinstance(e.data, Message) for e in entries) == 1
    c, entries = await running.read(fresh)
    assert c.fired.csat_asked and isinstance(entries[-1].data, Message)
    assert c.resolved_at is not None and c.timer_at == c.resolved_at + HOUR


async def test_only_settings_that_affect_timers_reschedule_them(
    running: Running, owner: asyncpg.Connection
) -> None:
    await stated(running, offer_timeout_s=60, expiry_hours=24, sla=None)
    assert await waits(running) == [], "the default is what stood"
    await stated(running, timezone="Africa/Addis_Ababa")
    assert len(await waits(running)) == 1
    (wanted,) = await waits(running)
    query = "SELECT version FROM account_rule_changes WHERE account_id = $1"
    assert wanted.version == await owner.fetchval(query, running.account_id)


async def test_a_successor_finishes_what_a_lost_host_left(
    running: Running, database: Database, account_id: str
) -> None:
    i = await opened(running)
    await stated(running, expiry_hours=3)
    archive = PostgresRescheduling(database)
    (wanted,) = await waits(running)
    half = {p: e for p, e in running.host.epochs.items() if p % 2}
    await archive.done(wanted, half)
    await archive.done(wanted, dict.fromkeys(range(PARTITIONS), 0))  # by one that is superseded
    assert wanted not in await archive.wanted([1], 1000)
    assert wanted in await archive.wanted([0, 1], 1000)
    await stated(running, expiry_hours=4)
    assert await waits(running) != [wanted], "a second change has all of them look again"
    await archive.done(wanted, running.host.epochs)
    (again,) = await waits(running)
    await running.stop()
    successor = Running(database, account_id)
    await successor.start()
    await successor.rescheduler.scan()
    c, _ = await successor.read(i)
    assert c.timer_at == (c.last_message_at or 0) + 4 * HOUR and again not in await waits(successor)
    await successor.stop()


async def test_timers_stored_under_old_settings_are_corrected(running: Running) -> None:
    """The account is read long after its settings have changed: turns go by what stood until then."""
    i = await opened(running)
    await stated(running, expiry_hours=2)
    late = await opened(running, 1)
    c, _ = await running.read(late)
    assert c.timer_at == (c.last_message_at or 0) + 24 * HOUR, "the host has not heard yet"
    await running.rescheduler.scan()
    for conversation in (i, late):
        c, _ = await running.read(conversation)
        assert c.timer_at == (c.last_message_at or 0) + 2 * HOUR


async def test_only_timers_that_become_earlier_are_written(
    running: Running, database: Database, owner: asyncpg.Connection
) -> None:
    i = await opened(running)
    c, _ = await running.read(i)
    archive = PostgresRescheduling(database)
    page = await archive.page(running.account_id, Status.OPEN, uid(), range(PARTITIONS), 10)
    assert page == []
    first = "00000000-0000-0000-0000-000000000000"
    assert await archive.page(running.account_id, Status.OPEN, first, range(PARTITIONS), 10) == [c]
    elsewhere = {(partition_of_conversation(i) + 1) % PARTITIONS}
    assert await archive.page(running.account_id, Status.OPEN, first, elsewhere, 10) == []
    assert c.timer_at is not None
    async with owner.transaction():
        await owner.execute("SELECT FROM conversations WHERE id = $1 FOR UPDATE", i)
        assert await archive.move([(c, c.timer_at - 5)]) == set(), "it is just being written"
    assert await archive.move([(c, c.timer_at - 5)]) == {i}
    assert await archive.move([(c, c.timer_at - 9)]) == set(), "it has moved"
    assert (await running.read(i))[0].timer_at == c.timer_at - 5
