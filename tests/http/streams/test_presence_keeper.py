"""What a gateway tells of its agents' presence. (With real streams and supervisors: tests/acceptance/test_presence.py.)"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tertulia.actors.clock import WallClock
from tertulia.actors.supervisor.presence import PresenceTable
from tertulia.core.accounts.principal import Principal, Role
from tertulia.core.routing.supervision_messages import Presence
from tertulia.http.streams import presence
from tertulia.http.streams.presence import PresenceKeeper
from tertulia.storage.memory.supervision import MemoryPresence

ANA = Principal(account_id="acme", role=Role.AGENT, user_id="ana", expires_at=1e12)


class Supervision:
    """Hears, as a supervisor does."""

    def __init__(self) -> None:
        self.attendance = PresenceTable()
        self.now = 0

    async def present(self, entries: Sequence[Presence]) -> None:
        self.attendance.update(entries, self.now)

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


async def test_what_was_said_elsewhere_while_it_is_renewed_here_stands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there, store = Supervision(), MemoryPresence()
    monkeypatch.setattr(presence, "now_ms", lambda: there.now)
    mine: Any = PresenceKeeper("gateway:0", store, there, lambda: [Stream()], ttl=60)  # type: ignore[arg-type, list-item]
    other: Any = PresenceKeeper("gateway:1", store, there, list, ttl=60)  # type: ignore[arg-type]
    await mine.say(ANA, "online")
    there.now += 20_000
    looked = mine._read_from_others

    async def meanwhile(agents: Any) -> None:
        await looked(agents)
        await other.say(ANA, "offline")
        there.now += 1

    monkeypatch.setattr(mine, "_read_from_others", meanwhile)
    await mine._renew()
    assert there.attendance.status("ana") == "offline"
    monkeypatch.setattr(mine, "_read_from_others", looked)
    for _ in range(9):
        there.now += 20_000
        await mine._renew()
        there.attendance.expire(there.now)
        assert there.attendance.status("ana") == "offline"


@pytest.mark.parametrize("ms", [-300_000, 300_000])
async def test_a_clock_that_is_set_confuses_no_words(monkeypatch: pytest.MonkeyPatch, ms: int) -> None:
    there, was_set, hers = Supervision(), [0], Stream()
    there.now = 1_000_000
    monkeypatch.setattr(presence, "now_ms", lambda: there.now)
    monkeypatch.setattr(WallClock, "set_by", lambda clock: was_set.pop() if was_set else 0)
    keeper: Any = PresenceKeeper("gateway:0", there, there, lambda: [hers], ttl=60)  # type: ignore[arg-type, list-item]
    await keeper.say(ANA, "away")
    there.now += ms
    there.attendance.shift(ms)
    was_set.append(ms)
    there.now += 1
    await keeper.say(ANA, "online", hers)
    there.now += 1
    await keeper._renew()
    assert there.attendance.status("ana") == "online"
    there.now += 1
    await keeper.say(ANA, "offline")
    await keeper._renew()
    assert there.attendance.status("ana") == "offline"
