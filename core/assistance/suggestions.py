"""Suggestions: replies drafted by a language model, each bound to the messages that it is based on. A person decides.

`pending → approving → approved | edited`, and `pending → rejected | stale | replaced`. Whether a draft is stale is decided in the
conversation's own turn, by the seq it saw (`core/turn/posting.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from ..conversation.entries import Entry, Message
from ..conversation.projection import by_machine
from ..conversation.state import Conversation
from .analysis import MessageAnalysis
from .prompts import Line, Passage, Prompt, Speaker

Status = Literal["pending", "approving", "approved", "edited", "rejected", "stale", "replaced"]
Tone = Literal["friendly", "formal", "empathetic", "professional", "casual", "neutral"]
Length = Literal["shorter", "same", "longer"]
OPEN: Final = ("pending", "approving")
HISTORY: Final = 20
"""Messages that a draft reads."""
COMPARED: Final = 300
"""Words of a draft and of the sent text that are compared."""
_LENGTHS: Final = {
    "shorter": "At most three sentences.",
    "same": "",
    "longer": "Be thorough: explain each step.",
}
_SPEAKERS: Final[dict[str, Speaker]] = {"contact": "customer", "agent": "agent"}


class Source(msgspec.Struct, frozen=True):
    """A source of a draft: an article, or a similar conversation."""

    kind: Literal["article", "conversation"]
    id: str
    title: str


class Wishes(msgspec.Struct, frozen=True):
    """An agent's wishes for a draft. `draft`: an agent's text to improve. `custom_prompt`: in the agent's own words."""

    tone: Tone | None = None
    length: Length | None = None
    custom_prompt: str | None = None
    draft: str | None = None


class Suggestion(msgspec.Struct, frozen=True):
    """`message_id`: the customer's message that it answers. `seen`: the seq up to which it has read. `failed`: the provider that was to answer, and why it could not; then
    `provider` is what answered in its place. `edit_distance`: share of words that were changed before it was sent."""

    id: str
    account_id: str
    conversation_id: str
    message_id: str | None
    seen: int
    status: Status
    subject: str | None
    body: str
    confidence: float
    analysis: MessageAnalysis
    provider: str
    model: str
    failed: tuple[str, str] | None
    wishes: Wishes
    sources: tuple[Source, ...]
    requested_by: str | None
    created_at: int
    shown_at: int | None = None
    decided_at: int | None = None
    decided_by: str | None = None
    reason: str | None = None
    edit_distance: float | None = None
    sent_message_id: str | None = None


class Read(msgspec.Struct, frozen=True):
    """The part of a conversation that a draft reads, up to the entry number `seen`. `asked`: the customer's newest message."""

    seen: int
    lines: tuple[Line, ...]
    entries: tuple[Entry, ...]
    asked: Entry | None


def read(c: Conversation, entries: Sequence[Entry]) -> Read:
    """The contents of public messages, oldest first. `c`: the conversation as it was before they were read, so that what came between
    counts as unread."""
    lines: list[Line] = []
    asked = None
    for entry in entries[-HISTORY:]:
        message = entry.data
        assert isinstance(message, Message)
        lines.append(Line(_SPEAKERS.get(message.sender_type, "bot"), message.content))
        if message.sender_type == "contact" and not by_machine(message):
            asked = entry
    return Read(c.seq, tuple(lines), tuple(entries), asked)


def prompt_of(read: Read, wishes: Wishes, knowledge: Sequence[Passage], style: str) -> Prompt:
    """The prompt of a draft. `style`: the account's instructions for the style of replies."""
    task = (
        "improve the agent's draft, keeping what it says"
        if wishes.draft is not None
        else "write the next reply"
    )
    parts = [
        f"You help a support agent: {task}, in the customer's language. Answer with the text of the reply alone. Use the knowledge"
        " where it fits and cite it as [number]; where it does not answer the question, say that a colleague will look into it."
        " Promise nothing that the knowledge does not say.",
        style,
        f"The tone is {wishes.tone}." if wishes.tone else "",
        _LENGTHS.get(wishes.length or "same", ""),
    ]
    instruction = " ".join(part for part in parts if part)
    return Prompt(instruction, tuple(knowledge), read.lines, wishes.draft, wishes.custom_prompt)


def is_demanding(c: Conversation, analysis: MessageAnalysis) -> bool:
    """Whether a reply is worth the premium model: urgent, angry, unclear or important messages are; thanks and greetings are not."""
    if c.priority in ("high", "urgent") or analysis.sentiment <= -0.3:
        return True
    return analysis.intent not in ("thanks", "greeting")


def confidence(analysis: MessageAnalysis, knowledge: Sequence[Passage], *, by_rules: bool) -> float:
    """A draft's confidence: higher with a clear intent, with sources, and if a model wrote it."""
    sure = 0.25 + 0.35 * analysis.confidence + (0.25 if knowledge else 0.0) + (0.0 if by_rules else 0.15)
    return round(min(1.0, sure), 3)


def edit_distance(before: str, after: str) -> float:
    """The share of words that differ, from 0 to 1: Levenshtein's distance over the longer one, of the first COMPARED words."""
    a, b = before.split()[:COMPARED], after.split()[:COMPARED]
    if not a or not b:
        return 0.0 if a == b else 1.0
    row = list(range(len(b) + 1))
    for i, word in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (word != other))
    return round(row[-1] / max(len(a), len(b)), 3)
