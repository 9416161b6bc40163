"""What a gateway tells of its agents' presence. (With real streams and supervisors: tests/acceptance/test_presence.py.)"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tertulia.actors.attendance import Attendance
from tertulia.core.principal import Principal, Role
from tertulia.core.supervision import Presence
from tertulia.http import presence
from tertulia.http.presence import PresenceKeeper

ANA = Principal(account_id="acme", role=Role.AGENT, user_id="ana", expires_at=1e12)


class Supervision:
    """Hears, as a supervisor does."""

    def __init__(self) -> None:
        self.attendance = Attendance()
        self.now = 0

    async def present(self, entries: Sequence[Presence]) -> None:
        self.attendance.hear(entries, self.now)

    async def put(self, entries: Sequence[Presence]) -> None: ...

    async def read(self, account_id: str) -> list[Presence]:
        return []


class Stream:
    principal = ANA


async def test_of_two_streams_the_one_that_stays_counts_however_long_ago_it_spoke(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there, hers, second = Supervision(), Stream(), Stream()
    monkeypatch.setattr(presence, "now_ms", lambda: there.now)
    streams: list[Any] = [hers, second]
    keeper: Any = PresenceKeeper("gateway:0", there, there, lambda: streams, ttl=60)  # type: ignore[arg-type]
    await keeper.say(ANA, "away", hers)
    there.now += 10_000
    await keeper.say(ANA, "online", second)
    for _ in range(9):
        there.now += 20_000
        await keeper._renew()
    assert there.attendance.status("ana") == "online"
    await keeper.say(ANA, "offline", second)
    assert there.attendance.status("ana") == "away"
