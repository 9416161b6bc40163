"""The archive's and the feeds' contract, in memory and on Postgres."""

from __future__ import annotations

import asyncio

import pytest
from backends import Backend, thread, unplaced
from samples import OPENING, Scribe, agent, conversation_id, received, to_conversation, to_thread, uid

from tertulia.core.conversation.commands import Close, Open, ThreadKey, Update
from tertulia.core.ports.archive import REPEATS_WITHIN, THREAD_RESOLVED, ThreadWanted
from tertulia.core.ports.journal import Rejected, Write


async def commit(backend: Backend, *writes: Write) -> list[int]:
    return await backend.journal.commit(writes, await backend.epochs())


def wanted(key: ThreadKey, name: str | None = None) -> ThreadWanted:
    return ThreadWanted(key, "webchat", uid(), uid(), name)


async def end(backend: Backend, scribe: Scribe, key: ThreadKey, status: str) -> str:
    """Resolve or close the thread's live conversation."""
    live = scribe.threads[key].live
    assert live is not None
    command = Close() if status == "closed" else Update({"status": status})
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


async def test_a_contact_is_made_once(backend: Backend) -> None:
    key = await thread(backend)
    async with asyncio.timeout(30):
        loaded = await asyncio.gather(
            *(backend.archive.load_threads([wanted(key, f"name {n}")]) for n in range(20))
        )
    contacts = {threads[key].contact_id for threads in loaded}
    assert len(contacts) == 1 and await backend.contacts(key.account_id) == 1
    assert len({threads[key].contact_name for threads in loaded}) == 1


async def test_a_contact_is_the_same_over_the_channels_of_a_type(backend: Backend) -> None:
    first = await thread(backend)
    second = ThreadKey(first.account_id, uid(), first.identifier, "topic")
    elsewhere = ThreadKey(await backend.add_account(), first.channel_id, first.identifier)
    loaded = await backend.archive.load_threads([wanted(first, "Carla")])
    loaded |= await backend.archive.load_threads([wanted(second, "Other"), wanted(elsewhere)])
    assert loaded[first].contact_id == loaded[second].contact_id != loaded[elsewhere].contact_id
    assert loaded[second].contact_name == "Carla" and loaded[elsewhere].contact_name is None


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
