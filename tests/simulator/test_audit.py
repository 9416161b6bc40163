"""The audit, proved by breaking: whatever a reader loses, doubles, swaps or is shown of others is found, one in a hundred thousand too."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.simulator.figures.audit import MAX_FINISHED, SETTLE, Audit, marked, marker

RUN = "run7ab"
Seen = tuple[str, int, int, str]
"""Conversation, customer, seq, text."""


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@functools.cache  # each way of breaking a run begins with the same one
def messages(customers: int, each: int) -> list[Seen]:
    """All messages in the order of commits, those of ten customers at a time interleaved. To be read only."""
    return [
        (f"c{n}", n, part, f"hello {marker(RUN, n, 'c', part)}")
        for first in range(0, customers, 10)
        for part in range(each)
        for n in range(first, min(customers, first + 10))
    ]


def audited(sent: list[Seen], broken: list[Seen]) -> Audit:
    """The faults of a reader that got `broken` where `sent` was acknowledged."""
    clock = Clock()
    audit = Audit(RUN, clock)
    last = {owner: i for i, (_, owner, _, _) in enumerate(sent)}
    for i, (_, owner, part, _) in enumerate(sent):
        if part == 0:
            audit.attach(owner, "feed")
        audit.acked(owner, "c", part)
        if i < len(broken):
            conversation, to, seq, text = broken[i]
            audit.seen("feed", to, conversation, seq, text)
        if last[owner] == i:
            audit.end(owner)
        if i % 1000 == 0:
            clock.now += 1
            audit.sweep()
    for conversation, to, seq, text in broken[len(sent) :]:
        audit.seen("feed", to, conversation, seq, text)
    clock.now += SETTLE + 1
    audit.sweep(all=True)
    return audit


def drop(sent: list[Seen], at: int) -> list[Seen]:
    return sent[:at] + sent[at + 1 :]


def double(sent: list[Seen], at: int) -> list[Seen]:
    return [*sent[: at + 1], sent[at], *sent[at + 1 :]]


def swap(sent: list[Seen], at: int) -> list[Seen]:
    """With the next message of the same conversation."""
    found = list(sent)
    other = next((i for i in range(at + 1, len(sent)) if sent[i][1] == sent[at][1]), None)
    other = (
        other if other is not None else next(i for i in range(at - 1, -1, -1) if sent[i][1] == sent[at][1])
    )
    found[at], found[other] = found[other], found[at]
    return found


def leak(sent: list[Seen], at: int) -> list[Seen]:
    """Into another customer's conversation."""
    conversation, to, seq, _ = sent[at]
    other = next(m for m in sent if m[1] != to)
    return [*sent[:at], (conversation, to, seq, other[3]), *sent[at + 1 :]]


BREAKS: list[tuple[str, Callable[[list[Seen], int], list[Seen]]]] = [
    ("lost", drop),
    ("duplicated", double),
    ("reordered", swap),
    ("leaked", leak),
]


def test_a_whole_reader_has_no_faults() -> None:
    sent = messages(40, 5)
    audit = audited(sent, sent)
    assert audit.faults == {} and audit.checked == 200 and len(audit) == 0


@pytest.mark.parametrize(("kind", "broken"), BREAKS, ids=[kind for kind, _ in BREAKS])
def test_one_broken_message_in_a_hundred_thousand_is_found(
    kind: str, broken: Callable[[list[Seen], int], list[Seen]]
) -> None:
    sent = messages(20_000, 5)
    assert len(sent) == 100_000
    audit = audited(sent, broken(sent, random.Random(kind).randrange(len(sent))))
    assert audit.faults[kind] >= 1 and audit.examples[0].startswith(kind)


@given(st.integers(0, 199), st.sampled_from(BREAKS))
def test_wherever_it_breaks_it_is_found(
    at: int, how: tuple[str, Callable[[list[Seen], int], list[Seen]]]
) -> None:
    kind, broken = how
    sent = messages(40, 5)
    assert audited(sent, broken(sent, at)).faults[kind] >= 1


def test_a_reader_is_asked_only_for_what_came_while_it_was_there() -> None:
    clock = Clock()
    audit = Audit(RUN, clock)
    audit.attach(1, "feed")
    audit.acked(1, "c", 1)
    audit.seen("feed", 1, "x", 1, marker(RUN, 1, "c", 1))
    clock.now = 1
    audit.attach(1, "customer")
    audit.acked(1, "a", 5)
    audit.seen("feed", 1, "x", 2, marker(RUN, 1, "a", 5))
    assert audit.missing(1) and audit.pending()
    clock.now = 2
    audit.detach(1, "customer")
    clock.now = 3
    audit.acked(1, "c", 2)
    audit.seen("feed", 1, "x", 3, marker(RUN, 1, "c", 2))
    audit.sweep(all=True)
    assert audit.faults == {"lost": 1} and "customer of customer 1" in audit.examples[0]


def test_a_provider_need_not_see_what_the_customer_wrote() -> None:
    audit = Audit(RUN, Clock())
    audit.attach(1, "provider", "a")
    audit.acked(1, "c", 1)
    assert not audit.pending()
    audit.acked(1, "a", 1)
    assert audit.pending()


def test_a_repeat_after_the_end_is_found_and_memory_is_bounded() -> None:
    audit = Audit(RUN, Clock())
    for n in range(MAX_FINISHED + 50):
        audit.attach(n, "feed")
        audit.seen("feed", n, "x", 1, marker(RUN, n, "c", 1))
        audit.end(n)
        audit.sweep()
    assert len(audit) == 0 and len(audit._finished) == MAX_FINISHED
    last = MAX_FINISHED + 49
    audit.seen("feed", last, "x", 1, marker(RUN, last, "c", 1))
    assert audit.faults == {"duplicated": 1}


def test_other_peoples_messages_are_no_faults_where_they_belong() -> None:
    audit = Audit(RUN, Clock())
    assert audit.seen("feed", 1, "x", 1, "no marker") is None
    assert audit.faults == {} and marked("[other1-3-c4]") is not None
