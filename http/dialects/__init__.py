"""Dialects: APIs of older services, spoken over the same commands as the native one. `ALL` lists their routes."""

from __future__ import annotations

from ..framework.endpoint import Route
from . import assistant, crm, desk, sync

ALL: list[Route] = [*crm.ROUTES, *sync.ROUTES, *desk.ROUTES, *assistant.ROUTES]
