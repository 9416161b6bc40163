"""The envelope of every answer: `{"type": "1", "message", "data"}`, and of every error: `{"type": "3", "message"}`."""

from __future__ import annotations

import math
from typing import Any, Final

import msgspec
from aiohttp import web

from ....core.errors import TertuliaError
from ...framework.endpoint import answer
from ...framework.problems import RETRIED, STATUS


class SyncEnvelope(msgspec.Struct, frozen=True):
    message: str
    data: Any
    type: str = "1"


class SyncError(msgspec.Struct, frozen=True):
    message: str
    type: str = "3"


MOST: Final = 3
"""Wrong fields that a message names."""


def enveloped(message: str, data: Any, status: int = 200) -> web.Response:
    return answer(SyncEnvelope(message, data), status)


def refused(error: TertuliaError) -> web.Response:
    """An error in the envelope; its message names the wrong fields."""
    status, _ = STATUS[error.code]
    fields = "; ".join(f"{path}: {message}" if path else message for path, message in error.errors[:MOST])
    headers = {}
    if status in RETRIED:
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after or 1)))
    elif status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    message = f"{error.detail} ({fields})" if fields else error.detail
    return answer(SyncError(message.encode("utf-8", "replace").decode()), status, headers)
