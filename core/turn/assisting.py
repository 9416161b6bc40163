"""The conversational bot: by an account's rule a language model answers, turn after turn, until a human takes over.

The model works beside the conversation (`actors/assistant/bot_assistant.py`). What it makes of it comes back as a `BotAnswer`, which
is judged here, in the conversation's own turn: the bot says nothing once a human was asked for or has taken the conversation, nor
anything that did not see the newest message. Whichever way the conversation leaves the bot, agents get a summary.

Progress is kept in `bot_context` under `STATE`; what the customer told stands beside it, under the fields' names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from ..conversation.commands import BotAnswer, By
from ..conversation.entries import (
    ASSIST,
    Assigned,
    ChangedFields,
    EntryData,
    HandoffRequested,
    Message,
    StatusChanged,
    Updated,
)
from ..conversation.projection import by_machine
from ..conversation.recent_messages import CONTEXT_SIZE
from ..conversation.state import MACHINES_ANSWER, Conversation, State, first_delivery
from ..conversation.status import BOT, OPEN, Change, Status, next_status
from ..errors import Forbidden, Stale
from ..text.normalization import MAX_FOLDED
from ..text.text_matching import Text
from . import form_filling
from .bot_rules import Actions, Assist
from .context import Turn

STATE = "_assisting"
PATIENCE = 3
"""Answers in a row that neither learn a field nor cite an article anew, before a human takes over in place of the last one."""
MAX_ANSWERS = 30
"""Answers of the bot before a human takes over."""
MAX_CITED = 20
"""Articles whose citation is remembered."""
LONGEST_TITLE, LONGEST_QUESTION, LONGEST_SUMMARY, LONGEST_ANSWER = 100, 300, 600, 8_000
"""Characters that are kept."""
RULE_GONE = "The rule of the bot is no longer in force"
NO_PROGRESS = "The bot made no progress in three answers"
ENOUGH = "The bot has answered as often as it may"
_LEAVES = (HandoffRequested, StatusChanged, Assigned)


class Assisting(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`asked`: what the customer wrote first. `futile`: answers since the last progress. `cited`: ids and titles of articles.
    `summary`: the model's last one."""

    rule_id: str
    asked: str = ""
    answers: int = 0
    futile: int = 0
    cited: tuple[tuple[str, str], ...] = ()
    summary: str = ""


def under_way(context: dict[str, Any]) -> Assisting | None:
    """The progress; None if the bot does not hold the talk, or the stored state cannot be read."""
    try:
        return msgspec.convert(context.get(STATE), Assisting)
    except msgspec.ValidationError:
        return None


def begun(context: dict[str, Any], rule_id: str, content: str) -> dict[str, Any]:
    """The context of a conversation that the bot takes. What was begun before is over."""
    rest = form_filling.given_up(context)
    return _with(rest, Assisting(rule_id, _line(content)))


def missing(context: dict[str, Any], actions: Actions) -> tuple[str, ...]:
    """The fields that the customer has not told yet, in the order of asking."""
    return tuple(field for field in dict.fromkeys(actions.collect_info) if field not in context)


def sensitive(content: str, assist: Assist) -> str | None:
    """Why a human takes over, if the message is about something that bots should leave alone."""
    found = Text(content[:MAX_FOLDED]).first_of(assist.sensitive_topics)
    return None if found is None else f"Sensitive topic (keyword: '{found}')"


def settle(state: State, by: By, command: BotAnswer, turn: Turn) -> tuple[EntryData, ...]:
    """The entries of an answer: what was learned, then either the message or the handoff. Raises Stale if it comes too late."""
    c = state.conversation
    if by.type != "bot":
        raise Forbidden("only the server's own bot answers like this")
    before = under_way(c.bot_context)
    if c.status is not BOT or c.handoff_requested or before is None or before.rule_id != command.rule_id:
        raise Stale("the bot no longer holds the conversation", current={"status": c.status})
    _check_newest(state, command.seen)
    actions = turn.account.assisting(command.rule_id) if turn.account is not None else None
    if actions is None or actions.assist is None:
        return _handed_over(c, command.failed or RULE_GONE)
    told = {f: v for f, v in command.fields.items() if f in missing(c.bot_context, actions)}
    told = {f: v.strip()[: form_filling.LONGEST] for f, v in told.items() if form_filling.fits(f, v)}
    after = _progress(before, command, bool(told))
    reason = _why_not(c, actions.assist, command, after, turn.now)
    if reason is not None:
        unsaid = replace(after, answers=before.answers, cited=before.cited)
        return (_context(_with({**c.bot_context, **told}, unsaid)), *_handed_over(c, reason))
    learned = _context(_with({**c.bot_context, **told}, after))
    return learned, _message(c, command, actions.assist, turn.new_id)


def _check_newest(state: State, seen: int) -> None:
    """Raises Stale if anybody has written to or as the customer since, or if memory no longer tells."""
    c, messages = state.conversation, state.messages()
    forgotten = len(messages) == CONTEXT_SIZE and messages[0].seq > seen + 1
    newer = [e.data for e in messages if e.seq > seen and isinstance(e.data, Message)]
    if forgotten or c.routing.edited > seen or any(not m.is_private and not by_machine(m) for m in newer):
        raise Stale("somebody has written since the bot read", current={"seq": c.seq, "seen": seen})


def _progress(before: Assisting, command: BotAnswer, told: bool) -> Assisting:
    known = {id for id, _ in before.cited}
    new = tuple((id, title[:LONGEST_TITLE]) for id, title in command.sources if id not in known)
    return Assisting(
        before.rule_id,
        before.asked,
        before.answers + 1,
        0 if told or new else before.futile + 1,
        (*before.cited, *new)[-MAX_CITED:],
        " ".join(command.summary.split())[:LONGEST_SUMMARY] or before.summary,
    )


def _why_not(c: Conversation, assist: Assist, command: BotAnswer, after: Assisting, now: int) -> str | None:
    """Why a human takes over in place of this answer."""
    if command.failed is not None:
        return command.failed
    if command.wants is not None:
        return command.wants
    if not command.confidence >= assist.confidence_min or not command.text.strip():
        return f"The bot is not sure enough ({command.confidence:.2f} of {assist.confidence_min:.2f})"
    if after.futile >= PATIENCE:
        return NO_PROGRESS
    mails = c.channel_type in MACHINES_ANSWER and not c.may_answer_by_itself(now)
    return ENOUGH if mails or after.answers > MAX_ANSWERS else None


def _handed_over(c: Conversation, reason: str) -> tuple[EntryData, ...]:
    return HandoffRequested(reason), StatusChanged(c.status, next_status(c.status, Change.HANDED_OFF), reason)


def _message(c: Conversation, command: BotAnswer, assist: Assist, new_id: Callable[[], str]) -> Message:
    sources = [{"kind": "article", "id": id, "title": title} for id, title in command.sources]
    reasons = [f"confidence {command.confidence:.2f}, needed {assist.confidence_min:.2f}"]
    reasons += [f"cites “{title[:LONGEST_TITLE]}”" for _, title in command.sources]
    details = {
        "confidence": command.confidence,
        "sources": sources,
        "seen": command.seen,
        "model": command.model,
    }
    return Message(
        id=new_id(),
        direction="outbound",
        sender_type="bot",
        sender_id=command.rule_id,
        content=command.text[:LONGEST_ANSWER],
        delivery_status=first_delivery(c),
        metadata={"rule_id": command.rule_id, "reasons": reasons, ASSIST: details},
    )


def concluded(
    state: State, entries: tuple[EntryData, ...], new_id: Callable[[], str]
) -> tuple[EntryData, ...]:
    """A turn's entries; where they take the conversation from the bot, with a summary for agents, and without the bot's progress."""
    c = state.conversation
    change = next((e for e in entries if isinstance(e, StatusChanged)), None)
    if c.status is not BOT or change is None or STATE not in c.bot_context:
        return entries
    at = next(n for n, e in enumerate(entries) if isinstance(e, _LEAVES))
    changed = [e.changes.bot_context for e in entries if isinstance(e, Updated)]
    context = next((told for told in reversed(changed) if told is not UNSET), c.bot_context)
    cleared = _context({k: v for k, v in context.items() if k != STATE})
    under = under_way(context)
    if under is None or change.to_status not in (OPEN, Status.ASSIGNED):
        return (*entries[:at], cleared, *entries[at:])
    asked = next((e.reason for e in entries if isinstance(e, HandoffRequested)), None)
    note = Message(
        id=new_id(),
        direction="outbound",
        sender_type="bot",
        sender_id=under.rule_id,
        content=summary(replace(state, conversation=replace(c, bot_context=context)), under, asked),
        is_private=True,
        metadata={"rule_id": under.rule_id, ASSIST: {"summary": True}},
    )
    return (*entries[:at], cleared, note, *entries[at:])


def summary(state: State, under: Assisting, reason: str | None) -> str:
    """The summary for an agent who takes over: plain text that contains customers' words."""
    context = state.conversation.bot_context
    told = [f"{name.replace('_', ' ')}: {value}" for name, value in context.items() if _is_told(name, value)]
    wrote = [
        _line(e.data.content) for e in state.messages() if isinstance(e.data, Message) and _customers(e.data)
    ]
    later = wrote[1:] if wrote[:1] == [under.asked] else wrote
    lines = [
        f"Why: {reason}" if reason else "",
        f"Asked: {under.asked}" if under.asked else "",
        f"Wrote: {' · '.join(later)}" if later else "",
        f"Summary: {under.summary}" if under.summary else "",
        f"Told: {'; '.join(told)}"[:LONGEST_ANSWER] if told else "",
        f"Articles: {'; '.join(title for _, title in under.cited)}" if under.cited else "",
        f"Answers of the bot: {under.answers}",
    ]
    return "\n".join(["The bot's summary", *(line for line in lines if line)])


def _is_told(name: str, value: Any) -> bool:
    return isinstance(value, str) and not name.startswith("_") and name != "language"


def _customers(message: Message) -> bool:
    return message.sender_type == "contact" and not by_machine(message)


def _line(content: str) -> str:
    return " ".join(content[: 4 * LONGEST_QUESTION].split())[:LONGEST_QUESTION]


def _context(context: dict[str, Any]) -> Updated:
    return Updated(ChangedFields(bot_context=context))


def _with(context: dict[str, Any], progress: Assisting) -> dict[str, Any]:
    return {**context, STATE: msgspec.to_builtins(progress)}
