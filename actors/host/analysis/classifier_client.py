"""The client of the operator's intent classifier: HTTP with a deadline, a concurrency limit and a circuit breaker.

POST `{"text", "channel_type", "language", "account_id"}` → `{"intent": "…", "confidence": 0…1}`; other fields are ignored.
After any failure the message is simply not classified. Never retries, never follows a redirect.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Annotated

import aiohttp
import msgspec
import structlog
from yarl import URL

from ....core.channels.delivery_policy import Breaker, BreakerLimits
from ....core.ports.bots import Question
from ....core.turn.bot_rules import Classification

log = structlog.get_logger(__name__)

CONCURRENCY = 32
"""Requests in flight. Beyond this, requests wait within their own deadline."""
MAX_ANSWER = 16 * 1024
"""Bytes of a response."""
MAX_TEXT = 10_000
"""Characters of a message that are sent."""


class _Reply(msgspec.Struct, frozen=True):
    intent: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    confidence: Annotated[float, msgspec.Meta(ge=0, le=1)]


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Reply).decode


class HttpClassifier:
    """Implements `core.ports.bots.Classifier`. Create it inside a running loop, and `close` it. `timeout`: seconds for a
    request, including the wait for a free slot."""

    def __init__(
        self,
        url: str,
        key: str | None,
        timeout: float,
        *,
        breaker: BreakerLimits = BreakerLimits(),  # noqa: B008 - it is immutable
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._url = URL(url)
        self._timeout = timeout
        self._turns = asyncio.Semaphore(CONCURRENCY)
        self._breaker = Breaker(breaker)
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONCURRENCY),
            timeout=aiohttp.ClientTimeout(total=None),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=headers,
            auto_decompress=False,
        )

    async def classify(self, question: Question) -> Classification | None:
        try:
            async with asyncio.timeout(self._timeout), self._turns:
                room, _ = self._breaker.room(self._clock())
                if room == 0:
                    return None
                self._breaker = self._breaker.began()
                return await self._ask(question)
        except TimeoutError:
            return None

    async def _ask(self, question: Question) -> Classification | None:
        """Make the request and report its outcome to the breaker, whatever it is."""
        failure = "cancelled"
        try:
            reply = await self._request(question)
        except asyncio.CancelledError:
            failure = f"no answer within {self._timeout:g} s"
            raise
        except msgspec.DecodeError as error:
            failure = f"invalid response: {error}"
        except (aiohttp.ClientError, OSError, ValueError, RecursionError) as error:
            failure = f"{type(error).__name__}: {error}"[:300]
        else:
            failure = None
            self._breaker = self._breaker.answered()
            return Classification(reply.intent, reply.confidence)
        finally:
            if failure is not None:
                self._breaker = self._breaker.failed(self._clock())
                log.warning("not_classified", error=failure, resting=not self._breaker.closed)
        return None

    async def _request(self, question: Question) -> _Reply:
        body = _encode(msgspec.structs.replace(question, text=question.text[:MAX_TEXT]))
        async with self._session.post(self._url, data=body, allow_redirects=False) as response:
            if response.status != 200:
                raise ValueError(f"status {response.status}")
            answer = await response.content.read(MAX_ANSWER + 1)
            while len(answer) <= MAX_ANSWER and (more := await response.content.read(MAX_ANSWER)):
                answer += more
            if len(answer) > MAX_ANSWER:
                raise ValueError(f"a response of more than {MAX_ANSWER} bytes")
            return _decode(answer)

    async def close(self) -> None:
        await self._session.close()
