"""Requests to providers of language models: through the guard, with deadlines and without redirects; answers are bounded and read in lines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, TypeGuard

import aiohttp
import msgspec

from ...core.ports.assistance.models import ModelError, Reason
from ...core.url_policy import Grant, OutgoingRefused
from ..outgoing.guard import Guard, pieces

MAX_LINE: Final = 256 * 1024
"""Bytes of one line of a streamed answer."""
MAX_ANSWER: Final = 4 * 1024 * 1024
"""Bytes of an answer, streamed or not; a model's text is much shorter."""
IDLE: Final = 20.0
"""Seconds between two pieces of a streamed answer."""
CONNECT_DEADLINE: Final = 5.0
_REASONS: Final[dict[int, Reason]] = {
    400: "refused",
    404: "refused",
    422: "refused",
    429: "rate_limited",
}


class Unauthorized(ModelError):
    """The provider knows no such key or token."""


class Calling:
    """The API below `base`. `headers` carry the key and go to its host only. The guard belongs to its owner."""

    def __init__(
        self, guard: Guard, base: str, headers: dict[str, str], *, deadline: float, idle: float = IDLE
    ) -> None:
        self._guard = guard
        self._base = base.rstrip("/")
        self._headers = headers
        self._deadline = deadline
        self._idle = idle

    @asynccontextmanager
    async def request(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """A response with status 200. Whatever goes wrong until the block ends is a ModelError."""
        url = self._base + path
        try:
            async with self._guard.request(
                method,
                url,
                grants=(Grant(self._base),),
                headers={"Content-Type": "application/json", **self._headers, **(headers or {})},
                deadline=self._deadline,
                connect_deadline=min(CONNECT_DEADLINE, self._deadline),
                data=None if body is None else msgspec.json.encode(body),
            ) as response:
                if response.status in (401, 403):
                    raise Unauthorized("refused", f"the provider answered {response.status}")
                if response.status != 200:
                    raise ModelError(
                        _REASONS.get(response.status, "failed"), f"the provider answered {response.status}"
                    )
                yield response
        except TimeoutError:
            raise ModelError("timeout", f"no complete answer within {self._deadline:g} s") from None
        except OutgoingRefused as error:
            raise ModelError("unreadable", f"the answer was refused: {error}") from None
        except (aiohttp.ClientError, OSError) as error:
            raise ModelError("unreachable", f"the connection failed ({type(error).__name__})") from None

    async def json(
        self, method: str, path: str, body: Any, type: Any, headers: dict[str, str] | None = None
    ) -> Any:
        """The decoded answer. Raises ModelError."""
        async with self.request(method, path, body, headers) as response:
            text = bytearray()
            async for piece in pieces(response, MAX_ANSWER):
                text += piece
        return decoded(bytes(text), type)

    async def lines(self, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        """A streamed answer line by line, without line ends. Raises ModelError when it pauses for too long."""
        splitter = Lines()
        reading = pieces(response, MAX_ANSWER)
        while True:
            try:
                async with asyncio.timeout(self._idle):
                    piece = await anext(reading)
            except StopAsyncIteration:
                break
            except TimeoutError:
                raise ModelError("timeout", f"the answer paused for {self._idle:g} s") from None
            for line in splitter.feed(piece):
                yield line
        if rest := splitter.rest():
            yield rest


class Lines:
    """Splits a stream of bytes into lines. Raises ModelError for a line of more than MAX_LINE bytes."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, piece: bytes) -> list[bytes]:
        """The lines that `piece` completes."""
        first, *others = piece.split(b"\n")
        self._parts.append(first)
        self._size += len(first)
        self._check()
        if not others:
            return []
        done = [b"".join(self._parts), *others[:-1]]
        self._parts, self._size = [others[-1]], len(others[-1])
        self._check()
        if max(map(len, done)) > MAX_LINE:
            raise ModelError("too_large", f"a line of more than {MAX_LINE} bytes")
        return [line.removesuffix(b"\r") for line in done]

    def rest(self) -> bytes:
        """The text behind the last line end."""
        return b"".join(self._parts)

    def _check(self) -> None:
        if self._size > MAX_LINE:
            raise ModelError("too_large", f"a line of more than {MAX_LINE} bytes")


def decoded(text: bytes, type: Any) -> Any:
    """The JSON of an answer. Raises ModelError, which quotes nothing of it."""
    try:
        return msgspec.json.decode(text, type=type, strict=True)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ModelError("unreadable", "the answer is not of the API's form") from None


def plausible(count: object) -> TypeGuard[int]:
    """Whether a provider's count of tokens can be one."""
    return isinstance(count, int) and not isinstance(count, bool) and 0 <= count <= 10_000_000


def estimated(text: str) -> int:
    """About how many tokens a text has, where the provider does not say."""
    return len(text.encode("utf-8", "replace")) // 4 + 1
