"""Messenger: a Facebook page's messages, and those of the Instagram account that is connected to it, in the same format.

https://developers.facebook.com/docs/messenger-platform/reference/webhook-events,
https://developers.facebook.com/docs/messenger-platform/instagram/features/webhook
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import quote

from msgspec.structs import replace

from ...core.channels.messages import (
    ChannelEvent,
    Credentials,
    Faulty,
    Inbound,
    InboundEdit,
    Media,
    MediaStep,
    Outbound,
    OutboundFile,
    ProviderRequest,
    Receipt,
    Sender,
    SendOutcome,
    Sent,
    WebhookAnswer,
    WebhookCall,
)
from ..shared.outgoing_files import fits, in_place_of, type_of
from ..shared.payloads import (
    DELETED,
    MAX_IDENTIFIER,
    Object,
    collect,
    identifier,
    inner,
    kept,
    kind_of,
    message,
    milliseconds,
    objects,
    optional,
    string,
    unsupported,
)
from ..shared.payloads import reaction as reacted
from ..shared.provider_answers import answer_of, provider_id
from ..shared.text import clean, pieces, short, utf8_length
from . import graph

base_url = graph.BASE_URL
rate = 300.0
needs_files = False

MAX_TEXT: Final = 2000
MAX_INSTAGRAM_TEXT: Final = 1000
"""Bytes of a text on Instagram."""
INSTAGRAM: Final = "instagram"
LARGEST: Final = {"image": 8, "audio": 25, "video": 25, "file": 25}
"""Type of an attachment → most megabytes of one that is fetched by its URL.
https://developers.facebook.com/docs/messenger-platform/send-messages/saving-assets"""
SHOWN: Final = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
"""Images that Messenger shows; it takes others as files."""
INSTAGRAM_TYPES: Final = frozenset(
    {
        "image/jpeg", "image/png", "image/gif", "audio/aac", "audio/mp4", "audio/x-m4a", "audio/wav", "audio/x-wav",
        "video/mp4", "video/ogg", "video/x-msvideo", "video/quicktime", "video/webm", "application/pdf",
    }
)  # fmt: skip
"""All that Instagram takes. https://developers.facebook.com/docs/messenger-platform/instagram/features/send-message"""
SECONDS_UNTIL: Final = 100_000_000_000
"""A time below this is in seconds: in milliseconds it would be before Messenger existed."""
OURS: Final = "tertulia:"
"""The prefix of our own messages' metadata, which their echoes carry."""
FILES: Final = {
    "image": "image", "audio": "audio", "video": "video", "file": "document", "sticker": "sticker"
}  # fmt: skip
"""Type of an attachment → kind of file. Any other with a URL is a document, but for LINKS."""
LINKS: Final = frozenset({"fallback", "template", "location", "share", "post", "ig_post", "reel", "ig_reel"})
"""Types of attachments whose URL is a page's."""

TELLING: Final = ("notification_messages_status", "ref", "title", "status", "feedback", "payload")
"""Fields that identify an update that is not a message."""

challenge = graph.challenge
verify = graph.verify


def answer() -> WebhookAnswer:
    return WebhookAnswer()


def parse(call: WebhookCall, config: dict[str, Any]) -> list[ChannelEvent]:
    """Messages that another app is to answer (`standby`), and updates of unknown kinds, are set aside."""
    kind, entries = graph.entries(call.body, "page", INSTAGRAM)
    found = collect(entries, _entry)
    return list(map(_on_instagram, found) if kind == INSTAGRAM else found)


def _on_instagram(event: ChannelEvent) -> ChannelEvent:
    """Notes where the customer writes: other limits hold for what they are sent."""
    if isinstance(event, InboundEdit):
        return replace(event, inbound=_noted(event.inbound))
    return _noted(event) if isinstance(event, Inbound) else event


def _noted(said: Inbound) -> Inbound:
    return replace(said, sender=replace(said.sender, metadata={"platform": INSTAGRAM}))


def _entry(entry: Object) -> Iterator[ChannelEvent]:
    yield from collect(entry.get("messaging"), _event)
    yield from collect(entry.get("changes"), _change)
    if entry.get("standby"):
        yield Faulty("standby is not read", entry["standby"])
    if entry.keys().isdisjoint(("messaging", "standby", "changes")):
        # Instagram's comments and mentions come without a list around them
        yield Faulty(f"entries of this kind are not read: {', '.join(sorted(entry))[:200]}", entry)


def _change(change: Object) -> Iterator[ChannelEvent]:
    """An event of a conversation in the form of a page's other changes. Those (comments, mentions, the feed) are set aside."""
    if not string(change, "field").startswith("messag"):
        raise ValueError("changes is not read")
    yield from _event(inner(change, "value"))


def _event(event: Object) -> Iterator[ChannelEvent]:
    kind = next((kind for kind in EVENTS if event.get(kind) is not None), None)
    if kind is None:
        named = ", ".join(sorted(event.keys() - {"sender", "recipient", "timestamp"}))
        raise ValueError(f"events of this kind are not read: {named[:200]}")
    yield from EVENTS[kind](event, inner(event, kind))


def _sender(event: Object) -> Sender:
    return Sender(identifier(inner(event, "sender"), "id", MAX_IDENTIFIER))


def _at(event: Object) -> int | None:
    """In milliseconds; in changes, in seconds."""
    at = milliseconds(event.get("timestamp"))
    return at * 1000 if at is not None and at < SECONDS_UNTIL else at


def _time(event: Object) -> int:
    if (at := _at(event)) is None:
        raise ValueError("timestamp is missing")
    return at


def _message(event: Object, said: Object) -> Iterator[ChannelEvent]:
    is_echo = said.get("is_echo") is True
    if is_echo and string(said, "metadata").startswith(OURS):
        return  # the echo of a message sent from here
    id = identifier(said, "mid")
    sender = (
        Sender(identifier(inner(event, "recipient"), "id", MAX_IDENTIFIER)) if is_echo else _sender(event)
    )
    if said.get("is_deleted") is True:
        yield InboundEdit(message(id, sender, *DELETED), _time(event))
        return
    text = string(said, "text")
    notes = _beside(said)
    content_type = "button" if "quick_reply" in notes else "text"
    media, lines = _attachments(said)
    if not text and not media and not lines:
        text, content_type, _ = unsupported("unknown", said)
    elif lines and not text and not media:
        content_type = lines[0][1]
    if content_type == "unsupported":
        notes["raw"] = kept(said)
    elif lines:
        notes["attachments"] = kept(said["attachments"])
    found = message(
        id,
        sender,
        "\n".join(filter(None, [text, *(line for line, _ in lines)])),
        content_type,
        media,
        reply_to=optional(inner(said, "reply_to"), "mid"),
        at=_at(event),
        metadata=notes,
    )
    yield replace(found, is_echo=is_echo)


def _beside(said: Object) -> Object:
    """Metadata beside text and files: the reply that was chosen, where the customer came from, which story they answer."""
    inner(said, "quick_reply")
    beside = {key: said.get(key) for key in ("quick_reply", "referral", "app_id")}
    beside["story"] = inner(said, "reply_to").get("story")
    return {key: kept(value) for key, value in beside.items() if value}


def _attachments(said: Object) -> tuple[tuple[Media, ...], list[tuple[str, str]]]:
    """The files, and what else came along as a line of text and its content type."""
    media: list[Media] = []
    lines: list[tuple[str, str]] = []
    found = said.get("attachments")
    if found is not None and not isinstance(found, list):
        raise ValueError("attachments is not a list")
    for attachment in objects(found):
        kind, payload = string(attachment, "type"), inner(attachment, "payload")
        shown = "sticker" if payload.get("sticker_id") else FILES.get(kind, "document")
        if shown == "sticker" and any(file.kind == "sticker" for file in media):
            continue  # Messenger sent it in two forms, as an image and as a sticker
        if kind not in LINKS and payload.get("url"):
            media.append(Media(shown, url=string(payload, "url"), name=short(payload.get("title"))))
            if kind not in FILES:
                lines.append((short(payload.get("title")) or f"[{clean(kind)[:100] or 'file'}]", "text"))
        else:
            lines.append(_line(kind, attachment, payload))
    return tuple(media), lines


def _line(kind: str, attachment: Object, payload: Object) -> tuple[str, str]:
    place = inner(payload, "coordinates")
    if place:
        return f"{place.get('lat')}, {place.get('long')}", "location"
    title = short(attachment.get("title")) or short(payload.get("title"))
    url = short(attachment.get("url"), 2000) or short(payload.get("url"), 2000)
    if title or url:
        return "\n".join(filter(None, [title, url])), kind or "link"
    if elements := _elements(payload):
        return elements, "product" if payload.get("product") else kind
    if kind == "sticker":
        return "[sticker]", kind
    return unsupported(kind or "unknown", None)[:2]


def _elements(payload: Object) -> str:
    """The products of a shop that a customer shares, or the cards of a template: a line for each."""
    product = payload.get("product")
    listed = objects((product if isinstance(product, dict) else payload).get("elements"))
    named = ((short(one.get("title")), short(one.get("subtitle"))) for one in listed)
    lines = [", ".join(filter(None, words)) for words in named]
    return "\n".join([*filter(None, lines), *filter(None, [short(payload.get("text"), 2000)])])


def _postback(event: Object, postback: Object) -> Iterator[ChannelEvent]:
    """A button of the page's own was pressed. Old ones have no id: their sender and time make one."""
    sender = _sender(event)
    id = optional(postback, "mid") or f"postback:{sender.identifier}:{_time(event)}"
    said = string(postback, "title") or string(postback, "payload")
    notes = {"postback": kept(postback)}
    yield message(id, sender, said, "button", at=_at(event), metadata=notes)


def _reaction(event: Object, reaction: Object) -> Iterator[ChannelEvent]:
    sender, to = _sender(event), identifier(reaction, "mid")
    removed = string(reaction, "action") == "unreact"
    said, notes = reacted("" if removed else string(reaction, "emoji") or string(reaction, "reaction"))
    id = f"reaction:{_time(event)}:{sender.identifier}:{to}"
    yield message(id, sender, said, "reaction", reply_to=to, at=_at(event), metadata=notes)


def _opened(kind: str) -> Callable[[Object, Object], Iterator[ChannelEvent]]:
    """The customer came in by a link, an advertisement or a plug-in, agreed to something or judged it, and wrote nothing."""

    def read(event: Object, part: Object) -> Iterator[ChannelEvent]:
        sender = inner(event, "sender")
        found = Sender(identifier(sender if sender.get("id") else part, "id", MAX_IDENTIFIER))
        about = next((told for key in TELLING if (told := short(part.get(key)))), None)
        said = f"[{kind}: {about}]" if about else f"[{kind}]"
        id = f"{kind}:{found.identifier}:{_time(event)}"
        yield message(
            id,
            found,
            said,
            "system",
            reply_to=optional(part, "mid"),
            at=_at(event),
            metadata={kind: kept(part), "auto_reply": True},
        )

    return read


def _edit(event: Object, edit: Object) -> Iterator[ChannelEvent]:
    yield InboundEdit(message(identifier(edit, "mid"), _sender(event), string(edit, "text")), _time(event))


def _delivery(event: Object, delivery: Object) -> Iterator[ChannelEvent]:
    mids = delivery.get("mids") or []
    if not isinstance(mids, list) or not all(isinstance(mid, str) for mid in mids):
        raise ValueError("mids is not a list of ids")
    watermark = milliseconds(delivery.get("watermark"))
    if not mids and watermark is None:
        raise ValueError("mids and watermark are missing")
    yield Receipt(
        "delivered",
        tuple(mids),
        recipient=_sender(event).identifier,
        watermark=watermark,
        at=_at(event),
    )


def _read(event: Object, read: Object) -> Iterator[ChannelEvent]:
    """Until when everything was read, or, on Instagram, which message."""
    watermark, mid = milliseconds(read.get("watermark")), optional(read, "mid")
    if watermark is None and mid is None:
        raise ValueError("watermark is missing")
    ids = (mid,) if mid else ()
    yield Receipt("read", ids, recipient=_sender(event).identifier, watermark=watermark, at=_at(event))


EVENTS: Final[dict[str, Callable[[Object, Object], Iterator[ChannelEvent]]]] = {
    "message": _message,
    "postback": _postback,
    "reaction": _reaction,
    "message_edit": _edit,
    "delivery": _delivery,
    "read": _read,
    "referral": _opened("referral"),
    "optin": _opened("optin"),
    "account_linking": _opened("account_linking"),
    "response_feedback": _opened("response_feedback"),
    "messaging_feedback": _opened("messaging_feedback"),
    "messaging_customer_information": _opened("messaging_customer_information"),
    "game_play": _opened("game_play"),
}
"""The kinds of event that mean something here; hand-overs and the like do not."""


def requests(
    message: Outbound, credentials: Credentials, base_url: str, status_url: str
) -> list[ProviderRequest]:
    """The text, then a request for each file."""
    url = f"{base_url}/{quote(credentials['page_id'], safe='')}/messages"
    on_instagram = message.recipient.get("platform") == INSTAGRAM
    parts = [{"text": piece} for piece in _pieces(message.content, on_instagram)] if message.content else []
    parts += (_part(file, on_instagram) for file in message.files)
    bodies = (
        {
            "recipient": {"id": message.to},
            "messaging_type": "RESPONSE",
            "message": {**part, "metadata": OURS + message.message_id},
        }
        for part in parts
    )  # the echo brings the metadata back
    first = {"reply_to": {"mid": message.reply_to}} if message.reply_to else {}
    token = credentials["page_access_token"]
    return [graph.post(url, token, body) for body in graph.numbered(bodies, first)]


def _pieces(text: str, on_instagram: bool) -> list[str]:
    return pieces(text, MAX_INSTAGRAM_TEXT, utf8_length) if on_instagram else pieces(text, MAX_TEXT)


def _part(file: OutboundFile, on_instagram: bool) -> Object:
    """A file as an attachment; as its address where the platform does not take it."""
    type_, kind = type_of(file), kind_of(file.content_type)
    kinds = ["file"] if kind == "document" or (kind == "image" and type_ not in SHOWN) else [kind, "file"]
    if on_instagram:
        kinds = kinds[:1] if type_ in INSTAGRAM_TYPES else []
    for shown in kinds:
        if fits(file, LARGEST[shown]):
            return {"attachment": {"type": shown, "payload": {"url": file.url, "is_reusable": False}}}
    return {"text": in_place_of(file)}


def outcome(status: int, headers: dict[str, str], body: bytes) -> SendOutcome:
    found = answer_of(body)
    if not 200 <= status < 300 or "error" in found:
        return graph.not_sent(status, headers, found)
    return Sent(provider_id(found.get("message_id")))


def media_step(media: Media, credentials: Credentials, base_url: str, answer: Any | None) -> MediaStep:
    """The URL is signed by Facebook, and takes no token."""
    if not media.url:
        raise ValueError("the file has no url")
    return MediaStep(ProviderRequest("GET", media.url), last=True)
