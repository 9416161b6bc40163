"""A supervisor whose start fails half way, whose shard goes and comes back, and whose accounts wait for each other in vain."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from msgspec.structs import replace
from samples import ACCOUNT, SERVICE, agent, to_conversation, uid
from supervised import Office
from waiting import until

from tertulia.actors.clock import fresh_id, now_ms
from tertulia.actors.supervisor.account.account_desk import AccountDesk
from tertulia.core.conversation.commands import Assign, Changes, Envelope, Outcome, Release, Update
from tertulia.core.conversation.state import Conversation
from tertulia.core.conversation.status import Status
from tertulia.core.errors import Internal, Overloaded, StorageUnavailable
from tertulia.core.routing.facts import Preferences
from tertulia.core.routing.supervision_messages import AgentFacts, Presence, shard_of


async def test_what_was_loaded_by_a_start_that_failed_is_served_after_the_next(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = office.store.waking

    async def away() -> list[str]:
        await office.supervisor.account(ACCOUNT)  # a host pushes already
        raise StorageUnavailable("away")

    monkeypatch.setattr(office.store, "waking", away)
    with pytest.raises(StorageUnavailable):
        await office.start()
    monkeypatch.setattr(office.store, "waking", known)
    await office.supervisor.startup()
    office.tasks.append(asyncio.create_task(office.supervisor.main_loop()))
    office.all.append(office.supervisor)
    await office.appear("ana")
    c = await office.open("one")
    await until(lambda: office.holder(c) == "ana", "ana to have it")


async def test_agents_of_one_account_are_heard_while_another_waits_for_what_is_under_way(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.intervals = replace(office.intervals, quiet=30)
    office.rig.store.add_account(other := uid())
    await office.start()
    await office.appear("ana")
    stored = asyncio.Event()

    async def slow(envelope: Envelope) -> Outcome:
        await stored.wait()
        return await office.rig.ask(envelope)

    office.hosts.faults = [slow]
    c = await office.open("one")
    office.push(c)
    await until(lambda: not office.hosts.faults, "it to be under way to ana")
    away = Presence(ACCOUNT, "ana", "", "away", now_ms() + 60_000)
    ben = Presence(other, "ben", "", "online", now_ms() + 60_000)
    telling = asyncio.create_task(office.supervisor.present([away, ben]))
    desk = await office.supervisor.account(other)
    await until(lambda: desk.presence.status("ben") == "online", "ben to be there")
    assert not telling.done(), "what goes to ana is not stored yet"
    stored.set()
    await telling
    assert office.holder(c) == "ana"


async def test_who_left_while_it_was_away_is_told_of(office: Office) -> None:
    await office.start()
    await office.appear("ana")
    await until(lambda: _told(office, "ana") == ["online"], "it to be told")
    gone = Presence(ACCOUNT, "ana", "", "online", now_ms() - 1, now_ms() - 60_000)
    await office.presence.put([gone])
    await office.start()
    desk = await office.supervisor.account(ACCOUNT)
    assert desk.presence.status("ana") == "offline"
    await until(lambda: _told(office, "ana")[-1] == "offline", "readers to be told")
    assert _told(office, "ben") == [], "who has not been there for a day"


def _told(office: Office, user: str) -> list[str]:
    return [
        data["status"]
        for type, data in office.hints.sent
        if type == "agent:presence" and data["user_id"] == user
    ]


async def test_a_desk_that_was_dropped_does_not_stop_the_clock_of_its_successor(office: Office) -> None:
    await office.start()
    old = await office.supervisor.account(ACCOUNT)
    office.supervisor._on_superseded(old.fence)  # pyright: ignore[reportPrivateUsage]
    office.supervisor.shards._lost_at.clear()  # pyright: ignore[reportPrivateUsage]
    new = await office.supervisor.account(ACCOUNT)
    held = office.supervisor.accounts.get(ACCOUNT)
    assert new is not old and held is not None
    new._tools.wake(ACCOUNT, now_ms() + 60_000)  # pyright: ignore[reportPrivateUsage]
    assert held.wake is not None
    old._tools.wake(ACCOUNT, None)  # pyright: ignore[reportPrivateUsage]
    assert held.wake is not None and shard_of(ACCOUNT) == new.fence[0]


async def test_a_fault_in_an_errand_is_its_askers_to_hear(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.intervals = replace(office.intervals, poll=60)
    await office.start()
    await office.appear("ana")
    desk = await office.supervisor.account(ACCOUNT)

    async def broken(envelope: Envelope) -> Any:
        raise KeyError("a fault")

    await office.appear("ana", status="away")
    c = await office.open("one")
    office.hosts.faults = [broken]
    with pytest.raises(Internal):
        async with asyncio.timeout(30):
            await office.supervisor.ask(Envelope(fresh_id(), ACCOUNT, SERVICE, Assign("ana"), c))
    await until(lambda: c not in desk.desk.held, "it to be seen as it is stored")
    await office.supervisor.ask(Envelope(fresh_id(), ACCOUNT, SERVICE, Assign("ana"), c))
    assert office.holder(c) == "ana"


async def test_what_it_did_not_know_of_does_not_make_it_forget_what_is_under_way(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.intervals = replace(office.intervals, poll=60)
    one = Preferences(auto_accept=True, maximum=1)
    office.store.prefer(ACCOUNT, *(AgentFacts(user, user, one) for user in ("ana", "ben")))
    known, claimed = [await office.open(name) for name in ("one", "two")]
    await office.rig.done(to_conversation(Assign("ben"), claimed, SERVICE))
    await office.rig.done(
        to_conversation(Release(), claimed, agent("ben"))
    )  # routing gives it to ben no more
    await office.start()
    await office.appear("ben", status="away")
    stored = asyncio.Event()

    async def slow(envelope: Envelope) -> Outcome:
        await stored.wait()
        return await office.rig.ask(envelope)

    office.hosts.faults = [slow]
    claim = Envelope(fresh_id(), ACCOUNT, agent("ben"), Assign("ben"), claimed)
    asking = asyncio.create_task(office.supervisor.ask(claim))
    await until(lambda: not office.hosts.faults, "it to be under way to ben")
    await office.rig.done(to_conversation(Assign("ana"), known, SERVICE))
    office.push(known)
    desk = (await office.supervisor.account(ACCOUNT)).desk
    assert desk.held[known].agent_id == "ana" and desk.agents.get("ana").active == 1  # type: ignore[union-attr]
    await office.appear("ben", ttl=70_000)
    office.push(next_one := await office.open("three"))
    stored.set()
    await asking
    await until(lambda: not office.supervisor.statistics()["under_way"], "nothing to be under way")
    assert office.holder(claimed) == "ben" and office.holder(next_one) is None, "ben has as many as they may"


async def test_a_fault_in_one_account_is_that_accounts_alone(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.intervals = replace(office.intervals, fault_pause=0.3)
    office.rig.store.add_account(other := uid())
    supervisor = await office.start()
    ana = Presence(ACCOUNT, "ana", "", "online", now_ms() + 60_000)
    await office.presence.put([ana])
    await supervisor.present([ana, Presence(other, "ben", "", "online", now_ms() + 60_000)])
    on_entries, faults = AccountDesk.on_entries, 0

    def faulty(desk: AccountDesk, entries: Any) -> None:
        nonlocal faults
        if desk.id == ACCOUNT and not faults:
            faults += 1
            raise ZeroDivisionError("a fault of ours")
        on_entries(desk, entries)

    monkeypatch.setattr(AccountDesk, "on_entries", faulty)
    c = await office.open("one")
    office.push(c)
    assert faults == 1
    with pytest.raises(Overloaded):
        await supervisor.agents(ACCOUNT)
    (ben,) = [a for a in await supervisor.agents(other) if a.user_id == "ben"]
    assert ben.status == "online"
    await until(lambda: office.holder(c) == "ana", "the account to be made again, and ana to have it")
    assert not office.tasks[-1].done(), "the supervisor has not ended"


async def test_one_that_ends_before_the_answer_to_its_assignment_holds_nobody(office: Office) -> None:
    await office.start()
    await office.appear("ana")
    c = await office.open("one")
    heard = asyncio.Event()

    async def slow(envelope: Envelope) -> Outcome:
        outcome = await office.rig.ask(envelope)
        await office.rig.done(to_conversation(Update(Changes(status=Status.RESOLVED)), c, agent("ana")))
        office.push(c)
        heard.set()
        return outcome

    office.hosts.faults = [slow]
    office.push(c)
    await heard.wait()
    desk = await office.supervisor.account(ACCOUNT)
    await office.supervisor.sender.wait_idle(c)
    await until(lambda: office.holder(c) == "ana", "it to be stored")
    assert c not in desk.conversations
    assert c not in desk.desk.held
    assert _active(desk, "ana") == 0


def while_read(
    office: Office, monkeypatch: pytest.MonkeyPatch, happens: Callable[[], Awaitable[None]]
) -> list[Sequence[str]]:
    """What happens once the next reading of conversations has seen them, and before it says so. The readings since."""
    known = office.store.conversations
    reads: list[Sequence[str]] = []

    async def conversations(ids: Sequence[str]) -> dict[str, Conversation]:
        found = await known(ids)
        reads.append(ids)
        if len(reads) == 1:
            await happens()
        return found

    monkeypatch.setattr(office.store, "conversations", conversations)
    return reads


async def test_one_that_ends_while_it_is_read_holds_nobody(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.start()
    await office.appear("ana")
    desk = await office.supervisor.account(ACCOUNT)
    c = await office.open("one")
    office.push(c)
    await until(lambda: office.holder(c) == "ana", "ana to have it")
    await office.supervisor.sender.wait_idle(c)

    async def end() -> None:
        await office.rig.done(to_conversation(Update(Changes(status=Status.RESOLVED)), c, agent("ana")))
        office.push(c)

    reads = while_read(office, monkeypatch, end)
    desk._tools.reload(ACCOUNT, c)  # pyright: ignore[reportPrivateUsage]
    await until(lambda: len(reads) >= 2, "it to be read again, as what was read is old")
    await asyncio.sleep(0)
    assert c not in desk.conversations
    assert _active(desk, "ana") == 0


@pytest.mark.parametrize("change", [Changes(status=Status.RESOLVED), Changes(priority="urgent")])
async def test_what_happens_to_one_that_is_only_being_read_counts(
    office: Office, monkeypatch: pytest.MonkeyPatch, change: Changes
) -> None:
    await office.start()
    desk = await office.supervisor.account(ACCOUNT)
    c = await office.open("one")
    told = 0

    async def do(changes: Changes) -> None:
        nonlocal told
        await office.rig.done(to_conversation(Update(changes), c, agent("ana")))
        new = [e for e in office.rig.store.entries[c] if e.seq >= told]
        told = new[-1].seq + 1
        office.supervisor.on_entries(new)

    await do(Changes(status=Status.RESOLVED))
    assert c not in desk.conversations
    reads = while_read(office, monkeypatch, lambda: do(change))
    await do(Changes(status=Status.OPEN))
    stored = office.rig.store.conversations
    await until(lambda: len(reads) >= 2, "it to be read again, as what was read is old")
    await asyncio.sleep(0)
    assert (c in desk.conversations) == (stored[c].status == "open")
    assert (c in desk.desk.queue) == (stored[c].status == "open")
    if c in desk.conversations:
        assert desk.conversations[c].priority == stored[c].priority == "urgent"


def _active(desk: AccountDesk, agent_id: str) -> int:
    found = desk.desk.agents.get(agent_id)
    assert found is not None
    return found.active
