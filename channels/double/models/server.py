"""The double of model providers: OpenAI, Anthropic and Langflow at their own paths, in one application."""

from __future__ import annotations

from aiohttp import web

from . import anthropic, langflow, openai
from .state import STATE, State


def make_app(state: State | None = None) -> web.Application:
    """The application; `state` says what it answers."""
    app = web.Application(client_max_size=8 * 1024 * 1024)
    app[STATE] = state or State()
    for routes in (openai.ROUTES, anthropic.ROUTES, langflow.ROUTES):
        app.router.add_routes(routes)
    return app
