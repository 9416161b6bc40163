"""The answers that the double of model providers is set up to give, and the requests it received."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Literal

import msgspec
from aiohttp import web

Kind = Literal["answer", "error", "hang_up", "garbage", "no_end", "pause", "wrong_tokens", "break_off"]
"""`garbage`: not JSON. `no_end`: the stream ends early. `pause`: the stream stalls. `break_off`: an error within the stream."""
MAX_KEPT = 10_000


class Script(msgspec.Struct, frozen=True):
    """One answer. `chunks`: its pieces; None: an echo of the newest message. `delay`: seconds before each piece."""

    kind: Kind = "answer"
    chunks: tuple[str, ...] | None = None
    delay: float = 0.0
    status: int = 500


class Asked(msgspec.Struct, frozen=True):
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    query: dict[str, str]


class State:
    """Scripts are used up in order; then `usual` answers. `sent_at`: loop times at which pieces left, newest last."""

    def __init__(self) -> None:
        self.scripts: deque[Script] = deque()
        self.usual = Script()
        self.asked: deque[Asked] = deque(maxlen=MAX_KEPT)
        self.sent_at: deque[float] = deque(maxlen=MAX_KEPT)
        self.auto_login = True
        self.token = "langflow-double-token"
        """The token of Langflow's auto_login, if it is allowed; runs with another token are refused."""
        self.under_way = 0
        self.most_under_way = 0

    def next(self) -> Script:
        return self.scripts.popleft() if self.scripts else self.usual


STATE: web.AppKey[State] = web.AppKey("model_double", State)


async def body_of(request: web.Request) -> dict[str, Any]:
    """The request's JSON, after noting it. Raises HTTPBadRequest."""
    try:
        body = msgspec.json.decode(await request.read())
    except msgspec.DecodeError:
        raise web.HTTPBadRequest(text="no JSON") from None
    if not isinstance(body, dict):
        raise web.HTTPBadRequest(text="no object")
    headers = {name.lower(): value for name, value in request.headers.items()}
    request.app[STATE].asked.append(Asked(request.path, headers, body, dict(request.query)))
    return body


def words(text: str) -> tuple[str, ...]:
    """A text in pieces, one word each."""
    return tuple(word if at == 0 else f" {word}" for at, word in enumerate(text.split(" ")))


class Stream:
    """Writes a streamed answer as a script says; `frame` makes the bytes of an event."""

    def __init__(self, request: web.Request, script: Script, content_type: str) -> None:
        self._request = request
        self._state = request.app[STATE]
        self.script = script
        self.response = web.StreamResponse(
            headers={"Content-Type": content_type, "Cache-Control": "no-cache"}
        )

    async def __aenter__(self) -> Stream:
        self._state.under_way += 1
        self._state.most_under_way = max(self._state.under_way, self._state.most_under_way)
        await self.response.prepare(self._request)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._state.under_way -= 1

    async def write(self, frame: bytes) -> None:
        await self.response.write(frame)

    async def piece(self, frame: bytes) -> None:
        """A piece of the text, after the script's delay."""
        if self.script.delay:
            await asyncio.sleep(self.script.delay)
        self._state.sent_at.append(asyncio.get_running_loop().time())
        await self.response.write(frame)

    async def misbehave(self) -> bool:
        """Do what the script says instead of ending well. Returns whether the answer is over."""
        match self.script.kind:
            case "garbage":
                await self.write(b"data: {not json\n\n")
            case "hang_up":
                if self._request.transport is not None:
                    self._request.transport.abort()  # pyright: ignore[reportAttributeAccessIssue]
            case "pause":
                await asyncio.Event().wait()
            case "no_end":
                pass
            case _:
                return False
        return True
