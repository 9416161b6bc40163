"""Makes and compares signatures. Must never raise on a caller's input, and never reveal by timing how much of a
secret was right.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable


def same(given: str | None, expected: str | None) -> bool:
    """Whether a caller sent the expected value; an empty value never matches."""
    if not given or not expected:
        return False
    return hmac.compare_digest(_bytes(given), _bytes(expected))


def sha256_hex(secret: str, body: bytes) -> str:
    return hmac.new(_bytes(secret), body, hashlib.sha256).hexdigest()


def twilio(token: str, url: str, parameters: Iterable[tuple[str, str]]) -> str:
    """https://www.twilio.com/docs/usage/security#validating-requests: the URL, then each key and value, sorted, each
    pair once."""
    signed = url + "".join(key + value for key, value in sorted(set(parameters)))
    return base64.b64encode(hmac.new(_bytes(token), _bytes(signed), hashlib.sha1).digest()).decode()


def _bytes(text: str) -> bytes:
    # halves of surrogate pairs: aiohttp makes them of header bytes that are not UTF-8
    return text.encode("utf-8", "surrogatepass")
