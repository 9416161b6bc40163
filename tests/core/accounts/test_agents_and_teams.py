"""What preferences may say, and which names are the same."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.core.accounts.account_settings import NO_ZONES
from tertulia.core.accounts.agents_and_teams import AvailableHours, check_hours, folded
from tertulia.core.errors import Invalid

DAY = {"days": ["mon"], "start": "09:00", "end": "17:00"}


def hours(timezone: str = "Africa/Addis_Ababa", **block: Any) -> AvailableHours:
    return msgspec.convert({"timezone": timezone, "schedule": [DAY, DAY | block]}, AvailableHours)


@pytest.mark.parametrize(
    "block", [{}, {"end": "24:00"}, {"start": "00:00", "end": "24:00"}, {"start": "22:00", "end": "06:00"},
              {"end": "00:00"}]
)  # fmt: skip
def test_hours_that_can_be_kept(block: dict[str, Any]) -> None:
    check_hours(hours(**block))
    check_hours(AvailableHours("UTC"))


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"timezone": "Mars/Base"}, "available_hours.timezone"),
        *(({"timezone": name}, "available_hours.timezone") for name in NO_ZONES),
        ({"timezone": "posix/Europe/Berlin"}, "available_hours.timezone"),
        ({"timezone": "../etc"}, "available_hours.timezone"),
        ({"start": "24:00"}, "available_hours.schedule[1].start"),
        ({"end": "09:00"}, "available_hours.schedule[1].end"),
        ({"start": "00:00", "end": "00:00"}, "available_hours.schedule[1].end"),
    ],
)
def test_hours_that_say_nothing(given: dict[str, Any], path: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_hours(hours(**given))
    assert [p for p, _ in refused.value.errors] == [path]


@pytest.mark.parametrize("time", ["9:00", "09:60", "24:01", "25:00", "09:00\n", "0900", ""])
def test_times_that_are_none(time: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        hours(end=time)


@given(st.text(max_size=40))
def test_folding_again_changes_nothing(text: str) -> None:
    assert folded(folded(text)) == folded(text)
    assert folded(f"  {text.upper()} ") == folded(text.upper())


@pytest.mark.parametrize(
    ("one", "other"), [("Billing", "bILLING"), ("Straße", "STRASSE"), ("a  b", " A b"), ("ﬁn", "FIN")]
)
def test_names_that_a_person_takes_for_the_same(one: str, other: str) -> None:
    assert folded(one) == folded(other) != ""
