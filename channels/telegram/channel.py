"""Telegram bots in private chats. `contents.py` reads the contents of messages.

https://core.telegram.org/bots/api
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeGuard
from urllib.parse import quote

from msgspec.structs import replace

from ...core.channels.messages import (
    ChannelEvent,
    Credentials,
    Inbound,
    InboundEdit,
    Media,
    MediaStep,
    NotSent,
    Outbound,
    OutboundFile,
    ProviderRequest,
    Sender,
    SendOutcome,
    Sent,
    WebhookAnswer,
    WebhookCall,
)
from ..shared import signing
from ..shared.outgoing_files import fits, in_place_of, type_of
from ..shared.payloads import (
    Object,
    collect,
    document,
    identifier,
    inner,
    kept,
    message,
    milliseconds,
    objects,
    optional,
    reaction,
    string,
)
from ..shared.provider_answers import answer_of, provider_id, refused
from ..shared.text import length, pieces, short
from .contents import content_of

base_url = "https://api.telegram.org"
rate = 30.0
needs_files = False

MAX_TEXT: Final = 4096
MAX_CAPTION: Final = 1024
SECOND: Final = 1000
SENT_BY: Final = {
    "image/jpeg": ("sendPhoto", "photo", 5),
    "image/png": ("sendPhoto", "photo", 5),
    "image/gif": ("sendAnimation", "animation", 20),
    "audio/mpeg": ("sendAudio", "audio", 20),
    "audio/mp4": ("sendAudio", "audio", 20),
    "audio/ogg": ("sendVoice", "voice", 20),
    "video/mp4": ("sendVideo", "video", 20),
    "application/pdf": ("sendDocument", "document", 20),
    "application/zip": ("sendDocument", "document", 20),
}
"""Content type → method, field, and most megabytes of a file that Telegram fetches by its URL. No others are: of
those the customer is sent the address. https://core.telegram.org/bots/api#sending-files"""


_NO_TOPIC: Final = re.compile(
    r"message thread not found|TOPIC_(?:CLOSED|DELETED|ID_INVALID|NOT_FOUND)"
).search
"""Refusals of a topic: gone, closed, or in a chat that has none."""


def challenge(call: WebhookCall, credentials: Credentials) -> WebhookAnswer | None:
    return None


def verify(call: WebhookCall, credentials: Credentials) -> bool:
    return signing.same(call.headers.get("x-telegram-bot-api-secret-token"), credentials.get("secret_token"))


def answer() -> WebhookAnswer:
    return WebhookAnswer()


def parse(call: WebhookCall, config: dict[str, Any]) -> list[ChannelEvent]:
    """An update is of one kind. Updates of groups and channels, and of unknown kinds, are set aside."""
    update = document(call.body)
    number(update, "update_id")
    return list(collect([update], _update))


def _update(update: Object) -> Iterator[ChannelEvent]:
    kind = next((kind for kind in UPDATES if update.get(kind) is not None), None)
    if kind is None:
        named = ", ".join(sorted(update.keys() - {"update_id"}))
        raise ValueError(f"updates of this kind are not read: {named[:200]}")
    yield UPDATES[kind](inner(update, kind), number(update, "update_id"))


def _message(said: Object, update: int) -> Inbound:
    _check_private(said)
    return _inbound(said)


def _edited(said: Object, update: int) -> InboundEdit:
    _check_private(said)
    at = milliseconds(said.get("edit_date") or said.get("date"), SECOND)
    if at is None:
        raise ValueError("edit_date is missing")
    return InboundEdit(_inbound(said), at)


def _reacted(change: Object, update: int) -> Inbound:
    """The reactions to a message as they are now; none: they were taken back."""
    _check_private(change)
    chat = number(inner(change, "chat"), "id")
    given = [
        short(one.get("emoji")) or f"[{short(one.get('type'))}]"
        for one in objects(change.get("new_reaction"))
    ]
    said, notes = reaction(" ".join(given))
    return message(
        f"reaction:{_id(change)}:{update}",
        _sender(chat, inner(change, "user") or inner(change, "chat")),
        said,
        "reaction",
        reply_to=_id(change),
        at=milliseconds(change.get("date"), SECOND),
        metadata=notes,
    )


def _voted(answer: Object, update: int) -> Inbound:
    """A customer's choice in a poll; none: it was taken back. Private chats have their user's id."""
    user = inner(answer, "user")
    options = answer.get("option_ids")
    chosen = ", ".join(str(n + 1) for n in options if _is_whole(n)) if isinstance(options, list) else ""
    return message(
        f"poll_answer:{update}",
        _sender(number(user, "id"), user),
        f"[poll answer: {chosen}]" if chosen else "[poll answer taken back]",
        "poll_answer",
        metadata={"poll_answer": kept(answer)},
    )


def _member(change: Object, update: int) -> Inbound:
    """The customer blocked the bot, or let it write again. No message of theirs."""
    _check_private(change)
    status = short(inner(change, "new_chat_member").get("status")) or "unknown"
    said = {"kicked": "[the bot was blocked]", "member": "[the bot may write]"}.get(
        status, f"[bot: {status}]"
    )
    return message(
        f"my_chat_member:{update}",
        _sender(number(inner(change, "chat"), "id"), inner(change, "from") or inner(change, "chat")),
        said,
        "system",
        at=milliseconds(change.get("date"), SECOND),
        metadata={"my_chat_member": kept(change), "auto_reply": True},
    )


def _pressed(query: Object, update: int) -> Inbound:
    """A button under one of the bot's messages; of messages sent by way of the bot elsewhere there is no chat."""
    under = inner(query, "message")
    _check_private(under)
    said = string(query, "data") or string(query, "game_short_name")
    topic = under.get("message_thread_id")
    return message(
        f"callback:{identifier(query, 'id', 255)}",
        _sender(number(inner(under, "chat"), "id"), inner(query, "from")),
        said,
        "button",
        reply_to=_id(under),
        metadata={"message_thread_id": topic} if topic else None,
    )


UPDATES: Final[dict[str, Callable[[Object, int], ChannelEvent]]] = {
    "message": _message,
    "edited_message": _edited,
    "callback_query": _pressed,
    "business_message": _message,
    "edited_business_message": _edited,
    "message_reaction": _reacted,
    "poll_answer": _voted,
    "my_chat_member": _member,
}
"""Kind of update → how it is read, with the update's number."""


def number(holder: Object, key: str) -> int:
    value = holder.get(key)
    if not _is_whole(value):
        raise ValueError(f"{key} is not a whole number")
    return value


def _is_whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_private(said: Object) -> bool:
    """A chat that does not say its type is one by its id: those of groups and channels are negative."""
    chat = inner(said, "chat")
    if "type" in chat:
        return chat["type"] == "private"
    return _is_whole(chat.get("id")) and chat["id"] > 0


def _check_private(said: Object) -> None:
    if not _is_private(said):
        raise ValueError("only private chats are read")


def _id(said: Object) -> str:
    """Message ids are numbered in each chat, and anew in the chats of an account that the bot is connected to; messages that
    only the bot and one person see have numbers of their own."""
    numbered: int | str = number(said, "message_id")
    if not numbered and "ephemeral_message_id" in said:
        numbered = f"ephemeral-{number(said, 'ephemeral_message_id')}"
    own = f"{number(inner(said, 'chat'), 'id')}:{numbered}"
    connection = optional(said, "business_connection_id", 255)
    return f"business:{connection}:{own}" if connection else own


def _sender(chat: int, person: Object) -> Sender:
    names = filter(None, (short(person.get("first_name")), short(person.get("last_name"))))
    notes = {key: short(person.get(key)) for key in ("username", "language_code")}
    return Sender(
        str(chat), short(" ".join(names)), metadata={key: note for key, note in notes.items() if note}
    )


def _inbound(said: Object) -> Inbound:
    chat = number(inner(said, "chat"), "id")
    content, content_type, media, notes = content_of(said)
    answered = inner(said, "reply_to_message")
    connection, author = said.get("business_connection_id"), inner(said, "from")
    is_echo = bool(connection) and "id" in author and author["id"] != chat
    sender = _sender(chat, (inner(said, "chat") if is_echo else author) or inner(said, "chat"))
    if connection:
        sender = replace(sender, metadata={**sender.metadata, "business_connection_id": connection})
    found = message(
        _id(said),
        sender,
        content,
        content_type,
        media,
        reply_to=_id({**said, "message_id": answered.get("message_id")}) if answered else None,
        at=milliseconds(said.get("date"), SECOND),
        metadata=notes,
    )
    return replace(found, is_echo=is_echo)


def requests(
    message: Outbound, credentials: Credentials, base_url: str, status_url: str
) -> list[ProviderRequest]:
    """A request for each file, the text as caption of the first where it is short enough; else the text goes ahead."""
    url = f"{base_url}/bot{quote(credentials['bot_token'], safe=':')}"
    found = []
    for n, (method, body) in enumerate(_parts(message)):
        body = {"chat_id": _chat(message.to), **body}
        if connection := message.recipient.get("business_connection_id"):
            body["business_connection_id"] = connection
        if n == 0 and (reply := _reply(message.reply_to)) is not None:
            body["reply_parameters"] = {"message_id": reply, "allow_sending_without_reply": True}
        request = ProviderRequest("POST", f"{url}/{method}", json=body)
        if (topic := _topic(message.answered)) is not None:
            body = {**body, "message_thread_id": topic}
            # A topic may be gone, and the bot's topics may be switched off: then it goes to the chat itself.
            request = replace(request, json=body, otherwise=request)
        found.append(request)
    return found


def _topic(answered: Object) -> int | None:
    """The topic of the private chat in which the customer wrote; bots with topics have several threads with one customer."""
    topic = answered.get("message_thread_id")
    return topic if _is_whole(topic) and topic > 0 else None


def _parts(message: Outbound) -> Iterator[tuple[str, Object]]:
    caption = message.content
    if not message.files or _way(message.files[0]) is None or length(caption) > MAX_CAPTION:
        for piece in pieces(caption, MAX_TEXT) if caption else ():
            yield "sendMessage", {"text": piece}
        caption = ""
    for file in message.files:
        way = _way(file)
        if way is None:
            yield "sendMessage", {"text": in_place_of(file)}
            continue
        method, field = way
        yield method, {field: file.url, "caption": caption} if caption else {field: file.url}
        caption = ""


def _way(file: OutboundFile) -> tuple[str, str] | None:
    known = SENT_BY.get(type_of(file))
    if known is None:
        return None
    method, field, most = known
    return (method, field) if fits(file, most) else None


def _chat(to: str) -> int | str:
    return int(to) if to.removeprefix("-").isdecimal() and len(to) < 20 else to


def _reply(provider_id: str | None) -> int | None:
    """The number of a message in its chat; there is none of a button that was pressed."""
    if provider_id is None or provider_id.startswith("callback:"):
        return None
    last = provider_id.rpartition(":")[2]
    return int(last) if last.isdecimal() and len(last) < 16 else None


def outcome(status: int, headers: dict[str, str], body: bytes) -> SendOutcome:
    found = answer_of(body)
    if not 200 <= status < 300 or found.get("ok") is False:
        return _refused(status, headers, found)
    result = found.get("result")
    if not isinstance(result, dict):
        return Sent(None)
    chat = result.get("chat")
    chat_id = provider_id(chat.get("id")) if isinstance(chat, dict) else None
    message_id = provider_id(result.get("message_id"))
    connection = provider_id(result.get("business_connection_id"))
    own = f"{chat_id}:{message_id}" if chat_id and message_id else None
    # as `_id` names it, so that answers and reactions to it, and its own echo, find it
    return Sent(f"business:{connection}:{own}" if own and connection else own)


def _refused(status: int, headers: dict[str, str], found: Object) -> NotSent:
    parameters = found.get("parameters")
    wait = parameters.get("retry_after") if isinstance(parameters, dict) else None
    said = found.get("description")
    not_sent = refused(status, headers, found.get("error_code"), said, slow=("429",), wait=wait)
    return replace(not_sent, otherwise=isinstance(said, str) and _NO_TOPIC(said) is not None)


def media_step(media: Media, credentials: Credentials, base_url: str, answer: Any | None) -> MediaStep:
    """The id leads to a path, good for an hour. Telegram gives out files of up to 20 MB."""
    token = quote(credentials["bot_token"], safe=":")
    if answer is None:
        return MediaStep(
            ProviderRequest("POST", f"{base_url}/bot{token}/getFile", json={"file_id": media.id}), last=False
        )
    result = answer.get("result") if isinstance(answer, dict) else None
    path = result.get("file_path") if isinstance(result, dict) else None
    if not isinstance(path, str):
        raise ValueError("the answer has no file_path")
    return MediaStep(ProviderRequest("GET", f"{base_url}/file/bot{token}/{quote(path)}"), last=True)
