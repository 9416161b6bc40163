"""Which queue positions are notified, and when again."""

from __future__ import annotations

from typing import Any

from tertulia.actors.supervisor.account.queue_updates import QueueUpdates
from tertulia.core.routing import messages
from tertulia.core.routing.desk import Desk
from tertulia.core.routing.facts import Policy, Waiting


class Place:
    """A desk whose queue is told of, as an account's desk does it."""

    def __init__(self) -> None:
        self.desk = Desk(Policy())
        self.queue_updates = QueueUpdates()

    def handle(self, event: Any) -> None:
        for effect in self.desk.handle(event, 0):
            if isinstance(effect, messages.Queued):
                self.queue_updates.joined(effect.conversation_id)
            elif isinstance(effect, messages.QueueMoved):
                self.queue_updates.moved(effect.position)

    def arrive(self, name: str, since: int) -> None:
        self.handle(messages.Arrived(Waiting(id=name, waiting_since=since, channel_type="webchat")))

    def notified(self) -> dict[str, int]:
        return dict(self.queue_updates.pop(self.desk))


def test_only_what_has_changed_is_told() -> None:
    place = Place()
    place.arrive("b", 2)
    place.arrive("c", 3)
    assert place.notified() == {"b": 1, "c": 2} and place.notified() == {}
    place.arrive("a", 1)
    assert place.notified() == {"a": 1, "b": 2, "c": 3}
    place.handle(messages.Gone("b"))
    assert place.notified() == {"c": 2}


def test_who_comes_back_to_the_same_place_is_told_again() -> None:
    place = Place()
    place.arrive("a", 1)
    assert place.notified() == {"a": 1}
    place.handle(messages.Gone("a"))
    assert place.notified() == {}
    place.arrive("a", 1)
    assert place.notified() == {"a": 1}
