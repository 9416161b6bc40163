"""Frames are counted before they are parsed, however the reads cut them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from aiohttp import web
from aiohttp.web_protocol import RequestHandler
from growth import assert_linear
from hypothesis import given
from hypothesis import strategies as st
from raw_websocket import CONTINUATION, PING, TEXT, frame

from tertulia.http.connection import websocket_guard as module
from tertulia.http.connection.websocket_guard import (
    MAX_FRAGMENTS,
    FrameCounter,
    FrameGate,
    GuardedWebSocket,
    TooManyFragments,
)
from tertulia.http.streams.token_bucket import Rate

SIZES = st.sampled_from([0, 1, 125, 126, 127, 65_535, 65_536])


def parts(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    at = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in pairwise(at)]


@given(
    st.lists(st.tuples(st.sampled_from([TEXT, PING, 2]), SIZES), max_size=6),
    st.lists(st.integers(0, 400_000)),
)
def test_every_frame_counts_once_wherever_a_read_ends(sent: list[tuple[int, int]], cuts: list[int]) -> None:
    data = b"".join(
        frame(opcode, b"\x81" * min(size, 125 if opcode == PING else size)) for opcode, size in sent
    )
    counter = FrameCounter()
    assert sum(counter.feed(part, 1_000) for part in parts(data, cuts)) == len(sent)
    assert not counter.unfinished


def test_frames_byte_by_byte() -> None:
    data = (
        frame(TEXT, b"x" * 70_000)
        + frame(PING)
        + frame(TEXT, b"ab", fin=False)
        + frame(PING)
        + frame(CONTINUATION)
    )
    counter = FrameCounter()
    assert sum(counter.feed(data[i : i + 1], 10) for i in range(len(data))) == 5
    assert counter.finished and not counter.unfinished


def test_a_message_is_unfinished_until_its_last_fragment_is_whole() -> None:
    counter = FrameCounter()
    for part, finished, unfinished in [
        (frame(TEXT, b"a", fin=False), False, True),
        (frame(PING), False, True),
        (frame(CONTINUATION, b"bc")[:-1], False, True),
        (b"c", True, False),
        (frame(TEXT, b"whole") + frame(TEXT, b"begun")[:3], True, True),
        (frame(TEXT, b"begun")[3:], True, False),
        (frame(PING)[:1], False, True),
        (frame(PING)[1:], False, False),
    ]:
        counter.feed(part, 10)
        assert (counter.finished, counter.unfinished) == (finished, unfinished), part


def test_fragments_of_one_message_are_bounded() -> None:
    counter = FrameCounter()
    fragment = frame(CONTINUATION, fin=False)
    counter.feed(frame(TEXT, fin=False) + fragment * (MAX_FRAGMENTS - 1), 10_000)
    with pytest.raises(TooManyFragments):
        counter.feed(fragment, 10_000)
    counter = FrameCounter()
    for _ in range(3):  # a new message starts over
        counter.feed(frame(TEXT, fin=False) + fragment * (MAX_FRAGMENTS - 1) + frame(CONTINUATION), 10_000)


def test_what_is_too_much_is_not_looked_at() -> None:
    assert FrameCounter().feed(frame(PING) * 40_000, 100) == 101


@pytest.mark.parametrize(
    "made", [frame(PING), frame(TEXT, fin=False) + frame(CONTINUATION), frame(TEXT, b"x" * 200)]
)
def test_counting_is_linear(made: bytes) -> None:
    assert_linear(lambda data: FrameCounter().feed(data, len(data)), lambda n: made * n, 10_000)


def test_reads_of_one_byte_are_linear() -> None:
    def feed(data: bytes) -> None:
        counter = FrameCounter()
        for at in range(len(data)):
            counter.feed(data[at : at + 1], len(data))

    assert_linear(feed, lambda n: frame(TEXT, b"x" * n), 10_000)


class Parser:
    """Takes what it is given."""

    def __init__(self) -> None:
        self.fed = b""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self.fed += data
        return False, b""

    def feed_eof(self) -> None:
        self.fed += b"<eof>"


class Loop:
    """A clock and one timer."""

    def __init__(self) -> None:
        self.now = 50.0
        self.timer: tuple[Any, ...] | None = None

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, call: Any, *arguments: Any) -> Any:
        assert self.timer is None
        self.timer = (delay, call, *arguments)
        return self

    def cancel(self) -> None:
        self.timer = None


class Guard:
    """One connection's, and others' that have `tokens` left."""

    def __init__(self, rate: Rate, tokens: float = 1e9) -> None:
        self.rate = rate
        self.tokens = tokens
        self.refused: list[tuple[int, str]] = []

    def left(self) -> float:
        return self.tokens

    def spend(self, cost: float) -> str | None:
        self.tokens -= cost
        return "user" if self.tokens < 0 else None

    def refuse(self, code: int, reason: str) -> None:
        self.refused.append((code, reason))


class Gate:
    def __init__(self, rate: Rate, tokens: float = 1e9) -> None:
        self.parser, self.loop, self.guard = Parser(), Loop(), Guard(rate, tokens)
        loop: Any = self.loop
        self.gate = FrameGate(self.parser, self.guard, loop)

    @property
    def refused(self) -> list[tuple[int, str]]:
        return self.guard.refused


def test_frames_within_the_rate_pass_and_more_end_the_connection_once() -> None:
    under = Gate(Rate(10, 20))
    for _ in range(20):
        assert under.gate.feed_data(frame(PING)) == (False, b"")
        under.loop.now += 0.1
    assert under.gate.feed_data(frame(PING) * 15) == (False, b"")
    passed = under.parser.fed
    assert under.gate.feed_data(frame(PING) * 15) == (True, b"")
    assert under.gate.feed_data(frame(PING)) == (True, b"")
    assert under.parser.fed == passed == frame(PING) * 35
    assert under.refused == [(1008, "too many frames of one connection")]


def test_frames_count_for_others_too() -> None:
    under = Gate(Rate(10, 20), 5)
    assert under.gate.feed_data(frame(PING) * 10) == (True, b"")
    assert under.refused == [(1008, "too many frames of one user")] and under.parser.fed == b""


def test_large_frames_count_as_several() -> None:
    under = Gate(Rate(10, 20))
    assert under.gate.feed_data(frame(TEXT, b"x" * 40_000)) == (False, b"")
    assert under.gate.feed_data(frame(TEXT, b"x" * 40_000)) == (True, b"")


def test_a_message_that_takes_too_long_ends_the_connection() -> None:
    under = Gate(Rate(10, 20))
    whole = frame(TEXT, b"x" * 10)
    under.gate.feed_data(whole)
    assert under.loop.timer is None
    under.gate.feed_data(whole[:4])
    first = under.loop.timer
    under.gate.feed_data(whole[4:8])
    assert under.loop.timer is first is not None and first[0] == module.MESSAGE_DEADLINE
    under.gate.feed_data(whole[8:])
    assert under.loop.timer is None
    under.gate.feed_data(frame(TEXT, b"x", fin=False))
    assert under.loop.timer is not None
    _, call, *arguments = under.loop.timer
    call(*arguments)
    assert under.refused == [(1008, "a message took too long to arrive")]
    assert under.gate.feed_data(whole) == (True, b"")


def test_a_connection_that_ends_leaves_no_timer() -> None:
    under = Gate(Rate(10, 20))
    under.gate.feed_data(frame(TEXT, b"x", fin=False))
    under.gate.feed_eof()
    assert under.loop.timer is None and under.parser.fed.endswith(b"<eof>")


def test_the_private_names_of_aiohttp_that_the_gate_goes_by() -> None:
    """A release that renames one of them would let frames in uncounted."""
    assert {"_message_tail", "_payload_parser", "_loop"} <= set(dir(RequestHandler))
    assert GuardedWebSocket._post_start is not web.WebSocketResponse._post_start
    socket = GuardedWebSocket(Guard(Rate(1, 1)), timeout=7)
    assert socket._timeout == 7 and socket._req is None
