"""Answers to questions, from the passages of articles that fit them. Reads models' answers, which may be anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from . import assist
from .prompts import Line, Passage, Prompt
from .suggestions import Source

INSTRUCTION: Final = (
    "Answer the question in its own language, from the knowledge alone, and cite each fact as [number]. Say what the knowledge says and"
    " nothing else. Answer with one JSON object and nothing else:"
    ' {"reply": the answer, or "" if the knowledge does not say, "confidence": number from 0 to 1: how sure you are}.'
)


class Citation(msgspec.Struct, frozen=True):
    """A passage that an answer cites as `[number]`."""

    number: int
    article_id: str
    title: str
    content: str


class CitedAnswer(msgspec.Struct, frozen=True):
    """`text`: None if no article says it. `failed`: the provider that was to answer, and why it could not; then `provider` is what
    answered in its place."""

    text: str | None
    confidence: float
    citations: tuple[Citation, ...]
    provider: str | None = None
    model: str | None = None
    failed: tuple[str, str] | None = None


NOTHING_SAID: Final = CitedAnswer(None, 0.0, ())


def prompt_of(question: str, passages: Sequence[Passage], style: str) -> Prompt:
    """`style`: the account's own words on how replies should sound."""
    return Prompt(f"{INSTRUCTION} {style}".strip(), tuple(passages), (Line("customer", question),))


def read(text: str, known: Sequence[tuple[Source, Passage]]) -> CitedAnswer | None:
    """A model's answer. None if it cannot be read."""
    answer = assist.decoded(text[: assist.MAX_ANSWER])
    if answer is None:
        return None
    reply, numbers = assist.cited(answer.reply.strip()[: assist.LONGEST_ANSWER], len(known))
    sure = answer.confidence if 0.0 <= answer.confidence <= 1.0 else 0.0
    if not reply or not sure:
        return NOTHING_SAID
    citations = (
        Citation(n, known[n - 1][0].id, known[n - 1][0].title, known[n - 1][1].text) for n in numbers
    )
    return CitedAnswer(reply, round(sure, 3), tuple(citations))
