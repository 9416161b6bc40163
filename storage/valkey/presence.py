"""Presence in Valkey: one hash per account, one field per connection of an agent, with the value `status:expires_at:reported_at`.

Owns the call of `lua/keep_presence.lua`. Values are kept for a day, expired ones too, so that a starting supervisor knows
since when an agent has been away. Gateways write again what is lost with their next renewal; supervisors learn of presence
from the gateways directly. Times are by Valkey's clock, since those of writers and readers may differ by more than the
lifetime of a status.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import get_args

from redis.asyncio import Redis

from ...core.routing.facts import PresenceStatus
from ...core.routing.supervision_messages import Presence, by_clock
from .client import Prefix, failures, script

KEPT = 24 * 3600
"""Seconds for which values are kept."""
_STATUSES = frozenset(get_args(PresenceStatus))


class ValkeyPresence:
    """`core.ports.supervision.PresenceStore` on Valkey. Raises StorageUnavailable."""

    def __init__(self, client: Redis, now: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        self._client = client
        self._now = now
        self._keep = script(client, "keep_presence")

    async def put(self, entries: Sequence[Presence]) -> None:
        fields: defaultdict[str, list[str]] = defaultdict(list)
        with failures():
            for e in by_clock(entries, await self._ahead()):
                field = f"{e.connection}|{e.user_id}", f"{e.status}:{e.expires_at}:{e.reported_at}"
                fields[e.account_id] += field
            async with self._client.pipeline(transaction=False) as pipe:
                for account_id, values in fields.items():
                    await self._keep(keys=[Prefix.PRESENCE + account_id], args=[KEPT, *values], client=pipe)
                await pipe.execute()

    async def read(self, account_id: str) -> list[Presence]:
        """Ignores values that cannot be parsed; drops those and values older than a day."""
        key = Prefix.PRESENCE + account_id
        with failures():
            ahead = await self._ahead()
            oldest = self._now() + ahead - KEPT * 1000
            stored: dict[bytes, bytes] = await self._client.hgetall(key)  # type: ignore[misc]
            found, old = [], []
            for field, value in stored.items():
                connection, _, user = field.decode(errors="replace").partition("|")
                status, *times = value.decode(errors="replace").split(":")
                fit = status in _STATUSES and len(times) == 2 and all(t.isdecimal() for t in times)
                if not fit or int(times[0]) < oldest:
                    old.append(field)
                else:
                    until, reported_at = map(int, times)
                    found.append(Presence(account_id, user, connection, status, until, reported_at))  # type: ignore[arg-type]
            if old:
                await self._client.hdel(key, *old)  # type: ignore[misc]
        return by_clock(found, -ahead)

    async def _ahead(self) -> int:
        """Milliseconds by which Valkey's clock is ahead of ours."""
        seconds, micros = await self._client.time()  # type: ignore[misc]
        return seconds * 1000 + micros // 1000 - self._now()
