"""A client of the assistant runtime's API: its conversations, and the frames of their WebSockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from desks import ok
from readers import open_socket
from serving import OwnServer

BASE = "/assistant/api/v1"


class Runtime:
    """A client of the assistant runtime. It writes over one connection, so one gateway runs its answers."""

    def __init__(self, http: httpx.AsyncClient, server: OwnServer, token: str) -> None:
        self.http, self.server, self.token = http, server, token

    async def create(self, **fields: Any) -> dict[str, Any]:
        return ok(await self.http.post(f"{BASE}/conversations/", json=fields), 201)

    async def say(self, conversation: str, content: str, role: str = "user", key: str = "") -> dict[str, Any]:
        body = {"role": role, "content": content}
        headers = {"Idempotency-Key": key} if key else {}
        path = f"{BASE}/conversations/{conversation}/messages"
        return ok(await self.http.post(path, json=body, headers=headers), 201)

    async def said(self, conversation: str) -> list[tuple[str, str]]:
        found = ok(await self.http.get(f"{BASE}/conversations/{conversation}/messages"), 200)
        return [(m["role"], m["content"]) for m in found]

    @asynccontextmanager
    async def socket(self, conversation: str, query: str = "") -> AsyncIterator[Any]:
        """The conversation's WebSocket, after `connected`."""
        token = None if query else self.token
        path = f"{BASE}/ws/conversations/{conversation}"
        async with open_socket(self.server, token, query, path=path) as ws:
            assert json.loads(await ws.recv()) == {"type": "connected"}
            yield ws


async def frames(ws: Any, last: str = "complete") -> list[dict[str, Any]]:
    """Frames up to one of type `last`."""
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(45):
        while not found or found[-1]["type"] != last:
            found.append(json.loads(await ws.recv()))
            assert last == "error" or found[-1]["type"] != "error", found
    return found


def chunks(*contents: str) -> list[dict[str, str]]:
    return [{"type": "stream", "content": content} for content in contents]


@asynccontextmanager
async def runtime(server: OwnServer, token: str) -> AsyncIterator[Runtime]:
    async with server.client(token) as http:
        yield Runtime(http, server, token)
