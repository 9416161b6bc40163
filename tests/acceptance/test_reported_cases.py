"""The reported cases that `make cases` plays for a person."""

from __future__ import annotations

import pytest
from cases.reported import CASES, Case
from cases.world import World
from serving import OwnServer


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_reported_case_holds(server: OwnServer, case: Case) -> None:
    async with server.client(server.token("admin", "cases")) as http:
        await case.check(World(http))
