"""`GET /crm/health`."""

from __future__ import annotations

from typing import Final, Literal

import msgspec
from aiohttp import web

from ...framework.endpoint import Call, Route, answer

BASE: Final = "/crm"
TAG: Final = "crm"
VERSION: Final = "1.0.0"
"""Of the API that clients of the CRM know."""


class CrmHealth(msgspec.Struct, frozen=True):
    status: Literal["healthy", "unhealthy"]
    database: Literal["connected", "disconnected"]
    websocket: Literal["active", "inactive"]
    service: str = "conversation-service"
    version: str = VERSION


async def health(call: Call[None]) -> web.Response:
    connected = (await call.services.readiness())["postgres"] == "ok"
    sockets = "inactive" if call.services.hub.draining else "active"
    if connected:
        return answer(CrmHealth("healthy", "connected", sockets))
    return answer(CrmHealth("unhealthy", "disconnected", sockets), 503)


ROUTES = [
    Route("GET", f"{BASE}/health", health, None, {200: CrmHealth, 503: CrmHealth}, "crmHealth", "Health of the CRM service", tag=TAG,
          own_limits=True),
]  # fmt: skip
