"""Suggestions as the API shows them, and their figures."""

from __future__ import annotations

from typing import Annotated

import msgspec

from ..text.fields import Count, Timestamp, about


class UsageRow(msgspec.Struct, frozen=True):
    """Calls of one model for one purpose, with one outcome."""

    provider: Annotated[str, about("The provider", "openai-compatible")]
    model: Annotated[str, about("The model", "rules-1")]
    purpose: Annotated[str, about("The purpose", "reply")]
    outcome: Annotated[str, about("The outcome", "ok")]
    calls: Annotated[Count, about("How many calls")]
    tokens_in: Annotated[Count, about("Tokens sent")]
    tokens_out: Annotated[Count, about("Tokens received")]
    cost: Annotated[float, about("US dollars", 0.012)]
    ms: Annotated[int, about("Total milliseconds", 5200)]


class ModelFigures(msgspec.Struct, frozen=True):
    """One model's suggestions by outcome."""

    provider: Annotated[str, about("The provider", "rules")]
    model: Annotated[str, about("The model", "rules-1")]
    drafted: Annotated[Count, about("Suggestions drafted")]
    shown: Annotated[Count, about("Seen by an agent")]
    approved: Annotated[Count, about("Sent unchanged")]
    edited: Annotated[Count, about("Sent after changes")]
    edit_distance: Annotated[float | None, about("Mean share of words changed in those", 0.18)]
    rejected: Annotated[Count, about("Rejected")]
    overtaken: Annotated[Count, about("Became stale before a decision")]
    replaced: Annotated[Count, about("Drafted again before a decision")]
    sent: Annotated[Count, about("Approved, edited or not")]
    answered: Annotated[Count, about("Sent, and answered by the customer")]
    confidence: Annotated[float | None, about("Their mean", 0.6)]


class SuggestionStats(msgspec.Struct, frozen=True):
    """Figures since a time, by model, and the usage of model calls."""

    since: Timestamp
    models: Annotated[list[ModelFigures], about("Suggestions, by provider and model")]
    usage: Annotated[list[UsageRow], about("Model calls")]
