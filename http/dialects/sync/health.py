"""`GET /sync/health`."""

from __future__ import annotations

from typing import Final, Literal

import msgspec
from aiohttp import web

from ...framework.endpoint import Call, Route, answer
from .envelope import SyncEnvelope, SyncError, enveloped, refused
from .lookups import TAG

BASE: Final = "/sync"


class SyncHealth(msgspec.Struct, frozen=True):
    database: Literal["connected"] = "connected"


async def health(call: Call[None]) -> web.Response:
    if (await call.services.readiness())["postgres"] == "ok":
        return enveloped("Service is healthy", SyncHealth())
    return answer(SyncError("Service is unhealthy: the database is out of reach"), 503)


ROUTES = [
    Route("GET", f"{BASE}/health", health, None, {200: SyncEnvelope, 503: SyncError}, "syncHealth", "Health of the sync service", tag=TAG,
          refused=refused, error=SyncError, own_limits=True),
]  # fmt: skip
