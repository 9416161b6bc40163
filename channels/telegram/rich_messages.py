"""Reads rich messages: trees of blocks and formatted text, as lines of plain text and files.

https://core.telegram.org/bots/api#richmessage. Calls nest as deep as the JSON does, which is bounded; unknown kinds of blocks
show the words in them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from ..shared.payloads import Object, objects
from ..shared.text import short

MAX_URL: Final = 2000
FILES: Final = frozenset(
    {"animation", "audio", "document", "sticker", "video", "video_note", "voice", "voice_note", "live_photo"}
)
"""Fields of blocks that are files; `photo` is a list of sizes."""
_PLAIN: Final = ("text", "expression", "alternative_text", "button")
"""Fields of formatted text that are words: of formulas the formula, of emoji of Telegram's own the emoji nearest to it, of buttons
their text."""


def lines(blocks: Any) -> Iterator[str]:
    """The words of blocks, a line for each paragraph, item, and row of a table."""
    for block in objects(blocks):
        yield from _block(block)


def files(part: Any) -> Iterator[Object]:
    """The files in blocks, in order, each by itself under its name: `{"photo": […]}`."""
    if isinstance(part, list):
        for each in part:
            yield from files(each)
    elif isinstance(part, dict):
        for key, each in part.items():
            is_photo = key == "photo" and isinstance(each, list) and objects(each)
            is_file = key in FILES and isinstance(each, dict) and each.get("file_id")
            if is_photo or is_file:
                yield {key: each}
            elif isinstance(each, dict | list):
                yield from files(each)


def _block(block: Object) -> Iterator[str]:
    for key in ("summary", "text", "expression"):
        if block.get(key) is not None:
            yield "".join(_words(block[key]))
    yield from _items(block.get("items"))
    yield from _rows(block.get("cells"))
    yield from _place(block.get("location"))
    yield from lines(block.get("blocks"))
    for row in (block.get("buttons"), *_nested(block.get("buttons"))):
        yield from ("".join(_words(button)) for button in objects(row))
    caption = block.get("caption")
    for note in (caption, caption.get("credit") if isinstance(caption, dict) else None, block.get("credit")):
        if note is not None:
            yield "".join(_words(note))


def _items(items: Any) -> Iterator[str]:
    """A list's items: the label or the box in front of the first line of each."""
    for item in objects(items):
        mark = (
            ("[x]" if item.get("is_checked") is True else "[ ]") if item.get("has_checkbox") is True else ""
        )
        mark = mark or short(item.get("label")) or "-"
        said = [line for line in lines(item.get("blocks")) if line.strip()]
        yield f"{mark} {said[0]}" if said else mark
        yield from said[1:]


def _rows(cells: Any) -> Iterator[str]:
    for row in _nested(cells):
        yield " | ".join("".join(_words(cell)) for cell in objects(row))


def _nested(value: Any) -> list[list[Any]]:
    """The lists in a list of lists."""
    return [row for row in value if isinstance(row, list)] if isinstance(value, list) else []


def _place(location: Any) -> Iterator[str]:
    if isinstance(location, dict):
        latitude, longitude = location.get("latitude"), location.get("longitude")
        if isinstance(latitude, int | float) and isinstance(longitude, int | float):
            yield f"{latitude}, {longitude}"


def _words(text: Any) -> Iterator[str]:
    """All that formatted text says, in order; the address of a link behind its words."""
    if isinstance(text, str):
        yield text
    elif isinstance(text, list):
        for part in text:
            yield from _words(part)
    elif isinstance(text, dict):
        for key in _PLAIN:
            if text.get(key) is not None:
                yield from _words(text[key])
        if (url := short(text.get("url"), MAX_URL)) and text.get("text") not in (None, url):
            yield f" ({url})"
