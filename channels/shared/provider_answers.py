"""Reads providers' responses to sent messages. Must never raise, whatever the response is."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import orjson

from ...core.channels.messages import NotSent
from .text import short

MAX_DETAIL: Final = 1000
LONGEST_WAIT: Final = 86_400.0


def answer_of(body: bytes) -> dict[str, Any]:
    """The JSON object of an answer; empty where it is none."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def provider_id(value: Any) -> str | None:
    """An id in an answer, if there is one."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return short(value, 512)


def seconds(value: Any) -> float | None:
    """A wait that a provider asks for, at most a day."""
    try:
        wait = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return min(wait, LONGEST_WAIT) if math.isfinite(wait) and wait >= 0 else None


def asked_for(headers: Mapping[str, str]) -> float | None:
    """The wait that Retry-After asks for: seconds, or a date, which counts from the answer's own, as there is no clock here."""
    named = {name.lower(): value for name, value in headers.items()}
    wait = seconds(named.get("retry-after"))
    if wait is None:
        until, since = _date(named.get("retry-after")), _date(named.get("date"))
        wait = seconds((until - since).total_seconds()) if until and since else None
    return wait


def _date(value: str | None) -> datetime | None:
    try:
        found = parsedate_to_datetime(value or "")
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def refused(
    status: int,
    headers: Mapping[str, str],
    code: Any,
    detail: Any,
    *,
    slow: Collection[str] = (),
    again: Collection[str] = (),
    wait: Any = None,
) -> NotSent:
    """A refusal. Of the provider's own codes, those in `slow` mean that the channel is too fast, those in `again` that
    another try may do; HTTP says it for the others: 429 is too fast, 408 and 5xx may pass."""
    name = provider_id(code) or f"http_{status}"
    too_fast = name in slow or (status == 429 and name not in again)
    retry = too_fast or name in again or status in (408, 425) or status >= 500
    return NotSent(
        name,
        short(detail, MAX_DETAIL) or f"the provider answered with HTTP status {status}",
        retry=retry,
        retry_after=(asked_for(headers) if wait is None else seconds(wait)) if retry else None,
        slow_down=too_fast,
    )
