"""What a gateway tells of its agents' presence. (With real streams and supervisors: tests/acceptance/test_presence.py.)"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from in_memory.supervision import MemoryPresence

from tertulia.actors.clock import WallClock
from tertulia.actors.supervisor.account.presence import PresenceTable
from tertulia.core.accounts.agents_and_teams import Agent
from tertulia.core.accounts.principal import Principal, Role
from tertulia.core.errors import StorageUnavailable
from tertulia.core.routing.supervision_messages import Presence
from tertulia.http.streams.presence import PresenceKeeper

MS = 1_000_000
ANA = Principal(account_id="acme", role=Role.AGENT, user_id="ana", expires_at=1e12)


class Supervision:
    """Hears, as a supervisor does."""

    def __init__(self, now: int = 0) -> None:
        self.attendance = PresenceTable()
        self.now = now
        self.stepped = 0
        self.clock = WallClock(lambda: self.now * MS, lambda: (self.now - self.stepped) * MS)

    def step(self, ms: int) -> None:
        """The clock is set, and so is what the supervisor has."""
        self.now += ms
        self.stepped += ms
        self.attendance.shift(ms)

    async def present(self, entries: Sequence[Presence]) -> None:
        self.attendance.update(entries, self.now)

    async def put(self, entries: Sequence[Presence]) -> None: ...

    async def read(self, account_id: str) -> list[Presence]:
        return []


class Store(MemoryPresence):
    """One in which something happens right after the next reading."""

    then: Callable[[], Awaitable[None]] | None = None

    async def read(self, account_id: str) -> list[Presence]:
        found = await super().read(account_id)
        if self.then is not None:
            then, self.then = self.then, None
            await then()
        return found


class Agents:
    """The agents of the account; `fails`: their storage is down."""

    def __init__(self, *known: str, fails: bool = False) -> None:
        self.known = set(known)
        self.fails = fails

    async def get(self, account_id: str, user_id: str) -> Agent | None:
        if self.fails:
            raise StorageUnavailable("down", retry_after=1)
        return Agent(user_id, None) if user_id in self.known else None

    async def ensure(self, account_id: str, user_id: str, name: str | None = None) -> None:
        self.known.add(user_id)


class Stream:
    principal = ANA


async def test_of_two_streams_the_one_that_stays_counts_however_long_ago_it_spoke() -> None:
    there, hers, second = Supervision(), Stream(), Stream()
    streams: list[Any] = [hers, second]
    keeper: Any = PresenceKeeper(
        "gateway:0", there, there, Agents("ana"), lambda: streams, ttl=60, clock=there.clock
    )  # type: ignore[arg-type]
    await keeper.say(ANA, "away", hers)
    there.now += 10_000
    await keeper.say(ANA, "online", second)
    for _ in range(9):
        there.now += 20_000
        await keeper._renew()
    assert there.attendance.status("ana") == "online"
    await keeper.say(ANA, "offline", second)
    assert there.attendance.status("ana") == "away"


async def test_what_was_said_elsewhere_while_it_is_renewed_here_stands() -> None:
    there, store = Supervision(), Store()
    mine: Any = PresenceKeeper(
        "gateway:0", store, there, Agents("ana"), lambda: [Stream()], ttl=60, clock=there.clock
    )  # type: ignore[arg-type, list-item]
    other: Any = PresenceKeeper("gateway:1", store, there, Agents("ana"), list, ttl=60, clock=there.clock)  # type: ignore[arg-type]
    await mine.say(ANA, "online")
    there.now += 20_000

    async def meanwhile() -> None:
        await other.say(ANA, "offline")
        there.now += 1

    store.then = meanwhile
    await mine._renew()
    assert there.attendance.status("ana") == "offline" and store.then is None
    for _ in range(9):
        there.now += 20_000
        await mine._renew()
        there.attendance.expire(there.now)
        assert there.attendance.status("ana") == "offline"


@pytest.mark.parametrize("ms", [-300_000, 300_000])
async def test_a_clock_that_is_set_confuses_no_words(ms: int) -> None:
    there, hers = Supervision(1_000_000), Stream()
    keeper: Any = PresenceKeeper(
        "gateway:0", there, there, Agents("ana"), lambda: [hers], ttl=60, clock=there.clock
    )  # type: ignore[arg-type, list-item]
    await keeper.say(ANA, "away")
    there.step(ms)
    there.now += 1
    await keeper.say(ANA, "online", hers)
    there.now += 1
    await keeper._renew()
    assert there.attendance.status("ana") == "online"
    there.now += 1
    await keeper.say(ANA, "offline")
    await keeper._renew()
    assert there.attendance.status("ana") == "offline"


async def test_who_was_removed_is_an_agent_again_once_they_say_where_they_are() -> None:
    there, hers, agents = Supervision(), Stream(), Agents("ana")
    keeper: Any = PresenceKeeper("gateway:0", there, there, agents, lambda: [hers], ttl=60, clock=there.clock)  # type: ignore[arg-type, list-item]
    await keeper.say(ANA, "online", hers)
    agents.known.clear()
    there.now += 1000
    await keeper.sign_off("acme", "ana")
    assert there.attendance.status("ana") == "offline" and not agents.known
    there.now += 20_000
    await keeper._renew()
    assert there.attendance.status("ana") == "offline", "whatever her stream has said before"
    await keeper.say(ANA, "offline", hers)
    assert not agents.known, "she only left"
    await keeper.say(ANA, "away", hers)
    assert there.attendance.status("ana") == "away" and agents.known == {"ana"}


async def test_presence_is_said_while_postgres_is_away() -> None:
    there = Supervision()
    keeper: Any = PresenceKeeper(
        "gateway:0", there, there, Agents(fails=True), list, ttl=60, clock=there.clock
    )  # type: ignore[arg-type]
    await keeper.say(ANA, "online")
    assert there.attendance.status("ana") == "online"
