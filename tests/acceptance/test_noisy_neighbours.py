"""One stranger against everybody: what an attack of one client does to the answers of another account's quiet one."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from desks import Account, Desk, fresh, ok
from neighbours import QuietNeighbour
from serving import OwnServer


@pytest.fixture
async def quiet(server: OwnServer, other: Account) -> AsyncIterator[QuietNeighbour]:
    """A quiet client of another account; its test enters it."""
    token = server.token("service", "quiet", other.id)
    async with server.client(token) as client:
        opened = await client.post(
            "/v1/conversations", json={"channel_id": other.channel, "contact_identifier": fresh("quiet")}
        )
        yield QuietNeighbour(server.url, token, ok(opened, 201)["id"])


async def test_without_an_attack_the_quiet_client_is_answered(quiet: QuietNeighbour, service: Desk) -> None:
    async with quiet:
        await service.open()
    quiet.check()
