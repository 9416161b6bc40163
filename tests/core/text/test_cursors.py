"""Cursors: what was written comes back, and whatever a client makes of one is refused."""

from __future__ import annotations

import pytest
from forged import PLACES, forged
from growth import assert_linear
from hypothesis import given
from hypothesis import strategies as st

from tertulia.core.accounts.records import Place
from tertulia.core.errors import Invalid
from tertulia.core.text import cursors
from tertulia.core.views.inbox import Seen, Sort, read_cursor, write_cursor
from tertulia.http.routes.conversation.queue import Order

ID = "01890000-0000-7000-8000-000000000001"


@given(st.integers(0, cursors.LATEST), st.uuids())
def test_a_place_comes_back(at: int, id: object) -> None:
    place = Place(at, str(id))
    assert cursors.read(cursors.write(place), Place) == place
    order = (at // 1000 - 3_600_000, at // 1000, str(id))
    assert cursors.read(cursors.write(order), Order) == order


@pytest.mark.parametrize("kind", PLACES)
@pytest.mark.parametrize("type_", [Place, Order])
def test_a_forged_cursor_is_refused_by_its_path(kind: str, type_: object) -> None:
    for text in forged(kind):
        with pytest.raises(Invalid) as caught:
            cursors.read(text, type_)
        assert [path for path, _ in caught.value.errors] == ["cursor"], text


@pytest.mark.parametrize("kind", PLACES)
def test_a_forged_cursor_of_the_inbox_is_refused_by_its_path(kind: str) -> None:
    for text in forged(kind):
        with pytest.raises(Invalid) as caught:
            read_cursor(text, Sort())
        assert [path for path, _ in caught.value.errors] == ["cursor"], text
    with pytest.raises(Invalid):
        read_cursor(write_cursor(Sort("priority"), Seen(5, ID)), Sort("priority"))


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda b: b.decode("latin-1")))
def test_whatever_text_is_no_cursor(text: str) -> None:
    for type_ in (Place, Order):
        with pytest.raises(Invalid):
            cursors.read(text, type_)


@pytest.mark.parametrize("piece", ["A", "W1tb", "W1sx", "=", "é", "WzEs"])
def test_refusing_a_cursor_costs_no_more_than_it_is_long(piece: str) -> None:
    assert_linear(
        lambda text: cursors.read(text, Place), lambda n: piece * (n // len(piece)), 100_000, refuses=Invalid
    )
