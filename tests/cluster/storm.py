"""A reconnect storm: thousands of SSE streams lose their gateways at once, and all come back within ten seconds.

Each follows one conversation in which a message is posted now and then, as an agent of its own, and resumes after its last
event. A stream is a few hundred bytes here: no client library.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import re
import resource
import signal
import time

import aiohttp
from service import PORT, Service
from waiting import until

from tertulia.serving.demo import WEBCHAT

STREAMS = int(os.environ.get("TERTULIA_STORM_STREAMS", "15000"))
"""The client's process must be allowed so many files, and some more (`ulimit -Hn`)."""
WITHIN = 10.0
"""Seconds within which all come back."""
MESSAGES = 6
SETTINGS = {
    "TERTULIA_MAX_STREAMS_PER_ACCOUNT": "20000",
    "TERTULIA_MAX_CONNECTIONS_PER_ADDRESS": "30000",
}
OPENERS = 200
"""Connections opened at once at first, outside the storm."""
MARK = re.compile(rb'"content":"storm-(\d+)"')
FIRST_CURSOR = re.compile(rb'"cursor":"([^"]+)"')
CURSOR = re.compile(rb"^id: ?(\S+)", re.MULTILINE)


class Stream(asyncio.Protocol):
    """One reader over all its connections."""

    def __init__(self, storm: Storm, number: int) -> None:
        self._storm = storm
        self._head = (
            f"GET /v1/stream?topics=conversation:{storm.conversation} HTTP/1.1\r\nHost: storm\r\n"
            f"Authorization: Bearer {storm.service.token('agent', f'storm-{number}')}\r\n"
        )
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._cursor = ""
        self._number = number
        self.seen: list[int] = []
        self.ready = False
        self.resets = 0
        self.refused: list[bytes] = []

    async def open(self) -> None:
        """Connect to one gateway or another, until one accepts."""
        loop = asyncio.get_running_loop()
        for attempt in range(self._number, self._number + 400):
            machines = self._storm.service.site.machines
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(10):
                    await loop.create_connection(
                        lambda: self, machines[attempt % len(machines)].address, PORT
                    )
                return
            await asyncio.sleep(0.5)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._buffer = transport, b""
        resumed = f"Last-Event-ID: {self._cursor}\r\n" if self._cursor else ""
        transport.write(f"{self._head}{resumed}\r\n".encode())

    def data_received(self, data: bytes) -> None:
        *events, self._buffer = (self._buffer + data).split(b"\n\n")
        for event in events:
            if b'"type":"ready"' in event:
                self.ready = True
                first = FIRST_CURSOR.search(event)
                self._cursor = self._cursor or (first[1].decode() if first is not None else "")
            self.resets += b'"type":"reset"' in event
            if (cursor := CURSOR.search(event)) is not None:
                self._cursor = cursor[1].decode()
            self.seen += map(int, MARK.findall(event))
        if self._buffer.startswith(b"HTTP/1.1 ") and not self._buffer.startswith(b"HTTP/1.1 200"):
            self.refused.append(self._buffer[9:12])
            assert self._transport is not None
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.ready = False
        self._storm.reopen(self)


class Storm:
    def __init__(self, service: Service) -> None:
        self.service = service
        self.conversation = ""
        self.streams: list[Stream] = []
        self.over = False
        self._tasks: set[asyncio.Task[None]] = set()

    def reopen(self, stream: Stream) -> None:
        """Each client waits for a random time, as good clients do."""
        if not self.over:
            pause = random.uniform(0, WITHIN) if not stream.refused else random.uniform(1, 3)
            asyncio.get_running_loop().call_later(pause, self._open, stream)

    def _open(self, stream: Stream) -> None:
        task = asyncio.ensure_future(stream.open())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def all_ready(self, seconds: float) -> float:
        began = time.monotonic()

        async def ready() -> bool:
            await asyncio.sleep(0.2)
            return all(stream.ready for stream in self.streams)

        await until(ready, f"{STREAMS} streams", seconds)
        return time.monotonic() - began

    async def open_all(self) -> None:
        gate = asyncio.Semaphore(OPENERS)

        async def one(stream: Stream) -> None:
            async with gate:
                await stream.open()
                await until(lambda: stream.ready, "a stream to open", 60)

        self.streams = [Stream(self, n) for n in range(STREAMS)]
        await asyncio.gather(*map(one, self.streams))

    def end(self) -> None:
        self.over = True
        for stream in self.streams:
            if stream._transport is not None:
                stream._transport.abort()


async def reconnect_storm(service: Service, dice: random.Random) -> None:
    """All gateways are killed under thousands of streams, which all come back within ten seconds."""
    storm = Storm(service)
    headers = {"Authorization": f"Bearer {service.token('service', 'storm')}"}
    async with aiohttp.ClientSession(base_url=service.url, headers=headers) as session:
        body = {"channel_id": WEBCHAT, "contact_identifier": "storm"}
        async with session.post("/v1/conversations", json=body) as answer:
            storm.conversation = (await answer.json())["id"]
        await storm.open_all()
        posting = asyncio.ensure_future(_post(session, storm.conversation))
        for machine in service.site.machines:
            for pid in machine.processes("ray::GatewayProcess"):
                os.kill(pid, signal.SIGKILL)
        await until(lambda: not any(s.ready for s in storm.streams), "all to be cut off")
        took = await storm.all_ready(240)
        await posting
        wanted = list(range(MESSAGES))
        await until(lambda: all(len(s.seen) >= MESSAGES for s in storm.streams), "all to have all", 60)
    wrong = [s.seen for s in storm.streams if s.seen != wanted]
    resets = sum(s.resets for s in storm.streams)
    refused = sum(len(s.refused) for s in storm.streams)
    service.note = f"{STREAMS} streams back {took:.1f} s after the last was cut off; {refused} refusals, {resets} resets, {len(wrong)} with a gap"
    storm.end()
    assert not wrong and not resets, (service.note, wrong[:3])


async def _post(session: aiohttp.ClientSession, conversation: str) -> None:
    """Some messages while the streams are away, and after."""
    for number in range(MESSAGES):
        while True:
            with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
                body = {"content": f"storm-{number}", "client_message_id": f"storm-{number}"}
                async with session.post(f"/v1/conversations/{conversation}/messages", json=body) as answer:
                    if answer.status < 300:
                        break
            await asyncio.sleep(0.3)
        await asyncio.sleep(2)


def raise_file_limit() -> None:
    """As far as it may be: for the client's sockets, and those of the gateways, which inherit the limit."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
