"""Reads the contents of WhatsApp messages: one reader per type.

https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks/reference/messages
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from ...core.channels.messages import Media
from ..shared import forms
from ..shared.payloads import (
    Object,
    identifier,
    inner,
    kept,
    kind_of,
    objects,
    optional,
    reaction,
    string,
    unsupported,
)
from ..shared.text import short


class Content(msgspec.Struct, frozen=True):
    """Of a message, what its type decides."""

    content: str
    content_type: str = "text"
    media: tuple[Media, ...] = ()
    reply_to: str | None = None
    metadata: dict[str, Any] = {}


def content_of(message: Object) -> Content:
    """Raises ValueError where the message is not what its type says."""
    kind = string(message, "type")
    found = READERS.get(kind, _unsupported)(kind, message)
    notes = {key: kept(message[key]) for key in ("referral",) if message.get(key)}
    context = inner(message, "context")
    notes |= {key: True for key in ("forwarded", "frequently_forwarded") if context.get(key) is True}
    if context.get("referred_product"):
        notes["referred_product"] = kept(context["referred_product"])
    return msgspec.structs.replace(found, metadata=found.metadata | notes) if notes else found


def _text(kind: str, message: Object) -> Content:
    body = inner(message, "text")
    if "body" not in body:
        raise ValueError("text.body is missing")
    return Content(string(body, "body"))


def _file(kind: str, message: Object) -> Content:
    file = inner(message, kind)
    media = Media(
        kind if kind in FILES else kind_of(short(file.get("mime_type"))),
        id=identifier(file, "id"),
        name=short(file.get("filename")),
        content_type=short(file.get("mime_type")),
    )
    details = {key: file[key] for key in ("voice", "animated") if file.get(key) is True}
    if digest := short(file.get("sha256")):
        details["sha256"] = digest
    notes = {"media": details} if details else {}
    return Content(string(file, "caption"), media.kind, (media,), metadata=notes)


def _location(kind: str, message: Object) -> Content:
    place = inner(message, "location")
    latitude, longitude = place.get("latitude"), place.get("longitude")
    if not isinstance(latitude, int | float) or not isinstance(longitude, int | float):
        raise ValueError("location.latitude or location.longitude is missing")
    where = [short(place.get("name")), short(place.get("address")), f"{latitude}, {longitude}"]
    where.append(short(place.get("url"), 2000))
    return Content("\n".join(filter(None, where)), kind, metadata={"location": kept(place)})


def _contacts(kind: str, message: Object) -> Content:
    people = message.get("contacts")
    if not isinstance(people, list) or not people:
        raise ValueError("contacts is missing")
    lines = [person_line(person) for person in objects(people)]
    return Content("\n".join(lines) or "[contacts]", kind, metadata={"contacts": kept(people)})


def person_line(person: Object) -> str:
    """A contact card as a line: the name, and every way to reach the person."""
    name, org = person.get("name"), person.get("org")
    found = [_name(name) if isinstance(name, dict) else short(name)]
    found += [
        short(phone.get("phone")) or short(phone.get("wa_id")) for phone in objects(person.get("phones"))
    ]
    found += [short(email.get("email")) for email in objects(person.get("emails"))]
    found += [_joined(address, ADDRESS) for address in objects(person.get("addresses"))]
    found += [short(url.get("url")) for url in objects(person.get("urls"))]
    found.append(_joined(org, ("title", "department", "company")) if isinstance(org, dict) else None)
    return ", ".join(dict.fromkeys(filter(None, found))) or "[contact]"


def _name(name: Object) -> str | None:
    given = ("prefix", "first_name", "middle_name", "last_name", "suffix")
    return short(name.get("formatted_name")) or _joined(name, given, " ")


def _joined(holder: Object, keys: Iterable[str], by: str = ", ") -> str | None:
    return by.join(filter(None, (short(holder.get(key)) for key in keys))) or None


def _reaction(kind: str, message: Object) -> Content:
    given = inner(message, "reaction")
    said, notes = reaction(string(given, "emoji"))
    return Content(said, kind, reply_to=identifier(given, "message_id"), metadata=notes)


def _button(kind: str, message: Object) -> Content:
    """The quick reply of a template."""
    button = inner(message, "button")
    return Content(string(button, "text"), kind, metadata={"button": kept(button)})


def _interactive(kind: str, message: Object) -> Content:
    """The answer to a message with buttons, with a list, or with a form."""
    interactive = inner(message, "interactive")
    type_ = string(interactive, "type")
    chosen = inner(interactive, type_)
    if type_ in ("button_reply", "list_reply"):
        return Content(string(chosen, "title"), type_.removesuffix("_reply"), metadata={type_: kept(chosen)})
    if type_ == "nfm_reply":
        answers = forms.answers(string(chosen, "response_json"))
        lines = (string(chosen, "body") or string(chosen, "name") or "[form]", *answers)
        return Content("\n".join(lines), "form", metadata={type_: kept(chosen)})
    if type_ == "call_permission_reply":
        said = f"[call permission: {short(chosen.get('response')) or 'unknown'}]"
        return Content(said, "system", metadata={type_: kept(chosen), "auto_reply": True})
    if lines := _shown(interactive):
        return Content("\n".join(lines), type_, metadata={"interactive": kept(interactive)})
    return _unsupported(f"interactive {type_}", message)


def _shown(interactive: Object) -> list[str]:
    """The words of an interactive message that a customer passes on, such as a product of the catalogue, and which product it is."""
    parts = [interactive.get(key) for key in ("header", "body", "product", "action", "footer")]
    texts = (
        short(part.get(key), forms.MAX_LINE)
        for part in parts
        if isinstance(part, dict)
        for key in ("text", "title", "name", "product_retailer_id")
    )
    return list(dict.fromkeys(filter(None, texts)))


def _product(item: Object) -> str:
    """`2 × lamp-red, 19.9 EUR`"""
    price, what = item.get("item_price"), short(item.get("product_retailer_id")) or "?"
    count = item.get("quantity", 1)
    cost = (
        f", {price} {short(item.get('currency')) or ''}".rstrip()
        if isinstance(price, int | float | str)
        else ""
    )
    return f"{count if isinstance(count, int | str) else 1} × {what}{cost}"[: forms.MAX_LINE]


def _order(kind: str, message: Object) -> Content:
    order = inner(message, "order")
    items = objects(order.get("product_items"))
    said = f"[order of {len(items)} {'product' if len(items) == 1 else 'products'}]"
    lines = filter(None, [said, *map(_product, items[: forms.MAX_LINES]), string(order, "text")])
    return Content("\n".join(lines), kind, metadata={"order": kept(order)})


def _system(kind: str, message: Object) -> Content:
    """A notice from WhatsApp itself about the customer, such as a changed number. No person wrote it."""
    system = inner(message, "system")
    notes = {"system": kept(system), "auto_reply": True}
    return Content(string(system, "body") or "[system message]", kind, metadata=notes)


def _welcome(kind: str, message: Object) -> Content:
    """The customer opened the chat, and wrote nothing yet."""
    return Content("[chat opened]", "system", metadata={"raw": kept(message), "auto_reply": True})


def _unsupported(kind: str, message: Object) -> Content:
    """An unknown type: a file, if it has the form of one. WhatsApp itself names the kinds that it does not forward."""
    part = message.get(kind)
    part = part if isinstance(part, dict) else {}
    if part.get("mime_type") and part.get("id"):
        return _file(kind, message)
    if kind == "unsupported":
        kind = short(part.get("type")) or kind
    said, content_type, metadata = unsupported(kind or "unknown", message)
    return Content(said, content_type, reply_to=optional(inner(message, "context"), "id"), metadata=metadata)


READERS: Final[dict[str, Callable[[str, Object], Content]]] = {
    "text": _text,
    "image": _file,
    "audio": _file,
    "video": _file,
    "document": _file,
    "sticker": _file,
    "location": _location,
    "contacts": _contacts,
    "reaction": _reaction,
    "button": _button,
    "interactive": _interactive,
    "order": _order,
    "system": _system,
    "request_welcome": _welcome,
}
FILES: Final = frozenset(kind for kind, read in READERS.items() if read is _file)
ADDRESS: Final = ("street", "city", "state", "zip", "country")
