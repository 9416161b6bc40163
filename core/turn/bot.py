"""The bot's response to a message, within the same turn: its answer, labels and handoff are committed with the message, so no
rule runs twice or is lost.

The bot speaks only while no human holds or held the conversation, and not after one was asked for. It does not answer automatic
messages, which could answer in turn without end (RFC 3834). Messages that no rule answers go to humans. In an account without
rules, services write as bots.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import replace

from ..conversation.entries import (
    Actor,
    ChangedFields,
    Entry,
    EntryData,
    HandoffRequested,
    Message,
    StatusChanged,
    Updated,
    actor,
)
from ..conversation.projection import by_machine
from ..conversation.state import Conversation, State, first_delivery
from ..conversation.status import BOT, OPEN, RESOLVED, Change, next_status
from ..text.languages import language_of
from ..text.templates import render
from . import assisting, form_filling
from .account_rules import AccountRules, asks_for_human, silent, speaks
from .assignment import with_offer_ended
from .bot_rules import Actions, BotRule, Evaluation, Facts, evaluate
from .handoff import angry, unsure
from .message_analysis import NO_ANALYSIS, Analysis

BotResponse = list[tuple[Actor, EntryData]]

BOTS_TURN = frozenset({OPEN, BOT})
"""Statuses in which no human holds the conversation."""
LONGEST = 65_536
MAX_LABELS = 50
MAX_REASONS, LONGEST_REASON = 10, 200
"""Reasons that a bot's message stores, and characters of each."""
SYSTEM = actor("system", None)
UNANSWERED = "No bot rule has an answer"
ANSWERED_ENOUGH = "The bot has answered as often as it may within an hour"


class Plan(msgspec.Struct, frozen=True):
    """The response to a message: the actions of the rule that matched, if any, and why a human takes over, if one does."""

    evaluation: Evaluation
    actions: Actions | None
    handoff: str | None


def plan(account: AccountRules, facts: Facts, at: int, *, bot_has_it: bool = False) -> Plan:
    """Plan the response, for dry runs and for real. A customer who asks for a human gets one and no answer from the bot, but the
    rule's team, labels and priority still apply. The same holds for an angry customer, if the bot would speak or holds the
    conversation."""
    evaluation = evaluate(account.all, facts, at)
    rule = evaluation.rule
    bot_speaks = bot_has_it or (rule is not None and speaks(rule.actions))
    asked = _for_human(facts.content, facts.sentiment, account, bot_speaks=bot_speaks)
    if rule is None:
        return Plan(evaluation, None, asked)
    if asked is None and rule.actions.assist is not None:
        asked = assisting.sensitive(facts.content, rule.actions.assist)
    if asked is not None:
        return Plan(evaluation, silent(rule.actions), asked)
    routes = rule.actions.assign_team_id is not None or rule.actions.assign_strategy is not None
    talks = bool(rule.actions.collect_info) or rule.actions.assist is not None
    return Plan(evaluation, rule.actions, f"Rule “{rule.name}”" if routes and not talks else None)


def _for_human(
    content: str, sentiment: float | None, account: AccountRules, *, bot_speaks: bool = True
) -> str | None:
    """Why a human takes over, if the message asks for one, or, where the bot would speak, has a sentiment below the limit."""
    asked = asks_for_human(content, account.settings.handoff_keywords)
    return angry(sentiment, account.settings.handoff_sentiment) if asked is None and bot_speaks else asked


def respond(
    before: Conversation,
    state: State,
    message: Message,
    account: AccountRules,
    now: int,
    new_id: Callable[[], str],
    analysis: Analysis = NO_ANALYSIS,
) -> BotResponse:
    """The entries that follow `message`, the newest in `state`. `before`: the conversation without it. `analysis`: of the
    message."""
    response = _noted(before, state, message, account, now, new_id, analysis)
    if not response:
        return response
    # an open offer ends if the bot takes the conversation, and agents get a summary if the bot gives it up
    by = {id(data): who for who, data in response}
    all_of_it = with_offer_ended(state.conversation, tuple(data for _, data in response))
    all_of_it = assisting.concluded(state, all_of_it, new_id)
    return [(by.get(id(data), SYSTEM), data) for data in all_of_it]


def _noted(
    before: Conversation,
    state: State,
    message: Message,
    account: AccountRules,
    now: int,
    new_id: Callable[[], str],
    analysis: Analysis,
) -> BotResponse:
    """The same, with a newly detected language stored first for rules and routing, even while the customer waits for a human."""
    c = state.conversation
    if c.status not in BOTS_TURN or message.is_private or by_machine(message):
        return []
    if message.direction != "inbound" or analysis.language is None or not _lacks_language(c, account):
        return _respond(before, state, message, account, now, new_id, analysis)
    context = {**c.bot_context, "language": analysis.language}
    state = replace(state, conversation=replace(c, bot_context=context))
    noted: BotResponse = [(SYSTEM, Updated(ChangedFields(bot_context=context)))]
    return noted + _respond(before, state, message, account, now, new_id, analysis, detected=True)


def _respond(
    before: Conversation,
    state: State,
    message: Message,
    account: AccountRules,
    now: int,
    new_id: Callable[[], str],
    analysis: Analysis,
    detected: bool = False,
) -> BotResponse:
    c = state.conversation
    if c.handoff_requested:
        return []
    if message.sender_type == "bot":
        since = c.routing.given_back
        reason = unsure([_unsure(e.data) for e in state.messages() if e.seq > since and _public_answer(e)])
        return _handed_over(c, reason, SYSTEM) if reason else []
    if message.direction != "inbound":
        return []
    if c.left_to_humans:
        asked = _for_human(message.content, analysis.sentiment, account, bot_speaks=False)
        return _handed_over(c, asked, SYSTEM) if asked else []
    if c.status is BOT and form_filling.under_way(c.bot_context) is not None:
        return _collect(state, message, account, new_id, analysis)
    if c.status is BOT and (talk := assisting.under_way(c.bot_context)) is not None:
        return _assisted(c, message, account, talk, analysis)
    if not account.rules and not account.faulty:
        return _without_rules(c, message, account, analysis)
    new = before.last_message_at is None or before.status is RESOLVED
    facts = Facts(
        message.content,
        c.channel_type,
        new,
        language_of(c.metadata, c.bot_context),
        analysis.classification,
        detected,
        analysis.sentiment,
    )
    found = plan(account, facts, now, bot_has_it=c.status is BOT)
    if found.actions is not None and speaks(found.actions) and not c.may_answer_by_itself(now):
        found = replace(found, actions=silent(found.actions), handoff=found.handoff or ANSWERED_ENOUGH)
    rule = found.evaluation.rule
    if rule is None or found.actions is None:
        if found.handoff is None and c.status is BOT:
            return _handed_over(c, UNANSWERED, SYSTEM)
        return _handed_over(c, found.handoff, SYSTEM) if found.handoff else []
    return _by_rule(c, message, account, rule, found, new_id)


def _assisted(
    c: Conversation, message: Message, account: AccountRules, talk: assisting.Assisting, analysis: Analysis
) -> BotResponse:
    """The conversational bot answers later, in a turn of its own (`assisting.settle`), unless a human takes over now."""
    actions = account.assisting(talk.rule_id)
    if actions is None or actions.assist is None:
        return _handed_over(c, assisting.RULE_GONE, SYSTEM)
    asked = _for_human(message.content, analysis.sentiment, account)
    reason = asked or assisting.sensitive(message.content, actions.assist)
    return [] if reason is None else _handed_over(c, reason, SYSTEM)


def _without_rules(
    c: Conversation, message: Message, account: AccountRules, analysis: Analysis
) -> BotResponse:
    bot_has_it = c.status is BOT
    asked = _for_human(message.content, analysis.sentiment, account, bot_speaks=bot_has_it)
    if asked is None and bot_has_it and account.unread:
        asked = UNANSWERED
    return _handed_over(c, asked, SYSTEM) if asked else []


def _by_rule(
    c: Conversation,
    message: Message,
    account: AccountRules,
    rule: BotRule,
    found: Plan,
    new_id: Callable[[], str],
) -> BotResponse:
    by = actor("bot", rule.id)
    assert found.actions is not None
    changes = changes_of(c, found.actions)
    words: list[str] = []
    replies = found.actions.reply_text is not None or found.actions.reply_template_id is not None
    if replies and (text := account.reply_of(rule)) is not None:
        words.append(filled(text, c))
    handoff = found.handoff
    if found.actions.assist is not None:
        changes["bot_context"] = assisting.begun(c.bot_context, rule.id, message.content)
    elif found.actions.collect_info:
        step = form_filling.start(c.bot_context, found.actions.collect_info)
        if step.context != c.bot_context:
            changes["bot_context"] = step.context
        if step.question is not None:
            words.append(step.question)
        else:
            handoff = _outcome(step)
    response: BotResponse = [(by, Updated(ChangedFields(**changes)))] if changes else []
    reasons = next((v.reasons for v in found.evaluation.verdicts if v.rule_id == rule.id), ())
    response += [(by, _message(c, rule.id, text, new_id, reasons)) for text in words if text.strip()]
    if handoff is not None:
        return response + _handed_over(c, handoff, by)
    if c.status is OPEN and (words or found.actions.assist is not None):
        response.append((by, StatusChanged(c.status, next_status(c.status, Change.BOT_TOOK))))
    return response


def changes_of(c: Conversation, actions: Actions) -> dict[str, Any]:
    """The fields that a rule's actions change."""
    wanted: dict[str, Any] = {}
    labels = tuple(dict.fromkeys((*c.labels, *actions.set_labels)))[: max(MAX_LABELS, len(c.labels))]
    if labels != c.labels:
        wanted["labels"] = labels
    if actions.set_priority not in (None, c.priority):
        wanted["priority"] = actions.set_priority
    if actions.assign_team_id not in (None, c.team_id):
        wanted["team_id"] = actions.assign_team_id
    if actions.assign_strategy not in (None, c.routing.strategy):
        wanted["strategy"] = actions.assign_strategy
    return wanted


def filled(text: str, c: Conversation) -> str:
    """A rule's text with this customer's values filled in."""
    values = {"contact_name": c.contact_name or "", "agent_name": "", "conversation_id": c.id}
    return render(text, values)[:LONGEST]


def _collect(
    state: State, message: Message, account: AccountRules, new_id: Callable[[], str], analysis: Analysis
) -> BotResponse:
    c = state.conversation
    asker = next(
        (m.sender_id for e in reversed(state.messages()) if _public_answer(e) and (m := _of(e))), None
    )
    by = actor("bot", asker)
    asked = _for_human(message.content, analysis.sentiment, account)
    if asked is not None:
        rest = form_filling.given_up(c.bot_context)
        return [(SYSTEM, Updated(ChangedFields(bot_context=rest))), *_handed_over(c, asked, SYSTEM)]
    step = form_filling.answer(c.bot_context, message.content)
    response: BotResponse = (
        [(by, Updated(ChangedFields(bot_context=step.context)))] if step.context != c.bot_context else []
    )
    if step.question is not None:
        return [*response, (by, _message(c, asker, step.question, new_id, ()))]
    return response + _handed_over(c, _outcome(step), by)


def _outcome(step: form_filling.Step) -> str:
    if step.outcome == "complete":
        return "The bot has collected what it asks for"
    return "The customer did not answer the bot's questions"


def _handed_over(c: Conversation, reason: str, by: Actor) -> BotResponse:
    to = next_status(c.status, Change.HANDED_OFF)
    response: BotResponse = [(by, HandoffRequested(reason))]
    return response if to is c.status else [*response, (by, StatusChanged(c.status, to, reason))]


def _message(
    c: Conversation, rule_id: str | None, text: str, new_id: Callable[[], str], reasons: tuple[str, ...]
) -> Message:
    kept = [reason[:LONGEST_REASON] for reason in reasons[:MAX_REASONS]]
    return Message(
        id=new_id(),
        direction="outbound",
        sender_type="bot",
        sender_id=rule_id,
        content=text,
        delivery_status=first_delivery(c),
        metadata={"rule_id": rule_id, "reasons": kept},
    )


def _public_answer(entry: Entry) -> bool:
    m = entry.data
    return isinstance(m, Message) and m.sender_type == "bot" and not m.is_private


def _of(entry: Entry) -> Message:
    assert isinstance(entry.data, Message)
    return entry.data


def _unsure(data: EntryData) -> bool:
    return isinstance(data, Message) and data.metadata.get("low_confidence") is True


def _lacks_language(c: Conversation, account: AccountRules) -> bool:
    """Whether the customer's language matters and is unknown."""
    return account.uses_language and language_of(c.metadata, c.bot_context) is None
