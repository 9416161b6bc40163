"""Who is typing, under a clock of the test's."""

from __future__ import annotations

from typing import Any

from tertulia.http.streams import typists as module
from tertulia.http.streams.typists import REPEATED, SHOWN, TYPING, Typists

TOPICS = ["conversation:c"]


class Gateway:
    """Its readers, if it has any, and what they were told."""

    def __init__(self, *, listening: bool = True, most: int = module.MOST) -> None:
        self.now = 100.0
        self.listening = listening
        self.told: list[tuple[str, str]] = []
        self.typists = Typists(self, most=most, clock=lambda: self.now)

    def hint(
        self, account_id: str, type: str, data: dict[str, Any], topics: list[str], conversation_id: str | None
    ) -> bool:
        assert (account_id, type, topics, conversation_id) == ("a", TYPING, TOPICS, "c")
        if self.listening:
            self.told.append((data["user_id"], data["state"]))
        return self.listening

    def says(self, user: str, state: str) -> None:
        """A word of a typist's that reaches this gateway, wherever it came from."""
        self.typists.deliver("a", {"user_id": user, "state": state, "name": None}, TOPICS, "c")

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.typists.sweep()


def test_who_falls_silent_has_stopped_and_who_goes_on_has_not() -> None:
    gateway = Gateway()
    gateway.says("ana", "start")
    gateway.says("ben", "start")
    gateway.wait(SHOWN / 2)
    gateway.says("ana", "start")
    gateway.wait(SHOWN / 2)
    assert gateway.told[3:] == [("ben", "stop")]
    gateway.wait(SHOWN / 2)
    gateway.wait(SHOWN)
    assert gateway.told[4:] == [("ana", "stop")], "each once"


def test_who_says_so_has_stopped_at_once_and_only_once() -> None:
    gateway = Gateway()
    gateway.says("ana", "start")
    gateway.says("ana", "stop")
    gateway.wait(2 * SHOWN)
    assert gateway.told == [("ana", "start"), ("ana", "stop")]


def test_without_readers_nothing_is_kept() -> None:
    gateway = Gateway(listening=False)
    gateway.says("ana", "start")
    gateway.listening = True
    gateway.wait(2 * SHOWN)
    assert gateway.told == []


def test_what_is_repeated_is_passed_on_now_and_then() -> None:
    typists, typist = (gateway := Gateway()).typists, ("a", "c", "ana")
    passed = 0
    for _ in range(100):
        if typists.is_news(typist, "start"):
            typists.passed_on(typist, "start")
            passed += 1
        gateway.now += SHOWN / 100
        typists.sweep()
    assert passed == -(-SHOWN // REPEATED) and typists.is_news(typist, "stop")
    assert typists.is_news(("a", "d", "ana"), "start"), "each conversation by itself"


def test_who_starts_and_stops_all_the_time_is_passed_on_now_and_then() -> None:
    typists, typist = (gateway := Gateway()).typists, ("a", "c", "ana")
    passed = []
    for n in range(400):
        state = ("start", "stop")[n % 2]
        if typists.is_news(typist, state):
            typists.passed_on(typist, state)
            passed.append(gateway.now)
        gateway.now += REPEATED / 100
        typists.sweep()
    assert len(passed) <= 4 * module.CHANGES + 4
    for at in passed:
        assert sum(at <= other < at + REPEATED for other in passed) <= 2 * module.CHANGES


def test_so_many_are_kept_in_mind_and_no_more() -> None:
    gateway = Gateway(most=2)
    for user in ("ana", "ben", "caro"):
        gateway.says(user, "start")
        gateway.typists.passed_on(("a", "c", user), "start")
    assert gateway.told[3:] == [("ana", "stop")]
    assert gateway.typists.is_news(("a", "c", "ana"), "start")
    assert not gateway.typists.is_news(("a", "c", "caro"), "start")
