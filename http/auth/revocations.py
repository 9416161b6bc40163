"""Deleted api clients: their tokens are refused, and their streams end, on every gateway within a second.

Owns how a gateway learns of them: it asks Postgres, which is the truth, every POLL seconds for what was deleted since. Nothing
else has to work for it, and a request pays nothing: verified tokens leave the verifier's memory when their client goes. While
Postgres is away no client can be deleted either.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final, Protocol

import structlog

from ...core.errors import TertuliaError
from ..streams.session import CloseCode, Session
from .tokens import TokenVerifier

log = structlog.get_logger(__name__)

POLL: Final = 0.5
"""Seconds between two looks."""
OVERLAP: Final = 60_000_000
"""Microseconds that each look goes back: a deletion may be committed later than its time says."""


class RevocationStore(Protocol):
    async def revoked(self, since: int | None) -> list[tuple[str, int]]:
        """Api clients deleted since then, across accounts, with their time in µs; None: all whose tokens may still live."""
        ...


class ServiceStreams(Protocol):
    def of_services(self) -> list[Session]: ...


class Revocations:
    """See the module."""

    def __init__(self, store: RevocationStore, verifier: TokenVerifier, streams: ServiceStreams) -> None:
        self._store = store
        self._verifier = verifier
        self._streams = streams
        self._seen: int | None = None
        self._failing = False

    def revoke(self, client_ids: Iterable[str]) -> None:
        """Refuse their tokens from now on, and end their streams."""
        gone = frozenset(client_ids)
        self._verifier.revoke(gone)
        for session in self._streams.of_services():
            if session.principal.user_id in gone:
                session.close(CloseCode.POLICY, "the api client was deleted")

    async def refresh(self) -> None:
        """Learn what was deleted since the last look. Raises StorageUnavailable, Overloaded."""
        since = None if self._seen is None else self._seen - OVERLAP
        found = await self._store.revoked(since)
        if found:
            self._seen = max(at for _, at in found)
            self.revoke(client_id for client_id, _ in found)

    async def main_loop(self) -> None:
        """Look again and again. Whoever starts it calls `refresh` first, before requests come."""
        while True:
            await asyncio.sleep(POLL)
            try:
                await self.refresh()
                self._failing = False
            except TertuliaError as error:
                if not self._failing:
                    log.warning("revocations_not_read", error=error.detail)
                self._failing = True
