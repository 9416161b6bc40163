"""A service that writes what the guides' programs read."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from desks import Desk
from serving import OwnServer


@pytest.fixture
async def service(server: OwnServer) -> AsyncIterator[Desk]:
    async with server.client(server.token("service", "guide")) as client:
        yield Desk(client)
