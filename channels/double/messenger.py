"""Messenger's Send API and webhooks.

https://developers.facebook.com/docs/messenger-platform/reference/send-api,
https://developers.facebook.com/docs/messenger-platform/reference/webhook-events
"""

from __future__ import annotations

import secrets
from typing import Any, Final

from aiohttp import web

from . import meta
from .model import Channel, Fault, Receipt, Said, Sent, State, Webhook, now_ms
from .provider import Call, Paths, Reads, Refusal, file_response, is_url

NEEDS: tuple[str, ...] = ("app_secret", "verify_token", "page_access_token", "page_id")
SEND: Paths = ()
"""None: the path is WhatsApp's, and the account in it tells the two apart."""
MAX_TEXT: Final = 2000
TYPES: Final = ("RESPONSE", "UPDATE", "MESSAGE_TAG")
FILES: Final = ("image", "audio", "video", "file")

find = meta.account_of


def accept(state: State, channel: Channel, call: Call) -> tuple[Sent, Any, int]:
    body = meta.document(call)
    recipient = body.get("recipient")
    to = recipient.get("id") if isinstance(recipient, dict) else None
    if not isinstance(to, str) or not to:
        raise meta.refused(400, 100, "The parameter recipient is required")
    if body.get("messaging_type") not in TYPES:
        raise meta.refused(400, 100, "Param messaging_type must be one of {RESPONSE, UPDATE, MESSAGE_TAG}")
    message = body.get("message")
    if not isinstance(message, dict):
        raise meta.refused(400, 100, "The parameter message is required")
    text, attachment = message.get("text"), message.get("attachment")
    if (text is None) == (attachment is None):
        raise meta.refused(400, 100, "Message must have either a text or an attachment")
    if text is not None and not (isinstance(text, str) and 0 < len(text) <= MAX_TEXT):
        raise meta.refused(400, 100, f"Length of param message[text] must be 1 to {MAX_TEXT}")
    if attachment is not None:
        _check(attachment)
    id = _id()
    return Sent(id, to, text or "", body), {"recipient_id": to, "message_id": id}, 200


def _check(attachment: Any) -> None:
    payload = attachment.get("payload") if isinstance(attachment, dict) else None
    if not isinstance(payload, dict) or attachment.get("type") not in FILES or not is_url(payload.get("url")):
        raise meta.refused(400, 100, "Param message[attachment] needs a type and a payload with a url")


def _id() -> str:
    return "m_" + secrets.token_urlsafe(40)


def refusal(fault: Fault) -> Refusal:
    return meta.fault_refusal(fault, 613, meta.refused(400, 551, "This person isn't available right now."))


def said(state: State, channel: Channel, said: Said, origin: str) -> list[Webhook]:
    if said.edit:
        edit = {"mid": said.edit, "text": said.text, "num_edit": 1}
        return [_event(channel, said.sender, {"message_edit": edit}, said.edit)]
    message: dict[str, Any] = {"mid": _id()}
    if said.text:
        message["text"] = said.text
    if said.reply_to:
        message["reply_to"] = {"mid": said.reply_to}
    if said.attachments:
        message["attachments"] = [_attachment(state, channel, file, origin) for file in said.attachments]
    return [_event(channel, said.sender, {"message": message}, message["mid"])]


def _attachment(state: State, channel: Channel, file: Any, origin: str) -> dict[str, Any]:
    kind = file.content_type.partition("/")[0]
    url = f"{origin}/double-files/messenger/{state.keep(channel, file)}"
    return {"type": kind if kind in ("image", "audio", "video") else "file", "payload": {"url": url}}


def _event(channel: Channel, customer: str, event: dict[str, Any], provider_id: str) -> Webhook:
    page, now = channel.credentials["page_id"], now_ms()
    messaging = {"sender": {"id": customer}, "recipient": {"id": page}, "timestamp": now} | event
    return meta.signed(channel, "page", {"time": now, "id": page, "messaging": [messaging]}, provider_id)


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


READ: Reads = (("GET", r"/double-files/messenger/{media:\d+}", _file),)
