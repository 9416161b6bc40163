"""Any sequence of events, crashes among them, keeps what the desk promises; a slow oracle looks at everything after each.

The oracle knows only the rules for one agent and one conversation (`office.py`) and the desk's effects: whoever carries these out must end up
with the same state as the desk.
"""

from __future__ import annotations

import msgspec
from fuzzing import searched
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from office import refusals, replay, snapshot, unfit, unready, why_waiting

from tertulia.core.accounts.account_settings import Hours
from tertulia.core.accounts.business_hours import MINUTE
from tertulia.core.conversation.explain_record import Explain, Need, Strategy
from tertulia.core.routing.desk import Desk
from tertulia.core.routing.facts import (
    Overflow,
    Policy,
    Preferences,
    Reason,
    Relaxation,
    Waiting,
    order,
)
from tertulia.core.routing.messages import (
    Accepted,
    AgentChanged,
    Arrived,
    Assign,
    Declined,
    Event,
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
from tertulia.core.views.assignments import candidates

START = 1_800_000_000_000
ALL_DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
HOUR = 60 * MINUTE

agent_ids = st.sampled_from(["ana", "ben", "cem", "dan"])
conversation_ids = st.sampled_from([f"c{n}" for n in range(9)])


def some(*values: str) -> st.SearchStrategy[frozenset[str]]:
    return st.frozensets(st.sampled_from(values), max_size=2)


preferences = st.builds(
    Preferences,
    channels=some("whatsapp", "sms"),
    topics=some("billing", "technical"),
    languages=some("en", "am"),
    teams=some("first", "second"),
    hours=st.sampled_from(
        [
            (),
            (),
            (Hours(ALL_DAYS, "09:00", "12:00"), Hours(ALL_DAYS, "13:00", "17:00")),  # type: ignore[arg-type]
            (Hours(ALL_DAYS, "20:00", "04:00"),),  # type: ignore[arg-type]
        ]
    ),
    timezone=st.sampled_from(["UTC", "Africa/Addis_Ababa"]),
    maximum=st.integers(0, 3),
    available=st.sampled_from([True, True, True, False]),
    auto_accept=st.booleans(),
)
policies = st.builds(
    Policy,
    steps=st.sampled_from(
        [
            (),
            (Relaxation(5 * MINUTE, "topics"), Relaxation(10 * MINUTE, "language")),
            (Overflow(3 * MINUTE, "second"), Relaxation(20 * MINUTE, "team")),
        ]
    ),
)


@st.composite
def waitings(draw: st.DrawFn) -> tuple[Waiting, int]:
    """And how long before now it began to wait."""
    w = Waiting(
        id=draw(conversation_ids),
        waiting_since=0,
        channel_type=draw(st.sampled_from(["whatsapp", "sms"])),
        priority=draw(st.sampled_from(["low", "normal", "high", "urgent"])),
        topics=draw(some("billing", "technical", "other")),
        language=draw(st.sampled_from([None, "en", "am", "fr"])),
        team_id=draw(st.sampled_from([None, None, "first", "second"])),
        strategy=draw(st.sampled_from(["least_busy", "least_busy", "round_robin", "manual_queue"])),
        sticky_agent=draw(st.none() | agent_ids),
        sticky_until=START + draw(st.integers(0, 40)) * MINUTE,
    )
    return w, draw(st.sampled_from([0, 0, MINUTE, HOUR]))


class World(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.desk = Desk(Policy())
        self.held: dict[str, str] = {}
        self.offers: dict[str, str] = {}
        self.turned_down: dict[str, set[str]] = {}
        self.wake_at: int | None = None

    # -- telling the desk, and doing what it says

    def tell(self, event: Event) -> list[object]:
        self._step(TimePassed())
        return self._step(event)

    def _step(self, event: Event) -> list[object]:
        before = {w.id: w for w in self.desk.queue if w.id not in self.desk.offers}
        effects = list(self.desk.handle(event, self.now))
        self.carry_out(effects)
        if not isinstance(event, PolicyChanged):
            self.check_order(effects, before)
        return effects

    def carry_out(self, effects: list[object]) -> None:
        for effect in effects:
            match effect:
                case Assign(conversation, agent, by, previous, record):
                    assert conversation not in self.held or self.held[conversation] == previous
                    if by in ("routing", "transfer", "claim"):
                        assert conversation not in self.offers or self.offers.pop(conversation) == agent
                    else:
                        assert self.offers.pop(conversation) == agent
                    self.held[conversation] = agent
                    if by == "routing":
                        assert record is not None
                        self.check_given(conversation, agent, record)
                    else:
                        assert record is None
                case Offer(conversation, agent, deadline, record):
                    assert conversation not in self.offers and conversation not in self.held
                    assert deadline == self.now + self.desk.board.policy.offer_timeout
                    self.offers[conversation] = agent
                    self.check_given(conversation, agent, record)
                case Withdraw(conversation, agent, why):
                    assert self.offers.pop(conversation) == agent
                    if why in ("declined", "lapsed"):
                        self.turned_down.setdefault(conversation, set()).add(agent)
                case Queued(conversation, position, _):
                    assert position == self.desk.queue.position(conversation)
                    record = why_waiting(self.desk, conversation, self.now)
                    assert record.chosen is None and replay(record) is None
                case WakeAt(at):
                    self.wake_at = at
                case QueueMoved(position):
                    assert 1 <= position <= len(self.desk.queue)
                case _:
                    assert isinstance(effect, RequestRefused)

    def check_given(self, conversation: str, agent_id: str, record: Explain) -> None:
        assert record.chosen == agent_id == replay(record)
        stored = msgspec.json.decode(msgspec.json.encode(record), type=Explain)
        assert replay(stored) == agent_id
        assert [c.agent_id for c in candidates(record) if c.agent_id == agent_id and not c.reasons]
        assert agent_id not in self.turned_down.get(conversation, ()), "never the same again"

    def check_order(self, effects: list[object], before: dict[str, Waiting]) -> None:
        """Who got something of the queue's had no older claim on them."""
        policy = self.desk.board.policy
        for effect in effects:
            if isinstance(effect, Offer) or (isinstance(effect, Assign) and effect.by == "routing"):
                conversation, agent_id = effect.conversation_id, effect.agent_id
                agent = self.desk.agents.get(agent_id)
                if agent is None or (
                    conversation not in self.desk.queue and conversation not in self.desk.held
                ):
                    continue
                given = (
                    self.desk.queue[conversation]
                    if conversation in self.desk.queue
                    else self.desk.held[conversation].waiting
                )
                for w in self.desk.queue:
                    if w.id in self.desk.offers or w.strategy == "manual_queue" or before.get(w.id) != w:
                        continue
                    if order(w, policy) < order(given, policy):
                        need = policy.need(w, self.now)
                        assert set(refusals(agent, need, w.declined_by, self.now)) - {Reason.FULL}, w

    # -- what happens

    @initialize(policy=policies)
    def begin(self, policy: Policy) -> None:
        self._step(PolicyChanged(policy))

    @rule(arrival=waitings())
    def arrives(self, arrival: tuple[Waiting, int]) -> None:
        w, ago = arrival
        w = msgspec.structs.replace(
            w,
            waiting_since=self.now - ago,
            declined_by=frozenset(self.turned_down.get(w.id, ())),
        )
        self._step(TimePassed())
        self.held.pop(w.id, None)
        self._step(Arrived(w))

    @rule(conversation=conversation_ids)
    def is_over(self, conversation: str) -> None:
        self._step(TimePassed())
        self.held.pop(conversation, None)
        self._step(Gone(conversation))
        self.turned_down.pop(conversation, None)
        assert conversation not in self.desk.queue

    @rule(conversation=conversation_ids)
    def is_given_back(self, conversation: str) -> None:
        self._step(TimePassed())
        holder = self.held.pop(conversation, None)
        if holder is not None:
            self.turned_down.setdefault(conversation, set()).add(holder)
            w = self.desk.held[conversation].waiting
            self._step(Arrived(msgspec.structs.replace(w, declined_by=w.declined_by | {holder})))

    @rule(arrival=waitings(), agent=agent_ids, by=st.sampled_from(["claim", "transfer"]))
    def is_taken_by_hand(self, arrival: tuple[Waiting, int], agent: str, by: str) -> None:
        w = msgspec.structs.replace(arrival[0], waiting_since=self.now - arrival[1])
        self._step(TimePassed())
        holder, known = self.held.get(w.id), self.desk.agents.get(agent)
        effects = self._step(TakenByHand(w, agent, by))  # type: ignore[arg-type]
        if holder == agent or (holder and by == "claim"):
            assert RequestRefused(w.id, agent, "held", holder) in effects
        elif known is None:
            assert RequestRefused(w.id, agent, "unknown_agent") in effects
        elif reason := known.not_assignable:
            assert RequestRefused(w.id, agent, reason, holder) in effects
        else:
            assert Assign(w.id, agent, by, holder) in effects  # type: ignore[arg-type]

    @rule(conversation=conversation_ids, agent=agent_ids, right=st.booleans(), accepts=st.booleans())
    def answers_an_offer(self, conversation: str, agent: str, right: bool, accepts: bool) -> None:
        self._step(TimePassed())
        if self.offers and right:
            conversation, agent = sorted(self.offers.items())[0]
        offered = self.offers.get(conversation) == agent
        effects = self._step((Accepted if accepts else Declined)(conversation, agent))
        assert any(isinstance(e, RequestRefused) for e in effects) != offered

    @rule(agent=agent_ids, given=preferences)
    def agent_changes(self, agent: str, given: Preferences) -> None:
        self.tell(AgentChanged(agent, given))

    @rule(agent=agent_ids, status=st.sampled_from(["online", "online", "online", "away", "offline"]))
    def presence(self, agent: str, status: str) -> None:
        self.tell(PresenceChanged(agent, status))  # type: ignore[arg-type]

    @rule(agent=agent_ids, given=preferences)
    def comes_to_work(self, agent: str, given: Preferences) -> None:
        self.tell(AgentChanged(agent, msgspec.structs.replace(given, available=True, maximum=2)))
        self.tell(PresenceChanged(agent, "online"))

    @rule(policy=policies, strategy=st.sampled_from([None, "least_busy", "round_robin", "manual_queue"]))
    def policy_changes(self, policy: Policy, strategy: Strategy | None) -> None:
        self._step(TimePassed())
        asked = self.desk.queue if strategy is not None else ()
        renewed = [msgspec.structs.replace(w, strategy=strategy, declined_by=frozenset()) for w in asked]
        self._step(PolicyChanged(policy, tuple(renewed)))
        if strategy is not None:
            assert {w.strategy for w in self.desk.queue} <= {strategy}
            assert not self.offers or strategy != "manual_queue"

    @rule(ms=st.sampled_from([1, 10_000, 30_000, 2 * MINUTE, HOUR, 5 * HOUR]))
    def time_passes(self, ms: int) -> None:
        self.now += ms
        self._step(TimePassed())

    @rule()
    def the_alarm_rings(self) -> None:
        if self.wake_at is not None:
            assert self.wake_at > self.now
            self.now = self.wake_at
            self._step(TimePassed())
            assert self.wake_at is None or self.wake_at > self.now

    @rule()
    def crashes(self) -> None:
        stored = snapshot(self.desk)
        waiting = [w.id for w in stored.waiting]
        self.offers.clear()
        self.wake_at = None
        self.desk, effects = Desk.restored(stored, self.now)
        given = [e.conversation_id for e in effects if isinstance(e, Assign)]
        self.carry_out(list(effects))
        assert [w.id for w in self.desk.queue] == [c for c in waiting if c not in given]

    # -- what holds

    @invariant()
    def one_place_for_each(self) -> None:
        assert {c: h.agent_id for c, h in self.desk.held.items()} == self.held
        assert {c: o.agent_id for c, o in self.desk.offers.items()} == self.offers
        waiting = {w.id for w in self.desk.queue}
        assert not waiting & self.held.keys() and self.offers.keys() <= waiting

    @invariant()
    def nobody_is_over_capacity(self) -> None:
        for agent in self.desk.agents:
            assert agent.active == list(self.held.values()).count(agent.id)
            assert agent.offered == list(self.offers.values()).count(agent.id)
            assert not agent.offered or agent.load <= agent.preferences.maximum
            assert not agent.offered or (agent.preferences.available and agent.status == "online")

    @invariant()
    def nobody_fit_is_idle(self) -> None:
        for w in self.desk.queue:
            if w.id in self.offers or w.strategy == "manual_queue":
                continue
            need = self.desk.board.policy.need(w, self.now)
            for agent in self.desk.agents:
                assert refusals(agent, need, w.declined_by, self.now), (agent, w)

    @invariant()
    def positions_follow_the_order(self) -> None:
        queue, policy = self.desk.queue, self.desk.board.policy
        assert [w.id for w in queue] == [w.id for w in sorted(queue, key=lambda w: order(w, policy))]
        assert [queue.position(w.id) for w in queue] == list(range(1, len(queue) + 1))
        assert queue.slice(0, len(queue)) == list(queue)

    @invariant()
    def sets_of_agents_agree_with_each_agent(self) -> None:
        agents = self.desk.agents
        need = Need("sms", frozenset({"billing", "other"}), "am", frozenset({"first"}))
        for agent in agents:
            slot = agents.slot(agent.id)
            assert slot is not None
            assert bool(agents.ready >> slot & 1) == (not unready(agent, self.now))
            assert bool(agents.fits(need) >> slot & 1) == (not unfit(agent.preferences, need))
            named = {reason for reason, mask in agents.passed_over(need, 0).items() if mask >> slot & 1}
            assert named == set(refusals(agent, need, frozenset(), self.now))


World.TestCase.settings = searched(20, steps=30)
TestWorld = World.TestCase
