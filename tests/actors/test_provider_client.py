"""Requests to providers: where none is ever sent, and what is never unpacked. (What becomes of the others: tests/storage/test_sending.py.)"""

from __future__ import annotations

import socket
import zlib
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tertulia.actors.provider_client import Answer, ProviderClient
from tertulia.core.channel_messages import ProviderRequest
from tertulia.core.delivery import Failure


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "[::ffff:169.254.169.254]", "[fd00:ec2::254]", "0.0.0.0", "metadata.test"]
)
async def test_addresses_that_hand_out_credentials_are_never_called(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected = []
    monkeypatch.setattr(socket.socket, "connect", lambda _, where: connected.append(where))
    resolve = socket.getaddrinfo

    def resolved(name: Any, *arguments: Any, **options: Any) -> Any:
        return resolve("169.254.169.254" if name == "metadata.test" else name, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    client = ProviderClient(deadline=2)
    try:
        answer = await client.send(ProviderRequest("POST", f"http://{host}/latest", json={}))
    finally:
        await client.close()
    assert isinstance(answer, Failure) and answer.code == "unreachable" and not answer.unknown
    assert "never called" in answer.detail and connected == []


async def test_an_answer_that_was_packed_is_not_unpacked() -> None:
    asked: list[str | None] = []

    async def packed(request: web.Request) -> web.Response:
        asked.append(request.headers.get("Accept-Encoding"))
        body = zlib.compress(bytes(100_000_000))
        return web.Response(body=body, status=400, headers={"Content-Encoding": "deflate"})

    app = web.Application()
    app.router.add_post("/", packed)
    async with TestServer(app) as server:
        client = ProviderClient(deadline=10)
        try:
            answer = await client.send(ProviderRequest("POST", str(server.make_url("/")), json={}))
        finally:
            await client.close()
    assert isinstance(answer, Answer) and (answer.status, answer.body) == (400, b"")
    assert asked == ["identity"]
