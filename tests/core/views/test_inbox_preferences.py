"""What an agent keeps of the inbox: what another version stored, and what a change leaves."""

from __future__ import annotations

import msgspec
import pytest

from tertulia.core.errors import Invalid
from tertulia.core.views.inbox_preferences import (
    MAX_SHORTCUTS,
    InboxPreferencesPatch,
    SavedFilter,
    merged,
    stored_preferences,
)


def test_a_filter_that_cannot_be_read_is_left_out_and_kept() -> None:
    stored = {"filters": {"New": {"mood": "sunny"}, "Old": {"q": "parcel"}}}
    assert stored_preferences(stored).filters == {"Old": SavedFilter(q="parcel")}
    after = merged(stored, InboxPreferencesPatch(filters={"Old": None}))
    assert after == {"filters": {"New": {"mood": "sunny"}}, "shortcuts": {}}, (
        "what a later version saved stays"
    )


def test_too_many_shortcuts() -> None:
    stored = {"shortcuts": {f"c{n}": "x" for n in range(MAX_SHORTCUTS)}}
    assert merged(stored, InboxPreferencesPatch(shortcuts={"c0": "y"}))["shortcuts"]["c0"] == "y"
    with pytest.raises(Invalid) as caught:
        merged(stored, InboxPreferencesPatch(shortcuts={"one_more": "y"}))
    assert [path for path, _ in caught.value.errors] == ["shortcuts"]


@pytest.mark.parametrize(
    "body",
    [
        {"filters": {"": {}}}, {"filters": {" a": {}}}, {"filters": {"a\n": {}}}, {"filters": {"x" * 41: {}}},
        {"filters": {"a": {"labl": "x"}}}, {"filters": {"a": {"status": ["lost"]}}}, {"filters": {"a": {"team_id": "x"}}},
        {"filters": {"a": {"sort": "name"}}}, {"filters": {str(n): {} for n in range(51)}},
        {"shortcuts": {"resolve": "abc"}}, {"shortcuts": {"resolve": ""}}, {"shortcuts": {"re solve": "x"}}, {"mood": {}},
    ],
)  # fmt: skip
def test_what_is_not_a_preference(body: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(body, InboxPreferencesPatch)
