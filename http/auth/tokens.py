"""JSON Web Tokens: verification, the principal they stand for, and the server's own tokens.

Owns the rules of a token: one algorithm family for each issuer, required claims, times against a clock that
is passed in. The cryptography is PyJWT's. It must never do I/O except through the key set, never log a
token, and never take an algorithm from a token's header without the issuer's permission.

With a key set configured, tokens of `jwt_issuer` must be RS256/ES256; those the server signs itself (service
and web chat tokens) carry the issuer `tertulia:self` and stay HS256. Without one, every token is HS256 from
`jwt_issuer`.
"""

from __future__ import annotations

import math
import re
import time
from base64 import urlsafe_b64decode
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, NamedTuple, TypeGuard

import jwt
import msgspec
from aiohttp import hdrs, web
from jwt.exceptions import PyJWTError
from multidict import istr

from ...core.accounts.principal import Principal, Role
from ...core.accounts.user_ids import USER_ID_RULE, is_user_id, shown_name
from ...core.errors import Forbidden, Malformed, Unauthenticated
from ...settings import Settings
from .jwks import KeySet

SELF_ISSUER: Final = "tertulia:self"
COOKIE: Final = "tertulia_token"
ACCOUNT_ID: Final = istr("X-Account-Id")
"""The header that chooses one of a token's accounts."""
MIN_SECRET_BYTES: Final = 32
MAX_TOKEN_CHARS: Final = 8_192
MAX_NAME_CHARS: Final = 255
CACHED_TOKENS: Final = 16_384
REVOKED_FOR: Final = 7_200.0
"""Seconds for which a deleted API client is remembered: longer than the lifetime of its last token."""

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ROLES: Final = {role.value: role for role in Role}
# times and audience are checked here (injected clock, Cognito's client_id); PyJWT checks the rest
_OPTIONS: Final[Any] = {
    "require": ["exp", "iat", "iss", "sub"],
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
}

Clock = Callable[[], float]
"""Epoch seconds."""


class Credential(NamedTuple):
    """A request's credential: `kind` is bearer, cookie or ticket."""

    kind: str
    value: str


class Verified(NamedTuple):
    """A verified token: its principals by account id, and when it expires (epoch seconds)."""

    until: float
    only: Principal | None
    by_account: dict[str, Principal]


class TokenSigner:
    """Issues HS256 tokens in the server's own name. Raises ValueError on a secret shorter than 32 bytes."""

    def __init__(self, secret: str, *, issuer: str, audience: str, clock: Clock = time.time) -> None:
        if len(secret.encode()) < MIN_SECRET_BYTES:
            raise ValueError(f"the token secret must have {MIN_SECRET_BYTES} bytes or more")
        self.secret = secret
        self.issuer = issuer
        self.audience = audience
        self.clock = clock

    @classmethod
    def from_settings(cls, settings: Settings, secret: str, *, clock: Clock = time.time) -> TokenSigner:
        """`secret` is a separate argument because it may have been generated."""
        issuer = SELF_ISSUER if settings.jwks_url else settings.jwt_issuer
        return cls(secret, issuer=issuer, audience=settings.jwt_audience, clock=clock)

    def issue(
        self,
        user_id: str,
        accounts: Mapping[str, Role],
        *,
        lifetime: float,
        token_id: str | None = None,
        channel_id: str | None = None,
        contact_identifier: str | None = None,
        contact_name: str | None = None,
        name: str | None = None,
    ) -> str:
        """A token valid for `lifetime` seconds; a customer's is bound to a channel and contact identifier."""
        now = self.clock()
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": user_id,
            "iat": int(now),
            "exp": math.ceil(now + lifetime),
            "accounts": {account: role.value for account, role in accounts.items()},
        }
        optional = {
            "jti": token_id,
            "channel_id": channel_id,
            "contact_identifier": contact_identifier,
            "contact_name": contact_name,
            "name": name,
        }
        claims |= {claim: value for claim, value in optional.items() if value is not None}
        return jwt.encode(claims, self.secret, algorithm="HS256")


class TokenVerifier:
    """Verifies tokens. Caches verified ones until they expire; the least recently used is dropped first."""

    def __init__(
        self,
        signer: TokenSigner,
        *,
        leeway: float = 30.0,
        key_set: KeySet | None = None,
        key_set_issuer: str | None = None,
        cached_tokens: int = CACHED_TOKENS,
    ) -> None:
        if (key_set is None) != (key_set_issuer is None) or key_set_issuer == signer.issuer:
            raise ValueError("a key set needs an issuer of its own")
        self._signer = signer
        self._leeway = leeway
        self._key_set = key_set
        self._key_set_issuer = key_set_issuer
        self._cache: OrderedDict[str, Verified] = OrderedDict()
        self._cached_tokens = cached_tokens
        self._revoked: OrderedDict[str, float] = OrderedDict()

    @classmethod
    def from_settings(cls, settings: Settings, signer: TokenSigner, key_set: KeySet | None) -> TokenVerifier:
        """`key_set` must be given exactly if `settings.jwks_url` is set."""
        if (key_set is None) != (settings.jwks_url is None):
            raise ValueError("the key set and TERTULIA_JWKS_URL go together")
        issuer = settings.jwt_issuer if key_set is not None else None
        return cls(signer, leeway=settings.jwt_leeway, key_set=key_set, key_set_issuer=issuer)

    def revoke(self, client_ids: Collection[str]) -> None:
        """Refuse the service tokens of these API clients, including cached ones."""
        now = self._signer.clock()
        news = [client_id for client_id in client_ids if client_id not in self._revoked]
        if not news:
            return
        self._revoked.update(dict.fromkeys(news, now))
        while self._revoked and next(iter(self._revoked.values())) < now - REVOKED_FOR:
            self._revoked.popitem(last=False)
        for token in [token for token, verified in self._cache.items() if self._is_revoked(verified)]:
            del self._cache[token]

    def check_revoked(self, principal: Principal) -> None:
        """Raises Unauthenticated for a deleted API client."""
        if principal.role is Role.SERVICE and principal.user_id in self._revoked:
            raise Unauthenticated("the api client was deleted")

    def _is_revoked(self, verified: Verified) -> bool:
        return any(
            p.role is Role.SERVICE and p.user_id in self._revoked for p in verified.by_account.values()
        )

    def cached(self, token: str, account: str | None = None) -> Principal | None:
        """The principal of a cached token; None if `verify` must be called. Never waits.

        `account` is the raw `X-Account-Id`. Raises Malformed or Forbidden for the choice of account.
        """
        verified = self._cache.get(token)
        if verified is None:
            return None
        if verified.until <= self._signer.clock():
            del self._cache[token]
            return None
        self._cache.move_to_end(token)
        return verified.only if account is None and verified.only is not None else _choose(verified, account)

    async def verify(self, token: str, account: str | None = None) -> Principal:
        """The principal of a token. Waits for the key set, at most.

        Raises Unauthenticated, Malformed (several accounts and no `account`), Forbidden (an account not in the
        token), StorageUnavailable (the provider's keys are unavailable).
        """
        known = self.cached(token, account)
        if known is not None:
            return known
        verified = _verified(
            await self._claims(token), self._signer.audience, self._signer.clock(), self._leeway
        )
        if self._revoked and self._is_revoked(verified):
            raise Unauthenticated("the api client was deleted")
        self._cache[token] = verified
        if len(self._cache) > self._cached_tokens:
            self._cache.popitem(last=False)
        return _choose(verified, account)

    async def _claims(self, token: str) -> dict[str, Any]:
        if len(token) > MAX_TOKEN_CHARS:
            raise Unauthenticated("the token is too long")
        try:
            header, issuer = _peek(token)
            key, algorithm = await self._key(header, issuer)
            return jwt.decode(token, key, algorithms=[algorithm], issuer=issuer, options=_OPTIONS)
        except (PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise Unauthenticated("the token is not valid") from error

    async def _key(self, header: _Header, issuer: str) -> tuple[Any, str]:
        algorithm, kid = header.alg, header.kid
        if issuer == self._signer.issuer:
            if algorithm == "HS256":
                return self._signer.secret, "HS256"
        elif self._key_set is not None and issuer == self._key_set_issuer:
            if algorithm in ("RS256", "ES256"):
                return await self._key_set.key(kid if isinstance(kid, str) else None, algorithm), algorithm
        else:
            raise Unauthenticated("the token's issuer is not known here")
        raise Unauthenticated("the token's algorithm is not accepted from its issuer")


def credential(request: web.BaseRequest, *, stream: bool = False) -> Credential | None:
    """A request's credential: the Authorization header; on streams also a ticket, then the cookie.

    What a caller sets deliberately takes precedence over what a browser adds by itself.
    """
    token = bearer(request.headers)
    if token is not None:
        return Credential("bearer", token)
    if not stream:
        return None
    ticket = request.query.get("ticket")
    if ticket is not None:
        return Credential("ticket", ticket)
    cookie = request.cookies.get(COOKIE)
    return Credential("cookie", cookie) if cookie else None


def bearer(headers: Mapping[str, str]) -> str | None:
    """The token of the Authorization header. Raises Unauthenticated if it holds something else."""
    header = headers.get(hdrs.AUTHORIZATION)
    if header is None:
        return None
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "bearer" or not value.strip():
        raise Unauthenticated("the Authorization header must be: Bearer <token>")
    return value.strip()


class _Header(msgspec.Struct):
    alg: Any = None
    kid: Any = None


class _Payload(msgspec.Struct):
    iss: Any = None


_header = msgspec.json.Decoder(_Header).decode
_payload = msgspec.json.Decoder(_Payload).decode


def _peek(token: str) -> tuple[_Header, str]:
    """Header and issuer, unverified; used only to select the key and algorithm that must verify them.

    Not by PyJWT, which takes as long to read a token as to verify it. Raises ValueError.
    """
    header, payload, _ = token.encode().split(b".")
    issuer = _payload(_decoded(payload)).iss
    if not isinstance(issuer, str):
        raise Unauthenticated("the token has no issuer")
    return _header(_decoded(header)), issuer


def _decoded(part: bytes) -> bytes:
    return urlsafe_b64decode(part + b"=" * (-len(part) % 4))


def _verified(claims: dict[str, Any], audience: str, now: float, leeway: float) -> Verified:
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
        account = _uuid(name)
        if account is None or account in accounts or not isinstance(role, str) or role not in _ROLES:
            raise Unauthenticated("claim accounts must map account ids to roles")
        accounts[account] = _ROLES[role]
    return accounts


def _is_name(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= MAX_NAME_CHARS and value.isprintable()


def _uuid(text: str) -> str | None:
    return text.lower() if _UUID.fullmatch(text) else None


def _principal(claims: dict[str, Any], account: str, role: Role, expires_at: float) -> Principal:
    channel: str | None = None
    contact: str | None = None
    if role is Role.CUSTOMER:
        channel = _uuid(str(claims.get("channel_id")))
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


def _choose(verified: Verified, account: str | None) -> Principal:
    if account is None:
        if verified.only is not None:
            return verified.only
        if verified.by_account:
            raise Malformed("the token holds several accounts: choose one with the header X-Account-Id")
        raise Forbidden("the token holds no account")
    chosen = verified.by_account.get(account)
    if chosen is None:
        wanted = _uuid(account)
        if wanted is None:
            raise Malformed("X-Account-Id must be an account id")
        chosen = verified.by_account.get(wanted)
    if chosen is None:
        raise Forbidden("the token does not hold this account")
    return chosen
