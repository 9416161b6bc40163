"""Streams for an event loop: a task holds the connection, events wait in a bounded queue, and a WebSocket carries commands too.

When the queue is full the task stops reading; a server that then waits too long closes with 1013, and the stream resumes after
the last event in the queue.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import ssl
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, cast

import httpx
from websockets import exceptions
from websockets.asyncio.client import ClientConnection, connect

from ..errors import ConnectionFailed, DeadlineExceeded, api_error, refusal
from ..generated import events
from .connections import (
    BROKEN,
    SSE_TIMEOUT,
    STREAM,
    Closed,
    Kind,
    Refused,
    closed,
    decoded,
    refused,
    websocket_options,
    websocket_url,
)
from .resume import POLICY, Event, Resume
from .sse import SseParser

QUEUE = 1_000
"""Events that wait for the caller; while there are more, the connection is not read."""


class AsyncStream:
    """The events of some topics, without gap or repeat over cuts. Use it as `async with`; iterate over it inside.

    Entering waits until the server says that the topics are followed. `cursor` is the id to resume from: after the last event
    that was handed out.
    """

    def __init__(
        self,
        trust: ssl.SSLContext | bool,
        url: str,
        kind: Kind,
        resume: Resume,
        headers: Callable[[], Awaitable[dict[str, str]]],
        token_refused: Callable[[Mapping[str, str]], bool],
    ) -> None:
        self._trust = trust
        self._url = url
        self._kind = kind
        self._resume = resume
        self._headers = headers
        self._token_refused = token_refused
        self._waiting: deque[Event] = deque()
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._ready = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._socket: ClientConnection | None = None
        self._asked: dict[str, asyncio.Future[Event | None]] = {}
        """The answer to each message by its ref; None once the connection has ended."""
        self._refs = 0
        self.cursor = resume.cursor

    @property
    def connections(self) -> int:
        """How many connections the server has said `ready` on."""
        return self._resume.connections

    async def __aenter__(self) -> AsyncStream:
        self._task = asyncio.ensure_future(self._run())
        self._task.add_done_callback(lambda _: (self._news.set(), self._ready.set()))
        try:
            await self._ready.wait()
        except BaseException:
            await self._end()
            raise
        if self._task.done():
            self._task.result()
        self.cursor = self.cursor or self._resume.cursor
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    async def _end(self) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait({self._task})

    # -- events

    def __aiter__(self) -> AsyncStream:
        return self

    async def __anext__(self) -> events.Event:
        """The next event. It may be cancelled, by a time-out say, without losing one."""
        assert self._task is not None, "enter the stream first: async with client.stream() as stream"
        while not self._waiting:
            if self._task.cancelled():
                raise StopAsyncIteration
            if self._task.done():
                self._task.result()
            self._news.clear()
            await self._news.wait()
        event = self._waiting.popleft()
        self._room.set()
        self.cursor = event["data"]["cursor"] if event["type"] == "reset" else event["id"] or self.cursor
        return cast("events.Event", event)

    # -- commands

    async def send(self, type: str, *, timeout: float = 30.0, **fields: Any) -> Any:
        """Send a message (docs/websocket.md) and return the data of its answer. Only over a WebSocket.

        Not repeated: a `client_message_id` makes it safe to send one again. Raises ApiError, ConnectionFailed,
        DeadlineExceeded.
        """
        if self._kind != "websocket":
            raise ValueError("only a WebSocket carries messages to the server")
        self._refs += 1
        ref = str(self._refs)
        try:
            async with asyncio.timeout(timeout):
                while self._socket is None:
                    if self._task is None or self._task.done():
                        raise ConnectionFailed("the stream is not open")
                    self._ready.clear()
                    await self._ready.wait()
                answer = asyncio.get_running_loop().create_future()
                self._asked[ref] = answer
                await self._socket.send(json.dumps({"type": type, "ref": ref, **fields}))
                frame = await answer
            if frame is None:
                raise ConnectionFailed(f"the connection ended before {type} was answered")
        except TimeoutError:
            raise DeadlineExceeded(f"{type} was not answered in time") from None
        except exceptions.ConnectionClosed as error:
            raise ConnectionFailed(f"the connection ended before {type} was answered") from error
        finally:
            self._asked.pop(ref, None)
        if frame["type"] == "error":
            raise refusal(frame["error"])
        return frame["data"]

    # -- the connection

    async def _run(self) -> None:
        renewed = False
        while True:
            seen = self._resume.connections
            headers: dict[str, str] = {}
            try:
                headers = await self._headers()
                await self._connect(headers)
                wait = self._resume.after_close(None, "", random.random())
            except Refused as refusal:
                if refusal.error.status == 401 and not renewed and self._token_refused(headers):
                    renewed = True
                    continue
                wait = self._resume.after_refusal(refusal.error, random.random())
            except Closed as end:
                if end.code == POLICY:
                    self._token_refused(headers)
                wait = self._resume.after_close(end.code, end.reason, random.random())
            except BROKEN:
                wait = self._resume.after_failure(random.random())
            renewed = renewed and self._resume.connections == seen
            await asyncio.sleep(wait)

    async def _connect(self, headers: dict[str, str]) -> None:
        over = self._over_websocket if self._kind == "websocket" else self._over_sse
        async with contextlib.aclosing(over(headers)) as frames:
            async for frame in frames:
                if frame["type"] in ("ack", "error"):
                    answer = self._asked.get(str(frame.get("ref")))
                    if answer is not None and not answer.done():
                        answer.set_result(frame)
                    continue
                if self._resume.received(frame):
                    await self._queue(frame)
                else:
                    self._ready.set()

    async def _queue(self, event: Event) -> None:
        while len(self._waiting) >= QUEUE:
            self._room.clear()
            await self._room.wait()
        self._waiting.append(event)
        self._resume.handed_over(event)
        self._news.set()

    async def _over_sse(self, headers: dict[str, str]) -> AsyncGenerator[Event]:
        async with (
            httpx.AsyncClient(verify=self._trust, timeout=SSE_TIMEOUT) as http,
            http.stream("GET", self._url + STREAM, params=self._resume.query(), headers=headers) as response,
        ):
            if response.status_code != 200:
                raise Refused(api_error(response.status_code, response.headers, await response.aread()))
            parser = SseParser()
            async for piece in response.aiter_bytes():
                for data in parser.feed(piece):
                    yield decoded(data)

    async def _over_websocket(self, headers: dict[str, str]) -> AsyncGenerator[Event]:
        try:
            url = websocket_url(self._url, self._resume.query())
            socket = await connect(url, **websocket_options(headers, url, self._trust))
        except exceptions.InvalidStatus as error:
            raise refused(error) from None
        self._socket = socket
        try:
            while True:
                yield decoded(await socket.recv())
        except exceptions.ConnectionClosed as error:
            raise closed(error) from None
        finally:
            self._socket = None
            for answer in self._asked.values():
                if not answer.done():
                    answer.set_result(None)
            await socket.close()
