"""`/v1/bot-rules`: the bot's rules, and a trial of them on a message."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from aiohttp import web

from ....actors.clock import fresh_id, now_ms
from ....core.accounts.records import ChannelType
from ....core.errors import Invalid, NotFound
from ....core.ids import is_uuid
from ....core.ports.bots import BotRuleRecord
from ....core.text.fields import CreatedAt, Id, NextCursor, UpdatedAt, about
from ....core.times import rfc3339
from ....core.turn.bot import plan
from ....core.turn.bot_rules import Actions, Conditions, Facts, TriggerType, read_parts
from ....core.turn.message_analysis import NO_ANALYSIS, for_first
from ...actions import conversations
from ...framework.endpoint import Call, Route, answer, created, no_content
from ...framework.pagination import PageQuery, author, check_size, cursor, given, place

TAG = "bot rules"
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
Priority = Annotated[
    int,
    msgspec.Meta(
        ge=-1_000_000, le=1_000_000, description="Lower values first; among equal ones, the older rule"
    ),
]
Parts = dict[str, Any]
MAX_ACTIONS = 300_000
EARLIEST, LATEST = 1971, 9000


class NewBotRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[Name, about("The rule's name", "Refunds")]
    trigger_type: Annotated[TriggerType, about("The event that triggers the rule")]
    priority: Annotated[Priority, about("Lower values first; among equal ones, the older rule")] = 100
    is_active: Annotated[bool, about("Whether the rule is active")] = True
    conditions: Annotated[Parts, about("The conditions", {"keywords": ["refund"]}, shown_as=Conditions)] = {}
    actions: Annotated[Parts, about("The actions", {"set_labels": ["refund"]}, shown_as=Actions)] = {}


class BotRulePatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`conditions` and `actions` are replaced as a whole."""

    name: Annotated[Name | msgspec.UnsetType, about("The rule's name", "Refunds")] = msgspec.UNSET
    trigger_type: Annotated[TriggerType | msgspec.UnsetType, about("The event that triggers the rule")] = (
        msgspec.UNSET
    )
    priority: Annotated[
        Priority | msgspec.UnsetType, about("Lower values first; among equal ones, the older rule")
    ] = msgspec.UNSET
    is_active: Annotated[bool | msgspec.UnsetType, about("Whether the rule is active")] = msgspec.UNSET
    conditions: Annotated[
        Parts | msgspec.UnsetType, about("The conditions", {"keywords": ["refund"]}, shown_as=Conditions)
    ] = msgspec.UNSET
    actions: Annotated[
        Parts | msgspec.UnsetType, about("The actions", {"set_labels": ["refund"]}, shown_as=Actions)
    ] = msgspec.UNSET


class BotRuleView(msgspec.Struct, frozen=True):
    id: Id
    name: Annotated[str, about("The rule's name", "Refunds")]
    priority: Annotated[int, about("Lower values first; among equal ones, the older rule", 100)]
    is_active: Annotated[bool, about("Whether the rule is active")]
    trigger_type: Annotated[TriggerType, about("The event that triggers the rule")]
    conditions: Annotated[Parts, about("The conditions", {"keywords": ["refund"]}, shown_as=Conditions)]
    actions: Annotated[Parts, about("The actions", {"set_labels": ["refund"]}, shown_as=Actions)]
    created_at: CreatedAt
    updated_at: UpdatedAt


class BotRulesPage(msgspec.Struct, frozen=True):
    items: Annotated[list[BotRuleView], about("The rules")]
    next_cursor: NextCursor


class BotRuleTest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A customer's first message. `at`: its time, RFC 3339, by default now. `language`: by default detected, if rules or agents
    depend on it. The classifier is asked as for a real message."""

    content: Annotated[conversations.Content, about("A customer's first message", "I want a refund")]
    channel_type: Annotated[ChannelType, about("The channel it is written on")]
    at: Annotated[
        datetime | None,
        about("When it is written; now by default", "2026-03-02T09:30:00Z", format="date-time"),
    ] = None
    language: Annotated[
        Annotated[str, msgspec.Meta(min_length=2, max_length=35)] | None,
        about("Its language; detected by default, if rules or agents depend on it", "en"),
    ] = None


class BotRuleVerdictView(msgspec.Struct, frozen=True):
    rule_id: Annotated[Id, about("The rule")]
    name: Annotated[str, about("Its name", "Refunds")]
    matched: Annotated[bool, about("Whether all conditions hold")]
    reasons: Annotated[
        tuple[str, ...], about("Why it matched, or each condition that does not hold", ["has refund"])
    ]
    faulty: Annotated[bool, about("Whether this version of the server cannot read the rule")]


class BotRuleTestActions(Actions, frozen=True, kw_only=True):
    """A rule's effects, and why a human would take over."""

    handoff: Annotated[str | None, about("Why it would be handed to a human", "keyword: human")] = None


class BotRuleTestResult(msgspec.Struct, frozen=True):
    """Every active rule in order of evaluation, and the actions of the first one that matches; their `handoff` says why a human
    would take over."""

    rules: Annotated[list[BotRuleVerdictView], about("Every active rule, in the order of evaluation")]
    actions: Annotated[
        Parts,
        about(
            "What the first rule that matches does", {"set_labels": ["refund"]}, shown_as=BotRuleTestActions
        ),
    ]


def view(r: BotRuleRecord) -> BotRuleView:
    times = rfc3339(r.created_at), rfc3339(r.updated_at)
    return BotRuleView(r.id, r.name, r.priority, r.is_active, r.trigger_type, r.conditions, r.actions, *times)


async def _check(call: Call[Any], trigger_type: TriggerType, conditions: Parts, does: Parts) -> None:
    """Raises Invalid with paths below `conditions` and `actions`."""
    check_size(conditions, "conditions")
    if len(msgspec.json.encode(does)) > MAX_ACTIONS:
        raise Invalid("the rule is not valid", errors=(("actions", f"at most {MAX_ACTIONS} bytes as JSON"),))
    _, wanted = read_parts(trigger_type, conditions, does)
    stores, account = call.services.stores, call.account_id
    team, text = wanted.assign_team_id, wanted.reply_template_id
    if team is not None and not (is_uuid(team) and await stores.teams.get(account, team)):
        raise Invalid(
            "the rule is not valid", errors=(("actions.assign_team_id", "is not a team of this account"),)
        )
    if text is not None and not (is_uuid(text) and await stores.canned.get(account, text)):
        fault = ("actions.reply_template_id", "is not a canned response of this account")
        raise Invalid("the rule is not valid", errors=(fault,))


async def create(call: Call[NewBotRule]) -> web.Response:
    b = call.body
    await _check(call, b.trigger_type, b.conditions, b.actions)
    wanted = BotRuleRecord(
        fresh_id(),
        call.account_id,
        b.name,
        b.priority,
        b.is_active,
        b.trigger_type,
        b.conditions,
        b.actions,
        0,
        0,
    )
    made = await call.services.stores.bot_rules.create(wanted, author(call))
    await conversations.refresh_rules(call)
    return created(view(made), BASE)


async def index(call: Call[None]) -> web.Response:
    query: PageQuery = call.query
    page = await call.services.stores.bot_rules.page(call.account_id, place(query.cursor), query.limit)
    return answer(BotRulesPage([view(r) for r in page.items], cursor(page.next)))


async def _found(call: Call[Any]) -> BotRuleRecord:
    found = await call.services.stores.bot_rules.get(call.account_id, call.id())
    if found is None:
        raise _unknown()
    return found


async def read(call: Call[None]) -> web.Response:
    return answer(view(await _found(call)))


async def patch(call: Call[BotRulePatch]) -> web.Response:
    before, changes = await _found(call), given(call.body)
    if changes.keys() & {"trigger_type", "conditions", "actions"}:
        now = {f: changes.get(f, getattr(before, f)) for f in ("trigger_type", "conditions", "actions")}
        await _check(call, now["trigger_type"], now["conditions"], now["actions"])
    after = await call.services.stores.bot_rules.update(call.account_id, before.id, changes, author(call))
    if after is None:
        raise _unknown()
    await conversations.refresh_rules(call)
    return answer(view(after))


async def delete(call: Call[None]) -> web.Response:
    if not await call.services.stores.bot_rules.delete(call.account_id, call.id(), author(call)):
        raise _unknown()
    await conversations.refresh_rules(call)
    return no_content()


async def test(call: Call[BotRuleTest]) -> web.Response:
    b = call.body
    account = await call.services.stores.bot_rules.in_force(call.account_id)
    if account is None:
        raise NotFound("no such account")
    at = _instant(b.at)
    want = for_first(call.account_id, b.content, b.channel_type, b.language, account)
    analysis = NO_ANALYSIS if want is None else await call.services.analyser.analyse(want)
    facts = Facts(
        b.content,
        b.channel_type,
        True,
        b.language or analysis.language,
        analysis.classification,
        analysis.language is not None,
        analysis.sentiment,
    )
    found = plan(account, facts, at)
    does: Parts = {} if found.actions is None else msgspec.to_builtins(found.actions)
    rule = found.evaluation.rule
    if rule is not None and "reply_template_id" in does and (text := account.reply_of(rule)) is not None:
        does["reply_text"] = text
    if found.handoff is not None:
        does["handoff"] = found.handoff
    verdicts = [
        BotRuleVerdictView(v.rule_id, v.name, v.matched, v.reasons, v.faulty)
        for v in found.evaluation.verdicts
    ]
    return answer(BotRuleTestResult(verdicts, does))


def _instant(at: datetime | None) -> int:
    if at is None:
        return now_ms()
    if at.tzinfo is None or not EARLIEST <= at.year <= LATEST:
        fault = ("at", f"RFC 3339 with Z or an offset, of the years {EARLIEST} to {LATEST}")
        raise Invalid("the body is not valid", errors=(fault,))
    return int(at.timestamp() * 1000)


def _unknown() -> NotFound:
    return NotFound("no such bot rule")


BASE = "/v1/bot-rules"
ONE = {200: BotRuleView}
MANAGE = "bot_rules.manage"
ROUTES = [
    Route("GET", BASE, index, MANAGE, {200: BotRulesPage}, "listBotRules", "Bot rules, oldest first", query=PageQuery, tag=TAG),
    Route("POST", BASE, create, MANAGE, {201: BotRuleView}, "createBotRule", "Create a bot rule",
          body=NewBotRule, tag=TAG, locates=True, example={"name": "Refunds", "trigger_type": "keyword", "conditions": {"keywords": ["refund"]}, "actions": {"set_labels": ["refund"]}}),
    Route("POST", BASE + "/test", test, MANAGE, {200: BotRuleTestResult},
          "testBotRules", "Try the rules on a message; nothing is stored", body=BotRuleTest, tag=TAG, refuses=(404,), example={"content": "I want a refund", "channel_type": "webchat"}),
    Route("GET", BASE + "/{id}", read, MANAGE, ONE, "getBotRule", "One bot rule", tag=TAG),
    Route("PATCH", BASE + "/{id}", patch, MANAGE, ONE, "updateBotRule", "Change a bot rule",
          body=BotRulePatch, tag=TAG, example={"is_active": False}),
    Route("DELETE", BASE + "/{id}", delete, MANAGE, {204: None}, "deleteBotRule", "Delete a bot rule", tag=TAG),
]  # fmt: skip
