"""The key set of an external identity provider: when it is fetched, and how long it is cached.

One fetch at a time serves all waiters. Unknown kids cause at most one fetch per `cooldown`, however many arrive. A set older than
`ttl` is fetched again before use; if the endpoint is down, it stays in use for `stale_for`. The module never decides
whether a token is valid, and never holds a symmetric key.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import aiohttp
import msgspec
import structlog
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from ...core.errors import StorageUnavailable, Unauthenticated

log = structlog.get_logger(__name__)

MAX_SET_BYTES: Final = 1_048_576
MIN_RSA_BITS: Final = 2048
# key type → the one algorithm accepted for it; `oct` is absent on purpose
ALGORITHM_OF: Final = {"RSA": "RS256", "EC": "ES256"}

Fetch = Callable[[], Awaitable[bytes]]


def http_fetch(session: aiohttp.ClientSession, url: str) -> Fetch:
    """A fetch of `url` that follows no redirect and reads at most `MAX_SET_BYTES`."""

    async def fetch() -> bytes:
        async with session.get(url, allow_redirects=False) as response:
            if response.status != 200:
                raise ValueError(f"the key set answered {response.status}")
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > MAX_SET_BYTES:
                    raise ValueError("the key set is too large")
            return bytes(body)

    return fetch


class KeySet:
    """Signature keys by kid. All times are seconds; `clock` is monotonic.

    `key` raises Unauthenticated for a kid that the provider does not have, and StorageUnavailable (503) while no usable set
    has been fetched.
    """

    def __init__(
        self,
        fetch: Fetch,
        *,
        ttl: float = 600.0,
        stale_for: float = 86_400.0,
        cooldown: float = 30.0,
        retry_after: float = 1.0,
        deadline: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._ttl = ttl
        self._stale_for = stale_for
        self._cooldown = cooldown
        self._retry_after = retry_after
        self._deadline = deadline
        self._clock = clock
        self._keys: dict[str | None, PyJWK] = {}
        self._fetched_at = float("-inf")
        self._tried_at = float("-inf")
        self._looked_again_at = float("-inf")
        self._landings = 0
        self._flight: asyncio.Task[None] | None = None

    async def key(self, kid: str | None, algorithm: str) -> PyJWK:
        """The key named by a token's header. A header without kid is accepted if only one key is possible."""
        landings = self._landings
        if self._clock() - self._fetched_at >= self._ttl and self._may_refetch():
            await self._refresh()
        found = self._find(kid, algorithm)
        if found is None and self._usable() and landings == self._landings and self._may_look_again():
            await self._refresh()
            found = self._find(kid, algorithm)
        if not self._usable():
            raise StorageUnavailable(
                "the identity provider's keys cannot be fetched", retry_after=self._retry_after
            )
        if found is None:
            raise Unauthenticated("the token is signed with an unknown key")
        return found

    async def close(self) -> None:
        """Cancel a fetch in progress."""
        if self._flight is not None:
            self._flight.cancel()
            await asyncio.gather(self._flight, return_exceptions=True)

    def _usable(self) -> bool:
        return bool(self._keys) and self._clock() - self._fetched_at < self._ttl + self._stale_for

    def _may_refetch(self) -> bool:
        """Whether to refetch an expired set now: not right after a failure."""
        pause = self._cooldown if self._keys else self._retry_after
        return self._flight is not None or self._clock() - self._tried_at >= pause

    def _may_look_again(self) -> bool:
        """Whether an unknown kid may cause or join a fetch, since keys may have rotated."""
        if self._flight is None:
            if self._clock() - self._looked_again_at < self._cooldown:
                return False
            self._looked_again_at = self._clock()
        return True

    def _find(self, kid: str | None, algorithm: str) -> PyJWK | None:
        if kid is not None:
            key = self._keys.get(kid)
            return key if key is not None and key.algorithm_name == algorithm else None
        fitting = [k for k in self._keys.values() if k.algorithm_name == algorithm]
        return fitting[0] if len(fitting) == 1 else None

    async def _refresh(self) -> None:
        if self._flight is None:
            self._tried_at = self._clock()
            self._flight = asyncio.create_task(self._load())
            self._flight.add_done_callback(self._landed)
        # shielded: a client that disconnects must not cancel the fetch for the others
        await asyncio.shield(self._flight)

    def _landed(self, _task: asyncio.Task[None]) -> None:
        self._flight = None
        self._landings += 1

    async def _load(self) -> None:
        try:
            async with asyncio.timeout(self._deadline):
                keys = parse(await self._fetch())
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            log.warning(
                "jwks_unreachable", reason=str(error) or type(error).__name__, keys_held=len(self._keys)
            )
            return
        self._keys, self._fetched_at = keys, self._clock()


class _Set(msgspec.Struct):
    keys: list[dict[str, Any]]


def parse(body: bytes) -> dict[str | None, PyJWK]:
    """The usable signature keys of a JWK set (RFC 7517). Raises ValueError when there are none.

    Keys of other types, uses, algorithms or sizes are skipped: providers publish them side by side.
    """
    usable: dict[str | None, PyJWK] = {}
    for raw in msgspec.json.decode(body, type=_Set).keys:
        algorithm = ALGORITHM_OF.get(str(raw.get("kty")))
        if algorithm is None or raw.get("alg", algorithm) != algorithm or raw.get("use", "sig") != "sig":
            continue
        try:
            key = PyJWK(raw, algorithm=algorithm)
        except (PyJWTError, ValueError, TypeError, KeyError):
            continue
        if _strong(key):
            usable[raw.get("kid") if isinstance(raw.get("kid"), str) else None] = key
    if not usable:
        raise ValueError("the key set has no RS256 or ES256 key")
    return usable


def _strong(jwk: PyJWK) -> bool:
    key = jwk.key
    if isinstance(key, RSAPublicKey):
        return key.key_size >= MIN_RSA_BITS
    return isinstance(key, EllipticCurvePublicKey) and key.curve.name == "secp256r1"
