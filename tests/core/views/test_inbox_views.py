"""Cursors are ours or refused, periods are bounded, assignments begin and end where the entries say."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import EXPLAIN

from tertulia.core.conversation.entries import Actor, Assigned, Entry, StatusChanged
from tertulia.core.conversation.status import Status
from tertulia.core.errors import Invalid
from tertulia.core.views.assignments import assignments_of
from tertulia.core.views.inbox import Seen, Sort, read_cursor, write_cursor
from tertulia.core.views.statistics import DAY_MS, Period

SORTS = [
    Sort(key, down)  # pyright: ignore[reportArgumentType]
    for key in ("last_message_at", "created_at", "priority", "waiting_since")
    for down in (True, False)
]


@pytest.mark.parametrize("sort", SORTS, ids=str)
def test_a_cursor_is_good_for_its_sort_only(sort: Sort) -> None:
    seen = Seen(3, "00000000-0000-7000-8000-000000000001")
    text = write_cursor(sort, seen)
    assert read_cursor(text, sort) == seen
    for other in SORTS:
        if other != sort:
            with pytest.raises(Invalid) as raised:
                read_cursor(text, other)
            assert raised.value.errors[0][0] == "cursor"


@given(st.text(max_size=60) | st.text("ABCDEFabcdef0123456789-_=", max_size=120))
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        read_cursor(text, Sort())


@pytest.mark.parametrize(
    "place", ["[5]", "{}", '["created_at",true,-1,"x"]', '["created_at",true,1e30,"x"]', '["created_at",1,1,"x",2]',
              '["created_at",true,99999999999999999999,"00000000-0000-7000-8000-000000000001"]']
)  # fmt: skip
def test_a_forged_cursor_is_refused(place: str) -> None:
    with pytest.raises(Invalid):
        read_cursor(urlsafe_b64encode(place.encode()).decode(), Sort("created_at"))


def test_assignments_end_with_the_next_a_release_and_a_resolution() -> None:
    def entry(seq: int, data: Any) -> Entry:
        return Entry("a", "c", seq, seq * 1000, Actor("agent", "x"), data)

    told = assignments_of(
        [
            entry(1, Assigned("1", "ann", explain=EXPLAIN)),
            entry(2, StatusChanged(Status.OPEN, Status.ASSIGNED)),
            entry(3, Assigned("2", "bob", "ann")),
            entry(4, StatusChanged(Status.ASSIGNED, Status.PENDING)),
            entry(5, Assigned("3", None, "bob", by="release")),
            entry(6, StatusChanged(Status.PENDING, Status.OPEN)),
            entry(7, Assigned("4", "ann")),
            entry(8, StatusChanged(Status.ASSIGNED, Status.RESOLVED)),
            entry(9, StatusChanged(Status.RESOLVED, Status.OPEN)),
            entry(10, Assigned("5", "cat")),
        ]
    )
    assert [(a.id, a.agent_id, a.previous_agent_id, a.assigned_at[-5:-1], a.ended_at) for a in told] == [
        ("1", "ann", None, ".000", "1970-01-01T00:00:03.000Z"),
        ("2", "bob", "ann", ".000", "1970-01-01T00:00:05.000Z"),
        ("4", "ann", None, ".000", "1970-01-01T00:00:08.000Z"),
        ("5", "cat", None, ".000", None),
    ]
    assert told[0].explain is not None and told[0].explain.candidates == [] and told[1].explain is None


def test_an_explain_record_is_shown_with_its_roster() -> None:
    held = Entry("a", "c", 1, 1000, Actor("system"), Assigned("1", "ann", explain=EXPLAIN))
    bare = {
        "at": 5,
        "conversation_id": "c",
        "need": {"channel_type": "webchat", "topics": [], "language": "en", "teams": []},
        "strategy": "least_busy",
        "roster": "d1",
        "passed": {"full": "2"},
        "ranked": [[0, 1, 5, 3000, 0]],
        "chosen": "ann",
    }
    candidates = [
        {"agent_id": "ann", "rank": 1, "load": 1, "maximum": 5, "idle_since": "1970-01-01T00:00:03.000Z"},
        {"agent_id": "bob", "reasons": ["full"]},
    ]
    for rosters, shown in (
        ({}, bare),
        ({"d1": ("ann", "bob")}, {**bare, "agents": ["ann", "bob"], "candidates": candidates}),
    ):
        (told,) = assignments_of([held], rosters)
        assert msgspec.to_builtins(told.explain) == shown


def test_a_period_is_bounded() -> None:
    now = datetime(2026, 5, 1, tzinfo=UTC)
    ms = int(now.timestamp() * 1000)
    assert Period.of(None, None, ms) == Period(ms - 30 * DAY_MS, ms)
    assert Period.of(now - timedelta(days=92), now, 0) == Period(ms - 92 * DAY_MS, ms)
    for start, end in (
        (now - timedelta(days=92, milliseconds=1), now),
        (now, now),
        (now, now - timedelta(days=1)),
        (datetime(2026, 4, 30), now),  # noqa: DTZ001
        (now.replace(year=1), None),
    ):
        with pytest.raises(Invalid):
            Period.of(start, end, ms)
