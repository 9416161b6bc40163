"""The contents that WhatsApp accepts as messages: texts, files, places, contact cards, reactions, buttons, lists, templates.

https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ..model import Channel, State
from ..provider import is_url
from . import graph

MAX_TEXT: Final = 4096
MAX_CAPTION: Final = 1024
MAX_BUTTONS: Final = 3
MAX_TITLE: Final = 20
MAX_ROWS: Final = 10
FILES: Final = ("image", "audio", "video", "document", "sticker")

Part = dict[str, Any]


def text_of(state: State, channel: Channel, body: Part) -> str:
    """A message's content, checked. Raises Refusal."""
    kind = body.get("type", "text")
    if not isinstance(kind, str) or kind not in KINDS:
        raise graph.refused(400, 100, f"Param type must be one of {{{', '.join(KINDS).upper()}}}")
    part = body.get(kind)
    if kind == "contacts":
        return _contacts(part)
    if not isinstance(part, dict):
        raise graph.refused(400, 100, f"The parameter {kind} is required.")
    if kind in FILES:
        return _file(state, channel, kind, part)
    return READERS[kind](part)


def _text(part: Part) -> str:
    text = part.get("body")
    if not isinstance(text, str) or not text:
        raise graph.refused(400, 100, "The parameter text['body'] is required.")
    if len(text) > MAX_TEXT:
        raise graph.refused(400, 100, f"Param text['body'] must be at most {MAX_TEXT} characters long.")
    return text


def _file(state: State, channel: Channel, kind: str, part: Part) -> str:
    id, caption = part.get("id"), part.get("caption", "")
    if not is_url(part.get("link")) and not isinstance(id, str):
        raise graph.refused(400, 100, f"The parameter {kind} needs an id or a link.")
    if isinstance(id, str) and ((stored := state.file(id)) is None or stored.channel != channel.id):
        raise graph.invalid(f"{kind}.id is not the id of a file of this number")
    too_long = not isinstance(caption, str) or len(caption) > MAX_CAPTION
    if too_long or (caption and kind in ("audio", "sticker")):
        raise graph.invalid(f"{kind}.caption is not valid")
    return caption


def _location(part: Part) -> str:
    if not all(isinstance(part.get(name), int | float | str) for name in ("latitude", "longitude")):
        raise graph.refused(400, 100, "The parameters latitude and longitude are required.")
    return f"{part['latitude']}, {part['longitude']}"


def _contacts(cards: Any) -> str:
    if not isinstance(cards, list) or not cards or not all(isinstance(card, dict) for card in cards):
        raise graph.refused(400, 100, "The parameter contacts must be a list of cards.")
    names = [card.get("name") for card in cards]
    if not all(isinstance(name, dict) and isinstance(name.get("formatted_name"), str) for name in names):
        raise graph.refused(400, 100, "The parameter contacts['name']['formatted_name'] is required.")
    return ", ".join(name["formatted_name"] for name in names if isinstance(name, dict))


def _reaction(part: Part) -> str:
    if not isinstance(part.get("message_id"), str) or not isinstance(part.get("emoji", ""), str):
        raise graph.refused(400, 100, "The parameter reaction needs a message_id and an emoji.")
    return part.get("emoji", "")


def _template(part: Part) -> str:
    language = part.get("language")
    if not isinstance(part.get("name"), str) or not part["name"]:
        raise graph.refused(400, 100, "The parameter template['name'] is required.")
    if not isinstance(language, dict) or not isinstance(language.get("code"), str):
        raise graph.refused(400, 100, "The parameter template['language']['code'] is required.")
    return f"[template {part['name']}]"


def _interactive(part: Part) -> str:
    kind, action = part.get("type"), part.get("action")
    if not isinstance(action, dict) or kind not in ACTIONS:
        raise graph.refused(400, 100, f"Param interactive['type'] must be one of {sorted(ACTIONS)}")
    body = part.get("body")
    said = body.get("text") if isinstance(body, dict) else None
    if kind != "product" and (not isinstance(said, str) or not 0 < len(said) <= MAX_CAPTION):
        raise graph.refused(
            400, 100, f"The parameter interactive['body']['text'] needs 1 to {MAX_CAPTION} characters."
        )
    ACTIONS[kind](action)
    return said or ""


def _buttons(action: Part) -> None:
    buttons = action.get("buttons")
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= MAX_BUTTONS:
        raise graph.refused(
            400, 131009, "Parameter value is not valid", f"1 to {MAX_BUTTONS} buttons are allowed"
        )
    replies = [button.get("reply") if isinstance(button, dict) else None for button in buttons]
    if not all(_is_choice(reply, MAX_TITLE) for reply in replies):
        raise graph.refused(
            400, 131009, "Parameter value is not valid", "a button needs an id and a title of 20 characters"
        )
    _distinct([reply["id"] for reply in replies if isinstance(reply, dict)])


def _list(action: Part) -> None:
    sections = action.get("sections")
    listed = sections if isinstance(sections, list) else []
    rows = [row for one in listed if isinstance(one, dict) for row in one.get("rows") or ()]
    if not action.get("button") or not 1 <= len(rows) <= MAX_ROWS or not all(_is_choice(r, 24) for r in rows):
        raise graph.refused(
            400, 131009, "Parameter value is not valid", f"a list needs a button and 1 to {MAX_ROWS} rows"
        )
    _distinct([row["id"] for row in rows])


def _is_choice(choice: Any, most: int) -> bool:
    if not isinstance(choice, dict) or not isinstance(choice.get("id"), str):
        return False
    return isinstance(choice.get("title"), str) and 0 < len(choice["title"]) <= most


def _distinct(ids: list[str]) -> None:
    if len(set(ids)) < len(ids):
        raise graph.refused(400, 131009, "Parameter value is not valid", "ids must differ")


def _link(action: Part) -> None:
    parameters = action.get("parameters")
    if not isinstance(parameters, dict) or not is_url(parameters.get("url")):
        raise graph.refused(400, 131009, "Parameter value is not valid", "cta_url needs a url")


def _named(action: Part) -> None:
    """Check an action that needs no more than a name."""
    if not action:
        raise graph.refused(400, 131009, "Parameter value is not valid", "action is empty")


ACTIONS: Final[dict[str, Callable[[Part], None]]] = {
    "button": _buttons,
    "list": _list,
    "cta_url": _link,
    "flow": _named,
    "location_request_message": _named,
    "address_message": _named,
    "product": _named,
    "product_list": _named,
    "catalog_message": _named,
}
READERS: Final[dict[str, Callable[[Part], str]]] = {
    "text": _text,
    "location": _location,
    "reaction": _reaction,
    "template": _template,
    "interactive": _interactive,
}
"""Files and contacts are read apart: a file may be one of the number's own, and contacts are a list."""
KINDS: Final = tuple(sorted((*READERS, *FILES, "contacts")))
