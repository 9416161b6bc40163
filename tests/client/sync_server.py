"""The sync contract's server in memory: its paths, envelope and errors, for tests of what the client sends and survives."""

from __future__ import annotations

from typing import Any

from aiohttp import web


class SyncServer:
    """Conversations by session. `fails`: answer every call with this status; `lies`: with this text."""

    def __init__(self) -> None:
        self.sessions: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, str, Any]] = []
        self.keys: set[str] = set()
        self.fails = 0
        self.lies: str | None = None

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        body = await request.json() if request.can_read_body else None
        path = request.path.removeprefix("/sync/api/v1/")
        self.calls.append((request.method, path, body))
        self.keys.add(request.headers.get("Authorization", ""))
        if self.lies is not None:
            return web.Response(text=self.lies)
        if self.fails:
            return web.json_response(
                {"type": "3", "message": "no"}, status=self.fails, headers={"Retry-After": "0"}
            )
        data = self.answer(request.method, path.removeprefix("whatsapp/").split("/"), body)
        if data is None:
            return web.json_response({"type": "3", "message": "not found"}, status=404)
        return web.json_response({"type": "1", "message": "done", "data": data})

    def answer(self, method: str, path: list[str], body: Any) -> dict[str, Any] | None:
        match method, path:
            case "GET", ["lookup", _, phone]:
                found = [s for s in self.sessions.values() if s["userId"] == phone and s["isActive"]]
                return found[-1] if found else None
            case "POST", ["conversations"]:
                made = {
                    **body,
                    "sessionId": f"{body.get('botId')}_{body['userId']}_1_x",
                    "isActive": True,
                    "context": {},
                }
                return self.sessions.setdefault(made["sessionId"], made)
        session = self.sessions.get(path[-1] if method == "GET" else path[-2])
        if session is None:
            return None
        if path[-1] == "messages":
            session["context"].setdefault("previousMessages", []).append(body)
        elif method != "GET":
            session["context"] |= body.get("context", {})
            session |= (
                {"currentIntent": body.get("intent"), "currentStep": body.get("step")}
                if "intent" in body
                else {}
            )
        return session
