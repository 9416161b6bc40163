"""Langflow's run API as the double plays it: https://docs.langflow.org/api-flows-run. Events are lines of JSON."""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import web

from .state import STATE, Asked, Stream, body_of, words

KEY = "sk-langflow-double"


async def auto_login(request: web.Request) -> web.StreamResponse:
    request.app[STATE].asked.append(Asked(request.path, {}, {}, {}))
    if not request.app[STATE].auto_login:
        return web.json_response(
            {"detail": {"message": "Auto login is disabled.", "auto_login": False}}, status=403
        )
    return web.json_response(
        {"access_token": request.app[STATE].token, "refresh_token": None, "token_type": "bearer"}
    )


async def version(request: web.Request) -> web.StreamResponse:
    request.app[STATE].asked.append(Asked(request.path, {}, {}, {}))
    return web.json_response({"version": "1.6.0", "main_version": "1.6.0", "package": "Langflow"})


def _result(session: str, text: str) -> dict[str, Any]:
    message = {
        "text_key": "text",
        "text": text,
        "sender": "Machine",
        "sender_name": "AI",
        "session_id": session,
    }
    output = {"results": {"message": message}, "outputs": {"message": {"message": text, "type": "text"}}}
    return {"session_id": session, "outputs": [{"inputs": {"input_value": ""}, "outputs": [output]}]}


async def run(request: web.Request) -> web.StreamResponse:
    body = await body_of(request)
    bearer = f"Bearer {request.app[STATE].token}"
    authorized = request.headers.get("x-api-key") == KEY or request.headers.get("Authorization") == bearer
    if not authorized:
        return web.json_response({"detail": "An API key must be passed as query or header"}, status=403)
    script = request.app[STATE].next()
    if script.kind == "error":
        return web.json_response({"detail": "Error running graph"}, status=script.status)
    text = str(body.get("input_value", ""))
    pieces = script.chunks if script.chunks is not None else words(text[:2_000])
    session = str(body.get("session_id") or request.match_info["flow"])
    if request.query.get("stream", "false").lower() != "true":
        return web.json_response(_result(session, "".join(pieces)))
    async with Stream(request, script, "text/event-stream; charset=utf-8") as stream:

        def event(name: str, data: dict[str, Any]) -> bytes:
            return msgspec.json.encode({"event": name, "data": data}) + b"\n\n"

        await stream.write(event("add_message", {"text": text, "sender": "User", "session_id": session}))
        for piece in pieces:
            await stream.piece(event("token", {"chunk": piece, "id": "message-double"}))
        if script.kind == "break_off":
            await stream.write(event("error", {"error": "Error running graph"}))
            return stream.response
        if await stream.misbehave():
            return stream.response
        await stream.write(event("end", {"result": _result(session, "".join(pieces))}))
        return stream.response


ROUTES = [
    web.get("/api/v1/auto_login", auto_login),
    web.get("/api/v1/version", version),
    web.post("/api/v1/run/{flow}", run),
]
