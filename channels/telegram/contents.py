"""Reads the contents of Telegram messages: one reader per kind of content.

https://core.telegram.org/bots/api#message
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import islice
from typing import Any, Final

from ...core.channels.messages import Media
from ..shared.payloads import Object, identifier, inner, kept, kind_of, objects, string, unsupported
from ..shared.text import short
from . import rich_messages

Content = tuple[str, str, tuple[Media, ...], Object]
"""Content, content type, files, metadata."""


def content_of(message: Object) -> Content:
    """Raises ValueError if the message is malformed."""
    content, content_type, media, notes = _carried(message)
    beside = {key: kept(message[key]) for key in BESIDE if message.get(key)}
    if message.get("is_from_offline") is True:
        beside["auto_reply"] = True  # a business account's greeting or note of absence
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
    phone, shown = short(person.get("phone_number")), dict.fromkeys(filter(None, (names,)))
    for one in filter(None, (phone, *_card(person.get("vcard")))):
        if not any(
            _digits(one) == _digits(other) != "" for other in shown
        ):  # the same number, written otherwise
            shown[one] = None
    return ", ".join(shown) or "[contact]", "contacts", (), {"contact": kept(person)}


def _digits(text: str) -> str:
    """Of a number; empty where it is something else."""
    return "" if "@" in text or re.search(r"[^\W\d_]", text) else re.sub(r"\D", "", text)


def _card(card: Any) -> list[str]:
    """The contents of a vCard (RFC 6350) besides the name: numbers, e-mail addresses, postal addresses, firm and post, web pages."""
    if not isinstance(card, str):
        return []
    found = (_VCARD(line) for line in card[:MAX_CARD].splitlines())
    texts = (re.sub(r"^tel:", "", line[1], flags=re.IGNORECASE) for line in found if line)
    values = (", ".join(filter(None, map(str.strip, text.split(";")))) for text in texts)
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


def _rich(key: str, message: Object) -> Content:
    """A text of blocks: the words of each on a line of its own."""
    rich = inner(message, key)
    said = "\n".join(line for line in rich_messages.lines(rich.get("blocks")) if line.strip())
    media = tuple(
        file
        for part in islice(rich_messages.files(rich.get("blocks")), MAX_FILES)
        for file in _rich_file(part)
    )
    kind = "text" if said or not media else media[0].kind
    return said or ("" if media else "[rich message]"), kind, media, {"rich_message": kept(rich)}


def _rich_file(part: Object) -> tuple[Media, ...]:
    """A file in a block, `{"photo": […]}`, as it stands in messages."""
    (key,) = part
    return READERS[RICH_FILES.get(key, key)](key, part)[2]


def _gift(key: str, message: Object) -> Content:
    part = inner(message, key)
    said = "\n".join(filter(None, ["[gift]", short(part.get("text"), 2000)]))
    return said, "gift", (), {key: kept(part)}


def _tasks_done(key: str, message: Object) -> Content:
    """Tasks of an earlier checklist that the customer ticked off, or took up again."""
    change = inner(message, key)
    known = _tasks(inner(inner(change, "checklist_message"), "checklist"))
    marks = {"x": change.get("marked_as_done_task_ids"), " ": change.get("marked_as_not_done_task_ids")}
    lines = [
        f"[{mark}] {known.get(id) or id}"
        for mark, ids in marks.items()
        if isinstance(ids, list)
        for id in ids
        if isinstance(id, int)
    ]
    return "\n".join(lines) or "[checklist]", "checklist", (), {key: kept(change)}


def _tasks_added(key: str, message: Object) -> Content:
    change = inner(message, key)
    lines = [f"[ ] {text}" for text in _tasks(change).values() if text]
    return "\n".join(lines) or "[checklist]", "checklist", (), {key: kept(change)}


def _tasks(checklist: Object) -> dict[Any, str | None]:
    listed = objects(checklist.get("tasks"))
    return {task["id"]: short(task.get("text")) for task in listed if isinstance(task.get("id"), int)}


def _notice(key: str, message: Object) -> Content:
    """What Telegram itself says of the chat: a message was pinned, a topic opened … Nobody wrote it."""
    part = message[key]
    about = (
        next(filter(None, (short(part.get(k)) for k in ("name", "title"))), None)
        if isinstance(part, dict)
        else short(part)
    )
    said = key.replace("_", " ")
    return f"[{said}: {about}]" if about else f"[{said}]", "system", (), {key: kept(part), "auto_reply": True}


def _whole(holder: Object, key: str) -> int | None:
    value: Any = holder.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


NOTICES: Final = (
    "new_chat_members", "left_chat_member", "chat_owner_left", "chat_owner_changed", "new_chat_title", "new_chat_photo",
    "delete_chat_photo", "group_chat_created", "supergroup_chat_created", "channel_chat_created", "migrate_to_chat_id",
    "migrate_from_chat_id", "message_auto_delete_timer_changed", "pinned_message", "gift_upgrade_sent", "connected_website",
    "write_access_allowed", "proximity_alert_triggered", "boost_added", "chat_background_set", "direct_message_price_changed",
    "paid_message_price_changed", "forum_topic_created", "forum_topic_edited", "forum_topic_closed", "forum_topic_reopened",
    "general_forum_topic_hidden", "general_forum_topic_unhidden", "giveaway_created", "giveaway", "giveaway_winners",
    "giveaway_completed", "managed_bot_created", "poll_option_added", "poll_option_deleted", "suggested_post_approved",
    "suggested_post_approval_failed", "suggested_post_declined", "suggested_post_paid", "suggested_post_refunded",
    "video_chat_scheduled", "video_chat_started", "video_chat_ended", "video_chat_participants_invited", "community_chat_added",
    "community_chat_removed", "community_chat_joined",
)  # fmt: skip
"""Service messages that are of the chat, and nothing that a person says."""
MAX_FILES: Final = 50
"""Files of one rich message that are taken in."""
RICH_FILES: Final = {"voice_note": "voice"}
"""Files that are called otherwise in rich messages."""
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
    "gift": _gift,
    "unique_gift": _gift,
    "checklist_tasks_done": _tasks_done,
    "checklist_tasks_added": _tasks_added,
    "chat_shared": _titled,
    **dict.fromkeys(NOTICES, _notice),
    "web_app_data": _web_app,
    "users_shared": _shared,
    "game": _titled,
    "invoice": _titled,
    "successful_payment": _paid_for,
    "refunded_payment": _paid_for,
}
"""In this order: an animation comes as a document too, a venue as a location."""
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
    "reply_to_poll_option_id", "direct_messages_topic", "message_thread_id",
)  # fmt: skip
"""Fields that a message's metadata keeps unchanged."""
MEANINGFUL: Final = frozenset({"text_link", "text_mention", "custom_emoji", "date_time"})
MAX_ENTITIES: Final = 200
"""Entities of one text that are read; Telegram sends at most 100."""
MAX_URL: Final = 2000
MAX_CARD: Final = 8192
"""Characters that are read of a vCard; Telegram sends at most 2 KB."""
_VCARD: Final = re.compile(
    r"(?:[A-Za-z0-9-]+\.)?(?:TEL|EMAIL|ADR|ORG|TITLE|URL)(?:;[^:]*)?:(.+)", re.IGNORECASE
).match

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
