"""Writes that wait for the end of the turn: all of them arrive, whole and in order, and nobody waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tertulia.http.connection.protocol import ProblemRunner
from tertulia.http.connection.write_coalescing import MOST, CoalescingTransport, WriteCoalescer


class Real:
    """A transport that notes what it is told."""

    def __init__(self, log: list[Any], name: str = "a") -> None:
        self.log, self.name, self.over = log, name, False

    def is_closing(self) -> bool:
        return self.over

    def write(self, data: bytes) -> None:
        if data == b"fails":
            raise OSError("broken")
        self.log.append((self.name, data))

    def close(self) -> None:
        self.over = True
        self.log.append((self.name, "close"))

    def abort(self) -> None:
        self.over = True
        self.log.append((self.name, "abort"))

    def get_write_buffer_size(self) -> int:
        return 5


class Rig:
    def __init__(self) -> None:
        self.log: list[Any] = []
        self._coalescer = WriteCoalescer()

    def transport(self, name: str = "a") -> tuple[Any, Real]:
        real = Real(self.log, name)
        return CoalescingTransport(real, self._coalescer), real  # type: ignore[arg-type]


async def turn() -> None:
    await asyncio.sleep(0)


async def test_what_one_turn_writes_leaves_at_its_end() -> None:
    rig = Rig()
    (a, _), (b, _) = rig.transport("a"), rig.transport("b")
    a.write(b"1")
    b.write(b"2")
    a.writelines([b"3", b"4"])
    assert rig.log == [] and a.get_write_buffer_size() == 8
    await turn()
    assert rig.log == [("a", b"134"), ("b", b"2")] and a.get_write_buffer_size() == 5
    a.write(b"5")
    await turn()
    assert rig.log[2:] == [("a", b"5")]


async def test_a_close_lets_out_what_waits_and_an_abort_does_not() -> None:
    rig = Rig()
    (a, _), (b, _) = rig.transport("a"), rig.transport("b")
    a.write(b"last words")
    a.close()
    b.write(b"never mind")
    b.abort()
    await turn()
    assert rig.log == [("a", b"last words"), ("a", "close"), ("b", "abort")]


async def test_what_is_too_much_to_wait_leaves_at_once() -> None:
    rig = Rig()
    a, _ = rig.transport()
    a.write(b"x" * MOST)
    assert rig.log == []
    a.write(b"y")
    assert rig.log == [("a", b"x" * MOST + b"y")]
    a.write(b"z")
    await turn()
    assert rig.log[1:] == [("a", b"z")]


async def test_a_lost_connection_and_a_broken_one_hold_up_no_other() -> None:
    rig = Rig()
    (gone, real), (broken, _), (fine, _) = (
        rig.transport("gone"),
        rig.transport("broken"),
        rig.transport("fine"),
    )
    gone.write(b"1")
    broken.write(b"fails")
    fine.write(b"2")
    real.over = True
    await turn()
    assert set(rig.log) == {("broken", "abort"), ("fine", b"2")}


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    (tmp_path / "file").write_bytes(bytes(range(256)) * 2000)

    async def file(request: web.Request) -> web.StreamResponse:
        return web.FileResponse(tmp_path / "file")

    async def pieces(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for n in range(300):
            await response.write(b"%04d" % n * 500)
        return response

    async def socket(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            for n in range(3):
                await socket.send_str(f"{message.data} {n}")
        return socket

    app = web.Application()
    app.router.add_get("/file", file)
    app.router.add_get("/pieces", pieces)
    app.router.add_get("/socket", socket)
    runner = ProblemRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    yield f"http://{host}:{port}"
    await runner.cleanup()


async def test_files_long_bodies_and_sockets_come_whole(url: str) -> None:
    async with aiohttp.ClientSession(url) as session:
        async with session.get("/file") as answer:
            assert await answer.read() == bytes(range(256)) * 2000
        async with session.get("/pieces") as answer:
            assert await answer.read() == b"".join(b"%04d" % n * 500 for n in range(300))
        async with session.ws_connect("/socket") as socket:
            for word in ("a", "b"):
                await socket.send_str(word)
                assert [await socket.receive_str() for _ in range(3)] == [f"{word} {n}" for n in range(3)]
        async with session.get("/nowhere", headers={"Connection": "close"}) as answer:
            assert answer.status == 404 and await answer.read()


async def test_pipelined_requests_are_answered_in_order(url: str) -> None:
    reader, writer = await asyncio.open_connection(*url.removeprefix("http://").split(":"))
    writer.write(
        b"GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /file HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    assert answer.startswith(b"HTTP/1.1 404") and answer.endswith(bytes(range(256)))
    assert answer.index(b"HTTP/1.1 404") < answer.index(b"HTTP/1.1 200")
