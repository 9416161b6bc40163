"""`/health`, `/ready`, `/metrics`: for load balancers and operators. No account.

The first two are for load balancers, which may share an address with everybody, so they are never rate-limited. Metrics reveal much
about a business: they require a token, or a direct connection from an address that the settings name.
"""

from __future__ import annotations

import hmac
from typing import Annotated, Final, Literal

import msgspec
from aiohttp import hdrs, web
from prometheus_client import CONTENT_TYPE_LATEST

from ...core.errors import Forbidden, Unauthenticated
from ...core.ports.ownership import ProcessState
from ...core.text.fields import about
from ..auth.client_address import PEER
from ..auth.tokens import bearer
from ..connection.policy import POLICY
from ..framework.endpoint import Call, Route, answer
from ..framework.metrics import METRICS

TAG = "operations"
WITHOUT: Final = frozenset({"valkey", "rabbitmq", "event_stream"})
"""Checks without which requests are served all the same: a balancer that took out every gateway would end all streams."""
_PASSED_ON: Final = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")


class Health(msgspec.Struct, frozen=True):
    status: Annotated[Literal["ok"], about("The process is alive")]


class Readiness(msgspec.Struct, frozen=True):
    """`checks` has each part of the server: `ok`, or its fault."""

    status: Annotated[Literal["ready", "not_ready"], about("Whether requests can be served")]
    checks: Annotated[
        dict[str, str],
        about(
            "Each part → `ok`, or what is wrong. Without `valkey`, `rabbitmq` and `event_stream` requests are served all the same",
            {"postgres": "ok"},
        ),
    ]


class MetricsTarget(msgspec.Struct, frozen=True):
    """As Prometheus's HTTP service discovery wants it."""

    targets: Annotated[
        list[str], about("The address where the process serves its metrics", ["10.0.0.10:40113"])
    ]
    labels: Annotated[
        dict[str, str],
        about(
            "`process`, its name, which its `kind` names too; `node`, Ray's id of its node; `release`",
            {"process": "host:0", "kind": "host", "host": "host:0", "node": "3f0c", "release": "0.1.0"},
        ),
    ]


async def health(call: Call[None]) -> web.Response:
    return answer(Health("ok"))


async def ready(call: Call[None]) -> web.Response:
    checks = await call.services.readiness()
    needed = all(state == "ok" for part, state in checks.items() if part not in WITHOUT)
    return answer(Readiness("ready" if needed else "not_ready", checks), 200 if needed else 503)


def _has_token(call: Call[None]) -> bool:
    token = call.services.settings.metrics_token
    return token is not None and hmac.compare_digest(
        (bearer(call.request.headers) or "").encode(), token.encode()
    )


def _is_near(call: Call[None]) -> bool:
    """Whether the request comes directly from an address that may read metrics. Proxies reveal themselves, or are known."""
    request, policy = call.request, call.app[POLICY]
    return (
        PEER not in request
        and not any(name in request.headers for name in _PASSED_ON)
        and policy.metrics_readers.trusts(request.remote)
        and policy.checks.is_own_host(request.headers.get(hdrs.HOST))
    )


async def _for_operators(call: Call[None]) -> None:
    """Raises Unauthenticated or Forbidden for others."""
    if _has_token(call) or _is_near(call):
        return
    request, limits = call.request, call.services.limits
    await limits.admit_address(request.remote)
    if call.services.settings.metrics_token is not None:
        raise Unauthenticated("a bearer token is required for /metrics")
    raise Forbidden("metrics are for the operator: see TERTULIA_METRICS_TOKEN and TERTULIA_METRICS_NETWORKS")


async def metrics_targets(call: Call[None]) -> web.Response:
    await _for_operators(call)
    return answer(
        [_target(process) for process in await call.services.processes.all() if process.metrics_port]
    )


def _target(process: ProcessState) -> MetricsTarget:
    host = f"[{process.address}]" if ":" in process.address else process.address
    labels = {
        "process": process.name,
        "kind": process.kind,
        process.kind: process.name,
        "node": process.node,
        "release": process.release,
    }
    return MetricsTarget([f"{host}:{process.metrics_port}"], labels)


async def metrics(call: Call[None]) -> web.Response:
    await _for_operators(call)
    body = await call.app[METRICS].page()
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


ROUTES = [
    Route(
        "GET",
        "/health",
        health,
        None,
        {200: Health},
        "getHealth",
        "Whether the process is alive",
        tag=TAG,
        own_limits=True,
        cross_origin=False,
    ),
    Route(
        "GET",
        "/ready",
        ready,
        None,
        {200: Readiness, 503: Readiness},
        "getReadiness",
        "Whether it can serve requests",
        tag=TAG,
        own_limits=True,
        cross_origin=False,
    ),
    Route(
        "GET",
        "/metrics",
        metrics,
        None,
        {200: str},
        "getMetrics",
        "Prometheus metrics",
        tag=TAG,
        media="text/plain",
        own_limits=True,
        refuses=(401, 403),
        cross_origin=False,
    ),
    Route(
        "GET",
        "/metrics/targets",
        metrics_targets,
        None,
        {200: list[MetricsTarget]},
        "listMetricsTargets",
        "Where each process serves its own metrics",
        "For Prometheus's HTTP service discovery. Processes that died are listed for a day, so that they are seen to be down.",
        tag=TAG,
        own_limits=True,
        refuses=(401, 403, 503),
        cross_origin=False,
    ),
]
