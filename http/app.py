"""The aiohttp application: the route table, the error middleware, the services. Opens nothing by itself."""

from __future__ import annotations

from aiohttp import web

from ..settings import Settings
from .actions.transfers import DOWNLOADS, UPLOADS, Transfers
from .actions.webhook_parsing import PARSER, WebhookParser
from .auth.webhook_gate import GATE, WebhookGate
from .connection.fast_path import FAST_PATH, FastPathRoutes
from .connection.fast_router import FAST_ROUTER, FastRouter
from .connection.policy import POLICY, ConnectionPolicy
from .connection.sibling_routes import literal_segments, without_siblings
from .documents import asyncapi
from .documents.asyncapi import ASYNCAPI
from .documents.openapi import OPENAPI, Document, document
from .framework import problems, responses
from .framework.cors import CORS, Cors
from .framework.endpoint import Endpoint, endpoint
from .framework.metrics import METRICS, Metrics
from .framework.options import add_options, server_options
from .framework.problems import Handler
from .framework.services import SERVICES, Services
from .routes import ALL
from .routes.providers.webhooks import DEADLINES, WebhookDeadlines
from .routes.streams.messages import ANY_ERRORS, MESSAGES, Refusal
from .socketio.server import attach
from .socketio.shapes import NAMESPACES


def make_app(services: Services, version: str = "0") -> web.Application:
    """The application, ready for a runner."""
    app = web.Application(client_max_size=services.settings.max_body)
    app[SERVICES] = services
    responses.configure(services.settings.public_url)
    app[OPENAPI] = Document(lambda: document(ALL, version))
    public_url = services.settings.public_url
    app[ASYNCAPI] = Document(
        lambda: asyncapi.document(ALL, MESSAGES, Refusal, ANY_ERRORS, version, public_url, NAMESPACES)
    )
    policy = app[POLICY] = ConnectionPolicy.from_settings(services.settings)
    app[GATE] = WebhookGate(services.vault, services.limits)
    app[UPLOADS], app[DOWNLOADS] = _transfers(services.settings)
    parser = app[PARSER] = WebhookParser()
    app[DEADLINES] = WebhookDeadlines()
    app.on_cleanup.append(parser.close)
    metrics = app[METRICS] = Metrics(services.update_metrics)
    cors = app[CORS] = Cors(services.origins, services.stores.channels)
    forms = {f"/{route.path.split('/')[1]}/": route.refused for route in ALL if route.refused is not None}
    problems.install(app, cors, forms)
    app.middlewares.append(server_options)
    app.middlewares.insert(0, metrics.requests.middleware)
    fast_router = app[FAST_ROUTER] = FastRouter(metrics.requests, cors, forms)
    fast_path = app[FAST_PATH] = FastPathRoutes(services, metrics.requests, policy.checks, cors)
    literals = literal_segments(ALL)
    for route in ALL:
        serve = endpoint(route, app)
        path = without_siblings(route.path, literals)
        added = app.router.add_route(route.method, path, _by_router(serve))
        if route.method == "GET" and not route.stream:  # RFC 9110 section 9.1: HEAD where there is GET
            head = app.router.add_route("HEAD", path, _by_router(serve))
            metrics.requests.know(head, route.path, "HEAD", stream=False)
        table = metrics.requests.know(added, route.path, route.method, stream=route.stream)
        if route.media == "application/json" and not (route.stream or route.upload):
            fast_router.add(route.method, route.path, serve, table)
        fast_path.add(route, table)
    add_options(app, ALL, metrics.requests)
    attach(app, services, metrics.requests)
    return app


def _transfers(settings: Settings) -> tuple[Transfers, Transfers]:
    """The bounds of uploads and of downloads."""
    uploads = Transfers(
        "uploads",
        process=settings.max_uploads,
        account=settings.max_uploads_account,
        user=settings.max_uploads_user,
    )
    downloads = Transfers(
        "downloads",
        process=settings.max_downloads,
        account=settings.max_downloads_account,
        user=settings.max_downloads_user,
    )
    return uploads, downloads


def _by_router(serve: Endpoint) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await serve(request, request.match_info)

    return handle
