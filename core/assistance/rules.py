"""The built-in provider `rules`: templates, words of intents, a lexicon, hashed vectors. Needs no key and no network.

It also answers when the configured provider fails; the answer then says so.
"""

from __future__ import annotations

import math
import re
from typing import Final
from zlib import crc32

from ..text.text_matching import Text
from ..turn.form_filling import fits, question
from .analysis import MessageAnalysis, made
from .prompts import Prompt, since_answered
from .vectors import DIMENSIONS

VECTORS: Final = "rules-1"
"""The name of the hashed vectors beside stored ones. Change it with what `vector` counts."""
MAX_EMBEDDED: Final = 8_192
"""Characters of a text that its vector is computed from."""
MAX_READ: Final = 4_000
INTENTS: Final[dict[str, tuple[str, ...]]] = {
    "human": ("human", "real person", "representative", "agente humano", "ሰው"),
    "legal": ("lawyer", "lawsuit", "sue", "court", "abogado", "demanda", "ጠበቃ"),
    "refund": ("refund", "money back", "reimburse", "reembolso", "devolución", "ተመላሽ"),
    "cancel": ("cancel", "cancellation", "unsubscribe", "cancelar", "ሰርዝ"),
    "delivery": (
        "delivery",
        "shipping",
        "parcel",
        "package",
        "courier",
        "tracking",
        "where is my order",
        "envío",
        "paquete",
        "entrega",
        "ጭነት",
    ),
    "billing": (
        "invoice",
        "charged",
        "billing",
        "payment",
        "bill",
        "price",
        "factura",
        "pago",
        "cobro",
        "ክፍያ",
    ),
    "complaint": ("complaint", "unacceptable", "terrible", "worst", "queja", "reclamo", "ቅሬታ"),
    "account": ("password", "login", "log in", "sign in", "account", "contraseña", "cuenta"),
    "hours": ("opening hours", "open today", "closing time", "horario", "abierto"),
    "thanks": ("thank you", "thanks", "gracias", "obrigado", "አመሰግናለሁ"),
    "greeting": ("hello", "good morning", "good afternoon", "hola", "buenos días", "ሰላም"),
}
"""Intent → words and phrases. The first one that matches wins, so the weightiest come first."""
GOOD: Final[tuple[str, ...]] = (
    "gracias", "excelente", "genial", "perfecto", "bueno", "obrigado", "ótimo", "አመሰግናለሁ", "ጥሩ",
)  # fmt: skip
BAD: Final[tuple[str, ...]] = (
    "malo", "terrible", "horrible", "pésimo", "roto", "enojado", "nunca", "ruim", "መጥፎ", "ቅሬታ", "አዝኛለሁ",
)  # fmt: skip
LEXICON: Final[dict[str, float]] = {
    word: score for words, score in ((GOOD, 2.0), (BAD, -2.0)) for word in words
}
"""Words that the English lexicon lacks."""
ACKNOWLEDGED: Final[dict[str, str]] = {
    "human": "I am taking over from here and will help you personally.",
    "legal": "I have noted your concern and will have it looked at with care.",
    "refund": "I am looking into your refund and will tell you what the next step is.",
    "cancel": "I can help you with the cancellation.",
    "delivery": "I am checking where your order is.",
    "billing": "I am checking your bill.",
    "complaint": "I am sorry for the trouble this has caused, and I am looking into it.",
    "account": "I can help you with your account.",
    "hours": "I am glad to help with our opening hours.",
    "thanks": "You are welcome. Is there anything else I can do for you?",
    "greeting": "How can I help you?",
}
_FIELDS: Final = {"order": "order_number"}
"""Entities that fields of bot rules call by another name."""
_WORD: Final = re.compile(r"\w+")
_ENTITIES: Final[dict[str, re.Pattern[str]]] = {
    "order": re.compile(r"\b[A-Za-z]{1,5}-\d{2,12}\b|#\d{3,12}\b"),
    "email": re.compile(r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}\b"),
    "amount": re.compile(
        r"[$€£]\s?\d{1,9}(?:[.,]\d{1,2})?|\b\d{1,9}(?:[.,]\d{1,2})?\s?(?:USD|EUR|ETB|birr)\b"
    ),
    "date": re.compile(r"\b\d{4}-\d{2}-\d{2}\b|\b\d{1,2}/\d{1,2}/\d{2,4}\b"),
}


def intent_of(text: str) -> tuple[str | None, float]:
    """The intent whose words occur, and its confidence."""
    read = Text(text[:MAX_READ])
    for intent, words in INTENTS.items():
        hits = sum(read.has(word) for word in words)
        if hits:
            return intent, min(0.9, 0.55 + 0.15 * hits)
    return None, 0.0


def entities_of(text: str) -> dict[str, str]:
    """Order numbers, addresses, amounts and dates; the first of each."""
    found = {name: pattern.search(text[:MAX_READ]) for name, pattern in _ENTITIES.items()}
    return {name: match[0] for name, match in found.items() if match is not None}


def analysed(text: str, sentiment: float) -> MessageAnalysis:
    """The analysis of a message whose sentiment a lexicon has scored."""
    intent, sure = intent_of(text)
    return made(sentiment, intent, sure, entities_of(text))


def reply(prompt: Prompt) -> str:
    """A draft from templates: the agent's own draft, tidied; else the passages found; else an acknowledgement."""
    if prompt.draft is not None:
        return _tidied(prompt.draft)
    if prompt.knowledge:
        best = prompt.knowledge[0]
        return f"Hello, thank you for your message. {_beginning(best.text)} [1]"
    written = next((line.text for line in reversed(prompt.conversation) if line.speaker == "customer"), "")
    intent, _ = intent_of(written)
    about_it = ACKNOWLEDGED.get(intent or "", "I have read it and will get back to you shortly.")
    return f"Hello, thank you for your message. {about_it}"


def assisted(prompt: Prompt) -> tuple[str, float, dict[str, str]]:
    """The conversational bot's next words, how sure they are, and the fields that the customer has told: the passage that fits
    best, else the next question, else a courtesy. Without any of them it is not sure at all."""
    written = " ".join(since_answered(prompt.conversation))
    fields = _told(prompt, written)
    if prompt.knowledge:
        return f"{_beginning(prompt.knowledge[0].text)} [1]", 0.7, fields
    missing = next((field for field in prompt.wanted if field not in fields), None)
    if missing is not None:
        return question(missing), 0.6, fields
    intent, _ = intent_of(written)
    courtesy = ACKNOWLEDGED[intent] if intent in ("thanks", "greeting") else ""
    return courtesy, 0.6 if courtesy else 0.0, fields


def _told(prompt: Prompt, written: str) -> dict[str, str]:
    found = {_FIELDS.get(kind, kind): value for kind, value in entities_of(written).items()}
    asked = next((line.text for line in reversed(prompt.conversation) if line.speaker != "customer"), "")
    for field in prompt.wanted:
        if field not in found and asked.strip() == question(field) and fits(field, written):
            found[field] = written.strip()
    return {field: value for field, value in found.items() if field in prompt.wanted}


def _beginning(text: str) -> str:
    """About three sentences."""
    text = " ".join(text[:1_000].split())
    if len(text) <= 400:
        return text
    end = max(text.rfind(mark, 0, 400) for mark in [".", "!", "?", "።"])
    return text[: end + 1] if end > 80 else text[:400].rsplit(" ", 1)[0] + " …"


def _tidied(draft: str) -> str:
    """One blank between words, a capital at the beginning, a mark at the end."""
    lines = [" ".join(line.split()) for line in draft.splitlines()]
    text = "\n".join(lines).strip()
    if not text:
        return draft
    text = text[0].upper() + text[1:]
    return text if text[-1] in ".!?:;…።)" else text + "."


def vector(text: str) -> list[float]:
    """A text's words and their parts of three letters, hashed into DIMENSIONS counts, of length 1. All zeros become the first axis."""
    counts = [0.0] * DIMENSIONS
    for word in _WORD.findall(text[:MAX_EMBEDDED].casefold()):
        _count(counts, word, 1.0)
        padded = f"^{word[:40]}$"
        for at in range(len(padded) - 2):
            _count(counts, padded[at : at + 3], 0.5)
    length = math.sqrt(sum(n * n for n in counts))
    if length == 0:
        return [1.0] + [0.0] * (DIMENSIONS - 1)
    return [n / length for n in counts]


def _count(counts: list[float], feature: str, weight: float) -> None:
    hashed = crc32(feature.encode("utf-8", "replace"))
    counts[hashed % DIMENSIONS] += weight if hashed >> 31 else -weight
