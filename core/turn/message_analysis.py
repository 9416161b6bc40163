"""Which analyses (language, sentiment, intent) a customer's message needs before its turn, and which results are trusted.

A message that needs no analysis costs only a few field reads. Libraries and classifier are called in
`actors/host/analysis/message_analyser.py`. The turn gets the results as `Analysis`, and decides whether they still matter.
"""

from __future__ import annotations

import re

import msgspec

from ..conversation.commands import Envelope
from ..conversation.state import AUTO_REPLY, Conversation
from ..conversation.status import BOT, OPEN, RESOLVED
from ..text.languages import language_of, primary
from . import form_filling
from .account_rules import AccountRules
from .bot_rules import Classification

READ = 1000
"""Characters of a message that the language detector reads."""
SCORED = 500
"""Characters of a message that are scored for sentiment, as the cost grows faster than the length. An emoji counts as `EMOJI` of
them, as its description is scored."""
EMOJI = 25
SURE = 0.4
"""Least probability at which a detected language is trusted; docs/performance/message-analysis.md has the measurement."""
SURE_OF_ENGLISH = 0.3
"""The same for the question whether a text with strongly emotional English words is English. German with `die` in it stays below
0.01; “fuck you” has 0.32."""
LETTERS = 6
"""Letters that a text needs for language detection; a syllable or an ideograph counts as two."""
NO_LANGUAGE = "zxx"
ALIASES = {"ary": "ar", "arz": "ar", "nn": "no", "wuu": "zh", "yue": "zh"}
"""Languages → the macrolanguage that agents and rules name instead."""
ETHIOPIC = re.compile("[\u1200-\u139f\u2d80-\u2ddf\uab00-\uab2f\U0001e7e0-\U0001e7ff]")
FIRST_SYMBOL = "\u00a9"
"""No emoji has a lower code point."""
SYLLABLES_FROM = "\u0e00"
"""Letters from here on stand for a syllable or a word (Ethiopic is recognised before)."""
OPEN_TO_BOTS = frozenset({OPEN, BOT, RESOLVED})
"""Statuses in which no human holds the conversation when a customer writes; a resolved one reopens."""


class Wanted(msgspec.Struct, frozen=True):
    """The analyses to make. `known`: the language, if known already; `detect`: detect it; `sentiment_below`: score the sentiment, if it may
    be below this."""

    account_id: str
    channel_type: str
    content: str
    known: str | None = None
    detect: bool = False
    sentiment_below: float | None = None
    classify: bool = False


class Analysis(msgspec.Struct, frozen=True, array_like=True):
    """The results; None: not asked, or not certain. `sentiment`: -1 to 1, for English texts only."""

    language: str | None = None
    sentiment: float | None = None
    classification: Classification | None = None


NO_ANALYSIS = Analysis()


def wanted(envelope: Envelope, c: Conversation | None, account: AccountRules) -> Wanted | None:
    """The analyses that this command's turn needs; None if none. `c`: the conversation before it; None if it opens one."""
    post = envelope.post
    if (
        post is None
        or post.sender_type != "contact"
        or post.is_private
        or post.metadata.get(AUTO_REPLY) is True
    ):
        return None
    if c is None:
        opening = envelope.opening
        known = language_of(opening.metadata, {})
        return for_first(envelope.account_id, post.content, opening.channel_type, known, account)
    if c.status not in OPEN_TO_BOTS or not (account.needs_analysis or c.status is BOT):
        return None
    known = language_of(c.metadata, c.bot_context)
    detect = account.uses_language and known is None
    score = classify = False
    if c.status is RESOLVED or not (c.handoff_requested or c.left_to_humans):
        score = bool(account.rules) or c.status is BOT
        asked = c.status is BOT and form_filling.under_way(c.bot_context) is not None
        classify = account.uses_intent and not asked
    return _wanted(c.account_id, post.content, c.channel_type, known, account, detect, score, classify)


def for_first(
    account_id: str, content: str, channel_type: str, known: str | None, account: AccountRules
) -> Wanted | None:
    """The same for a message that opens a conversation."""
    detect = account.uses_language and known is None
    score = bool(account.rules)
    return _wanted(account_id, content, channel_type, known, account, detect, score, account.uses_intent)


def _wanted(
    account_id: str,
    content: str,
    channel_type: str,
    known: str | None,
    account: AccountRules,
    detect: bool,
    score: bool,
    classify: bool,
) -> Wanted | None:
    threshold = account.settings.handoff_sentiment
    below = threshold if score and threshold > -1 and (known is None or is_english(known)) else None
    if not detect and below is None and not classify:
        return None
    return Wanted(account_id, channel_type, content, known, detect, below, classify)


def is_english(language: str) -> bool:
    """Whether a tag is `en`, `en-GB` …"""
    return primary(language) == "en"


def by_script(text: str) -> str | None:
    """The language, if the script alone shows it: Amharic. (Tigrinya shares the script; no available detector distinguishes them.)"""
    ethiopic = len(ETHIOPIC.findall(text))
    if ethiopic < 2 or 2 * ethiopic < sum(map(str.isalpha, text)):
        return None
    return "am"


def scored(text: str) -> str:
    """The beginning of a message, as far as its sentiment is scored."""
    text = text[:SCORED]
    if text.isascii():
        return text
    left = SCORED
    for at, char in enumerate(text):
        left -= EMOJI if char >= FIRST_SYMBOL and not char.isalnum() else 1
        if left < 0:
            return text[:at]
    return text


def has_words(text: str) -> bool:
    """Whether a text is long enough for language detection."""
    return sum(2 if char >= SYLLABLES_FROM else 1 for char in text if char.isalpha()) >= LETTERS


def believed(language: str, probability: float) -> str | None:
    """A detector's language, if it is probable enough."""
    if probability < SURE or language == NO_LANGUAGE:
        return None
    return ALIASES.get(language, language)


def believed_english(language: str, probability: float) -> bool:
    """Whether a text with strongly emotional English words is English."""
    return language == "en" and probability >= SURE_OF_ENGLISH
