"""A mail as Postmark hands it in (https://postmarkapp.com/developer/webhooks/inbound-webhook), as a message.

Decides which part of a mail is shown, what goes to its metadata, and what is cut first to fit the limits.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import decode_header
from email.utils import decode_rfc2231, parsedate_to_datetime
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from ...core.channels.messages import ChannelEvent, Faulty, Inbound, Media
from ...core.text import email_subjects
from ..shared import payloads, text
from . import correspondents
from . import html as mail_html
from . import text as mail_text
from .correspondents import Correspondents

MAX_SUBJECT: Final = 998
MAX_DATE: Final = 100
"""Characters of a Date header that are read."""
MAX_TEXT: Final = 1_000_000
"""Characters of a mail's text in which the new part is looked for; a message keeps the first 65,536 of that."""
MAX_ORIGINAL: Final = 10_000
MAX_METADATA: Final = 15_360
"""Bytes as JSON, of the 16,384 that a message's metadata may have: the rest is left for other modules."""
MAX_ATTACHMENTS: Final = 50
_LEAST: Final = 200
"""Characters below which the rest of a text is not worth keeping."""
_SHORTENED: Final[dict[str, Callable[[str, int], str]]] = {
    "html": mail_html.shortened,
    "original": lambda whole, most: whole[:most],
}
_CUT_FIRST: Final = (*_SHORTENED, "inline", "cc", "to", "reply_to", "from", "answer_to")
MAX_FILE_NAME: Final = 2_000
"""Characters of a file's name as it came; 255 are kept."""
_EXTENDED: Final = re.compile(r"[A-Za-z0-9_-]{3,40}'[A-Za-z-]{0,20}'(?:[^%]|%[0-9A-Fa-f]{2})+").fullmatch
_BLANKS: Final = b" \t\r\n\v\f"

Object = dict[str, Any]


def received(mail: Object, config: Object) -> Iterator[ChannelEvent]:
    """The message, and what of its attachments could not be read. Raises ValueError without a sender or an id.

    `config` is the channel's, with its `from_address`: what names our own mailbox.
    """
    headers = _headers(mail.get("Headers"))
    people = correspondents.read(mail, headers, config)
    media, inline, faults = _attachments(mail.get("Attachments"))
    subject = _line(payloads.string(mail, "Subject"), MAX_SUBJECT)
    references = mail_text.references(headers.get("in-reply-to", ""), headers.get("references", ""))
    html = mail_html.sanitised(payloads.string(mail, "HtmlBody"))
    said, original = _said(mail, subject, html, answers=bool(references) or email_subjects.is_answer(subject))
    content, notes = text.content(said)
    metadata = {
        **_metadata(mail, headers, people),
        "inline": inline,
        "original": original if original != content else None,
        "html": html,
        **notes,
    }
    yield Inbound(
        # The sender chooses the Message-ID, and some devices use one for ever: it threads, and proves no repeat.
        _provider_id(mail, headers),
        people.sender,
        content or ("" if media else subject or "[empty message]"),
        "text" if content or not media else media[0].kind,
        media,
        topic=email_subjects.topic(subject),
        references=references,
        subject=subject or None,
        at=_time(payloads.string(mail, "Date")),
        metadata=_fitting({key: value for key, value in metadata.items() if value}),
    )
    yield from faults


def _headers(listed: Any) -> dict[str, str]:
    """Name in lower case → value; of one given twice the first."""
    found: dict[str, str] = {}
    for header in payloads.objects(listed):
        name, value = header.get("Name"), header.get("Value")
        if isinstance(name, str) and isinstance(value, str):
            found.setdefault(name.strip().lower(), value)
    return found


def _metadata(mail: Object, headers: dict[str, str], people: Correspondents) -> Object:
    """The facts in a mail's headers."""
    return {
        "message_id": mail_text.message_id(headers.get("message-id", "")),
        "from": people.author,
        "to": correspondents.named(mail, "To"),
        "cc": correspondents.named(mail, "Cc"),
        "reply_to": text.short(payloads.string(mail, "ReplyTo") or headers.get("reply-to")),
        "answer_to": people.answer_to,
        "auto_reply": people.is_ours
        or mail_text.is_automatic(
            headers,
            people.sender.identifier,
            payloads.string(mail, "Subject"),
            relayed=people.is_relayed,
        ),
        "spam": headers.get("x-spam-status", "").strip().lower().startswith("yes"),
    }


def _provider_id(mail: Object, headers: dict[str, str]) -> str:
    """Postmark's own id; a mail that came without, which none should, is known by its Message-ID."""
    if (known := payloads.optional(mail, "MessageID", mail_text.MAX_ID)) is not None:
        return known.lower()
    if (named := mail_text.message_id(headers.get("message-id", ""))) is not None:
        return named
    raise ValueError("MessageID is missing")


def _line(value: str, most: int) -> str:
    return " ".join(value.split())[:most].strip()


def _said(mail: Object, subject: str, html: str, *, answers: bool) -> tuple[str, str]:
    """The sender's new text, and the whole text around it. Nothing is cut from a mail that answers nothing, nor from one
    that is passed on."""
    plain = payloads.string(mail, "TextBody")[:MAX_TEXT].replace("\r\n", "\n").strip()
    whole = plain or mail_html.as_text(html)
    if email_subjects.is_forward(subject):
        return whole, whole
    stripped = payloads.string(mail, "StrippedTextReply")[:MAX_TEXT].replace("\r\n", "\n").strip()
    return stripped or (mail_text.new_part(whole) if answers else whole), whole


def _attachments(listed: Any) -> tuple[tuple[Media, ...], dict[str, int], list[Faulty]]:
    """The files, which of them the HTML shows (content id → number of the file), and what could not be read."""
    media: list[Media] = []
    inline: dict[str, int] = {}
    faults: list[Faulty] = []
    for part in listed if isinstance(listed, list) else ():
        try:
            if len(media) >= MAX_ATTACHMENTS:
                raise ValueError(f"more than {MAX_ATTACHMENTS} attachments")
            file, content_id = _file(part)
        except ValueError as error:
            kept = {k: v for k, v in part.items() if k != "Content"} if isinstance(part, dict) else part
            faults.append(Faulty(f"an attachment: {error}", payloads.kept(kept)))
            continue
        if content_id:
            inline.setdefault(content_id, len(media))
        media.append(file)
    return tuple(media), inline, faults


def _file(part: Any) -> tuple[Media, str | None]:
    if not isinstance(part, dict):
        raise ValueError("an object was expected")
    try:
        encoded = payloads.string(part, "Content").encode("ascii").translate(None, _BLANKS)
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("Content is not base64") from None
    content_type = (text.short(part.get("ContentType"), 100) or "").partition(";")[0].strip().lower() or None
    name = _file_name(part.get("Name"))
    content_id = text.short(part.get("ContentID"), 200)
    kind = payloads.kind_of(content_type)
    file = Media(kind, data=data, name=name, content_type=content_type, size=len(data))
    return file, content_id.strip("<>") if content_id else None


def _file_name(name: Any) -> str | None:
    """A file's name. Some programs put encoded words (RFC 2047), or a parameter's extended value (RFC 2231), where Postmark does not
    expect them."""
    if not isinstance(name, str):
        return None
    name = name[:MAX_FILE_NAME]
    try:
        if _EXTENDED(name):
            charset, _, encoded = decode_rfc2231(name)
            name = unquote(encoded, charset or "utf-8", "replace")
        elif "=?" in name:
            name = "".join(map(_decoded, decode_header(name)))
    except (ValueError, LookupError, HeaderParseError):
        pass  # as it stands
    return text.short(name)


def _decoded(part: tuple[Any, str | None]) -> str:
    word, charset = part
    return word if isinstance(word, str) else word.decode(charset or "latin-1", "replace")


def _time(value: str) -> int | None:
    """A mail's date, as its sender's clock had it: RFC 5322, or ISO 8601, as some servers write."""
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            when = read(value.strip()[:MAX_DATE])
        except (ValueError, TypeError, OverflowError, IndexError):
            continue
        when = when if when.tzinfo else when.replace(tzinfo=UTC)
        try:
            return payloads.milliseconds(int(when.timestamp() * 1000))
        except (OverflowError, ValueError):
            return None
    return None


def _fitting(metadata: Object) -> Object:
    """Metadata within `MAX_METADATA`. First the HTML is cut, then the original text, then the lists go; what was cut
    says so in `<name>_truncated`."""
    if len(original := metadata.get("original", "")) > MAX_ORIGINAL:
        metadata = {**metadata, "original": original[:MAX_ORIGINAL], "original_truncated": True}
    for name in _CUT_FIRST:
        if _size(metadata) <= MAX_METADATA:
            break
        if name in metadata:
            rest = {key: value for key, value in metadata.items() if key != name}
            rest[f"{name}_truncated"] = True
            room = MAX_METADATA - _size(rest) - len(f',"{name}":')
            part = _cut(metadata[name], room, _SHORTENED[name]) if name in _SHORTENED else ""
            metadata = {**rest, name: part} if part else rest
    return metadata


def _cut(whole: str, room: int, shortened: Callable[[str, int], str]) -> str:
    """The beginning of a text that takes at most `room` bytes as JSON; empty where that would be next to nothing."""
    most = min(len(whole), room)
    while most >= _LEAST:
        part = shortened(whole, most)
        if (size := _size(part)) <= room:
            return part
        most = min(most * room // (size + 1), most * 7 // 8)
    return ""


def _size(value: Any) -> int:
    return len(msgspec.json.encode(value))
