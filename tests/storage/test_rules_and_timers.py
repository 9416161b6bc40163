"""Bot rules and timers on Postgres: what is stored, what hosts read of it, and a host whose clock is the test's."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest
from msgspec.structs import replace
from samples import uid
from timed_host import Running, a_thread

from tertulia.actors.clock import fresh_id, now_ms
from tertulia.actors.host.rules_cache import RulesCache
from tertulia.core.accounts.agents_and_teams import CannedResponse
from tertulia.core.conversation.commands import By, Changes, Envelope, Post, Update
from tertulia.core.conversation.entries import Actor, Message, StatusChanged
from tertulia.core.conversation.recent_messages import Recent
from tertulia.core.conversation.state import State
from tertulia.core.conversation.status import Status
from tertulia.core.errors import Conflict, StorageUnavailable
from tertulia.core.ids import partition_of_conversation
from tertulia.core.ports.bots import BotRuleRecord
from tertulia.core.turn.account_rules import MAX_RULES, UNREAD, AccountRules
from tertulia.storage.postgres.accounts.accounts import PostgresAccounts
from tertulia.storage.postgres.accounts.agents import PostgresAgents, PostgresPreferences
from tertulia.storage.postgres.accounts.audit import PostgresAudit
from tertulia.storage.postgres.accounts.bots import PostgresBotRules, PostgresRulesArchive, PostgresTimers
from tertulia.storage.postgres.accounts.canned import PostgresCanned
from tertulia.storage.postgres.accounts.teams import PostgresTeams
from tertulia.storage.postgres.conversations.archive import PostgresArchive
from tertulia.storage.postgres.database import Database

BY = Actor("agent", "dana")
SERVICE = By("service", "svc", "service")
HOUR = 3_600_000


def a_rule(account_id: str, name: str = "Hours", **fields: Any) -> BotRuleRecord:
    made = BotRuleRecord(
        uid(), account_id, name, 5, True, "keyword", {"keywords": ["hours"]}, {"reply_text": "At nine."}, 0, 0
    )
    return replace(made, **fields)


@pytest.fixture
def rules(database: Database) -> PostgresBotRules:
    return PostgresBotRules(database)


@pytest.fixture
def archive(database: Database) -> PostgresRulesArchive:
    return PostgresRulesArchive(database)


# -- rules


async def test_a_rule_is_stored_changed_and_deleted(
    rules: PostgresBotRules, database: Database, account_id: str
) -> None:
    made = await rules.create(a_rule(account_id), BY)
    assert made.created_at and await rules.get(account_id, made.id) == made
    other = uid()
    await PostgresAccounts(database).create(other, "Other")
    assert await rules.get(other, made.id) is None and not (await rules.page(other, None, 10)).items
    assert await rules.update(other, made.id, {"name": "x"}, BY) is None
    assert not await rules.delete(other, made.id, BY)
    changes = {"name": "New", "priority": 1, "is_active": False, "actions": {"set_labels": ["x"]}}
    after = await rules.update(account_id, made.id, changes, BY)
    assert after is not None
    assert (after.name, after.priority, after.is_active) == ("New", 1, False)
    assert after.actions == {"set_labels": ["x"]} and after.conditions == made.conditions
    assert [r.id for r in (await rules.page(account_id, None, 10)).items] == [made.id]
    assert await rules.delete(account_id, made.id, BY) and not await rules.delete(account_id, made.id, BY)
    told = [r.action for r in (await PostgresAudit(database).page(account_id, None, None, None, 10)).items]
    assert told == ["bot_rule.deleted", "bot_rule.updated", "bot_rule.created"]


async def test_the_number_of_an_accounts_rules_is_bounded(rules: PostgresBotRules, account_id: str) -> None:
    await asyncio.gather(*(rules.create(a_rule(account_id), BY) for _ in range(MAX_RULES - 1)))
    last = await asyncio.gather(
        *(rules.create(a_rule(account_id), BY) for _ in range(3)), return_exceptions=True
    )
    assert sorted(type(r).__name__ for r in last) == ["BotRuleRecord", "Conflict", "Conflict"]
    assert any(isinstance(r, Conflict) and str(MAX_RULES) in r.detail for r in last)


async def test_rules_in_force_include_their_texts_and_teams(
    rules: PostgresBotRules, archive: PostgresRulesArchive, database: Database, account_id: str
) -> None:
    canned, teams = PostgresCanned(database), PostgresTeams(database)
    text = await canned.create(CannedResponse(uid(), account_id, "/r", "R", "Money", None, None, 0, 0), BY)
    team = await teams.create(account_id, uid(), "Billing", None, BY)
    does = {"reply_template_id": text.id, "assign_team_id": team.id}
    made = await rules.create(a_rule(account_id, actions=does), BY)
    await rules.create(a_rule(account_id, "Off", is_active=False), BY)
    found = (await archive.load([account_id, uid()]))[account_id]
    assert found == await rules.in_force(account_id)
    assert [r.id for r in found.rules] == [made.id] and found.reply_of(found.rules[0]) == "Money"
    await canned.update(account_id, text.id, {"content": "More"}, BY)
    again = (await archive.load([account_id]))[account_id]
    assert again.reply_of(again.rules[0]) == "More" and again.version > found.version
    await teams.begin_deletion(account_id, team.id)
    (faulty,) = (await archive.load([account_id]))[account_id].faulty
    assert "team" in faulty.fault


async def test_every_change_raises_the_version(
    rules: PostgresBotRules, archive: PostgresRulesArchive, database: Database, account_id: str
) -> None:
    async def version() -> int:
        (now,) = (await archive.versions([account_id])).values()
        assert (await archive.load([account_id]))[account_id].version == now
        return now

    seen = [await version()]
    made = await rules.create(a_rule(account_id), BY)
    seen.append(await version())
    await rules.update(account_id, made.id, {"priority": 9}, BY)
    seen.append(await version())
    await PostgresAccounts(database).update(account_id, None, {"expiry_hours": 3}, BY)
    seen.append(await version())
    assert (await archive.load([account_id]))[account_id].settings.expiry_hours == 3
    await rules.delete(account_id, made.id, BY)
    seen.append(await version())
    assert seen == sorted(set(seen))


async def test_hosts_learn_whether_agents_have_languages(
    archive: PostgresRulesArchive, rules: PostgresBotRules, database: Database, account_id: str
) -> None:
    agents, preferences = PostgresAgents(database), PostgresPreferences(database)

    async def known() -> tuple[int, bool]:
        found = (await archive.load([account_id]))[account_id]
        assert found == await rules.in_force(account_id)
        assert (await archive.versions([account_id]))[account_id] == found.version
        return found.version, found.uses_language

    async def prefer(user: str, **changes: Any) -> tuple[int, bool]:
        assert await preferences.update(account_id, user, changes, BY) is not None
        return await known()

    for user in ("ana", "ben"):
        await agents.ensure(account_id, user)
    before, heeded = await known()
    assert not heeded
    assert await prefer("ana", is_available=False) == (before, False)
    first, heeded = await prefer("ana", languages=["de"])
    assert first > before and heeded
    assert await prefer("ana", languages=["de", "en"], max_concurrent_conversations=3) == (first, True)
    second, heeded = await prefer("ben", languages=["am"])
    assert heeded
    third, heeded = await prefer("ana", languages=[])
    assert third > second and heeded
    last, heeded = await prefer("ben", languages=[])
    assert last > third and not heeded
    await rules.create(a_rule(account_id, conditions={"keywords": ["x"], "languages": ["de"]}), BY)
    assert (await known())[1]


@pytest.mark.parametrize(
    "conditions", ["[]", "7", '{"keywords": 5}', '{"nonsense": 1}', "null", '{"keywords": []}']
)
async def test_a_malformed_stored_rule_is_only_faulty(
    owner: asyncpg.Connection,
    archive: PostgresRulesArchive,
    rules: PostgresBotRules,
    account_id: str,
    conditions: str,
) -> None:
    await rules.create(a_rule(account_id), BY)
    await owner.execute(
        "INSERT INTO bot_rules (id, account_id, name, priority, trigger_type, conditions, actions)"
        " VALUES ($1, $2, 'Bad', 0, 'keyword', $3::text::jsonb, '{\"assign_team_id\": \"no uuid\"}')",
        uid(), account_id, conditions,
    )  # fmt: skip
    found = (await archive.load([account_id]))[account_id]
    assert [f.name for f in found.faulty] == ["Bad"] and [r.name for r in found.rules] == ["Hours"]
    assert {r.name for r in (await rules.page(account_id, None, 10)).items} == {"Bad", "Hours"}


# -- what a host knows


class Failing:
    def __init__(self, archive: PostgresRulesArchive) -> None:
        self._archive = archive
        self.fails = True

    async def load(self, accounts: Any) -> dict[str, AccountRules]:
        if self.fails:
            raise StorageUnavailable("away")
        return await self._archive.load(accounts)

    async def versions(self, accounts: Any) -> dict[str, int]:
        return await self._archive.versions(accounts)


async def test_an_account_that_cannot_be_read_has_no_rules_until_it_can(
    rules: PostgresBotRules, archive: PostgresRulesArchive, account_id: str
) -> None:
    await rules.create(a_rule(account_id), BY)
    failing = Failing(archive)
    keeper = RulesCache(failing)
    await keeper.prepare({account_id})
    assert keeper.get(account_id) is UNREAD
    failing.fails = False
    await keeper.poll()
    assert [r.name for r in keeper.get(account_id).rules] == ["Hours"]
    await rules.create(a_rule(account_id, "More"), BY)
    await keeper.poll()
    assert len(keeper.get(account_id).rules) == 2


class Late:
    """Answers with what was stored when it was asked, but only once `let` go."""

    def __init__(self, archive: PostgresRulesArchive) -> None:
        self._archive, self.asked, self.let = archive, asyncio.Event(), asyncio.Event()

    async def load(self, accounts: Any) -> dict[str, AccountRules]:
        found = await self._archive.load(accounts)
        if not self.asked.is_set():
            self.asked.set()
            await self.let.wait()
        return found

    async def versions(self, accounts: Any) -> dict[str, int]:
        return await self._archive.versions(accounts)


async def test_a_change_during_a_read_is_not_lost(
    rules: PostgresBotRules, archive: PostgresRulesArchive, account_id: str
) -> None:
    late = Late(archive)
    keeper = RulesCache(late)
    preparing = asyncio.create_task(keeper.prepare({account_id}))
    await late.asked.wait()
    await rules.create(a_rule(account_id), BY)
    await keeper.refresh([account_id])
    late.let.set()
    await preparing
    assert [r.name for r in keeper.get(account_id).rules] == ["Hours"]


# -- a host


async def test_the_bots_answer_is_stored_with_what_it_answers(
    running: Running, rules: PostgresBotRules, account_id: str
) -> None:
    made = await rules.create(a_rule(account_id), BY)
    thread = a_thread(account_id)
    done = await running.says("your hours?", thread, key="k", external_id="wamid.1")
    entry = done.entries[0]
    assert isinstance(entry.data, Message) and entry.data.content == "your hours?"
    c, entries = await running.read(entry.conversation_id)
    assert c.status is Status.BOT and [e.data.content for e in entries if isinstance(e.data, Message)] == [
        "your hours?", "At nine."
    ]  # fmt: skip
    assert {e.actor for e in entries[1:]} == {Actor("bot", made.id)}
    # from memory, and by another host that has to look
    for again in (running, Running(running.database, account_id)):
        if again is not running:
            await running.stop()
            await again.start()
        repeat = await again.says("your hours?", thread, key="k", external_id="wamid.1")
        assert repeat.repeated and replace(repeat.entries[0], position=0) == replace(entry, position=0)
        assert (await again.read(entry.conversation_id))[0].seq == c.seq
    await again.stop()


async def test_a_due_timer_fires_once_even_if_its_host_dies(
    running: Running, database: Database, account_id: str
) -> None:
    threads = [a_thread(account_id, n) for n in range(40)]
    ids = [(await running.says("hello", t)).entries[0].conversation_id for t in threads]
    assert await running.ticker.scan() == 0
    running.ahead = 25 * HOUR
    # the host is lost in the middle of it: nobody hears what became of its commit
    looking = asyncio.create_task(running.ticker.scan())
    while running.host.commits.committed == len(ids):
        await asyncio.sleep(0)
        if len(running.host.commits):
            break
    await running.stop()
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)
    successor = Running(database, account_id)
    successor.ahead = running.ahead
    await successor.start()
    while await successor.ticker.scan():
        pass
    for conversation_id in ids:
        c, entries = await successor.read(conversation_id)
        ended = [e for e in entries if isinstance(e.data, StatusChanged)]
        assert c.status is Status.EXPIRED and c.timer_at is None and len(ended) == 1
        assert ended[0].actor == Actor("system")
    await successor.stop()


async def test_an_early_check_reschedules_the_timer(running: Running, account_id: str) -> None:
    thread = a_thread(account_id)
    conversation_id = (await running.says("hello", thread)).entries[0].conversation_id
    running.ahead = 10 * HOUR
    await running.says("still there?", thread)
    (before, entries) = await running.read(conversation_id)
    first = next(e for e in entries if isinstance(e.data, Message))
    assert before.timer_at == first.at + 24 * HOUR
    running.ahead = 25 * HOUR
    assert await running.ticker.scan() == 1 and await running.ticker.scan() == 0
    after, same = await running.read(conversation_id)
    assert after.status is Status.OPEN and same == entries and after.last_message_at is not None
    assert after.timer_at == after.last_message_at + 24 * HOUR
    loaded = await PostgresArchive(running.database).load_conversations([conversation_id])
    assert loaded[conversation_id] == State(after, Recent.of(same))


async def test_the_clock_follows_the_settings_of_the_account(
    running: Running, database: Database, account_id: str
) -> None:
    stated = {"auto_close_hours": 2, "csat_enabled": True, "sla": {"next_reply_minutes": 10}}
    await PostgresAccounts(database).update(account_id, None, stated, BY)
    thread = a_thread(account_id)
    conversation_id = (await running.says("hello", thread)).entries[0].conversation_id
    agent = By("agent", "ana", "lead")

    async def do(command: Any) -> None:
        await running.ask(Envelope(fresh_id(), account_id, agent, command, conversation_id))

    await do(Post("agent", "hello"))
    await running.says("and now?", thread)
    running.ahead = HOUR
    await running.ticker.scan()
    c, entries = await running.read(conversation_id)
    assert [e.data.state for e in entries if e.actor == Actor("system")] == ["breach"]  # type: ignore[union-attr]
    assert c.unanswered_since is not None and c.fired.sla
    await do(Update(Changes(status=Status.RESOLVED)))
    await running.ticker.scan()
    running.ahead = 4 * HOUR
    await running.ticker.scan()
    c, entries = await running.read(conversation_id)
    last = [e.data for e in entries if e.actor == Actor("system")][1:]
    assert isinstance(last[0], Message) and isinstance(last[1], StatusChanged)
    assert c.status is Status.CLOSED and c.fired.csat_asked
    assert await running.ticker.scan() == 0


async def test_hosts_find_what_is_due_in_their_partitions(
    running: Running, database: Database, account_id: str
) -> None:
    ids = [
        (await running.says("hello", a_thread(account_id, n))).entries[0].conversation_id for n in range(30)
    ]
    timers, at = PostgresTimers(database), now_ms() + 30 * HOUR
    partitions = {partition_of_conversation(i) for i in ids}
    some = set(sorted(partitions)[: len(partitions) // 2])
    stored = [(await running.read(i))[0] for i in ids if partition_of_conversation(i) in some]
    mine = [d for d in await timers.due(at, some, 1000) if d.account_id == account_id]
    assert {(d.conversation_id, d.at) for d in mine} == {(c.id, c.timer_at) for c in stored}
    assert [d.at for d in mine] == sorted(d.at for d in mine)
    besides = [d.conversation_id for d in mine[:3]]
    assert not {d.conversation_id for d in await timers.due(at, some, 1000, besides)} & set(besides)
    assert not {d.conversation_id for d in await timers.due(now_ms(), some, 1000)} & set(ids)


async def test_timers_set_by_unread_rules_are_rescheduled(
    archive: PostgresRulesArchive, database: Database, account_id: str
) -> None:
    accounts, failing = PostgresAccounts(database), Failing(archive)
    keeper = RulesCache(failing)
    await accounts.update(account_id, None, {"expiry_hours": 3}, BY)
    await keeper.prepare({account_id})
    assert keeper.get(account_id) is UNREAD and not keeper.outdated_timers
    failing.fails = False
    await keeper.poll()
    assert keeper.outdated_timers == {account_id}
    keeper.outdated_timers.clear()
    # what is known stays in force while it cannot be read again, even where the change comes to the defaults
    await accounts.update(account_id, None, {"expiry_hours": None}, BY)
    failing.fails = True
    await keeper.poll()
    assert keeper.get(account_id).settings.expiry_hours == 3
    failing.fails = False
    await keeper.poll()
    assert keeper.outdated_timers == {account_id}
