"""`/v1/conversations/{id}/suggestions`, `…/analysis` and `/v1/suggestions/stats`: replies drafted by language models."""

from __future__ import annotations

import time
from typing import Annotated

import msgspec
from aiohttp import web

from ....core.accounts.principal import Role
from ....core.assistance.analysis import MessageAnalysis
from ....core.assistance.prompts import MAX_WISH
from ....core.assistance.suggestions import Length, Tone, Wishes
from ....core.errors import Conflict
from ....core.text.fields import about
from ....core.views.conversations import MessageView, message_view
from ....core.views.suggestions import SuggestionStats
from ...actions import suggestions as actions
from ...actions.suggestions import SuggestionView
from ...framework.endpoint import Call, Route, answer

TAG = "suggestions"
DAY_MS = 86_400_000
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=65_536, pattern="\\S")]


class NewSuggestion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST …/suggestions`. With `draft`, an agent's own text is improved."""

    tone: Annotated[Tone | None, about("The tone of the reply", "friendly")] = None
    length: Annotated[Length | None, about("The length of the reply", "shorter")] = None
    custom_prompt: Annotated[
        Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_WISH)] | None,
        about("Instructions for the reply, in the agent's own words", "Offer a voucher."),
    ] = None
    draft: Annotated[Text | None, about("An agent's own text to improve", "refund comes fryday")] = None


class NewApproval(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    content: Annotated[
        Text | None,
        about("The text to send; the suggested text if left out", "Hello, your refund is on its way."),
    ] = None


class Rejection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reason: Annotated[
        Annotated[str, msgspec.Meta(max_length=1000)] | None, about("Why it is not useful", "Wrong order")
    ] = None


class SuggestionsView(msgspec.Struct, frozen=True):
    items: Annotated[list[SuggestionView], about("The newest 20, newest first")]


class ApprovalView(msgspec.Struct, frozen=True):
    suggestion: Annotated[SuggestionView, about("The suggestion as decided")]
    message: Annotated[MessageView, about("The message that was sent")]


class SuggestionStatsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    days: Annotated[int, msgspec.Meta(ge=1, le=366), about("The last days that count")] = 30


async def create(call: Call[NewSuggestion]) -> web.Response:
    b = call.body
    made = await actions.draft(call, call.id(), Wishes(b.tone, b.length, b.custom_prompt, b.draft))
    return answer(actions.view(made), 201)


async def index(call: Call[None]) -> web.Response:
    c = await actions.conversation(call, call.id())
    store = call.services.stores.suggestions
    items = await store.of(call.account_id, c.id, actions.LISTED)
    if call.principal.role is not Role.SERVICE:
        await store.shown(
            call.account_id, [s.id for s in items if s.status == "pending" and s.shown_at is None]
        )
    return answer(SuggestionsView([actions.view(s) for s in items]))


async def approve(call: Call[NewApproval]) -> web.Response:
    decided, entry = await actions.approve(call, call.id(), call.id("suggestion_id"), call.body.content)
    return answer(ApprovalView(actions.view(decided), message_view(entry)), 201)


async def reject(call: Call[Rejection]) -> web.Response:
    decided = await actions.reject(call, call.id(), call.id("suggestion_id"), call.body.reason)
    return answer(actions.view(decided))


async def analyse(call: Call[None]) -> web.Response:
    settings = await actions.settings_of(call)
    c = await actions.conversation(call, call.id())
    read = await call.services.drafter.read(c)
    if read.asked is None:
        raise Conflict("the customer has not written yet", current={"status": c.status})
    return answer(await call.services.drafter.analyse(c.account_id, c.id, read, settings))


async def stats(call: Call[None]) -> web.Response:
    since = time.time_ns() // 1_000_000 - call.query.days * DAY_MS
    return answer(await call.services.stores.suggestions.stats(call.account_id, since))


BASE = "/v1/conversations/{id}/suggestions"
ONE = BASE + "/{suggestion_id}"
USE = "suggestions.use"
ROUTES = [
    Route("GET", "/v1/suggestions/stats", stats, "reports.read", {200: SuggestionStats}, "getSuggestionStats",
          "Outcomes of suggestions by model, and the usage of model calls", query=SuggestionStatsQuery, tag=TAG,
          expensive=lambda query: True),
    Route("POST", BASE, create, USE, {201: SuggestionView}, "createSuggestion",
          "Draft a reply now, or improve an agent's draft; it replaces the pending suggestion", body=NewSuggestion,
          body_optional=True, tag=TAG, refuses=(404, 409), example={"tone": "friendly", "length": "shorter"}),
    Route("GET", BASE, index, USE, {200: SuggestionsView}, "listSuggestions", "A conversation's suggestions", tag=TAG,
          refuses=(404,)),
    Route("POST", ONE + "/approve", approve, USE, {201: ApprovalView}, "approveSuggestion",
          "Send a suggestion, edited or not; 409 `stale` if the customer or an agent has written since", body=NewApproval,
          body_optional=True, tag=TAG, refuses=(404, 409)),
    Route("POST", ONE + "/reject", reject, USE, {200: SuggestionView}, "rejectSuggestion", "Reject a suggestion", body=Rejection,
          body_optional=True, tag=TAG, refuses=(404, 409)),
    Route("POST", "/v1/conversations/{id}/analysis", analyse, USE, {200: MessageAnalysis}, "analyseConversation",
          "Sentiment, intent and entities of the customer's newest message", tag=TAG, refuses=(404, 409)),
]  # fmt: skip
