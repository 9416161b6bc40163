"""A reconnect storm: thousands of streams lose their gateways at once, and all come back within ten seconds.

Ten streams each follow a customer's conversation, in which messages are posted meanwhile, and resume after their last events. Their
processes (`storm_readers.py`) have addresses of their own, as customers have.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import os
import random
import resource
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import jwt
from machines import ip
from service import PORT, Service
from storm_readers import Report, Task
from waiting import until

from tertulia.serving.demo import ACCOUNT, WEBCHAT

STREAMS = int(os.environ.get("TERTULIA_STORM_STREAMS", "20000"))
EACH = 10
"""Streams of one conversation: as many as a customer may have."""
OF_ONE_PROCESS = 5000
MESSAGES = 3
SETTINGS = {
    "TERTULIA_MAX_STREAMS_PER_ACCOUNT": "30000",  # a gateway that is back first gets more than its share
}
POSTERS = 8
READERS = Path(__file__).with_name("storm_readers.py")
LINE = 4 * 1024 * 1024
"""The longest line between the processes, in bytes."""


class Process:
    """One process of readers, and its latest report."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.report = Report()
        self.reading = asyncio.ensure_future(self._read())

    @classmethod
    async def start(cls, task: Task) -> Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(READERS), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            limit=LINE,
        )  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(json.dumps(dataclasses.asdict(task)).encode() + b"\n")
        return cls(process)

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.report = Report(**json.loads(line))

    def cut(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(b"cut\n")

    async def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        await self.reading


class Storm:
    def __init__(self, service: Service) -> None:
        self.service = service
        self.processes: list[Process] = []

    async def start(self) -> None:
        """Start the processes, each with an address of its own."""
        site = self.service.site
        addresses = [machine.address for machine in site.machines]
        for place, first in enumerate(range(0, STREAMS, OF_ONE_PROCESS)):
            source = f"{site.net}.{100 + place}"
            ip("addr", "add", f"{source}/24", "dev", site.bridge)
            tokens = [self._token(n) for n in range(first, min(first + OF_ONE_PROCESS, STREAMS))]
            self.processes.append(await Process.start(Task(addresses, PORT, source, tokens, MESSAGES)))

    def _token(self, number: int) -> str:
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": "tertulia", "aud": "tertulia", "sub": f"storm-{number}", "iat": now, "exp": now + 7200,
            "accounts": {ACCOUNT: "customer"}, "channel_id": WEBCHAT, "contact_identifier": contact(number // EACH),
        }  # fmt: skip
        return jwt.encode(claims, self.service.environment["TERTULIA_JWT_SECRET"], algorithm="HS256")

    def count(self, name: str) -> int:
        """Streams, over all processes."""
        assert not any(process.reading.done() for process in self.processes), "a process of readers ended"
        return sum(getattr(process.report, name) for process in self.processes)

    def cut(self) -> None:
        """The network loses all connections of the streams."""
        for process in self.processes:
            process.cut()

    def kill_gateways(self) -> None:
        for machine in self.service.site.machines:
            for pid in machine.processes("ray::GatewayProcess"):
                os.kill(pid, signal.SIGKILL)

    async def all(self, name: str, seconds: float) -> None:
        """Until all streams are that."""
        try:
            await until(lambda: self.count(name) == STREAMS, f"{STREAMS} streams to be {name}", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.summary()}") from None

    def summary(self) -> str:
        reports = [process.report for process in self.processes]
        refused = sum((Counter(r.refused) for r in reports), Counter())
        waits = sorted(wait for r in reports for wait in r.waits) or [0.0]
        took = max(r.last_ready for r in reports) - max(r.last_cut for r in reports)
        return (
            f"{self.count('ready')} of {STREAMS} streams back {took:.1f} s after the last was cut off; from a stream's first attempt"
            f" p50 {waits[len(waits) // 2]:.1f}, p99 {waits[len(waits) * 99 // 100]:.1f}, at most {waits[-1]:.1f} s;"
            f" {self.count('complete')} saw all messages once in order; refused {dict(refused)},"
            f" unanswered {self.count('unanswered')}, resets {self.count('resets')}"
        )


async def reconnect_storm(service: Service, dice: random.Random) -> None:
    """All gateways are killed under thousands of streams, which all come back within ten seconds."""
    await _storm(service, Storm.kill_gateways)


async def network_storm(service: Service, dice: random.Random) -> None:
    """Thousands of streams are cut off by the network, and come back in the same way."""
    await _storm(service, Storm.cut)


async def _storm(service: Service, strike: Callable[[Storm], None]) -> None:
    storm = Storm(service)
    headers = {"Authorization": f"Bearer {service.token('service', 'storm')}"}
    async with aiohttp.ClientSession(base_url=service.url, headers=headers) as session:
        conversations = await _each(range(STREAMS // EACH), lambda n: _open(session, n))
        try:
            began = time.monotonic()
            await storm.start()
            await storm.all("ready", 300)
            opened = time.monotonic() - began
            struck = time.monotonic()
            strike(storm)
            posting = asyncio.ensure_future(_post(session, conversations))
            try:
                await storm.all("cut", 30)
                await storm.all("ready", 240)
                await posting
            finally:
                posting.cancel()
            await storm.all("complete", 60)
            service.spans.append(("storm", struck, time.monotonic()))
            service.note = f"opened in {opened:.0f} s; {storm.summary()}"
            assert not storm.count("resets"), service.note
        finally:
            await asyncio.gather(*(process.end() for process in storm.processes))


def contact(number: int) -> str:
    return f"storm-{number}"


async def _each(items: Any, work: Any) -> list[Any]:
    """A few at a time; the results in order."""
    gate = asyncio.Semaphore(POSTERS)

    async def one(item: Any) -> Any:
        async with gate:
            return await work(item)

    return await asyncio.gather(*map(one, items))


async def _open(session: aiohttp.ClientSession, number: int) -> str:
    body = {"channel_id": WEBCHAT, "contact_identifier": contact(number)}
    return (await _until_taken(session, "/v1/conversations", body))["id"]


async def _post(session: aiohttp.ClientSession, conversations: list[str]) -> None:
    """Messages in every conversation, while the streams are away, and after."""
    for number in range(MESSAGES):
        body = {"content": f"storm-{number}", "client_message_id": f"storm-{number}"}
        await _each(
            conversations, lambda c, body=body: _until_taken(session, f"/v1/conversations/{c}/messages", body)
        )


async def _until_taken(session: aiohttp.ClientSession, path: str, body: dict[str, str]) -> dict[str, Any]:
    while True:
        with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
            async with session.post(path, json=body) as answer:
                if answer.status < 300:
                    return await answer.json()
        await asyncio.sleep(0.3)


def raise_file_limit() -> None:
    """As far as it may be: for the client's sockets, and those of the gateways, which inherit the limit."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
