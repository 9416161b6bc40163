"""OpenAI's Chat Completions and Embeddings, and the many servers that speak them: https://platform.openai.com/docs/api-reference."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Sequence
from typing import Any, Final

import msgspec

from ...core.assistance.prompts import Rendered, rendered
from ...core.assistance.vectors import DIMENSIONS
from ...core.ports.assistance.models import ModelError, ModelRequest, Tier, Usage
from ..outgoing.guard import Guard
from .calling import Calling, decoded, estimated, plausible

DONE: Final = b"[DONE]"
MAX_TEXTS: Final = 64
"""Texts that one request embeds."""


class _Delta(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    delta: _Delta = msgspec.field(default_factory=_Delta)
    index: int = 0
    finish_reason: str | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] = []
    model: str | None = None
    usage: dict[str, Any] | None = None
    error: Any = None


class _Vector(msgspec.Struct):
    embedding: list[float]
    index: int = 0


class _Vectors(msgspec.Struct):
    data: list[_Vector]
    usage: dict[str, Any] | None = None


class OpenAiCompatible:
    """`core.ports.assistance.models.Model`. `models`: the model of each tier."""

    provider = "openai-compatible"

    def __init__(
        self,
        guard: Guard,
        url: str,
        key: str | None,
        models: dict[Tier, str],
        embedding: str | None,
        deadline: float,
    ) -> None:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        self._calling = Calling(guard, url, headers, deadline=deadline)
        self._guard = guard
        self._models = models
        self._embedding = embedding

    async def stream(self, request: ModelRequest, fence: str) -> AsyncGenerator[str | Usage, None]:
        prompt, model = rendered(request.prompt, fence), self._models[request.tier]
        body = {
            "model": model,
            "messages": [
                {"role": "system", "content": prompt.system},
                {"role": "user", "content": prompt.user},
            ],
            "max_tokens": request.max_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        said, usage, done = 0, None, False
        async with self._calling.request("POST", "/chat/completions", body) as response:
            async for line in self._calling.lines(response):
                if not line.startswith(b"data:"):
                    continue
                data = line[5:].strip()
                if data == DONE:
                    done = True
                    break
                chunk: _Chunk = decoded(data, _Chunk)
                if chunk.error is not None:
                    raise ModelError("failed", "the provider broke off with an error")
                usage = chunk.usage or usage
                for choice in chunk.choices:
                    done = done or choice.finish_reason is not None
                    if choice.index == 0 and choice.delta.content:
                        said += len(choice.delta.content)
                        yield choice.delta.content
        if not done:
            raise ModelError("failed", "the answer ended before it was complete")
        yield _usage(model, usage, prompt, said)

    async def embed(self, texts: Sequence[str]) -> tuple[list[list[float]], Usage]:
        if self._embedding is None:
            raise ModelError("refused", "no embedding model is configured")
        vectors: list[list[float]] = []
        tokens = 0
        for at in range(0, len(texts), MAX_TEXTS):
            part = list(texts[at : at + MAX_TEXTS])
            body = {
                "model": self._embedding,
                "input": part,
                "dimensions": DIMENSIONS,
                "encoding_format": "float",
            }
            answer: _Vectors = await self._calling.json("POST", "/embeddings", body, _Vectors)
            vectors += in_order(answer.data, len(part))
            counted = (answer.usage or {}).get("prompt_tokens")
            tokens += counted if plausible(counted) else sum(map(estimated, part))
        return vectors, Usage(self._embedding, tokens, 0)

    async def close(self) -> None:
        await self._guard.close()


def in_order(found: list[_Vector], count: int) -> list[list[float]]:
    """The vectors of `count` texts, of length 1. Raises ModelError for missing ones and ones of another form."""
    by_index = {vector.index: vector.embedding for vector in found}
    if len(found) != count or sorted(by_index) != list(range(count)):
        raise ModelError("unreadable", "the answer does not have one vector for each text")
    return [unit(by_index[at]) for at in range(count)]


def unit(vector: list[float]) -> list[float]:
    """The vector with length 1. Raises ModelError unless it has DIMENSIONS finite dimensions."""
    length = math.sqrt(sum(n * n for n in vector)) if len(vector) == DIMENSIONS else 0.0
    if not 0 < length < math.inf:
        raise ModelError("unreadable", f"a vector must have {DIMENSIONS} finite dimensions")
    return [n / length for n in vector]


def _usage(model: str, usage: dict[str, Any] | None, prompt: Rendered, said: int) -> Usage:
    """The provider's count if it is plausible, else an estimate."""
    given, made = (usage or {}).get("prompt_tokens"), (usage or {}).get("completion_tokens")
    if plausible(given) and plausible(made):
        return Usage(model, given, made)
    return Usage(model, estimated(prompt.system) + estimated(prompt.user), said // 4 + 1)
