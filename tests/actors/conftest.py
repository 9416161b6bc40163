from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from no_ray import no_ray as no_ray
from quiet import quiet as quiet
from rig import Rig
from samples import ACCOUNT
from supervised import Office

from tertulia.core.routing.facts import Preferences
from tertulia.core.routing.supervision_messages import AgentFacts


@pytest.fixture(params=["shared", "dedicated"])
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    rig = Rig(request.param)
    yield rig
    await rig.stop()
    rig.check()
    rig.check_memory()


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    rig = Rig()
    office = Office(rig)
    office.store.prefer(
        ACCOUNT, *(AgentFacts(n, n.title(), Preferences(auto_accept=True, maximum=2)) for n in ("ana", "ben"))
    )
    yield office
    await office.stop()
    await rig.stop()
    rig.check()
