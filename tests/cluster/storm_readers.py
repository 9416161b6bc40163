"""Some thousand SSE streams of customers in a process of its own, which has its own descriptors: started by `storm.py`.

Reads its task as one line of JSON, and prints a `Report` line twice a second. At each further line of input it cuts all streams off; it
ends with its input. A stream is a few hundred bytes: no client library. Times are of the monotonic clock, which all processes of
a machine share.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import random
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

WITHIN = 10.0
"""Seconds within which streams that were cut off come back, each at a random moment, as good clients do."""
RETRY = (0.5, 2.0)
"""Seconds before another attempt: from, to."""
PATIENCE = 60.0
"""Seconds for which a stream waits for its first event before it tries elsewhere."""
OPENERS = 50
"""Streams that open at once before the storm."""
REPORTS = 0.5
MARK = re.compile(rb'"content":"storm-(\d+)"')
FIRST_CURSOR = re.compile(rb'"cursor":"([^"]+)"')
CURSOR = re.compile(rb"^id: ?(\S+)", re.MULTILINE)
DETAIL = re.compile(rb'"detail":"([^"]*)"')


@dataclass
class Task:
    """`tokens`: one for each stream; `messages`: how many each stream is to see."""

    addresses: list[str]
    port: int
    source: str
    tokens: list[str]
    messages: int


@dataclass
class Report:
    """Counts of streams. `waits`: seconds from a stream's first attempt to come back until it was there."""

    ready: int = 0
    cut: int = 0
    complete: int = 0
    wrong: list[list[int]] = field(default_factory=list)
    resets: int = 0
    unanswered: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    last_cut: float = 0.0
    last_ready: float = 0.0
    waits: list[float] = field(default_factory=list)


class Stream(asyncio.Protocol):
    """One reader over all its connections."""

    def __init__(self, readers: Readers, number: int, token: str) -> None:
        self._readers = readers
        self._number = number
        self._head = f"GET /v1/stream HTTP/1.1\r\nHost: storm\r\nAuthorization: Bearer {token}\r\n"
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._cursor = ""
        self._attempts = number
        self._first_attempt = 0.0
        self._patience: asyncio.TimerHandle | None = None
        self.seen: list[int] = []
        self.ready = asyncio.Event()
        self.cut = False

    async def open(self) -> None:
        """Connect to one gateway after another, until one accepts."""
        loop = asyncio.get_running_loop()
        addresses, port = self._readers.task.addresses, self._readers.task.port
        self._first_attempt = self._first_attempt or time.monotonic()
        while not self._readers.over:
            address = addresses[self._attempts % len(addresses)]
            self._attempts += 1
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await loop.create_connection(
                        lambda: self, address, port, local_addr=(self._readers.task.source, 0)
                    )
                return
            await asyncio.sleep(random.uniform(*RETRY))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._buffer = transport, b""
        resumed = f"Last-Event-ID: {self._cursor}\r\n" if self._cursor else ""
        transport.write(f"{self._head}{resumed}\r\n".encode())
        self._patience = asyncio.get_running_loop().call_later(PATIENCE, self._give_up)

    def _give_up(self) -> None:
        assert self._transport is not None
        self._readers.report.unanswered += 1
        self._transport.abort()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        if not self._buffer and data.startswith(b"HTTP/1.1 ") and not data.startswith(b"HTTP/1.1 200"):
            why = DETAIL.search(data)
            self._readers.refused[(data[9:12] + (b" " + why[1] if why else b"")).decode()] += 1
            self._transport.abort()
            return
        *events, self._buffer = (self._buffer + data).split(b"\n\n")
        for event in events:
            if b'"type":"ready"' in event:
                self._on_ready(event)
            self._readers.report.resets += b'"type":"reset"' in event
            if (cursor := CURSOR.search(event)) is not None:
                self._cursor = cursor[1].decode()
            self.seen += map(int, MARK.findall(event))

    def _on_ready(self, event: bytes) -> None:
        if self._patience is not None:
            self._patience.cancel()
        if not self._cursor and (first := FIRST_CURSOR.search(event)) is not None:
            self._cursor = first[1].decode()
        now = time.monotonic()
        if self.cut:
            self._readers.report.waits.append(round(now - self._first_attempt, 3))
            self._readers.report.last_ready = now
        self._first_attempt = 0.0
        self.ready.set()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._patience is not None:
            self._patience.cancel()
        if self._readers.over:
            return
        pause = random.uniform(*RETRY)
        if self.ready.is_set():
            self.ready.clear()
            if not self.cut:
                self.cut = True
                self._readers.report.last_cut = time.monotonic()
                pause = random.uniform(0, WITHIN)
        asyncio.get_running_loop().call_later(pause, self._readers.open, self)


class Readers:
    def __init__(self, task: Task) -> None:
        self.task = task
        self.over = False
        self.report = Report()
        self.refused: Counter[str] = Counter()
        self.streams = [Stream(self, number, token) for number, token in enumerate(task.tokens)]
        self._tasks: set[asyncio.Task[None]] = set()

    def open(self, stream: Stream) -> None:
        task = asyncio.ensure_future(stream.open())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def cut(self) -> None:
        for stream in self.streams:
            stream.abort()

    async def open_all(self) -> None:
        gate = asyncio.Semaphore(OPENERS)

        async def one(stream: Stream) -> None:
            async with gate:
                self.open(stream)
                await stream.ready.wait()

        await asyncio.gather(*map(one, self.streams))

    def reported(self) -> Report:
        wanted = list(range(self.task.messages))
        report = self.report
        report.ready = sum(stream.ready.is_set() for stream in self.streams)
        report.cut = sum(stream.cut for stream in self.streams)
        report.complete = sum(stream.seen == wanted for stream in self.streams)
        report.wrong = [s.seen for s in self.streams if s.seen != wanted[: len(s.seen)]][:5]
        report.refused = dict(self.refused)
        return report


async def main() -> None:
    readers = Readers(Task(**json.loads(sys.stdin.readline())))
    opening = asyncio.ensure_future(readers.open_all())
    loop = asyncio.get_running_loop()
    line = loop.run_in_executor(None, sys.stdin.readline)
    while not line.done() or line.result():
        if line.done():
            readers.cut()
            line = loop.run_in_executor(None, sys.stdin.readline)
        print(json.dumps(dataclasses.asdict(readers.reported())), flush=True)
        await asyncio.wait({line}, timeout=REPORTS)
    readers.over = True
    opening.cancel()


if __name__ == "__main__":
    asyncio.run(main())
