"""The routes of the native API, a module a resource; `ALL` is every one of them."""

from __future__ import annotations

from ..api import Route
from . import conversations, inbox, messages, meta, streams, webchat

ALL: list[Route] = [
    *inbox.ROUTES,
    *conversations.ROUTES,
    *messages.ROUTES,
    *webchat.ROUTES,
    *streams.ROUTES,
    *meta.ROUTES,
]
