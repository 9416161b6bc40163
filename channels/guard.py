"""HTTP requests to addresses that came from outside: attachments' URLs, accounts' webhooks.

Owns the one way such a request may leave the server. A name is resolved once, every address it gives is checked, and the
connection goes to a checked one, with Host and SNI as the URL has them. It must never follow what it has not checked,
and never send headers or credentials to a host they are not meant for.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from ipaddress import ip_address
from ssl import SSLContext
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from ..core.addresses import HTTPS, AddressRules, is_numeric_host, never

DEADLINE = 30.0
MAX_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PIECE = 65_536
MAX_URL = 8_192
"""Characters of a URL; a longer one is refused."""
MAX_AUTHORITY = 512
"""Characters of a URL up to its path: scheme, host and port; a longer one is refused."""
_AUTHORITY = re.compile(r"(?:[a-zA-Z][a-zA-Z0-9+.-]*+:)?[/\\]*+[^/\\?#]*+")


class Refused(Exception):
    """A request that may not leave, or an answer that may not come in; the text is fit for whoever gave the URL."""


class _Checking(AbstractResolver):
    """A resolver whose answers are all checked: one that may not be called refuses the name."""

    def __init__(self, inner: AbstractResolver, rules: AddressRules, *, trusted: bool) -> None:
        self._inner = inner
        self._rules = rules
        self._trusted = trusted

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        for result in found:
            check_address(result["host"], self._rules, trusted=self._trusted)
        return found

    async def close(self) -> None:
        """The inner resolver is shared, and its owner's to close."""


class Guard:
    """Requests under `AddressRules`. Make it where a loop runs; `close` it.

    `trusted` origins of a request (`http://127.0.0.1:9000`) are the operator's or the channel's own: plain HTTP, any
    port and private addresses are let through there, and nowhere else.
    """

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
        self._strict = self._session(trusted=False)
        self._lenient = self._session(trusted=True)

    def _session(self, *, trusted: bool) -> aiohttp.ClientSession:
        # no DNS cache: an address counts for the connection it was resolved for
        connector = aiohttp.TCPConnector(
            resolver=_Checking(self._resolver, self._rules, trusted=trusted),
            use_dns_cache=False,
            limit=self._connections,
            ssl=self._ssl or True,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept-Encoding": "identity"},  # what is limited in size must not unfold afterwards
            auto_decompress=False,
            trust_env=False,
        )

    async def close(self) -> None:
        """End every connection; the resolver too."""
        await self._strict.close()
        await self._lenient.close()
        await self._resolver.close()

    def check(self, url: str, *, trusted: Collection[str] = ()) -> URL:
        """The URL as it will be called. Raises Refused; names are checked when they are resolved."""
        return checked(url, self._rules, trusted)

    @asynccontextmanager
    async def request(
        self,
        method: str,
        url: str,
        *,
        trusted: Collection[str] = (),
        headers: dict[str, str] | None = None,
        auth: aiohttp.BasicAuth | None = None,
        secret_hosts: Collection[str] | None = None,
        redirect_hosts: Collection[str] = (),
        max_redirects: int = 0,
        deadline: float = DEADLINE,
        **body: Any,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One request and its answer; `deadline` holds for everything until the block ends, redirects included.

        `headers` and `auth` go to `secret_hosts` alone (None: the URL's own host). Redirects are followed within the
        host and to `redirect_hosts`, at most `max_redirects` (GET only); otherwise they are the answer.
        Raises Refused, aiohttp.ClientError, TimeoutError.
        """
        target = self.check(url, trusted=trusted)
        owners = {target.host} if secret_hosts is None else set(secret_hosts)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=min(10.0, deadline))
        async with asyncio.timeout(deadline):
            for hop in range(max_redirects + 1):
                session = self._lenient if origin(target) in trusted else self._strict
                known = target.host in owners
                async with _refusals(
                    session.request(
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
                        raise Refused("too many redirects")
                    target = self._next(target, response, trusted, redirect_hosts)

    def _next(
        self,
        target: URL,
        response: aiohttp.ClientResponse,
        trusted: Collection[str],
        redirect_hosts: Collection[str],
    ) -> URL:
        location = response.headers.get("Location")
        if not location:
            raise Refused("a redirect to nowhere")
        try:
            following = target.join(_parsed(location))
        except ValueError:
            raise Refused("a redirect to something that is no URL") from None
        if following.host != target.host and following.host not in redirect_hosts:
            raise Refused("a redirect to another host")
        return self.check(str(following), trusted=trusted)


@asynccontextmanager
async def _refusals(request: Any) -> AsyncIterator[aiohttp.ClientResponse]:
    """aiohttp's request, with a resolver's refusal as it was raised and a host that is no address made one."""
    try:
        async with request as response:
            yield response
    except aiohttp.InvalidURL:
        raise Refused("not a URL that can be called") from None
    except aiohttp.ClientConnectorDNSError as error:
        raise Refused("the host has no address") from error


def _parsed(url: str | URL) -> URL:
    """Raises ValueError. A host has at most 253 characters (RFC 1035); encoding a long one of any script takes minutes."""
    if isinstance(url, str) and (len(url) > MAX_URL or len(_AUTHORITY.match(url)[0]) > MAX_AUTHORITY):  # pyright: ignore[reportOptionalSubscript]
        raise ValueError("too long")
    return URL(url)


def origin(url: str | URL) -> str:
    """`scheme://host:port`, the port always given, by which origins are compared; empty where there is none."""
    try:
        parsed = _parsed(url)
        return f"{parsed.scheme}://{parsed.host}:{parsed.port}" if parsed.host else ""
    except ValueError:
        return ""


def checked(url: str, rules: AddressRules, trusted: Collection[str] = ()) -> URL:
    """The URL, where its form allows a call. Raises Refused."""
    try:
        parsed = _parsed(url)
        host, port = parsed.host, parsed.port
    except ValueError:
        raise Refused("not a URL") from None
    if parsed.scheme not in ("https", "http") or not host:
        raise Refused("not an https URL")
    if parsed.user is not None or parsed.password is not None:
        raise Refused("a URL must not carry a user or a password")
    own = origin(parsed) in trusted
    if not own and parsed.scheme != "https":
        raise Refused("not an https URL")
    if not own and port not in rules.ports:
        raise Refused(f"port {port} is not allowed, only {HTTPS}")
    if is_numeric_host(host) or "%" in host:
        raise Refused("the host is not a plain name or address")
    if _is_address(host):
        check_address(host, rules, trusted=own)
    return parsed


def check_address(text: str, rules: AddressRules, *, trusted: bool) -> None:
    """Raises Refused for an address that may not be called."""
    if trusted:
        if never(text):
            raise Refused("the host stands at an address that is never called")
    elif (reason := rules.refusal(text)) is not None:
        raise Refused(f"the host stands at {reason}")


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


async def pieces(response: aiohttp.ClientResponse, most: int) -> AsyncIterator[bytes]:
    """An answer's body as it comes. Raises Refused beyond `most` bytes, or where it announces more or is encoded."""
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Refused("encoded, which was not asked for")
    if (response.content_length or 0) > most:
        raise Refused(f"larger than {most} bytes")
    total = 0
    async for piece in response.content.iter_chunked(_PIECE):
        total += len(piece)
        if total > most:
            raise Refused(f"larger than {most} bytes")
        yield piece


async def beginning(response: aiohttp.ClientResponse, most: int) -> bytes:
    """The first bytes of an answer, at most `most`; the rest is left unread."""
    found = bytearray()
    while len(found) < most and (piece := await response.content.read(most - len(found))):
        found += piece
    return bytes(found)
