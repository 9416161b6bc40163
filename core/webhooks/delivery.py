"""One delivery of an event to a webhook: its signature, what a response means, when to retry.

Follows Standard Webhooks 1.0: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from typing import Final, Literal

import msgspec

SECRET_PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 32
OLD_SECRET_SIGNS: Final = 24 * 3600
"""Seconds after a rotation during which the previous secret signs as well."""

MINUTE, HOUR = 60, 3600
RETRIES: Final = (5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR)
"""Seconds to wait after the first, second … failed attempt, from the specification; after the last the delivery has failed."""
JITTER: Final = 0.2
"""The largest random addition to a wait, as a part of it, so that deliveries that failed together are not retried together."""
MAX_RETRY_AFTER: Final = 24 * HOUR
MAX_EXCERPT: Final = 1000
GONE: Final = 410

Judgement = Literal["delivered", "failed", "gone"]


class Attempt(msgspec.Struct, frozen=True):
    """The result of one attempt. `status` None: no response, and `error` says why. `retry_after` as in the header."""

    status: int | None
    excerpt: str = ""
    retry_after: str | None = None
    error: str | None = None
    duration_ms: int = 0


def new_secret(random: bytes) -> str:
    """A secret in the form its owner gets."""
    return SECRET_PREFIX + b64encode(random).decode()


def signature(secret: str, event_id: str, timestamp: int, body: bytes) -> str:
    """`v1,<base64 of the HMAC-SHA256>`. Raises ValueError for a malformed secret."""
    try:
        key = b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("not a webhook secret") from None
    digest = hmac.digest(key, b"%s.%d.%s" % (event_id.encode(), timestamp, body), hashlib.sha256)
    return f"v1,{b64encode(digest).decode()}"


def headers_of(secrets: Sequence[str], event_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers of an attempt at `timestamp` (seconds); every secret signs."""
    return {
        "Content-Type": "application/json",
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(s, event_id, timestamp, body) for s in secrets),
    }


def judge(answer: Attempt) -> Judgement:
    """2xx: delivered. 410: the receiver is gone. Everything else is a failure, including 3xx, as redirects are not followed."""
    if answer.status is not None and 200 <= answer.status < 300:
        return "delivered"
    return "gone" if answer.status == GONE else "failed"


def wait_before_retry(attempts: int, answer: Attempt, now: float, random: float) -> float | None:
    """Seconds from the `attempts`-th failure to the next attempt; None if that was the last.

    `random` is from 0 to 1. A receiver's Retry-After may lengthen the wait, never shorten it.
    """
    if attempts > len(RETRIES):
        return None
    wait = RETRIES[attempts - 1] * (1 + JITTER * random)
    return max(wait, min(_asked_wait(answer.retry_after, now), MAX_RETRY_AFTER))


def _asked_wait(retry_after: str | None, now: float) -> float:
    """RFC 9110 section 10.2.3: seconds, or a date. Unreadable values count as 0."""
    if retry_after is None:
        return 0
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after[:9])
    try:
        return parsedate_to_datetime(retry_after).timestamp() - now
    except (ValueError, OverflowError):
        return 0


def excerpt_of(body: bytes) -> str:
    """The beginning of a response's body, decoded so that it can be stored."""
    return body[: 4 * MAX_EXCERPT].decode("utf-8", "replace").replace("\0", "\ufffd")[:MAX_EXCERPT]
