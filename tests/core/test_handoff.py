"""When the bot steps back."""

from __future__ import annotations

import pytest

from tertulia.core.handoff import handoff_reason
from tertulia.core.settings import AccountSettings

KEYWORDS = AccountSettings().handoff_keywords


@pytest.mark.parametrize(
    ("content", "keyword"),
    [
        ("I want to speak to a Human", "human"),
        ("get me your SUPERVISOR.", "supervisor"),
        ("this is a complaint", "complaint"),
    ],
)
def test_the_customer_asks_for_a_human(content: str, keyword: str) -> None:
    assert handoff_reason(content, KEYWORDS) == f"Customer requested human agent (keyword: '{keyword}')"


@pytest.mark.parametrize("content", ["humanity", "my personal data", "mismanagement", "hello"])
def test_a_part_of_a_word_asks_for_nothing(content: str) -> None:
    assert handoff_reason(content, KEYWORDS) is None


def test_an_account_has_its_own_words() -> None:
    assert handoff_reason("ሰው ማናገር እፈልጋለሁ", ("ሰው ማናገር",)) is not None
    assert handoff_reason("a human please", ("ሰው ማናገር",)) is None


@pytest.mark.parametrize(
    ("answers", "hands_over"),
    [
        ([True] * 3, True),
        ([False, True, True, True], True),
        ([True, True], False),
        ([True, True, True, False], False),
        ([True, False, True, True], False),
        ([], False),
    ],
)
def test_three_unsure_answers_in_a_row(answers: list[bool], hands_over: bool) -> None:
    assert (handoff_reason("hm", (), low_confidence=answers) is not None) is hands_over


@pytest.mark.parametrize(
    ("sentiment", "hands_over"), [(-0.51, True), (-0.5, False), (0.9, False), (None, False)]
)
def test_a_strongly_negative_message(sentiment: float | None, hands_over: bool) -> None:
    assert (handoff_reason("hm", (), sentiment=sentiment) is not None) is hands_over
