"""Messenger's Send API and webhooks.

https://developers.facebook.com/docs/messenger-platform/reference/send-api,
https://developers.facebook.com/docs/messenger-platform/reference/webhook-events
"""

from __future__ import annotations

import secrets
from typing import Any, Final

from aiohttp import web

from ..model import Channel, CustomerMessage, Fault, File, Receipt, Sent, State, Webhook, now_ms
from ..provider import Call, Paths, Reads, Refusal, Taken, file_response, is_url, json_response
from . import graph

NEEDS: tuple[str, ...] = ("app_secret", "verify_token", "page_access_token", "page_id")
SEND: Paths = ()
"""None: the path is WhatsApp's, and the account in it tells the two apart."""
MAX_TEXT: Final = 2000
TYPES: Final = ("RESPONSE", "UPDATE", "MESSAGE_TAG")
MAX_BUTTON_TEXT: Final = 640
FILES: Final = ("image", "audio", "video", "file")
ACTIONS: Final = ("typing_on", "typing_off", "mark_seen", "react", "unreact")

find = graph.account_of


def accept(state: State, channel: Channel, call: Call) -> Taken:
    body = graph.document(call)
    recipient = body.get("recipient")
    to = recipient.get("id") if isinstance(recipient, dict) else None
    if not isinstance(to, str) or not to:
        raise graph.refused(400, 100, "The parameter recipient is required")
    if (action := body.get("sender_action")) is not None:
        if action not in ACTIONS:
            raise graph.refused(400, 100, f"Param sender_action must be one of {{{', '.join(ACTIONS)}}}")
        return Taken((), {"recipient_id": to})
    if body.get("messaging_type", "RESPONSE" if call.form else None) not in TYPES:
        raise graph.refused(400, 100, "Param messaging_type must be one of {RESPONSE, UPDATE, MESSAGE_TAG}")
    message = body.get("message")
    if not isinstance(message, dict):
        raise graph.refused(400, 100, "The parameter message is required")
    text, attachment = message.get("text"), message.get("attachment")
    if (text is None) == (attachment is None):
        raise graph.refused(400, 100, "Message must have either a text or an attachment")
    if text is not None and not (isinstance(text, str) and 0 < len(text) <= MAX_TEXT):
        raise graph.refused(400, 100, f"Length of param message[text] must be 1 to {MAX_TEXT}")
    answer = {"recipient_id": to, "message_id": _id()}
    if attachment is not None:
        text, kept = _attached(state, channel, attachment)
        answer |= kept
    _check_replies(message.get("quick_replies"))
    return Taken((Sent(answer["message_id"], to, text or "", body),), answer)


def _attached(state: State, channel: Channel, attachment: Any) -> tuple[str, dict[str, str]]:
    """A template's text, and the id under which a reusable file is kept."""
    payload = attachment.get("payload") if isinstance(attachment, dict) else None
    kind = attachment.get("type") if isinstance(attachment, dict) else None
    if kind == "template" and isinstance(payload, dict):
        return _template(payload), {}
    if not isinstance(payload, dict) or kind not in FILES:
        raise graph.refused(400, 100, "Param message[attachment] needs a type and a payload")
    known = payload.get("attachment_id")
    if isinstance(known, str):
        if (stored := state.file(known)) is None or stored.channel != channel.id:
            raise graph.refused(400, 100, "Param attachment_id is not the id of a file of this page")
        return "", {}
    if not is_url(payload.get("url")):
        raise graph.refused(400, 100, "Param message[attachment] needs a type and a payload with a url")
    return "", {"attachment_id": _reference(state, channel, kind)} if payload.get(
        "is_reusable"
    ) is True else {}


def _reference(state: State, channel: Channel, kind: Any) -> str:
    """A file of which the double knows the address alone: it fetches nothing."""
    return state.keep(channel, File(b"", "file", str(kind)))


def _template(payload: dict[str, Any]) -> str:
    kind = payload.get("template_type")
    if kind == "button":
        text = payload.get("text")
        if not isinstance(text, str) or not 0 < len(text) <= MAX_BUTTON_TEXT:
            raise graph.refused(
                400, 100, f"A button template needs a text of 1 to {MAX_BUTTON_TEXT} characters"
            )
        _check_buttons(payload.get("buttons"), 1)
        return text
    elements = payload.get("elements")
    if kind not in ("generic", "media", "receipt", "coupon", "customer_feedback"):
        raise graph.refused(400, 100, "Param template_type is not known")
    if kind in ("generic", "media") and not (isinstance(elements, list) and 1 <= len(elements) <= 10):
        raise graph.refused(400, 100, "A template has 1 to 10 elements")
    titles = []
    for element in elements if isinstance(elements, list) else ():
        if kind == "generic" and not (isinstance(element, dict) and element.get("title")):
            raise graph.refused(400, 100, "An element needs a title")
        _check_buttons(element.get("buttons", []), 0)
        titles.append(element.get("title", ""))
    return "\n".join(titles)


def _check_buttons(buttons: Any, least: int) -> None:
    kinds = ("postback", "web_url", "phone_number", "account_link", "account_unlink")
    good = isinstance(buttons, list) and least <= len(buttons) <= 3
    if not good or not all(isinstance(one, dict) and one.get("type") in kinds for one in buttons):
        raise graph.refused(400, 100, f"A template has {least} to 3 buttons of a known type")


def _check_replies(replies: Any) -> None:
    kinds = ("text", "user_phone_number", "user_email")
    good = isinstance(replies, list) and len(replies) <= 13
    if replies is not None and not (
        good and all(isinstance(one, dict) and one.get("content_type") in kinds for one in replies)
    ):
        raise graph.refused(
            400, 100, "Param quick_replies must have at most 13 replies of a known content_type"
        )


def _id() -> str:
    return "m_" + secrets.token_urlsafe(40)


def refusal(fault: Fault) -> Refusal:
    return graph.fault_refusal(fault, 613, graph.refused(400, 551, "This person isn't available right now."))


def webhooks_of(state: State, channel: Channel, given: CustomerMessage, origin: str) -> list[Webhook]:
    if given.edit:
        edit = {"mid": given.edit, "text": given.text, "num_edit": 1}
        return [_event(channel, given.sender, {"message_edit": edit}, given.edit)]
    if given.react is not None:
        reaction = {"mid": given.reply_to or "", "action": "react" if given.react else "unreact"}
        reaction |= {"reaction": "other", "emoji": given.react} if given.react else {}
        return [_event(channel, given.sender, {"reaction": reaction}, reaction["mid"])]
    if given.press is not None:
        postback = {"mid": _id(), "title": given.press.title, "payload": given.press.data}
        return [_event(channel, given.sender, {"postback": postback}, postback["mid"])]
    message: dict[str, Any] = {"mid": _id()}
    if given.text:
        message["text"] = given.text
    if given.reply_to:
        message["reply_to"] = {"mid": given.reply_to}
    if given.attachments:
        message["attachments"] = [_attachment(state, channel, file, origin) for file in given.attachments]
    return [_event(channel, given.sender, {"message": message}, message["mid"])]


def _attachment(state: State, channel: Channel, file: Any, origin: str) -> dict[str, Any]:
    kind = file.content_type.partition("/")[0]
    url = f"{origin}/double-files/messenger/{state.keep(channel, file)}"
    return {"type": kind if kind in ("image", "audio", "video") else "file", "payload": {"url": url}}


def _event(channel: Channel, customer: str, event: dict[str, Any], provider_id: str) -> Webhook:
    page, now = channel.credentials["page_id"], now_ms()
    messaging = {"sender": {"id": customer}, "recipient": {"id": page}, "timestamp": now} | event
    return graph.signed(channel, "page", {"time": now, "id": page, "messaging": [messaging]}, provider_id)


def receipt(channel: Channel, sent: Sent, receipt: Receipt) -> Webhook | None:
    """Messenger reports what was delivered, and until when everything was read; nothing else."""
    if receipt.status == "delivered":
        event = {"delivery": {"mids": [sent.provider_id], "watermark": now_ms()}}
    elif receipt.status == "read":
        event = {"read": {"watermark": now_ms()}}
    else:
        return None
    return _event(channel, sent.to, event, sent.provider_id)


def _file(state: State, call: Call) -> web.Response:
    """Serve a file. Its URL is the secret."""
    stored = state.file(call.path["media"])
    if stored is None:
        raise Refusal(404, {"error": {"message": "no such file", "code": 404}})
    return file_response(stored.file.data, stored.file.content_type)


def _upload(state: State, call: Call) -> web.Response:
    """https://developers.facebook.com/docs/messenger-platform/reference/attachment-upload-api"""
    channel = find(state, call)
    message = graph.document(call).get("message")
    attachment = message.get("attachment") if isinstance(message, dict) else None
    if not isinstance(attachment, dict) or attachment.get("type") not in FILES:
        raise graph.refused(400, 100, "Param message[attachment] needs a type and a payload")
    if (file := call.files.get("filedata")) is not None:
        return json_response({"attachment_id": state.keep(channel, file)})
    payload = attachment.get("payload")
    if not isinstance(payload, dict) or not is_url(payload.get("url")):
        raise graph.refused(400, 100, "The parameter filedata or a url is required")
    return json_response({"attachment_id": _reference(state, channel, attachment["type"])})


def _me(state: State, call: Call) -> web.Response:
    return json_response({"id": find(state, call).credentials["page_id"], "name": "Double"})


def _subscribed(state: State, call: Call) -> web.Response:
    find(state, call)
    return json_response({"success": True})


_ACCOUNT: Final = (r"/{account:\d+|me}", r"/{version:v\d+\.\d+}/{account:\d+|me}")
READ: Reads = (
    ("GET", r"/double-files/messenger/{media:\d+}", _file),
    ("GET", "/{account:me}", _me),
    ("GET", r"/{version:v\d+\.\d+}/{account:me}", _me),
    *(("POST", path + "/message_attachments", _upload) for path in _ACCOUNT),
    *(("POST", path + "/subscribed_apps", _subscribed) for path in _ACCOUNT),
)
