"""The routing journal: it makes every decision again, from its beginning and from any checkpoint."""

from __future__ import annotations

import msgspec
import pytest
from fuzzing import searched
from hypothesis import given
from hypothesis import strategies as st
from office import NOW, Office, conversation
from routing_steps import POLICY, STEPS

from tertulia.core.routing.desk import Desk
from tertulia.core.routing.facts import Policy, Preferences
from tertulia.core.routing.journal import (
    Incomplete,
    RoutingEntry,
    board_at,
    checkpoint_after,
    decoded,
    entry_of,
    replayed,
)
from tertulia.core.routing.messages import (
    AgentChanged,
    Arrived,
    Assign,
    Effect,
    Event,
    Gone,
    Offer,
    Snapshot,
    TimePassed,
    Withdraw,
)


def decisions(effects: list[Effect]) -> list[Effect]:
    return [e for e in effects if isinstance(e, Assign | Offer | Withdraw)]


def stored(n: int, entry: RoutingEntry) -> RoutingEntry:
    """An entry as it comes back from JSON."""
    return decoded(n, entry.at, entry.kind, msgspec.json.decode(msgspec.json.encode(entry.data)))


@given(STEPS, st.data())
@searched(40)
def test_every_decision_is_made_again(steps: list[tuple[Event, int]], data: st.DataObject) -> None:
    """From the beginning, and from a checkpoint anywhere: the same decisions, with the same records."""
    desk, now = Desk.restored(Snapshot(POLICY), NOW)[0], NOW
    cut = data.draw(st.integers(0, len(steps)), "checkpoint before")
    entries, made = [stored(1, RoutingEntry(0, NOW, "restored", Snapshot(POLICY)))], []
    for n, (event, later) in enumerate([*steps, (TimePassed(), 0)]):
        if n == cut:
            entries.append(stored(len(entries) + 1, RoutingEntry(0, now, "checkpoint", desk.snapshot())))
        now += later
        entries.append(stored(len(entries) + 1, entry_of(event, now)))
        made.append((entries[-1].position, decisions(desk.handle(event, now))))
    for begin in (0, cut + 1):
        again = {e.position: decisions(effects) for e, _, effects in replayed(entries[begin:])}
        expected = [(position, found) for position, found in made if position > entries[begin].position]
        assert [(p, again[p]) for p, _ in expected] == expected
    board = board_at(entries)
    assert board is not None and board.waiting == [w.id for w in desk.queue]
    assert [(a.user_id, a.status, a.active, a.offered) for a in board.agents] == [
        (a.id, a.status, a.active, a.offered) for a in sorted(desk.agents, key=lambda a: a.id)
    ]


def test_a_missing_entry_is_noticed() -> None:
    office = Office()
    first = RoutingEntry(4, NOW, "restored", office.desk.snapshot())
    gone = RoutingEntry(6, NOW, "gone", Gone("c"))
    with pytest.raises(Incomplete, match="after position 4"):
        list(replayed([first, gone]))
    with pytest.raises(Incomplete):
        list(replayed([gone]))


def test_a_removed_agent_leaves_the_board_with_their_last_conversation() -> None:
    office = Office()
    office.agent("ana")
    entries = [RoutingEntry(1, NOW, "restored", office.desk.snapshot())]

    def tell(event: Event) -> list[str]:
        office.tell(event)
        entries.append(stored(len(entries) + 1, entry_of(event, NOW)))
        found = board_at(entries)
        assert found is not None
        return [a.user_id for a in found.agents]

    assert tell(Arrived(conversation("c"))) == ["ana"]
    gone = Preferences(auto_accept=True, available=False, removed=True)
    assert tell(AgentChanged("ana", gone)) == ["ana"], "who still holds one"
    assert tell(Gone("c")) == []
    assert tell(Arrived(conversation("d"))) == [] and office.waiting == ["d"]
    assert tell(AgentChanged("ana", Preferences(auto_accept=True))) == ["ana"] and not office.waiting


def test_restored_begins_anew_and_a_checkpoint_does_not() -> None:
    held = Snapshot(Policy(), waiting=(conversation("c"),))
    entries = [
        RoutingEntry(1, NOW, "restored", Snapshot(Policy())),
        RoutingEntry(2, NOW, "arrived", Arrived(conversation("d"))),
        RoutingEntry(3, NOW, "checkpoint", held),
    ]
    assert board_at(entries).waiting == ["d"]  # type: ignore[union-attr]
    assert board_at([*entries, RoutingEntry(4, NOW, "restored", held)]).waiting == ["c"]  # type: ignore[union-attr]
    assert board_at([]) is None


def test_checkpoints_of_a_large_account_are_rarer() -> None:
    desk = Desk.restored(Snapshot(Policy(), waiting=tuple(conversation(f"c{n}") for n in range(400))), NOW)[0]
    assert checkpoint_after(Desk(Policy())) == 500
    assert checkpoint_after(desk) == 800
