"""Headers that every response carries: nothing is sniffed, kept by a cache, framed, or told to another site.

Sources: OWASP Application Security Verification Standard 5.0 (3.4: browser security mechanism headers; 14.2 and 14.3: no caching of
sensitive data), OWASP HTTP Headers and REST Security cheat sheets. A route that needs other values sets them itself: pages their own
policy, files how long they may be kept. `Strict-Transport-Security` (RFC 6797) goes out only where clients come by HTTPS.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Final

SERVER: Final = "tertulia"
"""The Server header: no versions, which would tell what this one is open to."""

BASE: Final = {
    "Server": SERVER,
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
HSTS_AGE: Final = 31_536_000
"""Seconds that browsers are to come by HTTPS alone: a year."""
_HSTS: Final = {"Strict-Transport-Security": f"max-age={HSTS_AGE}"}


def headers_for(public_url: str | None) -> dict[str, str]:
    """The headers of a server that clients find at `public_url`."""
    return BASE | _HSTS if public_url is not None and public_url.lower().startswith("https://") else BASE


def secure(headers: MutableMapping[str, str], ours: dict[str, str]) -> None:
    """Add what a response has not set itself."""
    for name, value in ours.items():
        headers.setdefault(name, value)
