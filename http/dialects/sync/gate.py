"""Authentication: an API client's secret as `Authorization: Bearer <key>`, or a native token."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from typing import Final

from aiohttp import web

from ....core.accounts.principal import Principal, Role
from ....core.errors import Unauthenticated
from ...auth.tokens import ACCOUNT_ID, bearer
from ...framework.endpoint import of_token
from ...framework.services import Services

KEY_LIFE: Final = 60.0
"""Seconds for which one look-up of a key counts. A deleted client's key is refused sooner: its id is revoked."""


class KeyGate:
    """`framework.endpoint.Gate` of the sync API."""

    header: str | None = None
    schemes: tuple[str, ...] = ("bearer", "key")

    def at_once(self, services: Services, headers: Mapping[str, str]) -> Principal | None:
        token = bearer(headers)
        if token is None:
            return None
        if token.count(".") == 2:
            return services.verifier.cached(token, headers.get(ACCOUNT_ID))
        found = services.stores.clients.at_hand(_hashed(token))
        return None if found is None else _service(services, *found)

    async def proved(self, request: web.Request, services: Services) -> Principal:
        token = bearer(request.headers)
        if token is None:
            raise Unauthenticated("an API key is required")
        if token.count(".") == 2:
            return await of_token(services, token, request.headers.get(ACCOUNT_ID))
        found = await services.stores.clients.by_secret(_hashed(token))
        if found is None:
            raise Unauthenticated("the API key is wrong")
        return _service(services, *found)


def _hashed(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def _service(services: Services, client_id: str, account_id: str) -> Principal:
    """A key's holder. Raises Unauthenticated if the client was deleted."""
    life = time.time() + KEY_LIFE
    principal = Principal(account_id=account_id, role=Role.SERVICE, user_id=client_id, expires_at=life)
    services.verifier.check_revoked(principal)
    return principal


GATE: Final = KeyGate()
