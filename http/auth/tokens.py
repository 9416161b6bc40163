"""JSON Web Tokens: verification, the principal they stand for, and the server's own tokens.

Owns the rules of a token: one algorithm family for each issuer, required claims, times against a clock that
is passed in. The cryptography is PyJWT's, but for a customer's first request (`own_tokens.py`). It must never do I/O except through the key set, never log a
token, and never take an algorithm from a token's header without the issuer's permission.

With a key set configured, tokens of `jwt_issuer` must be RS256/ES256; those the server signs itself (service
and web chat tokens) carry the issuer `tertulia:self` and stay HS256. Without one, every token is HS256 from
`jwt_issuer`.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, NamedTuple

import jwt
import msgspec
from aiohttp import hdrs, web
from jwt.exceptions import PyJWTError
from multidict import istr

from ...core.accounts.principal import CUSTOMER, SERVICE, Principal, Role
from ...core.errors import Forbidden, Malformed, Unauthenticated
from ...settings import Settings
from .claims import Verified, uuid_of, verified_claims
from .jwks import KeySet
from .own_tokens import decoded, own_claims

SELF_ISSUER: Final = "tertulia:self"
COOKIE: Final = "tertulia_token"
ACCOUNT_ID: Final = istr("X-Account-Id")
"""The header that chooses one of a token's accounts."""
MIN_SECRET_BYTES: Final = 32
MAX_TOKEN_CHARS: Final = 8_192
CACHED_TOKENS: Final = 16_384
REVOKED_FOR: Final = 7_200.0
"""Seconds for which a deleted API client is remembered: longer than the lifetime of its last token."""

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
        self._secret = signer.secret.encode()
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
        if principal.role is SERVICE and principal.user_id in self._revoked:
            raise Unauthenticated("the api client was deleted")

    def _is_revoked(self, verified: Verified) -> bool:
        return any(p.role is SERVICE and p.user_id in self._revoked for p in verified.by_account.values())

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

    def at_once(self, token: str, account: str | None = None) -> Principal | None:
        """As `cached`, and also the principal of a customer's token that this server has signed. None if `verify` must be called,
        which says what is wrong with a token.

        Raises what `verify` does.
        """
        known = self.cached(token, account)
        if known is not None or len(token) > MAX_TOKEN_CHARS:
            return known
        claims = own_claims(token, self._secret, self._signer.issuer)
        if claims is None:
            return None
        verified = verified_claims(claims, self._signer.audience, self._signer.clock(), self._leeway)
        if verified.only is None or verified.only.role is not CUSTOMER:
            return None  # staff must be recorded, and a service's client may be deleted
        self._keep(token, verified)
        return _choose(verified, account)

    async def verify(self, token: str, account: str | None = None) -> Principal:
        """The principal of a token. Waits for the key set, at most.

        Raises Unauthenticated, Malformed (several accounts and no `account`), Forbidden (an account not in the
        token), StorageUnavailable (the provider's keys are unavailable).
        """
        known = self.cached(token, account)
        if known is not None:
            return known
        verified = verified_claims(
            await self._claims(token), self._signer.audience, self._signer.clock(), self._leeway
        )
        if self._revoked and self._is_revoked(verified):
            raise Unauthenticated("the api client was deleted")
        self._keep(token, verified)
        return _choose(verified, account)

    def _keep(self, token: str, verified: Verified) -> None:
        self._cache[token] = verified
        if len(self._cache) > self._cached_tokens:
            self._cache.popitem(last=False)

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
    issuer = _payload(decoded(payload)).iss
    if not isinstance(issuer, str):
        raise Unauthenticated("the token has no issuer")
    return _header(decoded(header)), issuer


def _choose(verified: Verified, account: str | None) -> Principal:
    if account is None:
        if verified.only is not None:
            return verified.only
        if verified.by_account:
            raise Malformed(
                "the token is valid for several accounts: choose one with the header X-Account-Id"
            )
        raise Forbidden("the token names no account")
    chosen = verified.by_account.get(account)
    if chosen is None:
        wanted = uuid_of(account)
        if wanted is None:
            raise Malformed("X-Account-Id must be an account id")
        chosen = verified.by_account.get(wanted)
    if chosen is None:
        raise Forbidden("the token is not valid for this account")
    return chosen
