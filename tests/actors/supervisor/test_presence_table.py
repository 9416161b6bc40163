"""Presence of several connections, with time passed in."""

from __future__ import annotations

from typing import Any

from tertulia.actors.supervisor.account.presence import PresenceTable
from tertulia.core.routing.supervision_messages import REST, Presence


def said(connection: str, status: Any, until: int, user: str = "ana", at: int = 0) -> list[Presence]:
    return [Presence("a", user, connection, status, until, at)]


def test_the_best_of_several_connections_counts() -> None:
    a = PresenceTable()
    assert a.update(said("one", "away", 100), 0) == {"ana": "away"}
    assert a.update(said("two", "online", 50), 0) == {"ana": "online"}
    assert a.update(said("one", "offline", 100), 0) == {}
    assert a.expire(49) == {} and a.status("ana") == "online"
    assert a.expire(50) == {"ana": "offline"}
    assert a.absent_since == {"ana": 50}


def test_what_is_said_for_the_agent_outdoes_what_streams_said_before_and_not_after() -> None:
    a = PresenceTable()
    a.update(said("one", "online", 100, at=1), 1)
    assert a.update(said(REST, "away", 100, at=2), 2) == {"ana": "away"}
    assert a.update(said("two", "offline", 100, at=3), 3) == {"ana": "offline"}, "the online one was before"
    assert a.update(said("one", "online", 120, at=1), 20) == {}, "renewed, not said again"
    assert a.update(said("two", "online", 120, at=21), 21) == {"ana": "online"}
    assert a.update(said(REST, "offline", 122, at=22), 22) == {"ana": "offline"}


def test_a_renewal_of_what_was_said_for_the_agent_before_does_not_take_back_what_was_said_since() -> None:
    for renewed, new in ((140, 130), (130, 140)):
        for first, then in (("online", "offline"), ("offline", "online")):
            a = PresenceTable()
            a.update(said(REST, first, 100, at=1), 1)
            words = said(REST, first, renewed, at=1), said(REST, then, new, at=80)
            for word in words:
                a.update(word, 80)
            assert a.status("ana") == then, "by another gateway, just before"
            a.update(words[0], 80)
            assert a.status("ana") == then, "and just after"


def test_a_renewal_keeps_a_status_and_an_older_word_changes_nothing() -> None:
    a = PresenceTable()
    a.update(said("one", "online", 60), 0)
    assert a.update(said("one", "online", 120), 30) == {} and a.expire(119) == {}
    assert a.update(said("one", "offline", 100), 90) == {}, "it was said before"
    assert a.expire(120) == {"ana": "offline"} and a.last_seen == {"ana": 30}
    assert a.update(said("one", "online", 300), 200) == {"ana": "online"} and a.absent_since == {}


def test_only_those_who_were_there_can_be_absent() -> None:
    a = PresenceTable()
    assert a.status("ben") == "offline" and a.absent_since == {}
    assert a.update(said("one", "online", 40, "cleo"), 100) == {"cleo": "offline"}
    assert a.absent_since == {"cleo": 40}, "found when starting: silent since then"


def test_a_clock_that_is_set_makes_nobody_leave_or_stay() -> None:
    for ms in (300_000, -300_000):
        a = PresenceTable()
        a.update(said("one", "online", 160), 100)
        a.update(said("one", "online", 40, "ben"), 20)
        a.expire(100)
        a.shift(ms)
        assert a.expire(159 + ms) == {} and a.last_seen == {"ana": 100 + ms, "ben": 20 + ms}
        assert a.expire(160 + ms) == {"ana": "offline"}
        assert a.absent_since == {"ana": 160 + ms, "ben": 40 + ms}


def test_who_was_never_there_is_absent_from_when_somebody_counts_on_them() -> None:
    a = PresenceTable()
    a.expect(["ana", "nobody"], 10)
    a.expect(["ana", "nobody"], 20)
    assert a.absent_since == {"ana": 10, "nobody": 10} and not a.last_seen
    assert a.update(said("one", "online", 100), 30) == {"ana": "online"}
    a.expect(["ana", "nobody"], 40)
    assert a.absent_since == {"nobody": 10}
