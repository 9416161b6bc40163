"""`POST /v1/articles/answers`, and `/v1/webchat/answers` for customers: answers from the knowledge base, with citations."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web

from ....actors.assistant.answering import customers_limits
from ....core.accounts.account_settings import Assistance, known_settings
from ....core.assistance.answers import Citation
from ....core.errors import NotFound
from ....core.text.fields import about
from ...framework.endpoint import Call, Route, answer
from .articles import BASE, READ, TAG, Question


class NewAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    question: Annotated[Question, about("A question", "How do I return a parcel?")]
    visibility: Annotated[
        Literal["public"] | None, about("`public`: from what customers may read, as customers get it")
    ] = None


class NewPublicAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    question: Annotated[Question, about("A question", "How do I return a parcel?")]


class CitationView(msgspec.Struct, frozen=True):
    """A passage that the answer cites."""

    number: Annotated[int, about("Cited in the answer as [number]", 1)]
    article_id: Annotated[str, about("The article's id", format="uuid")]
    title: Annotated[
        str, about("The article's title, with the heading above the passage", "Returns – Parcels")
    ]
    content: Annotated[str, about("The passage", "Send it back within 30 days.")]


class AnswerView(msgspec.Struct, frozen=True):
    answer: Annotated[str | None, about("The answer; null if no article says it", "Within 30 days [1].")]
    confidence: Annotated[float, about("How sure it is, from 0 to 1", 0.8)]
    citations: Annotated[list[CitationView], about("The passages that it cites")]
    provider: Annotated[str | None, about("What answered; null if nothing was asked", "rules")]
    model: Annotated[str | None, about("The model", "rules-1")]
    failed_provider: Annotated[str | None, about("The provider that should have answered but failed")]
    failed_reason: Annotated[str | None, about("Why it failed", "timeout")]


class PublicAnswerView(msgspec.Struct, frozen=True):
    """An answer as a customer sees it."""

    answer: Annotated[str | None, about("The answer; null if no article says it", "Within 30 days [1].")]
    citations: Annotated[list[CitationView], about("The passages that it cites")]


async def create(call: Call[NewAnswer]) -> web.Response:
    settings = await _settings(call)
    public = call.body.visibility == "public"
    found = await call.services.answerer.answer(call.account_id, call.body.question, settings, public=public)
    provider, reason = found.failed or (None, None)
    return answer(
        AnswerView(
            found.text,
            found.confidence,
            _views(found.citations),
            found.provider,
            found.model,
            provider,
            reason,
        )
    )


async def create_public(call: Call[NewPublicAnswer]) -> web.Response:
    settings = await _settings(call)
    limits = customers_limits(settings)
    found = await call.services.answerer.answer(
        call.account_id, call.body.question, settings, public=True, limits=limits
    )
    return answer(PublicAnswerView(found.text, _views(found.citations)))


def _views(citations: tuple[Citation, ...]) -> list[CitationView]:
    return [CitationView(c.number, c.article_id, c.title, c.content) for c in citations]


async def _settings(call: Call[Any]) -> Assistance:
    account = await call.services.stores.accounts.get(call.account_id)
    if account is None:
        raise NotFound("no such account")
    return known_settings(account.settings).assistance


ROUTES = [
    Route("POST", BASE + "/answers", create, READ, {200: AnswerView}, "answerQuestion",
          "Answer a question from the articles, with citations; a call of the account's language model", body=NewAnswer, tag=TAG,
          example={"question": "How do I return a parcel?"}),
    Route("POST", "/v1/webchat/answers", create_public, "webchat.read", {200: PublicAnswerView}, "answerCustomersQuestion",
          "Answer a customer's question from public articles, with citations", body=NewPublicAnswer, tag="web chat",
          example={"question": "How do I return a parcel?"}),
]  # fmt: skip
