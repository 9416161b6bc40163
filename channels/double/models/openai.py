"""OpenAI's Chat Completions and Embeddings as the double plays them: https://platform.openai.com/docs/api-reference."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import msgspec
from aiohttp import web

from .state import STATE, Script, Stream, body_of, words

CREATED = 1_764_460_800
MODELS = ("gpt-double", "gpt-double-mini")


def _problem(status: int, message: str, kind: str, code: str | None = None) -> web.Response:
    error = {"message": message, "type": kind, "param": None, "code": code}
    return web.json_response({"error": error}, status=status)


def _refusal(request: web.Request, body: dict[str, Any], *needs: str) -> web.Response | None:
    if not request.headers.get("Authorization", "").startswith("Bearer "):
        return _problem(401, "You didn't provide an API key.", "invalid_request_error", "invalid_api_key")
    for name in needs:
        if name not in body:
            return _problem(
                400,
                f"Missing required parameter: '{name}'.",
                "invalid_request_error",
                "missing_required_parameter",
            )
    return None


def _fault(script: Script) -> web.Response:
    if script.status == 429:
        return _problem(429, "Rate limit reached.", "requests", "rate_limit_exceeded")
    return _problem(script.status, "The server had an error.", "server_error")


def _usage(script: Script, body: dict[str, Any], pieces: tuple[str, ...]) -> dict[str, Any]:
    given = sum(len(str(m.get("content", ""))) for m in body["messages"]) // 4 + 1
    if script.kind == "wrong_tokens":
        return {"prompt_tokens": -5, "completion_tokens": 10**15, "total_tokens": "many"}
    return {"prompt_tokens": given, "completion_tokens": len(pieces), "total_tokens": given + len(pieces)}


async def complete(request: web.Request) -> web.StreamResponse:
    body = await body_of(request)
    if (refused := _refusal(request, body, "model", "messages")) is not None:
        return refused
    script = request.app[STATE].next()
    if script.kind == "error":
        return _fault(script)
    echo = str(body["messages"][-1].get("content", ""))
    pieces = script.chunks if script.chunks is not None else words(echo[:2_000])
    head = {
        "id": "chatcmpl-double",
        "created": CREATED,
        "model": body["model"],
        "system_fingerprint": "fp_double",
    }
    if not body.get("stream"):
        message = {"role": "assistant", "content": "".join(pieces), "refusal": None}
        choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
        usage = _usage(script, body, pieces)
        return web.json_response({**head, "object": "chat.completion", "choices": [choice], "usage": usage})
    async with Stream(request, script, "text/event-stream; charset=utf-8") as stream:
        return await _streamed(stream, head, body, pieces)


async def _streamed(
    stream: Stream, head: dict[str, Any], body: dict[str, Any], pieces: tuple[str, ...]
) -> web.StreamResponse:
    counted = bool((body.get("stream_options") or {}).get("include_usage"))

    def chunk(delta: dict[str, Any] | None, finish: str | None = None, usage: Any = None) -> bytes:
        choices = (
            [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}]
        )
        event = {**head, "object": "chat.completion.chunk", "choices": choices}
        if counted:
            event["usage"] = usage
        return b"data: " + msgspec.json.encode(event) + b"\n\n"

    await stream.write(chunk({"role": "assistant", "content": "", "refusal": None}))
    for piece in pieces:
        await stream.piece(chunk({"content": piece}))
    if stream.script.kind == "break_off":
        await stream.write(
            b'data: {"error":{"message":"The server had an error.","type":"server_error"}}\n\n'
        )
        return stream.response
    if await stream.misbehave():
        return stream.response
    await stream.write(chunk({}, "stop"))
    if counted:
        await stream.write(chunk(None, usage=_usage(stream.script, body, pieces)))
    await stream.write(b"data: [DONE]\n\n")
    return stream.response


async def embed(request: web.Request) -> web.StreamResponse:
    body = await body_of(request)
    if (refused := _refusal(request, body, "model", "input")) is not None:
        return refused
    script = request.app[STATE].next()
    if script.kind == "error":
        return _fault(script)
    texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
    size = int(body.get("dimensions") or 1536)
    size = size + 1 if script.kind == "wrong_tokens" else size
    data = [
        {"object": "embedding", "index": n, "embedding": _vector(text, size)} for n, text in enumerate(texts)
    ]
    tokens = sum(len(text) // 4 + 1 for text in texts)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    if script.kind == "garbage":
        data = data[1:]
    return web.json_response({"object": "list", "data": data, "model": body["model"], "usage": usage})


def _vector(text: str, size: int) -> list[float]:
    """The words' digests, added up: texts that share words are near each other."""
    sums = [0.0] * size
    for word in text.lower().split()[:500]:
        digest = hashlib.sha256(word.encode()).digest()
        for at in range(0, 30, 3):
            place = int.from_bytes(digest[at : at + 2]) % size
            sums[place] += 1.0 if digest[at + 2] & 1 else -1.0
    length = math.sqrt(sum(n * n for n in sums)) or 1.0
    return [n / length for n in sums] if any(sums) else [1.0] + [0.0] * (size - 1)


async def models(request: web.Request) -> web.StreamResponse:
    listed = [{"id": name, "object": "model", "created": CREATED, "owned_by": "double"} for name in MODELS]
    return web.json_response({"object": "list", "data": listed})


ROUTES = [
    web.post("/v1/chat/completions", complete),
    web.post("/v1/embeddings", embed),
    web.get("/v1/models", models),
]
