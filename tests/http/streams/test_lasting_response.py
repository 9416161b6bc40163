"""A stream goes on when its handler has returned, and keeps nothing of its request."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any

import pytest
from aiohttp import ClientPayloadError, ClientSession, web
from structlog.testing import capture_logs

from tertulia.http.connection.protocol import ProblemRunner
from tertulia.http.connection.stream_memory import release_request, stream_ended
from tertulia.http.streams.lasting_response import LastingResponse


class Stream:
    """A server with one stream, and what happened to it."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.go_on = asyncio.Event()
        self.fails: Exception | None = None
        self.header: weakref.ref[Any] | None = None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        response = LastingResponse()
        await response.prepare(request)
        self.header = weakref.ref(request.headers)
        response.lasts(partial(self._run, request, response))
        self.events.append("handled")
        return response

    async def _run(self, request: web.Request, response: LastingResponse) -> None:
        release_request(request)
        await response.write(b"begun")
        await self.go_on.wait()
        if self.fails is not None:
            raise self.fails
        stream_ended(request)

    @web.middleware
    async def watch(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        response = await handler(request)
        assert isinstance(response, LastingResponse)
        assert response.when_over(lambda: self.events.append("over"))
        self.events.append("passed")
        return response


@pytest.fixture
async def stream() -> AsyncIterator[Stream]:
    yield Stream()


@pytest.fixture
async def url(stream: Stream) -> AsyncIterator[str]:
    app = web.Application(middlewares=[stream.watch])
    app.router.add_get("/", stream.handle)
    runner = ProblemRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    await runner.cleanup()


async def test_the_handler_and_the_middlewares_return_before_the_stream_ends(
    stream: Stream, url: str
) -> None:
    async with ClientSession() as session:
        for _ in range(2):  # the connection goes on
            async with session.get(url, headers={"X-Long": "x" * 2_000}) as response:
                assert await response.content.readexactly(5) == b"begun"
                assert stream.events == ["handled", "passed"]
                gc.collect()
                assert stream.header is not None and stream.header() is None, "its headers are free"
                stream.go_on.set()
                assert await response.content.read() == b""
            assert stream.events == ["handled", "passed", "over"]
            stream.events.clear()
            stream.go_on.clear()
        assert session.connector is not None


async def test_a_stream_that_fails_is_cut_and_recorded(stream: Stream, url: str) -> None:
    stream.fails = RuntimeError("broken")
    stream.go_on.set()
    with capture_logs() as logs:
        async with ClientSession() as session, session.get(url) as response:
            with pytest.raises(ClientPayloadError):
                await response.read()
    assert stream.events == ["handled", "passed", "over"]
    assert [line["event"] for line in logs if line["log_level"] == "warning"] == ["stream_failed"]
