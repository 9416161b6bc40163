"""A quiet client beside an attack: a process that makes steady requests and measures their response times.

It is a separate process, so that the attacker's work in the test does not count as the server's.

    async with QuietNeighbour(server.url, server.token("service", account=...), conversation_id) as quiet:
        ...  # the attack
    quiet.check()
"""

from __future__ import annotations

import asyncio
import http.client
import json
import sys
import threading
import time
from typing import Any
from urllib.parse import urlsplit

import msgspec

MOST_WAIT = 1.5
"""Seconds that the slowest response may take on a busy machine. The goal on a quiet one is 0.25."""
EVERY = 0.02
"""Seconds between a response and the next request."""


class Figures(msgspec.Struct):
    """The quiet client's results. Times in seconds; `refused` has every status but 2xx, and every lost connection."""

    asked: int
    worst: float
    median: float
    refused: list[str]


class QuietNeighbour:
    """Alternates between GET /health and a message to `conversation_id` while the block runs."""

    def __init__(self, url: str, token: str, conversation_id: str) -> None:
        self._arguments = (url, token, conversation_id)
        self._process: asyncio.subprocess.Process | None = None
        self.figures = Figures(0, 0.0, 0.0, [])

    async def __aenter__(self) -> QuietNeighbour:
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, __file__, *self._arguments, stdin=pipe, stdout=pipe
        )
        assert self._process.stdout is not None
        assert await self._process.stdout.readline() == b"asking\n"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process is not None
        output, _ = await self._process.communicate(b"")  # the end of its input ends it
        self.figures = msgspec.json.decode(output, type=Figures)

    def check(self, most: float = MOST_WAIT) -> None:
        """Fails unless every request was answered with success within `most` seconds."""
        assert self.figures.asked > 0
        assert not self.figures.refused, self.figures
        assert self.figures.worst <= most, self.figures


def _ask(connection: http.client.HTTPConnection, token: str, conversation_id: str, message: bool) -> int:
    if message:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        path = f"/v1/conversations/{conversation_id}/messages"
        connection.request("POST", path, json.dumps({"content": "quiet"}), headers)
    else:
        connection.request("GET", "/health")
    response = connection.getresponse()
    response.read()
    return response.status


def _main(url: str, token: str, conversation_id: str) -> None:
    ended = threading.Event()

    def wait_for_end() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=wait_for_end, daemon=True).start()
    at = urlsplit(url)
    connection = http.client.HTTPConnection(at.hostname or "", at.port, timeout=30)
    times: list[float] = []
    refused: list[str] = []
    _ask(connection, token, conversation_id, True)  # warm up the connection and the actor
    sys.stdout.write("asking\n")
    sys.stdout.flush()
    while not ended.is_set() or not times:
        began = time.perf_counter()
        try:
            status = _ask(connection, token, conversation_id, len(times) % 2 == 0)
            if status >= 300:
                refused.append(str(status))
        except (OSError, http.client.HTTPException) as error:
            refused.append(repr(error))
            connection.close()
        times.append(time.perf_counter() - began)
        ended.wait(EVERY)
    result: dict[str, Any] = {"asked": len(times), "worst": max(times), "refused": refused}
    sys.stdout.write(json.dumps(result | {"median": sorted(times)[len(times) // 2]}))


if __name__ == "__main__":
    _main(*sys.argv[1:])
