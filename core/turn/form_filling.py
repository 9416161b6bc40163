"""Form filling: the bot asks one question per field, and hands over when all are answered or the customer does not answer.

The state is in `bot_context`: answers under their fields' names, for agents to see, and progress under `STATE`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from ..text.text_matching import Text

STATE = "_collecting"
PATIENCE = 3
"""Messages without progress before the bot gives up."""
LONGEST = 1000
"""Characters of an answer that are kept."""

QUESTIONS = {
    "name": "What is your name?",
    "email": "What is your email address?",
    "phone": "What is your phone number?",
    "order_number": "What is your order number?",
}
SHAPES = {
    "email": re.compile(r"(?<=[^@\s])@[^@\s]+\.[^@\s]"),
    "phone": re.compile(r"(\d[^\d\n]{0,3}){6,}"),
    "order_number": re.compile(r"\d"),
}
"""Patterns that an answer must contain, for fields that have one."""


class Collecting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`fields` in the order of asking; `futile`: messages since the last progress."""

    fields: tuple[str, ...]
    futile: int = 0


class Step(msgspec.Struct, frozen=True):
    """The new context, and the next step: ask `question`, or if None, hand over because of `outcome`."""

    context: dict[str, Any]
    question: str | None = None
    outcome: Literal["complete", "no_progress"] | None = None


def question(field: str) -> str:
    return QUESTIONS.get(field, f"Please tell us: {field.replace('_', ' ')}")


def under_way(context: dict[str, Any]) -> Collecting | None:
    """The progress; None if nothing is being collected, or the stored state cannot be read."""
    try:
        return msgspec.convert(context.get(STATE), Collecting)
    except msgspec.ValidationError:
        return None


def start(context: dict[str, Any], fields: Sequence[str]) -> Step:
    """Ask for the first unknown field."""
    return _next(context, Collecting(tuple(dict.fromkeys(fields))))


def answer(context: dict[str, Any], content: str) -> Step:
    """Read a message as the answer to the last question. Only while `under_way`."""
    state = under_way(context)
    if state is None:
        raise ValueError("nothing is being collected")
    asked = next((field for field in state.fields if field not in context), None)
    if asked is None:
        return _next(context, state)
    if fits(asked, content):
        return _next({**context, asked: content.strip()[:LONGEST]}, Collecting(state.fields))
    futile = state.futile + 1
    if futile >= PATIENCE:
        return Step(given_up(context), outcome="no_progress")
    return _next(context, Collecting(state.fields, futile))


def fits(field: str, content: str) -> bool:
    shape = SHAPES.get(field)
    return not Text(content).empty and (shape is None or shape.search(content[:LONGEST]) is not None)


def _next(context: dict[str, Any], state: Collecting) -> Step:
    asked = next((field for field in state.fields if field not in context), None)
    if asked is None:
        return Step(given_up(context), outcome="complete")
    return Step({**context, STATE: msgspec.to_builtins(state)}, question(asked))


def given_up(context: dict[str, Any]) -> dict[str, Any]:
    """The context without progress; answers stay."""
    return {k: v for k, v in context.items() if k != STATE}
