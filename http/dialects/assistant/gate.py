"""Who calls: the holder of a native token, or of a user's or machine's token of the runtime's own issuers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import jwt
from aiohttp import web
from jwt.exceptions import PyJWTError

from ....core.accounts.principal import Principal, Role
from ....core.accounts.user_ids import is_user_id
from ....core.errors import Forbidden, Unauthenticated
from ....settings import Settings
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
    if s.assistant_account is None or len(token) > MAX_TOKEN_CHARS:
        return None
    if s.m2m_jwt_secret_key and s.m2m_jwt_issuer:
        claims = _claims(
            token, s.m2m_jwt_secret_key, s.m2m_jwt_algorithm, s.m2m_jwt_issuer, s.m2m_jwt_audience, s
        )
        if claims is not None:
            return Principal(
                account_id=s.assistant_account, role=Role.SERVICE, user_id=claims["sub"], expires_at=float(claims["exp"])
            )  # fmt: skip
    if s.user_jwt_secret_key and s.user_jwt_issuer:
        claims = _claims(
            token, s.user_jwt_secret_key, s.user_jwt_algorithm, s.user_jwt_issuer, s.user_jwt_audience, s
        )
        if claims is not None:
            return Principal(
                account_id=s.assistant_account, role=Role.CUSTOMER, user_id=claims["sub"], expires_at=float(claims["exp"]),
                channel_id=assistant_channel_id(s.assistant_account), contact_identifier=claims["sub"],
            )  # fmt: skip
    return None


def _claims(
    token: str, key: str, algorithm: str, issuer: str, audience: str, s: Settings
) -> dict[str, Any] | None:
    try:
        claims = jwt.decode(
            token, key, algorithms=[algorithm], issuer=issuer, audience=audience, leeway=s.jwt_leeway,
            options={"require": _REQUIRED},
        )  # fmt: skip
    except (PyJWTError, ValueError, TypeError, OverflowError, RecursionError):
        return None
    return claims if isinstance(claims["sub"], str) and is_user_id(claims["sub"]) else None


GATE: Final = AssistantGate()
SOCKET_GATE: Final = AssistantGate(in_query=True)
