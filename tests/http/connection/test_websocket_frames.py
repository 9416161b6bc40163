"""Frames without a mask: they fail the connection with 1002, after what came before them, however the bytes are cut."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import pytest
from aiohttp import WSMsgType, web
from growth import assert_linear
from hypothesis import given, settings
from hypothesis import strategies as st
from test_http_rules import a_policy, head

from tertulia.http.connection.policy import POLICY
from tertulia.http.connection.protocol import ProblemRunner
from tertulia.http.connection.websocket_frames import MaskedFrames
from tertulia.http.framework import problems

MASK = b"\x01\x02\x03\x04"
UPGRADE = head(
    "GET /ws HTTP/1.1",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
).encode()


def frame(payload: bytes, *, first: int = 0x81, masked: bool = True) -> bytes:
    bit, size = 0x80 * masked, len(payload)
    if size < 126:
        length = bytes([bit | size])
    elif size < 65_536:
        length = bytes([bit | 126]) + struct.pack(">H", size)
    else:
        length = bytes([bit | 127]) + struct.pack(">Q", size)
    if masked:
        payload = MASK + bytes(b ^ MASK[i % 4] for i, b in enumerate(payload))
    return bytes([first]) + length + payload


class Reader:
    """What comes through."""

    def __init__(self) -> None:
        self.got = b""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self.got += data
        return False, b""

    def feed_eof(self) -> None: ...


FRAMES = st.lists(
    st.tuples(st.sampled_from([0, 1, 125, 126, 300, 70_000]), st.booleans()), min_size=1, max_size=6
)


@settings(deadline=None)
@given(frames=FRAMES, cuts=st.lists(st.integers(0, 1000), max_size=10))
def test_all_comes_through_up_to_the_first_without_a_mask(
    frames: list[tuple[int, bool]], cuts: list[int]
) -> None:
    made = [frame(bytes(size), masked=masked) for size, masked in frames]
    sent = b"".join(made)
    good = next((n for n, (_, masked) in enumerate(frames) if not masked), len(frames))
    reader = Reader()
    frames_seen = MaskedFrames(reader)
    at = sorted({0, len(sent), *(cut for cut in cuts if cut < len(sent))})
    for start, end in pairwise(at):
        frames_seen.feed_data(sent[start:end])
    passed = b"".join(made[:good])
    assert reader.got == (passed if good == len(frames) else passed + b"\xf0\x80")
    assert frames_seen.frames == good


def test_a_byte_at_a_time_it_is_the_same() -> None:
    reader = Reader()
    frames = MaskedFrames(reader)
    sent = frame(b"a" * 200) + frame(b"") + frame(b"b", masked=False) + frame(b"c")
    for byte in sent:
        frames.feed_data(bytes([byte]))
    assert reader.got == frame(b"a" * 200) + frame(b"") + b"\xf0\x80"


def test_it_costs_no_more_than_the_bytes() -> None:
    class Nobody(Reader):
        def feed_data(self, data: bytes) -> tuple[bool, bytes]:
            return False, b""

    def feed(data: bytes) -> Any:
        return MaskedFrames(Nobody()).feed_data(data)

    assert_linear(feed, lambda n: frame(b"") * n, 4000)
    assert_linear(feed, lambda n: frame(bytes(n)), 60_000)


async def told(request: web.Request) -> web.StreamResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            await socket.send_str(message.data)
    return socket


@pytest.fixture
async def runner() -> AsyncIterator[ProblemRunner]:
    app = web.Application()
    problems.install(app)
    app[POLICY] = a_policy()
    app.router.add_get("/ws", told)
    runner = ProblemRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner
    await runner.cleanup()


WRONG = {
    "text without a mask": frame(b"hello", masked=False),
    "a ping without a mask": frame(b"", first=0x89, masked=False),
    "a reserved bit": frame(b"hello", first=0xC1),
    "an unknown opcode": frame(b"hello", first=0x83),
    "an unknown control opcode": frame(b"", first=0x8B),
    "a long ping": frame(b"x" * 126, first=0x89),
    "a ping in fragments": frame(b"x", first=0x09),
    "a fragment of nothing": frame(b"x", first=0x80),
    "a message in a message": frame(b"x", first=0x01) + frame(b"y", first=0x01),
    "a close of one byte": frame(b"x", first=0x88),
    "a reserved close code": frame(struct.pack(">H", 1005), first=0x88),
}


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("name", WRONG)
async def test_what_no_client_may_send_fails_the_connection(
    runner: ProblemRunner, name: str, together: bool
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", runner.addresses[0][1])
    try:
        async with asyncio.timeout(10):
            before = frame(b"before")
            writer.write(UPGRADE + (before + WRONG[name] if together else b""))
            assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
            if not together:
                writer.write(before)
                assert await reader.readexactly(8) == b"\x81\x06before"
                writer.write(WRONG[name])
            else:
                assert await reader.readexactly(8) == b"\x81\x06before"
            assert await reader.readexactly(4) == b"\x88\x02" + struct.pack(">H", 1002)
    finally:
        writer.close()
