"""One question per field, answers kept, and a human when it is done or gets nowhere."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.core.turn.form_filling import PATIENCE, STATE, answer, question, start, under_way


def test_a_conversation() -> None:
    step = start({"topic": "refund"}, ["name", "order_number", "size"])
    assert step.question == "What is your name?" and step.outcome is None
    step = answer(step.context, " Abebe ")
    assert step.question == "What is your order number?"
    step = answer(step.context, "I do not know")
    assert step.question == "What is your order number?", "asked again"
    step = answer(step.context, "it is A-17")
    assert step.question == "Please tell us: size"
    step = answer(step.context, "XL")
    assert (step.question, step.outcome) == (None, "complete")
    assert step.context == {"topic": "refund", "name": "Abebe", "order_number": "it is A-17", "size": "XL"}


def test_three_messages_without_progress_hand_over_what_is_known() -> None:
    step = answer(start({}, ["name", "email"]).context, "Abebe")
    for content in ("no", "why?"):
        step = answer(step.context, content)
        assert step.outcome is None
    step = answer(step.context, "never")
    assert (step.question, step.outcome, step.context) == (None, "no_progress", {"name": "Abebe"})


def test_progress_makes_patient_again() -> None:
    step = start({}, ["email", "phone"])
    for content in ("no", "no", "a@b.example", "no", "no"):
        step = answer(step.context, content)
        assert step.outcome is None
    assert answer(step.context, "+251 91 123 4567").outcome == "complete"


def test_what_is_known_is_not_asked() -> None:
    assert start({"name": "Abebe"}, ["name", "email"]).question == question("email")
    assert start({"name": "Abebe"}, ["name"]).outcome == "complete"
    assert start({}, []).outcome == "complete"


@pytest.mark.parametrize("stored", [None, 7, {"fields": "x"}, {"other": 1}])
def test_a_state_that_makes_no_sense_is_none(stored: object) -> None:
    assert under_way({STATE: stored}) is None
    with pytest.raises(ValueError, match="nothing is being collected"):
        answer({STATE: stored}, "hello")


fields = st.lists(st.sampled_from(["name", "email", "phone", "order_number", "size"]), max_size=5)


@given(
    fields, st.lists(st.sampled_from(["", "👋", "...", "Abebe", "a@b.example", "+251911234567"]), max_size=40)
)
def test_it_always_comes_to_an_end(asked: list[str], contents: list[str]) -> None:
    step, questions = start({}, asked), 0
    for content in contents:
        if step.outcome is not None:
            break
        questions += 1
        step = answer(json.loads(json.dumps(step.context)), content)
        assert (step.question is None) == (step.outcome is not None)
    assert questions <= PATIENCE * max(1, len(set(asked)))
    if step.outcome == "complete":
        assert step.context.keys() == set(asked)
