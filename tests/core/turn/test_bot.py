"""How the bot responds to a message, through the conversation's turn: answers, labels, hand-over, questions, silence."""

from __future__ import annotations

from typing import Any

import pytest
from fuzzing import searched
from hypothesis import given
from hypothesis import strategies as st
from ruled_threads import Thread, rule, rules, texts
from samples import NOW, SERVICE, agent, answered, received

from tertulia.core.conversation.commands import (
    Assign,
    By,
    Changes,
    Close,
    Command,
    Done,
    Entrust,
    GiveBack,
    Handoff,
    Offer,
    Post,
    Refused,
    Release,
    Tick,
    Update,
)
from tertulia.core.conversation.entries import (
    Actor,
    ChangedFields,
    HandoffRequested,
    Message,
    OfferEnded,
    StatusChanged,
    Updated,
)
from tertulia.core.conversation.status import LIVE, Status
from tertulia.core.text.text_matching import Text
from tertulia.core.turn.account_rules import (
    NO_RULES,
    UNREAD,
    AccountRules,
    StoredRule,
    account_rules,
    asks_for_human,
)
from tertulia.core.turn.bot import plan
from tertulia.core.turn.bot_rules import Classification, Facts
from tertulia.core.turn.handoff import ARTICLES, asked_in_words
from tertulia.core.turn.message_analysis import Analysis

TEAM = "00000000-0000-7000-8000-00000000000a"


REFUND = rule(
    "Billing", "keyword", {"keywords": ["refund", "return"]}, assign_team_id=TEAM, assign_strategy="round_robin",
    reply_template_id="t", set_labels=["billing", "refund"], set_priority="high",
)  # fmt: skip
HOURS = rule("Hours", "keyword", {"keywords": ["hours"]}, 2, reply_text="We open at nine.")
COLLECT = rule(
    "Order", "keyword", {"keywords": ["order"]}, 3, collect_info=["name", "email"], assign_team_id=TEAM
)
FALLBACK = rule("Rest", "fallback", None, 0, reply_text="Hello", assign_strategy="least_busy")


def test_i_want_a_refund() -> None:
    thread = Thread(rules(HOURS, REFUND, FALLBACK))
    said = thread.says("I want a REFUND!", key="k")
    kinds = [type(d) for d in said]
    assert kinds == [Message, Updated, Message, HandoffRequested]
    assert said[0].content == "I want a REFUND!" and texts(said) == ["Carla, we pay back."]
    assert said[2].sender_id == REFUND.id and said[2].metadata["rule_id"] == REFUND.id
    assert "refund" in said[2].metadata["reasons"][0]
    c = thread.c
    assert (c.status, c.priority, c.labels, c.team_id) == (Status.OPEN, "high", ("billing", "refund"), TEAM)
    assert c.routing.strategy == "round_robin" and c.handoff_requested and "Billing" in c.handoff_reason
    assert isinstance(thread.outcome, Done) and thread.outcome.entries[0].data == said[0]
    assert thread.write.answer is not None and thread.write.answer.data == said[0]
    assert {e.actor for e in thread.entries[2:]} == {Actor("bot", REFUND.id)}
    thread.check()


def test_a_repeat_triggers_nothing_and_gets_the_first_answer() -> None:
    thread = Thread(rules(HOURS))
    first = thread.says("hours?", key="k")
    seq = thread.c.seq
    assert thread.says("hours?", key="k") == [] and thread.c.seq == seq
    assert thread.outcome.repeated and thread.outcome.entries[0].data == first[0]


def test_the_bot_takes_the_conversation_and_gives_it_to_humans_when_it_knows_no_answer() -> None:
    thread = Thread(rules(HOURS))
    assert texts(thread.says("your hours?")) == ["We open at nine."] and thread.c.status is Status.BOT
    assert texts(thread.says("hours again")) == ["We open at nine."]
    said = thread.says("and something else")
    assert thread.c.status is Status.OPEN and thread.c.handoff_requested and texts(said) == []
    assert [type(d) for d in said[1:]] == [HandoffRequested, StatusChanged]
    assert texts(thread.says("hours")) == []
    thread.check()


def test_what_is_on_offer_to_an_agent_is_withdrawn_when_the_bot_takes_it() -> None:
    thread = Thread(rules(HOURS, rule("Tag", "keyword", {"keywords": ["bill"]}, set_labels=["billing"])))
    thread.says("something else")
    thread.do(Offer("o", "ana", thread.now + 30_000), SERVICE)
    thread.says("my bill")
    assert thread.c.status is Status.OPEN and thread.c.routing.offer is not None, "it waits on"
    said = thread.says("your hours?")
    assert thread.c.status is Status.BOT and texts(said) == ["We open at nine."]
    assert thread.c.routing.offer is None and OfferEnded("o", "ana", "withdrawn") in said
    thread.check()


def test_labels_alone_leave_the_conversation_to_humans() -> None:
    thread = Thread(rules(rule("Label", "keyword", {"keywords": ["bill"]}, set_labels=["billing"])))
    thread.says("my bill")
    assert (
        thread.c.status is Status.OPEN and thread.c.labels == ("billing",) and not thread.c.handoff_requested
    )


def test_who_asks_for_a_human_gets_one_and_no_answer() -> None:
    thread = Thread(rules(REFUND))
    said = thread.says("a refund, and I want to SPEAK to  a húman")
    assert texts(said) == [] and thread.c.handoff_requested and "human" in thread.c.handoff_reason
    assert (thread.c.team_id, thread.c.labels) == (TEAM, ("billing", "refund"))
    own = Thread(rules(HOURS, handoff_keywords=["chef"]))
    assert texts(own.says("a human? hours!")) and own.c.status is Status.BOT
    own.says("der Chef, bitte")
    assert own.c.status is Status.OPEN and own.c.handoff_requested


def test_after_a_handoff_no_bot_speaks_until_the_conversation_was_resolved() -> None:
    thread = Thread(rules(HOURS))
    thread.says("agent!")
    assert thread.c.handoff_requested
    assert texts(thread.says("hours")) == [] and thread.c.status is Status.OPEN
    thread.do(Post("bot", "let me try"), SERVICE)
    assert isinstance(thread.outcome, Refused) and thread.outcome.code == "conflict"
    assert all(way in thread.outcome.detail for way in ("/handback", "agent", "system", "is_private"))
    assert thread.do(Post("bot", "a note", is_private=True), SERVICE)
    thread.do(Assign("a-1"), SERVICE)
    assert texts(thread.says("hours")) == []
    thread.do(Release(), agent("a-1"))
    assert texts(thread.says("hours")) == []
    thread.do(Update(Changes(status=Status.RESOLVED)), SERVICE)
    assert texts(thread.says("hours")) == ["We open at nine."] and thread.c.status is Status.BOT
    thread.check()


@pytest.mark.parametrize("left", [Release(), Release("absent"), Entrust(TEAM, "manual_queue")])
def test_what_a_human_left_waits_for_the_next_human(left: Command) -> None:
    thread = Thread(rules(HOURS, FALLBACK))
    thread.do(Assign("a-1"), SERVICE)
    thread.do(left, SERVICE)
    assert texts(thread.says("hours")) == [] and thread.c.waits and not thread.c.handoff_requested
    assert [type(d) for d in thread.says("a human!")] == [Message, HandoffRequested] and thread.c.waits
    thread.do(Update(Changes(status=Status.RESOLVED)), SERVICE)
    assert texts(thread.says("hours")) == ["We open at nine."] and thread.c.status is Status.BOT
    thread.check()


def test_given_back_the_bot_speaks_again_and_starts_anew() -> None:
    thread = Thread(rules(COLLECT, HOURS))
    thread.says("my order")
    thread.do(Handoff("a colleague asks"), SERVICE)
    assert texts(thread.says("hours")) == [] and thread.c.handoff_requested
    thread.do(Assign("a-1"), SERVICE)
    thread.do(GiveBack(), agent("a-1"))
    assert (thread.c.status, thread.c.assignee_id, thread.c.handoff_requested) == (Status.BOT, None, False)
    assert texts(thread.says("hours")) == ["We open at nine."]
    thread.says("agent!")
    assert thread.c.status is Status.OPEN and thread.c.handoff_requested
    thread.do(GiveBack(), SERVICE)
    assert thread.do(Post("bot", "it is me"), SERVICE)
    thread.check()


def test_unsure_answers_from_before_are_not_held_against_the_bot() -> None:
    thread = Thread(rules())
    hm = Post("bot", "hm", metadata={"low_confidence": True})
    for _ in range(2):
        for _ in range(3):
            assert not thread.c.handoff_requested
            thread.do(hm, SERVICE)
        assert thread.c.handoff_requested
        thread.do(GiveBack(), SERVICE)
    thread.check()


@pytest.mark.parametrize("status", ["assigned", "pending"])
def test_the_bot_is_silent_while_somebody_has_the_conversation(status: str) -> None:
    thread = Thread(rules(HOURS, FALLBACK))
    thread.do(Assign("a-1"), SERVICE)
    if status == "pending":
        thread.do(Update(Changes(status=Status.PENDING)), agent("a-1"))
    assert texts(thread.says("hours, human")) == [] and not thread.c.handoff_requested
    assert thread.c.status is Status.ASSIGNED


def test_three_unsure_answers_in_a_row_hand_over() -> None:
    thread = Thread(rules())
    for n, sure in enumerate([False, False, True, False, False, False]):
        thread.says(f"question {n}")
        assert not thread.c.handoff_requested
        said = thread.do(Post("bot", "hm", metadata={"low_confidence": not sure}), SERVICE)
        assert isinstance(thread.outcome.entries[0].data, Message)
    assert isinstance(said[1], HandoffRequested) and thread.c.handoff_requested
    assert thread.write.answer.data == said[0]
    thread.check()


def test_collecting_information() -> None:
    thread = Thread(rules(COLLECT))
    assert texts(thread.says("my order")) == ["What is your name?"]
    assert thread.c.status is Status.BOT and thread.c.team_id == TEAM
    said = thread.says("Carla")
    assert texts(said) == ["What is your email address?"] and said[-1].sender_id == COLLECT.id
    assert texts(thread.says("what for?")) == ["What is your email address?"]
    said = thread.says("carla@example.com")
    assert thread.c.bot_context == {"name": "Carla", "email": "carla@example.com"}
    assert thread.c.status is Status.OPEN and thread.c.handoff_requested and texts(said) == []
    thread.check()


@pytest.mark.parametrize("last", [["no", "no", "no"], ["human"]])
def test_collecting_that_leads_nowhere_ends_with_a_human(last: list[str]) -> None:
    thread = Thread(rules(COLLECT))
    thread.says("my order")
    thread.says("Carla")
    for text in last:
        assert thread.c.status is Status.BOT
        thread.says(text)
    assert thread.c.status is Status.OPEN and thread.c.handoff_requested
    assert thread.c.bot_context == {"name": "Carla"}


def by_provider(thread: Thread, content: str, *, opens: bool = False) -> list[Any]:
    """A machine's message, as its provider brings it; the thread has an opening of its own unless it `opens` it."""
    if not opens:
        thread.says("hello")
    return thread.do(received(content, metadata={"auto_reply": True}), By("contact", "carla", "service"))


def test_a_machine_wakes_no_bot_and_changes_nothing() -> None:
    thread = Thread(rules(REFUND, HOURS))
    thread.says("hello")
    before = thread.c
    said = by_provider(thread, "Out of office. No refund. I want a human. Our hours are nine to five")
    assert [type(d) for d in said] == [Message] and not thread.c.handoff_requested
    after = thread.c
    assert (after.status, after.labels, after.unread_count) == (before.status, (), before.unread_count + 1)
    assert after.unanswered_since == before.unanswered_since
    asked = Thread(rules(COLLECT))
    assert len(texts(asked.says("my order"))) == 1
    assert [type(d) for d in by_provider(asked, "I am away", opens=True)] == [Message], (
        "no answer to the bot's question"
    )
    assert len(texts(asked.says("Carla"))) == 1
    for one in (thread, asked):
        one.check()


def test_a_conversation_that_a_machine_begins_waits_for_nobody_until_a_person_writes() -> None:
    thread = Thread(rules(HOURS, csat_enabled=True))
    by_provider(thread, "Our hours are nine to five", opens=True)
    c = thread.c
    assert (c.status, c.unread_count, c.csat_due, c.unanswered_since) == (Status.RESOLVED, 0, False, None)
    assert texts(thread.says("which hours?")) == ["We open at nine."]
    assert thread.c.status is Status.BOT and thread.c.unread_count == 1
    thread.check()


def test_a_customer_cannot_say_that_they_are_a_machine() -> None:
    thread = Thread(rules(HOURS))
    assert (
        texts(thread.says("hours", metadata={"auto_reply": True, "recipients": {"to": ["x"]}, "a": 1})) != []
    )
    message = next(e.data for e in thread.entries if isinstance(e.data, Message))
    assert message.metadata == {"a": 1}


def test_automatic_answers_are_bounded_by_the_hour() -> None:
    thread = Thread(rules(HOURS))
    for _ in range(5):
        assert texts(thread.says("hours")) == ["We open at nine."]
    assert texts(thread.says("hours")) == []
    assert thread.c.status is Status.OPEN and thread.c.handoff_requested, "a human sees to it"
    thread.check()
    thread.do(Update(Changes(status=Status.RESOLVED)), SERVICE)
    assert texts(thread.says("hours")) == [], "a reopening does not start the hour anew"
    thread.now += 3_600_000
    thread.do(Update(Changes(status=Status.RESOLVED)), SERVICE)
    assert texts(thread.says("hours")) == ["We open at nine."]
    thread.check()


def test_what_bots_mail_over_the_api_is_bounded_too() -> None:
    thread = Thread(rules(HOURS), channel_type="email")
    assert texts(thread.says("hours")) == ["We open at nine."]
    for n in range(4):
        assert len(thread.do(Post("bot", f"and {n}"), SERVICE)) == 1
    for sender, wait in (("bot", 3_595), ("system", 3_594)):
        assert thread.do(Post(sender, "once more"), SERVICE) == []  # type: ignore[arg-type]
        assert isinstance(thread.outcome, Refused) and thread.outcome.code == "rate_limited"
        assert thread.outcome.retry_after == wait and "/handoff" in thread.outcome.detail
    assert len(thread.do(Post("bot", "a note", is_private=True), SERVICE)) == 1
    assert len(thread.do(Post("agent", "A person may."), SERVICE)) >= 1
    thread.now += 3_600_000
    assert len(thread.do(Post("bot", "another hour"), SERVICE)) == 1
    thread.check()


def test_bots_may_chat_as_much_as_they_like() -> None:
    thread = Thread(rules(HOURS))
    for n in range(50):
        assert len(thread.do(Post("bot", f"and {n}"), SERVICE)) == 1
    thread.check()


def test_questions_for_a_score_are_automatic_answers_too() -> None:
    thread = Thread(rules(HOURS, csat_enabled=True))
    for _ in range(4):
        thread.says("hours")
    asked = 0
    for _ in range(3):
        thread.do(Update(Changes(status=Status.RESOLVED)), SERVICE)
        said = thread.do(Tick(thread.c.timer_at or 0), By("system", None, "system"))
        asked += sum(isinstance(d, Message) for d in said)
        thread.says("ok")
    assert asked == 1
    thread.check()


def test_new_conversations_are_those_the_customer_begins() -> None:
    greeting = rule("Hi", "new_conversation", reply_text="Welcome!")
    thread = Thread(rules(greeting, HOURS))
    assert texts(thread.says("hello")) == ["Welcome!"]
    assert texts(thread.says("hours")) == ["We open at nine."]
    thread.do(Update(Changes(status=Status.RESOLVED)), SERVICE)
    assert texts(thread.says("hours")) == ["Welcome!"]


@pytest.mark.parametrize(
    "bad",
    [
        rule("Bad", "keyword", "nonsense", 0, reply_text="x"),
        rule("Bad", "nonsense", {}, 0, reply_text="x"),
        StoredRule("b", "Bad", 0, "fallback", {}, {"assign_team_id": "not a uuid"}),
        StoredRule("b", "Bad", 0, "fallback", {}, {"reply_template_id": "gone"}),
        StoredRule("b", "Bad", 0, "fallback", None, None),
    ],
)
def test_a_faulty_rule_is_passed_over(bad: StoredRule) -> None:
    account = rules(bad, HOURS)
    assert [f.name for f in account.faulty] == ["Bad"]
    thread = Thread(account)
    assert texts(thread.says("hours")) == ["We open at nine."]


def test_with_rules_that_cannot_be_read_customers_go_to_humans() -> None:
    thread = Thread(rules(HOURS))
    thread.says("hours")
    thread.account = UNREAD
    assert texts(thread.says("hours")) == []
    assert thread.c.status is Status.OPEN and thread.c.handoff_requested


def test_without_rules_there_is_a_conversation_all_the_same() -> None:
    for account in (None, NO_RULES):
        thread = Thread(account)
        assert [type(d) for d in thread.says("hours")] == [Message] and thread.c.status is Status.OPEN


# -- what was found out about a message

DEUTSCH = rule("German", "keyword", {"keywords": ["stunden"], "languages": ["de"]}, 0, reply_text="Ab neun.")
BILLING = rule(
    "Billing", "keyword", {"intent": "billing", "confidence_min": 0.7}, 0, reply_text="About your bill …"
)
ANGRY = Analysis(sentiment=-0.8)


def test_the_language_is_kept_before_rules_are_tried() -> None:
    thread = Thread(rules(DEUTSCH, HOURS))
    said = thread.says("stunden?", Analysis("de"))
    assert said[1] == Updated(ChangedFields(bot_context={"language": "de"})) and thread.entries[
        2
    ].actor == Actor("system")
    assert texts(said) == ["Ab neun."] and thread.c.bot_context == {"language": "de"}
    assert "language de (detected) is one of de" in str(said[2].metadata["reasons"])
    again = thread.says("stunden!", Analysis("fr"))
    assert texts(again) == ["Ab neun."] and thread.c.bot_context == {"language": "de"}
    assert "(detected)" not in str(again[1].metadata["reasons"])
    thread.check()


def test_the_language_is_kept_for_routing_where_no_rule_heeds_it() -> None:
    by_agents = account_rules({}, [], 1, agents_languages=True)
    thread = Thread(by_agents)
    thread.says("a human?!", Analysis(None))
    assert thread.c.handoff_requested and thread.c.bot_context == {}
    thread.says("Ich warte schon lange", Analysis("de"))
    assert thread.c.bot_context == {"language": "de"}
    thread.do(Assign("a-1"), SERVICE)
    thread.check()


@pytest.mark.parametrize(
    ("account", "opening"),
    [(rules(HOURS), {}), (rules(DEUTSCH), {"metadata": {"language": "en"}})],
    ids=["nobody heeds it", "known already"],
)
def test_a_language_that_does_not_matter_is_not_kept(account: AccountRules, opening: dict[str, Any]) -> None:
    thread = Thread(account, **opening)
    thread.says("stunden", Analysis("de"))
    assert thread.c.bot_context == {} and not [e for e in thread.entries if isinstance(e.data, Updated)]


def test_somebodys_conversation_is_left_as_it_is() -> None:
    thread = Thread(rules(DEUTSCH))
    thread.do(Assign("a-1"), SERVICE)
    assert [type(d) for d in thread.says("stunden", Analysis("de", -0.9))] == [Message]


@pytest.mark.parametrize("found", [HOURS, COLLECT, REFUND])
def test_who_is_angry_gets_a_human_and_no_answer(found: StoredRule) -> None:
    thread = Thread(rules(found))
    said = thread.says(f"{found.conditions['keywords'][0]}, you thieves", ANGRY)
    assert texts(said) == [] and thread.c.status is Status.OPEN
    assert thread.c.handoff_requested and thread.c.handoff_reason == "Strongly negative sentiment (-0.80)"
    assert thread.c.team_id == (TEAM if found is not HOURS else None)
    thread.check()


def test_who_gets_angry_at_the_bot_gets_a_human() -> None:
    for account in (rules(HOURS), rules(COLLECT)):
        thread = Thread(account)
        thread.says("hours" if account.rules[0].name == "Hours" else "order")
        assert thread.c.status is Status.BOT
        thread.says("useless", ANGRY)
        assert thread.c.status is Status.OPEN and "sentiment" in thread.c.handoff_reason
        assert thread.c.bot_context == {}
        thread.check()
    bot = Thread(rules())
    bot.do(GiveBack(), SERVICE)
    bot.says("useless", ANGRY)
    assert bot.c.status is Status.OPEN and "sentiment" in bot.c.handoff_reason


def test_where_no_bot_would_answer_anger_changes_nothing() -> None:
    label = rule("Label", "keyword", {"keywords": ["bill"]}, set_labels=["billing"])
    for account in (rules(), rules(HOURS), rules(label)):
        thread = Thread(account)
        thread.says("my bill, you thieves", ANGRY)
        assert thread.c.status is Status.OPEN and not thread.c.handoff_requested


@pytest.mark.parametrize(("threshold", "hands_over"), [(-0.9, False), (-0.7, True), (-1, False)])
def test_the_account_says_how_angry_is_too_angry(threshold: float, hands_over: bool) -> None:
    thread = Thread(rules(HOURS, handoff_sentiment=threshold))
    assert texts(thread.says("hours!!", ANGRY)) == ([] if hands_over else ["We open at nine."])
    assert thread.c.handoff_requested is hands_over


@pytest.mark.parametrize(
    ("classification", "answers"),
    [
        (Classification("billing", 0.7), True),
        (Classification("billing", 0.69), False),
        (Classification("shipping", 0.99), False),
        (None, False),
    ],
)
def test_a_rule_by_intent(classification: Classification | None, answers: bool) -> None:
    thread = Thread(rules(BILLING))
    said = thread.says("what is this on my card?", Analysis(classification=classification))
    assert texts(said) == (["About your bill …"] if answers else [])
    assert thread.c.status is (Status.BOT if answers else Status.OPEN)
    thread.check()


phrases = st.sampled_from(
    [
        "human",
        "Talk to agent",
        "¡ayuda!",
        "humain",
        "人工",
        "person-al",
        "c'est",
        "???",
        "ﬁne",
        "ÅNGSTROM",
        "a b",
    ]
)


@given(
    st.lists(st.one_of(phrases, st.text(max_size=8)), max_size=5).map(" ".join),
    st.lists(st.one_of(phrases, st.text(min_size=1, max_size=6)), max_size=4).map(tuple),
)
def test_the_short_way_to_know_says_the_same(content: str, keywords: tuple[str, ...]) -> None:
    assert asks_for_human(content, keywords) == asked_in_words(Text(content, without=ARTICLES), keywords)


texts_of_customers = st.sampled_from(
    ["refund", "hours", "my order", "Carla", "carla@example.com", "human", "no", "人工", ""]
).filter(bool)
steps = st.one_of(
    st.tuples(st.just("says"), texts_of_customers),
    st.tuples(
        st.just("does"),
        st.sampled_from(
            [
                Post("bot", "hm", metadata={"low_confidence": True}), Post("bot", "yes"), answered(),
                Assign("a-1"), Release(), Update(Changes(status=Status.RESOLVED)), Update(Changes(status=Status.OPEN)),
                Update(Changes(status=Status.PENDING)), GiveBack(), Close(), Update(Changes(labels=("x",))),
            ]
        ),
    ),
)  # fmt: skip
sets_of_rules = st.lists(st.sampled_from([REFUND, HOURS, COLLECT, FALLBACK]), unique_by=id).map(
    lambda r: rules(*r)
)


@searched(50)
@given(sets_of_rules, st.lists(steps, max_size=14))
def test_any_interleaving_replays_and_the_bot_keeps_silent_where_humans_are(
    account: AccountRules, done: list[tuple[str, Any]]
) -> None:
    thread = Thread(account)
    for what, how in done:
        before = thread.c
        said = thread.says(how) if what == "says" else thread.do(how, SERVICE)
        assert not isinstance(thread.outcome, Refused) or thread.outcome.code != "internal"
        answers = [d for d in said if isinstance(d, Message) and d.metadata.get("rule_id")]
        if before.status in (Status.ASSIGNED, Status.PENDING) or (
            before.handoff_requested and before.status in LIVE
        ):
            assert not answers
        if thread.c.status is Status.BOT:
            assert not thread.c.handoff_requested and thread.c.assignee_id is None
        thread.check()


@given(sets_of_rules, texts_of_customers)
def test_a_dry_run_says_what_happens(account: AccountRules, content: str) -> None:
    found = plan(account, Facts(content, "webchat", True), NOW)
    thread = Thread(account)
    said = thread.says(content)
    rule_ids = {d.metadata["rule_id"] for d in said if isinstance(d, Message) and d.sender_type == "bot"}
    matched = found.evaluation.rule
    assert rule_ids <= ({matched.id} if matched else set())
    assert bool(texts(said)) == bool(
        found.actions
        and (found.actions.reply_text or found.actions.reply_template_id or found.actions.collect_info)
    )
    assert thread.c.handoff_requested == (found.handoff is not None)
    assert set(found.actions.set_labels if found.actions else ()) == set(thread.c.labels)
    assert thread.c.team_id == (found.actions.assign_team_id if found.actions else None)
