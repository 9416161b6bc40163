"""Messages to a thousand readers: of WebSockets, against a bare loop of `send_str`; of Socket.IO, against the server that gave it its
name."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable

import aiohttp

from ... import readers
from ...processes import BenchError, Helper, reader_process
from ...results import Figure, Series, ratios
from ..bench import Bench

READERS = 1000
BURST = 30
SINGLES = 20


async def fan_out(bench: Bench) -> list[Figure]:
    """WriteCoalescer of messages, and one message at a time; the clock stops when every reader has every frame."""
    server, bare = await bench.server(), await bench.front("bare")
    ours = readers.Spec(
        port=server.port, path="/v1/ws?topics=account", token=bench.tenant.agent, streams=READERS
    )
    theirs = readers.Spec(port=bare.port, path="/ws", token="-", streams=READERS)
    rates: dict[tuple[str, str], list[float]] = {}
    bench.step(f"opening 2 × {READERS} sockets")
    async with (
        reader_process(ours) as our_readers,
        reader_process(theirs) as their_readers,
        aiohttp.ClientSession(server.url, headers={"Authorization": f"Bearer {bench.tenant.service}"}) as us,
        aiohttp.ClientSession(f"http://127.0.0.1:{bare.port}") as them,
    ):

        async def post(number: int) -> None:
            path = f"/v1/conversations/{bench.conversations[number % len(bench.conversations)]}/messages"
            body = {"sender_type": "contact", "content": "Where is my order? It should have come on Monday."}
            async with us.post(path, json=body) as response:
                if response.status != 201:
                    raise BenchError(f"posting: {response.status}")

        async def send_ours(count: int) -> None:
            await asyncio.gather(*(post(i) for i in range(count)))

        async def send_theirs(count: int) -> None:
            async with them.post("/fanout", json={"count": count, "size": size}) as response:
                await response.read()

        size = 600
        await _timed(our_readers, 1, send_ours)
        (_, _, size) = await our_readers.ask("count")
        for reader, send in ((our_readers, send_ours), (their_readers, send_theirs)):
            await _timed(reader, 5, send)
        for number in range(bench.rounds):
            for side, reader, send in (
                ("tertulia", our_readers, send_ours),
                ("bare", their_readers, send_theirs),
            ):
                bench.step(f"round {number + 1}: {side}")
                burst = await _timed(reader, BURST, send)
                single = sum([await _timed(reader, 1, send) for _ in range(SINGLES)])
                rates.setdefault((side, "burst"), []).append(BURST * READERS / burst)
                rates.setdefault((side, "single"), []).append(SINGLES * READERS / single)
        (_, closed, _) = await our_readers.ask("count")
        if closed:
            raise BenchError(f"{closed} streams were closed")
    return [
        Figure(
            measure="fan-out",
            what=f"frames/s to {READERS:,} WebSockets of a bare send_str loop's, {what}",
            value=ratios("of bare", rates["tertulia", kind], rates["bare", kind]),
            goal=0.5 if kind == "burst" else None,
            parts=[Series(side, "frames/s", rates[side, kind]) for side in ("tertulia", "bare")],
            note=note,
        )
        for kind, what, note in (
            ("burst", f"{BURST} messages at once", f"frames of {size} bytes; ours count from the POST on"),
            (
                "single",
                "one message after the other",
                "ours: authenticated POST, commit, delivery; theirs: POST, loop",
            ),
        )
    ]


async def socketio(bench: Bench) -> list[Figure]:
    """The same over Socket.IO: a thousand clients in one conversation's room, ours and theirs in turn. Nothing without node."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        bench.step("socket.io needs node and npm: apt-get install nodejs npm")
        return []
    server, theirs = await bench.server(), await bench.front("socket.io")
    room = bench.conversations[0]
    path = "/socket.io/?EIO=4&transport=websocket"
    specs = [
        readers.Spec(port=port, path=path, token=token, streams=READERS, socketio=room)
        for port, token in ((server.port, bench.tenant.agent), (theirs.port, "-"))
    ]
    rates: dict[tuple[str, str], list[float]] = {}
    bench.step(f"opening 2 × {READERS} Socket.IO clients")
    async with (
        reader_process(specs[0]) as our_readers,
        reader_process(specs[1]) as their_readers,
        aiohttp.ClientSession(server.url, headers={"Authorization": f"Bearer {bench.tenant.service}"}) as us,
        aiohttp.ClientSession(f"http://127.0.0.1:{theirs.port}") as them,
    ):

        async def post() -> None:
            body = {"sender_type": "contact", "content": "Where is my order? It should have come on Monday."}
            async with us.post(f"/v1/conversations/{room}/messages", json=body) as response:
                if response.status != 201:
                    raise BenchError(f"posting: {response.status}")

        async def send_ours(count: int) -> None:
            await asyncio.gather(*(post() for _ in range(count)))

        async def send_theirs(count: int) -> None:
            async with them.post("/fanout", json={"count": count, "size": size}) as response:
                await response.read()

        await _timed(our_readers, 1, send_ours)
        (_, _, size) = await our_readers.ask("count")
        sides = (("tertulia", our_readers, send_ours), ("socket.io", their_readers, send_theirs))
        for _, reader, send in sides:
            await _timed(reader, 5, send)
        for number in range(bench.rounds):
            for side, reader, send in sides if number % 2 == 0 else reversed(sides):
                bench.step(f"round {number + 1}: {side}")
                burst = await _timed(reader, BURST, send)
                single = sum([await _timed(reader, 1, send) for _ in range(SINGLES)])
                rates.setdefault((side, "burst"), []).append(BURST * READERS / burst)
                rates.setdefault((side, "single"), []).append(SINGLES * READERS / single)
        for reader in (our_readers, their_readers):
            (_, closed, _) = await reader.ask("count")
            if closed:
                raise BenchError(f"{closed} streams were closed")
    return [
        Figure(
            measure="socket.io",
            what=f"frames/s to {READERS:,} Socket.IO clients, of the socket.io server's, {what}",
            value=ratios("of socket.io", rates["tertulia", kind], rates["socket.io", kind]),
            goal=1.0 if kind == "burst" else None,
            parts=[Series(side, "frames/s", rates[side, kind]) for side in ("tertulia", "socket.io")],
            note=f"frames of {size} bytes; ours: authenticated POST, commit, delivery; theirs: POST, emit to a room",
        )
        for kind, what in (("burst", f"{BURST} messages at once"), ("single", "one message after the other"))
    ]


async def _timed(reader: Helper, count: int, send: Callable[[int], Awaitable[None]]) -> float:
    """Seconds from sending `count` messages until every reader has them."""
    await reader.ask("reset")
    waiting = asyncio.ensure_future(reader.ask(f"until {count * READERS}", within=60))
    began = time.monotonic_ns()
    await send(count)
    return ((await waiting) - began) / 1e9
