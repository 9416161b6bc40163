"""The life of a conversation, against the table of the API written out a second time."""

from __future__ import annotations

import itertools

import pytest
from samples import NOW, SERVICE, THREAD

from tertulia.core.conversation.commands import Changes, Opening, Update
from tertulia.core.conversation.entries import Actor, Entry, StatusChanged
from tertulia.core.conversation.projection import apply
from tertulia.core.conversation.state import State
from tertulia.core.conversation.status import FINAL, HELD, LIVE, Change, Status, next_status
from tertulia.core.errors import Conflict
from tertulia.core.turn.context import Turn
from tertulia.core.turn.decide import decide, open_conversation

O, B, A, P, R, X, E = Status  # noqa: E741

# change → the row of the table: from → to. What is not here is 409.
TABLE: dict[Change, dict[Status, Status]] = {
    # the next inbound message returns `pending` to `assigned` and reopens `resolved`
    Change.CUSTOMER_WROTE: {O: O, B: B, A: A, P: A, R: O},
    Change.BOT_TOOK: {O: B},
    Change.GIVEN_BACK: {O: B, A: B, P: B},
    Change.ASSIGNED: {O: A, B: A, A: A, P: A},
    Change.HANDED_OFF: {O: O, B: O, A: O, P: O},
    Change.RELEASED: {A: O, P: O},
    Change.WAITS: {A: P},
    Change.RESOLVED: {O: R, B: R, A: R, P: R},
    Change.REOPENED: {R: O},
    Change.CLOSED: {O: X, B: X, A: X, P: X, R: X},
    Change.EXPIRED: {O: E, B: E, P: E},
}

# the status a client names → from → to
ASKED: dict[Status, dict[Status, Status]] = {
    O: {R: O},
    B: {},
    A: {},
    P: {A: P},
    R: {O: R, B: R, A: R, P: R},
    X: {O: X, B: X, A: X, P: X, R: X},
    E: {O: E, B: E, P: E},
}


@pytest.mark.parametrize(("status", "change"), list(itertools.product(Status, Change)))
def test_every_change_of_every_status(status: Status, change: Change) -> None:
    expected = TABLE[change].get(status)
    if expected is None:
        with pytest.raises(Conflict) as refused:
            next_status(status, change)
        assert refused.value.current == {"status": status}
        states = set(TABLE[change].values())
        assert f"that is {status} cannot" in refused.value.detail and str(change) in refused.value.detail
        assert status in states or any(f"become {to} " in refused.value.detail for to in states)
    else:
        assert next_status(status, change) is expected


def in_status(status: Status) -> State:
    (opened,) = open_conversation(THREAD, THREAD.channel_id, Opening("webchat"), None)
    state = apply(None, Entry(THREAD.account_id, THREAD.channel_id, 0, NOW, Actor("system"), opened))
    change = StatusChanged(Status.OPEN, status)
    return apply(state, Entry(THREAD.account_id, THREAD.channel_id, 1, NOW, Actor("system"), change))


@pytest.mark.parametrize(("status", "wanted"), list(itertools.product(Status, Status)))
def test_every_status_asked_of_every_status(status: Status, wanted: Status) -> None:
    def ask() -> tuple[object, ...]:
        return decide(in_status(status), SERVICE, Update(Changes(status=wanted)), Turn(NOW, lambda: "id"))

    if status is wanted:
        assert ask() == ()
    elif (to := ASKED[wanted].get(status)) is not None:
        assert ask() == (StatusChanged(status, to),)
    else:
        with pytest.raises(Conflict) as refused:
            ask()
        assert refused.value.detail == f"a conversation that is {status} cannot become {wanted}"
        assert refused.value.current == {"status": status}


def test_the_sets_of_statuses() -> None:
    assert {O, B, A, P} == LIVE and {X, E} == FINAL and {A, P} == HELD
