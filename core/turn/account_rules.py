"""An account's settings and active bot rules, checked and ready for the turns of its conversations."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import msgspec
from msgspec.structs import replace

from ..accounts.account_settings import AccountSettings, Sla, known_settings
from ..text.normalization import MAX_FOLDED
from ..text.text_matching import Text, fold
from .bot_rules import Actions, BotRule, FaultyRule, stored_rule
from .handoff import ARTICLES, asked_in_words

MAX_RULES = 200
"""Bot rules of one account."""


class StoredRule(msgspec.Struct, frozen=True):
    """An active rule as stored. `template`: the text it refers to. `team`: whether the team it refers to exists."""

    id: str
    name: str
    priority: int
    trigger_type: Any
    conditions: Any
    actions: Any
    template: str | None = None
    team: bool = False


class AccountRules(msgspec.Struct, frozen=True):
    """`templates`: texts by the id of the rule that answers with them. `answers_timed`: some priority has a target for replies
    after the first. `version` changes with the rules. `unread`: the account's rules could not be read. `uses_language`: a rule
    or routing depends on the customer's language. `uses_intent`: a rule depends on the classifier."""

    settings: AccountSettings = AccountSettings()
    rules: tuple[BotRule, ...] = ()
    faulty: tuple[FaultyRule, ...] = ()
    templates: dict[str, str] = {}
    answers_timed: bool = False
    version: int = 0
    unread: bool = False
    uses_language: bool = False
    uses_intent: bool = False

    @property
    def all(self) -> tuple[BotRule | FaultyRule, ...]:
        return self.rules + self.faulty

    @property
    def needs_analysis(self) -> bool:
        """Whether anything depends on more than the words of a message."""
        return bool(self.rules) or self.uses_language or self.uses_intent

    def reply_of(self, rule: BotRule) -> str | None:
        """The text a rule answers with, before its variables are filled in."""
        return self.templates.get(rule.id, rule.actions.reply_text)

    def assisting(self, rule_id: str) -> Actions | None:
        """The actions of a rule by which the conversational bot answers; None if there is no such rule any more."""
        rule = next((rule for rule in self.rules if rule.id == rule_id), None)
        return None if rule is None or rule.actions.assist is None else rule.actions


NO_RULES = AccountRules()
"""The defaults alone."""
UNREAD = AccountRules(unread=True)
"""Stands in for rules that could not be read."""


def account_rules(
    settings: dict[str, Any], stored: Iterable[StoredRule], version: int, agents_languages: bool = False
) -> AccountRules:
    """Check stored settings and rules. Never raises: unreadable settings count as not set, unreadable rules as faulty.

    `agents_languages`: some agent has listed languages.
    """
    known = known_settings(settings)
    rules: list[BotRule] = []
    faulty: list[FaultyRule] = []
    templates: dict[str, str] = {}
    for one in stored:
        rule = _checked(one)
        if isinstance(rule, FaultyRule):
            faulty.append(rule)
            continue
        rules.append(rule)
        if one.template is not None:
            templates[rule.id] = one.template
    conditions = [rule.conditions for rule in rules]
    return AccountRules(
        known,
        tuple(rules),
        tuple(faulty),
        templates,
        _answers_timed(known.sla),
        version,
        uses_language=agents_languages or any(c.languages for c in conditions),
        uses_intent=any(c.intent is not None or c.confidence_min is not None for c in conditions),
    )


def _checked(one: StoredRule) -> BotRule | FaultyRule:
    rule = stored_rule(one.id, one.name, one.priority, one.trigger_type, one.conditions, one.actions)
    if isinstance(rule, FaultyRule):
        return rule
    if rule.actions.assign_team_id is not None and not one.team:
        return FaultyRule(rule.id, rule.name, rule.priority, "actions.assign_team_id: there is no such team")
    gone = rule.actions.reply_template_id is not None and one.template is None
    if gone and rule.actions.reply_text is None:
        fault = "actions.reply_template_id: there is no such canned response"
        return FaultyRule(rule.id, rule.name, rule.priority, fault)
    return rule


def _answers_timed(sla: Sla) -> bool:
    return any(t.next_reply_minutes is not None for t in (sla, *sla.priorities.values()))


def asks_for_human(content: str, keywords: tuple[str, ...]) -> str | None:
    """`asked_in_words`, with a cheap check first that rules out most ASCII texts."""
    content = content[:MAX_FOLDED]
    if content.isascii():
        lowered = content.lower()
        for word in _first_words(keywords):  # half the time of `any`
            if word in lowered:
                break
        else:
            return None
    return asked_in_words(Text(content, without=ARTICLES), keywords)


@lru_cache(maxsize=4096)
def _first_words(keywords: tuple[str, ...]) -> tuple[str, ...]:
    """For each keyword, a run of ASCII letters and digits that every ASCII text with the keyword contains; articles do not
    count. Empty, which every text contains, for a keyword without one."""
    firsts: set[str] = set()
    for keyword in keywords:
        folded = fold(keyword)
        words = "".join(c if c.isascii() and c.isalnum() else " " for c in folded).split()
        firsts.add(next((word for word in words if word not in ARTICLES), ""))
    return tuple(sorted(firsts))


def silent(actions: Actions) -> Actions:
    """A rule's actions without those that speak to the customer."""
    return replace(actions, reply_text=None, reply_template_id=None, collect_info=(), assist=None)


def speaks(actions: Actions) -> bool:
    """Whether a rule's actions include a message to the customer."""
    return silent(actions) != actions
