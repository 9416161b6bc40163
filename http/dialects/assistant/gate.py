"""Authenticates callers: by a native token, or by a user's or machine's token of the runtime's own issuers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import jwt
from aiohttp import web
from jwt.exceptions import PyJWTError

from ....core.accounts.principal import Principal, Role
from ....core.accounts.user_ids import is_user_id
from ....core.errors import Forbidden, Unauthenticated
from ....settings import Settings, TokenIssuer
from ...actions.assistant import assistant_channel_id
from ...auth.tokens import ACCOUNT_ID, MAX_TOKEN_CHARS, bearer
from ...framework.endpoint import of_token
from ...framework.services import Services

_REQUIRED: Final = ["exp", "iss", "aud", "sub"]


class AssistantGate:
    """`framework.endpoint.Gate` of the assistant runtime. `in_query`: the token may be the parameter `token`."""

    header: str | None = None
    schemes: tuple[str, ...] = ("bearer",)

    def __init__(self, *, in_query: bool = False) -> None:
        self._in_query = in_query

    def at_once(self, services: Services, headers: Mapping[str, str]) -> Principal | None:
        token = bearer(headers)
        return None if token is None else services.verifier.cached(token, headers.get(ACCOUNT_ID))

    async def proved(self, request: web.Request, services: Services) -> Principal:
        token = bearer(request.headers)
        if token is None and self._in_query:
            token = request.query.get("token")
        if token is None:
            raise Unauthenticated("a bearer token is required")
        account = request.headers.get(ACCOUNT_ID)
        found = _own(token, services.settings)
        if found is None:
            return await of_token(services, token, account)
        if account is not None and account.lower() != found.account_id:
            raise Forbidden("the token is for another account")
        return found


def _own(token: str, s: Settings) -> Principal | None:
    """The principal of a token of the runtime's own issuers; None if it is of neither."""
    account = s.assistant_account
    if account is None or len(token) > MAX_TOKEN_CHARS:
        return None
    for holder, issuer in s.assistant_issuers().items():
        claims = _claims(token, issuer, s.jwt_leeway)
        if claims is None:
            continue
        user, until = claims["sub"], float(claims["exp"])
        if holder == "M2M":
            return Principal(account_id=account, role=Role.SERVICE, user_id=user, expires_at=until)
        return Principal(
            account_id=account, role=Role.CUSTOMER, user_id=user, expires_at=until,
            channel_id=assistant_channel_id(account), contact_identifier=user,
        )  # fmt: skip
    return None


def _claims(token: str, by: TokenIssuer, leeway: float) -> dict[str, Any] | None:
    try:
        claims = jwt.decode(
            token, by.key, algorithms=[by.algorithm], issuer=by.issuer, audience=by.audience, leeway=leeway,
            options={"require": _REQUIRED},
        )  # fmt: skip
    except (PyJWTError, ValueError, TypeError, OverflowError, RecursionError):
        return None
    return claims if isinstance(claims["sub"], str) and is_user_id(claims["sub"]) else None


GATE: Final = AssistantGate()
SOCKET_GATE: Final = AssistantGate(in_query=True)
