"""Bot rules: their form, and which one answers a message.

The first match by priority wins. A rule matches if its trigger and all given conditions hold. Rules with the trigger `fallback`
are tried last. A rule that cannot be read or fails is reported and skipped: it never keeps a customer from the next rule or from a
human.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from ..accounts.account_settings import Hours, Keyword, TimeOfDay, block_faults, is_timezone
from ..accounts.business_hours import DAYS, Schedule
from ..accounts.records import ChannelType
from ..conversation.entries import Priority
from ..conversation.explain_record import Strategy
from ..errors import Invalid
from ..text.field_errors import field_error
from ..text.fields import about
from ..text.languages import primary
from ..text.text_matching import Text

TriggerType = Literal["keyword", "time_based", "channel", "new_conversation", "fallback"]
Label = Annotated[str, Meta(min_length=1, max_length=64)]
Language = Annotated[str, Meta(min_length=2, max_length=35)]
Field = Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{0,39}$")]
Id = Annotated[str, Meta(min_length=1, max_length=64)]


class TimeRange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every day from `start` to `end` in `tz`; an `end` before `start` is on the next day."""

    start: Annotated[TimeOfDay, about("When it begins, as HH:MM", "18:00")]
    end: Annotated[TimeOfDay, about("When it ends, as HH:MM; before `start` it is on the next day", "08:00")]
    tz: Annotated[str, Meta(min_length=1, max_length=64), about("IANA name of the time zone", "UTC")] = "UTC"


class Conditions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """All given conditions must hold. `match_mode`: any or all of the keywords."""

    keywords: Annotated[
        tuple[Keyword, ...],
        Meta(max_length=100),
        about("Words and phrases, regardless of case and accents", ["refund"]),
    ] = ()
    match_mode: Annotated[Literal["any", "all"], about("Whether any or all of the keywords must occur")] = (
        "any"
    )
    channels: Annotated[
        tuple[ChannelType, ...], Meta(max_length=10), about("Channel types; empty for any", ["webchat"])
    ] = ()
    languages: Annotated[
        tuple[Language, ...], Meta(max_length=20), about("Languages of the message; empty for any", ["en"])
    ] = ()
    time_range: Annotated[TimeRange | None, about("The time of day; null for any")] = None
    intent: Annotated[
        Annotated[str, Meta(min_length=1, max_length=100)] | None,
        about("The intent that the classifier must find", "refund"),
    ] = None
    confidence_min: Annotated[
        Annotated[float, Meta(ge=0, le=1)] | None, about("The classifier's least confidence", 0.7)
    ] = None


SENSITIVE = (
    "complaint", "lawyer", "attorney", "lawsuit", "legal action", "sue you", "court", "police", "data protection",
    "abogado", "demanda", "denuncia", "queja formal", "reclamación", "ጠበቃ", "ፍርድ ቤት", "ቅሬታ", "محام", "محامي", "محكمة", "شكوى",
)  # fmt: skip
"""Topics that the conversational bot leaves to humans, unless its rule names others."""


class Assist(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A language model talks with the customer, from the account's public articles, until a human takes over."""

    instruction: Annotated[
        Annotated[str, Meta(max_length=4000)],
        about("How the bot should sound, and what it is there for", "You are the bot of Acme's shop."),
    ] = ""
    confidence_min: Annotated[
        Annotated[float, Meta(ge=0, le=1)], about("A less sure answer is not sent: a human takes over", 0.5)
    ] = 0.5
    sensitive_topics: Annotated[
        tuple[Keyword, ...],
        Meta(max_length=100),
        about("Words and phrases on which a human takes over, whatever their case and accents", ["lawyer"]),
    ] = SENSITIVE


class Actions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    reply_template_id: Annotated[
        Id | None, about("A canned response to answer with", "0190a5f0-7c1e-7000-8000-00000000ca11")
    ] = None
    reply_text: Annotated[
        Annotated[str, Meta(min_length=1, max_length=65536)] | None,
        about("A text to answer with", "We will look into your refund."),
    ] = None
    assign_team_id: Annotated[
        Id | None, about("A team to assign the conversation to", "0190a5f0-7c1e-7000-8000-00000000b0b1")
    ] = None
    assign_strategy: Annotated[Strategy | None, about("How an agent of the team is chosen")] = None
    set_labels: Annotated[tuple[Label, ...], Meta(max_length=50), about("Labels to add", ["refund"])] = ()
    set_priority: Annotated[Priority | None, about("The priority to set")] = None
    collect_info: Annotated[
        tuple[Field, ...],
        Meta(max_length=20),
        about("Fields to ask the customer for, one at a time", ["order_number"]),
    ] = ()
    assist: Annotated[
        Assist | None,
        about(
            "Let a language model answer from the public articles; it asks for the fields of `collect_info`"
        ),
    ] = None


class BotRule(msgspec.Struct, frozen=True):
    id: str
    name: str
    priority: int
    trigger_type: TriggerType
    conditions: Conditions
    actions: Actions


class FaultyRule(msgspec.Struct, frozen=True):
    """A stored rule that cannot be read."""

    id: str
    name: str
    priority: int
    fault: str


class Classification(msgspec.Struct, frozen=True):
    intent: str
    confidence: float


class Facts(msgspec.Struct, frozen=True):
    """A customer's message as rules see it. `new`: it opens or reopens the conversation. `detected`: the language was detected in
    this message. `sentiment`: -1 to 1."""

    content: str
    channel_type: str
    new: bool = False
    language: str | None = None
    classification: Classification | None = None
    detected: bool = False
    sentiment: float | None = None


class Verdict(msgspec.Struct, frozen=True):
    """The result of one rule. `reasons`: why it matched, or each condition that did not hold."""

    rule_id: str
    name: str
    matched: bool
    reasons: tuple[str, ...]
    faulty: bool = False


class Evaluation(msgspec.Struct, frozen=True):
    """Verdicts in the order of evaluation, and the first rule that matched."""

    verdicts: tuple[Verdict, ...]
    rule: BotRule | None = None

    @property
    def actions(self) -> Actions | None:
        return None if self.rule is None else self.rule.actions


NEEDED: dict[TriggerType, tuple[str, ...]] = {
    "keyword": ("keywords", "intent"),
    "time_based": ("time_range",),
    "channel": ("channels",),
    "new_conversation": (),
    "fallback": (),
}
"""Trigger → conditions of which it needs at least one."""


def read_parts(trigger_type: TriggerType, conditions: Any, actions: Any) -> tuple[Conditions, Actions]:
    """Check and convert a rule's parts. Raises Invalid with the field's path."""
    read = _convert(conditions, Conditions, "conditions")
    needed = NEEDED[trigger_type]
    if needed and not any(getattr(read, name) for name in needed):
        path = f"conditions.{needed[0]}"
        raise Invalid("the rule is not valid", errors=((path, f"required for a {trigger_type} rule"),))
    if (time := read.time_range) is not None:
        faults = block_faults(time, "conditions.time_range")
        if not is_timezone(time.tz):
            faults.append(("conditions.time_range.tz", "no such IANA time zone"))
        if faults:
            raise Invalid("the rule is not valid", errors=tuple(faults))
    return read, _convert(actions, Actions, "actions")


def _convert(value: Any, kind: type[Any], where: str) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise Invalid("the rule is not valid", errors=(field_error(str(error), where),)) from None


def stored_rule(
    id: str, name: str, priority: int, trigger_type: Any, conditions: Any, actions: Any
) -> BotRule | FaultyRule:
    """A rule from the database, where other versions of the server may have written it in a form that this one cannot read."""
    try:
        trigger = msgspec.convert(trigger_type, TriggerType)
        return BotRule(id, name, priority, trigger, *read_parts(trigger, conditions, actions))
    except (Invalid, msgspec.ValidationError) as error:
        fields = error.errors if isinstance(error, Invalid) else ()
        return FaultyRule(id, name, priority, "; ".join(f"{p}: {m}" for p, m in fields) or str(error))


class _Message:
    """A message and its time, its words split once for all rules."""

    def __init__(self, facts: Facts, at: int) -> None:
        self.facts = facts
        self.at = at
        self.text = Text(facts.content)


Check = Callable[[Conditions, _Message], tuple[bool, str] | None]
"""Whether a condition holds, and why; None if it is not given."""


def _keywords(c: Conditions, m: _Message) -> tuple[bool, str] | None:
    if not c.keywords:
        return None
    found = [k for k in c.keywords if m.text.has(k)]
    missing = [k for k in c.keywords if k not in found]
    holds = bool(found) if c.match_mode == "any" else not missing
    if holds:
        return True, f"has {_quoted(found)}"
    return (
        False,
        f"has not {_quoted(missing)}" if c.match_mode == "all" else f"has none of {_quoted(missing)}",
    )


def _channels(c: Conditions, m: _Message) -> tuple[bool, str] | None:
    if not c.channels:
        return None
    holds = m.facts.channel_type in c.channels
    return holds, f"channel {m.facts.channel_type} is {'' if holds else 'not '}one of {', '.join(c.channels)}"


def _languages(c: Conditions, m: _Message) -> tuple[bool, str] | None:
    if not c.languages:
        return None
    spoken = m.facts.language
    holds = spoken is not None and primary(spoken) in map(primary, c.languages)
    shown = f"{spoken or 'unknown'}{' (detected)' if m.facts.detected else ''}"
    return holds, f"language {shown} is {'' if holds else 'not '}one of {', '.join(c.languages)}"


def _time_range(c: Conditions, m: _Message) -> tuple[bool, str] | None:
    if (r := c.time_range) is None:
        return None
    holds = Schedule((Hours(list(DAYS), r.start, r.end),), r.tz).is_open(m.at)
    return holds, f"time is {'' if holds else 'not '}within {r.start}–{r.end} {r.tz}"


def _intent(c: Conditions, m: _Message) -> tuple[bool, str] | None:
    found = m.facts.classification
    if c.intent is None and c.confidence_min is None:
        return None
    if found is None:
        return False, "the message was not classified"
    holds = c.intent in (None, found.intent) and found.confidence >= (c.confidence_min or 0)
    return holds, f"intent {found.intent} with confidence {found.confidence:.2f}"


CHECKS: tuple[Check, ...] = (_keywords, _channels, _languages, _time_range, _intent)


def _quoted(words: list[str]) -> str:
    return ", ".join(f"“{word}”" for word in words)


def _outcomes(rule: BotRule, message: _Message) -> Iterator[tuple[bool, str]]:
    if rule.trigger_type == "new_conversation":
        new = message.facts.new
        yield new, "the conversation is new" if new else "the conversation is not new"
    for check in CHECKS:
        if (outcome := check(rule.conditions, message)) is not None:
            yield outcome


def _verdict(rule: BotRule | FaultyRule, message: _Message) -> Verdict:
    if isinstance(rule, FaultyRule):
        return Verdict(rule.id, rule.name, False, (f"faulty: {rule.fault}",), faulty=True)
    try:
        outcomes = list(_outcomes(rule, message))
    except Exception as error:  # no failure of a rule may keep the customer waiting
        return Verdict(rule.id, rule.name, False, (f"faulty: {type(error).__name__}: {error}",), faulty=True)
    matched = all(holds for holds, _ in outcomes)
    reasons = tuple(why for holds, why in outcomes if holds is matched)
    return Verdict(rule.id, rule.name, matched, reasons or ("matches every message",))


def evaluate(rules: Iterable[BotRule | FaultyRule], facts: Facts, at: int) -> Evaluation:
    """Evaluate all active rules on a message, in order; even after a match, so that a dry run shows them all."""
    message = _Message(facts, at)
    ordered = sorted(rules, key=lambda r: (_is_fallback(r), r.priority, r.id))
    verdicts = tuple(_verdict(rule, message) for rule in ordered)
    pairs = zip(ordered, verdicts, strict=True)
    first = next((r for r, v in pairs if v.matched and isinstance(r, BotRule)), None)
    return Evaluation(verdicts, first)


def _is_fallback(rule: BotRule | FaultyRule) -> bool:
    return isinstance(rule, BotRule) and rule.trigger_type == "fallback"
