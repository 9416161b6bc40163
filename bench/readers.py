"""Light readers: many WebSockets or event streams in one process, which count frames or time them.

Runs as `python -m bench.readers`: a `Spec` as one line of JSON on stdin, then one command a line: `until N` (answers with the
time, CLOCK_MONOTONIC in ns, at which the readers together had N frames), `count` (frames, streams
closed, bytes of the last frame), `report` (latencies), `reset`,
`open N` (more streams), `quit`.
"""

from __future__ import annotations

import asyncio
import sys
import time
from array import array

import msgspec
import uvloop

MARK = b" t="
MESSAGE = b'42/agents,["conversation:message"'


class Spec(msgspec.Struct, kw_only=True):
    """`timed`: read the due time that the load generator writes into each message."""

    port: int
    path: str
    token: str
    streams: int
    sse: bool = False
    timed: bool = False
    socketio: str | None = None
    """The conversation whose room each reader joins in the namespace `/agents`; `path` is then Socket.IO's."""


class Readers:
    """All readers, with their counts."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.frames = 0
        self.goal = 0
        self.reached: asyncio.Future[int] | None = None
        self.latencies = array("d")
        self.open: list[Reader] = []
        self.closed = 0
        self.size = 0
        upgrade = (
            ""
            if spec.sse
            else "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        )
        self.request = (
            f"GET {spec.path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {spec.token}\r\n{upgrade}\r\n"
        ).encode()

    def add(self, frames: int) -> None:
        self.frames += frames
        if self.reached is not None and self.frames >= self.goal:
            self.reached.set_result(time.monotonic_ns())
            self.reached = None

    async def connect(self, streams: int) -> None:
        """Open streams, a few at a time; each has had its first frame on return."""
        loop = asyncio.get_running_loop()

        async def one() -> None:
            _, reader = await loop.create_connection(lambda: Reader(self), "127.0.0.1", self.spec.port)
            self.open.append(reader)
            await asyncio.wait_for(reader.greeted, 30)

        for at in range(0, streams, 50):
            await asyncio.gather(*(one() for _ in range(at, min(streams, at + 50))))

    async def until(self, goal: int) -> int:
        if self.frames >= goal:
            return time.monotonic_ns()
        self.goal = goal
        self.reached = asyncio.get_running_loop().create_future()
        return await self.reached

    def report(self) -> dict[str, float]:
        ordered = sorted(self.latencies)
        at = lambda share: ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0  # noqa: E731
        return {"frames": len(ordered), "p50": at(0.5), "p99": at(0.99), "p999": at(0.999), "worst": at(1)}


class Reader(asyncio.Protocol):
    """One stream. Answers pings, counts text frames after the first (`ready`)."""

    __slots__ = ("all", "greeted", "head", "rest", "skip", "transport")

    def __init__(self, all: Readers) -> None:
        self.all = all
        self.rest = b""
        self.head = True
        self.skip = 1
        self.greeted: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.transport.write(self.all.request)

    def data_received(self, data: bytes) -> None:
        if self.rest:
            data = self.rest + data
        if self.head:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self.rest = data
                return
            if data[9:12] not in (b"101", b"200"):
                self.greeted.set_exception(RuntimeError(data.decode(errors="replace")))
                return
            self.head, data = False, data[end + 4 :]
        self.rest = self._sse(data) if self.all.spec.sse else self._frames(data)

    def _frames(self, data: bytes) -> bytes:
        at, end, texts, timed = 0, len(data), 0, self.all.spec.timed
        socketio = self.all.spec.socketio is not None
        while end - at >= 2:
            length, head = data[at + 1], 2
            if length == 126:
                length, head = data[at + 2] << 8 | data[at + 3] if end - at >= 4 else 1 << 30, 4
            elif length == 127:
                length, head = int.from_bytes(data[at + 2 : at + 10], "big"), 10
            if end - at - head < length:
                break
            if data[at] == 0x81 and (not socketio or self._socketio(data[at + head : at + head + 40])):
                texts += 1
                self.all.size = length
                if timed:
                    self._time(data, at + head, at + head + length)
            elif data[at] == 0x89:
                self.transport.write(b"\x8a\x80\0\0\0\0")
            at += head + length
        if texts:
            self._counted(texts)
        return data[at:]

    def _socketio(self, packet: bytes) -> bool:
        """Answer what Socket.IO asks. Whether the packet counts: a message, or the answer that the room is joined."""
        if packet.startswith((MESSAGE, b"43/agents,0")):
            return True
        if packet.startswith(b"0"):
            self._say("40/agents," + msgspec.json.encode({"token": self.all.spec.token}).decode())
        elif packet.startswith(b"40/agents"):
            room = msgspec.json.encode({"conversation_id": self.all.spec.socketio}).decode()
            self._say(f'42/agents,0["conversation:join",{room}]')
        elif packet == b"2":
            self._say("3")
        return False

    def _say(self, text: str) -> None:
        """A text frame with a mask of zeros."""
        size = len(text)
        length = bytes((0x80 | size,)) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
        self.transport.write(b"\x81" + length + b"\0\0\0\0" + text.encode())

    def _sse(self, data: bytes) -> bytes:
        whole, _, rest = data.rpartition(b"\n\n")
        if whole:
            self._counted((whole + b"\n\n").count(b"\ndata: "))
        return rest

    def _counted(self, texts: int) -> None:
        if self.skip:
            self.skip -= 1
            texts -= 1
            self.greeted.set_result(None)
        self.all.add(texts)

    def _time(self, data: bytes, begin: int, end: int) -> None:
        at = data.find(MARK, begin, end)
        if at > 0:
            due_us = int(data[at + 3 : at + 19])
            self.all.latencies.append(time.monotonic_ns() / 1e6 - due_us / 1e3)

    def connection_lost(self, error: Exception | None) -> None:
        self.all.closed += 1
        if not self.greeted.done():
            self.greeted.set_exception(ConnectionError("closed before its first frame"))


async def serve(commands: asyncio.StreamReader) -> None:
    """Execute the commands."""
    readers = Readers(msgspec.json.decode(await commands.readline(), type=Spec))
    await readers.connect(readers.spec.streams)

    def answer(value: object) -> None:
        sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
        sys.stdout.buffer.flush()

    answer(readers.spec.streams)
    while line := (await commands.readline()).split():
        match line:
            case [b"until", goal]:
                answer(await readers.until(int(goal)))
            case [b"open", streams]:
                await readers.connect(int(streams))
                answer(len(readers.open) - readers.closed)
            case [b"count"]:
                answer([readers.frames, readers.closed, readers.size])
            case [b"reset"]:
                readers.frames, readers.latencies = 0, array("d")
                answer(None)
            case [b"report"]:
                answer(readers.report())
            case _:
                return


def main() -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        commands = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
        await serve(commands)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


if __name__ == "__main__":
    main()
