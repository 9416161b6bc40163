"""A scenario: who arrives, who answers, how they behave, and which conditions the server must meet. Times are the model's."""

from __future__ import annotations

import random
from typing import Annotated, Any, Literal

import msgspec

from .arrivals import Arrivals
from .distributions import Distribution
from .units import Seconds

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Word = Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
Language = Annotated[
    str, msgspec.Meta(pattern="^[a-z]{2,3}$", description='a language code such as "en" or "de"')
]
Channel = Literal["webchat", "whatsapp", "messenger", "telegram", "sms", "email"]
Transport = Literal["ws", "sse", "socketio"]
Strategy = Literal["account", "least_busy", "round_robin", "fastest_first", "slowest_first", "random"]

BY_LEAD = frozenset({"fastest_first", "slowest_first", "random"})
"""Strategies that the server does not have: a simulated lead assigns what waits by them."""


class Customers(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A kind of customer. `share`: its part of all arrivals, in proportion to the others'.

    `turns`: mean number of the customer's messages, the first included (geometric; `turns_fixed`: always that many). `think` lies
    between an agent's answer and the next message. Who is not answered within `patience` leaves: with the probability `silent` without a
    word, else the conversation is closed. The other probabilities are per customer, and per message where it says so.
    """

    name: Word = "customers"
    share: Annotated[float, msgspec.Meta(gt=0, le=1e6)] = 1.0
    channel: Channel = "webchat"
    language: Language | None = None
    topic: Word | None = None
    stream: Literal["none", "sse", "websocket"] = "none"
    script: Annotated[
        list[Annotated[str, msgspec.Meta(min_length=1, max_length=4000)]], msgspec.Meta(max_length=200)
    ] = []
    turns: Annotated[float, msgspec.Meta(ge=1, le=1000)] = 1.0
    turns_fixed: bool = False
    think: Distribution = Distribution(mean=Seconds(20))
    patience: Distribution | None = None
    silent: Share = 0.0
    asks_for_human: Share = 0.0
    comes_back: Share = 0.0
    comes_back_after: Distribution = Distribution(mean=Seconds(60))
    writes_twice: Share = 0.0
    sends_file: Share = 0.0
    edits: Share = 0.0
    resends: Share = 0.0


class Breaks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An agent works for `after`, then is away for `lasts`."""

    after: Distribution
    lasts: Distribution


class Agents(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A kind of agent. `slots`: conversations at once. `handling`: an agent's work on one conversation, from assignment to resolution.

    `pace[k]`: the speed of that work while the agent holds k + 1 conversations, the last one for all above (agents at several chats
    answered 18 % slower: Goes et al. 2018). They sign in evenly over `sign_in`. `reaction`: until an offer is accepted.
    `dead`: work on a conversation whose customer has left without a word. `reopened`: on one whose customer came back.
    """

    name: Word = "agents"
    count: Annotated[int, msgspec.Meta(ge=1, le=5000)]
    slots: Annotated[int, msgspec.Meta(ge=1, le=100)] = 1
    handling: Distribution
    pace: Annotated[
        list[Annotated[float, msgspec.Meta(gt=0, le=10)]], msgspec.Meta(min_length=1, max_length=100)
    ] = msgspec.field(default_factory=lambda: [1.0])
    transport: Transport = "ws"
    languages: Annotated[list[Language], msgspec.Meta(max_length=50)] = []
    topics: Annotated[list[Word], msgspec.Meta(max_length=50)] = []
    channels: list[Channel] = []
    sign_in: Seconds = Seconds(0)
    breaks: Breaks | None = None
    auto_accept: bool = True
    reaction: Distribution = Distribution(mean=Seconds(2))
    dead: Distribution = Distribution(mean=Seconds(30))
    reopened: Distribution = Distribution(mean=Seconds(60))

    def speed(self, held: int) -> float:
        """The speed of work on each conversation while `held` are held."""
        return self.pace[min(max(held, 1), len(self.pace)) - 1]


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The routing strategy. `account`: as the account has it. The server's own are `least_busy` and `round_robin`."""

    strategy: Strategy = "account"
    settings: dict[str, Any] = {}
    """The account's further settings during the run, as `PATCH /v1/account` takes them."""


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`scale`: how many seconds of the model pass in a second of the run. `warm_up`: the time at the beginning that statistics leave out.

    `answer_within`: the target of the share answered in time. `expect`: conditions as `--expect` takes them.
    """

    name: Word
    about: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)] = 1
    duration: Seconds
    warm_up: Seconds = Seconds(0)
    scale: Annotated[float, msgspec.Meta(ge=0.1, le=3600)] = 1.0
    answer_within: Seconds = Seconds(20)
    arrivals: Arrivals
    customers: Annotated[list[Customers], msgspec.Meta(min_length=1, max_length=50)]
    agents: Annotated[list[Agents], msgspec.Meta(min_length=1, max_length=50)]
    policy: Policy = Policy()
    expect: list[str] = []

    @property
    def agent_count(self) -> int:
        return sum(group.count for group in self.agents)

    @property
    def slot_count(self) -> int:
        return sum(group.count * group.slots for group in self.agents)

    def group_of(self, agent: int) -> Agents:
        """The kind of an agent by its number, from 0."""
        for group in self.agents:
            if agent < group.count:
                return group
            agent -= group.count
        raise IndexError("no such agent")


class Profile(msgspec.Struct, frozen=True):
    """All chance of one customer, drawn from the seed and the customer's number alone.

    So every worker knows it, and two runs with the same seed differ in what is changed and in nothing else (common random numbers).
    """

    number: int
    kind: Customers
    patience: float
    silent: bool
    turns: int
    asks_for_human: bool
    comes_back: bool
    work: random.Random
    """For the agent who handles the conversation: the time it takes."""
    chance: random.Random
    """For all further chance of the customer."""


def profile(scenario: Scenario, number: int) -> Profile:
    """The customer with this number, from 0."""
    rng = random.Random(f"{scenario.seed}/{number}")
    (kind,) = rng.choices(scenario.customers, [c.share for c in scenario.customers])
    patience = kind.patience.sample(rng) if kind.patience else float("inf")
    silent, human, back = (
        rng.random() < kind.silent,
        rng.random() < kind.asks_for_human,
        rng.random() < kind.comes_back,
    )
    turns = round(kind.turns)
    if not kind.turns_fixed:
        turns = 1
        while rng.random() < 1 - 1 / kind.turns and turns < 200:
            turns += 1
    work, chance = random.Random(rng.getrandbits(64)), random.Random(rng.getrandbits(64))
    return Profile(number, kind, patience, silent, turns, human, back, work, chance)
