"""What the turns of an account's conversations go by: its settings and its active bot rules, ready to be used."""

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
from .handoff import asked_in_words

MAX_RULES = 200
"""Rules of one account."""


class StoredRule(msgspec.Struct, frozen=True):
    """An active rule as stored. `template` is the text it names, `team` whether the team it names is there."""

    id: str
    name: str
    priority: int
    trigger_type: Any
    conditions: Any
    actions: Any
    template: str | None = None
    team: bool = False


class AccountRules(msgspec.Struct, frozen=True):
    """`templates`: texts by the id of the rule that answers with them. `answers_timed`: some priority has a target for answers
    after the first. `version` tells a change. `unread`: the account's own could not be read. `heeds_language`: it matters in
    which language a customer writes, to a rule or to who gets the conversation; `heeds_intent`: what a classifier says matters
    to a rule."""

    settings: AccountSettings = AccountSettings()
    rules: tuple[BotRule, ...] = ()
    faulty: tuple[FaultyRule, ...] = ()
    templates: dict[str, str] = {}
    answers_timed: bool = False
    version: int = 0
    unread: bool = False
    heeds_language: bool = False
    heeds_intent: bool = False

    @property
    def all(self) -> tuple[BotRule | FaultyRule, ...]:
        return self.rules + self.faulty

    @property
    def listens(self) -> bool:
        """Whether anything goes by more than the words of a message."""
        return bool(self.rules) or self.heeds_language or self.heeds_intent

    def reply_of(self, rule: BotRule) -> str | None:
        """The text a rule answers with, before its variables are filled in."""
        return self.templates.get(rule.id, rule.actions.reply_text)


NO_RULES = AccountRules()
"""Nothing but the defaults."""
UNREAD = AccountRules(unread=True)
"""What there is to go by when an account's own could not be read."""


def account_rules(
    settings: dict[str, Any], stored: Iterable[StoredRule], version: int, agents_languages: bool = False
) -> AccountRules:
    """Never raises: what cannot be read counts as not set, or as a faulty rule. `agents_languages`: some agent speaks certain
    languages only."""
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
        heeds_language=agents_languages or any(c.languages for c in conditions),
        heeds_intent=any(c.intent is not None or c.confidence_min is not None for c in conditions),
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
    """`asked_in_words`, at the price of a few searches where a text of plain letters has no keyword in it anyhow."""
    content = content[:MAX_FOLDED]
    if content.isascii():
        lowered = content.lower()
        if not any(word in lowered for word in _first_words(keywords)):
            return None
    return asked_in_words(Text(content), keywords)


@lru_cache(maxsize=4096)
def _first_words(keywords: tuple[str, ...]) -> tuple[str, ...]:
    """What a text has in it that has one of the keywords: each one's first run of plain letters and digits. A keyword that
    has none is in no text of plain letters, unless it is one of signs, which any text might have."""
    firsts: set[str] = set()
    for keyword in keywords:
        folded = fold(keyword)
        words = "".join(c if c.isascii() and c.isalnum() else " " for c in folded).split()
        firsts.add(words[0] if words else "")
    return tuple(sorted(firsts))


def silent(actions: Actions) -> Actions:
    """What a rule does for the one who takes over, without a word to the customer."""
    return replace(actions, reply_text=None, reply_template_id=None, collect_info=())


def speaks(actions: Actions) -> bool:
    """Whether a rule says anything to the customer."""
    return silent(actions) != actions
