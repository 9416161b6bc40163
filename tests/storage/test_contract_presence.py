"""The contract of presence, in memory and in Valkey: the latest status of each connection, expired or not."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from in_memory.supervision import MemoryPresence
from msgspec.structs import replace
from samples import uid

from tertulia.actors.clock import now_ms
from tertulia.core.ports.supervision import PresenceStore
from tertulia.core.routing.supervision_messages import REST, Presence
from tertulia.storage.embedded import EmbeddedValkey
from tertulia.storage.valkey import client as valkey
from tertulia.storage.valkey.presence import ValkeyPresence


@pytest.fixture(scope="module")
async def valkey_presence(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ValkeyPresence]:
    server = EmbeddedValkey(tmp_path_factory.mktemp("valkey"))
    await server.start()
    client = valkey.connect(server.url)
    try:
        yield ValkeyPresence(client)
    finally:
        await client.aclose()
        await server.stop("immediate")


@pytest.fixture(params=["memory", "valkey"])
def presence(request: pytest.FixtureRequest) -> PresenceStore:
    return MemoryPresence() if request.param == "memory" else request.getfixturevalue("valkey_presence")


def ana(
    account: str, connection: str = "gateway:0/1", status: str = "online", lasts: int = 60_000
) -> Presence:
    return Presence(account, "ana", connection, status, now_ms() + lasts, now_ms())  # type: ignore[arg-type]


async def test_each_connection_counts_by_its_latest_status(presence: PresenceStore) -> None:
    account, other = uid(), uid()
    first, second, elsewhere = ana(account), ana(account, "gateway:1/1", "away"), ana(other)
    await presence.put([first, second, elsewhere])
    away = replace(first, status="away", expires_at=first.expires_at - 30_000)
    await presence.put([away])
    found = await presence.read(account)
    assert sorted(found, key=lambda p: p.connection) == [away, second]
    assert await presence.read(other) == [elsewhere] and await presence.read(uid()) == []


async def test_expired_presence_is_kept(presence: PresenceStore) -> None:
    account = uid()
    expired = ana(account, lasts=-3_600_000)
    await presence.put([expired])
    assert await presence.read(account) == [expired]


async def test_renewing_an_older_status_over_rest_changes_nothing(presence: PresenceStore) -> None:
    account = uid()
    online = replace(ana(account, REST), reported_at=now_ms() - 9_000)
    offline = ana(account, REST, "offline", lasts=1_000)
    await presence.put([online])
    await presence.put([offline])
    await presence.put([replace(online, expires_at=online.expires_at + 5_000)])
    assert await presence.read(account) == [offline]
    renewed = replace(offline, expires_at=offline.expires_at + 60_000)
    await presence.put([renewed])
    assert await presence.read(account) == [renewed]
