"""The reply desk's API, under `/desk`: e-mail conversations with suggested replies, and its events at `/desk/ws`."""

from __future__ import annotations

from ...framework.endpoint import Route
from . import conversations, events, replies

ROUTES: list[Route] = [*conversations.ROUTES, *replies.ROUTES, *events.ROUTES]
