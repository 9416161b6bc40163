"""The archive's and the feeds' contract, in memory and on Postgres."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from backends import Backend, thread, unplaced
from samples import OPENING, Scribe, agent, conversation_id, received, to_conversation, to_thread, uid

from tertulia.core.conversation.commands import Changes, Close, Open, ThreadKey, Update
from tertulia.core.conversation.status import Status
from tertulia.core.ports.archive import REPEATS_WITHIN, THREAD_RESOLVED, ThreadWanted
from tertulia.core.ports.journal import DuplicateKey, Rejected, StaleEpoch, Write


async def commit(backend: Backend, *writes: Write) -> list[int]:
    return await backend.journal.commit(writes, await backend.epochs())


def wanted(key: ThreadKey, name: str | None = None) -> ThreadWanted:
    return ThreadWanted(key, "webchat", uid(), uid(), name)


async def end(backend: Backend, scribe: Scribe, key: ThreadKey, status: str) -> str:
    """Resolve or close the thread's live conversation."""
    live = scribe.threads[key].live
    assert live is not None
    command = Close() if status == "closed" else Update(Changes(status=Status(status)))
    await commit(backend, scribe.write(to_conversation(command, live, agent(), account=key.account_id)))
    return live


# --- conversations


async def test_what_does_not_exist_is_left_out(backend: Backend, scribe: Scribe) -> None:
    key = await thread(backend)
    write = scribe.write(to_thread(received(), key))
    await commit(backend, write)
    loaded = await backend.archive.load_conversations([write.after.id, conversation_id()])
    assert list(loaded) == [write.after.id]
    assert await backend.archive.load_conversations([]) == {}


async def test_a_conversation_without_messages_has_none(backend: Backend, scribe: Scribe) -> None:
    key = await thread(backend)
    write = scribe.write(to_thread(Open(OPENING), key))
    await commit(backend, write)
    loaded = await backend.archive.load_conversations([write.after.id])
    assert loaded == {write.after.id: scribe.state(write.after.id)}


async def test_many_conversations_load_at_once(backend: Backend, scribe: Scribe) -> None:
    key = await thread(backend)
    threads = [ThreadKey(key.account_id, key.channel_id, f"+{n}") for n in range(40)]
    for turn in range(10):
        await commit(backend, *(scribe.write(to_thread(received(f"m{turn}"), t), 9) for t in threads))
    loaded = await backend.archive.load_conversations(list(scribe.actors))
    assert {i: unplaced(s.messages()) for i, s in loaded.items()} == {
        i: list(a.state.messages()) for i, a in scribe.actors.items()
    }


async def test_a_malformed_id_is_rejected(backend: Backend) -> None:
    with pytest.raises(Rejected):
        await backend.archive.load_conversations(["nonsense"])


# --- threads


async def opening(backend: Backend, scribe: Scribe, key: ThreadKey, name: str | None = None) -> Write:
    """The opening of a conversation in a thread as it is loaded now, with its contact if that is new."""
    thread = (await backend.archive.load_threads([wanted(key, name)]))[key]
    write = scribe.write(to_thread(Open(OPENING), key))
    write.new_contact = thread.new_contact
    return write


async def test_a_contact_is_made_once(backend: Backend, scribe: Scribe) -> None:
    key = await thread(backend)
    keys = [ThreadKey(key.account_id, key.channel_id, key.identifier, f"topic {n}") for n in range(20)]
    writes = [await opening(backend, scribe, k, f"name {n}") for n, k in enumerate(keys)]
    async with asyncio.timeout(30):
        outcomes = await asyncio.gather(*(commit(backend, w) for w in writes), return_exceptions=True)
    assert sum(isinstance(o, DuplicateKey) for o in outcomes) == 19
    assert await backend.contacts(key.account_id) == 1
    loaded = (await backend.archive.load_threads([wanted(k) for k in keys])).values()
    (winner,) = (w.new_contact for w, o in zip(writes, outcomes, strict=True) if isinstance(o, list))
    assert winner is not None
    assert {(t.contact_id, t.contact_name) for t in loaded} == {(winner.id, winner.name)}


async def test_a_contact_that_is_being_made_may_open_two_conversations(
    backend: Backend, scribe: Scribe
) -> None:
    key = await thread(backend)
    other = ThreadKey(key.account_id, key.channel_id, key.identifier, "topic")
    first = await opening(backend, scribe, key, "Carla")
    second = scribe.write(to_thread(Open(OPENING), other))
    second.new_contact = first.new_contact
    await commit(backend, first, second)
    third = scribe.write(to_thread(Open(OPENING), msgspec.structs.replace(key, topic="more")))
    third.new_contact = first.new_contact
    await commit(backend, third)
    assert await backend.contacts(key.account_id) == 1


async def test_a_contact_is_not_made_without_its_conversation(backend: Backend, scribe: Scribe) -> None:
    key = await thread(backend)
    write = await opening(backend, scribe, key)
    with pytest.raises(StaleEpoch):
        await backend.journal.commit([write], dict.fromkeys(range(1024), -1))
    assert await backend.contacts(key.account_id) == 0
    assert (await backend.archive.load_threads([wanted(key)]))[key].new_contact is not None


async def test_a_contact_is_the_same_over_the_channels_of_a_type(backend: Backend, scribe: Scribe) -> None:
    first = await thread(backend)
    second = ThreadKey(first.account_id, uid(), first.identifier, "topic")
    elsewhere = ThreadKey(await backend.add_account(), first.channel_id, first.identifier)
    await commit(backend, await opening(backend, scribe, first, "Carla"))
    loaded = await backend.archive.load_threads([wanted(k, "Other") for k in (first, second, elsewhere)])
    assert loaded[first].contact_id == loaded[second].contact_id != loaded[elsewhere].contact_id
    assert [loaded[k].contact_name for k in (first, second, elsewhere)] == ["Carla", "Carla", "Other"]
    assert [loaded[k].new_contact is None for k in (first, second, elsewhere)] == [True, True, False]
    assert [loaded[k].unused for k in (first, second, elsewhere)] == [False, True, True]


async def test_threads_of_one_new_contact_share_it(backend: Backend) -> None:
    first = await thread(backend)
    second = ThreadKey(first.account_id, uid(), first.identifier, "topic")
    loaded = await backend.archive.load_threads([wanted(first, "Carla"), wanted(second, "Other")])
    assert loaded[first].new_contact == loaded[second].new_contact is not None
    assert loaded[first].contact_id == loaded[second].contact_id and loaded[second].contact_name == "Carla"


async def test_a_thread_knows_its_conversations(backend: Backend, scribe: Scribe) -> None:
    key = await thread(backend)
    resolved = []
    for n in range(THREAD_RESOLVED + 2):
        await commit(backend, scribe.write(to_thread(Open(OPENING), key)))
        ending = "closed" if n == 0 else "resolved"
        resolved.append(await end(backend, scribe, key, ending))
    await commit(backend, scribe.write(to_thread(Open(OPENING), key)))
    (found,) = (await backend.archive.load_threads([wanted(key)])).values()
    assert found.live == scribe.threads[key].live
    assert list(found.resolved) == resolved[:1:-1][:THREAD_RESOLVED]
    others = [
        ThreadKey(key.account_id, key.channel_id, key.identifier, "t"),
        ThreadKey(key.account_id, uid(), "+1"),
    ]
    for other in (await backend.archive.load_threads([wanted(o) for o in others])).values():
        assert (other.live, other.resolved) == (None, ())


@pytest.mark.parametrize("poison", ["identifier", "account"])
async def test_an_impossible_thread_is_rejected(backend: Backend, poison: str) -> None:
    account = uid() if poison == "account" else await backend.add_account()
    with pytest.raises(Rejected):
        await backend.archive.load_threads(
            [wanted(ThreadKey(account, uid(), "+1\0" if poison == "identifier" else "+1"))]
        )


# --- repeats


async def test_original_results_are_found(backend: Backend, scribe: Scribe) -> None:
    key = await thread(backend)
    envelope = to_thread(received("a", key="k", external_id="x"), key)
    await commit(backend, scribe.write(envelope))
    conversation = scribe.threads[key].live
    assert conversation is not None
    opened = to_thread(Open(OPENING), ThreadKey(key.account_id, key.channel_id, "+2"))
    write = scribe.write(opened)
    await commit(backend, write)
    by_key, by_provider = await backend.archive.find_repeats(
        [
            (conversation, envelope.key()), (key, envelope.key()), (conversation, "other"), (conversation_id(), "k"),
            (write.after.id, opened.key()), (ThreadKey(uid(), uid(), "+1"), "k"),
        ],
        [(key.channel_id, "x"), (key.channel_id, "y"), (uid(), "x")],
    )  # fmt: skip
    message = unplaced(scribe.state(conversation).messages())
    assert set(by_key) == {
        (conversation, envelope.key()),
        (key, envelope.key()),
        (write.after.id, opened.key()),
    }
    for found in (
        by_key[conversation, envelope.key()],
        by_key[key, envelope.key()],
        by_provider[key.channel_id, "x"],
    ):
        assert found.conversation_id == conversation and unplaced([found.entry]) == message
    assert by_key[write.after.id, opened.key()].entry.seq == 0
    assert set(by_provider) == {(key.channel_id, "x")}
    assert await backend.archive.find_repeats([], []) == ({}, {})


async def test_a_key_is_found_in_a_closed_conversation(backend: Backend, scribe: Scribe) -> None:
    key = await thread(backend)
    envelopes = []
    for _ in range(REPEATS_WITHIN + 1):
        envelopes.append(to_thread(received("a"), key))
        await commit(backend, scribe.write(envelopes[-1]))
        await end(backend, scribe, key, "closed")
    by_key, _ = await backend.archive.find_repeats([(key, e.id) for e in envelopes], [])
    assert set(by_key) == {(key, e.id) for e in envelopes[1:]}


# --- feeds


async def test_feeds_are_read_in_order(backend: Backend, scribe: Scribe) -> None:
    key = await thread(backend)
    (before,) = await backend.feeds.heads([key.account_id])
    assert (before.position, before.kept_from) == (0, 1) and before.generation
    for n in range(9):
        await commit(backend, scribe.write(to_thread(received(f"m{n}"), key)))
    (head,) = await backend.feeds.heads([key.account_id, uid()])
    assert (head.account_id, head.position, head.generation) == (key.account_id, 10, before.generation)
    pages = [await backend.feeds.read(key.account_id, after, 4) for after in (0, 4, 8, 10)]
    assert [[e.position for e in page] for page in pages] == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10], []]
    assert await backend.feeds.read(uid(), 0, 10) == []


async def test_feeds_of_accounts_are_separate(backend: Backend, scribe: Scribe) -> None:
    first, second = await thread(backend), await thread(backend)
    for key in (first, second, first):
        await commit(backend, scribe.write(to_thread(received(), key)))
    entries = await backend.feeds.read(first.account_id, 0, 100)
    assert {e.account_id for e in entries} == {first.account_id} and len(entries) == 3
    heads = await backend.feeds.heads([first.account_id, second.account_id])
    assert {h.account_id: h.position for h in heads} == {first.account_id: 3, second.account_id: 2}
