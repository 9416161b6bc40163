"""The load generator: POSTs prebuilt requests over keep-alive connections, closed- or open-loop.

Runs in its own process (`python -m bench.load`), with a `Spec` as JSON on stdin and a `Report` as JSON on stdout. It is light
on purpose, since it shares the machine with the server: it uses no HTTP library, formats a request in one step, and reads
only the status and length of responses.
"""

from __future__ import annotations

import asyncio
import ctypes
import hmac
import os
import struct
import sys
import time
from array import array
from collections import deque
from pathlib import Path

import msgspec
import uvloop

TICK_NS = 500_000
"""Open-loop: requests are sent at a clock's ticks. Latency counts from the tick, however late the request was sent."""
LIMIT = 4096
"""Open-loop: the most connections, opened while all others are busy. Beyond it requests wait, which counts as latency."""
PATIENCE = 20.0


class Spec(msgspec.Struct, kw_only=True):
    """`heads` are request templates, one a target, with `%08d` for the request's number, then `%016d` for the time it
    was due (CLOCK_MONOTONIC, µs). `rate` 0: closed-loop. `good`: the status that acknowledges. With a `secret`, `heads` are
    bodies alone, and `before` is what comes before each, with `%s` for its HMAC-SHA256 in hexadecimal digits."""

    port: int
    heads: list[bytes]
    connections: int
    seconds: float
    warm: float = 1.0
    rate: float = 0.0
    first: int = 0
    acked: str | None = None
    good: str = "201"
    secret: bytes | None = None
    before: bytes = b""


class Report(msgspec.Struct, kw_only=True):
    """Latencies in ms. `answered` counts answers within the measured time; `statuses` all, warm-up included."""

    answered: int
    seconds: float
    statuses: dict[str, int]
    p50: float
    p90: float
    p99: float
    p999: float
    worst: float
    next: int
    lost: int
    cpu: float


class Connection(asyncio.Protocol):
    """One keep-alive connection with at most one request under way."""

    __slots__ = ("due", "load", "number", "rest", "transport")

    def __init__(self, load: Load) -> None:
        self.load = load
        self.rest = b""
        self.number = -1
        self.due = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        if self.rest:
            data = self.rest + data
        end = data.find(b"\r\n\r\n")
        if end < 0:
            self.rest = data
            return
        at = data.find(b"Content-Length: ", 0, end) + 16
        if len(data) < end + 4 + int(data[at : data.find(b"\r", at)]):
            self.rest = data
            return
        self.rest = b""
        self.load.on_answer(self, data[9:12])

    def connection_lost(self, error: Exception | None) -> None:
        self.load.on_lost(self)


class Load:
    """One run."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.heads = spec.heads
        self.good, self.secret, self.before = spec.good.encode(), spec.secret, spec.before
        self.number = spec.first
        self.acked = array("I")
        self.latencies = array("d")
        self.statuses: dict[bytes, int] = {}
        self.answered = 0
        self.under_way = 0
        self.lost = 0
        self.running = True
        self.begin = self.end = 0
        self.connections: list[Connection] = []
        self.free: deque[Connection] = deque()
        self.late: deque[int] = deque()
        self.idle = asyncio.Event()

    def send(self, connection: Connection, due: int) -> None:
        number = self.number
        self.number = number + 1
        connection.number, connection.due = number, due
        self.under_way += 1
        text = self.heads[number % len(self.heads)] % (number, due // 1000)
        if self.secret is not None:
            text = self.before % hmac.digest(self.secret, text, "sha256").hex().encode() + text
        connection.transport.write(text)

    def on_answer(self, connection: Connection, status: bytes) -> None:
        now = time.monotonic_ns()
        self.under_way -= 1
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if status == self.good:
            self.acked.append(connection.number)
        connection.number = -1
        if self.begin <= connection.due < self.end:
            self.latencies.append((now - connection.due) / 1e6)
        if self.begin <= now < self.end:
            self.answered += 1
        if self.spec.rate:
            if self.late:
                self.send(connection, self.late.popleft())
            else:
                self.free.append(connection)
        elif self.running:
            self.send(connection, now)
        if not self.under_way:
            self.idle.set()

    def on_lost(self, connection: Connection) -> None:
        if connection.number >= 0:
            connection.number = -1
            self.under_way -= 1
            self.lost += 1
            if not self.under_way:
                self.idle.set()

    async def connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        _, made = await loop.create_connection(lambda: Connection(self), "127.0.0.1", self.spec.port)
        self.connections.append(made)
        return made

    async def run(self) -> Report:
        spec = self.spec
        for _ in range(spec.connections):
            await self.connect()
        start = time.monotonic_ns() + 10_000_000
        self.begin = start + int(spec.warm * 1e9)
        self.end = self.begin + int(spec.seconds * 1e9)
        cpu = time.process_time()
        if spec.rate:
            await self.open_loop(start)
        else:
            for connection in self.connections:
                self.send(connection, time.monotonic_ns())
            await asyncio.sleep((self.end - time.monotonic_ns()) / 1e9)
        self.running = False
        cpu = time.process_time() - cpu
        if self.under_way:
            self.idle.clear()
            try:
                await asyncio.wait_for(self.idle.wait(), PATIENCE)
            except TimeoutError:
                self.lost += self.under_way
        for connection in self.connections:
            connection.transport.abort()
        if spec.acked:
            Path(spec.acked).write_bytes(self.acked.tobytes())
        return self.report(cpu)

    async def open_loop(self, start: int) -> None:
        """Send what is due at every tick of the fixed schedule. Opens more connections when all are busy."""
        spec, loop = self.spec, asyncio.get_running_loop()
        self.free.extend(self.connections)
        done: asyncio.Future[None] = loop.create_future()
        sent, per_tick, ticks, opening = 0, spec.rate * TICK_NS / 1e9, 0, set[asyncio.Task[None]]()
        clock = _ticks(TICK_NS)

        async def grow() -> None:
            connection = await self.connect()
            if self.late:
                self.send(connection, self.late.popleft())
            else:
                self.free.append(connection)

        def tick() -> None:
            nonlocal sent, ticks
            os.read(clock, 8)
            now = time.monotonic_ns()
            while start + ticks * TICK_NS <= now and not done.done():
                due = start + ticks * TICK_NS
                ticks += 1
                if due >= self.end:
                    done.set_result(None)
                    return
                while sent < ticks * per_tick:
                    sent += 1
                    if self.free:
                        self.send(self.free.popleft(), due)
                        continue
                    self.late.append(due)
                    if len(opening) < 64 and len(self.connections) + len(opening) < LIMIT:
                        task = asyncio.ensure_future(grow())
                        opening.add(task)
                        task.add_done_callback(opening.discard)

        loop.add_reader(clock, tick)
        try:
            await done
        finally:
            loop.remove_reader(clock)
            os.close(clock)
            if opening:
                await asyncio.wait(opening)

    def report(self, cpu: float) -> Report:
        ordered = sorted(self.latencies) or [0.0]

        def at(share: float) -> float:
            return ordered[min(len(ordered) - 1, int(len(ordered) * share))]

        return Report(
            answered=self.answered,
            seconds=self.spec.seconds,
            statuses={k.decode(): v for k, v in self.statuses.items()},
            p50=at(0.5),
            p90=at(0.9),
            p99=at(0.99),
            p999=at(0.999),
            worst=ordered[-1],
            next=self.number,
            lost=self.lost + len(self.late),
            cpu=cpu,
        )


def _ticks(interval_ns: int) -> int:
    """A file descriptor that becomes readable every interval (timerfd; the loop's own timers are 1 ms coarse)."""
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK)
    value = struct.pack("llll", 0, interval_ns, 0, interval_ns)
    if fd < 0 or libc.timerfd_settime(fd, 0, value, None):
        raise OSError(ctypes.get_errno(), "timerfd")
    return fd


def post(path: str, token: str, key: str) -> bytes:
    """A template of a customer's message to `path`. The number goes into the Idempotency-Key."""
    body = b'{"sender_type":"contact","content":"Where is my order? It should have come on Monday. t=%016d"}'
    length = len(body % 0)
    return (
        f"POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\nIdempotency-Key: {key}-%08d\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    ).encode() + body


def crm_post(conversation: str, tenant: str, token: str, key: str) -> bytes:
    """The same message by the CRM's route, which names the conversation in its body."""
    body = (
        b'{"conversation_id":"' + conversation.encode() + b'","sender_type":"customer",'
        b'"content":"Where is my order? It should have come on Monday. t=%016d"}'
    )
    length = len(body % 0)
    return (
        f"POST /crm/api/v1/messages HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\nX-Tenant-Id: {tenant}\r\n"
        f"Idempotency-Key: {key}-%08d\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    ).encode() + body


def sync_post(session: str, token: str, key: str, sub_domain: str | None = None) -> bytes:
    """The same message by the sync API's route, with the tenant's sub-domain if one is given."""
    named = b"" if sub_domain is None else b'"subDomain":"' + sub_domain.encode() + b'",'
    body = (
        b"{" + named + b'"role":"user","content":"Where is my order? It should have come on Monday. t=%016d"}'
    )
    length = len(body % 0)
    return (
        f"POST /sync/api/v1/whatsapp/agent/conversations/{session}/messages HTTP/1.1\r\nHost: bench\r\n"
        f"Authorization: Bearer {token}\r\nIdempotency-Key: {key}-%08d\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    ).encode() + body


def main() -> None:
    spec = msgspec.json.decode(sys.stdin.buffer.read(), type=Spec)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:

        async def run() -> Report:
            return await Load(spec).run()

        sys.stdout.buffer.write(msgspec.json.encode(runner.run(run())))


if __name__ == "__main__":
    main()
