"""Methods of Telegram's Bot API that send no message: webhooks and updates, files, edits, and others.

https://core.telegram.org/bots/api
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from aiohttp import web

from ..model import Channel, Sent, State
from ..provider import Call, Reads, file_response, is_url, json_response
from . import channel as telegram
from .channel import chat_of, fields_of, parsed, refused, shown, text

MAX_DOWNLOAD: Final = 20 * 1024 * 1024
MAX_WAIT: Final = 50
"""Seconds that getUpdates waits at most."""
MAX_PAGE: Final = 100
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{0,256}").fullmatch

Fields = dict[str, Any]


def get_me(state: State, channel: Channel, fields: Fields) -> Any:
    may = (
        "can_join_groups",
        "can_read_all_group_messages",
        "supports_inline_queries",
        "can_connect_to_business",
    )
    return telegram.bot(channel) | dict.fromkeys(may, False) | {"has_main_web_app": False}


def get_file(state: State, channel: Channel, fields: Fields) -> Any:
    id = fields.get("file_id")
    stored = state.file(id) if isinstance(id, str) else None
    if not isinstance(id, str) or stored is None or stored.channel != channel.id:
        raise refused(400, "Bad Request: wrong file_id or the file is temporarily unavailable")
    size = len(stored.file.data)
    if size > MAX_DOWNLOAD:
        raise refused(400, "Bad Request: file is too big")
    return {"file_id": id, "file_unique_id": id[:8], "file_size": size, "file_path": f"documents/file_{id}"}


def set_webhook(state: State, channel: Channel, fields: Fields) -> Any:
    """Unlike Telegram, it takes addresses without TLS too. What waits for getUpdates continues waiting."""
    url, secret = fields.get("url") or "", fields.get("secret_token") or ""
    if url and not is_url(url):
        raise refused(400, "Bad Request: bad webhook: an HTTPS URL must be provided for webhook")
    if not isinstance(secret, str) or not _SECRET(secret):
        raise refused(400, "Bad Request: secret token contains unallowed characters")
    _drop(channel, fields)
    channel.webhook_url = url
    channel.credentials = {**channel.credentials, "secret_token": secret}
    return True


def delete_webhook(state: State, channel: Channel, fields: Fields) -> Any:
    _drop(channel, fields)
    channel.webhook_url = ""
    return True


def _drop(channel: Channel, fields: Fields) -> None:
    if str(fields.get("drop_pending_updates")).lower() == "true":
        channel.updates.clear()


def get_webhook_info(state: State, channel: Channel, fields: Fields) -> Any:
    found = {"url": channel.webhook_url, "has_custom_certificate": False}
    found |= {"pending_update_count": len(channel.updates)}
    return found | ({"max_connections": 40} if channel.webhook_url else {})


async def get_updates(state: State, channel: Channel, fields: Fields) -> Any:
    """Updates from `offset` on, which forgets those before it; waits for one up to `timeout` seconds."""
    if channel.webhook_url:
        conflict = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
        raise refused(409, conflict)
    offset, limit = _number(fields, "offset", 0), _number(fields, "limit", MAX_PAGE)
    wait = min(_number(fields, "timeout", 0), MAX_WAIT)
    if offset < 0:
        offset = max((_id(body) for body in list(channel.updates)[:offset]), default=0) + 1
    while channel.updates and _id(channel.updates[0]) < offset:
        channel.updates.popleft()
    if not channel.updates and wait > 0:
        channel.arrived.clear()
        try:
            await asyncio.wait_for(channel.arrived.wait(), wait)
        except TimeoutError:
            return []
    return [msgspec.json.decode(body) for body in list(channel.updates)[: max(1, min(limit, MAX_PAGE))]]


def _id(update: bytes) -> int:
    return msgspec.json.decode(update)["update_id"]


def _number(fields: Fields, key: str, usual: int) -> int:
    try:
        return int(fields.get(key) or usual)
    except (TypeError, ValueError):
        raise refused(400, f"Bad Request: {key} must be a number") from None


def _message(channel: Channel, fields: Fields, what: str) -> tuple[int, int, Sent]:
    chat, number = chat_of(fields), _number(fields, "message_id", 0)
    sent = channel.find(f"{chat}:{number}")
    if sent is None or sent.context.get("deleted"):
        raise refused(400, f"Bad Request: message to {what} not found")
    return chat, number, sent


def edit_text(state: State, channel: Channel, fields: Fields) -> Any:
    return _edited(channel, fields, "text", telegram.MAX_TEXT)


def edit_caption(state: State, channel: Channel, fields: Fields) -> Any:
    return _edited(channel, fields, "caption", telegram.MAX_CAPTION)


def _edited(channel: Channel, fields: Fields, key: str, most: int) -> Any:
    chat, number, sent = _message(channel, fields, "edit")
    said = text(fields, key, most, "message is too long")
    if said == sent.text and not fields.get("reply_markup"):
        raise refused(400, "Bad Request: message is not modified")
    channel.amend(sent, text=said)
    found = shown(channel, chat, number, {key: said}, fields)
    return found | {"edit_date": found["date"]}


def edit_markup(state: State, channel: Channel, fields: Fields) -> Any:
    chat, number, sent = _message(channel, fields, "edit")
    found = shown(channel, chat, number, {"text": sent.text}, fields)
    return found | {"edit_date": found["date"]}


def delete_message(state: State, channel: Channel, fields: Fields) -> Any:
    _, _, sent = _message(channel, fields, "delete")
    channel.amend(sent, context={**sent.context, "deleted": True})
    return True


def chat_action(state: State, channel: Channel, fields: Fields) -> Any:
    chat_of(fields)
    if not isinstance(fields.get("action"), str):
        raise refused(400, "Bad Request: wrong parameter action in request")
    return True


def react(state: State, channel: Channel, fields: Fields) -> Any:
    chat_of(fields)
    if not _number(fields, "message_id", 0):
        raise refused(400, "Bad Request: message to react not found")
    given = parsed(fields.get("reaction")) or []
    if not isinstance(given, list) or len(given) > 1:
        raise refused(400, "Bad Request: REACTIONS_TOO_MANY")
    return True


def answer_query(state: State, channel: Channel, fields: Fields) -> Any:
    if not fields.get("callback_query_id"):
        raise refused(
            400, "Bad Request: query is too old and response timeout expired or query ID is invalid"
        )
    return True


def done(state: State, channel: Channel, fields: Fields) -> Any:
    return True


METHODS: Final[dict[str, Callable[[State, Channel, Fields], Any | Awaitable[Any]]]] = {
    "getme": get_me,
    "getfile": get_file,
    "setwebhook": set_webhook,
    "deletewebhook": delete_webhook,
    "getwebhookinfo": get_webhook_info,
    "getupdates": get_updates,
    "editmessagetext": edit_text,
    "editmessagecaption": edit_caption,
    "editmessagereplymarkup": edit_markup,
    "deletemessage": delete_message,
    "sendchataction": chat_action,
    "setmessagereaction": react,
    "answercallbackquery": answer_query,
    "setmycommands": done,
    "deletemycommands": done,
    "logout": done,
    "close": done,
}
"""By their names in lower case: Telegram takes any case."""


async def _method(state: State, call: Call) -> web.Response:
    channel = telegram.find(state, call)
    read = METHODS.get(call.path["method"].lower())
    if read is None:
        raise refused(404, "Not Found: method not found")
    result = read(state, channel, fields_of(call))
    if isinstance(result, Awaitable):
        result = await result
    return json_response({"ok": True, "result": result})


def _download(state: State, call: Call) -> web.Response:
    channel = telegram.find(state, call)
    stored = state.file(call.path["media"])
    if stored is None or stored.channel != channel.id:
        raise refused(404, "Not Found")
    return file_response(stored.file.data, stored.file.content_type)


_OTHER: Final = "/bot{token:[^/]+}/{method:(?![sS][eE][nN][dD](?![cC]hat[aA]ction))[A-Za-z]+}"
READ: Reads = (
    ("GET", _OTHER, _method),
    ("POST", _OTHER, _method),
    ("GET", r"/file/bot{token:[^/]+}/documents/file_{media:\d+}", _download),
)
