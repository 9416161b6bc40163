"""A server that misbehaves on purpose, for tests of what a client does then. It speaks the wire formats of docs/errors.md."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def problem(status: int, code: str, **headers: str) -> web.Response:
    """An error as the API has it."""
    body = {
        "type": "about:blank",
        "title": code,
        "status": status,
        "code": code,
        "detail": f"{code} said the test",
        "errors": [{"path": "content", "message": "wrong"}] if status == 422 else [],
        "request_id": "r-1",
    }
    text = json.dumps(body)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.Response(status=status, text=text, content_type="application/problem+json", headers=named)


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    """The URL of a server that answers every path with `handler`."""

    async def handle(request: web.Request) -> web.StreamResponse:
        return await handler(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    server = TestServer(app)
    await server.start_server()
    try:
        yield str(server.make_url("")).rstrip("/")
    finally:
        await server.close()


class Feed:
    """Streams of the events 1 … `count`; each connection ends after `per` of them, in the next of the ways `ends`.

    An end is `cut` (the connection breaks), a close code, or a status with which the next opening is refused.
    """

    def __init__(self, count: int, per: int, ends: list[str | int]) -> None:
        self.count = count
        self.per = per
        self.ends = ends
        self.openings: list[dict[str, str]] = []
        self.tokens: list[str] = []
        self._refusal: int | None = None
        self._turn = 0

    def event(self, number: int, type: str = "conversation:message", **data: Any) -> dict[str, Any]:
        return {
            "id": str(number), "type": type, "topic": "account:a", "conversation_id": "c", "seq": number,
            "at": "2026-11-29T00:00:00.000Z", "data": data or {"number": number},
        }  # fmt: skip

    def end(self) -> str | int:
        end = self.ends[self._turn % len(self.ends)]
        self._turn += 1
        if isinstance(end, int) and end < 1000:
            self._refusal = end
            return "cut"
        return end

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.openings.append(dict(request.query))
        self.tokens.append(request.headers.get("Authorization", ""))
        if self._refusal is not None:
            status, self._refusal = self._refusal, None
            return problem(status, "refused", Retry_After="0")
        first = int(request.query.get("since", "0")) + 1
        events = [self.event(n) for n in range(first, min(first + self.per, self.count + 1))]
        ready = self.event(first - 1, "ready", cursor=str(first - 1)) | {"id": str(first - 1)}
        serve = self._websocket if request.path.endswith("/ws") else self._sse
        return await serve(request, [ready, *events])

    async def _sse(self, request: web.Request, events: list[dict[str, Any]]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for event in events:
            id = "" if event["type"] == "ready" else f"id: {event['id']}\r\n"
            text = f"event: {event['type']}\r\n{id}data: {json.dumps(event)}\r\n\r\n"
            await response.write(text.encode())
        end = self.end()
        if end == "cut":
            assert request.transport is not None
            request.transport.close()
        elif self._turn % 2:
            await response.write(f": closed {end} as the test says\nretry: 1000\n\n".encode())
        else:
            last = self.event(0, "close", code=end, reason="as the test says")
            await response.write(f"retry: 1000\nevent: close\ndata: {json.dumps(last)}\n\n".encode())
        return response

    async def _websocket(self, request: web.Request, events: list[dict[str, Any]]) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        for event in events:
            await socket.send_json(event)
        end = self.end()
        if end == "cut":
            assert request.transport is not None
            request.transport.close()
        else:
            assert isinstance(end, int)
            await socket.close(code=end, message=b"as the test says")
        return socket


async def echo_socket(request: web.Request) -> web.StreamResponse:
    """A WebSocket that says ready and acknowledges `ping`; it refuses what else it gets, and ends at `die`."""
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    await socket.send_json({"id": "0", "type": "ready", "data": {"cursor": "0"}})
    async for message in socket:
        assert message.type is WSMsgType.TEXT
        said = json.loads(message.data)
        if said["type"] == "die":
            assert request.transport is not None
            request.transport.close()
        elif said["type"] == "ping":
            await socket.send_json({"type": "ack", "ref": said["ref"], "data": {"said": said["word"]}})
        else:
            error = {"code": "conflict", "detail": "no", "current": {"status": "closed"}}
            await socket.send_json({"type": "error", "ref": said["ref"], "error": error})
    return socket
