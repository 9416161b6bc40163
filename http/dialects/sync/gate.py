"""Who calls: an API client, by its secret as `Authorization: Bearer <key>`, or the holder of a native token."""

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
        if token is None or token.count(".") != 2:
            return None  # a key is looked up
        return services.verifier.cached(token, headers.get(ACCOUNT_ID))

    async def proved(self, request: web.Request, services: Services) -> Principal:
        token = bearer(request.headers)
        if token is None:
            raise Unauthenticated("an API key is required")
        if token.count(".") == 2:
            return await of_token(services, token, request.headers.get(ACCOUNT_ID))
        hashed = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        found = await services.stores.clients.by_secret(hashed)
        if found is None:
            raise Unauthenticated("the API key is wrong")
        client_id, account_id = found
        principal = Principal(
            account_id=account_id, role=Role.SERVICE, user_id=client_id, expires_at=time.time() + KEY_LIFE
        )
        services.verifier.check_revoked(principal)
        return principal


GATE: Final = KeyGate()
