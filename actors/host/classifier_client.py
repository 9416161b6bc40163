"""The operator's classifier over HTTP: asked what a customer wants, with a deadline, a bound and a circuit breaker.

POST `{"text", "channel_type", "language", "account_id"}` → `{"intent": "…", "confidence": 0…1}`; what else an answer holds is
not looked at. Whatever goes wrong, the message is simply not classified. Never asks twice, never follows a redirect.
"""

from __future__ import annotations

import asyncio
import time
from typing import Annotated

import aiohttp
import msgspec
import structlog
from yarl import URL

from ...core.channels.delivery_policy import Breaker
from ...core.ports.bots import Question
from ...core.turn.bot_rules import Classification

log = structlog.get_logger(__name__)

AT_ONCE = 32
"""Questions under way. What is beyond waits its turn, within its own deadline."""
MAX_ANSWER = 16 * 1024
"""Bytes of an answer."""
MAX_TEXT = 10_000
"""Characters of a message that are sent."""


class _Answer(msgspec.Struct, frozen=True):
    intent: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    confidence: Annotated[float, msgspec.Meta(ge=0, le=1)]


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Answer).decode


class HttpClassifier:
    """`core.ports.bots.Classifier`. Made inside a running loop; `close` it. `timeout`: seconds for a question, waiting for
    its turn included."""

    def __init__(self, url: str, key: str | None, timeout: float) -> None:
        self._url = URL(url)
        self._timeout = timeout
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._breaker = Breaker()
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=AT_ONCE),
            timeout=aiohttp.ClientTimeout(total=None),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=headers,
            auto_decompress=False,
        )

    async def classify(self, question: Question) -> Classification | None:
        try:
            async with asyncio.timeout(self._timeout), self._turns:
                room, _ = self._breaker.room(time.monotonic())
                if room == 0:
                    return None
                self._breaker = self._breaker.began()
                return await self._ask(question)
        except TimeoutError:
            return None

    async def _ask(self, question: Question) -> Classification | None:
        """Tells the breaker what came of it, whatever that is."""
        failure = "it was given up"
        try:
            said = await self._said(question)
        except asyncio.CancelledError:
            failure = f"no answer within {self._timeout:g} s"
            raise
        except msgspec.DecodeError as error:
            failure = f"not an answer: {error}"
        except (aiohttp.ClientError, OSError, ValueError, RecursionError) as error:
            failure = f"{type(error).__name__}: {error}"[:300]
        else:
            failure = None
            self._breaker = self._breaker.answered()
            return Classification(said.intent, said.confidence)
        finally:
            if failure is not None:
                self._breaker = self._breaker.failed(time.monotonic())
                log.warning("not_classified", error=failure, resting=not self._breaker.closed)
        return None

    async def _said(self, question: Question) -> _Answer:
        body = _encode(msgspec.structs.replace(question, text=question.text[:MAX_TEXT]))
        async with self._session.post(self._url, data=body, allow_redirects=False) as response:
            if response.status != 200:
                raise ValueError(f"status {response.status}")
            answer = await response.content.read(MAX_ANSWER + 1)
            while len(answer) <= MAX_ANSWER and (more := await response.content.read(MAX_ANSWER)):
                answer += more
            if len(answer) > MAX_ANSWER:
                raise ValueError(f"an answer of more than {MAX_ANSWER} bytes")
            return _decode(answer)

    async def close(self) -> None:
        await self._session.close()
