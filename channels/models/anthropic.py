"""Anthropic's Messages API, and servers that speak it: https://docs.anthropic.com/en/api/messages-streaming."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any, Final

import msgspec

from ...core.assistance.prompts import rendered
from ...core.ports.assistance.models import ModelError, ModelRequest, Tier, Usage
from ..outgoing.guard import Guard
from .calling import Calling, decoded, estimated, plausible

VERSION: Final = "2023-06-01"


class _Event(msgspec.Struct):
    type: str
    message: dict[str, Any] | None = None
    delta: dict[str, Any] | None = None
    usage: dict[str, Any] | None = None


class AnthropicCompatible:
    """`core.ports.assistance.models.Model`. `models`: the model of each tier. It has no embeddings."""

    provider = "anthropic-compatible"

    def __init__(
        self, guard: Guard, url: str, key: str | None, models: dict[Tier, str], deadline: float
    ) -> None:
        headers = {"anthropic-version": VERSION}
        if key is not None:
            headers |= {
                "x-api-key": key,
                "Authorization": f"Bearer {key}",
            }  # older servers read the one, newer the other
        self._calling = Calling(guard, url, headers, deadline=deadline)
        self._guard = guard
        self._models = models

    async def stream(self, request: ModelRequest, fence: str) -> AsyncGenerator[str | Usage, None]:
        prompt, model = rendered(request.prompt, fence), self._models[request.tier]
        body = {
            "model": model,
            "system": prompt.system,
            "messages": [{"role": "user", "content": prompt.user or "(nothing)"}],
            "max_tokens": request.max_tokens,
            "stream": True,
        }
        said, done, given, made = 0, False, None, None
        async with self._calling.request("POST", "/v1/messages", body) as response:
            async for line in self._calling.lines(response):
                if not line.startswith(b"data:"):
                    continue
                event: _Event = decoded(line[5:].strip(), _Event)
                if event.type == "error":
                    raise ModelError("failed", "the provider broke off with an error")
                if event.type == "message_start":
                    usage = (event.message or {}).get("usage")
                    given = usage.get("input_tokens") if isinstance(usage, dict) else None
                elif event.type == "message_delta":
                    made = (event.usage or {}).get("output_tokens", made)
                elif event.type == "content_block_delta" and (text := _text(event.delta)):
                    said += len(text)
                    yield text
                elif event.type == "message_stop":
                    done = True
                    break
        if not done:
            raise ModelError("failed", "the answer ended before it was complete")
        if plausible(given) and plausible(made):
            yield Usage(model, given, made)
        else:
            counted = estimated(prompt.system) + estimated(prompt.user)
            yield Usage(model, counted, said // 4 + 1)

    async def embed(self, texts: Sequence[str]) -> tuple[list[list[float]], Usage]:
        raise ModelError("refused", "this provider has no embeddings")

    async def close(self) -> None:
        await self._guard.close()


def _text(delta: dict[str, Any] | None) -> str:
    """A delta's text; tools are off, so nothing else counts."""
    text = (delta or {}).get("text") if (delta or {}).get("type") == "text_delta" else None
    return text if isinstance(text, str) else ""
