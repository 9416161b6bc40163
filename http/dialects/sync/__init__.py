"""The conversation sync API for LLM agents, under `/sync`."""

from __future__ import annotations

from ...framework.endpoint import Route
from . import conversations, lookups, messages

ROUTES: list[Route] = [*messages.ROUTES, *lookups.ROUTES, *conversations.ROUTES]
