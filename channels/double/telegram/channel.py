"""Telegram's Bot API: messages, files, updates.

https://core.telegram.org/bots/api
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from typing import Any, Final

import msgspec

from ..model import Channel, CustomerMessage, Fault, File, Receipt, Sent, State, Webhook, now_ms
from ..provider import Call, Paths, Reads, Refusal, Taken, is_url, object_of

NEEDS: tuple[str, ...] = ("bot_token", "secret_token")
SEND: Paths = (
    ("POST", "/bot{token:[^/]+}/{method:[sS][eE][nN][dD][A-Za-z]+}"),
    ("GET", "/bot{token:[^/]+}/{method:[sS][eE][nN][dD][A-Za-z]+}"),
)
MAX_TEXT: Final = 4096
MAX_CAPTION: Final = 1024
FILES: Final = {
    "sendphoto": "photo",
    "sendaudio": "audio",
    "sendvoice": "voice",
    "sendvideo": "video",
    "sendanimation": "animation",
    "senddocument": "document",
    "sendsticker": "sticker",
    "sendvideonote": "video_note",
}
"""Methods that send a file, and the parameter that names it."""
MEASURES: Final[dict[str, dict[str, Any]]] = {
    "photo": {"width": 800, "height": 800},
    "audio": {"duration": 1},
    "voice": {"duration": 1},
    "video": {"width": 640, "height": 480, "duration": 1},
    "animation": {"width": 640, "height": 480, "duration": 1},
    "sticker": {"type": "regular", "width": 512, "height": 512, "is_animated": False, "is_video": False},
    "video_note": {"length": 240, "duration": 1},
}
PLAIN: Final = {
    "sendlocation": ("location", ("latitude", "longitude")),
    "sendvenue": ("venue", ("latitude", "longitude", "title", "address")),
    "sendcontact": ("contact", ("phone_number", "first_name")),
    "senddice": ("dice", ()),
}
"""Methods without a file: what they make, and what they need."""


def refused(code: int, description: str, **more: Any) -> Refusal:
    return Refusal(code, {"ok": False, "error_code": code, "description": description} | more)


def find(state: State, call: Call) -> Channel:
    channel = state.find("telegram", "bot_token", call.path["token"])
    if channel is None:
        raise refused(401, "Unauthorized")
    return channel


def accept(state: State, channel: Channel, call: Call) -> Taken:
    """One message, or several for an album. Methods' names are of any case."""
    fields = fields_of(call)
    method = call.path["method"].lower()
    chat = chat_of(fields)
    reply = parsed(fields.get("reply_parameters"))
    if reply is not None and not (isinstance(reply, dict) and isinstance(reply.get("message_id"), int)):
        raise refused(400, "Bad Request: reply_parameters must have a message_id")
    if method == "sendmediagroup":
        contents = _album(state, channel, call, fields)
    else:
        contents = [_content(state, channel, call, method, fields)]
    sent, results = [], []
    for content in contents:
        number = channel.number()
        result = shown(channel, chat, number, content, fields)
        sent.append(Sent(f"{chat}:{number}", str(chat), _said(content), fields))
        results.append(result)
    whole = results if method == "sendmediagroup" else results[0]
    return Taken(tuple(sent), {"ok": True, "result": whole})


def fields_of(call: Call) -> dict[str, Any]:
    """The parameters of a call: of the URL, and of a JSON object or a form. Those of a form are all text."""
    if call.content_type == "application/json" and call.body:
        found = object_of(call.body)
        if found is None:
            raise refused(400, "Bad Request: can't parse the body as JSON")
        return {**call.query, **found}
    return {**call.query, **call.form}


def parsed(value: Any) -> Any:
    """A parameter that is JSON, as it is or as the text that forms make of it."""
    if not isinstance(value, str):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return value


def chat_of(fields: dict[str, Any]) -> int:
    chat = fields.get("chat_id")
    if not isinstance(chat, int | str) or isinstance(chat, bool) or chat == "":
        raise refused(400, "Bad Request: chat_id is empty")
    if isinstance(chat, str) and not chat.removeprefix("-").isdecimal():
        raise refused(400, "Bad Request: chat not found")
    return int(chat)


def shown(
    channel: Channel, chat: int, number: int, content: dict[str, Any], fields: dict[str, Any]
) -> dict[str, Any]:
    """A message of the bot's."""
    person = {"id": chat, "type": "private", "first_name": "Customer"}
    now = now_ms() // 1000
    found = {"message_id": number, "from": bot(channel), "chat": person, "date": now, **content}
    reply = parsed(fields.get("reply_parameters"))
    if isinstance(reply, dict) and channel.find(f"{chat}:{reply['message_id']}"):
        found["reply_to_message"] = {"message_id": reply["message_id"], "chat": person, "date": now}
    topic = parsed(fields.get("message_thread_id"))
    if isinstance(topic, int) and topic > 0:
        found |= {"message_thread_id": topic, "is_topic_message": True}
    markup = parsed(fields.get("reply_markup"))
    if isinstance(markup, dict) and "inline_keyboard" in markup:
        found["reply_markup"] = markup
    return found


def _said(content: dict[str, Any]) -> str:
    return content.get("text") or content.get("caption") or ""


def _content(
    state: State, channel: Channel, call: Call, method: str, fields: dict[str, Any]
) -> dict[str, Any]:
    """A message's content, as its answer shows it."""
    if method == "sendmessage":
        given = text(fields, "text", MAX_TEXT, "message is too long")
        if not given.strip():
            raise refused(400, "Bad Request: message text is empty")
        return {"text": given}
    if method in FILES:
        return _file(state, channel, call, FILES[method], fields)
    if method in PLAIN:
        key, names = PLAIN[method]
        missing = next((name for name in names if fields.get(name) in (None, "")), None)
        if missing:
            raise refused(400, f"Bad Request: parameter {missing} is required")
        return {key: READ_PLAIN[key](fields)}
    raise refused(404, "Not Found")


def _album(state: State, channel: Channel, call: Call, fields: dict[str, Any]) -> list[dict[str, Any]]:
    media = parsed(fields.get("media"))
    if (
        not isinstance(media, list)
        or not 2 <= len(media) <= 10
        or not all(isinstance(m, dict) for m in media)
    ):
        raise refused(400, "Bad Request: group must include 2-10 items")
    group = str(channel.number())
    found = []
    for one in media:
        if one.get("type") not in ("photo", "video", "audio", "document"):
            raise refused(400, "Bad Request: wrong media type in a group")
        given = {one["type"]: one.get("media"), "caption": one.get("caption", "")}
        found.append(_file(state, channel, call, one["type"], given) | {"media_group_id": group})
    return found


def _file(state: State, channel: Channel, call: Call, field: str, fields: dict[str, Any]) -> dict[str, Any]:
    """A file by URL, by the id of one that Telegram has, or as bytes, under the field's name or the one after attach://."""
    given = fields.get(field)
    name = (
        given.removeprefix("attach://") if isinstance(given, str) and given.startswith("attach://") else field
    )
    if (bytes_ := call.files.get(name)) is not None:
        about, content_type = {"file_id": state.keep(channel, bytes_)}, bytes_.content_type
        size, file_name = len(bytes_.data), bytes_.name
    elif is_url(given):
        about, content_type, size, file_name = (
            {"file_id": f"url{channel.number()}"},
            "application/octet-stream",
            0,
            "file",
        )
    elif (
        isinstance(given, str) and (stored := state.file(given)) is not None and stored.channel == channel.id
    ):
        about, content_type = {"file_id": given}, stored.file.content_type
        size, file_name = len(stored.file.data), stored.file.name
    else:
        raise refused(400, f"Bad Request: there is no {field} in the request")
    caption = text(fields, "caption", MAX_CAPTION, "message caption is too long")
    about |= {"file_unique_id": about["file_id"][:8], "file_size": size}
    if field not in ("photo", "sticker", "video_note"):
        about |= {"mime_type": content_type}
    if field not in ("photo", "sticker", "video_note", "voice"):
        about |= {"file_name": file_name}
    about |= MEASURES.get(field, {})
    found: dict[str, Any] = {field: [about] if field == "photo" else about}
    if field == "animation":
        found["document"] = {k: v for k, v in about.items() if k not in ("width", "height", "duration")}
    return found | ({"caption": caption} if caption else {})


def text(body: dict[str, Any], key: str, most: int, too_long: str) -> str:
    found = body.get(key)
    found = "" if found is None else found
    if not isinstance(found, str):
        raise refused(400, f"Bad Request: {key} must be text")
    if len(found.encode("utf-16-le", "surrogatepass")) // 2 > most:
        raise refused(400, f"Bad Request: {too_long}")
    return found


def bot(channel: Channel) -> dict[str, Any]:
    """The bot. Its token begins with its id."""
    first = channel.credentials["bot_token"].partition(":")[0]
    return {
        "id": int(first) if first.isdecimal() else 1,
        "is_bot": True,
        "first_name": "Double",
        "username": "double_bot",
    }


def refusal(fault: Fault) -> Refusal:
    if fault.kind == "429":
        wait = int(fault.retry_after if fault.retry_after is not None else 1)
        return refused(429, f"Too Many Requests: retry after {wait}", parameters={"retry_after": wait})
    if fault.kind == "500":
        return refused(500, "Internal Server Error")
    return refused(403, "Forbidden: bot was blocked by the user")


def _place(fields: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"latitude": float(fields["latitude"]), "longitude": float(fields["longitude"])}
    except (TypeError, ValueError):
        raise refused(400, "Bad Request: latitude and longitude must be numbers") from None


READ_PLAIN: Final[dict[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {
    "location": _place,
    "venue": lambda f: {"location": _place(f), "title": f["title"], "address": f["address"]},
    "contact": lambda f: {
        key: f[key] for key in ("phone_number", "first_name", "last_name", "vcard") if f.get(key)
    },
    "dice": lambda f: {"emoji": f.get("emoji") or "🎲", "value": 4},
}


def webhooks_of(state: State, channel: Channel, given: CustomerMessage, origin: str) -> list[Webhook]:
    """One update, or an album with one update for each of several files."""
    chat = _chat(given.sender)
    person = {
        "id": chat,
        "is_bot": False,
        "first_name": given.name or given.sender,
        "language_code": "en",
    }
    common: dict[str, Any] = {
        "from": person,
        "chat": {"id": chat, "first_name": person["first_name"], "type": "private"},
        "date": now_ms() // 1000,
    }
    if given.react is not None:
        return [_reacted(channel, given, common)]
    if given.press is not None:
        return [_pressed(channel, given, common)]
    if given.reply_to:
        answered = {"message_id": _number(given.reply_to), "chat": common["chat"], "date": common["date"]}
        common["reply_to_message"] = answered
    if given.edit:
        edited = common | {
            "message_id": _number(given.edit),
            "edit_date": now_ms() // 1000,
            "text": given.text,
        }
        return [_update(channel, "edited_message", edited)]
    if not given.attachments:
        return [_update(channel, "message", common | {"message_id": channel.number(), "text": given.text})]
    if len(given.attachments) > 1:
        common["media_group_id"] = str(channel.number())
    found = []
    for number, file in enumerate(given.attachments):
        message = common | {"message_id": channel.number()} | _file_of(state, channel, file)
        if number == 0 and given.text:
            message["caption"] = given.text
        found.append(_update(channel, "message", message))
    return found


def _reacted(channel: Channel, given: CustomerMessage, common: dict[str, Any]) -> Webhook:
    reactions = [{"type": "emoji", "emoji": given.react}] if given.react else []
    change = {"chat": common["chat"], "message_id": _number(given.reply_to or ""), "user": common["from"]}
    return _update(
        channel,
        "message_reaction",
        change | {"date": common["date"], "old_reaction": [], "new_reaction": reactions},
    )


def _pressed(channel: Channel, given: CustomerMessage, common: dict[str, Any]) -> Webhook:
    assert given.press is not None
    number, data = _number(given.reply_to or ""), given.press.data
    under = {"message_id": number, "date": common["date"], "chat": common["chat"], "from": bot(channel)}
    id = str(channel.number())
    query = {"id": id, "from": common["from"], "message": under, "chat_instance": "1", "data": data}
    return _update(channel, "callback_query", query, f"{common['chat']['id']}:{number}")


def _chat(sender: str) -> int:
    """A chat's number; a name that is not a number gets one of its own."""
    return (
        int(sender)
        if sender.isdecimal() and len(sender) < 16
        else 1_000_000_000 + zlib.crc32(sender.encode())
    )


def _number(provider_id: str) -> int:
    last = provider_id.rpartition(":")[2]
    if not last.isdecimal():
        raise ValueError("a Telegram message is named chat:number")
    return int(last)


def _file_of(state: State, channel: Channel, file: File) -> dict[str, Any]:
    id = state.keep(channel, file)
    about = {"file_id": id, "file_unique_id": id[:8], "file_size": len(file.data)}
    kind = file.content_type.partition("/")[0]
    if kind == "image":
        return {"photo": [about | {"width": 90, "height": 90}, about | {"width": 800, "height": 800}]}
    about |= {"mime_type": file.content_type, "file_name": file.name}
    if kind in ("audio", "video"):
        return {kind: about | {"duration": 1} | ({"width": 640, "height": 480} if kind == "video" else {})}
    return {"document": about}


def _update(channel: Channel, kind: str, message: dict[str, Any], provider_id: str | None = None) -> Webhook:
    body = json.dumps({"update_id": 10_000 + channel.number(), kind: message}, ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json"}
    if secret := channel.credentials["secret_token"]:
        headers["X-Telegram-Bot-Api-Secret-Token"] = secret
    return Webhook(body, headers, provider_id or f"{message['chat']['id']}:{message['message_id']}")


def receipt(channel: Channel, sent: Sent, receipt: Receipt) -> Webhook | None:
    """Always None: Telegram sends bots no receipts."""
    return None


READ: Reads = ()
"""Its other methods are in `methods.py`, which knows this module."""
