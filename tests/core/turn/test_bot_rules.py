"""Bot rules: what is accepted, which one matches, and what a dry run says."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from tertulia.core.errors import Invalid
from tertulia.core.turn.bot_rules import (
    BotRule,
    Classification,
    Facts,
    FaultyRule,
    evaluate,
    read_parts,
    stored_rule,
)

NOON = 1_800_014_400_000  # 2027-01-15 12:00 UTC, a Friday; 15:00 in Addis Ababa
HOUR = 3_600_000


def rule(trigger: str, priority: int = 1, id: str = "r", **conditions: Any) -> BotRule:
    found = stored_rule(id, id, priority, trigger, conditions, {"reply_text": id})
    assert isinstance(found, BotRule), found
    return found


def matched(rules: list[Any], at: int = NOON, content: str = "hello", **facts: Any) -> str | None:
    found = evaluate(rules, Facts(content, **{"channel_type": "whatsapp", **facts}), at).rule
    return None if found is None else found.id


def test_the_contract_s_example() -> None:
    conditions = {
        "keywords": ["refund", "return", "cancel"],
        "match_mode": "any",
        "channels": ["whatsapp", "telegram"],
        "time_range": {"start": "18:00", "end": "08:00", "tz": "Africa/Addis_Ababa"},
        "intent": "billing_inquiry",
        "confidence_min": 0.7,
    }
    actions = {
        "reply_template_id": "uuid",
        "reply_text": "We're offline right now...",
        "assign_team_id": "uuid",
        "assign_strategy": "round_robin",
        "set_labels": ["billing"],
        "set_priority": "high",
        "collect_info": ["name", "order_number"],
    }
    night = rule("keyword", **conditions)
    facts = {"content": "I want a refund", "classification": Classification("billing_inquiry", 0.85)}
    assert matched([night], NOON + 6 * HOUR, **facts) == "r"
    assert matched([night], NOON, **facts) is None
    assert read_parts("keyword", conditions, actions)[1].collect_info == ("name", "order_number")


@pytest.mark.parametrize(
    ("conditions", "content", "matches"),
    [
        ({"keywords": ["refund", "return"]}, "I want a Refund.", True),
        ({"keywords": ["refund", "return"]}, "refunded", False),
        ({"keywords": ["refund", "return"], "match_mode": "all"}, "return and REFUND", True),
        ({"keywords": ["refund", "return"], "match_mode": "all"}, "refund", False),
        ({"keywords": ["money back"]}, "my money, back!", True),
        ({"keywords": ["money back"]}, "back my money", False),
        ({"keywords": ["devolución"]}, "DEVOLUCION ya", True),
        ({"keywords": ["退款"]}, "我要退款", True),
        ({"keywords": ["refund"], "channels": ["sms"]}, "refund", False),
    ],
)
def test_keywords(conditions: dict[str, Any], content: str, matches: bool) -> None:
    assert (matched([rule("keyword", **conditions)], content=content) == "r") is matches


@pytest.mark.parametrize(
    ("start", "end", "tz", "at", "matches"),
    [
        ("18:00", "08:00", "UTC", NOON + 8 * HOUR, True),
        ("18:00", "08:00", "UTC", NOON + 19 * HOUR + HOUR - 1, True),
        ("18:00", "08:00", "UTC", NOON + 20 * HOUR, False),
        ("18:00", "08:00", "UTC", NOON, False),
        ("15:00", "16:00", "Africa/Addis_Ababa", NOON, True),
        ("12:00", "13:00", "Africa/Addis_Ababa", NOON, False),
        ("22:00", "24:00", "UTC", NOON + 11 * HOUR, True),
        ("00:00", "24:00", "UTC", NOON, True),
    ],
)
def test_time_based(start: str, end: str, tz: str, at: int, matches: bool) -> None:
    night = rule("time_based", time_range={"start": start, "end": end, "tz": tz})
    assert (matched([night], at) == "r") is matches


def test_channels_new_conversations_languages_and_intents() -> None:
    assert matched([rule("channel", channels=["whatsapp"])]) == "r"
    assert matched([rule("channel", channels=["sms"])]) is None
    assert matched([rule("new_conversation")], new=True) == "r"
    assert matched([rule("new_conversation")], new=False) is None
    amharic = rule("new_conversation", languages=["am"])
    assert matched([amharic], new=True, language="AM") == "r"
    assert matched([amharic], new=True, language="am-ET") == "r"
    assert matched([rule("new_conversation", languages=["am-ET"])], new=True, language="am") == "r"
    assert matched([amharic], new=True) is None
    sure = rule("keyword", intent="billing", confidence_min=0.7)
    assert matched([sure], classification=Classification("billing", 0.7)) == "r"
    assert matched([sure], classification=Classification("billing", 0.6)) is None
    assert matched([sure], classification=Classification("sales", 0.9)) is None
    assert matched([sure]) is None


def test_the_first_by_priority_wins_and_fallbacks_come_last() -> None:
    rules = [
        rule("fallback", 0, "last"),
        rule("keyword", 2, "second", keywords=["refund"]),
        rule("keyword", 1, "first", keywords=["refund"]),
    ]
    assert matched(rules, content="refund") == "first"
    assert matched(rules, content="hello") == "last"
    found = evaluate(rules, Facts("refund", "sms"), NOON)
    assert [v.rule_id for v in found.verdicts] == ["first", "second", "last"]
    assert found.actions is not None and found.actions.reply_text == "first"


def test_a_dry_run_says_why_for_every_rule() -> None:
    rules = [
        rule("keyword", 1, "words", keywords=["refund", "return"], channels=["sms"]),
        rule("time_based", 2, "night", time_range={"start": "18:00", "end": "08:00"}),
        rule("fallback", 3, "rest"),
    ]
    verdicts = evaluate(rules, Facts("hello", "whatsapp"), NOON).verdicts
    assert [(v.rule_id, v.matched, v.reasons) for v in verdicts] == [
        ("words", False, ("has none of “refund”, “return”", "channel whatsapp is not one of sms")),
        ("night", False, ("time is not within 18:00–08:00 UTC",)),
        ("rest", True, ("matches every message",)),
    ]


@pytest.mark.parametrize(
    ("trigger", "conditions", "actions", "path"),
    [
        ("keyword", {}, {}, "conditions.keywords"),
        ("channel", {}, {}, "conditions.channels"),
        ("time_based", {}, {}, "conditions.time_range"),
        ("keyword", {"keywords": [""]}, {}, "conditions.keywords[0]"),
        ("keyword", {"keywords": ["x"], "match_mode": "some"}, {}, "conditions.match_mode"),
        ("keyword", {"keywords": ["x"], "nope": 1}, {}, "conditions.nope"),
        ("time_based", {"time_range": {"start": "08:00", "end": "08:00"}}, {}, "conditions.time_range.end"),
        ("time_based", {"time_range": {"start": "25:00", "end": "08:00"}}, {}, "conditions.time_range.start"),
        (
            "time_based",
            {"time_range": {"start": "18:00", "end": "08:00", "tz": "Mars/Base"}},
            {},
            "conditions.time_range.tz",
        ),
        ("fallback", {"confidence_min": 2}, {}, "conditions.confidence_min"),
        ("fallback", {}, {"assign_strategy": "magic"}, "actions.assign_strategy"),
        ("fallback", {}, {"collect_info": ["_collecting"]}, "actions.collect_info[0]"),
        ("fallback", [], {}, "conditions"),
    ],
)
def test_wrong_rules_are_refused_by_path(trigger: Any, conditions: Any, actions: Any, path: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_parts(trigger, conditions, actions)
    assert caught.value.errors[0][0] == path
    stored = stored_rule("r", "r", 1, trigger, conditions, actions)
    assert isinstance(stored, FaultyRule) and path in stored.fault


def test_a_faulty_rule_is_reported_and_skipped() -> None:
    unreadable = stored_rule("old", "Old", 1, "moon_phase", {}, {})
    breaks = replace(rule("new_conversation", 2, "breaks"), conditions=None)  # as no check would let it in
    rules = [unreadable, breaks, rule("fallback", 3, "rest")]
    found = evaluate(rules, Facts("hello", "sms", new=True, language="en"), NOON)
    assert found.rule is not None and found.rule.id == "rest"
    assert [(v.rule_id, v.faulty) for v in found.verdicts] == [
        ("old", True),
        ("breaks", True),
        ("rest", False),
    ]
    (why,) = found.verdicts[1].reasons
    assert why.startswith("faulty: AttributeError: ")


def test_no_rule_no_actions() -> None:
    assert evaluate([], Facts("hello", "sms"), NOON).actions is None
