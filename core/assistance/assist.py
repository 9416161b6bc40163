"""The conversational bot's talk with a language model: its prompts, and the meaning of its answers. Reads models' answers, which
may be anything. Whether an answer is sent is decided in the conversation's turn (`core/turn/assisting.py`)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from ..conversation.commands import BotAnswer
from ..turn.assisting import LONGEST_ANSWER, LONGEST_SUMMARY
from ..turn.bot_rules import Actions
from .prompts import Passage, Prompt
from .suggestions import Read, Source

MAX_ANSWER: Final = 32_768
"""Characters of a model's answer that are read."""
MAX_FIELDS: Final = 20
UNREADABLE: Final = "The language model's answer could not be read"
WANTED: Final = {
    "human": "The customer asks for a human",
    "sensitive": "Sensitive topic, as the language model says",
}
_CITED: Final = re.compile(r"\[(\d{1,3})\]")
_INSTRUCTION: Final = (
    "You are the bot of a company and talk with its customer, in the customer's language. Answer the customer's newest messages"
    " together, from the knowledge alone, and cite it as [number]. If it does not answer them, ask for what is still to be asked for"
    " or say that you do not know. Promise nothing. Answer with one JSON object and nothing else:"
    ' {"reply": what you say, "confidence": number from 0 to 1: how sure you are that the reply is right and helps,'
    ' "fields": {"name": "what the customer told, in their words"}, "handoff": null, "human" if the customer asks for a human,'
    ' or "sensitive" if it is about a complaint or the law, "summary": one or two sentences for the agent who may take over}.'
)


class ModelAnswer(msgspec.Struct):
    """A model's answer, if it keeps to the form."""

    reply: str = ""
    confidence: float = 0.0
    fields: dict[str, str | int | float | None] = {}
    handoff: Literal["human", "sensitive"] | None = None
    summary: str = ""


def prompt_of(read: Read, passages: Sequence[Passage], actions: Actions, missing: Sequence[str]) -> Prompt:
    """The prompt for the next words. `missing`: fields that the customer has not told."""
    style = actions.assist.instruction if actions.assist is not None else ""
    instruction = f"{_INSTRUCTION} {style}".strip()
    return Prompt(instruction, tuple(passages), read.lines, wanted=tuple(missing))


def answer_of(
    text: str, rule_id: str, read: Read, sources: Sequence[Source], missing: Sequence[str], model: str
) -> BotAnswer:
    """A model's answer as a command. One that cannot be read asks for a human."""
    answer = decoded(text[:MAX_ANSWER])
    if answer is None:
        return BotAnswer(rule_id, read.seen, failed=UNREADABLE, model=model)
    sure = answer.confidence if 0.0 <= answer.confidence <= 1.0 else 0.0
    reply, articles = _with_sources(answer.reply.strip()[:LONGEST_ANSWER], sources)
    return BotAnswer(
        rule_id=rule_id,
        seen=read.seen,
        text=reply,
        confidence=round(sure, 3),
        fields=_told(answer.fields, read, missing),
        sources=tuple((source.id, source.title) for source in articles),
        summary=answer.summary[:LONGEST_SUMMARY],
        wants=WANTED.get(answer.handoff or ""),
        model=model[:100],
    )


def decoded(text: str) -> ModelAnswer | None:
    """The JSON object in an answer, whatever stands around it."""
    begin, end = text.find("{"), text.rfind("}")
    if begin < 0 or end < begin:
        return None
    try:
        return msgspec.json.decode(text[begin : end + 1], type=ModelAnswer)
    except (msgspec.DecodeError, RecursionError):
        return None


def cited(reply: str, known: int) -> tuple[str, list[int]]:
    """A reply without citations of nothing, and the numbers that it cites, of 1 to `known`."""
    numbers = {int(n) for n in _CITED.findall(reply)}
    kept = [n for n in range(1, known + 1) if n in numbers]
    return _CITED.sub(lambda found: found[0] if int(found[1]) in kept else "", reply).strip(), kept


def _with_sources(reply: str, sources: Sequence[Source]) -> tuple[str, list[Source]]:
    """A reply with the titles of what it cites below it, and these sources."""
    text, numbers = cited(reply, len(sources))
    if numbers and text:
        text += "\n\n" + "\n".join(f"[{n}] {sources[n - 1].title}" for n in numbers)
    return text, [sources[n - 1] for n in numbers]


def _told(fields: dict[str, str | int | float | None], read: Read, missing: Sequence[str]) -> dict[str, str]:
    """The fields that were asked for, as far as the customer did write them: a model may make things up."""
    wrote = _plain(" ".join(line.text for line in read.lines if line.speaker == "customer"))
    told = {
        name: str(value).strip() for name, value in list(fields.items())[:MAX_FIELDS] if value is not None
    }
    return {
        name: value for name, value in told.items() if name in missing and value and _plain(value) in wrote
    }


def _plain(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())
