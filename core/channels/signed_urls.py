"""Links to attachments: the path that messages contain, and signed links, which need no token until they expire.

Anybody who has a signed link can use it. Its signature covers the id and the expiry, under a separate key that is derived
from the server's secret.
"""

from __future__ import annotations

import hashlib
import hmac

from ..ids import is_uuid

BASE = "/v1/attachments/"
LINK_LIFE = 15 * 60
"""Seconds a link for a reader lives."""
PROVIDER_LIFE = 24 * 3600
"""Seconds a link for a provider lives, which may fetch a file long after it took the message."""
_PURPOSE = b"tertulia attachment links"


def path_of(attachment_id: str) -> str:
    """An attachment's URL as messages hold it."""
    return BASE + attachment_id


def id_of(url: str) -> str | None:
    """The id in such a URL; None for any other URL."""
    found = url.removeprefix(BASE).lower() if url.startswith(BASE) else ""
    return found if is_uuid(found) else None


class LinkSigner:
    """Makes and checks signed links. Times in seconds since the epoch; `public_url` makes the links absolute."""

    def __init__(self, secret: str, public_url: str | None = None) -> None:
        self._key = hmac.digest(secret.encode(), _PURPOSE, "sha256")
        self._base = (public_url or "").rstrip("/")

    def signed_link(self, attachment_id: str, now: float, life: float = LINK_LIFE) -> tuple[str, int]:
        """A link, and when it expires."""
        expires = int(now + life)
        signature = self._signature(attachment_id, expires)
        return f"{self._base}{path_of(attachment_id)}?expires={expires}&signature={signature}", expires

    def for_provider(self, url: str, now: float) -> str:
        """An attachment's URL as a provider can fetch it: ours signed, any other as it is."""
        attachment_id = id_of(url)
        return url if attachment_id is None else self.signed_link(attachment_id, now, PROVIDER_LIFE)[0]

    def is_good(self, attachment_id: str, expires: int, signature: str, now: float) -> bool:
        """Whether a link was signed here and has not expired."""
        expected = self._signature(attachment_id, expires)
        return hmac.compare_digest(expected.encode(), signature.encode()) and now < expires

    def _signature(self, attachment_id: str, expires: int) -> str:
        return hmac.new(self._key, f"{attachment_id}\n{expires}".encode(), hashlib.sha256).hexdigest()
