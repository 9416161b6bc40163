"""The routing journal that a supervisor writes: all inputs of its desks, across successors, lost answers and full buffers."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from in_memory.supervision import MemorySupervision
from msgspec.structs import replace
from samples import ACCOUNT, agent, to_conversation
from supervised import Office
from waiting import until

from tertulia.actors.supervisor.account.routing_journal import MAX_GATHERED, RoutingJournal
from tertulia.core.conversation.commands import Changes, Update
from tertulia.core.conversation.entries import Assigned
from tertulia.core.conversation.status import Status
from tertulia.core.errors import StorageUnavailable
from tertulia.core.routing.desk import Desk
from tertulia.core.routing.facts import Policy, Preferences
from tertulia.core.routing.journal import RoutingEntry, board_at, replayed
from tertulia.core.routing.messages import Assign, Gone
from tertulia.core.routing.supervision_messages import AgentFacts

FENCE = (0, 1)


def journal(store: MemorySupervision) -> list[RoutingEntry]:
    return [entry for _, entry in sorted(store.journals.get(ACCOUNT, {}).items())]


async def test_it_makes_the_decisions_of_a_supervisor_and_its_successor_again(office: Office) -> None:
    """Decisions have their entries stored before they are carried out: the journal's own interval never comes."""
    office.intervals = replace(office.intervals, journal=3600.0)
    await office.start()
    await office.appear("ana")
    names = [await office.open(n) for n in ("one", "two")]
    for c in names:
        office.push(c)
    await until(lambda: all(office.holder(c) == "ana" for c in names), "both to be assigned")
    await until(lambda: any(e.kind == "arrived" for e in journal(office.store)), "the journal")
    await office.start()  # the first one ends without a word
    await office.appear("ben")
    third = await office.open("three")
    office.push(third)
    await office.rig.done(to_conversation(Update(Changes(status=Status.RESOLVED)), names[0], agent("ana")))
    office.push(names[0])
    await until(lambda: office.holder(third) is not None, "the third one to be assigned")
    await until(lambda: any(e.conversation_id == third for e in journal(office.store)), "the journal")
    entries = journal(office.store)
    assert [e.position for e in entries] == list(range(1, len(entries) + 1))
    assert [e.kind for e in entries].count("restored") == 2
    assert {e.agent_id for e in entries if e.kind == "presence_changed"} == {"ana", "ben"}
    made = {
        (effect.conversation_id, effect.agent_id, effect.explain and effect.explain.at)
        for _, _, effects in replayed(entries)
        for effect in effects
        if isinstance(effect, Assign)
    }
    stored = {(c, a.agent_id, a.explain.at) for c in [*names, third] for a in office.entries(c, Assigned)}
    assert made == stored and len(stored) == 3


class Flaky(MemorySupervision):
    """`fails` of the next writes; `stores`: what they wrote is there all the same."""

    fails = 0
    stores = True

    async def write_routing(
        self, account_id: str, fence: tuple[int, int], entries: Sequence[RoutingEntry]
    ) -> None:
        if self.fails == 0 or self.stores:
            await super().write_routing(account_id, fence, entries)
        if self.fails:
            self.fails -= 1
            raise StorageUnavailable("no answer came")


@pytest.mark.parametrize("stores", [True, False])
async def test_an_unknown_outcome_neither_doubles_nor_loses_an_entry(office: Office, stores: bool) -> None:
    store = Flaky(office.rig.store)
    await store.register(0, "one")
    store.fails, store.stores = 1, stores
    desk, ours = Desk(Policy()), RoutingJournal(store)
    ours.begin(ACCOUNT, FENCE, desk.snapshot(), desk, 1)
    with pytest.raises(StorageUnavailable):
        await ours.flush(lambda _: True)
    ours.note(ACCOUNT, desk, Gone("c"), 2)
    await ours.flush(lambda _: False)
    assert [(e.position, e.kind) for e in journal(store)] == [(1, "restored"), (2, "gone")]
    ours.note(ACCOUNT, desk, Gone("d"), 3)  # it has been forgotten, as its account has left memory
    await ours.flush(lambda _: True)
    assert len(journal(store)) == 2


async def test_a_decision_waits_until_what_led_to_it_is_stored(office: Office) -> None:
    store = Flaky(office.rig.store)
    store.prefer(ACCOUNT, AgentFacts("ana", "Ana", Preferences(auto_accept=True)))
    office.store = store
    office.intervals = replace(office.intervals, journal=3600.0)
    await office.start()
    await office.appear("ana")
    c = await office.open("one")
    store.fails, store.stores = 2, False
    office.push(c)
    await until(lambda: office.holder(c) == "ana", "the assignment, once the journal can be written")
    assert store.fails == 0
    entries = journal(store)
    assert [e.conversation_id for e in entries if e.kind == "arrived"] == [c]
    assert [e.position for e in entries] == list(range(1, len(entries) + 1))


async def test_a_full_buffer_is_dropped_and_begins_anew(office: Office) -> None:
    store = Flaky(office.rig.store)
    await store.register(0, "one")
    desk, ours = Desk(Policy()), RoutingJournal(store)
    ours.begin(ACCOUNT, FENCE, desk.snapshot(), desk, 1)
    for n in range(MAX_GATHERED + 1):
        ours.note(ACCOUNT, desk, Gone("c"), n)
    ours.note(ACCOUNT, desk, Gone("c"), MAX_GATHERED + 2)
    await ours.flush(lambda _: True)
    entries = journal(store)
    assert entries[0].kind == "restored" and entries[0].at > 1
    assert board_at(entries) is not None


async def test_a_stale_supervisor_writes_nothing(office: Office) -> None:
    store = office.store
    desk, stale, ours = Desk(Policy()), RoutingJournal(store), RoutingJournal(store)
    await store.register(0, "one")
    stale.begin(ACCOUNT, FENCE, desk.snapshot(), desk, 1)
    await store.register(0, "two")
    ours.begin(ACCOUNT, (0, 2), desk.snapshot(), desk, 2)
    await stale.flush(lambda _: True)
    await ours.flush(lambda _: True)
    assert [(e.position, e.at) for e in journal(store)] == [(1, 2)]
