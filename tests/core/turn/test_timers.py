"""What is due in a conversation, through its turns under a clock of the test's: each effect once, in order, at its time."""

from __future__ import annotations

from typing import Any

import pytest
from fuzzing import searched
from hypothesis import given
from hypothesis import strategies as st
from samples import NOW, SERVICE, agent, answered, customer, received
from timed_thread import CLOCK, HOUR, MINUTE, Thread

from tertulia.core.conversation.commands import Assign, By, Changes, Open, Post, Rate, Release, Tick, Update
from tertulia.core.conversation.entries import ChangedFields, Message, SlaNoted, StatusChanged, Updated
from tertulia.core.conversation.state import CSAT_ASK
from tertulia.core.conversation.status import Status
from tertulia.core.turn.account_rules import account_rules
from tertulia.core.turn.timers import next_timer


def test_a_conversation_expires_a_day_after_its_last_message() -> None:
    thread = Thread()
    thread.do(received("hello"))
    thread.now += 5 * HOUR
    thread.do(received("anybody?"))
    assert thread.stored == NOW + 24 * HOUR, "a message leaves the look where it was"
    ((at, data),) = thread.until(NOW + 100 * HOUR)
    assert at == 29 * HOUR and isinstance(data, StatusChanged) and data.to_status is Status.EXPIRED
    assert thread.stored is None


def test_a_conversation_without_a_message_expires_too() -> None:
    thread = Thread()
    thread.do(Open(received().opening), SERVICE)
    assert thread.stored == NOW + 24 * HOUR
    ((_, data),) = thread.until(NOW + 100 * HOUR)
    assert data.to_status is Status.EXPIRED


def test_what_an_agent_holds_does_not_expire_and_what_waits_for_the_customer_does() -> None:
    thread = Thread(expiry_hours=2)
    thread.do(received("hello"))
    thread.do(Assign("ana"), SERVICE)
    assert thread.until(NOW + 9 * HOUR) == []
    thread.do(Update(Changes(status=Status.PENDING)), agent())
    ((at, data),) = thread.until(NOW + 20 * HOUR)
    assert (data.to_status is Status.EXPIRED and at == 9 * HOUR + 1000) or at == 9 * HOUR


def test_a_resolved_conversation_is_asked_about_once_and_closed() -> None:
    thread = Thread(csat_enabled=True, auto_close_hours=3)
    thread.do(received("hello"))
    thread.do(Update(Changes(status=Status.RESOLVED)), SERVICE)
    first, second = thread.until(NOW + 10 * HOUR)
    assert isinstance(first[1], Message) and first[1].metadata == {CSAT_ASK: True} and first[0] == 0
    assert (first[1].sender_type, first[1].direction, first[1].delivery_status) == (
        "system",
        "outbound",
        "sent",
    )
    assert second[0] == 3 * HOUR and second[1].to_status is Status.CLOSED


def test_a_reopened_conversation_is_asked_about_again_and_a_rated_one_is_not() -> None:
    thread = Thread(csat_enabled=True)
    for _ in range(2):
        thread.do(received("hello"))
        thread.do(Update(Changes(status=Status.RESOLVED)), SERVICE)
        assert len(thread.until(thread.now + HOUR)) == 1
    thread.do(received("hello"))
    thread.do(Update(Changes(status=Status.RESOLVED)), SERVICE)
    thread.do(Rate(5), SERVICE)
    assert thread.until(thread.now + HOUR) == []


def test_what_was_resolved_long_ago_is_not_asked_about() -> None:
    thread = Thread(auto_close_hours=9)
    thread.do(received("hello"))
    thread.do(Update(Changes(status=Status.RESOLVED)), SERVICE)
    thread.now += HOUR + 1
    thread.account = account_rules({"csat_enabled": True, "auto_close_hours": 9}, (), 2)
    assert thread.do(Tick(0), CLOCK) == [] and thread.stored == NOW + 9 * HOUR


def test_a_reopening_keeps_the_age_and_starts_the_resolution_anew() -> None:
    thread = Thread(sla={"first_reply_minutes": 10, "resolution_minutes": 100, "warn_percent": 99})
    thread.do(received("hello"))
    assert [(at, d.target) for at, d in thread.until(NOW + 30 * MINUTE) if d.state == "breach"] == [
        (10 * MINUTE, "first_reply")
    ]
    thread.do(Update(Changes(status=Status.RESOLVED)), SERVICE)
    thread.now += 5 * HOUR
    thread.do(received("again"))
    assert thread.c.waiting_since == NOW and thread.c.opened_at == thread.now
    thread.crash()
    said = [(d.target, d.due_at - NOW) for _, d in thread.until(NOW + 9 * HOUR) if d.state == "breach"]
    assert said == [("resolution", (5 * 60 + 30 + 100) * MINUTE)]


def test_a_target_that_becomes_another_is_not_missed_twice() -> None:
    thread = Thread(sla={"first_reply_minutes": 10, "priorities": {"urgent": {"first_reply_minutes": 5}}})
    thread.do(received("hello"))
    assert [d.state for _, d in thread.until(NOW + 9 * MINUTE)] == ["warning"]
    thread.do(Update(Changes(priority="urgent")), SERVICE)
    assert [(d.state, d.due_at - NOW) for _, d in thread.until(NOW + 10 * MINUTE)] == [("breach", 5 * MINUTE)]
    thread.do(Update(Changes(priority="normal")), SERVICE)
    assert thread.until(NOW + HOUR) == []


def test_a_snooze_ends() -> None:
    thread = Thread()
    thread.do(received("hello"))
    thread.do(Update(Changes(snoozed_until=NOW + 2 * HOUR)), SERVICE)
    assert thread.until(NOW + 3 * HOUR) == [(2 * HOUR, Updated(ChangedFields(snoozed_until=None)))]
    assert thread.c.snoozed_until is None


def test_targets_warn_and_are_missed() -> None:
    thread = Thread(sla={"first_reply_minutes": 10, "resolution_minutes": 100, "warn_percent": 50})
    thread.do(received("hello"))
    said = thread.until(NOW + 60 * MINUTE)
    assert [(at, d.target, d.state, d.due_at - NOW) for at, d in said] == [
        (5 * MINUTE, "first_reply", "warning", 5 * MINUTE),
        (10 * MINUTE, "first_reply", "breach", 10 * MINUTE),
        (50 * MINUTE, "resolution", "warning", 50 * MINUTE),
    ]
    thread.do(Assign("ana"), SERVICE)
    thread.do(answered(), agent())
    thread.do(Update(Changes(status=Status.RESOLVED)), agent())
    assert thread.until(NOW + 200 * MINUTE) == []


def test_each_answer_has_its_own_target_however_often_the_customer_asks() -> None:
    thread = Thread(sla={"next_reply_minutes": 10})
    thread.do(received("hello"))
    thread.do(Assign("ana"), SERVICE)
    thread.do(answered(), agent())
    for _ in range(2):
        asked = thread.now - NOW
        for _ in range(12):
            thread.do(received("and?"))
            thread.until(thread.now + 30_000)
        said = thread.until(thread.now + HOUR)
        assert [(at, d.state) for at, d in said] == [
            (asked + 8 * MINUTE, "warning"),
            (asked + 10 * MINUTE, "breach"),
        ]
        thread.do(answered(), agent())
        assert thread.until(thread.now + HOUR) == []


def test_targets_run_in_business_time() -> None:
    hours = {"schedule": [{"days": ["mon", "tue", "wed", "thu", "fri"], "start": "09:00", "end": "17:00"}]}
    thread = Thread(
        sla={"first_reply_minutes": 60, "warn_percent": 99}, business_hours=hours, expiry_hours=999
    )
    thread.do(received("hello"))
    *_, (at, data) = thread.until(NOW + 7 * 24 * HOUR)
    local = (NOW + at) % (24 * HOUR)
    assert data.state == "breach" and 9 * HOUR <= local <= 17 * HOUR


def test_after_an_outage_only_the_breach_is_told() -> None:
    thread = Thread(sla={"first_reply_minutes": 10})
    thread.do(received("hello"))
    thread.now = NOW + 3 * HOUR
    assert thread.stored is not None
    (data,) = thread.do(Tick(thread.stored), CLOCK)
    assert isinstance(data, SlaNoted) and data.state == "breach" and data.due_at == NOW + 10 * MINUTE
    assert thread.until(NOW + 4 * HOUR) == []


@pytest.mark.parametrize("by", [SERVICE, agent(), customer()])
def test_nobody_but_the_clock_ticks(by: By) -> None:
    thread = Thread()
    thread.do(received("hello"))
    thread.now += 100 * HOUR
    assert thread.do(Tick(0), by) == [] and thread.outcome.code == "forbidden"


STATED = st.fixed_dictionaries(
    {},
    optional={
        "csat_enabled": st.booleans(),
        "expiry_hours": st.integers(1, 3),
        "auto_close_hours": st.integers(1, 3),
        "sla": st.fixed_dictionaries(
            {},
            optional={
                "first_reply_minutes": st.integers(1, 90),
                "next_reply_minutes": st.integers(1, 90),
                "resolution_minutes": st.integers(1, 90),
            },
        ),
    },
)
STEPS = st.lists(
    st.one_of(
        st.sampled_from(
            [
                (received("hi"), None), (answered(), SERVICE), (Post("bot", "x"), SERVICE), (Assign("ana"), SERVICE),
                (Release(), SERVICE), (Update(Changes(status=Status.RESOLVED)), SERVICE), (Update(Changes(status=Status.OPEN)), SERVICE),
                (Update(Changes(priority="high")), SERVICE), (Update(Changes(snoozed_until=NOW + HOUR)), SERVICE),
                (Rate(3), SERVICE), "crash",
            ]
        ),
        st.integers(1, 4 * HOUR),
    ),
    max_size=15,
)  # fmt: skip


@searched(60)
@given(STATED, STEPS)
def test_whatever_happens_no_look_is_late_and_nothing_takes_effect_twice(
    stated: dict[str, Any], steps: list[Any]
) -> None:
    thread = Thread(**stated)
    thread.do(received("hello"))
    told: list[tuple[str, str, int]] = []
    for step in steps:
        if step == "crash":
            thread.crash()
        elif isinstance(step, int):
            told += [
                (d.target, d.state, d.due_at)
                for _, d in thread.until(thread.now + step)
                if isinstance(d, SlaNoted)
            ]
        else:
            thread.do(*step)
        due = next_timer(thread.c, thread.account.settings, thread.now)
        if due is not None:
            assert thread.stored is not None and thread.stored <= max(due, thread.now + 1000)
    # what a reopening starts over may be due at the same instant, which is not a second effect
    reopened = sum(
        isinstance(e.data, StatusChanged) and e.data.from_status is Status.RESOLVED for e in thread.entries
    )
    assert all(told.count(one) <= 1 + reopened for one in told)
    resolutions = sum(
        isinstance(e.data, StatusChanged) and e.data.to_status is Status.RESOLVED for e in thread.entries
    )
    asked = sum(isinstance(e.data, Message) and bool(e.data.metadata.get(CSAT_ASK)) for e in thread.entries)
    assert asked <= resolutions
    before = thread.actor.state
    thread.crash()
    assert thread.actor.state == before
