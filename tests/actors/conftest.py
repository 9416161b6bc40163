from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from no_ray import no_ray as no_ray
from quiet import quiet as quiet
from rig import Rig


@pytest.fixture(params=["shared", "dedicated"])
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    rig = Rig(request.param)
    yield rig
    await rig.stop()
    rig.check()
    rig.check_memory()
