"""WhatsApp's Cloud API: messages, media, webhooks.

https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages,
https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks/components
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Any, Final

from aiohttp import web

from . import meta
from .model import Channel, Fault, Receipt, Said, Sent, State, Webhook, now_ms
from .provider import Call, Paths, Reads, Refusal, file_response, is_url, json_response

NEEDS: tuple[str, ...] = ("app_secret", "verify_token", "access_token", "phone_number_id")
SEND: Paths = meta.PATHS
MAX_TEXT: Final = 4096
MAX_CAPTION: Final = 1024
FILES: Final = ("image", "audio", "video", "document", "sticker")

find = meta.account_of


def accept(state: State, channel: Channel, call: Call) -> tuple[Sent, Any, int]:
    body = meta.document(call)
    if body.get("messaging_product") != "whatsapp":
        raise meta.refused(400, 100, "The parameter messaging_product is required.")
    to = body.get("to") or body.get("recipient")
    if not isinstance(to, str) or not to:
        raise meta.refused(400, 100, "The parameter to is required.")
    opaque = body.get("biz_opaque_callback_data")
    if opaque is not None and (not isinstance(opaque, str) or len(opaque) > 512):
        raise meta.invalid("biz_opaque_callback_data must be text of at most 512 characters")
    context = body.get("context")
    if context is not None and not (isinstance(context, dict) and isinstance(context.get("message_id"), str)):
        raise meta.invalid("context must have a message_id")
    text = _text(body)
    digits = to.lstrip("+")
    id = "wamid." + base64.b64encode(secrets.token_bytes(24)).decode()
    answer = {
        "messaging_product": "whatsapp",
        "contacts": [{"input": to, "wa_id": digits}],
        "messages": [{"id": id}],
    }
    return Sent(id, digits, text, body, context={"opaque": opaque}), answer, 200


def _text(body: dict[str, Any]) -> str:
    kind = body.get("type", "text")
    part = body.get(kind) if isinstance(kind, str) else None
    if kind == "text":
        text = part.get("body") if isinstance(part, dict) else None
        if not isinstance(text, str) or not text:
            raise meta.refused(400, 100, "The parameter text['body'] is required.")
        if len(text) > MAX_TEXT:
            raise meta.refused(400, 100, f"Param text['body'] must be at most {MAX_TEXT} characters long.")
        return text
    if kind not in FILES:
        raise meta.refused(
            400, 100, "Param type must be one of {AUDIO, DOCUMENT, IMAGE, STICKER, TEXT, VIDEO}"
        )
    if not isinstance(part, dict) or not (is_url(part.get("link")) or isinstance(part.get("id"), str)):
        raise meta.refused(400, 100, f"The parameter {kind} needs an id or a link.")
    caption = part.get("caption", "")
    if (
        not isinstance(caption, str)
        or len(caption) > MAX_CAPTION
        or (caption and kind in ("audio", "sticker"))
    ):
        raise meta.invalid(f"{kind}.caption is not valid")
    return caption


def refusal(fault: Fault) -> Refusal:
    final = meta.refused(400, 131026, "Message undeliverable", "the receiver cannot get this message")
    return meta.fault_refusal(fault, 130429, final)


def said(state: State, channel: Channel, said: Said, origin: str) -> list[Webhook]:
    """One webhook for the text, or one for each file, with the text as the first one's caption."""
    common: dict[str, Any] = {"from": said.sender.lstrip("+"), "timestamp": str(now_ms() // 1000)}
    if said.reply_to:
        common["context"] = {"from": channel.credentials["phone_number_id"], "id": said.reply_to}
    if said.edit:
        changed = {"type": "text", "text": {"body": said.text}}
        edit = {"original_message_id": said.edit, "message": changed}
        return [_message(channel, said, common | {"id": _id(), "type": "edit", "edit": edit})]
    if not said.attachments:
        return [_message(channel, said, common | {"id": _id(), "type": "text", "text": {"body": said.text}})]
    found = []
    for number, file in enumerate(said.attachments):
        kind = file.content_type.partition("/")[0]
        kind = kind if kind in ("image", "audio", "video") else "document"
        digest = base64.b64encode(hashlib.sha256(file.data).digest()).decode()
        part = {"id": state.keep(channel, file), "mime_type": file.content_type, "sha256": digest}
        if kind == "document":
            part["filename"] = file.name
        if number == 0 and said.text:
            part["caption"] = said.text
        found.append(_message(channel, said, common | {"id": _id(), "type": kind, kind: part}))
    return found


def _id() -> str:
    return "wamid." + base64.b64encode(secrets.token_bytes(24)).decode()


def _message(channel: Channel, said: Said, message: dict[str, Any]) -> Webhook:
    digits = said.sender.lstrip("+")
    contact = {"profile": {"name": said.name or digits}, "wa_id": digits}
    return _change(channel, {"contacts": [contact], "messages": [message]}, message["id"])


def _change(channel: Channel, value: dict[str, Any], provider_id: str) -> Webhook:
    number = channel.credentials["phone_number_id"]
    common = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550783881", "phone_number_id": number},
    }
    entry = {"id": "102290129340398", "changes": [{"value": common | value, "field": "messages"}]}
    return meta.signed(channel, "whatsapp_business_account", entry, provider_id)


def receipt(channel: Channel, sent: Sent, receipt: Receipt) -> Webhook | None:
    status: dict[str, Any] = {
        "id": sent.provider_id,
        "status": receipt.status,
        "timestamp": str(now_ms() // 1000),
        "recipient_id": sent.to,
    }
    if opaque := sent.context.get("opaque"):
        status["biz_opaque_callback_data"] = opaque
    if receipt.status == "failed":
        code = receipt.code or "131026"
        detail = receipt.detail or "the receiver cannot get this message"
        number = int(code) if code.isdecimal() else 131026
        status["errors"] = [
            {"code": number, "title": "Message undeliverable", "error_data": {"details": detail}}
        ]
    return _change(channel, {"statuses": [status]}, sent.provider_id)


def _media(state: State, call: Call) -> web.Response:
    """https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media#retrieve-media-url"""
    stored = state.file(call.path["media"])
    channel = state.channels.get(stored.channel) if stored else None
    if stored is None or channel is None or channel.type != "whatsapp":
        raise meta.refused(400, 100, f"Object with ID '{call.path['media']}' does not exist")
    meta.check_token(channel, call)
    return json_response(
        {
            "messaging_product": "whatsapp",
            "url": f"{call.origin}/double-files/whatsapp/{call.path['media']}",
            "mime_type": stored.file.content_type,
            "sha256": hashlib.sha256(stored.file.data).hexdigest(),
            "file_size": len(stored.file.data),
            "id": call.path["media"],
        }
    )


def _file(state: State, call: Call) -> web.Response:
    stored = state.file(call.path["media"])
    channel = state.channels.get(stored.channel) if stored else None
    if stored is None or channel is None:
        raise Refusal(404, {"error": {"message": "no such file", "code": 404}})
    meta.check_token(channel, call)
    return file_response(stored.file.data, stored.file.content_type)


READ: Reads = (
    ("GET", r"/{media:\d+}", _media),
    ("GET", r"/{version:v\d+\.\d+}/{media:\d+}", _media),
    ("GET", r"/double-files/whatsapp/{media:\d+}", _file),
)
