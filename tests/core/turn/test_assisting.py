"""The conversational bot's turns: what it says, when it hands over, and that it never speaks after that or out of date."""

from __future__ import annotations

from typing import Any

import pytest
from fuzzing import searched
from hypothesis import given
from hypothesis import strategies as st
from ruled_threads import Thread, rule, rules, texts
from samples import SERVICE, agent, answered

from tertulia.core.conversation.commands import (
    Assign,
    BotAnswer,
    By,
    Changes,
    Close,
    Done,
    Edit,
    GiveBack,
    Handoff,
    Post,
    Refused,
    Update,
)
from tertulia.core.conversation.entries import (
    ASSIST,
    Edited,
    Entry,
    HandoffRequested,
    Message,
    StatusChanged,
)
from tertulia.core.conversation.projection import by_machine
from tertulia.core.conversation.status import BOT, Status
from tertulia.core.turn.assisting import ENOUGH, MAX_ANSWERS, NO_PROGRESS, RULE_GONE, STATE
from tertulia.core.turn.bot import plan
from tertulia.core.turn.bot_rules import Facts

ASSISTED = rule(
    "Bot", "fallback", None, 1, assist={"confidence_min": 0.5}, collect_info=["name", "order_number"]
)
BOT_ACTOR = By("bot", ASSISTED.id, "service")


def talk(*more: Any) -> Thread:
    return Thread(rules(ASSISTED, *more))


def reply(thread: Thread, text: str = "Within 30 days. [1]", sure: float = 0.9, **fields: Any) -> list[Any]:
    seen = fields.pop("seen", thread.c.seq)
    return thread.do(BotAnswer(ASSISTED.id, seen, text, sure, **fields), BOT_ACTOR)


def notes(said: list[Any]) -> list[str]:
    return [d.content for d in said if isinstance(d, Message) and d.is_private]


def public(said: list[Any]) -> list[str]:
    return [d.content for d in said if isinstance(d, Message) and not d.is_private and d.sender_type == "bot"]


def test_the_bot_takes_the_conversation_and_answers_when_the_model_has() -> None:
    thread = talk()
    assert texts(thread.says("How do I return this?")) == [] and thread.c.status is Status.BOT
    said = reply(thread, sources=(("a1", "Returns"),), model="rules rules-1")
    assert public(said) == ["Within 30 days. [1]"]
    (message,) = [d for d in said if isinstance(d, Message)]
    assert message.metadata["rule_id"] == ASSISTED.id == message.sender_id
    assert message.metadata[ASSIST]["sources"] == [{"kind": "article", "id": "a1", "title": "Returns"}]
    assert "Returns" in message.metadata["reasons"][1]
    assert thread.c.status is Status.BOT and not thread.c.handoff_requested
    thread.check()


def test_an_answer_is_given_once() -> None:
    thread = talk()
    thread.says("How?")
    seen = thread.c.seq
    assert public(reply(thread, seen=seen))
    assert reply(thread, seen=seen) == [] and isinstance(thread.outcome, Refused)
    assert thread.outcome.code == "stale"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"sure": 0.4}, "not sure enough (0.40 of 0.50)"),
        ({"text": "  "}, "not sure enough"),
        ({"sure": float("nan")}, "not sure enough"),
        ({"wants": "The customer asks for a human"}, "asks for a human"),
        ({"failed": "The language model failed (timeout)"}, "failed (timeout)"),
    ],
)
def test_it_hands_over_with_a_summary(answer: dict[str, Any], reason: str) -> None:
    thread = talk()
    thread.says("Where is  order A-77?")
    told = {"fields": {"order_number": "A-77"}, "summary": "Wants to know where it is."}
    said = reply(thread, **{**told, **answer})
    assert public(said) == [] and thread.c.handoff_requested and thread.c.status is Status.OPEN
    assert reason in thread.c.handoff_reason
    (note,) = notes(said)
    assert (
        "Where is order A-77?" in note
        and "order number: A-77" in note
        and "Wants to know where it is." in note
    )
    assert reason in note
    assert thread.c.bot_context == {"order_number": "A-77"}
    kinds = [type(d) for d in said]
    assert kinds.index(Message) < kinds.index(HandoffRequested)
    thread.check()


def test_three_answers_without_progress() -> None:
    thread = talk()
    for n in range(2):
        thread.says(f"hm {n}")
        assert public(reply(thread, f"What do you mean? {n}"))
    thread.says("hm")
    assert public(reply(thread, "What?")) == [] and thread.c.handoff_reason == NO_PROGRESS


def test_a_new_citation_and_a_told_field_are_progress_and_the_same_again_is_not() -> None:
    thread = talk()
    steps: list[dict[str, Any]] = [
        {}, {}, {"sources": (("a", "A"),)}, {}, {"sources": (("a", "A"),)}, {"fields": {"name": "Ana"}}, {}, {},
    ]  # fmt: skip
    for n, step in enumerate(steps):
        thread.says(f"question {n}")
        assert public(reply(thread, f"answer {n}", **step)), n
    thread.says("once more")
    assert public(reply(thread, fields={"name": "Bea"})) == [] and thread.c.bot_context["name"] == "Ana"


def test_the_number_of_answers_is_bounded() -> None:
    thread = talk()
    for n in range(MAX_ANSWERS):
        thread.says(f"question {n}")
        assert public(reply(thread, sources=((f"a{n}", "A"),)))
    thread.says("more")
    assert not public(reply(thread, sources=(("b", "B"),))) and thread.c.handoff_reason == ENOUGH


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("I want to speak to a human", "human"),
        ("My LAWYER will write to you", "lawyer"),
        ("ጠበቃ እፈልጋለሁ", "ጠበቃ"),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_a_human_is_asked_for_in_the_turn_of_the_message(content: str, reason: str, *, first: bool) -> None:
    thread = talk()
    if not first:
        thread.says("How do I return this?")
    said = thread.says(content)
    assert thread.c.handoff_requested and reason in thread.c.handoff_reason
    assert len(notes(said)) == (0 if first else 1) and STATE not in thread.c.bot_context
    assert reply(thread) == [] and isinstance(thread.outcome, Refused)
    thread.check()


def test_whoever_takes_it_gets_the_summary() -> None:
    for command, by in (
        (Assign("ana"), agent()),
        (Handoff("VIP"), SERVICE),
        (Handoff("VIP", "ana"), SERVICE),
    ):
        thread = talk()
        thread.says("How do I return this?")
        said = thread.do(command, by)
        assert len(notes(said)) == 1 and STATE not in thread.c.bot_context, command
        assert reply(thread) == []
        thread.check()


def test_what_ends_it_leaves_no_summary() -> None:
    for command in (Update(Changes(status=Status.RESOLVED)), Close()):
        thread = talk()
        thread.says("How do I return this?")
        said = thread.do(command, SERVICE)
        assert notes(said) == [] and STATE not in thread.c.bot_context
        thread.check()


def test_a_rule_that_is_gone_hands_over() -> None:
    for step in ("message", "answer"):
        thread = talk()
        thread.says("How do I return this?")
        thread.account = rules()
        _ = thread.says("Hello?") if step == "message" else reply(thread)
        assert thread.c.handoff_reason == RULE_GONE and thread.c.status is Status.OPEN


def test_only_the_bot_itself_answers_like_this() -> None:
    thread = talk()
    thread.says("How?")
    for by in (SERVICE, agent(), agent(role="admin")):
        thread.do(BotAnswer(ASSISTED.id, thread.c.seq, "x", 1.0), by)
        assert isinstance(thread.outcome, Refused) and thread.outcome.code == "forbidden"
    thread.do(Update(Changes(), context={STATE: {}}), SERVICE)
    assert isinstance(thread.outcome, Refused) and thread.outcome.code == "invalid"


def test_a_dry_run_shows_it() -> None:
    found = plan(rules(ASSISTED), Facts("How do I return this?", "webchat", True), 0)
    assert found.actions is not None and found.actions.assist is not None and found.handoff is None
    found = plan(rules(ASSISTED), Facts("I will sue you", "webchat", True), 0)
    assert found.actions is not None and found.actions.assist is None and "sue you" in (found.handoff or "")


EVENTS = st.one_of(
    st.sampled_from(
        ["says", "human", "handoff", "claim", "give_back", "note", "agent", "edit", "machine", "fails"]
    ),
    st.tuples(st.just("read"), st.just(0)),
    st.tuples(st.just("answers"), st.integers(0, 5)),
)


def play(thread: Thread, event: Any, reads: list[int]) -> None:
    """One event. `answers`: the model's answer to one of the reads, in any order."""
    match event:
        case "says":
            thread.says("How do I return this?")
        case "human":
            thread.says("a human please")
        case "handoff":
            thread.do(Handoff("asked"), SERVICE)
        case "claim":
            thread.do(Assign("ana"), agent())
        case "give_back":
            thread.do(GiveBack(), SERVICE)
        case "note":
            thread.do(answered("mind the gap", is_private=True), agent())
        case "agent":
            thread.do(answered("Hello from Ana"), agent())
        case "machine":
            auto = Post("contact", "I am away", metadata={"auto_reply": True})
            thread.do(auto, By("service", "svc", "service"))
        case "edit":
            written = [
                e for e in thread.entries if isinstance(e.data, Message) and e.data.sender_type == "contact"
            ]
            if written:
                m = written[-1].data
                assert isinstance(m, Message)
                text = f"edited {thread.now}"
                thread.do(Edit("p", m.id, written[-1].seq, text, m.content, thread.now), SERVICE)
        case "fails":
            thread.do(
                BotAnswer(ASSISTED.id, thread.c.seq, failed="The language model failed (timeout)"), BOT_ACTOR
            )
        case ("read", _):
            reads.append(thread.c.seq)
        case (_, which):
            if reads:
                reply(
                    thread,
                    f"answer {thread.now}",
                    seen=reads[-1 - which % len(reads)],
                    sources=((str(thread.now), "A"),),
                )


def faults(entries: list[Entry]) -> list[str]:
    """The oracle, by the entries alone: messages of the bot after a handoff, and answers that did not see the newest message."""
    found, held, newest = [], False, 0
    for entry in entries:
        data = entry.data
        if isinstance(data, StatusChanged):
            held = data.to_status is BOT
        elif isinstance(data, HandoffRequested):
            held = False
        elif isinstance(data, Edited):
            newest = entry.seq
        elif isinstance(data, Message) and not data.is_private and not by_machine(data):
            if ASSIST in data.metadata:
                if not held:
                    found.append(f"{entry.seq} after a handoff")
                if data.metadata[ASSIST]["seen"] < newest:
                    found.append(f"{entry.seq} is stale")
            newest = entry.seq
    return found


@searched(50)
@given(st.lists(EVENTS, max_size=25))
def test_in_any_order_nothing_after_a_handoff_and_nothing_stale(events: list[Any]) -> None:
    thread, reads = talk(), list[int]()
    for event in ["says", ("read", 0), *events]:
        play(thread, event, reads)
        assert isinstance(thread.outcome, (Done, Refused))
        if isinstance(thread.outcome, Refused):
            assert thread.outcome.code in ("stale", "conflict", "not_found"), thread.outcome
    assert faults(thread.entries) == []
    thread.check()


def test_the_oracle_sees_what_it_is_there_for() -> None:
    thread = talk()
    thread.says("How?")
    reply(thread)
    *before, last = thread.entries
    assert faults([*before, last]) == []
    handed = Entry(last.account_id, last.conversation_id, 0, 0, last.actor, HandoffRequested("x"))
    assert faults([*before, handed, last]) != []
    newer = Entry(last.account_id, last.conversation_id, 99, 0, last.actor, Edited("m", 1, "a", "b", 1))
    assert faults([*before, newer, last]) != []
