from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from no_ray import no_ray as no_ray
from quiet import quiet as quiet
from rig import Rig
from samples import ACCOUNT
from supervised import Office

from tertulia.actors.supervisor import supervisor as module
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
async def office(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Office]:
    monkeypatch.setattr(module, "POLL_EVERY", 0.05)
    monkeypatch.setattr(module, "TICK_EVERY", 0.02)
    monkeypatch.setattr(module, "NOTIFY_EVERY", 0.05)
    rig = Rig()
    office = Office(rig)
    office.store.prefer(
        ACCOUNT, *(AgentFacts(n, n.title(), Preferences(auto_accept=True, maximum=2)) for n in ("ana", "ben"))
    )
    yield office
    await office.stop()
    await rig.stop()
    rig.check()
