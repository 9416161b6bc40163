"""A replay that agrees, and each way in which one does not."""

from __future__ import annotations

from msgspec.structs import replace

from tertulia.core.routing.desk import Desk
from tertulia.core.routing.facts import Policy, Preferences, Waiting
from tertulia.core.routing.journal import RoutingEntry, entry_of
from tertulia.core.routing.messages import (
    AgentChanged,
    Arrived,
    Assign,
    Event,
    Offer,
    PresenceChanged,
    Snapshot,
)
from tertulia.planning.self_replay import KINDS, Replay, StoredDecision

NOW = 1_800_000_000_000
EVENTS: list[Event] = [
    AgentChanged("ana", Preferences(auto_accept=True, topics=frozenset({"billing", "sales"}))),
    PresenceChanged("ana", "online"),
    AgentChanged("ben", Preferences(auto_accept=False)),
    PresenceChanged("ben", "online"),
    *(Arrived(Waiting(id=f"c{n}", waiting_since=NOW, channel_type="webchat")) for n in range(4)),
]


def recorded() -> tuple[list[RoutingEntry], list[StoredDecision]]:
    """A journal, and what its desk decided."""
    desk, _ = Desk.restored(Snapshot(Policy()), NOW)
    entries, made = [RoutingEntry(1, NOW, "restored", Snapshot(Policy()))], []
    for n, event in enumerate(EVENTS, start=1):
        entries.append(replace(entry_of(event, NOW + n), position=n + 1))
        for effect in desk.handle(event, NOW + n):
            if isinstance(effect, Assign | Offer) and effect.explain is not None:
                explain = replace(effect.explain, agents=())
                made.append(
                    StoredDecision(effect.conversation_id, KINDS[type(effect)], effect.agent_id, explain)
                )
    return entries, made


def replay(entries: list[RoutingEntry], stored: list[StoredDecision], since: int = NOW) -> Replay:
    found = Replay(since, NOW + 1000)
    found.read(entries)
    for decision in stored:
        found.compare(decision)
    return found


def test_all_agree() -> None:
    entries, made = recorded()
    found = replay(entries, made).close()
    assert {d.kind for d in made} == {"assigned", "offered"}
    assert (found.equal, found.stored, found.not_stored, found.agrees) == (4, 4, 0, True)


def test_another_agent_or_another_figure_is_a_mismatch() -> None:
    entries, made = recorded()
    made[0] = replace(made[0], agent_id="ben")
    made[1] = replace(made[1], explain=replace(made[1].explain, ranked=()))
    found = replay(entries, made).close()
    assert [m.fields for m in found.mismatches] == [("agent_id",), ("ranked",)]
    assert (found.equal, found.different, found.agrees) == (2, 2, False)


def test_a_decision_that_the_journal_does_not_explain_is_a_mismatch() -> None:
    entries, made = recorded()
    stray = replace(made[0], conversation_id="stray")
    found = replay(entries, [*made, stray, made[0]]).close()
    assert [m.replayed for m in found.mismatches] == [None, None]
    assert [m.conversation_id for m in found.mismatches] == ["stray", made[0].conversation_id]


def test_decisions_without_a_record_are_counted_and_are_no_mismatch() -> None:
    entries, made = recorded()
    found = replay(entries, made[1:]).close()
    assert (found.not_stored, found.agrees) == (1, True)


def test_what_was_decided_before_the_journal_begins_does_not_count() -> None:
    entries, made = recorded()
    early = replace(made[0], explain=replace(made[0].explain, at=NOW - 5))
    found = replay(entries, [early, *made], since=NOW - 10).close()
    assert (found.stored, found.equal, found.agrees) == (4, 4, True)
