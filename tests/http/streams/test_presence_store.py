"""Presence in a real Valkey, between processes whose clocks differ."""

from __future__ import annotations

import time

import pytest
from msgspec.structs import replace
from redis.asyncio import Redis

from tertulia.core.routing.supervision_messages import REST, Presence
from tertulia.storage.valkey.client import Prefix
from tertulia.storage.valkey.presence import KEPT, ValkeyPresence

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


async def test_what_was_said_over_rest_is_not_outdone_by_a_renewal_of_what_was_said_before(
    client: Redis,
) -> None:
    store, now = ValkeyPresence(client), clock(0)
    before = Presence(ACCOUNT, "ana", REST, "online", now + 60_000, now - 9_000)
    await store.put([before, Presence(ACCOUNT, "ben", REST, "online", now + 60_000, now - 9_000)])
    offline = Presence(ACCOUNT, "ana", REST, "offline", now + 61_000, now)
    await store.put([offline])
    await store.put([replace(before, expires_at=now + 62_000), replace(before, connection="gateway:1")])
    found = {(p.user_id, p.connection): p for p in await store.read(ACCOUNT)}
    assert found["ana", REST] == offline and found["ana", "gateway:1"].status == "online"
    assert found["ben", REST].status == "online"
    await store.put([replace(offline, expires_at=now + 63_000)])
    assert replace(offline, expires_at=now + 63_000) in await store.read(ACCOUNT)
    assert 0 < await client.ttl(Prefix.PRESENCE + ACCOUNT) <= KEPT
