"""Langflow's run API: https://docs.langflow.org/api-flows-run. One flow answers every request.

Token and version are requested once. A key is sent as `x-api-key`; without one, `auto_login` gives a token, if the server allows it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any, Final
from urllib.parse import quote

import msgspec

from ...core.assistance.prompts import rendered
from ...core.ports.assistance.models import ModelError, ModelRequest, Usage
from ..outgoing.guard import Guard
from .calling import Calling, decoded, estimated

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

    async def stream(self, request: ModelRequest, fence: str) -> AsyncGenerator[str | Usage, None]:
        await self.sign_in()
        prompt = rendered(request.prompt, fence)
        text = f"{prompt.system}\n\n{prompt.user}"
        body: dict[str, Any] = {"input_value": text, "input_type": "chat", "output_type": "chat"}
        if request.session is not None:
            body["session_id"] = request.session
        path = f"/api/v1/run/{quote(self._flow, safe='')}?stream=true"
        said = 0
        async with self._calling.request("POST", path, body, self._authorization()) as response:
            ended = False
            async for line in self._calling.lines(response):
                if not line.strip():
                    continue
                event: _Event = decoded(line.removeprefix(b"data:").strip(), _Event)
                if event.event == "error":
                    raise ModelError("failed", "the flow broke off with an error")
                if event.event == "token" and (chunk := _chunk(event.data)):
                    said += len(chunk)
                    yield chunk
                elif event.event == "end":
                    if said == 0 and (whole := final_text(event.data)):  # a flow whose model does not stream
                        said = len(whole)
                        yield whole
                    ended = True
                    break
        if not ended:
            raise ModelError("failed", "the answer ended before it was complete")
        yield Usage(f"flow:{self._flow}", estimated(text), said // 4 + 1, reported=False)

    async def embed(self, texts: Sequence[str]) -> tuple[list[list[float]], Usage]:
        raise ModelError("refused", "this provider has no embeddings")

    async def close(self) -> None:
        await self._guard.close()

    def _authorization(self) -> dict[str, str]:
        if self._key is not None:
            return {"x-api-key": self._key}
        return {} if self._token is None else {"Authorization": f"Bearer {self._token}"}


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
