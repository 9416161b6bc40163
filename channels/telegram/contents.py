"""What a Telegram message says: a reader for each thing that it may carry.

https://core.telegram.org/bots/api#message
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ...core.channels.messages import Media
from ..shared.payloads import Object, identifier, inner, kept, objects, string, unsupported
from ..shared.text import short

Content = tuple[str, str, tuple[Media, ...], Object]
"""Content, content type, files, metadata."""


def content_of(message: Object) -> Content:
    """Raises ValueError where the message is not what it seems."""
    for key, read in READERS.items():
        if message.get(key) is not None:
            return read(key, message)
    kind = next((key for key in message if key not in ENVELOPE), "unknown")
    content, content_type, notes = unsupported(kind, message)
    return "\n".join(filter(None, [content, string(message, "caption")])), content_type, (), notes


def _text(key: str, message: Object) -> Content:
    return string(message, key), "text", (), {}


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
    return string(message, "caption"), kind, (media,), {}


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
    found = ", ".join(filter(None, (names, short(person.get("phone_number")))))
    return found or "[contact]", "contacts", (), {"contact": kept(person)}


def _dice(key: str, message: Object) -> Content:
    dice = inner(message, key)
    return f"{short(dice.get('emoji')) or '🎲'} {_whole(dice, 'value')}", "dice", (), {}


def _poll(key: str, message: Object) -> Content:
    poll = inner(message, key)
    options = [short(option.get("text")) for option in objects(poll.get("options"))]
    lines = [string(poll, "question"), *(f"- {option}" for option in options if option)]
    return "\n".join(filter(None, lines)) or "[poll]", "poll", (), {"poll": kept(poll)}


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
}
"""In this order: an animation comes as a document too, a venue as a location."""

ENVELOPE: Final = frozenset(
    {
        "message_id", "message_thread_id", "from", "sender_chat", "sender_boost_count", "date", "chat", "caption",
        "caption_entities", "forward_origin", "is_topic_message", "is_automatic_forward", "reply_to_message",
        "external_reply", "quote", "reply_to_story", "via_bot", "edit_date", "has_protected_content", "is_from_offline",
        "media_group_id", "author_signature", "entities", "link_preview_options", "effect_id", "reply_markup",
        "business_connection_id", "show_caption_above_media", "has_media_spoiler",
    }
)  # fmt: skip
"""What any message may have beside what it carries."""
