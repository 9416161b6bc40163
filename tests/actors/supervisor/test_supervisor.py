"""A supervisor over a host in memory, without Ray: what it misses, what it repeats, what a successor takes from it."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest
from msgspec.structs import replace
from samples import ACCOUNT, SERVICE, THREAD, agent, customer, received, said, to_conversation, to_thread
from supervised import Office
from waiting import until

from tertulia.actors.clock import fresh_id, now_ms
from tertulia.core.accounts.account_settings import AccountSettings, Routing
from tertulia.core.conversation.commands import (
    Assign,
    Changes,
    Done,
    EndOffer,
    Envelope,
    Outcome,
    Refused,
    ThreadKey,
    Update,
)
from tertulia.core.conversation.entries import Assigned, Offered, OfferEnded
from tertulia.core.conversation.status import Status
from tertulia.core.errors import Conflict, Overloaded
from tertulia.core.routing.facts import Preferences
from tertulia.core.routing.supervision_messages import SHARDS, AccountFacts, AgentFacts, Presence, shard_of


async def test_what_nobody_pushed_is_found_in_the_store(office: Office) -> None:
    await office.start()
    await office.appear("ana")
    c = await office.open("one")  # and nothing is pushed
    await until(lambda: office.holder(c) == "ana", "the lost push to be found")
    # a slot that frees itself unheard is found as well
    second, third = sorted([await office.open("two"), await office.open("three")])  # of one moment, perhaps
    await until(lambda: office.holder(second) == "ana", "the second slot")
    await office.rig.done(to_conversation(Update(Changes(status=Status.RESOLVED)), c, agent("ana")))
    await until(lambda: office.holder(third) == "ana", "the freed slot")
    (assigned,) = office.entries(third, Assigned)
    assert assigned.by == "routing" and assigned.explain.chosen == "ana"
    assert assigned.explain.roster and assigned.explain.agents == ()
    assert (ACCOUNT, assigned.explain.roster) in office.store.rosters


async def test_a_commit_is_seen_whole(office: Office) -> None:
    """A rule gives a new conversation to a team in the commit that opens it: nobody else may have it in between."""
    office.intervals = replace(office.intervals, poll=60)
    await office.start()
    await office.appear("ana")
    c = await office.open("one")
    await office.rig.done(to_conversation(Update(Changes(team_id=str(uuid.uuid4()))), c, SERVICE))
    office.push(c)
    desk = await office.supervisor.account(ACCOUNT)
    await until(lambda: c in desk.desk.queue, "it to wait for its team")
    other = await office.open("two")
    office.push(other)
    await until(lambda: office.holder(other) == "ana", "ana to have the other one")
    assert office.holder(c) is None


async def test_repeats_and_disorder_change_nothing(office: Office) -> None:
    await office.start()
    await office.appear("ana")
    c = await office.open("one")
    office.push(c)
    office.push(c)
    await until(lambda: office.holder(c) == "ana", "ana to have it")
    supervisor, entries = office.supervisor, list(office.rig.store.entries[c])
    for order in (entries[::-1], entries, entries[1:] + entries[:1]):
        supervisor.on_entries(order)
    later = await office.open("two")
    office.push(later)
    await until(lambda: office.holder(later) == "ana", "what came after it to be dealt with")
    desk = await supervisor.account(ACCOUNT)
    assert desk.desk.agents.get("ana").active == 2  # type: ignore[union-attr]
    assert len(office.entries(c, Assigned)) == 1


async def test_an_unknown_outcome_is_settled_under_the_same_id(office: Office) -> None:
    async def stored_but_lost(envelope: Envelope) -> Outcome:
        await office.rig.ask(envelope)
        raise Overloaded("no answer came")

    async def never_sent(envelope: Envelope) -> Outcome:
        raise Overloaded("no host")

    await office.start()
    office.hosts.faults = [stored_but_lost, never_sent]
    await office.appear("ana")
    c = await office.open("one")
    office.push(c)
    await until(lambda: len(office.hosts.sent) == 3, "the third attempt")
    await until(lambda: not office.supervisor.sender.busy(c), "an answer")
    assert len({e.id for e in office.hosts.sent}) == 1
    assert [e.attempt for e in office.hosts.sent] == [0, 1, 2]
    assert len(office.entries(c, Assigned)) == 1 and office.holder(c) == "ana"


async def test_one_that_has_a_successor_assigns_nothing(office: Office) -> None:
    stale = await office.start()
    await office.start()
    c = await office.open("one")
    stale.on_entries(office.rig.store.entries[c])
    await stale.present([Presence(ACCOUNT, "ana", "", "online", now_ms() + 60_000)])
    await until(lambda: len(stale.shards) == 0, "the stale one to find out")
    assert office.holder(c) is None and office.entries(c, Assigned) == []
    await office.appear("ben")
    await until(lambda: office.holder(c) == "ben", "the successor to assign")


async def test_a_stale_command_is_refused_and_its_neighbours_go_on(office: Office) -> None:
    supervisor = await office.start()
    first, second = await office.open("one"), await office.open("two")
    shard = shard_of(ACCOUNT)
    await office.store.register(shard, "another")
    late = to_conversation(Assign("ana", "routing"), first, SERVICE, fence=(shard, 1))
    beside = to_conversation(said("hello"), second, SERVICE)
    refused, done = await office.rig.submit(late, beside)
    assert isinstance(refused, Refused) and refused.code == "superseded" and isinstance(done, Done)
    assert office.holder(first) is None
    await until(lambda: len(supervisor.shards) == SHARDS - 1, "the look at the epochs")


async def test_an_open_offer_outlives_its_supervisor(office: Office) -> None:
    office.store.prefer(
        ACCOUNT, AgentFacts("ana", None, Preferences()), AgentFacts("ben", None, Preferences())
    )
    await office.start()
    await office.appear("ana")
    c = await office.open("one")
    office.push(c)
    await until(lambda: office.offered(c) == "ana", "the offer")
    expires = office.rig.store.conversations[c].routing.offer.expires_at  # type: ignore[union-attr]
    await office.start()
    await office.appear("ben")
    later = await office.open("two")
    office.push(later)
    await until(lambda: office.offered(later), "what came after it to be offered")
    assert len(office.entries(c, Offered)) == 1 and office.offered(c) == "ana"
    desk = await office.supervisor.account(ACCOUNT)
    assert desk.desk.offers[c].deadline == expires

    def answer(user: str, outcome: Any) -> Envelope:
        return Envelope(fresh_id(), ACCOUNT, agent(user), EndOffer(None, outcome), c)

    with pytest.raises(Conflict):
        await office.supervisor.ask(answer("ben", "accepted"))
    done = await office.supervisor.ask(answer("ana", "declined"))
    assert done.conversation is not None
    await until(lambda: office.offered(c) == "ben", "the next offer")
    await office.supervisor.ask(answer("ben", "accepted"))
    assert office.holder(c) == "ben"
    assert [e.outcome for e in office.entries(c, OfferEnded)] == ["declined", "accepted"]
    assert len([e for e in office.hosts.sent if isinstance(e.command, EndOffer)]) == 2


async def test_an_offer_ends_with_its_conversation(office: Office) -> None:
    office.store.prefer(ACCOUNT, AgentFacts("ana", None, Preferences(maximum=1)))
    await office.start()
    await office.appear("ana")
    c = await office.open("one")
    office.push(c)
    await until(lambda: office.offered(c) == "ana", "the offer")
    await office.rig.done(to_conversation(Update(Changes(status=Status.RESOLVED)), c, SERVICE))
    other = await office.open("two")
    await until(lambda: office.offered(other) == "ana", "the room that it kept")
    assert [e.outcome for e in office.entries(c, OfferEnded)] == ["withdrawn"]


async def test_what_is_snoozed_is_given_to_nobody(office: Office) -> None:
    await office.start()
    first, second = await office.open("one"), await office.open("two")
    for c in (first, second):
        await office.rig.done(
            to_conversation(Update(Changes(snoozed_until=now_ms() + 3_600_000)), c, SERVICE)
        )
    await office.appear("ana")
    await office.start()  # neither by who hears of it nor by who reads it
    await office.appear("ana")
    other = await office.open("three")
    await until(lambda: office.holder(other) == "ana", "ana to have what is not snoozed")
    assert office.holder(first) is None and (await office.supervisor.queue(ACCOUNT, None, 10)).total == 0
    thread = ThreadKey(ACCOUNT, THREAD.channel_id, "one")
    await office.rig.done(to_thread(received("hello?"), thread, customer(thread)))
    await until(lambda: office.holder(first) == "ana", "the customer's word to end it")
    await office.rig.done(to_conversation(Update(Changes(snoozed_until=None)), second, SERVICE))
    desk = await office.supervisor.account(ACCOUNT)
    await until(lambda: second in desk.desk.queue, "the other one to wait, ana being full")


async def test_an_offer_ends_with_a_snooze_and_comes_anew_after_it(office: Office) -> None:
    office.store.prefer(ACCOUNT, AgentFacts("ana", None, Preferences(maximum=1)))
    await office.start()
    await office.appear("ana")
    c = await office.open("one")
    await until(lambda: office.offered(c) == "ana", "the offer")
    await office.rig.done(to_conversation(Update(Changes(snoozed_until=now_ms() + 3_600_000)), c, SERVICE))
    other = await office.open("two")
    await until(lambda: office.offered(other) == "ana", "the room that it kept")
    assert [e.outcome for e in office.entries(c, OfferEnded)] == ["withdrawn"]
    await office.rig.done(to_conversation(Update(Changes(status=Status.RESOLVED)), other, SERVICE))
    await office.rig.done(to_conversation(Update(Changes(snoozed_until=None)), c, SERVICE))
    await until(lambda: office.offered(c) == "ana", "the offer to come again")


async def test_preferences_reach_it_by_themselves(office: Office) -> None:
    await office.start()
    await office.appear("ana")
    office.store.prefer(ACCOUNT, AgentFacts("ana", None, Preferences(available=False)))
    desk = await office.supervisor.account(ACCOUNT)
    await until(lambda: not desk.desk.agents.get("ana").preferences.available, "the change")  # type: ignore[union-attr]
    c = await office.open("one")
    with pytest.raises(Conflict) as refused:
        await office.supervisor.ask(Envelope(fresh_id(), ACCOUNT, SERVICE, Assign("ana"), c))
    assert refused.value.current is not None and refused.value.current["reason"] == "unavailable"


async def test_readers_are_told_a_name_that_is_read_after_the_first_presence(office: Office) -> None:
    def names() -> list[str | None]:
        told = (data for type, data in office.hints.sent if type == "agent:presence")
        return [data["name"] for data in told if data["user_id"] == "zoe"]

    await office.start()
    await office.appear("zoe")
    await until(lambda: names() == [None], "her presence to be told")
    office.store.prefer(ACCOUNT, AgentFacts("zoe", "Zoe", Preferences()))
    await until(lambda: names() == [None, "Zoe"], "her name to be told")


async def test_older_preferences_that_come_late_do_not_undo_newer_ones(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.start()
    await office.appear("ana")
    read, let = office.store.facts, asyncio.Event()

    async def slowly(account_id: str) -> AccountFacts | None:
        facts = await read(account_id)
        await let.wait()
        return facts

    monkeypatch.setattr(office.store, "facts", slowly)
    earlier = asyncio.create_task(office.supervisor.refresh(ACCOUNT))
    await asyncio.sleep(0)
    monkeypatch.setattr(office.store, "facts", read)
    office.store.prefer(ACCOUNT, AgentFacts("ana", "Ana", Preferences(available=False)))
    later = asyncio.create_task(office.supervisor.refresh(ACCOUNT))
    for _ in range(20):
        await asyncio.sleep(0)
    let.set()
    await asyncio.gather(earlier, later)
    (ana,) = [a for a in await office.supervisor.agents(ACCOUNT) if a.user_id == "ana"]
    assert not ana.is_available


async def test_what_is_under_way_to_who_becomes_unavailable_is_stored_before_their_answer(
    office: Office,
) -> None:
    let = asyncio.Event()

    async def slow(envelope: Envelope) -> Outcome:
        await let.wait()
        return await office.rig.ask(envelope)

    await office.start()
    office.hosts.faults = [slow]
    await office.appear("ana")
    c = await office.open("one")
    office.push(c)
    await until(lambda: office.hosts.sent, "the assignment to be under way")
    office.store.prefer(ACCOUNT, AgentFacts("ana", None, Preferences(available=False)))
    told = [
        asyncio.create_task(office.supervisor.refresh(ACCOUNT)),
        asyncio.create_task(office.appear("ana", status="away")),
    ]
    for _ in range(20):
        await asyncio.sleep(0)
    assert not any(t.done() for t in told) and office.holder(c) is None
    let.set()
    await asyncio.gather(*told)
    assert office.holder(c) == "ana"


async def test_another_strategy_reaches_who_waits_already(office: Office) -> None:
    def settings(strategy: Any) -> AccountSettings:
        return AccountSettings(routing=Routing(strategy=strategy))

    ana = AgentFacts("ana", None, Preferences(auto_accept=True))
    office.store.prefer(ACCOUNT, ana, settings=settings("manual_queue"))
    await office.start()
    await office.appear("ana")
    c = await office.open("one")
    desk = await office.supervisor.account(ACCOUNT)
    await until(lambda: c in desk.desk.queue, "it to wait for a claim")
    office.store.prefer(ACCOUNT, ana, settings=settings("round_robin"))
    await office.supervisor.refresh(ACCOUNT)
    await until(lambda: office.holder(c) == "ana", "ana to be given it")
    (assigned,) = office.entries(c, Assigned)
    assert assigned.explain.strategy == "round_robin"


async def test_who_fell_silent_before_it_started_is_absent_since_then(office: Office) -> None:
    settings = AccountSettings(presence_grace_s=1)
    office.store.prefer(ACCOUNT, AgentFacts("ana", None, Preferences(auto_accept=True)), settings=settings)
    await office.start()
    await office.appear("ana")
    c = await office.open("one")
    await until(lambda: office.holder(c) == "ana", "ana to have it")
    await office.presence.put([Presence(ACCOUNT, "ana", "", "online", now_ms() - 5_000)])
    await office.start()
    await until(lambda: office.holder(c) is None, "it to be queued again")
    (given, taken) = office.entries(c, Assigned)
    assert (given.agent_id, taken.agent_id, taken.by) == ("ana", None, "absent")
    assert office.rig.store.conversations[c].routing.declined_by == ()


async def test_what_may_not_have_been_heard_is_told_again(office: Office) -> None:
    def told() -> dict[str, Any]:
        """The newest word of each agent and conversation."""
        return {d.get("user_id") or d["conversation_id"]: d.get("status") or d["position"] for _, d in sent}

    sent = office.hints.sent
    await office.start()
    await office.appear("ana", status="away")
    for name in ("one", "two"):
        await office.open(name)
    await until(lambda: office.supervisor.statistics()["queued"] == 2, "both to wait")
    queued = (await office.supervisor.queue(ACCOUNT, None, 10)).items
    one, two = (item.conversation_id for item in queued)  # opened in the same ms, either may be the first
    first = {"ana": "away", one: 1, two: 2}
    await until(lambda: told() == first, "the first picture")
    office.hints.away = True
    await office.appear("ana", status="offline")
    await office.rig.done(to_conversation(Update(Changes(status=Status.CLOSED)), one, SERVICE))
    await until(lambda: office.supervisor.statistics()["queued"] == 1, "the queue to move")
    lost = office.hints.lost
    await until(lambda: office.hints.lost > lost + 2, "words that nobody gets")
    assert told() == first
    office.hints.away = False
    await until(lambda: told() == {"ana": "offline", "ben": "offline", one: 1, two: 1}, "the present picture")
    # and where somebody else has lost it
    sent.clear()
    await office.supervisor.resend_hints(ACCOUNT)
    await until(lambda: told() == {"ana": "offline", "ben": "offline", two: 1}, "the whole of it")
    count = len(sent)
    three = await office.open("three")
    await until(lambda: told().get(three) == 2, "the next word")
    assert {d.get("conversation_id") for _, d in sent[count:]} == {three}, (
        "the rest is told no more than once"
    )
