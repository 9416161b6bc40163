"""Langflow's run API: https://docs.langflow.org/api-flows-run. One flow answers every request.

Token and version are requested once. A key is sent as `x-api-key`; without one, `auto_login` gives a token, if the server allows it.
A token that the server refuses is requested anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any, Final
from urllib.parse import quote

import msgspec

from ...core.assistance.prompts import rendered, since_answered
from ...core.ports.assistance.models import ModelError, ModelRequest, Usage
from ..outgoing.guard import Guard
from .calling import Calling, Unauthorized, decoded, estimated

LOGIN: Final = "/api/v1/auto_login"
VERSION: Final = "/api/v1/version"


class _Token(msgspec.Struct):
    access_token: str


class _Version(msgspec.Struct):
    version: str


class _Event(msgspec.Struct):
    event: str
    data: Any = None


class Langflow:
    """`core.ports.assistance.models.Model`. `signed_in`: whether a token or key is at hand; None before the first attempt."""

    provider = "langflow"

    def __init__(self, guard: Guard, url: str, key: str | None, flow: str, deadline: float) -> None:
        self._calling = Calling(guard, url, {}, deadline=deadline)
        self._guard = guard
        self._key = key
        self._flow = flow
        self._token: str | None = None
        self._asking = asyncio.Lock()
        self.signed_in: bool | None = True if key is not None else None
        self.version: str | None = None

    async def sign_in(self) -> bool:
        """Whether requests will be authorized. Asks the server once, and again after a failure."""
        async with self._asking:
            if self.signed_in is not True:
                try:
                    found: _Token = await self._calling.json("GET", LOGIN, None, _Token)
                    self._token, self.signed_in = found.access_token, True
                except ModelError:
                    self.signed_in = False
            if self.version is None:
                try:
                    said: _Version = await self._calling.json("GET", VERSION, None, _Version)
                    self.version = said.version[:40]
                except ModelError:
                    self.version = "unknown"
        return self.signed_in is True

    async def _sign_in_again(self, token: str | None) -> bool:
        """Whether there is another token than this one, which the server has refused: they expire."""
        if self._key is not None or token is None:
            return False
        if self._token == token:
            self._token, self.signed_in = None, None
        return await self.sign_in()

    async def stream(self, request: ModelRequest, fence: str) -> AsyncGenerator[str | Usage, None]:
        await self.sign_in()
        text = _input(request, fence)
        body: dict[str, Any] = {"input_value": text, "input_type": "chat", "output_type": "chat"}
        if request.session is not None:
            body["session_id"] = request.session
        said, token = 0, self._token
        try:
            async with aclosing(self._answer(body)) as answer:
                async for piece in answer:
                    said += len(piece)
                    yield piece
        except Unauthorized:
            if not await self._sign_in_again(token):
                raise
            async with aclosing(self._answer(body)) as answer:
                async for piece in answer:
                    said += len(piece)
                    yield piece
        yield Usage(f"flow:{self._flow}", estimated(text), said // 4 + 1)

    async def _answer(self, body: dict[str, Any]) -> AsyncGenerator[str, None]:
        path = f"/api/v1/run/{quote(self._flow, safe='')}?stream=true"
        is_silent = True
        async with self._calling.request("POST", path, body, self._authorization()) as response:
            async for line in self._calling.lines(response):
                if not line.strip():
                    continue
                event: _Event = decoded(line.removeprefix(b"data:").strip(), _Event)
                if event.event == "error":
                    raise ModelError("failed", "the flow broke off with an error")
                if event.event == "token" and (chunk := _chunk(event.data)):
                    is_silent = False
                    yield chunk
                elif event.event == "end":
                    if is_silent and (whole := final_text(event.data)):  # a flow whose model does not stream
                        yield whole
                    return
        raise ModelError("failed", "the answer ended before it was complete")

    async def embed(self, texts: Sequence[str]) -> tuple[list[list[float]], Usage]:
        raise ModelError("refused", "this provider has no embeddings")

    async def close(self) -> None:
        await self._guard.close()

    def _authorization(self) -> dict[str, str]:
        if self._key is not None:
            return {"x-api-key": self._key}
        return {} if self._token is None else {"Authorization": f"Bearer {self._token}"}


def _input(request: ModelRequest, fence: str) -> str:
    """The text for the flow's chat input. An agent of its own remembers the conversation and has its own instructions."""
    if request.purpose == "run":
        return "\n".join(since_answered(request.prompt.conversation))
    prompt = rendered(request.prompt, fence)
    return f"{prompt.system}\n\n{prompt.user}"


def _chunk(data: Any) -> str:
    chunk = data.get("chunk") if isinstance(data, dict) else None
    return chunk if isinstance(chunk, str) else ""


def final_text(data: Any) -> str:
    """The text of a flow's whole result; empty where there is none."""
    found = data
    for step in ("result", "outputs", 0, "outputs", 0, "results", "message", "text"):
        if isinstance(step, int):
            found = found[step] if isinstance(found, list) and len(found) > step else None
        else:
            found = found.get(step) if isinstance(found, dict) else None
    return found if isinstance(found, str) else ""
