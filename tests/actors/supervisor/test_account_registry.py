"""Which accounts a supervisor keeps in memory: those with something left to do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace
from samples import ACCOUNT, SERVICE, agent, to_conversation, uid
from supervised import Office
from waiting import until

from tertulia.actors.clock import fresh_id, now_ms
from tertulia.core.conversation.commands import Assign, Changes, Envelope, Update
from tertulia.core.conversation.status import Status
from tertulia.core.errors import NotFound, StorageUnavailable
from tertulia.core.routing.facts import Preferences
from tertulia.core.routing.supervision_messages import AgentFacts, Presence


@pytest.fixture(autouse=True)
def short(office: Office) -> None:
    office.intervals = replace(office.intervals, idle_after=0.05, drop_idle=0.02)


def in_memory(office: Office) -> float:
    return office.supervisor.statistics()["accounts"]


async def test_an_account_leaves_when_all_is_done_and_comes_back_when_something_happens(
    office: Office,
) -> None:
    await office.start()
    assert in_memory(office) == 0, "nothing was ever done in it"
    c = await office.open("one")  # pushed to nobody
    await until(lambda: in_memory(office) == 1, "it to be there")
    await office.appear("ana", ttl=300)
    await until(lambda: office.holder(c) == "ana", "ana to have it")
    await office.rig.done(to_conversation(Update(Changes(status=Status.RESOLVED)), c, agent("ana")))
    await until(lambda: in_memory(office) == 0, "it to leave")
    other = await office.open("two")
    office.push(other)
    await until(lambda: in_memory(office) == 1, "it to come back")
    await office.supervisor.ask(Envelope(fresh_id(), ACCOUNT, SERVICE, Assign("ana"), other))
    await office.rig.done(to_conversation(Update(Changes(status=Status.CLOSED)), other, agent("ana")))
    await until(lambda: in_memory(office) == 0, "it to leave again")
    assert (await office.supervisor.queue(ACCOUNT, None, 10)).total == 0 and in_memory(office) == 1


async def test_it_stays_while_somebody_is_there(office: Office) -> None:
    await office.start()
    await office.appear("ana", ttl=400)
    seen = asyncio.get_running_loop().time()
    await until(lambda: in_memory(office) == 0, "it to leave")
    assert asyncio.get_running_loop().time() - seen >= 0.4


async def test_nothing_is_loaded_in_vain(office: Office) -> None:
    await office.start()
    await office.supervisor.refresh(ACCOUNT)
    await office.supervisor.present([Presence(uid(), "ana", "", "online", now_ms() + 60_000)])
    with pytest.raises(NotFound):
        await office.supervisor.agents(uid())
    assert in_memory(office) == 0, "settings are read by whoever needs them, and no such account is kept"


async def test_settings_that_changed_meanwhile_hold_on_return(office: Office) -> None:
    await office.start()
    assert {a.maximum for a in await office.supervisor.agents(ACCOUNT)} == {2}
    await until(lambda: in_memory(office) == 0, "it to leave")
    office.store.prefer(ACCOUNT, AgentFacts("ana", None, Preferences(maximum=7)))
    assert [(a.user_id, a.maximum) for a in await office.supervisor.agents(ACCOUNT)] == [("ana", 7)]


async def test_one_that_could_not_be_loaded_is_loaded_later(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures: list[str] = []
    known: Callable[[str], Any] = office.store.live

    async def flaky(account_id: str) -> Any:
        if len(failures) < 3:
            failures.append(account_id)
            raise StorageUnavailable("away")
        return await known(account_id)

    monkeypatch.setattr(office.store, "live", flaky)
    c = await office.open("one")
    await office.start()  # it finds what waits, and cannot read it
    await until(lambda: in_memory(office) == 1, "it to be there")
    assert len(failures) == 3
    await office.appear("ana")
    await until(lambda: office.holder(c) == "ana", "ana to have it")
