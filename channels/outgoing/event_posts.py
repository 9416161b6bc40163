"""Posts events to webhooks' URLs: through the guard, with a deadline, without redirects, reading little."""

from __future__ import annotations

import time

import aiohttp

from ...core.url_policy import Grant
from ...core.webhooks.delivery import MAX_EXCERPT, Attempt, excerpt_of
from .guard import Guard, OutgoingRefused, beginning

DEADLINE = 10.0
"""Seconds for a request and its answer."""


class GuardedPoster:
    """Implements `core.ports.event_webhooks.Poster`. `private` allows http and any address, for development and tests."""

    def __init__(
        self, guard: Guard, *, private: bool = False, agent: str = "Tertulia", deadline: float = DEADLINE
    ) -> None:
        self._guard = guard
        self._private = private
        self._agent = agent
        self._deadline = deadline

    async def close(self) -> None:
        await self._guard.close()

    async def post(self, url: str, headers: dict[str, str], body: bytes) -> Attempt:
        began = time.monotonic()
        answer = await self._post(url, {**headers, "User-Agent": self._agent}, body)
        return Attempt(
            answer.status,
            answer.excerpt,
            answer.retry_after,
            answer.error,
            int((time.monotonic() - began) * 1000),
        )

    async def _post(self, url: str, headers: dict[str, str], body: bytes) -> Attempt:
        grants = (Grant(url),) if self._private else ()
        try:
            async with self._guard.request(
                "POST", url, grants=grants, headers=headers, deadline=self._deadline, data=body
            ) as response:
                text = excerpt_of(await beginning(response, MAX_EXCERPT))
                response.close()  # the rest is left unread, however long it is
                return Attempt(response.status, text, response.headers.get("Retry-After"))
        except OutgoingRefused as error:
            return Attempt(None, error=f"refused: {error}")
        except TimeoutError:
            return Attempt(None, error=f"no answer within {self._deadline:g} s")
        except (aiohttp.ClientError, OSError) as error:
            return Attempt(None, error=f"the connection failed ({type(error).__name__})")
