"""The CRM conversation service's REST API, under `/crm`. Its events: `http/socketio/crm.py`."""

from __future__ import annotations

from ...framework.endpoint import Route
from . import conversations, health, messages

ROUTES: list[Route] = [*health.ROUTES, *messages.ROUTES, *conversations.ROUTES]
