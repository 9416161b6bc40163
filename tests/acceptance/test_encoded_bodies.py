"""Compressed bodies: refused on every route before anything is unpacked, and nowhere unpacked afterwards either."""

from __future__ import annotations

import asyncio
import functools
import zlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import psutil
import pytest
from desks import Desk, problem
from serving import OwnServer

from tertulia.http.routes import ALL


def bomb(size: int) -> bytes:
    """Zeros, packed a thousand to one."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    piece = bytes(1_000_000)
    return b"".join(packer.compress(piece) for _ in range(size // len(piece))) + packer.flush()


@functools.cache
def large_bomb() -> bytes:
    return bomb(900_000_000)


@pytest.mark.parametrize("role", [None, "admin"])
async def test_every_route_refuses_them(server: OwnServer, role: str | None) -> None:
    packed = bomb(1_000_000)

    async def pieces() -> AsyncIterator[bytes]:
        yield packed

    missing = [(method, "/v1/nothing/there") for method in ("POST", "PUT")]
    dialects = {route.path.split("/")[1] for route in ALL if route.refused is not None}
    async with server.client(server.token(role, "packer") if role else None) as client:
        for method, path in [*((r.method, r.path) for r in ALL), *missing]:
            for encoding, content in (("gzip", packed), ("br", pieces()), ("identity, deflate", packed)):
                url = path.replace("{channel_type}", "email").replace(
                    "{id}", "0" * 8 + "-0000-0000-0000-" + "0" * 12
                )
                answer = await client.request(
                    method, url, content=content, headers={"Content-Encoding": encoding}
                )
                assert answer.status_code == 415, (method, path, encoding)
                if method != "HEAD" and path.split("/")[1] not in dialects:
                    problem(answer, 415, "unsupported_media_type")
                assert answer.headers["Accept-Encoding"] == "identity"


async def test_identity_is_no_encoding(agent: Desk) -> None:
    i = (await agent.open())["id"]
    headers = {"Content-Encoding": "identity"}
    answer = await agent.http.post(f"/v1/conversations/{i}/messages", json={"content": "x"}, headers=headers)
    assert answer.status_code == 201


@pytest.mark.parametrize("token", [True, False])
async def test_what_is_left_unread_is_not_unpacked(server: OwnServer, service: Desk, token: bool) -> None:
    i = (await service.open())["id"]
    spent = [psutil.Process(pid).cpu_times() for pid in server.gateways]
    async with server.client(server.token("agent", "packer") if token else None) as client:
        for _ in range(5):
            answer = await client.post(
                f"/v1/conversations/{i}/messages",
                content=large_bomb(),
                headers={"Content-Encoding": "gzip", "Content-Type": "application/json"},
            )
            problem(answer, 415, "unsupported_media_type")
    after = [psutil.Process(pid).cpu_times() for pid in server.gateways]
    # 4.5 GB of zeros take 10 s or more to unpack
    assert sum(a.user + a.system - b.user - b.system for a, b in zip(after, spent, strict=True)) < 4


async def test_an_offered_compression_of_frames_is_not_taken(server: OwnServer) -> None:
    headers = {"Authorization": f"Bearer {server.token('agent', 'packer')}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.ws_connect(f"{server.url}/v1/ws", compress=15) as socket,
    ):
        assert socket.compress == 0
        assert (await socket.receive_json(timeout=20))["type"] == "ready"
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = packer.compress(b'{"type":"ping","ref":1}') + packer.flush(zlib.Z_SYNC_FLUSH)
        transport: Any = socket.get_extra_info("socket") and socket._conn.transport  # type: ignore[attr-defined]
        mask = bytes(4)
        transport.write(bytes([0x80 | 0x40 | 1, 0x80 | len(packed) - 4]) + mask + packed[:-4])
        async with asyncio.timeout(20):
            while (message := await socket.receive()).type is aiohttp.WSMsgType.TEXT:
                pass  # others' events
        assert message.type is aiohttp.WSMsgType.CLOSE and message.data == 1002
