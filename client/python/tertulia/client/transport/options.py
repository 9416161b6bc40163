"""The options that both clients share."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from .attempts import RetryPolicy
from .requests import MAX_ANSWER


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """`timeout`: seconds for a call, its repeats included. `verify`: how certificates are checked, as httpx takes it.

    `account_id` picks the account where the token holds several. `max_answer` bounds the bytes of one answer.
    """

    timeout: float = 30.0
    retries: RetryPolicy = field(default_factory=RetryPolicy)
    account_id: str | None = None
    verify: ssl.SSLContext | bool = True
    max_connections: int = 100
    max_answer: int = MAX_ANSWER

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
