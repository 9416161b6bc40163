"""The conversation host, under both placements: from a batch of commands to one commit and the answers."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from rig import Rig, raising, stored_but
from samples import (
    ACCOUNT,
    CHANNEL,
    OPENING,
    SERVICE,
    THREAD,
    agent,
    answered,
    conversation_id,
    customer,
    received,
    said,
    to_conversation,
    to_thread,
    uid,
)
from waiting import until

from tertulia.actors.clock import now_ms
from tertulia.core.conversation.commands import (
    Changes,
    Close,
    Done,
    Envelope,
    MarkRead,
    Moved,
    Open,
    Rate,
    Recall,
    Receive,
    Refused,
    ThreadKey,
    Update,
)
from tertulia.core.conversation.entries import Message, Opened
from tertulia.core.conversation.status import Status
from tertulia.core.errors import StorageUnavailable
from tertulia.core.ids import partition_of_conversation, partition_of_thread
from tertulia.core.ports.journal import DuplicateKey, NotStored, Rejected, StaleEpoch


def threads(count: int) -> list[ThreadKey]:
    return [ThreadKey(ACCOUNT, CHANNEL, f"+{n}") for n in range(count)]


def contents(outcome: object) -> list[str]:
    assert isinstance(outcome, Done), outcome
    return [e.data.content for e in outcome.entries if isinstance(e.data, Message)]


def code(outcome: object) -> str:
    assert isinstance(outcome, Refused), outcome
    return outcome.code


async def opened(rig: Rig, thread: ThreadKey = THREAD) -> str:
    """A conversation with one message."""
    return (await rig.done(to_thread(received("first"), thread))).entries[0].conversation_id


# --- the ordinary way


async def test_a_message_is_answered_after_its_commit(rig: Rig) -> None:
    rig.journal.close()
    asking = rig.asking(to_thread(received("hi")))
    await rig.journal.arrived.wait()
    await rig.quiet()
    assert not asking.done() and rig.publisher.published == []
    rig.journal.open.set()
    (outcome,) = await asking
    assert contents(outcome) == ["hi"]
    (conversation,) = rig.store.conversations
    assert partition_of_conversation(conversation) == partition_of_thread(ACCOUNT, CHANNEL, THREAD.identifier)
    assert isinstance(rig.store.entries[conversation][0].data, Opened)
    assert rig.publisher.published == [(ACCOUNT, 1), (ACCOUNT, 2)]


async def test_answers_come_in_the_order_of_the_batch(rig: Rig) -> None:
    envelopes = [to_thread(received(f"{n}"), thread) for n in range(20) for thread in threads(3)]
    outcomes = await rig.submit(*envelopes)
    assert [contents(o) for o in outcomes] == [[f"{n}"] for n in range(20) for _ in range(3)]
    for entries in rig.store.entries.values():
        said_there = [e.data.content for e in entries if isinstance(e.data, Message)]
        assert said_there == [str(n) for n in range(20)]


async def test_what_arrives_during_a_commit_shares_the_next(rig: Rig) -> None:
    conversation = await opened(rig)
    before = len(rig.journal.batches)
    rig.journal.close()
    first = rig.asking(to_conversation(answered("1"), conversation))
    await rig.journal.arrived.wait()
    others = [rig.asking(to_thread(received(f"m{n}"), thread)) for n, thread in enumerate(threads(30))]
    await rig.quiet()
    assert len(rig.journal.batches) == before + 1
    rig.journal.open.set()
    await asyncio.gather(first, *others)
    assert [len(b) for b in rig.journal.batches[before:]] == [1, 30]


async def test_one_conversation_for_many_who_find_or_create(rig: Rig) -> None:
    outcomes = await asyncio.gather(
        *(rig.done(to_thread(Open(OPENING, find=True), by=agent())) for _ in range(20))
    )
    assert len({o.conversation.id for o in outcomes if o.conversation}) == 1 == len(rig.store.conversations)
    assert sorted(o.repeated for o in outcomes) == [False] + [True] * 19
    refused = await rig.ask(to_thread(Open(OPENING), by=agent()))
    assert code(refused) == "conflict"


async def test_a_thread_goes_through_its_life(rig: Rig) -> None:
    first = await opened(rig)
    await rig.done(to_conversation(Update(Changes(status=Status.RESOLVED)), first))
    await rig.done(to_thread(received("again")))
    assert rig.store.conversations[first].status == "open"
    await rig.done(to_conversation(Update(Changes(status=Status.RESOLVED)), first))
    second = (await rig.done(to_thread(Open(OPENING), by=agent()))).conversation
    assert second is not None and second.id != first
    assert code(await rig.ask(to_conversation(Update(Changes(status=Status.OPEN)), first))) == "conflict"
    await rig.done(to_conversation(Close(), second.id))
    third = await rig.done(to_thread(received("and again")))
    assert third.entries[0].conversation_id == first
    await rig.done(to_conversation(Close(), first))
    fourth = await rig.done(to_thread(received("for good")))
    assert fourth.entries[0].conversation_id not in (first, second.id)


async def test_what_is_not_there_or_not_ours(rig: Rig) -> None:
    conversation = await opened(rig)
    rig.store.add_account(other := uid())
    for envelope in (
        to_conversation(answered(), conversation_id(5)),
        to_conversation(answered(), conversation, account=other),
        to_conversation(said(), conversation, customer(threads(1)[0])),
        to_conversation(Recall(4), conversation, account=other),
    ):
        assert code(await rig.ask(envelope)) == "not_found"
        assert code(await rig.ask(msgspec.structs.replace(envelope, attempt=1))) == "not_found"
    rig.host.owned.remove(partition_of_conversation(conversation))
    assert await rig.ask(to_conversation(answered(), conversation)) == Moved()
    assert await rig.ask(to_thread(received(), attempt=1)) == Moved()
    assert await rig.submit() == []


async def test_reading_needs_no_commit_of_its_own(rig: Rig) -> None:
    conversation = await opened(rig)
    before = len(rig.journal.batches)
    assert contents(await rig.ask(to_conversation(Recall(4), conversation))) == ["first"]
    assert len(rig.journal.batches) == before
    # but it waits for those its answer rests on
    rig.journal.close()
    writing = rig.asking(to_conversation(answered("second"), conversation))
    await rig.journal.arrived.wait()
    reading = rig.asking(to_conversation(Recall(4), conversation))
    await rig.quiet()
    assert not reading.done()
    rig.journal.open.set()
    assert contents((await reading)[0]) == ["first", "second"]
    await writing


async def test_a_read_marker_is_kept(rig: Rig) -> None:
    conversation = await opened(rig)
    rig.publisher.published.clear()
    done = await rig.done(to_conversation(MarkRead(1), conversation))
    assert done.conversation is not None and done.conversation.unread_count == 0
    assert rig.store.conversations[conversation].unread_count == 0 and rig.publisher.published == []
    # the read marker is not an entry: undo it for the check that replay equals the projection
    await rig.restart()
    rig.store.conversations[conversation] = msgspec.structs.replace(
        rig.store.conversations[conversation], unread_count=1
    )


# --- repeats


async def test_a_repeated_key_returns_the_first_answer(rig: Rig) -> None:
    envelope = to_thread(received("once", key="k", external_id="x"))
    first = await rig.done(envelope)
    again = await rig.done(msgspec.structs.replace(envelope, id=uid()))
    assert again.repeated and again.entries[0].seq == first.entries[0].seq
    assert rig.messages() == ["once"]


@pytest.mark.parametrize("cold", [False, True])
@pytest.mark.parametrize(
    "fields", [{"key": "k"}, {"external_id": "x"}, {"key": "k", "external_id": "x"}], ids=str
)
async def test_a_repeat_beyond_memory_returns_the_first_answer(
    rig: Rig, fields: dict[str, str], cold: bool
) -> None:
    first = await rig.done(to_thread(received("once", **fields)))
    for n in range(9):
        await rig.done(to_thread(received(f"m{n}")))
    if cold:
        rig.host.activations.sweep(-1, 0)
    neighbours = [to_thread(received(f"n{n}"), thread) for n, thread in enumerate(threads(5))]
    outcomes = await rig.submit(to_thread(received("once", **fields)), *neighbours)
    again, *others = outcomes
    assert isinstance(again, Done) and again.repeated and again.entries[0].seq == first.entries[0].seq
    assert all(isinstance(o, Done) for o in others)
    assert rig.messages().count("once") == 1
    if "external_id" not in fields:
        assert code(await rig.ask(to_thread(received("other", **fields)))) == "conflict"


@pytest.mark.parametrize("cold", [False, True])
async def test_a_repeat_after_the_conversation_was_closed_opens_no_other(rig: Rig, cold: bool) -> None:
    first = await rig.done(to_thread(received("once", key="k")))
    conversation = first.entries[0].conversation_id
    await rig.done(to_conversation(Close(), conversation))
    if cold:
        rig.host.activations.sweep(-1, 0)
    again = await rig.done(to_thread(received("once", key="k")))
    assert again.repeated and again.entries[0].conversation_id == conversation
    fresh = await rig.done(to_thread(received("new", key="k2")))
    assert not fresh.repeated and fresh.entries[0].conversation_id != conversation


@pytest.mark.parametrize("fields", [{"key": "k"}, {"external_id": "x"}], ids=str)
async def test_a_repeat_within_one_batch_harms_no_neighbour(rig: Rig, fields: dict[str, str]) -> None:
    """So far apart that memory has forgotten the first, which is not stored yet either."""
    envelopes = [to_thread(received("once", **fields))]
    envelopes += [to_thread(received(f"m{n}")) for n in range(9)]
    envelopes += [to_thread(received("once", **fields)), to_thread(received("neighbour"), threads(1)[0])]
    outcomes = await rig.submit(*envelopes)
    assert all(isinstance(o, Done) for o in outcomes), outcomes
    assert [o.repeated for o in outcomes if isinstance(o, Done)].count(True) == 1
    assert sorted(rig.messages()) == sorted([*(f"m{n}" for n in range(9)), "once", "neighbour"])


async def test_a_provider_id_is_one_effect_over_a_channel(rig: Rig) -> None:
    first, second = threads(2)
    await rig.done(to_thread(received("once", external_id="x"), first))
    again = await rig.done(to_thread(received("once", external_id="x"), second, by=SERVICE))
    assert again.repeated and contents(again) == ["once"]
    conversation = await opened(rig, second)
    again = await rig.done(to_conversation(said("once", external_id="x"), conversation, SERVICE))
    assert again.repeated and contents(again) == ["once"]
    # a customer never gets another's message
    hidden = await rig.ask(to_thread(received("once", external_id="x"), second))
    assert code(hidden) == "not_found"


@pytest.mark.parametrize("kind", ["receive", "key", "provider", "post", "open", "update", "close"])
@pytest.mark.parametrize("closed", [False, True])
async def test_a_retry_answers_what_the_first_attempt_did(rig: Rig, kind: str, closed: bool) -> None:
    conversation = await opened(rig, threads(1)[0])
    envelope: Envelope = {
        "receive": to_thread(received("once")),
        "key": to_thread(received("once", key="k")),
        "provider": to_thread(received("once", external_id="x")),
        "post": to_conversation(answered("once"), conversation),
        "open": to_thread(Open(OPENING), by=agent()),
        "update": to_conversation(Update(Changes(subject="x")), conversation),
        "close": to_conversation(Close(), conversation),
    }[kind]
    rig.journal.faults = [stored_but(StaleEpoch("gone"))]
    assert await rig.ask(envelope) == Moved()
    assert rig.stale.is_set() and not rig.host.owned
    await rig.restart()
    if closed:
        (target,) = (
            {conversation} if envelope.conversation_id else rig.store.conversations.keys() - {conversation}
        )
        await rig.done(to_conversation(Close(), target))
    count = sum(map(len, rig.store.entries.values()))
    retry = msgspec.structs.replace(envelope, attempt=1)
    for outcome in await rig.submit(retry, retry):
        assert isinstance(outcome, Done)
        if kind in ("receive", "key", "provider", "post"):
            assert contents(outcome) == ["once"]
        else:
            assert outcome.conversation is not None and not outcome.repeated
    assert sum(map(len, rig.store.entries.values())) == count


async def test_a_retry_of_what_never_happened_runs(rig: Rig) -> None:
    conversation = await opened(rig)
    for envelope in (
        to_thread(received("a"), threads(1)[0], attempt=1),
        to_thread(received("b", key="k"), attempt=3),
        to_conversation(answered("c"), conversation, attempt=1),
    ):
        assert not (await rig.done(envelope)).repeated
    assert sorted(rig.messages()) == ["a", "b", "c", "first"]


async def test_a_retry_finds_nothing_of_others(rig: Rig) -> None:
    """The same key of the same user in another account, or of another customer, stands for another message."""
    conversation = await opened(rig)
    await rig.done(to_conversation(answered("secret", key="k"), conversation))
    await rig.done(to_thread(received("secret", key="k2")))
    rig.store.add_account(other := uid())
    theirs = to_conversation(answered("secret", key="k"), conversation, account=other, attempt=1)
    assert code(await rig.ask(theirs)) == "not_found"
    stranger = to_conversation(said("secret", key="k2"), conversation, customer(threads(1)[0]), attempt=1)
    assert code(await rig.ask(stranger)) == "not_found"


# --- failed commits


async def test_what_was_not_stored_never_was(rig: Rig) -> None:
    first, second, third = [await opened(rig, thread) for thread in threads(3)]
    rig.journal.faults = [raising(NotStored("down"))]
    rig.journal.close()
    lost = rig.asking(to_conversation(answered("lost"), first), to_conversation(answered("lost"), second))
    await rig.journal.arrived.wait()
    upon = rig.asking(to_conversation(Recall(4), first), to_conversation(answered("upon it"), first))
    beside = rig.asking(to_conversation(answered("beside"), third))
    await rig.quiet()
    rig.journal.open.set()
    assert [code(o) for o in [*await lost, *await upon]] == ["storage_unavailable"] * 4
    assert contents((await beside)[0]) == ["beside"]
    for conversation in (first, second):
        assert (await rig.done(to_conversation(answered("fine"), conversation))).entries[0].seq == 2
    assert sorted(rig.messages()) == ["beside", "fine", "fine", "first", "first", "first"]


async def test_one_poisoned_command_is_refused_alone(rig: Rig) -> None:
    conversation = await opened(rig)
    envelopes = [to_thread(received(f"m{n}"), thread) for n, thread in enumerate(threads(6))]
    envelopes[3] = to_thread(received("a\0b"), threads(6)[3])
    beside = [to_conversation(answered("x"), conversation), to_conversation(answered("y"), conversation)]
    poison = to_conversation(Update(Changes(team_id="none")), conversation)
    outcomes = await rig.submit(*envelopes, beside[0], poison, beside[1])
    refused = [n for n, o in enumerate(outcomes) if isinstance(o, Refused)]
    assert refused == [3, 7] and {code(outcomes[n]) for n in refused} == {"invalid"}
    assert sorted(rig.messages()) == sorted(["first", "m0", "m1", "m2", "m4", "m5", "x", "y"])
    # nobody stays alone for good
    before = len(rig.journal.batches)
    await rig.submit(*(to_thread(received("on"), thread) for thread in threads(6)))
    assert len(rig.journal.batches) <= before + 2


async def test_a_fault_of_ours_is_answered_and_forgotten(rig: Rig) -> None:
    rig.journal.faults = [raising(RuntimeError("ours"))]
    assert code(await rig.ask(to_thread(received("x")))) == "internal"
    assert (await rig.done(to_thread(received("y")))).entries[0].seq == 1


async def test_endless_duplicates_end(rig: Rig) -> None:
    rig.journal.faults = [raising(DuplicateKey("again"))] * 20
    outcomes = await rig.submit(to_thread(received("x")), to_thread(received("y"), threads(1)[0]))
    assert {code(o) for o in outcomes} == {"overloaded"}
    rig.journal.faults = [raising(Rejected("again"))] * 20
    outcomes = await rig.submit(to_thread(received("x")), to_thread(received("y"), threads(1)[0]))
    assert {code(o) for o in outcomes} == {"invalid"}
    rig.journal.faults = []
    await rig.done(to_thread(received("x")))


async def test_a_look_up_that_fails_is_answered(rig: Rig) -> None:
    await opened(rig)
    rig.journal.faults = [raising(DuplicateKey("perhaps"))]
    rig.archive.faults = [StorageUnavailable("down")]
    assert code(await rig.ask(to_thread(received("x")))) == "storage_unavailable"
    rig.archive.faults = [StorageUnavailable("down")]
    assert code(await rig.ask(to_thread(received("y"), attempt=1))) == "storage_unavailable"
    await rig.done(to_thread(received("z")))
    assert rig.messages() == ["first", "z"]


async def test_a_stale_host_answers_moved_and_says_so(rig: Rig) -> None:
    conversation = await opened(rig)
    rig.store.partitions[partition_of_conversation(conversation)].epoch += 1
    rig.journal.close()
    stale = rig.asking(to_conversation(answered("late"), conversation))
    await rig.journal.arrived.wait()
    behind = rig.asking(to_conversation(answered("later"), conversation))
    await rig.quiet()
    rig.journal.open.set()
    assert [*await stale, *await behind] == [Moved(), Moved()]
    assert rig.stale.is_set() and not rig.host.owned
    assert await rig.ask(to_thread(received("x"), threads(1)[0])) == Moved()
    assert rig.messages() == ["first"]


# --- openings that fail


@pytest.mark.parametrize("again", ["receive", "open"])
async def test_a_refused_opening_leaves_nothing(rig: Rig, again: str) -> None:
    bad = [to_thread(received(is_private=True)), to_thread(Open(OPENING), by=customer(threads(1)[0]))]
    for envelope in bad:
        assert isinstance(await rig.ask(envelope), Refused)
        assert not rig.host.activations.conversations and not rig.store.conversations
    outcomes = await rig.submit(
        bad[0],
        to_thread(received("good")) if again == "receive" else to_thread(Open(OPENING)),
        bad[1],
        to_thread(received("better")),
    )
    assert [isinstance(o, Done) for o in outcomes] == [False, True, False, True]
    (conversation,) = rig.store.conversations
    assert isinstance(rig.store.entries[conversation][0].data, Opened)


async def test_an_opening_that_was_not_stored_leaves_nothing(rig: Rig) -> None:
    rig.journal.faults = [raising(NotStored("down"))]
    outcomes = await rig.submit(to_thread(received("a")), to_thread(received("b")))
    assert {code(o) for o in outcomes} == {"storage_unavailable"}
    rig.check_memory()
    assert (await rig.done(to_thread(received("c")))).entries[0].seq == 1


# --- memory


async def test_passivation_and_activation(rig: Rig) -> None:
    conversations = [await opened(rig, thread) for thread in threads(5)]
    residents = rig.host.activations
    assert residents.sweep(1000, 100) == 0
    residents.conversations[conversations[3]].touched -= 2000
    assert residents.sweep(1000, 100) == 1 and conversations[3] not in residents.conversations
    residents.conversations[conversations[0]].touched += 100
    assert residents.sweep(1000, 1) == 3 and list(residents.conversations) == [conversations[0]]
    assert len(residents.threads) == 1
    await rig.submit(*(to_conversation(answered("x"), c) for c in conversations))
    assert all(len(e) == 3 for e in rig.store.entries.values())
    assert residents.sweep(-1, 100) == 5 and not residents.conversations and not residents.threads


async def test_nothing_uncommitted_leaves_memory(rig: Rig) -> None:
    first, second = [await opened(rig, thread) for thread in threads(2)]
    rig.journal.close()
    asking = rig.asking(to_conversation(answered("x"), first))
    await rig.journal.arrived.wait()
    assert rig.host.activations.sweep(-1, 0) == 1
    assert first in rig.host.activations.conversations and second not in rig.host.activations.conversations
    rig.journal.open.set()
    await asking
    assert rig.host.activations.sweep(-1, 0) == 1


async def test_threads_without_conversations_are_forgotten(rig: Rig) -> None:
    for thread in threads(5):
        assert isinstance(await rig.ask(to_thread(received(is_private=True), thread)), Refused)
    rig.host.activations.sweep(1000, 100)
    assert not rig.host.activations.threads


async def test_activation_is_batched(rig: Rig) -> None:
    conversations = [await opened(rig, thread) for thread in threads(300)]
    rig.host.activations.sweep(-1, 0)
    rig.archive.calls.clear()
    envelopes = [to_conversation(answered("x"), c) for c in conversations[:150]]
    envelopes += [to_thread(received("x"), thread) for thread in threads(300)[150:]]
    assert all(isinstance(o, Done) for o in await rig.submit(*envelopes))
    assert len(rig.archive.calls) <= 6, rig.archive.calls
    assert rig.host.statistics()["activations_total"] == 300


async def test_commands_keep_their_order_over_an_activation(rig: Rig) -> None:
    conversation = await opened(rig)
    await rig.done(to_conversation(Update(Changes(status=Status.RESOLVED)), conversation))
    rig.host.activations.sweep(-1, 0)
    rig.archive.close()
    asking = [rig.asking(to_thread(received("0")), to_thread(received("1")))]
    await rig.archive.arrived.wait()
    asking.append(rig.asking(to_thread(received("2"))))
    await rig.quiet()
    rig.archive.open.set()
    asking.append(rig.asking(to_thread(received("3"))))
    await asyncio.gather(*asking)
    assert rig.messages() == ["first", "0", "1", "2", "3"]


async def test_loads_overlap_and_share_a_new_contact(rig: Rig) -> None:
    key = to_thread(received("a")).thread
    assert key is not None
    rig.archive.close()
    asking = []
    for topic in ("first", "second"):
        rig.archive.arrived.clear()
        asking.append(
            rig.asking(to_thread(received(topic, key=topic), msgspec.structs.replace(key, topic=topic)))
        )
        await rig.archive.arrived.wait()  # the second does not wait for the first
    rig.archive.open.set()
    await asyncio.gather(*asking)
    assert len({c.contact_id for c in rig.store.conversations.values()}) == len(rig.store.contacts) == 1
    assert "repeats" not in rig.archive.calls  # a thread without conversations has no original results


async def test_what_leaves_memory_during_a_load_is_read_again(rig: Rig) -> None:
    conversation = await opened(rig)
    await rig.done(to_conversation(Update(Changes(status=Status.RESOLVED)), conversation))
    rig.host.activations.sweep(-1, 0)
    rig.archive.close()
    by_id = rig.asking(to_conversation(answered("by id"), conversation))
    await rig.archive.arrived.wait()  # it has read the conversation without the messages that follow
    rig.archive.open.set()
    by_thread = rig.asking(to_thread(received("by thread")))
    await asyncio.gather(by_id, by_thread)
    assert sorted(rig.messages()) == ["by id", "by thread", "first"]


async def test_the_newest_resolved_conversation_is_activated_for_a_message(rig: Rig) -> None:
    conversations = []
    for _ in range(3):
        done = await rig.done(to_thread(Open(OPENING), by=agent()))
        assert done.conversation is not None
        conversations.append(done.conversation.id)
        await rig.done(to_conversation(Update(Changes(status=Status.RESOLVED)), conversations[-1]))
        opened = now_ms()
        await until(lambda opened=opened: now_ms() > opened, "the next millisecond, by which ids sort")
    rig.host.activations.sweep(-1, 0)
    await rig.done(to_conversation(Recall(1), conversations[0]))  # the thread is in memory, the newest is not
    done = await rig.done(to_thread(received("again")))
    assert done.entries[0].conversation_id == conversations[-1]


async def test_a_conversation_that_was_removed_is_no_target(rig: Rig) -> None:
    """Retention took it while the thread stood in memory."""
    first = await opened(rig)
    await rig.done(to_conversation(Update(Changes(status=Status.RESOLVED)), first))
    second = (await rig.done(to_thread(Open(OPENING), by=agent()))).conversation
    assert second is not None
    await rig.done(to_conversation(Close(), second.id))
    residents = rig.host.activations
    residents.drop(residents.conversations[first])
    kept = rig.store.conversations.pop(first)
    rig.store.threads[THREAD].remove(first)
    done = await rig.done(to_thread(received("again")))
    assert done.entries[0].conversation_id not in (first, second.id)
    rig.store.conversations[first] = kept  # for the checks afterwards


async def test_an_activation_that_fails_is_answered(rig: Rig) -> None:
    conversation = await opened(rig)
    rig.host.activations.sweep(-1, 0)
    rig.archive.faults = [StorageUnavailable("down")]
    outcomes = await rig.submit(to_conversation(answered("x"), conversation), to_thread(received("y")))
    assert {code(o) for o in outcomes} == {"storage_unavailable"}
    await rig.done(to_conversation(answered("z"), conversation))


async def test_a_poisoned_address_is_refused_alone(rig: Rig) -> None:
    conversations = [await opened(rig, thread) for thread in threads(20)]
    rig.host.activations.sweep(-1, 0)
    poison = [
        to_thread(received("x"), ThreadKey(ACCOUNT, CHANNEL, "+\0")),
        to_conversation(answered(), "nonsense-000"),
        to_conversation(answered(), "no partition"),
        to_thread(received("x"), ThreadKey(uid(), CHANNEL, "+1")),
    ]
    good = [to_conversation(answered("x"), c) for c in conversations]
    outcomes = await rig.submit(*good[:7], *poison, *good[7:])
    refused = outcomes[7:11]
    assert [code(o) for o in refused] == ["invalid", "invalid", "not_found", "invalid"]
    assert all(isinstance(o, Done) for o in outcomes[:7] + outcomes[11:])


async def test_what_is_dropped_during_an_activation_is_loaded_again(rig: Rig) -> None:
    """A commit fails while another conversation of its thread is being loaded."""
    first = await opened(rig)
    await rig.done(to_conversation(Update(Changes(status=Status.RESOLVED)), first))
    second = (await rig.done(to_thread(Open(OPENING), by=agent()))).conversation
    assert second is not None
    residents = rig.host.activations
    residents.drop(residents.conversations[first])
    rig.archive.close()
    loading = rig.asking(to_conversation(answered("into the first"), first))
    await rig.archive.arrived.wait()
    rig.journal.faults = [raising(NotStored("down"))]
    assert code(await rig.ask(to_conversation(answered("lost"), second.id))) == "storage_unavailable"
    assert not residents.threads
    rig.archive.open.set()
    assert isinstance((await loading)[0], Done)
    await rig.done(to_conversation(answered("fine"), second.id))
    assert sorted(rig.messages()) == ["fine", "first", "into the first"]


# --- limits


@pytest.mark.parametrize("placement", ["shared", "dedicated"])
async def test_beyond_the_bound_commands_are_refused(placement: str) -> None:
    rig = Rig(placement, max_waiting=3)
    conversation = await opened(rig)
    rig.journal.close()
    first = rig.asking(*(to_conversation(answered(f"{n}"), conversation) for n in range(2)))
    await rig.journal.arrived.wait()
    second = rig.asking(*(to_conversation(answered(f"{n}"), conversation) for n in range(2, 6)))
    await rig.quiet()
    third = await rig.ask(to_conversation(Recall(1), conversation))
    assert isinstance(third, Refused) and (third.code, third.retry_after) == ("overloaded", 1)
    rig.journal.open.set()
    assert all(isinstance(o, Done) for o in await first)
    outcomes = await second
    assert isinstance(outcomes[0], Done) and [code(o) for o in outcomes[1:]] == ["overloaded"] * 3
    await rig.quiet()
    assert rig.host.statistics()["waiting"] == 0
    assert all(isinstance(o, Done) for o in await rig.submit(*(to_thread(received()) for _ in range(3))))
    await rig.stop()
    rig.check()


async def test_a_caller_who_leaves_keeps_its_place(rig: Rig) -> None:
    """Commands whose caller is gone are under way all the same, and count until they are done."""
    rig.journal.close()
    asking = rig.asking(to_thread(received("x")))
    await rig.journal.arrived.wait()
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    assert rig.host.statistics()["waiting"] == 1
    rig.journal.open.set()
    await rig.quiet()
    assert rig.messages() == ["x"]


# --- giving partitions away


async def test_disowning_finishes_what_is_under_way(rig: Rig) -> None:
    conversation = await opened(rig)
    partition = partition_of_conversation(conversation)
    kept = next(t for t in threads(10) if partition_of_thread(ACCOUNT, CHANNEL, t.identifier) != partition)
    await opened(rig, kept)
    rig.journal.close()
    under_way = rig.asking(to_conversation(answered("under way"), conversation))
    await rig.journal.arrived.wait()
    disowning = asyncio.create_task(rig.host.disown({partition}))
    await rig.quiet()
    assert not disowning.done()
    assert await rig.ask(to_conversation(answered("too late"), conversation)) == Moved()
    rig.journal.open.set()
    await disowning
    assert under_way.done() and contents((await under_way)[0]) == ["under way"]
    assert conversation not in rig.host.activations.conversations and partition not in rig.host.epochs
    assert isinstance(await rig.ask(to_thread(received("beside"), kept)), Done)
    assert not rig.stale.is_set()


async def test_disowning_leaves_nothing_of_an_activation(rig: Rig) -> None:
    conversation = await opened(rig)
    partition = partition_of_conversation(conversation)
    rig.host.activations.sweep(-1, 0)
    rig.archive.close()
    loading = rig.asking(to_conversation(answered("x"), conversation), to_thread(received("y"), attempt=1))
    await rig.archive.arrived.wait()
    disowning = asyncio.create_task(rig.host.disown({partition}))
    await rig.quiet()
    rig.archive.open.set()
    await disowning
    assert await loading == [Moved(), Moved()]
    assert not rig.host.activations.conversations and not rig.host.activations.threads
    assert rig.messages() == ["first"]
    # taken back later, it is as it is in the journal by then
    rig.host.own({partition: rig.store.partitions[partition].epoch})
    await rig.done(to_conversation(answered("z"), conversation))


async def test_rating_and_the_like_survive_a_restart(rig: Rig) -> None:
    conversation = await opened(rig)
    await rig.done(to_conversation(Update(Changes(status=Status.RESOLVED)), conversation))
    await rig.done(to_conversation(Rate(5), conversation, customer()))
    await rig.restart()
    refused = await rig.ask(to_conversation(Rate(4), conversation, customer()))
    assert isinstance(refused, Refused) and refused.code == "conflict"
    again = await rig.done(to_thread(Receive(OPENING, said("after"))))
    assert again.entries[0].seq == 5
