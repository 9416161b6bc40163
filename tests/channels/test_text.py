"""Text that can be stored, and splitting of text."""

from __future__ import annotations

import pytest
from calls import any_text, unhurried
from hypothesis import given
from hypothesis import strategies as st

from tertulia.channels.shared.text import clean, content, length, pieces, short


@unhurried
@given(any_text)
def test_what_is_cleaned_can_be_stored(text: str) -> None:
    found = clean(text)
    assert found.encode().decode() == found and "\0" not in found and len(found) == len(text)
    kept, notes = content(text)
    assert len(kept) <= 65_536 and (notes == {"truncated": True}) == (len(text) > 65_536)


def test_good_text_stays_as_it_is() -> None:
    assert clean("Ça va ?\r\n\t😀 \ufeff") == "Ça va ?\r\n\t😀 \ufeff"


@pytest.mark.parametrize(
    ("value", "expected"), [("  Ana  ", "Ana"), ("", None), (" \n", None), (7, None), ("x" * 300, "x" * 255), ("a\0", "a\ufffd")]
)  # fmt: skip
def test_names(value: object, expected: str | None) -> None:
    assert short(value) == expected


@unhurried
@given(st.text(alphabet="ab😀 .\n", max_size=200), st.integers(2, 30))
def test_pieces_hold_all_words_and_fit(text: str, limit: int) -> None:
    found = pieces(text, limit)
    assert "".join("".join(found).split()) == "".join(text.split())
    assert found and all(length(piece) <= limit for piece in found)
    assert len(found) == 1 or all(piece.strip() for piece in found)
    if length(text) <= limit:
        assert found == [text]


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("one two\n\nthree four", 14, ["one two", "three four"]),
        ("one two\nthree four", 14, ["one two", "three four"]),
        ("One two. Three four", 14, ["One two.", "Three four"]),
        ("one two three", 10, ["one two", "three"]),
        ("abcd efgh ijkl", 9, ["abcd efgh", "ijkl"]),
        ("a bcdefghijkl", 10, ["a bcdefghi", "jkl"]),
        ("abcdefghijkl", 5, ["abcde", "fghij", "kl"]),
        ("😀😀😀", 4, ["😀😀", "😀"]),
        (" " * 20, 5, [" "]),
    ],
)
def test_where_texts_are_split(text: str, limit: int, expected: list[str]) -> None:
    assert pieces(text, limit) == expected
