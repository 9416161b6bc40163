"""Reads the contents of Telegram messages: one reader per kind of content.

https://core.telegram.org/bots/api#message
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Final

from ...core.channels.messages import Media
from ..shared.payloads import Object, identifier, inner, kept, kind_of, objects, string, unsupported
from ..shared.text import short

Content = tuple[str, str, tuple[Media, ...], Object]
"""Content, content type, files, metadata."""


def content_of(message: Object) -> Content:
    """Raises ValueError if the message is malformed."""
    content, content_type, media, notes = _carried(message)
    beside = {key: kept(message[key]) for key in BESIDE if message.get(key)}
    return content, content_type, media, notes | beside | _marks(message)


def _carried(message: Object) -> Content:
    for key, read in READERS.items():
        if message.get(key) is not None:
            return read(key, message)
    kind = next((key for key in message if key not in ENVELOPE), "unknown")
    part = message.get(kind)
    if isinstance(part, dict) and part.get("file_id"):
        return _file(kind_of(short(part.get("mime_type"))), part, message)
    content, content_type, notes = unsupported(kind, message)
    return "\n".join(filter(None, [content, _caption(message)])), content_type, (), notes


def _marks(message: Object) -> Object:
    """The parts of the text that mean more than they say: links under words, people without a user name …"""
    found = [*objects(message.get("entities")), *objects(message.get("caption_entities"))]
    marks = [mark for mark in found if mark.get("url") or mark.get("type") in MEANINGFUL]
    links = list(dict.fromkeys(url for mark in marks if (url := short(mark.get("url"), MAX_URL))))
    return ({"entities": kept(marks)} if marks else {}) | ({"links": kept(links)} if links else {})


def with_links(text: str, entities: Any) -> str:
    """`text` with the address of each hidden link in brackets behind its words: `here (https://…)`.

    Entities count in UTF-16 code units. A link that lies outside the text, or names its address already, is left out.
    """
    raw = text.encode("utf-16-le", "surrogatepass")
    found = ((mark, short(mark.get("url"), MAX_URL)) for mark in objects(entities)[:MAX_ENTITIES])
    links = {
        start + size: (start, url)
        for mark, url in found
        if url
        and (start := _whole(mark, "offset")) is not None
        and (size := _whole(mark, "length"))
        and (start + size) * 2 <= len(raw)
    }
    parts, at = [], 0
    for end, (start, url) in sorted(links.items()):
        parts.append(raw[at : end * 2])
        if raw[start * 2 : end * 2].decode("utf-16-le", "replace").strip() != url:
            parts.append(f" ({url})".encode("utf-16-le", "surrogatepass"))
        at = end * 2
    return b"".join([*parts, raw[at:]]).decode("utf-16-le", "replace") if links else text


def _caption(message: Object) -> str:
    return with_links(string(message, "caption"), message.get("caption_entities"))


def _text(key: str, message: Object) -> Content:
    return with_links(string(message, key), message.get("entities")), "text", (), {}


def _photo(key: str, message: Object) -> Content:
    """The same picture in several sizes: the largest counts."""
    sizes = objects(message[key])
    if not sizes:
        raise ValueError("photo has no sizes")
    best = max(sizes, key=lambda size: (_whole(size, "width") or 0) * (_whole(size, "height") or 0))
    return _file("image", best, message)


def _reader(kind: str) -> Callable[[str, Object], Content]:
    return lambda key, message: _file(kind, inner(message, key), message)


def _file(kind: str, file: Object, message: Object) -> Content:
    media = Media(
        kind,
        id=identifier(file, "file_id"),
        name=short(file.get("file_name")),
        content_type=short(file.get("mime_type")),
        size=_whole(file, "file_size"),
    )
    return _caption(message), kind, (media,), {}


def _sticker(key: str, message: Object) -> Content:
    sticker = inner(message, key)
    _, _, media, notes = _file("sticker", sticker, message)
    return string(sticker, "emoji"), "sticker", media, notes


def _location(key: str, message: Object) -> Content:
    place = inner(message, key)
    return _coordinates(place), "location", (), {"location": kept(place)}


def _venue(key: str, message: Object) -> Content:
    venue = inner(message, key)
    lines = [short(venue.get("title")), short(venue.get("address")), _coordinates(inner(venue, "location"))]
    return "\n".join(filter(None, lines)), "location", (), {"venue": kept(venue)}


def _coordinates(place: Object) -> str:
    latitude, longitude = place.get("latitude"), place.get("longitude")
    if not isinstance(latitude, int | float) or not isinstance(longitude, int | float):
        raise ValueError("latitude or longitude is missing")
    return f"{latitude}, {longitude}"


def _contact(key: str, message: Object) -> Content:
    person = inner(message, key)
    names = " ".join(filter(None, (short(person.get("first_name")), short(person.get("last_name")))))
    card = _card(person.get("vcard"))
    found = ", ".join(dict.fromkeys(filter(None, (names, short(person.get("phone_number")), *card))))
    return found or "[contact]", "contacts", (), {"contact": kept(person)}


def _card(card: Any) -> list[str]:
    """The contents of a vCard (RFC 6350) besides name and number: e-mail addresses, postal addresses, firm, web pages."""
    if not isinstance(card, str):
        return []
    found = (_VCARD(line) for line in card[:MAX_CARD].splitlines())
    values = (", ".join(filter(None, map(str.strip, line[1].split(";")))) for line in found if line)
    return [value for text in values if (value := short(text.replace("\\", "")))]


def _dice(key: str, message: Object) -> Content:
    dice = inner(message, key)
    return f"{short(dice.get('emoji')) or '🎲'} {_whole(dice, 'value')}", "dice", (), {}


def _poll(key: str, message: Object) -> Content:
    poll = inner(message, key)
    options = [short(option.get("text")) for option in objects(poll.get("options"))]
    lines = [string(poll, "question"), short(poll.get("description"), 2000)]
    lines += (f"- {option}" for option in options if option)
    return "\n".join(filter(None, lines)) or "[poll]", "poll", (), {"poll": kept(poll)}


def _checklist(key: str, message: Object) -> Content:
    checklist = inner(message, key)
    tasks = (
        (short(task.get("text")), task.get("completion_date")) for task in objects(checklist.get("tasks"))
    )
    lines = [
        string(checklist, "title"),
        *(f"[{'x' if done else ' '}] {text}" for text, done in tasks if text),
    ]
    return "\n".join(filter(None, lines)) or "[checklist]", "checklist", (), {"checklist": kept(checklist)}


def _paid(key: str, message: Object) -> Content:
    """Photos and videos that cost stars. Of previews there is no file."""
    paid = inner(message, key)
    media: list[Media] = []
    for one in objects(paid.get("paid_media")):
        kind = string(one, "type")
        if kind in PAID and one.get(kind) is not None:
            media += PAID[kind](kind, one)[2]
    said = _caption(message) or ("" if media else "[paid media]")
    return said, media[0].kind if media else "paid_media", tuple(media), {"paid_media": kept(paid)}


def _rich(key: str, message: Object) -> Content:
    """A text of blocks: the words of each on a line of its own."""
    rich = inner(message, key)
    blocks = objects(rich.get("blocks"))
    lines = ("".join(_words(block)) for block in blocks)
    said = "\n".join(line for line in lines if line.strip())
    media = tuple(islice(_files(blocks), MAX_FILES))
    kind = "text" if said or not media else media[0].kind
    return said or ("" if media else "[rich message]"), kind, media, {"rich_message": kept(rich)}


def _files(part: Any) -> Iterator[Media]:
    """The files in blocks, in order, as they stand in messages: `{"type": "photo", "photo": […]}`."""
    if isinstance(part, list):
        for each in part:
            yield from _files(each)
    elif isinstance(part, dict):
        for key, each in part.items():
            if key == "photo" and isinstance(each, list) and objects(each):
                yield from _photo(key, part)[2]
            elif key in FILES and isinstance(each, dict) and each.get("file_id"):
                yield from READERS[key](key, part)[2]
            elif isinstance(each, dict | list):
                yield from _files(each)


def _words(block: Any) -> Iterator[str]:
    """All that stands under `text` in a block, in order. Calls nest as deep as the JSON does, which is bounded."""
    if isinstance(block, list):
        for part in block:
            yield from [part] if isinstance(part, str) else _words(part)
    elif isinstance(block, dict):
        for key, part in block.items():
            if isinstance(part, dict | list):
                yield from _words(part)
            elif key == "text" and isinstance(part, str):
                yield part
        if (url := short(block.get("url"), MAX_URL)) and block.get("text") not in (None, url):
            yield f" ({url})"


def _web_app(key: str, message: Object) -> Content:
    """A customer's answer in the bot's web app."""
    data = inner(message, key)
    lines = [short(data.get("button_text")), short(data.get("data"), 2000)]
    return "\n".join(filter(None, lines)) or "[web app]", "form", (), {"web_app_data": kept(data)}


def _shared(key: str, message: Object) -> Content:
    """People that a customer shared with the bot."""
    people = objects(inner(message, key).get("users"))
    names = (
        " ".join(filter(None, (short(p.get("first_name")), short(p.get("last_name")))))
        or str(p.get("user_id", ""))
        for p in people
    )
    return "\n".join(filter(None, names)) or "[contacts]", "contacts", (), {"users_shared": kept(people)}


def _titled(key: str, message: Object) -> Content:
    part = inner(message, key)
    lines = [short(part.get("title")), short(part.get("description"), 2000)]
    return "\n".join(filter(None, lines)) or f"[{key}]", key, (), {key: kept(part)}


def _paid_for(key: str, message: Object) -> Content:
    """A payment that came, or went back."""
    part = inner(message, key)
    amount, currency = part.get("total_amount"), short(part.get("currency")) or ""
    what = "payment" if key == "successful_payment" else "payment refunded"
    digits = 0 if currency in WHOLE else 2
    shown = f"{amount / 10**digits:.{digits}f} {currency}".strip() if isinstance(amount, int) else ""
    said = f"[{what}: {shown}]" if shown else f"[{what}]"
    return said, "payment", (), {key: kept(part)}


def _whole(holder: Object, key: str) -> int | None:
    value: Any = holder.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


READERS: Final[dict[str, Callable[[str, Object], Content]]] = {
    "text": _text,
    "photo": _photo,
    "animation": _reader("video"),
    "audio": _reader("audio"),
    "document": _reader("document"),
    "sticker": _sticker,
    "video": _reader("video"),
    "video_note": _reader("video"),
    "voice": _reader("audio"),
    "contact": _contact,
    "dice": _dice,
    "poll": _poll,
    "venue": _venue,
    "location": _location,
    "live_photo": _reader("image"),
    "checklist": _checklist,
    "paid_media": _paid,
    "rich_message": _rich,
    "web_app_data": _web_app,
    "users_shared": _shared,
    "game": _titled,
    "invoice": _titled,
    "successful_payment": _paid_for,
    "refunded_payment": _paid_for,
}
"""In this order: an animation comes as a document too, a venue as a location."""
FILES: Final = frozenset(
    {"animation", "audio", "document", "sticker", "video", "video_note", "voice", "live_photo"}
)
MAX_FILES: Final = 50
"""Files of one rich message that are taken in."""
WHOLE: Final = frozenset({"XTR", "JPY", "KRW", "VND", "CLP", "PYG", "UGX", "ISK", "XOF", "XAF"})
"""Currencies without cents; XTR are Telegram's stars."""
PAID: Final[dict[str, Callable[[str, Object], Content]]] = {
    "photo": _photo,
    "video": _reader("video"),
    "live_photo": _reader("image"),
}
"""Kinds of paid media."""

BESIDE: Final = (
    "media_group_id", "forward_origin", "quote", "external_reply", "reply_to_story", "reply_to_checklist_task_id", "via_bot",
    "reply_markup", "business_connection_id", "sender_business_bot", "link_preview_options", "effect_id", "suggested_post_info",
    "reply_to_poll_option_id", "direct_messages_topic",
)  # fmt: skip
"""Fields that a message's metadata keeps unchanged."""
MEANINGFUL: Final = frozenset({"text_link", "text_mention", "custom_emoji", "date_time"})
MAX_ENTITIES: Final = 200
"""Entities of one text that are read; Telegram sends at most 100."""
MAX_URL: Final = 2000
MAX_CARD: Final = 8192
"""Characters that are read of a vCard; Telegram sends at most 2 KB."""
_VCARD: Final = re.compile(r"(?:[A-Za-z0-9-]+\.)?(?:EMAIL|ADR|ORG|URL)(?:;[^:]*)?:(.+)", re.IGNORECASE).match

ENVELOPE: Final = frozenset(
    {
        "message_id", "message_thread_id", "from", "sender_chat", "sender_boost_count", "date", "chat", "caption",
        "caption_entities", "forward_origin", "is_topic_message", "is_automatic_forward", "reply_to_message",
        "external_reply", "quote", "reply_to_story", "via_bot", "edit_date", "has_protected_content", "is_from_offline",
        "media_group_id", "author_signature", "entities", "link_preview_options", "effect_id", "reply_markup",
        "business_connection_id", "show_caption_above_media", "has_media_spoiler", "sender_business_bot", "sender_tag",
        "reply_to_checklist_task_id", "is_paid_post", "paid_star_count", "direct_messages_topic", "suggested_post_info",
        "guest_query_id", "guest_bot_caller_user", "guest_bot_caller_chat", "reply_to_poll_option_id", "receiver_user",
        "ephemeral_message_id",
    }
)  # fmt: skip
"""Fields that any message may have besides its content."""
