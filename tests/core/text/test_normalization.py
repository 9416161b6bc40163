"""Normalisation of foreign text: the Stream-Safe Text Format, and nothing else changed."""

from __future__ import annotations

import unicodedata

import pytest
from hostile import MARKS, TEXTS
from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia.core.text import normalization
from tertulia.core.text.normalization import JOINER, MAX_NON_STARTERS, normalized, stream_safe
from tertulia.core.text.text_matching import Text, fold

ODD = "".join(MARKS) + "ae\u1ea4\ufdfa\uff9e\u0344\u0f73\u0390\uac00\u1100 \n\u034f"
unhurried = settings(deadline=None)
"""The tables are made at the first use, and the machine may be busy."""
texts = st.text(st.characters() | st.sampled_from(ODD), max_size=120)


def longest_run(text: str) -> int:
    longest = run = 0
    for char in unicodedata.normalize("NFKD", text):
        run = run + 1 if unicodedata.combining(char) else 0
        longest = max(longest, run)
    return longest


@unhurried
@given(texts)
def test_no_run_of_marks_is_longer(text: str) -> None:
    safe = stream_safe(text)
    assert longest_run(safe) <= MAX_NON_STARTERS
    assert safe.replace(JOINER, "") == text.replace(JOINER, "")


@unhurried
@given(texts)
def test_a_text_that_is_safe_stays_as_it_is(text: str) -> None:
    if longest_run(text) <= MAX_NON_STARTERS:
        assert stream_safe(text) == text
        assert normalized("NFKC", text) == unicodedata.normalize("NFKC", text)
    assert stream_safe(stream_safe(text)) == stream_safe(text)


@pytest.mark.parametrize("name", TEXTS)
def test_every_hostile_text_becomes_safe(name: str) -> None:
    assert longest_run(stream_safe(TEXTS[name](5_000))) <= MAX_NON_STARTERS


@pytest.mark.parametrize(
    ("marks", "places"),
    [(30, []), (31, [31]), (61, [31, 62])],
    ids=str,
)
def test_the_joiner_stands_before_the_mark_that_is_too_much(marks: int, places: list[int]) -> None:
    safe = stream_safe("a" + "\u0301" * marks + "b")
    assert [at for at, char in enumerate(safe) if char == JOINER] == places


def test_the_marks_of_the_letter_count() -> None:
    assert stream_safe("\u1ea4" + "\u0301" * 28) == "\u1ea4" + "\u0301" * 28
    assert stream_safe("\u1ea4" + "\u0301" * 29).count(JOINER) == 1


def test_every_character_that_is_nothing_but_marks_is_known() -> None:
    everything = map(chr, range(0x110000))
    apart = {char: unicodedata.normalize("NFKD", char) for char in everything}
    assert {c for c, marks in apart.items() if all(map(unicodedata.combining, marks))} == set(
        normalization._sizes()
    )
    # what begins with marks is nothing but marks: a run ends where the next character begins
    assert all(c in normalization._sizes() for c, marks in apart.items() if unicodedata.combining(marks[0]))


def test_words_are_found_in_the_beginning_of_a_long_text() -> None:
    assert Text("x " * 8_000 + "human").has("human")
    assert not Text("x " * 9_000 + "human").has("human")
    assert fold("\u1112\u1161\u11ab" * 5_000) == "\ud55c" * 5_000
