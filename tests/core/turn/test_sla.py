"""Targets in business time, and the timers a conversation needs."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from tertulia.core.accounts.account_settings import AccountSettings
from tertulia.core.conversation.state import Conversation, Fired
from tertulia.core.conversation.status import Status
from tertulia.core.turn.sla import Target, Timer, targets_of, timers_of

ADDIS = ZoneInfo("Africa/Addis_Ababa")
MINUTE = 60_000
HOUR = 60 * MINUTE


def at(day: int, hour: int, minute: int = 0) -> int:
    """In November 2026; the 20th is a Friday."""
    return int(datetime(2026, 11, day, hour, minute, tzinfo=ADDIS).timestamp() * 1000)


FRIDAY = at(20, 16, 30)
WORK = {"schedule": [{"days": ["mon", "tue", "wed", "thu", "fri"], "start": "09:00", "end": "17:00"}]}


def settings(**given: Any) -> AccountSettings:
    return msgspec.convert(
        {"timezone": "Africa/Addis_Ababa", "business_hours": WORK, **given}, AccountSettings
    )


def conversation(**fields: Any) -> Conversation:
    facts = {
        "id": "c",
        "account_id": "a",
        "channel_id": "ch",
        "channel_type": "sms",
        "contact_id": "k",
        "contact_identifier": "+1",
        "created_at": FRIDAY,
        "updated_at": FRIDAY,
        "waiting_since": FRIDAY,
    }
    return Conversation(**{**facts, **fields})


SLA = {
    "first_reply_minutes": 60,
    "next_reply_minutes": 100,
    "resolution_minutes": 480,
    "priorities": {"urgent": {"first_reply_minutes": 10}},
}


def test_targets_are_in_business_time() -> None:
    found = targets_of(conversation(), settings(sla=SLA))
    assert found[Target.FIRST_REPLY].warning == at(23, 9, 18), "80 % of an hour, 30 minutes of them on Friday"
    assert found[Target.FIRST_REPLY].breach == at(23, 9, 30)
    assert found[Target.RESOLUTION].breach == at(23, 16, 30)
    assert Target.NEXT_REPLY not in found


def test_a_priority_has_its_own_targets_and_else_everybody_s() -> None:
    found = targets_of(conversation(priority="urgent"), settings(sla=SLA))
    assert found[Target.FIRST_REPLY].breach == FRIDAY + 10 * MINUTE
    assert found[Target.RESOLUTION].breach == at(23, 16, 30)


def test_after_the_first_reply_each_message_has_a_target() -> None:
    c = conversation(status=Status.ASSIGNED, first_reply_at=FRIDAY + MINUTE)
    assert set(targets_of(c, settings(sla=SLA))) == {Target.RESOLUTION}
    c = msgspec.structs.replace(c, unanswered_since=at(20, 16))
    found = targets_of(c, settings(sla={**SLA, "warn_percent": 50}))
    assert found[Target.NEXT_REPLY].warning == at(20, 16, 50)
    assert found[Target.NEXT_REPLY].breach == at(23, 9, 40)


@pytest.mark.parametrize("status", [Status.RESOLVED, Status.CLOSED, Status.EXPIRED])
def test_what_is_over_has_no_targets(status: Status) -> None:
    assert targets_of(conversation(status=status, unanswered_since=FRIDAY), settings(sla=SLA)) == {}


def test_hours_that_never_open_make_no_timer() -> None:
    never = {"schedule": [{"days": ["mon"], "start": "09:00", "end": "09:00"}]}
    assert timers_of(conversation(), settings(sla=SLA, business_hours=never)).keys() == {Timer.EXPIRY}


@pytest.mark.parametrize(
    ("fields", "given", "timers"),
    [
        ({}, {}, {Timer.EXPIRY: FRIDAY + 24 * HOUR}),
        ({"last_message_at": FRIDAY + 5}, {"expiry_hours": 1}, {Timer.EXPIRY: FRIDAY + HOUR + 5}),
        ({"status": Status.BOT}, {}, {Timer.EXPIRY: FRIDAY + 24 * HOUR}),
        ({"status": Status.ASSIGNED}, {}, {}),
        (
            {"status": Status.PENDING, "snoozed_until": FRIDAY + HOUR},
            {},
            {Timer.EXPIRY: FRIDAY + 25 * HOUR, Timer.SNOOZE_END: FRIDAY + HOUR},
        ),
        (
            {"status": Status.RESOLVED, "resolved_at": FRIDAY, "snoozed_until": FRIDAY},
            {},
            {Timer.AUTO_CLOSE: FRIDAY + 72 * HOUR},
        ),
        (
            {"status": Status.RESOLVED, "resolved_at": FRIDAY, "csat_due": True},
            {"csat_enabled": True, "auto_close_hours": 2},
            {Timer.AUTO_CLOSE: FRIDAY + 2 * HOUR, Timer.CSAT_ASK: FRIDAY},
        ),
        (
            {
                "status": Status.RESOLVED,
                "resolved_at": FRIDAY,
                "csat_due": True,
                "fired": Fired(csat_asked=True),
            },
            {"csat_enabled": True},
            {Timer.AUTO_CLOSE: FRIDAY + 72 * HOUR},
        ),
        ({"status": Status.CLOSED, "snoozed_until": FRIDAY}, {}, {}),
        ({"status": Status.EXPIRED}, {}, {}),
    ],
)
def test_timers(fields: dict[str, Any], given: dict[str, Any], timers: dict[Timer, int]) -> None:
    assert timers_of(conversation(**fields), settings(**given)) == timers


def test_every_target_makes_two_timers() -> None:
    found = timers_of(conversation(), settings(sla=SLA))
    assert found[Timer.FIRST_REPLY_WARNING] == at(23, 9, 18)
    assert found[Timer.RESOLUTION_BREACH] == at(23, 16, 30)
    assert len(found) == 5
