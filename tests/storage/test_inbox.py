"""The inbox on a real Postgres: pages are exact and quick, bound to their account, and reports add up."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inbox_data import Big, Explaining, conversations_of, fill, filters, named

from tertulia.core.conversation.status import Status
from tertulia.core.views.inbox import PRIORITIES, InboxFilter, InboxPage, Sort, read_cursor, write_cursor
from tertulia.core.views.statistics import DAY_MS, Period
from tertulia.storage.postgres.conversations.inbox import PostgresInbox, filter_json
from tertulia.storage.postgres.conversations.search_index import SearchIndex
from tertulia.storage.postgres.database import Database
from tertulia.storage.postgres.pages import like_pattern
from tertulia.storage.postgres.queries import sql

SORTS = [
    Sort(key, down)  # pyright: ignore[reportArgumentType]
    for key in ("last_message_at", "created_at", "priority", "waiting_since")
    for down in (True, False)
]
MANY = 20_000
PAGE_QUERY = sql("inbox_page", columns=sql("conversation_columns"))


@pytest.fixture(scope="module")
async def big(postgres_url: str, database: Database) -> AsyncIterator[Big]:
    owner = await asyncpg.connect(postgres_url)
    try:
        accounts = [str(uuid.uuid4()) for _ in range(4)]
        for n, account in enumerate(accounts):
            await owner.execute("INSERT INTO accounts (id, name) VALUES ($1, 'Test')", account)
            await fill(owner, account, 7_000 if n else MANY, "elsewhere" if n else "here")
        while await SearchIndex(database).catch_up():
            pass
        await owner.execute("VACUUM ANALYZE")
        found = await conversations_of(owner, accounts[0])
        contacts = dict(
            await owner.fetch("SELECT id::text, name FROM contacts WHERE account_id = $1", accounts[0])
        )
        assert len(found[0]) == MANY
        yield Big(accounts[0], accounts[1:], PostgresInbox(database), *found, contacts)
        # what goes through the feeds of all accounts need not go through these
        await owner.execute("DELETE FROM account_feeds WHERE account_id = ANY($1::uuid[])", accounts)
    finally:
        await owner.close()


NAMES = list(filters(str(uuid.UUID(int=0))))
QUERIES = [
    "hello", "HELLO word12", "word29 hello", "zebra", "zeb", "elsewhere", "name7", "bo name", "cé", "Cé name1",
    "+44150", "order 4", "4_50%", "_", "%", "\\", "renamed", "renamed 7", "a", "e", "' | !", "nobody says so",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
async def test_a_page_is_quick(big: Big, postgres_url: str, name: str) -> None:
    explaining = await Explaining.open(postgres_url, big.account_id)
    try:
        wanted = filter_json(filters(big.account_id)[name])
        plans = await explaining.explain(PAGE_QUERY, wanted, "last_message_at", True, None, None, 21)
    finally:
        await explaining.close()
    assert len(plans.plans) > 2, "the plans inside the function were not told"
    assert not plans.scans("Seq Scan"), plans.plans
    # a page of the oldest: walked past everything that is newer, which is the most it may cost
    most = 40_000 if name == "archived" else 12_000
    assert plans.buffers < most, plans.plans


@pytest.mark.parametrize("sort", SORTS, ids=str)
async def test_every_sort_has_its_index(big: Big, postgres_url: str, sort: Sort) -> None:
    explaining = await Explaining.open(postgres_url, big.account_id)
    try:
        seen = big.order(sort)[MANY // 2][0]
        for after in ((None, None), (seen.key, seen.id)):
            plans = await explaining.explain(PAGE_QUERY, "{}", sort.key, sort.descending, *after, 21)
            assert not plans.scans("Seq Scan") and plans.buffers < 600, plans.plans
    finally:
        await explaining.close()


async def test_a_search_uses_its_indexes_under_row_level_security(big: Big, postgres_url: str) -> None:
    explaining = await Explaining.open(postgres_url, big.account_id)
    try:
        wanted = filter_json(InboxFilter(q="zebr"))
        plans = await explaining.explain(PAGE_QUERY, wanted, "last_message_at", True, None, None, 21)
    finally:
        await explaining.close()
    used = plans.indexes()
    assert {"search_chunks_pkey", "search_segments_pkey", "contacts_name"} <= used
    assert plans.buffers < 2000


@st.composite
def _asked(draw: st.DrawFn) -> dict[str, Any]:
    """A filter's fields; ids as names that `fill` gave."""
    options: dict[str, st.SearchStrategy[Any]] = {
        "statuses": st.lists(st.sampled_from(Status), min_size=1, max_size=4, unique=True).map(tuple),
        "assignee_id": st.integers(0, 30).map(lambda n: f"agent-{n}"),
        "unassigned": st.just(True),
        "team_id": st.integers(0, 4).map(lambda n: f"team{n}"),
        "channel_id": st.integers(0, 5).map(lambda n: f"channel{n}"),
        "channel_type": st.sampled_from(["webchat", "email", "telegram"]),
        "contact_id": st.integers(0, MANY // 2).map(lambda n: f"contact{n}"),
        "labels": st.sampled_from([("vip",), ("big",), ("none",)]),
        "priority": st.sampled_from(PRIORITIES),
        "archived": st.booleans(),
        "q": st.sampled_from(QUERIES),
    }
    names = draw(st.lists(st.sampled_from(sorted(options)), max_size=3, unique=True))
    return {name: draw(options[name]) for name in names}


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(asked=_asked(), sort=st.sampled_from(SORTS), limit=st.integers(1, 100), place=st.floats(0, 1))
async def test_any_page_is_that_part_of_the_sorted_list(
    big: Big, asked: dict[str, Any], sort: Sort, limit: int, place: float
) -> None:
    """From the start and after any row: so paging to the end gives the whole list, each row once."""
    for name in ("team_id", "channel_id", "contact_id"):
        if name in asked:
            asked = asked | {name: named(big.account_id, asked[name])}
    wanted = InboxFilter(**asked)
    expected = big.expected(wanted, sort)
    at = int(place * len(expected)) if expected else 0
    for start in {0, at, max(0, len(expected) - limit)}:
        after = expected[start - 1] if start else None
        page = await big.inbox.page(big.account_id, wanted, sort, after=after, limit=limit)
        part = expected[start : start + limit]
        assert [c.id for c in page.items] == [seen.id for seen in part]
        assert page.seen == (part[-1] if len(expected) > start + limit else None)


async def pages(
    inbox: PostgresInbox, account: str, f: InboxFilter, sort: Sort, limit: int
) -> AsyncIterator[InboxPage]:
    """Through the cursor, as a client goes."""
    after = None
    while True:
        page = await inbox.page(account, f, sort, after=after, limit=limit)
        yield page
        if page.seen is None:
            return
        after = read_cursor(write_cursor(sort, page.seen), sort)


@pytest.mark.parametrize("name", ["all", "closed", "agent", "word of all", "rare word"])
async def test_paging_to_the_end_gives_all(big: Big, name: str) -> None:
    wanted, sort = filters(big.account_id)[name], Sort("waiting_since", False)
    found = [c.id async for page in pages(big.inbox, big.account_id, wanted, sort, 100) for c in page.items]
    assert found == [seen.id for seen in big.expected(wanted, sort)]


@pytest.mark.parametrize("sort", SORTS, ids=str)
async def test_paging_skips_and_repeats_nothing_while_conversations_are_added(
    owner: asyncpg.Connection, database: Database, account_id: str, sort: Sort
) -> None:
    await fill(owner, account_id, 40)
    before = {c.id for c in (await conversations_of(owner, account_id))[0]}
    found: list[str] = []
    async for page in pages(PostgresInbox(database), account_id, InboxFilter(), sort, 7):
        found += [c.id for c in page.items]
        if len(found) < 100:
            await fill(owner, account_id, 2)
    assert len(found) == len(set(found)) and before <= set(found)


async def test_an_account_finds_only_its_own(big: Big, database: Database) -> None:
    for name, wanted in filters(big.account_id).items():
        for account in (big.noise[0], str(uuid.uuid4())):
            page = await big.inbox.page(account, wanted, Sort(), after=None, limit=100)
            assert {c.account_id for c in page.items} <= {account}, name
    assert (
        await big.inbox.page(big.account_id, InboxFilter(q="elsewhere"), Sort(), after=None, limit=9)
    ).items == []
    other = PostgresInbox(database)
    assert await other.contact(big.noise[0], named(big.account_id, "contact1")) is None
    assert await other.assignments(big.noise[0], big.conversations[0].id) == []


async def test_the_function_takes_the_account_from_the_connection_alone(big: Big, postgres_url: str) -> None:
    ids = "SELECT id::text FROM inbox_page(NULL::inbox_filter, 'created_at', true, NULL, NULL, 5)"
    connection = await asyncpg.connect(postgres_url)
    try:
        await connection.execute("SET ROLE tertulia_app")
        assert await connection.fetch(ids) == []
        await connection.execute("SELECT set_config('tertulia.account', $1, false)", big.account_id)
        bound = await connection.fetch(ids)
        assert len(bound) == 5
        # what a caller calls by the same name is not what the owner's function reads
        await connection.execute(
            "CREATE TEMP TABLE conversations AS SELECT * FROM public.conversations LIMIT 0;"
            "CREATE FUNCTION pg_temp.current_account() RETURNS uuid LANGUAGE sql AS 'SELECT NULL::uuid';"
            "SET search_path = pg_temp, public"
        )
        assert await connection.fetch(f"{ids.replace('inbox_', 'public.inbox_')}") == bound
        for inner in ("search_conversations(NULL, NULL, true)", "inbox_clauses(NULL)"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.fetch(f"SELECT public.{inner}")
    finally:
        await connection.close()


async def test_a_message_leaves_every_index_of_its_conversation_alone(
    owner: asyncpg.Connection, account_id: str
) -> None:
    await fill(owner, account_id, 1)
    async with owner.transaction():
        await owner.execute(
            "UPDATE conversations SET seq = seq + 1, unread_count = 1, updated_at = now(), first_reply_at = now(),"
            " last_message_at = now(), last_message_preview = 'x' WHERE account_id = $1",
            account_id,
        )
        hot = await owner.fetchval("SELECT pg_stat_get_xact_tuples_hot_updated('conversations'::regclass)")
    assert hot == 1


def test_wildcards_in_a_search_are_literal() -> None:
    assert like_pattern("50% a_b \\") == "%50\\%%a\\_b%\\\\%"


async def test_figures_add_up(big: Big, owner: asyncpg.Connection) -> None:
    newest = max(c.created_at for c in big.conversations)
    period = Period(newest - 5 * DAY_MS, newest - DAY_MS)
    stats = await big.inbox.stats(big.account_id, period)
    period = period.in_whole_hours()
    born = [c for c in big.conversations if period.start <= c.created_at < period.end]
    assert stats.statuses == {s.value: sum(c.status is s for c in big.conversations) for s in Status}
    assert stats.queue.waiting == stats.statuses["open"]
    assert stats.volume.conversations == len(born) == sum(d.conversations for d in stats.volume.days)
    assert [d.date for d in stats.volume.days] == sorted({d.date for d in stats.volume.days})
    assert len(stats.volume.days) in (4, 5)
    messages = [
        msgspec.json.decode(row[0])
        for row in await owner.fetch(
            "SELECT data::text FROM entries WHERE account_id = $1 AND kind = 'message'"
            " AND at >= to_timestamp($2::bigint / 1000.0) AND at < to_timestamp($3::bigint / 1000.0)",
            big.account_id,
            period.start,
            period.end,
        )
    ]
    outbound = [m for m in messages if m["direction"] == "outbound"]
    assert (stats.volume.outbound, stats.volume.inbound) == (len(outbound), len(messages) - len(outbound))
    assert stats.ai.bot_messages == sum(m["sender_type"] == "bot" for m in outbound)
    assert stats.ai.bot_message_share == pytest.approx(0.25, abs=0.01)
    assert stats.csat.count == sum(stats.csat.distribution.values()) == pytest.approx(len(born) / 9, abs=2)
    assert stats.ai.handoffs == pytest.approx(len(born) * 8 / 9, abs=3)
    assert stats.first_reply.count == len(born) and 0 < (stats.first_reply.p50_s or 0) < 100
    assert stats.resolution.p90_s == pytest.approx(3600, rel=0.011)
    waits = sorted((c.first_reply_at - c.created_at) / 1000 for c in born if c.first_reply_at is not None)
    for found, q in ((stats.first_reply.p50_s, 0.5), (stats.first_reply.p90_s, 0.9)):
        assert found == pytest.approx(waits[int(q * (len(waits) - 1))], rel=0.011, abs=0.001)


async def test_the_figures_of_an_empty_account(account_id: str, database: Database) -> None:
    stats = await PostgresInbox(database).stats(account_id, Period(0, DAY_MS))
    assert set(stats.statuses.values()) == {0} and stats.queue.oldest_waiting_since is None
    assert stats.csat.average is stats.first_reply.p50_s is stats.ai.bot_message_share is None
    assert len(stats.volume.days) == 1


async def test_notes_are_no_messages(owner: asyncpg.Connection, account_id: str, database: Database) -> None:
    conversation = str(uuid.uuid4())
    data = [
        {"direction": "outbound", "sender_type": "agent", "is_private": True},
        {"direction": "outbound", "sender_type": "bot"},
    ]
    for seq, fields in enumerate(data, 1):
        await owner.execute(
            "INSERT INTO entries (conversation_id, seq, account_id, position, at, kind, actor_type, data)"
            " VALUES ($1, $2::integer, $3, $2::integer, to_timestamp(60), 'message', 'agent', $4::text::jsonb)",
            conversation,
            seq,
            account_id,
            msgspec.json.encode(fields).decode(),
        )
    await owner.execute(
        "INSERT INTO account_feeds AS f (account_id, position) VALUES ($1, 2)"
        " ON CONFLICT (account_id) DO UPDATE SET position = 2",
        account_id,
    )
    stats = await PostgresInbox(database).stats(account_id, Period(0, DAY_MS))
    assert (stats.volume.outbound, stats.ai.bot_message_share) == (1, 1.0)


async def test_a_contact_comes_with_its_identifiers(
    owner: asyncpg.Connection, account_id: str, database: Database
) -> None:
    contact = str(uuid.uuid4())
    await owner.execute(
        "INSERT INTO contacts (id, account_id, name, attributes) VALUES ($1, $2, 'Ana', '{\"a\": 1}')",
        contact,
        account_id,
    )
    inbox = PostgresInbox(database)
    found = await inbox.contact(account_id, contact)
    assert found is not None and found.identifiers == []
    await owner.execute(
        "INSERT INTO contact_identifiers (id, account_id, contact_id, channel_type, identifier)"
        " SELECT gen_random_uuid(), $1, $2, t, 'x' FROM unnest(ARRAY['email', 'sms']) AS t",
        account_id,
        contact,
    )
    found = await inbox.contact(account_id, contact)
    assert found is not None
    assert {i.channel_type for i in found.identifiers} == {"email", "sms"}
    assert (found.name, found.attributes, found.created_at[-1]) == ("Ana", {"a": 1}, "Z")


async def test_labels_and_figures_are_found_by_index(big: Big, postgres_url: str) -> None:
    explaining = await Explaining.open(postgres_url, big.account_id)
    try:
        labels = await explaining.explain(sql("labels_used"), big.account_id, 50, 10)
        assert "conversations" not in labels.scans("Seq Scan") and "conversations_created" in labels.indexes()
        resolved = await explaining.explain(sql("agent_resolved"), big.account_id, "agent-4", 0, 1)
        assert "conversations" not in resolved.scans("Seq Scan")
        for name in ("agent_assigned", "agent_ratings"):
            found = await explaining.explain(sql(name), big.account_id, "agent-4", 0, 1)
            assert found.buffers < 50, name  # empty months are read whole
    finally:
        await explaining.close()
