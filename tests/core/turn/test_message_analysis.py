"""When a message is analysed, and which results are trusted. The libraries are tested in tests/actors."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from samples import (
    ACCOUNT,
    CHANNEL,
    CONTACT,
    NOW,
    OPENING,
    agent,
    answered,
    received,
    to_conversation,
    to_thread,
)

from tertulia.core.conversation.commands import Envelope, MarkRead
from tertulia.core.conversation.state import Conversation, LastHeld, RoutingState
from tertulia.core.conversation.status import Status
from tertulia.core.text.languages import language_of
from tertulia.core.turn.account_rules import NO_RULES, UNREAD, AccountRules, StoredRule, account_rules
from tertulia.core.turn.message_analysis import (
    Wanted,
    believed,
    believed_english,
    by_script,
    has_words,
    wanted,
)


def account(agents_languages: bool = False, sentiment: float = -0.5, **conditions: Any) -> AccountRules:
    rule = StoredRule(
        "r", "R", 1, "keyword", {"keywords": ["hours"]} | conditions, {"reply_text": "At nine."}
    )
    return account_rules({"handoff_sentiment": sentiment}, [rule], 1, agents_languages)


def conversation(status: Status = Status.OPEN, **fields: Any) -> Conversation:
    return Conversation(
        id="c", account_id=ACCOUNT, channel_id=CHANNEL, channel_type="webchat", contact_id=CONTACT,
        contact_identifier="+100", created_at=NOW, updated_at=NOW, waiting_since=NOW, status=status, **fields,
    )  # fmt: skip


MESSAGE = to_thread(received("my words"))
QUIET = account(sentiment=-1)
GERMAN, INTENT = account(sentiment=-1, languages=["de"]), account(sentiment=-1, intent="billing")


@pytest.mark.parametrize("rules", [NO_RULES, UNREAD, QUIET])
def test_where_nothing_matters_nothing_is_asked(rules: AccountRules) -> None:
    for c in (None, *(conversation(status) for status in Status)):
        if rules is QUIET or c is None or c.status is not Status.BOT:
            assert wanted(MESSAGE, c, rules) is None


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (account(), {"sentiment_below": -0.5}),
        (account(sentiment=-0.9), {"sentiment_below": -0.9}),
        (GERMAN, {"detect": True}),
        (account_rules({"handoff_sentiment": -1}, [], 1, agents_languages=True), {"detect": True}),
        (INTENT, {"classify": True}),
        (account(sentiment=-1, confidence_min=0.5), {"classify": True}),
    ],
)
def test_what_matters_to_the_account_is_asked_in_the_bots_turn(
    rules: AccountRules, expected: dict[str, Any]
) -> None:
    want = Wanted(ACCOUNT, "webchat", "my words", **expected)
    assert wanted(MESSAGE, None, rules) == want
    for status in Status:
        asked = wanted(MESSAGE, conversation(status), rules)
        assert (asked == want) is (status in (Status.OPEN, Status.BOT, Status.RESOLVED))
        if status in (Status.ASSIGNED, Status.PENDING, Status.CLOSED, Status.EXPIRED):
            assert asked is None


def test_a_bot_without_rules_steps_back_too() -> None:
    assert wanted(MESSAGE, conversation(Status.BOT), NO_RULES) == Wanted(
        ACCOUNT, "webchat", "my words", sentiment_below=-0.5
    )


@pytest.mark.parametrize(
    "envelope",
    [
        to_conversation(answered("my words"), "c"),
        to_conversation(MarkRead(1), "c"),
        to_conversation(replace(answered("x"), sender_type="bot"), "c", agent()),
    ],
)
def test_only_customers_words_are_listened_to(envelope: Envelope) -> None:
    rules = account(True, languages=["de"], intent="billing")
    assert wanted(envelope, conversation(), rules) is None


def test_after_a_handoff_only_the_language_matters() -> None:
    rules = account(languages=["de"], intent="billing")
    for status in (Status.OPEN, Status.RESOLVED):
        asked = wanted(MESSAGE, conversation(status, handoff_requested=True), rules)
        assert asked is not None and asked.detect
        assert (asked.sentiment_below is None, asked.classify) == (
            (True, False) if status is Status.OPEN else (False, True)
        )


@pytest.mark.parametrize(
    "routing",
    [RoutingState(strategy="round_robin"), RoutingState(last=LastHeld("ana", NOW + 1))],
    ids=["team", "had"],
)
def test_what_is_left_to_humans_is_not_the_bots_to_understand(routing: RoutingState) -> None:
    c = conversation(routing=routing)
    assert c.left_to_humans
    assert wanted(MESSAGE, c, INTENT) is None and wanted(MESSAGE, c, account()) is None
    assert wanted(MESSAGE, c, GERMAN) is not None, "who gets it speaks the language"
    assert wanted(MESSAGE, replace(c, status=Status.BOT), INTENT) is not None


def test_an_answer_to_the_bots_question_is_not_classified() -> None:
    collecting = {"_collecting": {"fields": ["name"]}}
    assert wanted(MESSAGE, conversation(Status.BOT, bot_context=collecting), INTENT) is None


@pytest.mark.parametrize(
    ("metadata", "bot_context", "known"),
    [
        ({}, {}, None),
        ({"language": "de"}, {"language": "en"}, "de"),
        ({"language": 7}, {"language": "en"}, "en"),
        ({"language": ""}, {}, None),
        ({"language": None}, {"language": ["en"]}, None),
        ({}, {"language": "am"}, "am"),
    ],
)
def test_the_language_that_is_known(
    metadata: dict[str, Any], bot_context: dict[str, Any], known: str | None
) -> None:
    assert language_of(metadata, bot_context) == known
    c = conversation(metadata=metadata, bot_context=bot_context)
    rules = account(languages=["de"])
    asked = wanted(MESSAGE, c, rules)
    assert (asked is not None and asked.detect) is (known is None)
    opened = replace(MESSAGE, command=replace(received(), opening=replace(OPENING, metadata=metadata)))
    first = wanted(opened, None, rules)
    assert (first is not None and first.detect) is (language_of(metadata, {}) is None)


@pytest.mark.parametrize(
    ("known", "scored"), [("en", True), ("en-GB", True), ("EN_us", True), ("de", False), ("eng", False)]
)
def test_the_mood_of_what_is_known_not_to_be_english_is_not_scored(known: str, scored: bool) -> None:
    asked = wanted(MESSAGE, conversation(metadata={"language": known}), account())
    assert (asked is not None) is scored


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("ገንዘቤ እንዲመለስልኝ እፈልጋለሁ", "am"),
        ("ሰላም", "am"),
        ("ሰላም hi", "am"),
        ("order ሰላም for my friend please", None),
        ("ሀ", None),
        ("hello", None),
        ("", None),
        ("123", None),
    ],
)
def test_the_ethiopic_script_is_amharic(text: str, language: str | None) -> None:
    assert by_script(text) == language


@pytest.mark.parametrize(
    ("text", "enough"),
    [
        ("ok", False),
        ("12345", False),
        ("AB-1234", False),
        ("👍👍👍👍👍👍👍", False),
        ("...", False),
        ("refund", True),
        ("我要退款", True),
        ("谢谢", False),
        ("환불해", True),
        ("спасибо", True),
    ],
)
def test_a_language_takes_some_words(text: str, enough: bool) -> None:
    assert has_words(text) is enough


@given(st.text(max_size=60))
def test_any_text_may_come(text: str) -> None:
    assert by_script(text) in ("am", None) and has_words(text) in (True, False)


def test_a_detector_is_believed_where_it_is_sure() -> None:
    assert believed("de", 0.9) == "de" and believed("de", 0.39) is None
    assert believed("zxx", 0.99) is None
    assert believed("arz", 0.8) == "ar" and believed("nn", 0.8) == "no"
    assert believed_english("en", 0.31) and not believed_english("en", 0.2) and not believed_english("de", 1)
