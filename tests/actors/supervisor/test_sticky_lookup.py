"""The agent who served a customer last gets the customer's next conversation, where the account wants it so."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace
from samples import ACCOUNT, SERVICE, THREAD, agent, customer, received, to_conversation, to_thread
from supervised import Office
from waiting import until

from tertulia.actors.clock import fresh_id, now_ms
from tertulia.core.accounts.account_settings import AccountSettings, Routing
from tertulia.core.conversation.commands import Assign, Changes, Envelope, Release, ThreadKey, Update
from tertulia.core.conversation.entries import Assigned
from tertulia.core.conversation.status import Status
from tertulia.core.errors import StorageUnavailable
from tertulia.core.routing.facts import Preferences
from tertulia.core.routing.supervision_messages import AgentFacts, Presence

HOUR = 3_600_000


def wants(office: Office, hours: int) -> None:
    """Ana and Ben, and for how long the account prefers who served a customer last."""
    agents = (AgentFacts(n, None, Preferences(auto_accept=True)) for n in ("ana", "ben"))
    office.store.prefer(ACCOUNT, *agents, settings=AccountSettings(routing=Routing(sticky_hours=hours)))


async def served_by(office: Office, user: str, name: str, end: str = "closed") -> str:
    """A conversation of a customer's that an agent had."""
    c = await office.open(name)
    await office.supervisor.ask(Envelope(fresh_id(), ACCOUNT, SERVICE, Assign(user), c))
    await office.rig.done(to_conversation(Update(Changes(status=Status(end))), c, agent(user)))
    return c


async def test_the_next_conversation_goes_to_who_had_the_last_one(office: Office) -> None:
    wants(office, 1)
    await office.start()
    await served_by(office, "ben", "one")
    await office.appear("ana", "ben")
    again, other = await office.open("one"), await office.open("two")
    await until(lambda: office.holder(again) and office.holder(other), "both to be given away")
    assert (office.holder(again), office.holder(other)) == ("ben", "ana")  # ana was idle the longest
    (assigned,) = office.entries(again, Assigned)
    assert assigned.explain.sticky == "ben" and assigned.explain.chosen == "ben"
    (assigned,) = office.entries(other, Assigned)
    assert assigned.explain.sticky is None


async def test_a_conversation_that_is_opened_again_goes_to_its_own_agent(office: Office) -> None:
    wants(office, 1)
    await office.start()
    c = await served_by(office, "ben", "one", "resolved")
    await office.appear("ana", "ben")
    thread = ThreadKey(ACCOUNT, THREAD.channel_id, "one")
    await office.rig.done(to_thread(received("one more thing"), thread, customer(thread)))
    await until(lambda: office.holder(c) == "ben", "ben to have it again")
    await office.rig.done(to_conversation(Release(), c, agent("ben")))
    await until(lambda: office.holder(c) == "ana", "ana to get what ben gave back")


async def test_a_successor_knows_it_of_who_waits(office: Office) -> None:
    wants(office, 1)
    await office.start()
    await served_by(office, "ben", "one")
    c = await office.open("one")
    desk = await office.supervisor.account(ACCOUNT)
    await until(lambda: c in desk.desk.queue, "it to wait")
    there = [Presence(ACCOUNT, user, "", "online", now_ms() + 60_000) for user in ("ana", "ben")]
    await office.presence.put(there)
    await office.start()
    await until(lambda: office.holder(c), "somebody to have it")
    assert office.holder(c) == "ben"


@pytest.mark.parametrize("hours", [0, 2])
async def test_a_setting_reaches_who_waits_and_costs_nothing_while_it_is_off(
    office: Office, hours: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    known = office.store.last_held

    async def counted(contacts: Any) -> Any:
        asked.extend(contacts)
        return await known(contacts)

    monkeypatch.setattr(office.store, "last_held", counted)
    wants(office, 0)
    await office.start()
    await served_by(office, "ben", "one")
    c = await office.open("one")
    desk = await office.supervisor.account(ACCOUNT)
    await until(lambda: c in desk.desk.queue, "it to wait")
    assert asked == []
    wants(office, hours)
    await office.supervisor.refresh(ACCOUNT)
    if hours:
        await until(lambda: desk.desk.queue[c].sticky_agent == "ben", "ben to be preferred")
        assert desk.desk.queue[c].sticky_until > office.rig.store.conversations[c].created_at + HOUR
    assert len(asked) == (1 if hours else 0)


async def test_while_the_storage_is_away_it_is_asked_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing, known = asyncio.Event(), office.store.last_held

    async def flaky(contacts: Any) -> Any:
        if not failing.is_set():
            failing.set()
            raise StorageUnavailable("away")
        return await known(contacts)

    office.intervals = replace(office.intervals, failed_lookup=0.01)
    wants(office, 1)
    await office.start()
    await served_by(office, "ben", "one")
    await office.appear("ana", "ben")
    monkeypatch.setattr(office.store, "last_held", flaky)
    c = await office.open("one")
    await until(lambda: office.holder(c) == "ben", "ben to have it")
    assert failing.is_set()
