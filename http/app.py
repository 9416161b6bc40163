"""The aiohttp application: the route table, the error middleware, the services. Opens nothing by itself."""

from __future__ import annotations

from aiohttp import web

from . import problems
from .api import endpoint
from .routes import ALL
from .services import SERVICES, Services


def make_app(services: Services) -> web.Application:
    """The application, ready for a runner."""
    app = web.Application(client_max_size=services.settings.max_body)
    app[SERVICES] = services
    problems.install(app)
    for route in ALL:
        app.router.add_route(route.method, route.path, endpoint(route))
    return app
