"""Revokes deleted API clients: every gateway refuses their tokens and ends their streams within a second.

Each gateway polls Postgres every POLL seconds for new deletions, so revocation depends on nothing else. Requests cost
nothing extra: a deleted client's tokens are dropped from the verifier's cache. While Postgres is down no client can be deleted either.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Protocol

from ...actors.recurring import recur
from ..streams.session import CloseCode, Session
from .tokens import TokenVerifier

POLL: Final = 0.5
"""Seconds between two polls."""
OVERLAP: Final = 60_000_000
"""Microseconds of overlap between polls: a deletion may commit later than its timestamp."""


class RevocationStore(Protocol):
    async def revoked(self, since: int | None) -> list[tuple[str, int]]:
        """API clients of all accounts deleted since then, with the time in µs; None: all whose tokens may still be valid."""
        ...


class ServiceStreams(Protocol):
    def of_services(self) -> list[Session]: ...


class Revocations:
    """Polls for deleted API clients and revokes them at this gateway."""

    def __init__(self, store: RevocationStore, verifier: TokenVerifier, streams: ServiceStreams) -> None:
        self._store = store
        self._verifier = verifier
        self._streams = streams
        self._seen: int | None = None

    def revoke(self, client_ids: Iterable[str]) -> None:
        """Refuse their tokens from now on, and close their streams."""
        gone = frozenset(client_ids)
        self._verifier.revoke(gone)
        for session in self._streams.of_services():
            if session.principal.user_id in gone:
                session.close(CloseCode.POLICY, "the api client was deleted")

    async def refresh(self) -> None:
        """Poll once. Raises StorageUnavailable, Overloaded."""
        since = None if self._seen is None else self._seen - OVERLAP
        found = await self._store.revoked(since)
        if found:
            self._seen = max(at for _, at in found)
            self.revoke(client_id for client_id, _ in found)

    async def main_loop(self) -> None:
        """Poll until cancelled. `refresh` must have been called before the first request."""
        await recur(self.refresh, "revocations", POLL)
