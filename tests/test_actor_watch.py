"""An actor counts as dead only if two independent witnesses agree; and the plan by which processes follow the nodes."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tertulia.serving.actor_watch import FROZEN_AFTER, GONE_AFTER, Vitals
from tertulia.serving.placement_plan import free_number, plan


def test_who_neither_answers_nor_beats_is_frozen() -> None:
    vitals = Vitals(0)
    vitals.on_beats(1, 0)
    assert vitals.verdict(FROZEN_AFTER) == "alive"
    vitals.on_beats(1, FROZEN_AFTER + 1)
    assert vitals.verdict(FROZEN_AFTER + 1) == "frozen"


def test_who_beats_is_never_ended_though_no_call_reaches_it() -> None:
    vitals = Vitals(0)
    for second in range(100):
        vitals.on_beats(second, second)
        assert vitals.verdict(second) == ("alive" if second <= FROZEN_AFTER else "unreached")
    vitals.on_given_up()  # by a Ray that has lost its memory
    assert vitals.verdict(99) == "unreached"


def test_who_answers_is_never_ended_though_no_beat_is_seen() -> None:
    vitals = Vitals(0)
    vitals.on_beats(5, 0)
    for second in range(100):
        vitals.on_beats(5, second)
        vitals.on_answer(second)
        assert vitals.verdict(second) == "alive"


def test_without_the_database_nobody_is_ended() -> None:
    vitals = Vitals(0)
    vitals.on_beats(1, 0)
    for second in range(100):
        vitals.on_blind(second)
        assert vitals.verdict(second) in ("alive", "unreached")


def test_whom_ray_has_given_up_is_replaced_once_it_is_silent() -> None:
    vitals = Vitals(0)
    vitals.on_beats(1, 0)
    vitals.on_given_up()
    assert vitals.verdict(1) == "unreached"
    assert vitals.verdict(GONE_AFTER + 1) == "gone"


def test_who_took_its_leave_is_replaced_at_once() -> None:
    vitals = Vitals(0)
    vitals.on_beats(1, 0)
    vitals.on_beats(None, 1)
    vitals.on_given_up()
    assert vitals.verdict(1) == "gone"


def test_a_watcher_that_slept_judges_nobody() -> None:
    vitals = Vitals(0)
    vitals.on_beats(1, 0)
    vitals.forgive(100)
    assert vitals.verdict(100) == "alive"


def test_a_node_that_joins_gets_its_share_before_others_lose_theirs() -> None:
    actual = {"host:0": "a", "host:1": "b", "host:2": "a", "host:3": "b"}
    wanted = plan(actual, ["a", "b", "c"], total=4)
    assert (wanted.create == ("c",) and wanted.retire == ("host:3",)) or wanted.retire == ("host:2",)
    each = plan({"host:0": "a"}, ["a", "b"], total=7, per_node=2)
    assert Counter(each.create) == {"a": 1, "b": 2} and not each.retire


def test_processes_of_a_node_that_leaves_are_replaced() -> None:
    wanted = plan({"host:0": "a", "host:1": "b"}, ["b"], total=2)
    assert wanted.create == ("b",) and wanted.retire == ("host:0",)


@given(
    st.dictionaries(st.integers(0, 40), st.sampled_from("abcdef"), max_size=20),
    st.sets(st.sampled_from("abcdef"), min_size=1),
    st.integers(1, 12),
    st.none() | st.integers(1, 3),
)
def test_a_plan_ends_where_nothing_is_left_to_do(
    have: dict[int, str], nodes: set[str], total: int, per_node: int | None
) -> None:
    actual = {f"host:{number}": node for number, node in have.items()}
    usable = sorted(nodes)
    wanted = plan(actual, usable, total=total, per_node=per_node)
    for node in wanted.create:
        actual[f"host:{free_number(list(actual))}"] = node
    for name in wanted.retire:
        del actual[name]
    counts = Counter(actual.values())
    assert set(counts) <= nodes
    if per_node is None:
        assert sum(counts.values()) == total
        assert max(counts[n] for n in usable) - min(counts[n] for n in usable) <= 1
    else:
        assert all(counts[node] == per_node for node in usable)
    after = plan(actual, usable, total=total, per_node=per_node)
    assert not after.create and not after.retire, "processes wander without need"
