"""Sends requests to providers over HTTP: with a deadline, without redirects, with bounded responses.

Says of a failed request whether the provider may have received it. Never retries. The guard decides where a request may go
(`channels/outgoing/guard.py`). Failure details are shown to the account, so they contain no address and quote nothing; the
log has the rest.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol
from urllib.parse import urlencode

import aiohttp
import msgspec
import structlog

from ...core.channels.delivery_policy import Failure
from ...core.channels.messages import ProviderRequest
from ...core.url_policy import Grant, OutgoingRefused

log = structlog.get_logger(__name__)

DEADLINE = 10.0
"""Seconds for a request and its whole response."""
CONNECT_DEADLINE = 5.0
MAX_ANSWER = 256 * 1024
"""Bytes of a response; the rest is not read."""


class ProviderResponse(msgspec.Struct, frozen=True):
    """A provider's response. Header names are lower case. `left_at`: when the request left (ms)."""

    status: int
    headers: dict[str, str]
    body: bytes
    left_at: int


class Guard(Protocol):
    """Sends requests to permitted addresses only."""

    def request(
        self, method: str, url: str, *, grants: Collection[Grant], **options: Any
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """Raises OutgoingRefused, aiohttp.ClientError, TimeoutError."""
        ...


class ProviderClient:
    """Sends providers' requests. The guard belongs to its owner."""

    def __init__(self, guard: Guard, deadline: float = DEADLINE) -> None:
        self._guard = guard
        self._deadline = deadline

    async def send(
        self, request: ProviderRequest, grants: Collection[Grant] = ()
    ) -> ProviderResponse | Failure:
        """The provider's response, or why there is none."""
        left_at = time.time_ns() // 1_000_000
        headers, body = _content(request)
        try:
            async with self._guard.request(
                request.method,
                request.url,
                grants=grants,
                headers=headers,
                data=body,
                auth=aiohttp.BasicAuth(*request.auth, encoding="utf-8") if request.auth else None,
                deadline=self._deadline,
                connect_deadline=CONNECT_DEADLINE,
            ) as response:
                answer = await _read(response)
                return ProviderResponse(response.status, _lower_case_headers(response), answer, left_at)
        except OutgoingRefused as error:
            return Failure(
                "unreachable",
                f"the provider is not called: {error}",
                retry=error.temporary,
                provider=error.temporary,
            )
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            return Failure("unreachable", _describe(error), retry=True, provider=True)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            # The request may have been sent before the failure.
            timed_out = isinstance(error, TimeoutError)
            description = f"no answer within {self._deadline:g} s" if timed_out else _describe(error)
            return Failure("no_answer", description, retry=True, provider=True, unknown=True)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The response's body; empty if it is encoded, which was not requested. Then only the status counts."""
    if response.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        return b""
    read = bytearray()
    async for piece in response.content.iter_chunked(64 * 1024):
        read += piece
        if len(read) > MAX_ANSWER:
            break
    return bytes(read[:MAX_ANSWER])


def _lower_case_headers(response: aiohttp.ClientResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _content(request: ProviderRequest) -> tuple[dict[str, str], bytes | None]:
    if request.json is not None:
        body = msgspec.json.encode(request.json)
        return {"Content-Type": "application/json", **request.headers}, body
    if request.form is not None:
        body = urlencode(request.form).encode()
        return {"Content-Type": "application/x-www-form-urlencoded", **request.headers}, body
    return dict(request.headers), None


def _describe(error: BaseException) -> str:
    """A failure's description that reveals nothing about our network."""
    log.info("provider_request_failed", error=f"{type(error).__name__}: {error}"[:300])
    if isinstance(error, (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError)):
        return "the provider's certificate is not valid"
    if isinstance(error, (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)):
        return "the provider could not be reached"
    return f"the connection broke before there was an answer ({type(error).__name__})"
