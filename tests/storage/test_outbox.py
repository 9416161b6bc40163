"""The outbox and the deliveries on Postgres: claims, the fence, outcomes, receipts in any order, what reads show."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest
from backends import PostgresBackend, thread
from outbox_rig import OutboxRig
from samples import uid
from waiting import until

from tertulia.core.channels.messages import Receipt
from tertulia.core.conversation.entries import Message
from tertulia.core.errors import Conflict
from tertulia.core.ports.journal import StaleEpoch
from tertulia.storage.postgres.conversations.conversations import PostgresConversations
from tertulia.storage.postgres.conversations.feeds import PostgresFeeds
from tertulia.storage.postgres.delivery.outbox import PostgresOutbox
from tertulia.storage.postgres.queries import sql

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE $1"
DOWN = {"code": "down", "detail": "not today"}


@pytest.fixture
async def rig(postgres: PostgresBackend, owner: asyncpg.Connection) -> OutboxRig:
    rig = OutboxRig(postgres, await thread(postgres), owner)
    await rig.register()
    return rig


async def test_the_oldest_unsent_message_of_each_conversation_is_claimed(rig: OutboxRig) -> None:
    one, two = await rig.customer_writes("+1"), await rig.customer_writes("+2")
    first, second = await rig.reply(one, "1"), await rig.reply(one, "2")
    other = await rig.reply(two, "3", metadata={"a": 1})
    claimed = await rig.claim()
    assert {i.message_id: i.recipient for i in claimed} == {first: "+1", other: "+2"}
    assert [i.message.content for i in claimed] == ["1", "3"] and claimed[1].message.metadata == {"a": 1}
    assert all((i.attempts, i.parts_done, i.subject) == (1, 0, "Shoes") for i in claimed)
    assert await rig.claim() == []
    assert await rig.status(first) == "queued", "sending is nobody else's business"
    delivery = await rig.outbox.sent(rig.me, claimed[0], 0, "p1", 5)
    assert delivery is not None and (delivery.status, delivery.provider_id) == ("sent", "p1")
    (item,) = await rig.claim()
    assert item.message_id == second
    assert await rig.outbox.sent(rig.me, claimed[0], 0, "p1", 5) is None, "an outcome counts once"


async def test_claims_are_limited_and_due_channels_are_known(rig: OutboxRig) -> None:
    assert rig.channel not in {d.channel_id for d in await rig.outbox.due()}
    for n in range(5):
        await rig.reply(await rig.customer_writes(f"+{n}"))
    assert {d.channel_id: d.delay for d in await rig.outbox.due()}[rig.channel] == 0
    assert (await rig.outbox.depths())[rig.channel] == ("unknown", 5)
    assert [len(await rig.claim(2)) for _ in range(4)] == [2, 2, 1, 0]
    assert rig.channel not in {d.channel_id for d in await rig.outbox.due()}
    assert len(await rig.outbox.held(rig.me)) == 5
    assert (await rig.outbox.depths())[rig.channel] == ("unknown", 5)


async def test_a_message_that_waits_keeps_its_conversation_waiting(rig: OutboxRig) -> None:
    conversation = await rig.customer_writes()
    first, second = await rig.reply(conversation), await rig.reply(conversation)
    (item,) = await rig.claim()
    assert await rig.outbox.again(rig.me, item, 300, DOWN, unknown=False)
    await rig.owner.execute("UPDATE outbox SET next_attempt_at = now() WHERE message_id = $1", second)
    assert await rig.claim() == []
    (due,) = [d for d in await rig.outbox.due() if d.channel_id == rig.channel]
    assert 290 < due.delay <= 300, "those behind it are put off as well"
    delivery = await rig.deliveries.get(rig.account, first)
    assert delivery is not None and (delivery.attempts, delivery.error) == (1, DOWN)
    await rig.owner.execute("UPDATE outbox SET next_attempt_at = now() WHERE channel_id = $1", rig.channel)
    (item,) = await rig.claim()
    assert (item.message_id, item.attempts, item.lost_answers) == (first, 2, 0)
    failed = await rig.outbox.failed(rig.me, item, DOWN, unknown=True)
    assert failed is not None and (failed.status, failed.error) == ("failed", DOWN)
    assert [i.message_id for i in await rig.claim()] == [second]


async def test_a_long_queue_in_one_conversation_does_not_hide_others(rig: OutboxRig) -> None:
    rig.outbox = PostgresOutbox(rig.postgres.database, look_at=4)
    talkative = await rig.customer_writes("+1")
    for n in range(10):
        await rig.reply(talkative, str(n))
    other = await rig.reply(await rig.customer_writes("+2"))
    claimed = [i for _ in range(4) for i in await rig.claim(2)]
    assert {i.message.content for i in claimed} == {"0", "hello"} and other in {i.message_id for i in claimed}


async def test_parts_are_kept(rig: OutboxRig) -> None:
    message = await rig.reply(await rig.customer_writes())
    (item,) = await rig.claim()
    assert await rig.outbox.part_sent(rig.me, item, 0, "p1")
    assert await rig.outbox.again(rig.me, item, 0, DOWN, unknown=False)
    (item,) = await rig.claim()
    assert item.parts_done == 1
    assert await rig.outbox.sent(rig.me, item, 1, "p2", 1) is not None
    assert await rig.receive(Receipt("read", ("p2",))) == [(message, "read")]


async def test_what_a_reply_refers_to_is_named_by_provider_ids(rig: OutboxRig) -> None:
    conversation = await rig.customer_writes("a@b.c", "email", external_id="<1@b>")
    await rig.customer_writes("a@b.c", "email", external_id="<2@b>")
    await rig.reply(conversation)
    (item,) = await rig.claim()
    assert item.references == ("<1@b>", "<2@b>") and item.reply_to is None
    await rig.outbox.sent(rig.me, item, 0, "<3@us>", 1)
    await rig.reply(conversation, reply_to=item.message_id)
    (item,) = await rig.claim()
    assert item.reply_to == "<3@us>"
    other = await rig.customer_writes("+1", external_id="tg7")
    (question,) = rig.scribe.state(other).messages()
    assert isinstance(question.data, Message)
    await rig.reply(other, reply_to=question.data.id)
    assert [(i.reply_to, i.references) for i in await rig.claim()] == [("tg7", ())]


async def test_until_the_customer_writes_our_mails_refer_to_each_other(rig: OutboxRig) -> None:
    conversation = await rig.customer_writes("a@b.c", "email")
    for number in range(3):
        await rig.reply(conversation, f"mail {number}")
        (item,) = await rig.claim()
        assert item.references == tuple(f"ours-{n}" for n in range(number))
        await rig.outbox.sent(rig.me, item, 0, f"ours-{number}", 1)
    await rig.customer_writes("a@b.c", "email", external_id="theirs")
    await rig.reply(conversation)
    assert [i.references for i in await rig.claim()] == [("theirs",)]


async def test_an_answer_goes_where_the_message_was_written_that_it_answers(rig: OutboxRig) -> None:
    async def goes_to(reply_to: str | None = None) -> Any:
        await rig.reply(conversation, reply_to=reply_to)
        (item,) = await rig.claim()
        await rig.outbox.sent(rig.me, item, 0, f"ours-{item.message_id}", 1)
        return item.answered.get("message_thread_id"), item.message_id

    conversation = await rig.customer_writes(metadata={"message_thread_id": 7})
    (first,) = rig.scribe.state(conversation).messages()
    assert isinstance(first.data, Message)
    topic, ours = await goes_to()
    assert topic == 7
    await rig.customer_writes(metadata={"message_thread_id": 9})
    await rig.customer_writes(content="👍", content_type="reaction")
    assert [(await goes_to(named))[0] for named in (None, first.data.id, ours)] == [9, 7, 7]
    await rig.customer_writes()
    assert (await goes_to())[0] is None
    mail = await rig.customer_writes("a@b.c", "email", metadata={"message_thread_id": 7})
    await rig.reply(mail)
    assert [item.answered for item in await rig.claim()] == [{}]


# -- the fence


async def test_a_stale_incarnation_gets_nothing_and_its_work_is_queued_again(rig: OutboxRig) -> None:
    message = await rig.reply(await rig.customer_writes())
    (item,) = await rig.claim()
    successor = uid()
    assert await rig.outbox.register(rig.shard, 2**31 - 1, successor) >= 1
    with pytest.raises(StaleEpoch):
        await rig.claim()
    for outcome in (
        rig.outbox.sent(rig.me, item, 0, "p", 1),
        rig.outbox.failed(rig.me, item, DOWN, unknown=False),
    ):
        assert await outcome is None
    assert not await rig.outbox.again(rig.me, item, 1, DOWN, unknown=True)
    assert not await rig.outbox.part_sent(rig.me, item, 0, "p")
    delivery = await rig.deliveries.get(rig.account, message)
    assert delivery is not None and delivery.error is not None
    assert (delivery.status, delivery.error["code"]) == ("queued", "outcome_unknown")
    (item,) = await rig.outbox.claim(rig.shard, successor, rig.channel, 10)
    assert (item.attempts, item.crashes, item.lost_answers) == (2, 1, 0)


async def test_a_registration_waits_for_a_claim_under_way(
    rig: OutboxRig, owner: asyncpg.Connection, postgres_url: str
) -> None:
    """What the claim takes is among what the registration queues again."""
    await rig.reply(await rig.customer_writes())
    (head,) = await owner.fetch("SELECT * FROM outbox WHERE channel_id = $1", rig.channel)
    blocker = await asyncpg.connect(postgres_url)
    try:
        await blocker.execute("BEGIN")
        await blocker.execute("SELECT 1 FROM outbox WHERE message_id = $1 FOR UPDATE", head["message_id"])
        claim = asyncio.create_task(rig.claim())
        await _waiting(owner, "%Claim due messages%")
        successor = asyncio.create_task(rig.outbox.register(rig.shard, 2**31 - 1, uid()))
        await _waiting(owner, "%INSERT INTO dispatchers%")
        await blocker.execute("COMMIT")
        assert len(await claim) == 1
        await successor
    finally:
        await blocker.close()
    assert await rig.outbox.held(rig.me) == []


async def _waiting(connection: asyncpg.Connection, query: str) -> None:
    async def waits() -> bool:
        return await connection.fetchval(WAITING, query)

    await until(waits, "the lock to be waited for")


async def test_fewer_dispatchers_take_over_from_more(rig: OutboxRig) -> None:
    await rig.reply(await rig.customer_writes())
    await rig.claim()
    await rig.outbox.register(7, rig.shard, uid())
    with pytest.raises(StaleEpoch):
        await rig.claim()
    assert await rig.outbox.held(rig.me) == []


async def test_a_lost_claim_is_released(rig: OutboxRig) -> None:
    await rig.reply(await rig.customer_writes())
    (item,) = await rig.claim()
    await rig.outbox.release(rig.me, [item.key])
    assert [i.crashes for i in await rig.claim()] == [1]


# -- receipts


async def test_receipts_move_forward_only(rig: OutboxRig) -> None:
    message = await rig.reply(await rig.customer_writes())
    await rig.send(message, "p")
    assert await rig.receive(Receipt("delivered", ("p",))) == [(message, "delivered")]
    assert await rig.receive(Receipt("sent", ("p",)), Receipt("delivered", ("p",))) == []
    assert await rig.receive(Receipt("read", ("p",)), Receipt("delivered", ("p",))) == [(message, "read")]
    assert await rig.receive(Receipt("delivered", ("unknown",)), Receipt("read", (), uid())) == []
    elsewhere = Receipt("failed", ("p",), error=DOWN)
    assert await rig.deliveries.receive(rig.account, uid(), [elsewhere]) == [], "another channel's id"
    assert await rig.status(message) == "read"


@pytest.mark.parametrize("order", list(itertools.permutations(["sent", "delivered", "read", "failed"])))
async def test_any_order_ends_the_same(rig: OutboxRig, order: Sequence[Any]) -> None:
    message = await rig.reply(await rig.customer_writes())
    await rig.send(message, "p")
    for status in order:
        error = DOWN if status == "failed" else None
        await rig.receive(Receipt(status, ("p",), error=error), Receipt(status, ("p",), error=error))
    delivery = await rig.deliveries.get(rig.account, message)
    assert delivery is not None and (delivery.status, delivery.error) == ("failed", DOWN)


async def test_a_receipt_before_its_sending_is_recorded_waits_for_it(rig: OutboxRig) -> None:
    conversation = await rig.customer_writes()
    by_id, by_message, failed = [await rig.reply(conversation, str(n)) for n in range(3)]
    assert await rig.receive(Receipt("read", ("p1",), by_id), Receipt("delivered", ("p1",))) == []
    assert await rig.receive(Receipt("delivered", (), by_message)) == []
    assert await rig.receive(Receipt("failed", ("p3",), error=DOWN)) == []
    (item,) = await rig.claim()
    assert await rig.status(by_id) == "queued"
    sent = await rig.outbox.sent(rig.me, item, 0, "p1", 1)
    assert sent is not None and sent.status == "read"
    await rig.send(by_message, "p2")
    await rig.send(failed, "p3")
    assert [await rig.status(m) for m in (by_message, failed)] == ["delivered", "failed"]
    again = await rig.deliveries.retry(rig.account, failed)
    assert again is not None and again.status == "queued"
    await rig.send(failed, "p4")
    assert await rig.status(failed) == "sent", "it counted for one sending"


async def test_a_watermark_moves_what_was_sent_before_it(rig: OutboxRig) -> None:
    one, two = await rig.customer_writes("+1"), await rig.customer_writes("+2")
    old, new, other = await rig.reply(one), await rig.reply(one), await rig.reply(two)
    await rig.send(old, "p1", left_at=1000)
    await rig.send(new, "p2", left_at=3000)
    await rig.send(other, "p3", left_at=1000)
    moved = await rig.receive(Receipt("read", recipient="+1", watermark=2000))
    assert moved == [(old, "read")] and await rig.status(other) == "sent"
    late = await rig.reply(one)
    await rig.receive(Receipt("delivered", recipient="+1", watermark=5000))
    assert [await rig.status(m) for m in (old, new)] == ["read", "delivered"]
    await rig.send(late, "p4", left_at=4000)
    assert await rig.status(late) == "delivered", "the watermark came before the sending was recorded"
    later_still = await rig.reply(one)
    await rig.send(later_still, "p5", left_at=6000)
    assert await rig.status(later_still) == "sent"


async def test_no_receipt_is_lost_between_the_sending_and_its_record(rig: OutboxRig) -> None:
    messages = [await rig.reply(await rig.customer_writes(f"+{n}")) for n in range(40)]
    items = {i.message_id: i for i in await rig.claim(100)}

    async def sent(n: int, message: str) -> None:
        await rig.outbox.sent(rig.me, items[message], 0, f"p{n}", 1)

    async def told(n: int, message: str) -> None:
        receipts = [Receipt("delivered", (f"p{n}",)), Receipt("delivered", (), message)]
        await rig.receive(receipts[n % 2])

    async with asyncio.timeout(30):
        await asyncio.gather(*(f(n, m) for n, m in enumerate(messages) for f in (sent, told)))
    assert {await rig.status(m) for m in messages} == {"delivered"}


@pytest.mark.parametrize("by", ["provider id", "message id", "watermark"])
async def test_a_receipt_meets_its_sending_while_that_is_being_recorded(
    rig: OutboxRig, owner: asyncpg.Connection, postgres_url: str, by: str
) -> None:
    message = await rig.reply(await rig.customer_writes())
    (item,) = await rig.claim()
    receipt = {
        "provider id": Receipt("delivered", ("p",)),
        "message id": Receipt("delivered", (), message),
        "watermark": Receipt("delivered", recipient="+1", watermark=10_000),
    }[by]
    recorder = await asyncpg.connect(postgres_url)
    try:
        await recorder.execute("BEGIN")
        await recorder.execute(
            "SELECT outbox_sent($1::text::uuid, $2::text::uuid, $3, 0, 'p', 1)", rig.me, *item.key
        )
        receiving = asyncio.create_task(rig.receive(receipt))

        async def waits_or_done() -> bool:
            return receiving.done() or await owner.fetchval(WAITING, "%Apply a provider%")

        await until(waits_or_done, "the receipt to wait for the lock")
        await recorder.execute("COMMIT")
        await receiving
    finally:
        await recorder.close()
    assert await rig.status(message) == "delivered"


async def test_receipts_in_opposite_order_do_not_deadlock(rig: OutboxRig) -> None:
    messages = [await rig.reply(await rig.customer_writes(f"+{n}")) for n in range(30)]
    for n, item in enumerate(await rig.claim(100)):
        await rig.outbox.sent(rig.me, item, 0, f"p{n}", 1)
    receipts = [Receipt("read", (f"p{n}",)) for n in range(30)]
    watermarks = [Receipt("delivered", recipient=f"+{n}", watermark=5000) for n in range(30)]
    async with asyncio.timeout(30):
        await asyncio.gather(
            rig.receive(*receipts), rig.receive(*receipts[::-1]), rig.receive(*watermarks[::-1])
        )
    assert {await rig.status(m) for m in messages} == {"read"}


async def test_statuses_overrule_each_other_in_order(owner: asyncpg.Connection) -> None:
    """And so the order and repeats of receipts do not matter. Nothing overrules a failure."""
    statuses = ["queued", "sending", "sent", "delivered", "read", "failed"]
    ranks = [await owner.fetchval("SELECT delivery_rank($1)", status) for status in statuses]
    assert ranks == sorted(set(ranks))


async def test_early_receipts_are_forgotten_after_a_week(rig: OutboxRig) -> None:
    await rig.receive(Receipt("read", ("old",)), Receipt("read", ("new",)))
    await rig.owner.execute(
        "UPDATE early_receipts SET received_at = now() - interval '8 days' WHERE channel_id = $1 AND key ="
        " receipt_key('id', 'old')",
        rig.channel,
    )
    await rig.outbox.tidy()
    query = "SELECT count(*) FROM early_receipts WHERE channel_id = $1"
    assert await rig.owner.fetchval(query, rig.channel) == 1


# -- deliveries


async def test_a_failed_delivery_is_retried_on_request(rig: OutboxRig) -> None:
    conversation = await rig.customer_writes()
    message = await rig.reply(conversation)
    with pytest.raises(Conflict) as refused:
        await rig.deliveries.retry(rig.account, message)
    assert refused.value.current == {"status": "queued"}
    (item,) = await rig.claim()
    await rig.outbox.part_sent(rig.me, item, 0, "p1")
    await rig.outbox.failed(rig.me, item, DOWN, unknown=False)
    again = await rig.deliveries.retry(rig.account, message)
    assert again is not None and (again.status, again.attempts, again.error) == ("queued", 0, None)
    (item,) = await rig.claim()
    assert (item.attempts, item.parts_done) == (1, 1), "it goes on behind the part that was taken"
    await rig.outbox.sent(rig.me, item, 1, "p2", 1)
    await rig.receive(Receipt("failed", ("p2",), error=DOWN))
    assert await rig.deliveries.retry(rig.account, message) is not None
    assert await rig.receive(Receipt("failed", ("p2",), error=DOWN)) == [], "of the first sending"
    (item,) = await rig.claim()
    assert item.parts_done == 0
    assert await rig.deliveries.retry(rig.account, uid()) is None


async def test_deliveries_are_listed_newest_first(rig: OutboxRig) -> None:
    conversation = await rig.customer_writes()
    messages = [await rig.reply(conversation, str(n)) for n in range(7)]
    for n in range(3):
        (item,) = await rig.claim()
        await rig.outbox.failed(rig.me, item, DOWN, unknown=False) if n < 2 else None
    seen, after = [], None
    while True:
        page = await rig.deliveries.page(rig.account, None, None, after, 3)
        seen += [d.message_id for d in page.items]
        if (after := page.next) is None:
            break
    assert seen == messages[::-1]
    failed = await rig.deliveries.page(rig.account, "failed", rig.channel, None, 100)
    assert [d.message_id for d in failed.items] == messages[1::-1]
    queued = await rig.deliveries.page(rig.account, "queued", None, None, 100)
    assert [d.message_id for d in queued.items] == messages[:1:-1], "sending is queued"
    assert (await rig.deliveries.page(rig.account, None, uid(), None, 10)).items == []


async def test_an_account_sees_its_own_deliveries_alone(rig: OutboxRig, postgres: PostgresBackend) -> None:
    message = await rig.reply(await rig.customer_writes())
    await rig.send(message, "p")
    other = (await thread(postgres)).account_id
    assert await rig.deliveries.get(other, message) is None
    assert await rig.deliveries.retry(other, message) is None
    assert (await rig.deliveries.page(other, None, None, None, 10)).items == []
    assert await rig.deliveries.receive(other, rig.channel, [Receipt("read", ("p",), message)]) == []
    assert await rig.status(message) == "sent"
    async with postgres.database.account(other) as connection:
        for table in ("outbox", "outbox_ids", "early_receipts"):
            rows = await connection.fetch(f"SELECT DISTINCT account_id::text FROM {table}")
            assert {row[0] for row in rows} <= {other}
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("SELECT * FROM dispatchers")


# -- reads


async def test_reads_show_what_became_of_a_message(rig: OutboxRig, postgres: PostgresBackend) -> None:
    conversation = await rig.customer_writes()
    sent, _, unsent = [await rig.reply(conversation, str(n)) for n in range(3)]
    await rig.send(sent, "p")
    (item,) = await rig.claim()
    await rig.outbox.failed(rig.me, item, DOWN, unknown=False)
    (item,) = await rig.claim()
    assert item.message_id == unsent
    conversations = PostgresConversations(postgres.database)
    feeds = PostgresFeeds(postgres.database)
    around: dict[str, Any] = {"before": None, "after": None, "limit": 50, "public": True}
    for entries in (
        await conversations.messages(rig.account, [conversation], **around),
        await conversations.messages(rig.account, [conversation], **around | {"after": 0}),
        await conversations.entries(rig.account, conversation, after=0, limit=50),
        await feeds.read(rig.account, 0, 50),
        await feeds.read_conversations(rig.account, [conversation], 0, 50, 50),
    ):
        messages = [e.data for e in entries if isinstance(e.data, Message)]
        assert [(m.delivery_status, m.delivery_error, m.external_id) for m in messages] == [
            (None, None, None), ("sent", None, "p"), ("failed", DOWN, None), ("queued", None, None)
        ]  # fmt: skip


async def test_reads_look_deliveries_up_by_key(owner: asyncpg.Connection) -> None:
    query = sql("messages_before", columns=sql("shown_columns"))
    async with owner.transaction():
        await owner.execute("SET LOCAL enable_seqscan = off")  # which is cheaper on the few rows of a test
        plan = await owner.fetch(f"EXPLAIN {_filled(query)}")
    text = "\n".join(row[0] for row in plan)
    assert "outbox_pkey" in text and "outbox_ids_message" in text and "Seq Scan on outbox" not in text, text


def _filled(query: str) -> str:
    for name, value in {
        "$1": f"ARRAY['{uid()}']",
        "$2": "NULL",
        "$3": "NULL",
        "$4": "50",
        "$5": "true",
    }.items():
        query = query.replace(name, value)
    return query


# -- edits, as the journal stores them


async def test_an_edit_changes_the_message_it_names(rig: OutboxRig) -> None:
    conversation = await rig.customer_writes(content="helo", metadata={"a": 1}, external_id="x")
    other = await rig.customer_writes("+2", content="mine")
    (entry,) = rig.scribe.state(conversation).messages()
    (foreign,) = rig.scribe.state(other).messages()
    assert isinstance(entry.data, Message) and isinstance(foreign.data, Message)
    target = entry.data.id

    async def edit(seq: int, *edits: tuple[str, str, int]) -> None:
        data = [f'{{"message_id": "{m}", "content": "{c}", "edited_at": {t}}}' for m, c, t in edits]
        n = len(data)
        empty = [[] for _ in range(24)]
        partition = int(conversation[-3:], 16) & 1023
        epoch = (await rig.postgres.epochs())[partition]
        await rig.owner.execute(
            "SELECT commit_batch(" + ", ".join(f"${i}" for i in range(1, 39)) + ")",
            [partition], [epoch], [rig.account], [n],
            [conversation] * n, [seq + i for i in range(n)], [1] * n, [i + 1 for i in range(n)], [1] * n, ["edited"] * n,
            ["contact"] * n, ["+1"] * n, [None] * n, data, *empty,
        )  # fmt: skip

    async def now() -> tuple[str, Any]:
        row = await rig.owner.fetchrow(
            "SELECT data ->> 'content', data -> 'metadata' FROM entries WHERE conversation_id = $1 AND seq = 1",
            conversation,
        )
        return row[0], row[1]

    await edit(2, (target, "hello", 20), (target, "too old", 10))
    assert await now() == ("hello", '{"a": 1, "edited_at": 20}')
    await edit(4, (target, "stale", 20), (foreign.data.id, "not theirs", 99))
    assert (await now())[0] == "hello"
    await edit(6, (target, "hello!", 30))
    assert await now() == ("hello!", '{"a": 1, "edited_at": 30}')
    content = "SELECT data ->> 'content' FROM entries WHERE conversation_id = $1 AND seq = 1"
    assert await rig.owner.fetchval(content, other) == "mine"
