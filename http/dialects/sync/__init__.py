"""The conversation sync API for LLM agents, under `/sync`."""

from __future__ import annotations

from ...framework.endpoint import Route
from . import conversations, health, lookups, messages

ROUTES: list[Route] = [*health.ROUTES, *messages.ROUTES, *lookups.ROUTES, *conversations.ROUTES]
