"""Telegram's Bot API: messages, files, updates.

https://core.telegram.org/bots/api
"""

from __future__ import annotations

import json
import zlib
from typing import Any, Final

from aiohttp import web

from .model import Channel, Fault, File, Receipt, Said, Sent, State, Webhook, now_ms
from .provider import Call, Paths, Reads, Refusal, file_response, is_url, json_response, object_of

NEEDS: tuple[str, ...] = ("bot_token", "secret_token")
SEND: Paths = (("POST", "/bot{token:[^/]+}/{method:send[A-Za-z]+}"),)
MAX_TEXT: Final = 4096
MAX_CAPTION: Final = 1024
MAX_DOWNLOAD: Final = 20 * 1024 * 1024
FIELDS: Final = {
    "sendPhoto": "photo",
    "sendAudio": "audio",
    "sendVoice": "voice",
    "sendVideo": "video",
    "sendAnimation": "animation",
    "sendDocument": "document",
}


def refused(code: int, description: str, **more: Any) -> Refusal:
    return Refusal(code, {"ok": False, "error_code": code, "description": description} | more)


def find(state: State, call: Call) -> Channel:
    channel = state.find("telegram", "bot_token", call.path["token"])
    if channel is None:
        raise refused(401, "Unauthorized")
    return channel


def accept(state: State, channel: Channel, call: Call) -> tuple[Sent, Any, int]:
    body = object_of(call.body)
    if body is None or call.content_type != "application/json":
        raise refused(400, "Bad Request: can't parse the body as JSON")
    chat = body.get("chat_id")
    if not isinstance(chat, int | str) or isinstance(chat, bool) or chat == "":
        raise refused(400, "Bad Request: chat_id is empty")
    if isinstance(chat, str) and not chat.removeprefix("-").isdecimal():
        raise refused(400, "Bad Request: chat not found")
    _check_reply(body.get("reply_parameters"))
    method = call.path["method"]
    if method == "sendMessage":
        text = _text(body, "text", MAX_TEXT, "message is too long")
        if not text.strip():
            raise refused(400, "Bad Request: message text is empty")
        content: dict[str, Any] = {"text": text}
    elif field := FIELDS.get(method):
        if not is_url(body.get(field)):
            raise refused(400, f"Bad Request: there is no {field} in the request")
        text = _text(body, "caption", MAX_CAPTION, "message caption is too long")
        content = {field: {"file_id": "double"}, "caption": text}
    else:
        raise refused(404, "Not Found")
    number, chat_id = channel.number(), int(chat)
    result = {
        "message_id": number,
        "from": {"id": int(_bot(channel)), "is_bot": True, "first_name": "Double"},
        "chat": {"id": chat_id, "type": "private"},
        "date": now_ms() // 1000,
    } | content
    sent = Sent(f"{chat_id}:{number}", str(chat_id), text, body)
    return sent, {"ok": True, "result": result}, 200


def _text(body: dict[str, Any], key: str, most: int, too_long: str) -> str:
    text = body.get(key, "")
    if not isinstance(text, str):
        raise refused(400, f"Bad Request: {key} must be text")
    if len(text.encode("utf-16-le", "surrogatepass")) // 2 > most:
        raise refused(400, f"Bad Request: {too_long}")
    return text


def _check_reply(reply: Any) -> None:
    if reply is not None and not (isinstance(reply, dict) and isinstance(reply.get("message_id"), int)):
        raise refused(400, "Bad Request: reply_parameters must have a message_id")


def _bot(channel: Channel) -> str:
    """The bot's id, with which its token begins."""
    first = channel.credentials["bot_token"].partition(":")[0]
    return first if first.isdecimal() else "1"


def refusal(fault: Fault) -> Refusal:
    if fault.kind == "429":
        wait = int(fault.retry_after if fault.retry_after is not None else 1)
        return refused(429, f"Too Many Requests: retry after {wait}", parameters={"retry_after": wait})
    if fault.kind == "500":
        return refused(500, "Internal Server Error")
    return refused(403, "Forbidden: bot was blocked by the user")


def said(state: State, channel: Channel, said: Said, origin: str) -> list[Webhook]:
    """One update, or an album with one update for each of several files."""
    chat = _chat(said.sender)
    person = {"id": chat, "is_bot": False, "first_name": said.name or said.sender, "language_code": "en"}
    common: dict[str, Any] = {
        "from": person,
        "chat": {"id": chat, "first_name": person["first_name"], "type": "private"},
        "date": now_ms() // 1000,
    }
    if said.reply_to:
        answered = {"message_id": _number(said.reply_to), "chat": common["chat"], "date": common["date"]}
        common["reply_to_message"] = answered
    if said.edit:
        edited = common | {"message_id": _number(said.edit), "edit_date": now_ms() // 1000, "text": said.text}
        return [_update(channel, "edited_message", edited)]
    if not said.attachments:
        return [_update(channel, "message", common | {"message_id": channel.number(), "text": said.text})]
    if len(said.attachments) > 1:
        common["media_group_id"] = str(channel.number())
    found = []
    for number, file in enumerate(said.attachments):
        message = common | {"message_id": channel.number()} | _file_of(state, channel, file)
        if number == 0 and said.text:
            message["caption"] = said.text
        found.append(_update(channel, "message", message))
    return found


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


def _update(channel: Channel, kind: str, message: dict[str, Any]) -> Webhook:
    body = json.dumps({"update_id": 10_000 + channel.number(), kind: message}, ensure_ascii=False).encode()
    headers = {
        "Content-Type": "application/json",
        "X-Telegram-Bot-Api-Secret-Token": channel.credentials["secret_token"],
    }
    return Webhook(body, headers, f"{message['chat']['id']}:{message['message_id']}")


def receipt(channel: Channel, sent: Sent, receipt: Receipt) -> Webhook | None:
    """Always None: Telegram sends bots no receipts."""
    return None


def _get_file(state: State, call: Call) -> web.Response:
    channel = find(state, call)
    id = call.query.get("file_id") or (object_of(call.body) or {}).get("file_id")
    stored = state.file(id) if isinstance(id, str) else None
    if not isinstance(id, str) or stored is None or stored.channel != channel.id:
        raise refused(400, "Bad Request: wrong file_id or the file is temporarily unavailable")
    if len(stored.file.data) > MAX_DOWNLOAD:
        raise refused(400, "Bad Request: file is too big")
    size = len(stored.file.data)
    result = {"file_id": id, "file_unique_id": id[:8], "file_size": size, "file_path": f"documents/file_{id}"}
    return json_response({"ok": True, "result": result})


def _download(state: State, call: Call) -> web.Response:
    channel = find(state, call)
    stored = state.file(call.path["media"])
    if stored is None or stored.channel != channel.id:
        raise refused(404, "Not Found")
    return file_response(stored.file.data, stored.file.content_type)


def _get_me(state: State, call: Call) -> web.Response:
    bot = int(_bot(find(state, call)))
    return json_response({"ok": True, "result": {"id": bot, "is_bot": True, "first_name": "Double"}})


READ: Reads = (
    ("GET", "/bot{token:[^/]+}/getFile", _get_file),
    ("POST", "/bot{token:[^/]+}/getFile", _get_file),
    ("GET", "/bot{token:[^/]+}/getMe", _get_me),
    ("GET", r"/file/bot{token:[^/]+}/documents/file_{media:\d+}", _download),
)
