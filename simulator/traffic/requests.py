"""Measured requests. They go over aiohttp, since the typed client does not tell statuses and bytes, and costs four times the CPU.

Latency counts from the intended time: a request that the generator or an earlier answer held up has waited for it (no coordinated
omission).
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import msgspec

from ..figures.figures import Figures

TIMEOUT = 30.0
CONNECTIONS = 512
"""Of one worker; further requests wait for one, and their latency counts that."""
ATTEMPTS = 5
FIRST_PAUSE = 0.2
REFUSED = frozenset({429, 503})
_SETTING = re.compile(r"TERTULIA_[A-Z_]+")
_DIMENSIONS = {
    "one account": "TERTULIA_RATE_ACCOUNT",
    "one user": "TERTULIA_RATE_USER",
    "one address": "TERTULIA_RATE_ADDRESS",
    "streams": "TERTULIA_MAX_STREAMS",
    "connections": "TERTULIA_MAX_CONNECTIONS_PER_ADDRESS",
}


class Answer(msgspec.Struct):
    """`status` is 0 without an answer; `problem` says what went wrong, in a few words."""

    status: int
    data: Any = None
    problem: str = ""
    retry_after: float | None = None

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


def setting_of(detail: str) -> str | None:
    """The server's setting that lifts a limit, by the words of its refusal."""
    if found := _SETTING.search(detail):
        return found[0]
    return next((setting for words, setting in _DIMENSIONS.items() if words in detail), None)


def may_be_repeated(answer: Answer) -> bool:
    """Whether a request was refused, or has no answer, for a reason that passes."""
    return answer.status in REFUSED or answer.status in (0, 502, 504)


class Requests:
    """The connections of one worker to one server. `clock`: seconds of the run."""

    def __init__(self, url: str, figures: Figures, clock: Callable[[], float]) -> None:
        self.url = url
        self.figures = figures
        self._clock = clock
        connector = aiohttp.TCPConnector(limit=CONNECTIONS, ttl_dns_cache=300)
        timeout = aiohttp.ClientTimeout(total=TIMEOUT)
        self._http = aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False)

    async def close(self) -> None:
        await self._http.close()

    async def call(
        self, kind: str, path: str, *, token: str | None = None, body: Any = None, intended: float | None = None,
        url: str | None = None, raw: bytes | None = None,
    ) -> Answer:  # fmt: skip
        """One request, measured as `kind`, whose first word is the method. Never raises for what the server does."""
        start = time.monotonic() if intended is None else intended
        row = self.figures.row(kind)
        content = msgspec.json.encode(body) if body is not None else raw
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        row.sent_bytes += len(content or b"")
        method = kind.partition(" ")[0]
        try:
            async with self._http.request(
                method, (url or self.url) + path, data=content, headers=headers
            ) as got:
                received = await got.read()
                answer = self._answer(got, received)
        except TimeoutError:
            received, answer = b"", Answer(0, problem="no answer in time")
        except (aiohttp.ClientError, OSError) as error:
            received, answer = b"", Answer(0, problem=type(error).__name__)
        row.latency.record(time.monotonic() - start)
        row.received_bytes += len(received)
        row.statuses[str(answer.status) if answer.status else answer.problem] += 1
        if not answer.ok:
            row.failed += 1
            self.refused(kind, answer)
        return answer

    @staticmethod
    def _answer(got: aiohttp.ClientResponse, received: bytes) -> Answer:
        try:
            data = msgspec.json.decode(received) if received else None
        except msgspec.DecodeError:
            data = None
        if got.status < 300:
            return Answer(got.status, data)
        said = data if isinstance(data, dict) else {}
        after = got.headers.get("Retry-After", "")
        detail = (
            f"{said.get('code', '')}: {said.get('detail', '')}" if said else "not the server's own answer"
        )
        return Answer(got.status, data, detail, float(after) if after.isdigit() and len(after) < 6 else None)

    def refused(self, kind: str, answer: Answer) -> None:
        """Count an answer that is not a success, and the limit that it names."""
        figures = self.figures
        code = answer.problem.partition(":")[0]
        figures.error(
            f"{kind}: {answer.status or ''} {code}".strip(), f"{kind}: {answer.status} {answer.problem}"
        )
        figures.point("errors", self._clock())
        if answer.status in REFUSED or code in ("rate_limited", "overloaded"):
            figures.counts["refused"] += 1
            if setting := setting_of(answer.problem):
                figures.counts[f"limit {setting}"] += 1

    async def insist(
        self, kind: str, path: str, *, attempts: int = ATTEMPTS, intended: float | None = None, **how: Any
    ) -> Answer:
        """A request that is repeated as a good client does: after a refusal or a broken connection, with pauses.

        Only for what may be repeated. Latency of the row counts each attempt; a request that fails for good counts as `failed`.
        """
        start = time.monotonic() if intended is None else intended
        answer = Answer(0)
        for attempt in range(attempts):
            answer = await self.call(kind, path, intended=start if not attempt else None, **how)
            if answer.ok or not may_be_repeated(answer):
                break
            if attempt + 1 < attempts:
                await asyncio.sleep(answer.retry_after or FIRST_PAUSE * 2**attempt)
        if not answer.ok:
            self.figures.counts["failed"] += 1
        return answer
