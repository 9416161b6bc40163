"""`/health`, `/ready`, `/metrics`: for load balancers and operators. No token, no account."""

from __future__ import annotations

import msgspec
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from ..api import Call, Route, answer
from ..metrics import METRICS

TAG = "operations"


class Health(msgspec.Struct, frozen=True):
    status: str


class Readiness(msgspec.Struct, frozen=True):
    """`checks` names each part this gateway needs: `ok`, or what is wrong with it."""

    status: str
    checks: dict[str, str]


async def health(call: Call[None]) -> web.Response:
    return answer(Health("ok"))


async def ready(call: Call[None]) -> web.Response:
    checks = await call.services.readiness()
    needed = all(v == "ok" for k, v in checks.items() if k != "valkey")
    return answer(Readiness("ready" if needed else "not_ready", checks), 200 if needed else 503)


async def metrics(call: Call[None]) -> web.Response:
    body = await call.app[METRICS].page()
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


ROUTES = [
    Route("GET", "/health", health, None, {200: Health}, "Whether the process lives", tag=TAG),
    Route("GET", "/ready", ready, None, {200: Readiness, 503: Readiness}, "Whether it can serve", tag=TAG),
    Route("GET", "/metrics", metrics, None, {200: str}, "Prometheus metrics", tag=TAG, media="text/plain"),
]
