"""What carries a valid token is counted by its user and account, never by the address it comes from."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest
from webhook_rig import Rig

from tertulia.storage.postgres.database import Database


@pytest.fixture
async def rig(database: Database, owner: asyncpg.Connection) -> AsyncIterator[Rig]:
    made = Rig(database, owner, gateways=1, rate_address=20, rate_account=20, rate_user=20)
    await made.start()
    yield made
    await made.stop()


async def test_an_address_without_permits_limits_no_valid_token(rig: Rig) -> None:
    rig.permits.left["address"] = 0
    (client,) = rig.clients
    for _ in range(5):
        assert (await client.get("/v1/inbound-failures", headers=rig.admin())).status_code == 200
    for headers in ({}, {"Authorization": "Bearer none"}):
        refused = await client.get("/v1/inbound-failures", headers=headers)
        assert refused.status_code == 429 and "address" in refused.json()["detail"]
    rig.permits.left["user"] = 0
    refused = await client.get("/v1/inbound-failures", headers=rig.admin())
    assert refused.status_code == 429 and "address" not in refused.json()["detail"]
