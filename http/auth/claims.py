"""The claims of a token: times, audience, and the principals that it stands for."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple, TypeGuard

import msgspec

from ...core.accounts.principal import Principal, Role
from ...core.accounts.user_ids import USER_ID_RULE, is_user_id, shown_name
from ...core.errors import Unauthenticated

MAX_NAME_CHARS: Final = 255
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ROLES: Final = {role.value: role for role in Role}


class Verified(NamedTuple):
    """A verified token: its principals by account id, and when it expires (epoch seconds)."""

    until: float
    only: Principal | None
    by_account: dict[str, Principal]


def verified_claims(claims: dict[str, Any], audience: str, now: float, leeway: float) -> Verified:
    """The principal that a token's claims name; the signature is checked elsewhere. Raises Unauthenticated."""
    expires_at = _check_times(claims, now, leeway)
    _check_audience(claims, audience)
    if not isinstance(claims["sub"], str) or not is_user_id(claims["sub"]):
        raise Unauthenticated(f"claim sub must be {USER_ID_RULE}")
    principals = {a: _principal(claims, a, role, expires_at) for a, role in _accounts(claims).items()}
    only = next(iter(principals.values())) if len(principals) == 1 else None
    return Verified(expires_at + leeway, only, principals)


def _check_times(claims: dict[str, Any], now: float, leeway: float) -> float:
    expires_at, issued_at = _seconds(claims, "exp"), _seconds(claims, "iat")
    if expires_at + leeway <= now:
        raise Unauthenticated("the token has expired")
    if issued_at - leeway > now or ("nbf" in claims and _seconds(claims, "nbf") - leeway > now):
        raise Unauthenticated("the token is not valid yet")
    return expires_at


def _seconds(claims: dict[str, Any], name: str) -> float:
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e12:
        raise Unauthenticated(f"claim {name} must be a time in seconds")
    return float(value)


def _check_audience(claims: dict[str, Any], audience: str) -> None:
    use, claimed = claims.get("token_use"), claims.get("aud")
    if use not in (None, "access"):
        raise Unauthenticated("only access tokens are accepted")
    if isinstance(claimed, list):
        meant = audience in claimed
    elif claimed is not None:
        meant = claimed == audience
    else:  # Cognito's access tokens have no aud
        meant = use == "access" and claims.get("client_id") == audience
    if not meant:
        raise Unauthenticated("the token is meant for another audience")


def _accounts(claims: dict[str, Any]) -> dict[str, Role]:
    raw = claims.get("accounts")
    if isinstance(raw, str):  # Cognito's claims are strings
        try:
            raw = msgspec.json.decode(raw)
        except (msgspec.DecodeError, ValueError, RecursionError):
            raw = None
    if not isinstance(raw, dict):
        raise Unauthenticated("claim accounts must map account ids to roles")
    accounts: dict[str, Role] = {}
    for name, role in raw.items():
        account = uuid_of(name)
        if account is None or account in accounts or not isinstance(role, str) or role not in _ROLES:
            raise Unauthenticated("claim accounts must map account ids to roles")
        accounts[account] = _ROLES[role]
    return accounts


def _is_name(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= MAX_NAME_CHARS and value.isprintable()


def uuid_of(text: str) -> str | None:
    return text.lower() if _UUID.fullmatch(text) else None


def _principal(claims: dict[str, Any], account: str, role: Role, expires_at: float) -> Principal:
    channel: str | None = None
    contact: str | None = None
    if role is Role.CUSTOMER:
        channel = uuid_of(str(claims.get("channel_id")))
        contact = claims.get("contact_identifier")
        if channel is None or not _is_name(contact):
            raise Unauthenticated("a customer's token must name a channel and a contact identifier")
    return Principal(
        account_id=account,
        role=role,
        user_id=claims["sub"],
        expires_at=expires_at,
        token_id=claims.get("jti"),
        channel_id=channel,
        contact_identifier=contact,
        contact_name=shown_name(name) if isinstance(name := claims.get("contact_name"), str) else None,
        name=name if _is_name(name := claims.get("name")) else None,
    )
