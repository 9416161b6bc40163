"""The analysis of a customer's message: sentiment, intent, entities. Reads models' answers, which may contain anything."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

import msgspec

from ..text.fields import about

MAX_ANSWER: Final = 8_192
"""Characters of an answer that are read."""
MAX_ENTITIES: Final = 20
Label = Literal["positive", "neutral", "negative"]
_OBJECT: Final = re.compile(r"\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}")
INSTRUCTION: Final = (
    "You analyse the newest customer message of a support conversation. Answer with one JSON object and nothing else:"
    ' {"sentiment": number from -1 to 1, "intent": short snake_case name, "confidence": number from 0 to 1,'
    ' "entities": {"name": "value"}}.'
)


class MessageAnalysis(msgspec.Struct, frozen=True):
    """`sentiment`: from -1 to 1. `confidence`: of the intent, from 0 to 1."""

    sentiment: Annotated[float, about("From -1 (bad) to 1 (good)", -0.4)]
    sentiment_label: Annotated[Label, about("The same as a word")]
    intent: Annotated[str | None, about("What the customer wants", "refund")]
    confidence: Annotated[float, about("How sure of the intent, from 0 to 1", 0.8)]
    entities: Annotated[dict[str, str], about("What the message names", {"order": "A-1042"})]


class _Answer(msgspec.Struct):
    sentiment: float = 0.0
    intent: str | None = None
    confidence: float = 0.0
    entities: dict[str, str | int | float | None] = {}


def made(
    sentiment: float, intent: str | None, confidence: float, entities: dict[str, str]
) -> MessageAnalysis:
    """An analysis whose values are cut to their bounds."""
    sentiment = _within(sentiment, -1.0, 1.0)
    label: Label = "positive" if sentiment >= 0.05 else "negative" if sentiment <= -0.05 else "neutral"
    kept = {name[:40]: value[:200] for name, value in list(entities.items())[:MAX_ENTITIES]}
    return MessageAnalysis(
        round(sentiment, 3),
        label,
        intent[:100] if intent else None,
        round(_within(confidence, 0, 1), 3),
        kept,
    )


def read(answer: str) -> MessageAnalysis | None:
    """The analysis in a model's answer: the first JSON object in it. None if there is none of this form."""
    found = _OBJECT.search(answer[:MAX_ANSWER])
    if found is None:
        return None
    try:
        decoded = msgspec.json.decode(found[0], type=_Answer)
    except (msgspec.DecodeError, RecursionError):
        return None
    entities = {name: str(value) for name, value in decoded.entities.items() if value is not None}
    return made(decoded.sentiment, decoded.intent, decoded.confidence, entities)


def _within(value: float, least: float, most: float) -> float:
    return min(most, max(least, value)) if value == value else least  # NaN is not equal to itself
