"""Forged cursors: a genuine one of each kind, mutated in many ways."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from typing import Any

ID = "01890000-0000-7000-8000-000000000001"
NOW = 1_790_000_000_000

PLACES: dict[str, list[Any]] = {
    "place": [NOW * 1000, ID],
    "inbox": ["last_message_at", True, NOW * 1000, ID],
    "queue": [NOW - 1000, NOW, ID],
}
"""The kinds of cursors by what is in them: of plain lists, of the inbox, of the queue."""
NUMBERS = ["-1", "-9223372036854775809", "9223372036854775807", "9223372036854775808", "18446744073709551616", "1" * 40,
           "253402300800000001", "1.5", "1.0", "1e3", "1e999", "-0", "NaN", "Infinity", "null", "true", '"1"', "[]",
           "{}", ""]  # fmt: skip
TEXTS = ['""', '"x"', '"\\u0000"', json.dumps("é" * 36), json.dumps(ID.upper().replace("0", "A")), json.dumps("1" * 36),
         json.dumps(ID + "\n"), json.dumps(ID[:-1] + "\u0661"), json.dumps(ID + "0"), '"\\ud800"', "null", "5", "[]",
         json.dumps("x" * 120)]  # fmt: skip


def genuine(kind: str) -> str:
    """A cursor as the server encodes it."""
    return encoded(json.dumps(PLACES[kind], separators=(",", ":")))


def encoded(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def forged(kind: str) -> Iterator[str]:
    """Texts that are not a cursor of this kind."""
    place = PLACES[kind]
    parts = [json.dumps(part) for part in place]
    for at, part in enumerate(place):
        for other in TEXTS if isinstance(part, str) else NUMBERS:
            within = kind == "queue" and other in ("-1", "253402300800000001")  # another place, yet one
            if other != parts[at] and not within:
                yield encoded("[" + ",".join([*parts[:at], other, *parts[at + 1 :]]) + "]")
    yield encoded("[" + ",".join(parts[:-1]) + "]")
    yield encoded("[" + ",".join([*parts, "1"]) + "]")
    yield encoded("[" + ", ".join(parts) + "]")
    yield encoded("[" + ",".join(reversed(parts)) + "]")
    yield from (encoded(text) for text in ("", "[]", "{}", "null", "0", '"x"', "[" * 100, "[[[[", "\0", "x"))
    text = genuine(kind)
    yield from (text[:-1], text[1:], text + "=", text + "A", text + "AAAA", " " + text, text + "\n", text * 2)
    yield from ("", "x", "!", "====", "é", "%00", "\0", "../../etc/passwd", "A" * 150, "-1", "NaN")
