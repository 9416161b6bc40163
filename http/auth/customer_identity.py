"""Proof of who a web chat customer is, made by the account's own server with the channel's `identity_secret`.

Either a hash, which never expires: the hex HMAC-SHA256 of the identifier. Or a token, which expires: a JWT (RFC 7519) signed with
HS256, whose `sub` is the identifier.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, Final, NamedTuple

import jwt
from jwt.exceptions import PyJWTError

from ...core.accounts.user_ids import shown_name
from ...core.errors import Forbidden

MIN_SECRET_BYTES: Final = 32
"""Of a secret that signs tokens (RFC 7518, section 3.2)."""
MAX_TOKEN_CHARS: Final = 4_096
MAX_IDENTIFIER: Final = 255
_OPTIONS: Final[Any] = {
    "require": ["exp", "sub"],
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
}  # times are compared with the caller's clock


class Proved(NamedTuple):
    """The customer's id, and the name, if the proof has one."""

    identifier: str
    name: str | None = None


def is_hash(secret: str | None, identifier: str, given: str) -> bool:
    """Whether `given` is the identifier's hash."""
    if not secret:
        return False
    expected = hmac.new(secret.encode(), identifier.encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), given.lower().encode())


def of_token(secret: str | None, token: str, channel_id: str, now: float, leeway: float) -> Proved:
    """The customer whom a token names. `now` in epoch seconds, `leeway` in seconds. Raises Forbidden."""
    if secret is None or len(secret.encode()) < MIN_SECRET_BYTES:
        raise Forbidden(f"identity tokens need an identity_secret of {MIN_SECRET_BYTES} bytes or more")
    if len(token) > MAX_TOKEN_CHARS:
        raise Forbidden("the identity token is too long")
    try:
        claims = jwt.decode(token, secret, algorithms=["HS256"], options=_OPTIONS)
    except (PyJWTError, ValueError, TypeError, RecursionError):
        raise Forbidden("the identity token is not valid") from None
    if _seconds(claims, "exp") + leeway <= now:
        raise Forbidden("the identity token has expired")
    if any(name in claims and _seconds(claims, name) - leeway > now for name in ("nbf", "iat")):
        raise Forbidden("the identity token is not valid yet")
    audience = claims.get("aud", channel_id)
    if channel_id not in (audience if isinstance(audience, list) else [audience]):
        raise Forbidden("the identity token is meant for another channel")
    identifier = claims["sub"]
    if not isinstance(identifier, str) or not 0 < len(identifier) <= MAX_IDENTIFIER:
        raise Forbidden(f"the identity token's sub must have 1 to {MAX_IDENTIFIER} characters")
    name = claims.get("name")
    return Proved(identifier, shown_name(name) if isinstance(name, str) else None)


def _seconds(claims: dict[str, Any], name: str) -> float:
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e12:
        raise Forbidden(f"the identity token's {name} must be a time in seconds")
    return float(value)
