"""WhatsApp's Cloud API: messages, media, webhooks.

https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages,
https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks/components
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Any, Final

import phonenumbers
from aiohttp import web

from ..model import Channel, CustomerMessage, Fault, File, Receipt, Sent, State, StoredFile, Webhook, now_ms
from ..provider import Call, Paths, Reads, Refusal, Taken, file_response, json_response
from . import graph
from . import whatsapp_contents as contents

NEEDS: tuple[str, ...] = ("app_secret", "verify_token", "access_token", "phone_number_id")
SEND: Paths = graph.PATHS
DISPLAYED: Final = "15550783881"

find = graph.account_of


def accept(state: State, channel: Channel, call: Call) -> Taken:
    body = graph.document(call)
    if body.get("messaging_product") != "whatsapp":
        raise graph.refused(400, 100, "The parameter messaging_product is required.")
    if body.get("status") == "read":
        return _read(body)
    to = body.get("to") or body.get("recipient")
    if not isinstance(to, str) or not to:
        raise graph.refused(400, 100, "The parameter to is required.")
    opaque = body.get("biz_opaque_callback_data")
    if opaque is not None and (not isinstance(opaque, str) or len(opaque) > 512):
        raise graph.invalid("biz_opaque_callback_data must be text of at most 512 characters")
    context = body.get("context")
    if context is not None and not (isinstance(context, dict) and isinstance(context.get("message_id"), str)):
        raise graph.invalid("context must have a message_id")
    text = contents.text_of(state, channel, body)
    id = _id()
    known = _known(channel, to)
    answer = {
        "messaging_product": "whatsapp",
        "contacts": [{"input": to, **known}],
        "messages": [{"id": id}],
    }
    if body.get("type") == "template":
        answer["messages"][0]["message_status"] = "accepted"
    return Taken((Sent(id, known.get("wa_id", to), text, body, context={"opaque": opaque}),), answer)


def _read(body: dict[str, Any]) -> Taken:
    """A customer's message marked as read, perhaps with a typing indicator: no message of ours."""
    typing = body.get("typing_indicator")
    if not isinstance(body.get("message_id"), str) or not body["message_id"].startswith("wamid."):
        raise graph.refused(400, 100, "Invalid parameter", "message_id is not a message's id")
    if typing is not None and typing != {"type": "text"}:
        raise graph.invalid("typing_indicator must have the type text")
    return Taken((), {"success": True})


def _known(channel: Channel, to: str) -> dict[str, str]:
    """By what WhatsApp knows a recipient: the digits of a number, or the user id, which begins with a country's letters."""
    return {"user_id": to} if to[:2].isalpha() and to[2:3] == "." else {"wa_id": channel.canonical(to)}


def user_id(digits: str) -> str:
    """The business-scoped user id of whoever has this number: a country, and what tells nothing of the number.

    https://developers.facebook.com/documentation/business-messaging/whatsapp/business-scoped-user-ids
    """
    try:
        country = phonenumbers.region_code_for_number(phonenumbers.parse(f"+{digits}"))
    except phonenumbers.NumberParseException:
        country = None
    number = int.from_bytes(hashlib.sha256(digits.encode()).digest()[:8], "big")
    return f"{country if country and country.isalpha() else 'US'}.{number}"


def refusal(fault: Fault) -> Refusal:
    final = graph.refused(400, 131026, "Message undeliverable", "the receiver cannot get this message")
    return graph.fault_refusal(fault, 130429, final)


def webhooks_of(state: State, channel: Channel, given: CustomerMessage, origin: str) -> list[Webhook]:
    """One webhook for the text, or one for each file, with the text as the first one's caption."""
    digits = channel.canonical(given.sender)
    common: dict[str, Any] = {
        "from": digits,
        "from_user_id": user_id(digits),
        "timestamp": str(now_ms() // 1000),
    }
    if given.react is not None:
        reaction = {"message_id": given.reply_to or ""} | ({"emoji": given.react} if given.react else {})
        return [_message(channel, given, common | {"id": _id(), "type": "reaction", "reaction": reaction})]
    if given.reply_to:
        common["context"] = {"from": DISPLAYED, "id": given.reply_to}
    if (button := given.press) is not None:
        pressed = {"type": "button_reply", "button_reply": {"id": button.data, "title": button.title}}
        return [
            _message(channel, given, common | {"id": _id(), "type": "interactive", "interactive": pressed})
        ]
    text = {"body": given.text}
    if given.edit:
        changed = {"id": given.edit, "type": "text", "text": text}
        edit = {"original_message_id": given.edit, "message": changed}
        return [_message(channel, given, common | {"id": _id(), "type": "edit", "edit": edit})]
    if not given.attachments:
        return [_message(channel, given, common | {"id": _id(), "type": "text", "text": text})]
    found = []
    for number, file in enumerate(given.attachments):
        kind = file.content_type.partition("/")[0]
        kind = kind if kind in ("image", "audio", "video") else "document"
        digest = base64.b64encode(hashlib.sha256(file.data).digest()).decode()
        media = state.keep(channel, file)
        url = f"{origin}/double-files/whatsapp/{media}"
        part = {"id": media, "mime_type": file.content_type, "sha256": digest, "url": url}
        if kind == "document":
            part["filename"] = file.name
        if number == 0 and given.text:
            part["caption"] = given.text
        found.append(_message(channel, given, common | {"id": _id(), "type": kind, kind: part}))
    return found


def _id() -> str:
    return "wamid." + base64.b64encode(secrets.token_bytes(24)).decode()


def _message(channel: Channel, given: CustomerMessage, message: dict[str, Any]) -> Webhook:
    digits = message["from"]
    contact = {"profile": {"name": given.name or digits}, "wa_id": digits, "user_id": user_id(digits)}
    return _change(channel, {"contacts": [contact], "messages": [message]}, message["id"])


def _change(channel: Channel, value: dict[str, Any], provider_id: str) -> Webhook:
    number = channel.credentials["phone_number_id"]
    common = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": DISPLAYED, "phone_number_id": number},
    }
    entry = {"id": "102290129340398", "changes": [{"value": common | value, "field": "messages"}]}
    return graph.signed(channel, "whatsapp_business_account", entry, provider_id)


def receipt(channel: Channel, sent: Sent, receipt: Receipt) -> Webhook | None:
    digits = sent.to if sent.to.isdecimal() else None
    user = user_id(digits) if digits else sent.to
    contact = {"profile": {"name": sent.to}, "user_id": user} | ({"wa_id": digits} if digits else {})
    status: dict[str, Any] = {
        "id": sent.provider_id,
        "status": receipt.status,
        "timestamp": str(now_ms() // 1000),
        "recipient_user_id": user,
    } | ({"recipient_id": digits} if digits else {})
    if opaque := sent.context.get("opaque"):
        status["biz_opaque_callback_data"] = opaque
    if receipt.status == "failed":
        code = receipt.code or "131026"
        detail = receipt.detail or "the receiver cannot get this message"
        number = int(code) if code.isdecimal() else 131026
        status["errors"] = [
            {
                "code": number,
                "title": "Message undeliverable",
                "message": "Message undeliverable",
                "error_data": {"details": detail},
            }
        ]
    return _change(channel, {"contacts": [contact], "statuses": [status]}, sent.provider_id)


def _media(state: State, call: Call) -> web.Response:
    """A file, or the number itself, whose id is of the same form.

    https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media#retrieve-media-url
    """
    if (number := state.find("whatsapp", "phone_number_id", call.path["media"])) is not None:
        graph.check_token(number, call)
        return json_response(_number(number))
    stored = _stored(state, call)
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


def _number(channel: Channel) -> dict[str, Any]:
    return {
        "id": channel.credentials["phone_number_id"],
        "verified_name": "Double",
        "display_phone_number": f"+{DISPLAYED}",
        "code_verification_status": "VERIFIED",
        "quality_rating": "GREEN",
        "platform_type": "CLOUD_API",
        "throughput": {"level": "STANDARD"},
    }


def _stored(state: State, call: Call) -> StoredFile:
    stored = state.file(call.path["media"])
    channel = state.channels.get(stored.channel) if stored else None
    if stored is None or channel is None or channel.type != "whatsapp":
        raise graph.refused(400, 100, f"Object with ID '{call.path['media']}' does not exist")
    graph.check_token(channel, call)
    return stored


def _upload(state: State, call: Call) -> web.Response:
    """https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media#upload-media"""
    channel = find(state, call)
    file = call.files.get("file")
    if channel.type != "whatsapp" or call.form.get("messaging_product") != "whatsapp":
        raise graph.refused(400, 100, "The parameter messaging_product is required.")
    if file is None:
        raise graph.refused(400, 100, "The parameter file is required.")
    kind = call.form.get("type") or file.content_type
    return json_response({"id": state.keep(channel, File(file.data, file.name, kind))})


def _delete(state: State, call: Call) -> web.Response:
    _stored(state, call)
    state.discard(call.path["media"])
    return json_response({"success": True})


def _file(state: State, call: Call) -> web.Response:
    stored = state.file(call.path["media"])
    channel = state.channels.get(stored.channel) if stored else None
    if stored is None or channel is None:
        raise Refusal(404, {"error": {"message": "no such file", "code": 404}})
    graph.check_token(channel, call)
    return file_response(stored.file.data, stored.file.content_type)


READ: Reads = (
    ("GET", r"/{media:\d+}", _media),
    ("GET", r"/{version:v\d+\.\d+}/{media:\d+}", _media),
    ("DELETE", r"/{media:\d+}", _delete),
    ("DELETE", r"/{version:v\d+\.\d+}/{media:\d+}", _delete),
    ("POST", r"/{account:\d+}/media", _upload),
    ("POST", r"/{version:v\d+\.\d+}/{account:\d+}/media", _upload),
    ("GET", r"/double-files/whatsapp/{media:\d+}", _file),
)
