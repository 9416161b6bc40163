"""Presence in a real Valkey, between processes whose clocks differ."""

from __future__ import annotations

import time

import pytest
from redis.asyncio import Redis

from tertulia.core.supervision import Presence
from tertulia.storage.presence import KEPT, ValkeyPresence

ACCOUNT = "00000000-0000-0000-0000-0000000000a1"


def clock(ahead: int) -> int:
    return time.time_ns() // 1_000_000 + ahead * 1000


@pytest.mark.parametrize(("writer", "reader"), [(0, 0), (300, 0), (0, 300), (-300, 300), (90_000, -90_000)])
async def test_it_is_read_by_the_readers_clock(client: Redis, writer: int, reader: int) -> None:
    written = [
        Presence(ACCOUNT, "ana", "gateway:0", "online", clock(writer) + 60_000),
        Presence(ACCOUNT, "ben", "", "away", clock(writer) - 60_000),
        Presence(ACCOUNT, "cleo", "", "online", clock(writer) - KEPT * 1000 - 1),
    ]
    await ValkeyPresence(client, lambda: clock(writer)).put(written)
    found = await ValkeyPresence(client, lambda: clock(reader)).read(ACCOUNT)
    left = {(p.user_id, p.connection, p.status): p.expires_at - clock(reader) for p in found}
    assert left == {
        ("ana", "gateway:0", "online"): pytest.approx(60_000, abs=5_000),
        ("ben", "", "away"): pytest.approx(-60_000, abs=5_000),
    }
