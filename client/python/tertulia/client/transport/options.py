"""The options that both clients share."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

from ..errors import TertuliaError
from .attempts import RetryPolicy
from .requests import MAX_ANSWER


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """`timeout`: seconds for a call, its repeats included. `verify`: how certificates are checked, as httpx takes it.

    `account_id` picks the account where the token holds several. `max_answer` bounds the bytes of one answer. `on_repeat` hears of
    each failure after which a call is repeated.
    """

    timeout: float = 30.0
    retries: RetryPolicy = field(default_factory=RetryPolicy)
    account_id: str | None = None
    verify: ssl.SSLContext | bool = True
    max_connections: int = 100
    max_answer: int = MAX_ANSWER
    on_repeat: Callable[[TertuliaError], None] | None = None

    def trust(self, url: str) -> ssl.SSLContext | bool:
        """What all connections to a server share: loading certificates takes 30 ms, and plain HTTP needs none."""
        if url.startswith("http://"):
            return False
        return httpx.create_ssl_context() if self.verify is True else self.verify

    def repeated(self, error: TertuliaError) -> None:
        if self.on_repeat is not None:
            self.on_repeat(error)

    def headers(self, token: str | None) -> dict[str, str]:
        """The headers of each request."""
        named = {"User-Agent": "tertulia-client"}
        if token is not None:
            named["Authorization"] = f"Bearer {token}"
        if self.account_id is not None:
            named["X-Account-Id"] = self.account_id
        return named


def base_url(url: str) -> str:
    """The server's address without a trailing slash. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"the server's address must be an http or https URL, not {url!r}")
    return url.rstrip("/")
