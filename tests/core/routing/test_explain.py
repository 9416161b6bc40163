"""Records of decisions: complete, small, and enough to decide again."""

from __future__ import annotations

import msgspec
from fuzzing import searched
from hypothesis import given
from hypothesis import strategies as st
from office import NOW, Office, conversation, refusals, replay, words

from tertulia.core.conversation.explain_record import Explain
from tertulia.core.routing.explain import TOP, decide, explain
from tertulia.core.routing.facts import Reason
from tertulia.core.routing.messages import Assign, TakenByHand
from tertulia.core.views.assignments import candidates


def test_every_agent_is_in_it_with_its_rank_or_reasons() -> None:
    office = Office()
    office.agent("ana", maximum=4)
    office.agent("ben", channels=words("sms"), languages=words("en"))
    office.agent("cem", maximum=0)
    office.agent("dan", maximum=3)
    office.tell(TakenByHand(conversation("own"), "ana"))
    assert office.arrive("c", language="am") == "dan"
    [assigned] = [e for e in office.effects if isinstance(e, Assign)]
    assert assigned.explain is not None
    found = candidates(assigned.explain)
    assert [(c.agent_id, c.rank, c.reasons) for c in found] == [
        ("dan", 1, []),
        ("ana", 2, []),
        ("ben", None, [Reason.CHANNEL, Reason.LANGUAGE]),
        ("cem", None, [Reason.FULL]),
    ]
    assert (found[1].load, found[1].maximum) == (1, 4)


def test_a_thousand_agents_make_a_small_record() -> None:
    office = Office()
    for number in range(1000):
        topic = ("billing", "sales", "technical")[number % 3]
        office.agent(f"agent-{number:04}", topics=words(topic), maximum=number % 2 * 5)
    office.arrive("c", topics=words("billing"))
    [assigned] = [e for e in office.effects if isinstance(e, Assign)]
    record = assigned.explain
    assert record is not None and len(record.ranked) == TOP
    assert len(candidates(record)) == 1000
    assert sum(not c.reasons for c in candidates(record)) == 167
    lean = msgspec.structs.replace(record, agents=())
    assert len(msgspec.json.encode(lean)) < 2000
    assert replay(msgspec.structs.replace(lean, agents=record.agents)) == assigned.agent_id
    assert office.desk.agents.roster() == (record.agents, record.roster)


sets = st.frozensets(st.sampled_from("ab"), max_size=2)


@searched(40)
@given(
    agents=st.lists(
        st.fixed_dictionaries(
            {"topics": sets, "languages": sets, "maximum": st.integers(0, 3), "available": st.booleans()}
        ),
        max_size=40,
    ),
    loads=st.lists(st.integers(0, 39), max_size=60),
    topics=sets,
    strategy=st.sampled_from(["least_busy", "round_robin", "manual_queue"]),
    declined=st.frozensets(st.integers(0, 39), max_size=5),
    sticky=st.none() | st.integers(0, 39),
)
def test_a_record_replayed_gives_the_same_answer(
    agents: list[dict[str, object]],
    loads: list[int],
    topics: frozenset[str],
    strategy: str,
    declined: frozenset[int],
    sticky: int | None,
) -> None:
    office = Office()
    for number, preferences in enumerate(agents):
        office.agent(f"a{number:02}", **preferences)
    for number, load in enumerate(loads):
        office.now += 1
        office.tell(TakenByHand(conversation(f"own{number}"), f"a{load:02}"))
    w = conversation(
        "c",
        NOW,
        topics=topics,
        strategy=strategy,
        declined_by=frozenset(f"a{n:02}" for n in declined),
        sticky_agent=None if sticky is None else f"a{sticky:02}",
        sticky_until=office.now + 1,
    )
    known = office.desk.agents
    need = office.desk.board.policy.need(w, office.now)
    slot = decide(known, w, need, office.now)
    record = explain(known, w, need, slot, office.now)
    stored = msgspec.json.decode(msgspec.json.encode(record), type=Explain)
    assert stored == record
    assert replay(stored) == record.chosen == (None if slot is None else known.at(slot).id)

    fit = [a for a in known if not refusals(a, need, w.declined_by, office.now)]
    assert {c.agent_id for c in candidates(record) if not c.reasons} == {a.id for a in fit}
    if strategy == "manual_queue" or not fit:
        assert slot is None
    elif w.sticky_agent in {a.id for a in fit}:
        assert record.chosen == w.sticky_agent
    elif strategy == "round_robin":
        assert record.chosen == min(fit, key=lambda a: (a.assigned_at, a.id)).id
    else:
        assert record.chosen == min(fit, key=lambda a: (a.load, a.idle_since, a.id)).id
