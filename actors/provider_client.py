"""Requests to providers over HTTP: one session, a deadline each, no redirects, bounded answers.

Says of a request that failed whether the provider may have got it. Never tries anything twice. A channel's admin may name
another server in the provider's place, a private one too; where clouds hand out credentials nothing is ever sent.
"""

from __future__ import annotations

import errno
import socket
import time
from typing import Any
from urllib.parse import urlencode

import aiohttp
import msgspec
from yarl import URL

from ..core.addresses import never
from ..core.channel_messages import ProviderRequest
from ..core.delivery import Failure

DEADLINE = 10.0
"""Seconds for a request and its whole answer."""
CONNECT_DEADLINE = 5.0
MAX_ANSWER = 256 * 1024
"""Bytes of an answer; what is beyond is not read."""
CONNECTIONS = 512
"""More than there are sends at once, so that none waits for a connection to come free."""


class Answer(msgspec.Struct, frozen=True):
    """What the provider said; names in `headers` are lower case. `left_at`: when the request left (ms)."""

    status: int
    headers: dict[str, str]
    body: bytes
    left_at: int


class ProviderClient:
    """See the module. Made inside a running loop."""

    def __init__(self, deadline: float = DEADLINE) -> None:
        self._deadline = deadline
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS, socket_factory=_socket),
            timeout=aiohttp.ClientTimeout(
                total=deadline, connect=CONNECT_DEADLINE, sock_connect=CONNECT_DEADLINE
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept-Encoding": "identity"},  # what is limited in size must not unfold afterwards
            auto_decompress=False,
        )

    async def send(self, request: ProviderRequest) -> Answer | Failure:
        """The provider's answer, or why there is none."""
        left_at = time.time_ns() // 1_000_000
        headers, body = _content(request)
        try:
            async with self._session.request(
                request.method,
                URL(request.url),
                headers=headers,
                data=body,
                auth=aiohttp.BasicAuth(*request.auth, encoding="utf-8") if request.auth else None,
                allow_redirects=False,
            ) as response:
                answer = await _read(response)
                return Answer(response.status, _lower(response), answer, left_at)
        except aiohttp.InvalidURL as error:
            return Failure("unreachable", f"not a URL: {error}")
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            return Failure("unreachable", _said(error), retry=True, provider=True)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            # The request may have gone out before it broke.
            said = (
                f"no answer within {self._deadline:g} s" if isinstance(error, TimeoutError) else _said(error)
            )
            return Failure("no_answer", said, retry=True, provider=True, unknown=True)

    async def close(self) -> None:
        await self._session.close()


def _socket(address: Any) -> socket.socket:
    """A socket for a resolved address, as `getaddrinfo` describes one."""
    family, kind, protocol, _, place = address
    if never(str(place[0])):
        raise PermissionError(errno.EACCES, f"{place[0]} is an address that is never called")
    return socket.socket(family, kind, protocol)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The answer's body; nothing of one that is encoded, which was not asked for: then the status alone counts."""
    if response.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        return b""
    read = bytearray()
    async for piece in response.content.iter_chunked(64 * 1024):
        read += piece
        if len(read) > MAX_ANSWER:
            break
    return bytes(read[:MAX_ANSWER])


def _lower(response: aiohttp.ClientResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _content(request: ProviderRequest) -> tuple[dict[str, str], bytes | None]:
    if request.json is not None:
        body = msgspec.json.encode(request.json)
        return {"Content-Type": "application/json", **request.headers}, body
    if request.form is not None:
        body = urlencode(request.form).encode()
        return {"Content-Type": "application/x-www-form-urlencoded", **request.headers}, body
    return dict(request.headers), None


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:300]
