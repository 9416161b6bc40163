"""What is to be found out about a customer's message before its turn (language, mood, intent), and how far it is believed.

Pure: a message that nothing is asked about costs a look at a few fields. The libraries and the classifier that answer stand in
`actors/host/message_analysis.py`. A turn is given what was found out as `Analysis`, and decides for itself whether it still matters.
"""

from __future__ import annotations

import re

import msgspec

from ..conversation.commands import Envelope
from ..conversation.state import AUTO_REPLY, Conversation
from ..conversation.status import Status
from ..text.languages import language_of, primary
from . import form_filling
from .account_rules import AccountRules
from .bot_rules import Classification

READ = 1000
"""Characters of a message that its language is told by."""
SCORED = 500
"""Characters of a message whose mood counts: scoring costs more than in proportion. An emoji counts as `EMOJI` of them, being
scored by its description."""
EMOJI = 25
SURE = 0.4
"""Probability from which a language is believed: see decision 0007 for what it was measured on."""
SURE_OF_ENGLISH = 0.3
"""The same, where only English or not is asked, of a text that has words of a strong mood in English. German with `die` in it
stays below 0.01; “fuck you” has 0.32."""
LETTERS = 6
"""Letters that a text must have for a language to be told; a syllable or an ideograph counts as two."""
NO_LANGUAGE = "zxx"
ALIASES = {"ary": "ar", "arz": "ar", "nn": "no", "wuu": "zh", "yue": "zh"}
"""Languages that agents and rules rather name by a larger one."""
ETHIOPIC = re.compile("[\u1200-\u139f\u2d80-\u2ddf\uab00-\uab2f\U0001e7e0-\U0001e7ff]")
FIRST_SYMBOL = "\u00a9"
"""No emoji has a smaller code."""
SYLLABLES_FROM = "\u0e00"
"""Letters of scripts from here on stand for a syllable or a word; but for the Ethiopic ones, which are told apart before."""
OPEN_TO_BOTS = frozenset({Status.OPEN, Status.BOT, Status.RESOLVED})
"""Where a customer's message finds nobody who has the conversation; it reopens one that was resolved."""


class Wanted(msgspec.Struct, frozen=True):
    """What to find out. `known`: the language, where it is known already; `detect`: tell it; `mood_below`: score the mood, if
    that may be lower."""

    account_id: str
    channel_type: str
    content: str
    known: str | None = None
    detect: bool = False
    mood_below: float | None = None
    classify: bool = False


class Analysis(msgspec.Struct, frozen=True, array_like=True):
    """What was found out; None: not asked, or nothing to be sure of. `sentiment`, -1 to 1, of English texts alone."""

    language: str | None = None
    sentiment: float | None = None
    classification: Classification | None = None


NO_ANALYSIS = Analysis()


def wanted(envelope: Envelope, c: Conversation | None, account: AccountRules) -> Wanted | None:
    """What this command's turn needs to know; None: nothing. `c`: the conversation before it, None: it opens one."""
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
    if c.status not in OPEN_TO_BOTS or not (account.listens or c.status is Status.BOT):
        return None
    known = language_of(c.metadata, c.bot_context)
    detect = account.heeds_language and known is None
    mood = classify = False
    if c.status is Status.RESOLVED or not (c.handoff_requested or c.left_to_humans):
        mood = bool(account.rules) or c.status is Status.BOT
        asked = c.status is Status.BOT and form_filling.under_way(c.bot_context) is not None
        classify = account.heeds_intent and not asked
    return _wanted(c.account_id, post.content, c.channel_type, known, account, detect, mood, classify)


def for_first(
    account_id: str, content: str, channel_type: str, known: str | None, account: AccountRules
) -> Wanted | None:
    """What is to be found out about a message that opens a conversation."""
    detect = account.heeds_language and known is None
    mood = bool(account.rules)
    return _wanted(account_id, content, channel_type, known, account, detect, mood, account.heeds_intent)


def _wanted(
    account_id: str,
    content: str,
    channel_type: str,
    known: str | None,
    account: AccountRules,
    detect: bool,
    mood: bool,
    classify: bool,
) -> Wanted | None:
    threshold = account.settings.handoff_sentiment
    below = threshold if mood and threshold > -1 and (known is None or is_english(known)) else None
    if not detect and below is None and not classify:
        return None
    return Wanted(account_id, channel_type, content, known, detect, below, classify)


def is_english(language: str) -> bool:
    """Of `en`, `en-GB` …"""
    return primary(language) == "en"


def by_script(text: str) -> str | None:
    """The language that the script alone tells: Amharic. (Tigrinya has the same script, and no detector at hand tells them
    apart.)"""
    ethiopic = len(ETHIOPIC.findall(text))
    if ethiopic < 2 or 2 * ethiopic < sum(map(str.isalpha, text)):
        return None
    return "am"


def scored(text: str) -> str:
    """The beginning of a message whose mood is scored."""
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
    """Whether there is enough of it for a language to be told."""
    return sum(2 if char >= SYLLABLES_FROM else 1 for char in text if char.isalpha()) >= LETTERS


def believed(language: str, probability: float) -> str | None:
    """A detector's word, where it is sure."""
    if probability < SURE or language == NO_LANGUAGE:
        return None
    return ALIASES.get(language, language)


def believed_english(language: str, probability: float) -> bool:
    """Whether a text that has English words of a strong mood is English."""
    return language == "en" and probability >= SURE_OF_ENGLISH
