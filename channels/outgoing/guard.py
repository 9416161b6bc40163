"""HTTP requests to URLs that come from outside: attachments, accounts' webhooks, channels' base URLs.

All such requests leave the server through here. A name is resolved once, every address is checked, and the connection goes to
a checked address, with the URL's Host and SNI. The guard never follows an unchecked redirect, and never sends headers or
credentials to a host that they are not meant for.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from ssl import SSLContext
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from ...core.url_policy import HTTPS, AddressRules, Grant, OutgoingRefused, Reach, is_numeric_host, parsed

__all__ = ["Guard", "OutgoingRefused", "beginning", "check_address", "checked", "origin", "pieces"]

DEADLINE = 30.0
CONNECT_DEADLINE = 10.0
"""Seconds to connect, including name resolution and the wait for a free connection."""
MAX_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PIECE = 65_536
MAX_URL = 8_192
"""Characters of a URL; a longer one is refused."""
MAX_AUTHORITY = 512
"""Characters of a URL up to its path: scheme, host and port; a longer one is refused."""
_AUTHORITY = re.compile(r"(?:[a-zA-Z][a-zA-Z0-9+.-]*+:)?[/\\]*+[^/\\?#]*+")


class _Checking(AbstractResolver):
    """A resolver that checks every address. One forbidden address refuses the name."""

    def __init__(self, inner: AbstractResolver, reach: Reach) -> None:
        self._inner = inner
        self._reach = reach

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        for result in found:
            check_address(result["host"], self._reach)
        return found

    async def close(self) -> None:
        """Does nothing: the inner resolver is shared, and its owner closes it."""


class Guard:
    """Makes requests under `AddressRules` and each request's own grants. Needs a running loop; the owner closes it."""

    def __init__(
        self,
        rules: AddressRules | None = None,
        *,
        resolver: AbstractResolver | None = None,
        ssl: SSLContext | None = None,
        connections: int = 64,
    ) -> None:
        self._rules = rules or AddressRules()
        self._resolver = resolver or aiohttp.ThreadedResolver()
        self._ssl = ssl
        self._connections = connections
        self._sessions: dict[Reach, aiohttp.ClientSession] = {}

    def _session(self, reach: Reach) -> aiohttp.ClientSession:
        """The session for `reach`. Each reach has its own, so that none reuses a connection that only another may open.

        There are as many as the settings name different networks."""
        session = self._sessions.get(reach)
        if session is None:
            session = self._sessions[reach] = self._new_session(reach)
        return session

    def _new_session(self, reach: Reach) -> aiohttp.ClientSession:
        # no DNS cache: an address is checked for one connection only
        connector = aiohttp.TCPConnector(
            resolver=_Checking(self._resolver, reach),
            use_dns_cache=False,
            limit=self._connections,
            ssl=self._ssl or True,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={
                "Accept-Encoding": "identity"
            },  # a size limit counts decoded bytes, so nothing may decode later
            auto_decompress=False,
            trust_env=False,
        )

    async def close(self) -> None:
        """Close every connection, and the resolver."""
        for session in self._sessions.values():
            await session.close()
        await self._resolver.close()

    @asynccontextmanager
    async def request(
        self,
        method: str,
        url: str,
        *,
        grants: Collection[Grant] = (),
        headers: dict[str, str] | None = None,
        auth: aiohttp.BasicAuth | None = None,
        secret_hosts: Collection[str] | None = None,
        redirect_hosts: Collection[str] = (),
        max_redirects: int = 0,
        deadline: float = DEADLINE,
        connect_deadline: float = CONNECT_DEADLINE,
        **body: Any,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Make a request. `deadline` limits everything until the block ends, redirects included; `connect_deadline`
        limits each connection.

        `headers` and `auth` are sent to `secret_hosts` only (None: the URL's own host). At most `max_redirects` redirects
        are followed (GET only), within the host and to `redirect_hosts`; with 0, a redirect is the response.
        Raises OutgoingRefused, aiohttp.ClientError, TimeoutError.
        """
        target, reach = checked(url, self._rules, grants)
        owners = {target.host} if secret_hosts is None else set(secret_hosts)
        patience = min(connect_deadline, deadline)
        timeout = aiohttp.ClientTimeout(total=None, connect=patience, sock_connect=patience)
        async with asyncio.timeout(deadline):
            for hop in range(max_redirects + 1):
                known = target.host in owners
                async with _refusals(
                    self._session(reach).request(
                        method,
                        target,
                        headers=headers if known else None,
                        auth=auth if known else None,
                        allow_redirects=False,
                        timeout=timeout,
                        **body,
                    )
                ) as response:
                    if response.status not in _REDIRECTS or not max_redirects:
                        yield response
                        return
                    if hop == max_redirects:
                        raise OutgoingRefused("too many redirects")
                    target, reach = self._next(target, response, grants, redirect_hosts)

    def _next(
        self,
        target: URL,
        response: aiohttp.ClientResponse,
        grants: Collection[Grant],
        redirect_hosts: Collection[str],
    ) -> tuple[URL, Reach]:
        location = response.headers.get("Location")
        if not location:
            raise OutgoingRefused("a redirect to nowhere")
        try:
            following = target.join(_parsed(location))
        except ValueError:
            raise OutgoingRefused("a redirect to something that is not a URL") from None
        if following.host != target.host and following.host not in redirect_hosts:
            raise OutgoingRefused("a redirect to another host")
        return checked(str(following), self._rules, grants)


@asynccontextmanager
async def _refusals(request: Any) -> AsyncIterator[aiohttp.ClientResponse]:
    """Translate aiohttp's errors for a URL or host that cannot be called into Refused."""
    try:
        async with request as response:
            yield response
    except aiohttp.InvalidURL:
        raise OutgoingRefused("not a URL that can be called") from None
    except aiohttp.ClientConnectorDNSError as error:
        raise OutgoingRefused("the host has no address", temporary=True) from error


def _parsed(url: str | URL) -> URL:
    """Raises ValueError. A host has at most 253 characters (RFC 1035), and IDNA-encoding a long one can take minutes."""
    if isinstance(url, str) and (len(url) > MAX_URL or len(_AUTHORITY.match(url)[0]) > MAX_AUTHORITY):  # pyright: ignore[reportOptionalSubscript]
        raise ValueError("too long")
    return URL(url)


def origin(url: str | URL) -> str:
    """`scheme://host:port`, always with the port, to compare origins; empty if there is none."""
    try:
        parsed = _parsed(url)
        return f"{parsed.scheme}://{parsed.host}:{parsed.port}" if parsed.host else ""
    except ValueError:
        return ""


def checked(url: str, rules: AddressRules, grants: Collection[Grant] = ()) -> tuple[URL, Reach]:
    """The parsed URL, and which addresses it may reach. Raises OutgoingRefused. Names are checked when they are resolved."""
    try:
        target = _parsed(url)
        host, port = target.host, target.port
    except ValueError:
        raise OutgoingRefused("not a URL") from None
    if target.scheme not in ("https", "http") or not host:
        raise OutgoingRefused("not an https URL")
    if target.user is not None or target.password is not None:
        raise OutgoingRefused("a URL must not carry a user or a password")
    own = origin(target)
    grant = next((g for g in grants if origin(g.url) == own), None)
    if grant is None and target.scheme != "https":
        raise OutgoingRefused("not an https URL")
    if grant is None and port not in rules.ports:
        raise OutgoingRefused(f"port {port} is not allowed, only {HTTPS}")
    if is_numeric_host(host) or "%" in host:
        raise OutgoingRefused("the host is not a plain name or address")
    reach = rules.reach if grant is None else rules.granted(grant, target.scheme, port)
    if parsed(host) is not None:
        check_address(host, reach)
    return target, reach


def check_address(text: str, reach: Reach) -> None:
    """Raises OutgoingRefused for a forbidden address."""
    if (reason := reach.refusal(text)) is not None:
        raise OutgoingRefused(f"the host stands at {reason}")


async def pieces(response: aiohttp.ClientResponse, most: int) -> AsyncIterator[bytes]:
    """A response's body in pieces. Raises OutgoingRefused if it is encoded, or if it has or announces more than `most` bytes."""
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise OutgoingRefused("encoded, which was not asked for")
    if (response.content_length or 0) > most:
        raise OutgoingRefused(f"larger than {most} bytes")
    total = 0
    async for piece in response.content.iter_chunked(_PIECE):
        total += len(piece)
        if total > most:
            raise OutgoingRefused(f"larger than {most} bytes")
        yield piece


async def beginning(response: aiohttp.ClientResponse, most: int) -> bytes:
    """The first bytes of a response, at most `most`; the rest stays unread."""
    found = bytearray()
    while len(found) < most and (piece := await response.content.read(most - len(found))):
        found += piece
    return bytes(found)
