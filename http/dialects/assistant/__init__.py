"""The assistant runtime's API, under `/assistant`: conversations whose user messages an agent flow answers in a stream."""

from __future__ import annotations

from ...framework.endpoint import Route
from . import conversations, stream

ROUTES: list[Route] = [*conversations.ROUTES, *stream.ROUTES]
