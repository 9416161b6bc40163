"""Attaches Socket.IO to the application: the three namespaces, and `/socket.io/` in the router."""

from __future__ import annotations

from aiohttp import web

from ..framework.metrics import RequestMetrics
from ..framework.services import Services
from .crm import CrmNamespace
from .engine import PATH, Engine
from .omnichannel import AgentsNamespace, CustomersNamespace
from .readers import Readers


def attach(app: web.Application, services: Services, metrics: RequestMetrics) -> None:
    """Serve Socket.IO until the application is cleaned up."""
    readers = Readers(app)
    engine = Engine(services, readers)
    for kind, name in ((CrmNamespace, "/"), (AgentsNamespace, "/agents"), (CustomersNamespace, "/customers")):
        engine.server.register_namespace(kind(name, engine, readers, services))
    for method in ("GET", "POST"):
        route = app.router.add_route(method, PATH, engine.handle)
        metrics.know(route, PATH, method, stream=True)
    app.on_shutdown.append(engine.close)
