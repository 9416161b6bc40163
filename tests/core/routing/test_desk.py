"""A desk's decisions, scene by scene."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from office import HOUR, MINUTE, NOW, SECOND, Office, conversation, given, snapshot, words

from tertulia.core.accounts.account_settings import Hours
from tertulia.core.routing.desk import Desk
from tertulia.core.routing.facts import Overflow, Policy, Preferences, Reason, Relaxation
from tertulia.core.routing.messages import (
    Accepted,
    AgentChanged,
    Arrived,
    Assign,
    Declined,
    Found,
    Gone,
    Offer,
    PolicyChanged,
    PresenceChanged,
    Queued,
    QueueMoved,
    RequestRefused,
    TakenByHand,
    TimePassed,
    WakeAt,
    Withdraw,
)

WORKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def test_sixty_conversations_on_three_agents() -> None:
    office = Office()
    for name in ("ana", "ben", "cem"):
        office.agent(name)
    for number in range(60):
        office.now += 1
        office.arrive(f"c{number:02}")
    held = [office.holder(f"c{n:02}") for n in range(60)]
    assert [held.count(name) for name in ("ana", "ben", "cem")] == [5, 5, 5]
    assert office.waiting == [f"c{n:02}" for n in range(15, 60)]
    assert [office.desk.queue.position(name) for name in office.waiting] == list(range(1, 46))
    for number in range(45):
        office.now += SECOND
        effects = office.tell(Gone(f"c{number:02}"))
        assert given(effects, f"c{number + 15:02}") == held[number % 15]
        held.append(held[number % 15])
    assert office.waiting == []


def test_one_of_twenty_claims_wins() -> None:
    office = Office()
    office.arrive("c")
    for number in range(20):
        office.agent(f"a{number}", topics=words("else"), auto_accept=False)
    office.tell(Gone("c"))
    office.arrive("c", strategy="manual_queue")
    found = [office.tell(TakenByHand(conversation("c"), f"a{n}")) for n in range(20)]
    assert Assign("c", "a0", "claim") in found[0]
    assert all(RequestRefused("c", f"a{n}", "held", "a0") in found[n] for n in range(1, 20))


def test_least_loaded_then_longest_idle() -> None:
    office = Office()
    for name in ("ana", "ben"):
        office.agent(name)
        office.now += SECOND
    assert office.arrive("c1") == "ana", "idle the longest"
    office.now += SECOND
    assert office.arrive("c2") == "ben", "the least loaded"
    office.now += SECOND
    office.tell(Gone("c2"))
    office.now += SECOND
    office.tell(Gone("c1"))
    office.now += SECOND
    office.agent("cem")
    assert office.arrive("c3") == "ben", "idle the longest again"


def test_round_robin_looks_at_turns_alone() -> None:
    office = Office()
    for name in ("ana", "ben", "cem"):
        office.agent(name, maximum=10)
    office.tell(TakenByHand(conversation("own"), "cem"))
    got = []
    for number in range(6):
        office.now += SECOND
        got.append(office.arrive(f"c{number}", strategy="round_robin"))
    assert got == ["ana", "ben", "cem"] * 2


def test_manual_queue_waits_for_a_claim() -> None:
    office = Office()
    office.agent("ana")
    assert office.arrive("c", strategy="manual_queue") is None
    assert [(e.position, e.estimated_wait) for e in office.effects if isinstance(e, Queued)] == [(1, None)]
    office.now += HOUR
    office.tell(TimePassed())
    assert office.waiting == ["c"]


def test_offers_go_from_one_to_the_next_and_never_back() -> None:
    office = Office()
    for name in ("ana", "ben"):
        office.agent(name, auto_accept=False)
        office.now += 1
    assert office.arrive("c") == "ana"
    assert [e.deadline for e in office.effects if isinstance(e, Offer)] == [office.now + 30 * SECOND]
    assert WakeAt(office.now + 30 * SECOND) in office.effects
    assert office.desk.queue.position("c") == 1

    effects = office.tell(Declined("c", "ana"))
    assert Withdraw("c", "ana", "declined") in effects and given(effects, "c") == "ben"
    office.now += 30 * SECOND
    effects = office.tell(TimePassed())
    assert Withdraw("c", "ben", "lapsed") in effects
    assert [e.position for e in effects if isinstance(e, Queued)] == [1]
    assert office.tell(Accepted("c", "ben")) == [RequestRefused("c", "ben", "no_offer", None)]
    office.agent("cem")
    assert office.holder("c") == "cem"


def test_an_accepted_offer_is_an_assignment() -> None:
    office = Office()
    office.agent("ana", auto_accept=False, maximum=1)
    office.arrive("c1")
    assert office.arrive("c2") is None, "an offer keeps a slot"
    assert office.tell(Accepted("c1", "ana"))[0] == Assign("c1", "ana", "offer")
    assert office.holder("c1") == "ana"


def test_an_offer_ends_when_someone_else_claims() -> None:
    office = Office()
    office.agent("ana", auto_accept=False)
    office.agent("ben", topics=words("else"))
    office.arrive("c", topics=words("billing"))
    effects = office.tell(TakenByHand(conversation("c"), "ben"))
    assert effects[:2] == [Withdraw("c", "ana", "taken"), Assign("c", "ben", "claim")]


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (PresenceChanged("ana", "away"), "away"),
        (PresenceChanged("ana", "offline"), "offline"),
        (AgentChanged("ana", Preferences(available=False)), "unavailable"),
        (AgentChanged("ana", Preferences(maximum=0)), "full"),
        (Gone("c"), "gone"),
        (Arrived(conversation("c", topics=words("billing"))), "changed"),
    ],
)
def test_an_offer_ends_when_its_agent_or_conversation_is_out(event: object, why: str) -> None:
    office = Office()
    office.agent("ana", auto_accept=False, topics=words("technical"))
    assert office.arrive("c") == "ana"
    assert Withdraw("c", "ana", why) in office.tell(event)  # type: ignore[arg-type]
    assert not office.desk.offers


@pytest.mark.parametrize(
    ("preferences", "needs", "reason"),
    [
        ({"available": False}, {}, Reason.UNAVAILABLE),
        ({"maximum": 0}, {}, Reason.FULL),
        ({"hours": (Hours(["mon"], "09:00", "09:00"),)}, {}, Reason.CLOSED),
        ({"channels": words("sms")}, {}, Reason.CHANNEL),
        ({"topics": words("sales")}, {"topics": words("billing")}, Reason.TOPIC),
        ({"languages": words("en")}, {"language": "am"}, Reason.LANGUAGE),
        ({}, {"team_id": "first"}, Reason.TEAM),
        ({}, {"declined_by": words("ana")}, Reason.DECLINED),
    ],
)
def test_each_refusal_has_a_name(
    preferences: dict[str, object], needs: dict[str, object], reason: Reason
) -> None:
    office = Office()
    office.agent("ana", **preferences)
    assert office.arrive("c", **needs) is None
    assert office.why_waiting("c").passed == {reason: "1"}
    assert office.desk.agents.get("ana") is not None
    by_hand = office.tell(TakenByHand(conversation("c"), "ana"))
    binding = reason in (Reason.UNAVAILABLE, Reason.FULL)
    assert (RequestRefused("c", "ana", reason, None) in by_hand) == binding
    assert (Assign("c", "ana", "claim") in by_hand) != binding


def test_an_empty_list_means_any_and_a_need_can_be_met_by_one_of_several() -> None:
    office = Office()
    office.agent("ana", topics=words("billing", "sales"), languages=words("en", "am"), teams=words("first"))
    assert office.arrive("c1", topics=words("billing", "refund"), language="am", team_id="first") == "ana"
    assert office.arrive("c2") == "ana"


def test_an_opening_hour_gives_the_oldest_at_once() -> None:
    office = Office()
    office.agent("ana", hours=(Hours(WORKDAYS, "09:00", "17:00"),), timezone="Africa/Addis_Ababa", maximum=1)  # type: ignore[arg-type]
    office.now = NOW - NOW % (24 * HOUR) + 24 * HOUR + 5 * HOUR  # 08:00 in Addis Ababa
    office.tell(TimePassed())
    office.arrive("c1")
    office.arrive("c2")
    assert office.waiting == ["c1", "c2"]
    office.now += HOUR
    assert given(office.tell(TimePassed()), "c1") == "ana"
    assert WakeAt(office.now + 8 * HOUR) in office.effects


def test_agents_who_open_together_share_the_queue() -> None:
    office = Office()
    for name in ("ana", "ben"):
        office.agent(name, hours=(Hours(WORKDAYS, "09:00", "17:00"),))  # type: ignore[arg-type]
    office.now = NOW - NOW % (24 * HOUR) + 24 * HOUR
    for number in range(4):
        office.arrive(f"c{number}")
    assert len(office.waiting) == 4
    office.now += 9 * HOUR
    office.tell(TimePassed())
    assert sorted(h.agent_id for h in office.desk.held.values()) == ["ana", "ana", "ben", "ben"]


def test_priority_then_age_and_nothing_starves() -> None:
    office = Office()
    for number, priority in enumerate(["low", "normal", "high", "urgent"]):
        office.now += SECOND
        office.arrive(f"{priority}", priority=priority, waiting_since=office.now + number)
    assert office.waiting == ["urgent", "high", "normal", "low"]
    office.now += HOUR
    office.arrive("late", priority="urgent")
    assert office.waiting == ["urgent", "high", "normal", "low", "late"], "an hour's head start is used up"


def test_age_is_kept_over_release_and_the_one_who_released_does_not_get_it() -> None:
    office = Office()
    office.agent("ana", maximum=1)
    office.arrive("old")
    office.now += MINUTE
    office.arrive("new")
    old = office.desk.held["old"].waiting
    effects = office.tell(Arrived(replace(old, declined_by=words("ana"))))
    assert given(effects, "new") == "ana" and office.waiting == ["old"]


def test_skills_are_relaxed_step_by_step_and_another_team_helps() -> None:
    office = Office(
        steps=(
            Relaxation(MINUTE, "topics"),
            Overflow(2 * MINUTE, "second"),
            Relaxation(3 * MINUTE, "language"),
        )
    )
    office.agent("ana", topics=words("sales"), languages=words("en"), teams=words("second"))
    office.arrive("c", topics=words("billing"), language="am", team_id="first")
    wakes = []
    while office.waiting:
        [wake] = [e.at for e in office.effects if isinstance(e, WakeAt)]
        assert wake is not None
        wakes.append(wake)
        office.now = wake
        office.tell(TimePassed())
    assert wakes == [NOW + MINUTE, NOW + 2 * MINUTE, NOW + 3 * MINUTE]
    [assigned] = [e for e in office.effects if isinstance(e, Assign)]
    assert assigned.explain is not None
    assert assigned.explain.need.teams == {"first", "second"} and assigned.explain.need.language is None


def test_a_reopened_conversation_goes_before_younger_ones_and_its_skills_are_asked_for_anew() -> None:
    office = Office(steps=(Relaxation(MINUTE, "topics"),))
    office.agent("ana", topics=words("sales"))
    office.arrive("young", waiting_since=office.now - 5, topics=words("billing"))
    office.arrive("old", waiting_since=office.now - HOUR, opened_at=office.now, topics=words("billing"))
    assert office.waiting == ["old", "young"]
    office.now += MINUTE - 1
    office.tell(TimePassed())
    assert office.waiting == ["old"]
    office.now += 1
    office.tell(TimePassed())
    assert office.waiting == []


def test_the_sticky_agent_is_preferred_for_a_time() -> None:
    office = Office()
    office.agent("ana", maximum=2)
    office.agent("ben", maximum=2)
    office.tell(TakenByHand(conversation("x"), "ben"))
    until = office.now + HOUR
    assert office.arrive("c1", sticky_agent="ben", sticky_until=until) == "ben"
    assert office.arrive("c2", sticky_agent="ben", sticky_until=until) == "ana", "ben is full"
    office.tell(Gone("c1"))
    office.tell(Gone("c2"))
    office.now = until
    assert office.arrive("c3", sticky_agent="ben", sticky_until=until) == "ana"


def test_a_transfer_moves_and_frees() -> None:
    office = Office()
    office.agent("ana", maximum=1)
    office.agent("ben", maximum=1, topics=words("else"))
    office.arrive("c1", topics=words("x"))
    office.arrive("c2", topics=words("x"))
    effects = office.tell(TakenByHand(conversation("c1"), "ben", "transfer"))
    assert Assign("c1", "ben", "transfer", "ana") in effects and given(effects, "c2") == "ana"
    assert RequestRefused("c2", "ben", Reason.FULL, "ana") in office.tell(
        TakenByHand(conversation("c2"), "ben", "transfer")
    )


def test_a_claim_beyond_room_for_offers_withdraws_an_offer() -> None:
    office = Office()
    office.agent("ana", maximum=1, auto_accept=False)
    office.arrive("c1")
    effects = office.tell(TakenByHand(conversation("c2"), "ana"))
    assert effects[:2] == [Assign("c2", "ana", "claim"), Withdraw("c1", "ana", "full")]


def test_a_hand_over_frees_its_agent_for_the_oldest() -> None:
    office = Office()
    office.agent("ana", maximum=1)
    office.arrive("first")
    office.arrive("second")
    office.now += MINUTE
    effects = office.tell(Arrived(conversation("first", office.now)))
    assert given(effects, "second") == "ana" and office.waiting == ["first"]


def test_declining_makes_room_for_what_fits_by_now() -> None:
    office = Office()
    office.agent("ana", maximum=1, auto_accept=False, topics=words("billing"))
    office.arrive("c1", topics=words("billing"))
    office.tell(AgentChanged("ana", Preferences(maximum=1, topics=words("technical"))))
    assert office.arrive("c2", topics=words("technical")) is None, "the offer keeps the slot"
    assert given(office.tell(Declined("c1", "ana")), "c2") == "ana"


def test_estimates_follow_recent_service() -> None:
    office = Office()
    office.agent("ana", maximum=1)
    for number in range(12):
        office.arrive(f"c{number:02}")
    assert office.desk.estimated_wait(1, office.now) is None
    for number in range(6):
        office.now += MINUTE
        office.tell(Gone(f"c{number:02}"))
    assert office.desk.estimated_wait(1, office.now) == MINUTE
    assert office.desk.estimated_wait(5, office.now) == 5 * MINUTE
    office.now += 5 * MINUTE
    assert office.desk.estimated_wait(1, office.now) == 2 * MINUTE, "service has slowed down"
    for number in range(6, 12):
        office.tell(Gone(f"c{number:02}"))
    office.now += 100 * HOUR
    office.arrive("next")
    office.arrive("after")
    wait = office.desk.estimated_wait(1, office.now)
    assert wait is not None and wait < 2 * MINUTE, "time without customers does not count"


def test_who_moved_up_is_told_from_where() -> None:
    office = Office()
    for number in range(4):
        office.arrive(f"c{number}")
    assert QueueMoved(4) in office.effects
    assert QueueMoved(2) in office.tell(Gone("c1"))
    assert [e for e in office.tell(Gone("c3")) if isinstance(e, QueueMoved)] == [], "nobody is behind it"


def test_a_new_policy_sorts_the_queue_anew() -> None:
    office = Office()
    office.arrive("low", priority="low")
    office.now += MINUTE
    office.arrive("urgent", priority="urgent")
    assert office.waiting == ["urgent", "low"]
    office.tell(PolicyChanged(Policy(head_start={})))
    assert office.waiting == ["low", "urgent"]


def test_a_new_strategy_reaches_who_waits_and_what_is_on_offer() -> None:
    office = Office()
    office.arrive("c1", strategy="manual_queue")
    office.agent("ana", auto_accept=False)
    office.agent("ben", auto_accept=False)
    assert office.arrive("c2", waiting_since=NOW + 1) == "ana"
    office.tell(Declined("c2", "ana"))
    assert office.desk.offers["c2"].agent_id == "ben" and "c1" not in office.desk.offers
    by_hand = conversation("c2", NOW + 1, strategy="manual_queue")
    by_turns = conversation("c1", strategy="round_robin")
    effects = office.tell(PolicyChanged(Policy(), (by_hand, by_turns)))
    assert Withdraw("c2", "ben", "changed") in effects and given(effects, "c1") == "ana"
    assert office.waiting == ["c1", "c2"]
    effects = office.tell(PolicyChanged(Policy(), (conversation("c2", NOW + 1),)))
    assert given(effects, "c2") == "ben", "who declined is still passed over"


def test_a_desk_made_again_goes_on() -> None:
    office = Office()
    office.agent("ana", maximum=1)
    office.agent("ben", maximum=1, auto_accept=False)
    for number in range(5):
        office.now += SECOND
        office.arrive(f"c{number}")
    office.tell(Declined("c1", "ben"))
    desk, effects = Desk.restored(snapshot(office.desk), office.now)
    assert {c: h.agent_id for c, h in desk.held.items()} == {"c0": "ana"}
    assert [w.id for w in desk.queue] == ["c1", "c2", "c3", "c4"]
    assert given(effects, "c2") == "ben", "c1 is not offered to who declined it"
    assert desk.agents.get("ana") == office.desk.agents.get("ana")


def test_what_is_found_with_an_agent_counts_whatever_they_may_hold() -> None:
    office = Office()
    office.agent("ana", maximum=1)
    office.agent("ben", maximum=2, auto_accept=False)
    for name in ("c1", "c2", "c3"):
        office.arrive(name)
    assert office.holder("c1") == "ana" and set(office.desk.offers) == {"c2", "c3"}
    effects = office.tell(Found(conversation("c2"), "ana"))
    assert Withdraw("c2", "ben", "taken") in effects and office.desk.agents.get("ana").active == 2  # type: ignore[union-attr]
    effects = office.tell(Found(conversation("c1"), "ben"))
    assert office.holder("c1") == "ben" and set(office.desk.offers) == {"c3"}, (
        "ana has one, as many as she may"
    )
    office.tell(Found(conversation("c2"), "ben"))
    assert RequestRefused("x", "nobody", "unknown_agent") in office.tell(Found(conversation("x"), "nobody"))
    assert not office.desk.offers and office.waiting == [], (
        "ben has two; ana, who is free, took what was offered to him"
    )
    assert office.holder("c3") == "ana"
