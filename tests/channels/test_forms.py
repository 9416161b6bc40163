"""The answers in a filled-in form: JSON in a text, which anybody may have written."""

from __future__ import annotations

import json

import pytest

from tertulia.channels.shared.forms import MAX_FORM, MAX_LINE, MAX_LINES, answers


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ('{"name": "Ana", "flow_token": "x", "adult": true, "guests": 2}', ["name: Ana", "adult: yes", "guests: 2"]),
        ('{"days": ["Monday", "Friday"], "none": [], "empty": "", "null": null}', ["days: Monday, Friday"]),
        ('{"place": {"city": "Lima"}, "pairs": [[1, 2], 3]}', ["place: …", "pairs: …, 3"]),
        ("[1]", []),
        ('"text"', []),
        ("{", []),
        ("", []),
    ],
)  # fmt: skip
def test_each_field_is_a_line(text: str, lines: list[str]) -> None:
    assert answers(text) == lines


@pytest.mark.parametrize("depth", [2, 100, 500, 1_000, 5_000])
@pytest.mark.parametrize("brackets", [("[", "]"), ('{"b":', "}")])
def test_no_depth_is_too_deep(depth: int, brackets: tuple[str, str]) -> None:
    begin, end = brackets
    text = '{"a":' + begin * depth + "1" + end * depth + "}"
    assert answers(text) in (["a: …"], [])


def test_many_and_long_answers_are_cut() -> None:
    found = answers(json.dumps({f"field {n}": "x" * MAX_LINE for n in range(MAX_LINES + 5)}))
    assert len(found) == MAX_LINES and {len(line) for line in found} == {MAX_LINE}
    assert answers(json.dumps({"a": "x" * MAX_FORM})) == []
