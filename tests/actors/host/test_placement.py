"""Conversation actors in processes of their own, which die whenever they like."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from fuzzing import searched
from hypothesis import given
from hypothesis import strategies as st
from rig import Remote, Rig, raising
from samples import (
    ACCOUNT,
    CHANNEL,
    OPENING,
    THREAD,
    agent,
    answered,
    received,
    to_conversation,
    to_thread,
)

from tertulia.actors.transport.turns import TurnRequest, TurnResult
from tertulia.core.conversation.commands import Changes, Close, Done, Open, Recall, Refused, ThreadKey, Update
from tertulia.core.conversation.status import Status
from tertulia.core.ports.journal import NotStored


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    rig = Rig("dedicated")
    yield rig
    await rig.stop()
    rig.check()
    rig.check_memory()


async def test_what_arrives_during_a_turn_goes_with_the_next_call(rig: Rig) -> None:
    await rig.done(to_thread(received("first")))
    calls = rig.calls
    await asyncio.gather(*(rig.done(to_thread(received(f"m{n}"))) for n in range(30)))
    assert rig.calls - calls <= 3
    assert rig.messages() == ["first", *(f"m{n}" for n in range(30))]


@pytest.mark.parametrize("at", [1, 2, 3])
async def test_an_actor_that_dies_in_the_middle(rig: Rig, at: int) -> None:
    rig.deaths = lambda call: call == at
    outcomes = await asyncio.gather(*(rig.ask(to_thread(received(f"m{n}"))) for n in range(20)))
    outcomes += await asyncio.gather(*(rig.ask(to_thread(received(f"n{n}"))) for n in range(20)))
    assert all(isinstance(o, Done) for o in outcomes)
    assert sorted(rig.messages()) == sorted([f"m{n}" for n in range(20)] + [f"n{n}" for n in range(20)])


async def test_an_actor_that_dies_while_its_turns_are_being_committed(rig: Rig) -> None:
    """The new actor starts from what is committed, with what was under way; nobody reads what is older."""
    conversation = (await rig.done(to_thread(received("first")))).entries[0].conversation_id
    rig.journal.close()
    writing = rig.asking(to_conversation(answered("under way"), conversation))
    await rig.journal.arrived.wait()
    rig.deaths = lambda call: call == rig.calls
    dying = rig.asking(to_conversation(Recall(8), conversation))
    await rig.quiet()
    rig.deaths = lambda _: False
    reading = rig.asking(to_conversation(Recall(8), conversation))
    await rig.quiet()
    assert not dying.done() and not reading.done()
    rig.journal.open.set()
    for task in (dying, reading):
        (outcome,) = await task
        assert isinstance(outcome, Done)
        assert [e.data.content for e in outcome.entries] == ["first", "under way"]  # type: ignore[union-attr]
    await writing


async def test_an_actor_that_always_dies_is_an_answer(rig: Rig) -> None:
    rig.deaths = lambda _: True
    outcomes = await rig.submit(to_thread(received("a")), to_thread(received("b")))
    assert [o.code for o in outcomes if isinstance(o, Refused)] == ["internal"] * 2
    rig.deaths = lambda _: False
    await rig.done(to_thread(received("c")))
    assert rig.messages() == ["c"]


async def test_a_dropped_conversation_s_turn_is_taken_again(rig: Rig) -> None:
    """The commit before it fails while the turn runs: its actor, and the state it ran on, are gone."""
    conversation = (await rig.done(to_thread(received("first")))).entries[0].conversation_id
    rig.journal.faults = [raising(NotStored("down"))]
    rig.journal.close()
    lost = rig.asking(to_conversation(answered("lost"), conversation))
    await rig.journal.arrived.wait()
    rig.journal.open.set()
    others = [rig.asking(to_conversation(answered(f"m{n}"), conversation)) for n in range(5)]
    assert isinstance((await lost)[0], Refused)
    outcomes = [(await task)[0] for task in others]
    kept = [f"m{n}" for n, o in enumerate(outcomes) if isinstance(o, Done)]
    assert rig.messages() == ["first", *kept]


async def test_a_result_that_comes_after_its_actor_was_dropped(rig: Rig) -> None:
    conversation = (await rig.done(to_thread(received("first")))).entries[0].conversation_id
    rig.journal.faults = [raising(NotStored("down"))]
    rig.journal.close()
    lost = rig.asking(to_conversation(answered("lost"), conversation))
    await rig.journal.arrived.wait()
    rig.results.clear()
    late = rig.asking(to_conversation(answered("late"), conversation))
    await rig.quiet()
    rig.journal.open.set()
    assert isinstance((await lost)[0], Refused)
    rig.results.set()
    (outcome,) = await late
    assert isinstance(outcome, Done) and outcome.entries[0].seq == 2


async def test_two_conversations_of_a_thread_race_for_its_key(rig: Rig) -> None:
    """Each runs in its own process, and neither knows of the other's turn: the journal lets one of them."""
    first = (await rig.done(to_thread(received("first")))).entries[0].conversation_id
    await rig.done(to_conversation(Update(Changes(status=Status.RESOLVED)), first))
    outcomes = await asyncio.gather(
        rig.ask(to_conversation(Update(Changes(status=Status.OPEN)), first)),
        rig.ask(to_thread(Open(OPENING), by=agent())),
        rig.ask(to_thread(received("second"))),
        rig.ask(to_thread(Open(OPENING, find=True), by=agent())),
    )
    assert isinstance(outcomes[2], Done) and isinstance(outcomes[3], Done)
    rig.check()
    assert [c.live for c in rig.store.conversations.values()].count(True) == 1


class Short(Remote):
    async def turns(self, requests: list[TurnRequest]) -> list[TurnResult]:
        return (await super().turns(requests))[:-1]


async def test_an_actor_that_loses_results_is_lost(rig: Rig) -> None:
    rig.remote = Short
    outcome = await rig.ask(to_thread(received("x")))
    assert isinstance(outcome, Refused) and outcome.code == "internal"
    rig.remote = Remote
    await rig.done(to_thread(received("y")))


@searched(30)
@given(
    deaths=st.sets(st.integers(1, 30), max_size=12),
    rounds=st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=8), min_size=1, max_size=5),
)
async def test_deaths_at_any_calls(deaths: set[int], rounds: list[list[int]]) -> None:
    rig = Rig("dedicated")
    rig.deaths = deaths.__contains__
    done: list[str] = []
    for number, threads in enumerate(rounds):
        contents = [f"{number}.{index}" for index in range(len(threads))]
        outcomes = await asyncio.gather(
            *(
                rig.ask(to_thread(received(content), ThreadKey(ACCOUNT, CHANNEL, f"+{thread}")))
                for content, thread in zip(contents, threads, strict=True)
            )
        )
        done += [c for c, o in zip(contents, outcomes, strict=True) if isinstance(o, Done)]
        assert all(o.code == "internal" for o in outcomes if isinstance(o, Refused))
        live = rig.host.activations.threads.get(THREAD)
        assert live is None
    assert sorted(rig.messages()) == sorted(done)
    await rig.quiet()
    rig.check()
    rig.check_memory()
    for c in list(rig.store.conversations):
        rig.deaths = lambda _: False
        await rig.done(to_conversation(Close(), c))
    await rig.stop()
