"""WhatsApp through Meta's Cloud API. `whatsapp_contents.py` reads the contents of messages.

https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks/components
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
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
from ...core.conversation.entries import DeliveryStatus
from ...core.ids import is_uuid
from ..shared.outgoing_files import fits, in_place_of, type_of
from ..shared.payloads import (
    DELETED,
    MAX_IDENTIFIER,
    MAX_PROVIDER_ID,
    Object,
    collect,
    identifier,
    inner,
    kept,
    message,
    milliseconds,
    objects,
    optional,
    string,
)
from ..shared.phones import e164
from ..shared.provider_answers import answer_of, provider_id
from ..shared.text import length, pieces, short
from . import graph
from .whatsapp_contents import content_of

base_url = graph.BASE_URL
rate = 80.0
needs_files = False

MAX_TEXT: Final = 4096
MAX_CAPTION: Final = 1024
LARGEST: Final = {"image": 5, "audio": 16, "video": 16, "document": 100}
"""Kind of file → most megabytes. https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media#supported-media-types"""
SECOND: Final = 1000
STATUSES: Final[dict[str, DeliveryStatus]] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "played": "read",
    "failed": "failed",
}
SENT_AS: Final = {
    "image/jpeg": "image",
    "image/png": "image",
    "audio/aac": "audio",
    "audio/amr": "audio",
    "audio/mpeg": "audio",
    "audio/mp4": "audio",
    "audio/ogg": "audio",
    "video/mp4": "video",
    "video/3gpp": "video",
}
"""The types that WhatsApp shows or plays; it takes every other as a document, and those that are too large to be shown."""

challenge = graph.challenge
verify = graph.verify


def answer() -> WebhookAnswer:
    return WebhookAnswer()


def parse(call: WebhookCall, config: dict[str, Any]) -> list[ChannelEvent]:
    _, entries = graph.entries(call.body, "whatsapp_business_account")
    return list(collect(entries, _entry))


def _entry(entry: Object) -> Iterable[ChannelEvent]:
    if "changes" not in entry:
        raise ValueError(f"entries of this kind are not read: {', '.join(sorted(entry))[:200]}")
    return collect(entry["changes"], _change)


def _change(change: Object) -> Iterator[ChannelEvent]:
    """Updates of unknown kinds (templates, quality, history …) are set aside unchanged."""
    field, value = change.get("field"), inner(change, "value")
    known = FIELDS.get(field, ()) if isinstance(field, str) else ()
    found = [key for key in known if value.get(key) is not None]
    if not found:
        yield Faulty(f"changes of the field {str(field)[:100]} are not read", change)
        return
    people = _People(objects(value.get("contacts")))
    for key in found:
        yield from collect(value[key], partial(PARTS[key], people))


class _People:
    """The senders of a payload's messages, by phone or user id; the first of several counts."""

    def __init__(self, people: list[Object]) -> None:
        self._people = people
        self._phones: dict[str, int] = {}
        self._users: dict[str, int] = {}
        for place, person in enumerate(people):
            phone, user = person.get("wa_id"), person.get("user_id")
            if isinstance(phone, str):
                self._phones.setdefault(_bare(phone), place)
            if isinstance(user, str):
                self._users.setdefault(user, place)

    def find(self, phone: str | None, user: str | None) -> Object:
        """Empty where nobody is known; who says nothing of themselves is the only one there is."""
        if phone is None and user is None:
            return self._people[0] if len(self._people) == 1 else {}
        places = (
            None if phone is None else self._phones.get(_bare(phone)),
            None if user is None else self._users.get(user),
        )
        known = [place for place in places if place is not None]
        return self._people[min(known)] if known else {}


def _message(people: _People, said: Object) -> Iterator[ChannelEvent]:
    """A group's messages are set aside: an answer to one would reach its writer alone."""
    if said.get("group_id"):
        raise ValueError("messages of groups are not read")
    kind = string(said, "type")
    sender = _sender(_subject(said, inner(said, "system")) if kind == "system" else said, people)
    at = milliseconds(said.get("timestamp"), SECOND)
    if kind not in ("edit", "revoke"):
        sender = _moved(sender, inner(said, "system")) if kind == "system" else sender
        yield _inbound(identifier(said, "id"), sender, said, at)
        return
    if at is None:
        raise ValueError("timestamp is missing")
    change = inner(said, kind)
    original = identifier(change, "original_message_id")
    if kind == "edit":
        yield InboundEdit(_inbound(original, sender, inner(change, "message"), None), at)
    else:
        yield InboundEdit(message(original, sender, *DELETED), at)


def _echo(people: _People, said: Object) -> Iterator[ChannelEvent]:
    """Messages that the business wrote on its own phone: `to` is the customer."""
    customer = {**said, "from": said.get("to"), "from_user_id": said.get("to_user_id")}
    for event in _message(people, {**customer, "from_parent_user_id": said.get("to_parent_user_id")}):
        if isinstance(event, Inbound):
            yield replace(event, is_echo=True)
        elif isinstance(event, InboundEdit):
            yield replace(event, inbound=replace(event.inbound, is_echo=True))


def _call(people: _People, call: Object) -> Iterator[ChannelEvent]:
    """A customer's call begins or ends. https://developers.facebook.com/docs/whatsapp/cloud-api/calling"""
    event = string(call, "event") or "unknown"
    if call.get("direction") == "BUSINESS_INITIATED":
        raise ValueError("calls of the business are not read")
    yield message(
        f"call:{identifier(call, 'id')}:{event}"[:MAX_PROVIDER_ID],
        _sender(call, people),
        f"[call: {event}]"[:200],
        "call",
        at=milliseconds(call.get("timestamp"), SECOND),
        metadata={"call": kept(call), "auto_reply": True},
    )


def _inbound(id: str, sender: Sender, said: Object, at: int | None) -> Inbound:
    found = content_of(said)
    return message(
        id,
        sender,
        found.content,
        found.content_type,
        found.media,
        reply_to=found.reply_to or optional(inner(said, "context"), "id"),
        at=at,
        metadata=found.metadata,
    )


def _sender(said: Object, people: _People) -> Sender:
    """Known by their phone, as long as WhatsApp shows it, else by their user id."""
    phone, user = _who(said, "from"), _who(said, "from_user_id")
    if phone is not None and not _is_phone(phone):
        phone, user = None, user or phone
    person = people.find(phone, user)
    shown = phone or _who(person, "wa_id")
    known = (
        e164(shown) if shown else None,
        user,
        _who(person, "user_id"),
        _who(said, "from_parent_user_id"),
        _who(person, "parent_user_id"),
    )
    names = tuple(dict.fromkeys(name for name in known if name))
    if not names:
        raise ValueError("from and from_user_id are missing")
    profile = inner(person, "profile")
    username = short(profile.get("username"))
    notes = {"username": username} if username else {}
    return Sender(names[0], short(profile.get("name")), names[1:], notes)


def _subject(said: Object, system: Object) -> Object:
    """A notice with the customer's ids where it has none of its own: of a changed user id, the old one."""
    if _who(said, "from") or _who(said, "from_user_id"):
        return said
    named = (_who(system, key) for key in ("customer", "previous_user_id", "user_id"))
    return {**said, "from_user_id": next(filter(None, named), None)}


def _moved(sender: Sender, system: Object) -> Sender:
    """Customers whose number or user id has changed: the old name first, all as one person. Documents and versions of the API
    call the new number `wa_id` or `new_wa_id`, and name the old one in `customer` or in the message's `from`; the old user
    ids are `previous_user_id` and `previous_parent_user_id`, and the message's `from_user_id` may be the old one or the new."""
    if system.get("type") == "customer_identity_changed":
        return sender
    old, new = _who(system, "customer"), _who(system, "wa_id") or _who(system, "new_wa_id")
    user, parent = _who(system, "user_id") or _who(system, "new_user_id"), _who(system, "parent_user_id")
    phone = e164(new) if new else None
    previous = (_who(system, "previous_user_id"), _who(system, "previous_parent_user_id"))
    first = (e164(old) if old else None, *(() if _is_phone(sender.identifier) else previous))
    known = (*first, sender.identifier, *sender.aliases, *previous, phone, user, parent)
    names = tuple(dict.fromkeys(name for name in known if name))
    moved_to = phone or (None if sender.identifier.startswith("+") else user)
    return replace(sender, identifier=names[0], aliases=names[1:], moved_to=moved_to)


def _is_phone(text: str) -> bool:
    return _bare(text).isdecimal()


def _bare(phone: str) -> str:
    return phone.removeprefix("+")


def _who(holder: Object, key: str) -> str | None:
    return optional(holder, key, MAX_IDENTIFIER)


def _status(people: _People, status: Object) -> Iterator[ChannelEvent]:
    kind = STATUSES.get(string(status, "status"))
    if kind is None or status.get("type") not in (None, "message"):
        raise ValueError("a status of this kind is not read")
    ours = string(status, "biz_opaque_callback_data")
    yield Receipt(
        kind,
        (identifier(status, "id"),),
        message_id=ours if is_uuid(ours) else None,
        at=milliseconds(status.get("timestamp"), SECOND),
        error=_reason(status) if kind == "failed" else None,
    )


def _reason(status: Object) -> Object:
    first = next(iter(objects(status.get("errors"))), {})
    more = first.get("error_data")
    detail = (
        short(more.get("details") if isinstance(more, dict) else None, 1000)
        or short(first.get("message"), 1000)
        or short(first.get("title"), 1000)
    )
    return {"code": provider_id(first.get("code")) or "failed", "detail": detail or "WhatsApp gave no reason"}


def _error(people: _People, error: Object) -> Iterator[ChannelEvent]:
    """An error of the account's or the system's, that no message had a part in."""
    yield Faulty(f"WhatsApp reports error {provider_id(error.get('code')) or 'without a code'}", error)


PARTS: Final[dict[str, Callable[[_People, Object], Iterator[ChannelEvent]]]] = {
    "messages": _message,
    "message_echoes": _echo,
    "calls": _call,
    "statuses": _status,
    "errors": _error,
}
"""The lists of a change's value."""
FIELDS: Final = {
    "messages": ("messages", "statuses", "errors"),
    "message_echoes": ("message_echoes", "errors"),
    "smb_message_echoes": ("message_echoes", "errors"),
    "calls": ("calls", "statuses", "errors"),
}
"""Field of a change → the lists of its value that are read."""


def requests(
    message: Outbound, credentials: Credentials, base_url: str, status_url: str
) -> list[ProviderRequest]:
    """A request for each file, the text as caption of the first where it can have one; else the text goes ahead."""
    url = f"{base_url}/{quote(credentials['phone_number_id'], safe='')}/messages"
    common = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        **_recipient(message.to),
        "biz_opaque_callback_data": message.message_id,
    }
    parts = list(_parts(message))
    bodies = ({**common, **part} for part in parts)
    first = {"context": {"message_id": message.reply_to}} if message.reply_to else {}
    return [graph.post(url, credentials["access_token"], body) for body in graph.numbered(bodies, first)]


def _recipient(to: str) -> dict[str, str]:
    """Phones go in `to`, user ids, which begin with a country's letters, in `recipient`."""
    return {"to": to} if _is_phone(to) else {"recipient": to}


def _parts(message: Outbound) -> Iterator[Object]:
    caption = message.content
    kind = _kind(message.files[0]) if message.files else None
    if caption and (kind in (None, "audio") or length(caption) > MAX_CAPTION):
        for piece in pieces(caption, MAX_TEXT):
            yield {"type": "text", "text": {"body": piece}}
        caption = ""
    for file in message.files:
        kind = _kind(file)
        if kind is None:
            yield {"type": "text", "text": {"body": in_place_of(file)}}
            continue
        body = {"link": file.url}
        if caption:
            body["caption"] = caption
        if kind == "document" and file.name:
            body["filename"] = file.name
        yield {"type": kind, kind: body}
        caption = ""


def _kind(file: OutboundFile) -> str | None:
    """What a file is sent as; None: it is too large for anything."""
    shown = SENT_AS.get(type_of(file), "document")
    return next((kind for kind in (shown, "document") if fits(file, LARGEST[kind])), None)


def outcome(status: int, headers: dict[str, str], body: bytes) -> SendOutcome:
    found = answer_of(body)
    if not 200 <= status < 300 or "error" in found:
        return graph.not_sent(status, headers, found)
    first = next(iter(objects(found.get("messages"))), {})
    return Sent(provider_id(first.get("id")), _recipients(next(iter(objects(found.get("contacts"))), {})))


def _recipients(contact: Object) -> tuple[str, ...]:
    """The customer as WhatsApp knows them, whatever spelling of the number the message was sent to."""
    phone, user = contact.get("wa_id"), contact.get("user_id")
    known = (
        e164(phone) if isinstance(phone, str) and _is_phone(phone) and len(phone) <= 20 else None,
        short(user, MAX_IDENTIFIER),
    )
    return tuple(name for name in known if name)


def media_step(media: Media, credentials: Credentials, base_url: str, answer: Any | None) -> MediaStep:
    """The id leads to a URL, good for five minutes, which takes the token too."""
    headers = graph.bearer(credentials["access_token"])
    if answer is None:
        url = f"{base_url}/{quote(media.id or '', safe='')}"
        return MediaStep(ProviderRequest("GET", url, headers=headers), last=False)
    url = answer.get("url") if isinstance(answer, dict) else None
    if not isinstance(url, str):
        raise ValueError("the answer has no url")
    return MediaStep(ProviderRequest("GET", url, headers=headers), last=True)
