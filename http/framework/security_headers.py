"""Security headers of every response: no sniffing, caching, framing, or referrers to other sites.

Sources: OWASP Application Security Verification Standard 5.0 (3.4: browser security mechanism headers; 14.2 and 14.3: no caching of
sensitive data), OWASP HTTP Headers and REST Security cheat sheets. A route that needs other values sets them itself, as pages
(policy) and files (caching) do. `Strict-Transport-Security` (RFC 6797) is sent only if clients use HTTPS.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Final

SERVER: Final = "tertulia"
"""The Server header. It has no version, which would reveal known vulnerabilities."""

BASE: Final = {
    "Server": SERVER,
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Vary": "Origin",  # `cors.py`: an answer kept for one page is none for another
}
HSTS_AGE: Final = 31_536_000
"""Seconds for which browsers must use HTTPS: a year."""
_HSTS: Final = {"Strict-Transport-Security": f"max-age={HSTS_AGE}"}


def headers_for(public_url: str | None) -> dict[str, str]:
    """The headers of a server at `public_url`."""
    return BASE | _HSTS if public_url is not None and public_url.lower().startswith("https://") else BASE


def secure(headers: MutableMapping[str, str], common: dict[str, str]) -> None:
    """Add headers that the response has not set itself."""
    for name, value in common.items():
        headers.setdefault(name, value)
