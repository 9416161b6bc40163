"""The journal's contract, in memory and on Postgres: dense positions, all or nothing, nothing twice, fenced."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
import pytest
from backends import Backend, everything, thread, unplaced
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from samples import (
    SERVICE,
    Scribe,
    agent,
    answered,
    customer,
    objects,
    plain,
    received,
    said,
    to_conversation,
    to_thread,
    uid,
)

from tertulia.core.conversation.commands import (
    Assign,
    By,
    Changes,
    Close,
    Command,
    Edit,
    Handoff,
    MarkRead,
    Offer,
    Open,
    Opening,
    Rate,
    Receive,
    Release,
    ThreadKey,
    Update,
)
from tertulia.core.conversation.entries import Message
from tertulia.core.conversation.state import LastHeld
from tertulia.core.conversation.status import Status
from tertulia.core.ports.journal import DuplicateKey, Rejected, StaleEpoch, StaleSupervisor, Write


async def commit(backend: Backend, *writes: Write) -> list[int]:
    return await backend.journal.commit(writes, await backend.epochs())


async def test_a_batch_is_stored_with_dense_positions(backend: Backend, scribe: Scribe) -> None:
    first, second = await thread(backend), await thread(backend)
    writes = [scribe.write(to_thread(received(f"m{n}"), key), 3) for n in range(3) for key in (first, second)]
    assert await commit(backend, *writes) == [1, 2, 1, 2, 3, 3, 4, 4]
    for key in (first, second):
        stored = await everything(backend, key.account_id)
        assert [e.position for e in stored] == [1, 2, 3, 4] and [e.seq for e in stored] == [0, 1, 2, 3]
        written = [e for w in writes for e in w.entries if e.account_id == key.account_id]
        assert unplaced(stored) == written
    assert await commit(backend, scribe.write(to_thread(received("more"), first))) == [5]


async def test_every_kind_of_write_is_loaded_unchanged(backend: Backend, scribe: Scribe) -> None:
    key = await thread(backend, topic="order")
    opening = Opening(
        "webchat", "Carla", uid(), "subject", "high", ("a", "b"), {"x": [1, None, {"y": -1e300}]}
    )
    await commit(backend, scribe.write(to_thread(Receive(opening, said("hi", external_id="e1")), key), 7))
    conversation = scribe.threads[key].live
    assert conversation is not None
    ana, lead = agent("ana"), agent("lou", "lead")
    for by, command in (
        (SERVICE, Handoff("angry")),
        (ana, Assign("ana")),
        (ana, answered("hello", key="k1", metadata={"n": 1.5, "far": 1e25})),
        (ana, answered("a note", is_private=True)),
        (ana, Update(Changes(status=Status.PENDING))),
        (customer(key), said("thanks")),
        (ana, MarkRead(99)),
                (lead, Update(Changes(team_id=uid(), labels=("x",), snoozed_until=1_900_000_000_123, archived=True))),
        (ana, Release()),
        (ana, Update(Changes(assignee_id="ana", status=Status.RESOLVED))),
        (customer(key), Rate(5, "good")),
        (ana, Update(Changes(status=Status.OPEN, metadata={}, subject=None))),
        *[(customer(key), said(f"m{n}")) for n in range(10)],
        (lead, Close()),
    ):  # fmt: skip
        await commit(
            backend, scribe.write(to_conversation(command, conversation, by, account=key.account_id))
        )
        loaded = (await backend.archive.load_conversations([conversation]))[conversation]
        state = scribe.state(conversation)
        assert loaded.conversation == state.conversation
        assert unplaced(loaded.messages()) == list(state.messages())


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=plain.filter(bool), metadata=objects, name=st.none() | plain, labels=st.lists(plain, max_size=3)
)
async def test_content_of_any_kind(
    backend: Backend, content: str, metadata: dict[str, object], name: str | None, labels: list[str]
) -> None:
    scribe, key = Scribe(), await thread(backend)
    opening = Opening("webchat", name, labels=tuple(labels), metadata=metadata)
    await commit(
        backend, scribe.write(to_thread(Receive(opening, said(content, metadata=metadata, key=content)), key))
    )
    conversation = scribe.threads[key].live
    assert conversation is not None
    loaded = (await backend.archive.load_conversations([conversation]))[conversation]
    assert loaded.conversation == scribe.state(conversation).conversation
    assert unplaced(loaded.messages()) == list(scribe.state(conversation).messages())


async def test_an_edited_message_reads_as_edited_everywhere(backend: Backend, scribe: Scribe) -> None:
    key = await thread(backend)
    write = scribe.write(to_thread(received("hi", external_id="p", metadata={"raw": 1}), key))
    conversation, message = write.after.id, write.entries[-1].data
    assert isinstance(message, Message)

    def edit(content: str, at: int, before: str) -> Write:
        command = Edit("p", message.id, 1, content, before, at)
        return scribe.write(to_conversation(command, conversation, SERVICE, key.account_id))

    async def check(content: str, at: int) -> None:
        state = scribe.state(conversation)
        loaded = (await backend.archive.load_conversations([conversation]))[conversation]
        assert loaded.conversation == state.conversation and unplaced(loaded.messages()) == list(
            state.messages()
        )
        _, by_provider = await backend.archive.find_repeats([], [(key.channel_id, "p")])
        (found,) = by_provider.values()
        (stored,) = [e for e in await everything(backend, key.account_id) if isinstance(e.data, Message)]
        for shown in (stored.data, found.entry.data):
            assert isinstance(shown, Message)
            assert (shown.content, shown.metadata) == (content, {"raw": 1, "edited_at": at})

    await commit(backend, write, edit("hello", 5, "hi"))  # with its message, in one batch
    await check("hello", 5)
    await commit(backend, edit("hello!", 7, "hello"), edit("hello!!", 9, "hello!"))
    await check("hello!!", 9)
    with pytest.raises(DuplicateKey):
        again = edit("other", 11, "hello!!")
        again.key = "edit:9:p"
        await commit(backend, again)


async def test_concurrent_commits_to_one_account_leave_no_gap(backend: Backend) -> None:
    account = await backend.add_account()
    epochs = await backend.epochs()

    async def host(number: int) -> list[int]:
        scribe, positions = Scribe(), []
        key = ThreadKey(account, uid(), f"+{number}")
        for n in range(10):
            write = scribe.write(to_thread(received(f"m{n}"), key), number)
            positions += await backend.journal.commit([write], dict(epochs))
        return positions

    async with asyncio.timeout(60):
        positions = await asyncio.gather(*(host(n) for n in range(4)))
    assert sorted(p for some in positions for p in some) == list(range(1, 45))
    assert all(some == sorted(some) for some in positions)
    stored = await everything(backend, account)
    assert [e.position for e in stored] == list(range(1, 45))


async def test_several_accounts_in_opposite_order_do_not_deadlock(backend: Backend) -> None:
    accounts = [await backend.add_account() for _ in range(3)]
    epochs = await backend.epochs()

    async def host(number: int, order: Sequence[str]) -> None:
        scribe, channel = Scribe(), uid()
        for n in range(15):
            writes = [
                scribe.write(to_thread(received(f"m{n}"), ThreadKey(account, channel, "+1")), number)
                for account in order
            ]
            await backend.journal.commit(writes, dict(epochs))

    async with asyncio.timeout(60):
        await asyncio.gather(
            host(1, accounts),
            host(2, accounts[::-1]),
            host(3, [accounts[1], accounts[0], accounts[2]]),
        )
    for account in accounts:
        assert [e.position for e in await everything(backend, account)] == list(range(1, 3 * 16 + 1))


@pytest.mark.parametrize("kind", ["key", "provider", "seq", "live"])
async def test_a_duplicate_writes_nothing(backend: Backend, kind: str) -> None:
    scribe, key = Scribe(), await thread(backend)
    other = ThreadKey(key.account_id, key.channel_id, "+2")
    first = scribe.write(to_thread(received("a", key="k", external_id="x"), key))
    await commit(backend, first)
    conversation = first.after.id
    beside = scribe.write(to_thread(received("innocent"), other))
    if kind == "key":
        for n in range(9):  # until memory has forgotten
            await commit(backend, scribe.write(to_thread(received(f"m{n}"), key)))
        again = scribe.write(to_thread(received("b", key="k"), key))
    elif kind == "provider":
        again = scribe.write(to_thread(received("c", external_id="x"), other))
    elif kind == "seq":
        late = Scribe()
        late.threads, late.actors = scribe.threads, dict(scribe.actors)
        stale = scribe.state(conversation)
        await commit(backend, scribe.write(to_thread(received("b"), key)))
        late.actors[conversation].state = stale
        again = late.write(to_thread(received("c"), key))
    else:
        again = Scribe().write(to_thread(Open(Opening("webchat")), key))
    before = await everything(backend, key.account_id)
    with pytest.raises(DuplicateKey):
        await commit(backend, beside, again)
    assert await everything(backend, key.account_id) == before
    assert beside.after.id not in await backend.archive.load_conversations([beside.after.id])


@pytest.mark.parametrize("kind", ["key", "provider"])
async def test_a_duplicate_within_a_batch_writes_nothing(backend: Backend, kind: str) -> None:
    scribe, key = Scribe(), await thread(backend)
    fields = {"key": "k"} if kind == "key" else {"external_id": "x"}
    writes = [scribe.write(to_thread(received("a", **fields), key))]
    if kind == "key":
        writes += [scribe.write(to_thread(received(f"m{n}"), key)) for n in range(9)]
        writes += [scribe.write(to_thread(received("b", **fields), key))]
    else:
        other = ThreadKey(key.account_id, key.channel_id, "+2")
        writes += [scribe.write(to_thread(received("b", **fields), other))]
    with pytest.raises(DuplicateKey):
        await commit(backend, *writes)
    assert await everything(backend, key.account_id) == []


async def test_a_stale_epoch_writes_nothing(backend: Backend) -> None:
    scribe, key, epochs = Scribe(), await thread(backend), await backend.epochs()
    await backend.journal.commit([scribe.write(to_thread(received(), key), 5)], epochs)
    other = ThreadKey(key.account_id, key.channel_id, "+2")
    await backend.take_over(5)
    batch = [scribe.write(to_thread(received("b"), other), 6), scribe.write(to_thread(received("c"), key))]
    with pytest.raises(StaleEpoch):
        await backend.journal.commit(batch, epochs)
    assert len(await everything(backend, key.account_id)) == 2
    with pytest.raises(StaleEpoch):
        await backend.journal.commit(batch[:1], {p: e for p, e in epochs.items() if p != 6})
    # another partition of the same host still stands
    assert await backend.journal.commit(batch[:1], epochs) == [3, 4]


@pytest.mark.parametrize("poison", ["content", "metadata", "key", "team", "account", "time"])
async def test_content_that_cannot_be_stored_is_rejected(backend: Backend, poison: str) -> None:
    scribe, key = Scribe(), await thread(backend)
    innocent = scribe.write(to_thread(received(), ThreadKey(key.account_id, key.channel_id, "+2")))
    if poison == "account":
        bad = scribe.write(to_thread(received(), ThreadKey(uid(), key.channel_id, "+1")))
    elif poison in ("team", "time"):
        conversation = scribe.write(to_thread(received(), key)).after.id
        bad = scribe.write(
            to_conversation(Update(Changes(team_id="x")), conversation, account=key.account_id), 0
        )
        if poison == "time":
            bad.after = scribe.state(conversation).conversation.__class__(
                **{f: getattr(bad.after, f) for f in bad.after.__struct_fields__}
                | {"team_id": None, "snoozed_until": 10**18}
            )
    else:
        fields = {
            "content": {"content": "a\0b"},
            "metadata": {"metadata": {"a": "\0"}},
            "key": {"key": "k\0"},
        }[poison]
        bad = scribe.write(to_thread(received(**fields), key))
    with pytest.raises(Rejected):
        await commit(backend, innocent, bad)
    assert await everything(backend, key.account_id) == []
    assert await commit(backend, innocent) == [1, 2]


async def test_a_read_marker_is_not_an_entry(backend: Backend, scribe: Scribe) -> None:
    key = await thread(backend)
    write = scribe.write(to_thread(received(), key))
    await commit(backend, write)
    read = scribe.write(to_conversation(MarkRead(1), write.after.id, account=key.account_id))
    assert read.entries == () and await commit(backend, read) == []
    loaded = (await backend.archive.load_conversations([write.after.id]))[write.after.id]
    assert loaded.conversation.unread_count == 0 and loaded.conversation.seq == 1
    assert len(await everything(backend, key.account_id)) == 2


async def test_messages_to_providers_are_queued_in_the_same_commit(backend: Backend, scribe: Scribe) -> None:
    key = await thread(backend)
    opening = Opening("telegram")
    first = scribe.write(to_thread(Receive(opening, said("hi")), key))
    conversation = first.after.id
    by, account = agent("ana"), key.account_id
    replies = [
        scribe.write(to_conversation(command, conversation, by, account=account))
        for command in (answered("hello"), answered("between us", is_private=True), answered("more"))
    ]
    await commit(backend, first, *replies)
    hello, note, more = (w.entries[-1].data for w in replies)
    assert isinstance(hello, Message) and isinstance(note, Message) and isinstance(more, Message)
    assert [m.delivery_status for m in (hello, note, more)] == ["queued", None, "queued"]
    assert await backend.outbox(key.channel_id) == [(conversation, 2, hello.id), (conversation, 4, more.id)]


async def test_a_batch_that_fails_queues_nothing(backend: Backend, scribe: Scribe) -> None:
    key = await thread(backend)
    opened = scribe.write(to_thread(Receive(Opening("sms"), said("hi")), key))
    await commit(backend, opened)
    reply = scribe.write(to_conversation(answered("hello"), opened.after.id, account=key.account_id))
    again = Scribe().write(to_thread(Open(Opening("sms")), key))
    with pytest.raises(DuplicateKey):
        await commit(backend, reply, again)
    assert await backend.outbox(key.channel_id) == []


async def test_a_supervisors_commands_are_fenced_by_its_epoch(backend: Backend, scribe: Scribe) -> None:
    key, shard = await thread(backend), 7
    opened = scribe.write(to_thread(received(), key))
    await commit(backend, opened)
    conversation = opened.after.id
    first = await backend.supervision.register(shard, uid())
    assert (await backend.supervision.epochs())[shard] == first
    claim = to_conversation(Assign("ana"), conversation, SERVICE, key.account_id, fence=(shard, first))
    write = scribe.write(claim)
    assert write.fence == (shard, first)
    await commit(backend, write)
    second = await backend.supervision.register(shard, uid())
    assert second > first
    late = scribe.write(
        to_conversation(Assign("ben"), conversation, SERVICE, key.account_id, fence=(shard, first))
    )
    with pytest.raises(StaleSupervisor):
        await commit(backend, late)
    nobody = msgspec.structs.replace(late, fence=(shard + 1, 1))
    with pytest.raises(StaleSupervisor):
        await commit(backend, nobody)
    assert len(await everything(backend, key.account_id)) == len(opened.entries) + len(write.entries)
    await commit(backend, msgspec.structs.replace(late, fence=(shard, second)))


async def test_what_a_supervisor_reads(backend: Backend, scribe: Scribe) -> None:
    key = await thread(backend)
    opened = scribe.write(to_thread(received(), key))
    i = opened.after.id
    lead = agent("lee", "lead")

    def asked(command: Command, by: By = lead) -> Write:
        return scribe.write(to_conversation(command, i, by, key.account_id))

    writes = [opened, asked(Offer("o", "ana", 5), SERVICE), asked(Assign("ana"))]
    await commit(backend, *writes)
    store = backend.supervision
    head = await store.head(key.account_id)
    assert head is not None and head.position == sum(len(w.entries) for w in writes)
    assert await store.head(uid()) is None
    assert key.account_id in await store.waking()
    assert (
        await store.live(key.account_id)
        == [writes[-1].after]
        == list((await store.conversations([i, uid()])).values())
    )
    assert writes[1].after.routing.offer is not None and writes[-1].after.routing.offer is None
    kinds = [e.position for e in await everything(backend, key.account_id) if not isinstance(e.data, Message)]
    assert await store.missed([(key.account_id, 0, head.position)], 100) == [
        (key.account_id, i, p) for p in kinds
    ]
    assert await store.missed([(key.account_id, kinds[-1], head.position)], 100) == []
    (found,) = await store.unanswered([i])
    assert (found.conversation_id, found.answered) == (i, False)
    assert list(await store.last_assigned(key.account_id)) == ["ana"]
    of = key.account_id, opened.after.contact_id
    assert (await store.last_held([of, (key.account_id, uid())]))[of].agent_id == "ana"
    await commit(backend, asked(answered("a note", is_private=True), agent("ana")))
    assert not (await store.unanswered([i]))[0].answered
    await commit(backend, asked(answered(), agent("ana")))
    assert (await store.unanswered([i]))[0].answered
    ended = asked(Update(Changes(status=Status.CLOSED)))
    await commit(backend, ended)
    again = scribe.write(to_thread(received(), key))
    await commit(backend, again)
    assert await store.last_held([of]) == {of: LastHeld("ana", ended.after.updated_at)}
    assert (await store.conversations([i]))[i] == ended.after
    facts = await store.facts(key.account_id)
    assert facts is not None and facts.settings.offer_timeout_s == 30
    assert await store.facts(uid()) is None
