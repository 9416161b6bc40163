"""Anthropic's Messages API as the double plays it: https://docs.anthropic.com/en/api/messages-streaming."""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import web

from .state import STATE, Stream, body_of, words

TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    429: "rate_limit_error",
    529: "overloaded_error",
}


def _problem(status: int, message: str) -> web.Response:
    error = {"type": TYPES.get(status, "api_error"), "message": message}
    return web.json_response({"type": "error", "error": error, "request_id": "req_double"}, status=status)


def _event(name: str, data: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: ".encode() + msgspec.json.encode({"type": name, **data}) + b"\n\n"


def _text_of(message: dict[str, Any]) -> str:
    content = message.get("content", "")
    if isinstance(content, str):
        return content
    return " ".join(part.get("text", "") for part in content if part.get("type") == "text")


async def messages(request: web.Request) -> web.StreamResponse:
    body = await body_of(request)
    if not (
        request.headers.get("x-api-key") or request.headers.get("Authorization", "").startswith("Bearer ")
    ):
        return _problem(401, "an API key is required")
    if not request.headers.get("anthropic-version"):
        return _problem(400, "anthropic-version: header is required")
    for name in ("model", "max_tokens", "messages"):
        if name not in body:
            return _problem(400, f"{name}: Field required")
    script = request.app[STATE].next()
    if script.kind == "error":
        return _problem(script.status, "The request could not be completed.")
    pieces = script.chunks if script.chunks is not None else words(_text_of(body["messages"][-1])[:2_000])
    given = sum(len(_text_of(m)) for m in body["messages"]) // 4 + 1
    message = {
        "id": "msg_double", "type": "message", "role": "assistant", "model": body["model"],
        "stop_reason": None, "stop_sequence": None,
    }  # fmt: skip
    if not body.get("stream"):
        whole = {"content": [{"type": "text", "text": "".join(pieces)}], "stop_reason": "end_turn"}
        usage = {"input_tokens": given, "output_tokens": len(pieces)}
        return web.json_response({**message, **whole, "usage": usage})
    async with Stream(request, script, "text/event-stream; charset=utf-8") as stream:
        return await _streamed(stream, message, given, pieces)


async def _streamed(
    stream: Stream, message: dict[str, Any], given: int, pieces: tuple[str, ...]
) -> web.StreamResponse:
    lies = stream.script.kind == "wrong_tokens"
    usage = {"input_tokens": -3 if lies else given, "output_tokens": 1}
    await stream.write(_event("message_start", {"message": {**message, "content": [], "usage": usage}}))
    await stream.write(
        _event("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}})
    )
    await stream.write(_event("ping", {}))
    for piece in pieces:
        delta = {"index": 0, "delta": {"type": "text_delta", "text": piece}}
        await stream.piece(_event("content_block_delta", delta))
    if stream.script.kind == "break_off":
        error = {"type": "overloaded_error", "message": "Overloaded"}
        await stream.write(_event("error", {"error": error}))
        return stream.response
    if await stream.misbehave():
        return stream.response
    await stream.write(_event("content_block_stop", {"index": 0}))
    ended = {
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": len(pieces)},
    }
    await stream.write(_event("message_delta", ended))
    await stream.write(_event("message_stop", {}))
    return stream.response


ROUTES = [web.post("/v1/messages", messages)]
