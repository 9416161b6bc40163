"""Streams of both clients over both transports, against a server that ends them in every way."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any, Literal, cast

import pytest
from fake_server import Feed, echo_socket, serving
from hypothesis import given
from hypothesis import strategies as st
from waiting import until

from tertulia.client import (
    ApiError,
    AsyncClient,
    Client,
    Conflict,
    ConnectionFailed,
    Forbidden,
    StreamClosed,
    Unauthenticated,
)
from tertulia.client.streams.connections import Closed, NotAnEvent
from tertulia.client.streams.resume import MAX_EVENT, Resume
from tertulia.client.streams.sse import SseParser

Kind = Literal["sse", "websocket"]
KINDS: list[Kind] = ["sse", "websocket"]
ENDS: list[str | int] = ["cut", 1001, 1012, 1013, 503, 429]


def number(event: Any) -> int:
    return event["data"]["number"]


async def read(asynchronous: bool, url: str, over: Kind, count: int, token: Any = "t") -> list[int]:
    """The numbers of the first events, read with one of the clients."""
    if asynchronous:
        async with AsyncClient(url, token) as client, client.stream(over=over) as stream:
            return [number(await anext(stream)) for _ in range(count)]

    def run() -> list[int]:
        with Client(url, token) as client:
            return [number(event) for event in itertools.islice(client.events(over=over), count)]

    return await asyncio.to_thread(run)


@pytest.mark.parametrize("over", KINDS)
@pytest.mark.parametrize("asynchronous", [True, False], ids=["async", "sync"])
async def test_a_stream_resumes_without_gap_or_repeat(over: Kind, asynchronous: bool) -> None:
    feed = Feed(20, 3, ENDS)
    async with serving(feed) as url:
        assert await read(asynchronous, url, over, 20) == list(range(1, 21))
    assert feed.openings[0] == {} and len(feed.openings) > 7


@pytest.mark.parametrize("over", KINDS)
async def test_a_stream_that_is_cut_before_its_first_event_resumes_from_ready(over: Kind) -> None:
    feed = Feed(2, 0, ["cut"])
    async with serving(feed) as url, AsyncClient(url, "t") as client, client.stream(over=over) as stream:
        await until(lambda: len(feed.openings) > 1, "the second connection")
        assert feed.openings[1] == {"since": "0"} and stream.cursor == "0"


@pytest.mark.parametrize("over", KINDS)
@pytest.mark.parametrize("asynchronous", [True, False], ids=["async", "sync"])
async def test_a_token_is_renewed_when_it_ends(over: Kind, asynchronous: bool) -> None:
    feed = Feed(6, 2, [1008, 401])
    tokens = (f"t{n}" for n in itertools.count(1))
    async with serving(feed) as url:
        assert await read(asynchronous, url, over, 6, lambda: next(tokens)) == [1, 2, 3, 4, 5, 6]
    assert feed.tokens[:4] == ["Bearer t1", "Bearer t2", "Bearer t2", "Bearer t3"]


@pytest.mark.parametrize("over", KINDS)
@pytest.mark.parametrize("asynchronous", [True, False], ids=["async", "sync"])
@pytest.mark.parametrize(("end", "error"), [(401, Unauthenticated), (403, Forbidden), (1009, StreamClosed)])
async def test_what_cannot_be_mended_is_raised(
    over: Kind, asynchronous: bool, end: int, error: type[Exception]
) -> None:
    async with serving(Feed(4, 2, [end])) as url:
        with pytest.raises(error):
            await read(asynchronous, url, over, 4)


async def test_a_refused_first_opening_is_raised_on_entering() -> None:
    feed = Feed(1, 1, ["cut"])
    feed._refusal = 403
    async with serving(feed) as url, AsyncClient(url, "t") as client:
        with pytest.raises(Forbidden):
            async with client.stream():
                pass


async def test_waiting_for_an_event_may_be_given_up_without_losing_one() -> None:
    feed = Feed(300, 300, ["cut"])
    seen: list[int] = []
    async with serving(feed) as url, AsyncClient(url, "t") as client, client.stream() as stream:
        while len(seen) < 300:
            waiting = asyncio.ensure_future(stream.__anext__())
            await asyncio.sleep(0)
            waiting.cancel()
            try:
                seen.append(number(await waiting))
            except asyncio.CancelledError:
                await asyncio.sleep(0)
    assert seen == list(range(1, 301))


async def test_commands_are_answered_over_a_websocket() -> None:
    async with (
        serving(echo_socket) as url,
        AsyncClient(url, "t") as client,
        client.stream(over="websocket") as stream,
    ):
        words = await asyncio.gather(*(stream.send("ping", word=n) for n in range(20)))
        assert [word["said"] for word in words] == list(range(20))
        with pytest.raises(Conflict) as refused:
            await stream.send("other")
        assert refused.value.current == {"status": "closed"} and refused.value.code == "conflict"
        with pytest.raises(ConnectionFailed):
            await stream.send("die")
        assert await stream.send("ping", word="again") == {"said": "again"}


async def test_commands_need_a_websocket() -> None:
    async with serving(Feed(0, 0, ["cut"])) as url, AsyncClient(url, "t") as client:
        with pytest.raises(ValueError, match="WebSocket"):
            await client.stream(over="sse").send("ping")
        with pytest.raises(ConnectionFailed, match="not open"):
            await client.stream(over="websocket").send("ping")


def test_a_reset_moves_the_cursor() -> None:
    resume = Resume(None, "old")
    reset = {"type": "reset", "id": "x", "data": {"cursor": "fresh"}}
    assert resume.received(reset)
    resume.handed_over(reset)
    assert resume.query() == {"since": "fresh"}


def test_pauses_grow_and_an_event_ends_them() -> None:
    resume = Resume("account", None)
    assert resume.query() == {"topics": "account"} and Resume(["a", "b"], "1").query()["topics"] == "a,b"
    pauses = [resume.after_failure(0.0) for _ in range(12)]
    assert pauses == sorted(pauses) and pauses[0] <= 0.2 and 4 < pauses[-1] <= 10
    resume.received({"type": "ready", "data": {"cursor": "1"}})
    assert resume.after_failure(0.0) == pauses[0]
    assert resume.after_close(1013, "", 0.0) > 0.5
    with pytest.raises(ApiError):
        resume.after_refusal(ApiError(404, {}), 0.0)


# -- the parser

texts = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n")), max_size=4)


@given(
    st.lists(texts.filter(bool), max_size=5), st.sampled_from(["\n", "\r\n"]), st.lists(st.integers(1, 30))
)
def test_events_are_read_however_their_bytes_arrive(
    events: list[list[str]], newline: str, sizes: list[int]
) -> None:
    wire = b": heartbeat" + newline.encode()
    for lines in events:
        text = newline.join(["id: 7", *(f"data: {line}" for line in lines), "", ""])
        wire += text.encode()
    parser, found, at = SseParser(), [], 0
    for size in [*sizes, len(wire)]:
        found += list(parser.feed(wire[at : at + size]))
        at += size
    assert [data.decode() for data in found] == ["\n".join(lines) for lines in events]


def test_the_last_comment_says_why_a_stream_ends() -> None:
    with pytest.raises(Closed) as closed:
        list(SseParser().feed(b": closed 1013 too slow\nretry: 1000\n\n"))
    assert (closed.value.code, closed.value.reason) == (1013, "too slow")


def test_an_event_without_end_is_given_up() -> None:
    parser = SseParser()
    with pytest.raises(NotAnEvent):
        for _ in range(MAX_EVENT // 65_536 + 1):
            list(parser.feed(b"data: " + bytes(65_530)))
    assert cast("int", len(parser._rest)) < 2 * MAX_EVENT
