"""Events of a desk in any order, for property tests."""

from __future__ import annotations

from hypothesis import strategies as st
from office import NOW, conversation, words

from tertulia.core.accounts.account_settings import Hours
from tertulia.core.routing.facts import Overflow, Policy, Preferences, Relaxation
from tertulia.core.routing.messages import (
    Accepted,
    AgentChanged,
    Arrived,
    Declined,
    Event,
    Found,
    Gone,
    PolicyChanged,
    PresenceChanged,
    TakenByHand,
    TimePassed,
)

POLICY = Policy(steps=(Relaxation(60_000, "topics"), Overflow(90_000, "team")), offer_timeout=20_000)
AGENTS = st.sampled_from(["ana", "ben", "cleo"])
NAMES = st.sampled_from([f"c{n}" for n in range(6)])
PREFERENCES = st.builds(
    Preferences,
    topics=st.sampled_from([words(), words("billing"), words("billing", "sales")]),
    teams=st.sampled_from([words(), words("team")]),
    hours=st.sampled_from([(), (Hours(["mon", "fri"], "08:00", "17:00"),)]),
    maximum=st.integers(0, 3),
    available=st.booleans(),
    auto_accept=st.booleans(),
)
WAITING = st.builds(
    conversation,
    NAMES,
    st.integers(NOW - 100_000, NOW),
    topics=st.sampled_from([words(), words("billing")]),
    team_id=st.sampled_from([None, "team", "other"]),
    priority=st.sampled_from(["low", "normal", "urgent"]),
    strategy=st.sampled_from(["least_busy", "round_robin", "manual_queue"]),
    sticky_agent=st.sampled_from([None, "ana"]),
    sticky_until=st.just(NOW + 10**6),
)
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(Arrived, WAITING),
    st.builds(Arrived, WAITING),
    st.builds(Gone, NAMES),
    st.builds(Accepted, NAMES, AGENTS),
    st.builds(Declined, NAMES, AGENTS),
    st.builds(TakenByHand, WAITING, AGENTS, st.sampled_from(["claim", "transfer"])),
    st.builds(Found, WAITING, AGENTS),
    st.builds(AgentChanged, AGENTS, PREFERENCES),
    st.builds(PresenceChanged, AGENTS, st.sampled_from(["online", "online", "away", "offline"])),
    st.builds(PolicyChanged, st.sampled_from([POLICY, Policy(offer_timeout=5_000)])),
    st.just(TimePassed()),
)
STEPS = st.lists(st.tuples(EVENTS, st.integers(0, 40_000)), max_size=60)
