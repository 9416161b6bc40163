"""When the bot hands over."""

from __future__ import annotations

import pytest

from tertulia.core.accounts.account_settings import AccountSettings
from tertulia.core.turn.account_rules import asks_for_human
from tertulia.core.turn.handoff import angry, unsure

KEYWORDS = AccountSettings().handoff_keywords


@pytest.mark.parametrize(
    ("content", "keyword"),
    [
        ("I want to speak to a Human", "speak to human"),
        ("Can I TALK to an agent?", "talk to agent"),
        ("talk to the human agent", "human"),
        ("get me your SUPERVISOR.", "supervisor"),
        ("this is a complaint", "complaint"),
    ],
)
def test_the_customer_asks_for_a_human(content: str, keyword: str) -> None:
    assert asks_for_human(content, KEYWORDS) == f"Customer requested human agent (keyword: '{keyword}')"


def test_an_article_counts_neither_in_a_text_nor_in_a_keyword() -> None:
    assert asks_for_human("get me the boss", ("a boss",)) is not None
    assert asks_for_human("boss!", ("the boss",)) is not None
    assert asks_for_human("the a an", ("the",)) is None


@pytest.mark.parametrize("content", ["humanity", "my personal data", "mismanagement", "hello"])
def test_a_part_of_a_word_asks_for_nothing(content: str) -> None:
    assert asks_for_human(content, KEYWORDS) is None


def test_an_account_has_its_own_words() -> None:
    assert asks_for_human("ሰው ማናገር እፈልጋለሁ", ("ሰው ማናገር",)) is not None
    assert asks_for_human("a human please", ("ሰው ማናገር",)) is None


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
    assert (unsure(answers) is not None) is hands_over


@pytest.mark.parametrize(
    ("sentiment", "below", "hands_over"),
    [
        (-0.51, -0.5, True),
        (-0.5, -0.5, False),
        (0.9, -0.5, False),
        (None, -0.5, False),
        (-0.51, -0.9, False),
        (-0.95, -0.9, True),
        (-1.0, -1.0, False),
    ],
)
def test_a_strongly_negative_message(sentiment: float | None, below: float, hands_over: bool) -> None:
    assert (angry(sentiment, below) is not None) is hands_over
