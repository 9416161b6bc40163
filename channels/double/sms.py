"""Twilio's Messages resource, its webhooks and status callbacks.

https://www.twilio.com/docs/messaging/api/message-resource,
https://www.twilio.com/docs/usage/security#validating-requests
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from email.utils import formatdate
from typing import Any, Final
from urllib.parse import parse_qs, urlencode

from aiohttp import web

from .model import Channel, Fault, Receipt, Said, Sent, State, Webhook
from .provider import Call, Paths, Reads, Refusal, file_response, is_url, retry_header

NEEDS: tuple[str, ...] = ("account_sid", "auth_token", "from_number")
SEND: Paths = (("POST", "/2010-04-01/Accounts/{account}/Messages.json"),)
MAX_TEXT: Final = 1600
MAX_MEDIA: Final = 10
_NUMBER: Final = re.compile(r"\+[1-9]\d{6,14}")


def refused(status: int, code: int, message: str, headers: dict[str, str] | None = None) -> Refusal:
    more = f"https://www.twilio.com/docs/errors/{code}"
    return Refusal(status, {"code": code, "message": message, "more_info": more, "status": status}, headers)


def find(state: State, call: Call) -> Channel:
    channel = state.find("sms", "account_sid", call.path["account"])
    user, password = _basic(call.headers.get("authorization", ""))
    if channel is None or (user, password) != (
        channel.credentials["account_sid"],
        channel.credentials["auth_token"],
    ):
        raise refused(401, 20003, "Authenticate")
    fields = parse_qs(call.body.decode("utf-8", "replace"))
    number = (fields.get("From") or [""])[0]
    # each number of an account is a channel
    mine = [c for c in state.channels.values() if c.type == "sms" and c.credentials["account_sid"] == user]
    return next((c for c in mine if c.credentials["from_number"] == number), channel)


def _basic(header: str) -> tuple[str, str]:
    scheme, _, given = header.partition(" ")
    try:
        user, _, password = base64.b64decode(given, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return (user, password) if scheme == "Basic" else ("", "")


def accept(state: State, channel: Channel, call: Call) -> tuple[Sent, Any, int]:
    if call.content_type != "application/x-www-form-urlencoded":
        raise refused(400, 20001, "The body must be a form")
    fields = parse_qs(call.body.decode("utf-8", "replace"), keep_blank_values=True)
    to, sender, text = (fields.get(name, [""])[-1] for name in ("To", "From", "Body"))
    media = fields.get("MediaUrl", [])
    callback = fields.get("StatusCallback", [""])[-1]
    checks = (
        (not to, 21604, "A 'To' phone number is required."),
        (not sender, 21603, "A 'From' phone number is required."),
        (not text and not media, 21602, "Message body is required."),
        (not _NUMBER.fullmatch(to), 21211, f"Invalid 'To' Phone Number: {to[:20]}"),
        (
            sender != channel.credentials["from_number"],
            21606,
            f"The 'From' number {sender[:20]} is not yours.",
        ),
        (
            len(text) > MAX_TEXT,
            21617,
            f"The concatenated message body exceeds the {MAX_TEXT} character limit.",
        ),
        (len(media) > MAX_MEDIA, 21623, "Number of media files exceeds allowed limit"),
        (not all(map(is_url, media)), 21620, "Invalid media URL(s)"),
        (bool(callback) and not is_url(callback), 21609, "Invalid 'StatusCallback' URL"),
    )
    for wrong, code, message in checks:
        if wrong:
            raise refused(400, code, message)
    sid = ("MM" if media else "SM") + secrets.token_hex(16)
    answer = {
        "sid": sid,
        "account_sid": channel.credentials["account_sid"],
        "status": "queued",
        "to": to,
        "from": sender,
        "body": text,
        "num_media": str(len(media)),
        "num_segments": str(max(1, -(-len(text) // 153))),
        "direction": "outbound-api",
        "date_created": formatdate(),
        "error_code": None,
        "error_message": None,
        "uri": f"/2010-04-01/Accounts/{channel.credentials['account_sid']}/Messages/{sid}.json",
    }
    request = {name: values if name == "MediaUrl" else values[-1] for name, values in fields.items()}
    return Sent(sid, to, text, request, context={"callback": callback}), answer, 201


def refusal(fault: Fault) -> Refusal:
    if fault.kind == "429":
        return refused(429, 20429, "Too Many Requests", retry_header(fault))
    if fault.kind == "500":
        return refused(500, 20500, "Internal Server Error", retry_header(fault))
    return refused(400, 21610, "Attempt to send to unsubscribed recipient")


def said(state: State, channel: Channel, said: Said, origin: str) -> list[Webhook]:
    if said.edit:
        raise ValueError("an SMS cannot be edited")
    sid = ("MM" if said.attachments else "SM") + secrets.token_hex(16)
    account = channel.credentials["account_sid"]
    fields = {
        "ToCountry": "US",
        "SmsMessageSid": sid,
        "NumMedia": str(len(said.attachments)),
        "SmsSid": sid,
        "SmsStatus": "received",
        "Body": said.text,
        "To": channel.credentials["from_number"],
        "NumSegments": "1",
        "MessageSid": sid,
        "AccountSid": account,
        "From": said.sender,
        "ApiVersion": "2010-04-01",
    }
    for number, file in enumerate(said.attachments):
        media = state.keep(channel, file)
        fields[f"MediaUrl{number}"] = f"{origin}/2010-04-01/Accounts/{account}/Messages/{sid}/Media/{media}"
        fields[f"MediaContentType{number}"] = file.content_type
    if said.reply_to:
        fields["OriginalRepliedMessageSid"] = said.reply_to
    return [_signed(channel, channel.webhook_url, fields, sid)]


def receipt(channel: Channel, sent: Sent, receipt: Receipt) -> Webhook | None:
    """A receipt for the message's own callback URL, if it has one. There are no read receipts for SMS."""
    url = sent.context.get("callback")
    if not url or receipt.status == "read":
        return None
    status = "undelivered" if receipt.status == "failed" else receipt.status
    fields = {
        "ApiVersion": "2010-04-01",
        "MessageSid": sent.provider_id,
        "SmsSid": sent.provider_id,
        "MessageStatus": status,
        "SmsStatus": status,
        "AccountSid": channel.credentials["account_sid"],
        "From": channel.credentials["from_number"],
        "To": sent.to,
    }
    if receipt.status == "failed":
        fields["ErrorCode"] = receipt.code or "30003"
        if receipt.detail:
            fields["ErrorMessage"] = receipt.detail
    return _signed(channel, url, fields, sent.provider_id)


def _signed(channel: Channel, url: str, fields: dict[str, str], provider_id: str) -> Webhook:
    """Sign the URL as called, followed by each parameter's name and value, sorted by name."""
    data = url
    for name in sorted(fields):
        data += name + fields[name]
    digest = hmac.new(channel.credentials["auth_token"].encode(), data.encode(), hashlib.sha1).digest()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
        "User-Agent": "TwilioProxy/1.1",
        "X-Twilio-Signature": base64.b64encode(digest).decode(),
    }
    return Webhook(urlencode(fields).encode(), headers, provider_id, url)


def _media(state: State, call: Call) -> web.Response:
    """Serve media. Twilio needs no token for them by default, but refuses a wrong one."""
    stored = state.file(call.path["media"])
    channel = state.channels.get(stored.channel) if stored else None
    if stored is None or channel is None or channel.credentials.get("account_sid") != call.path["account"]:
        raise refused(404, 20404, "The requested resource was not found")
    given = call.headers.get("authorization")
    if given and _basic(given) != (channel.credentials["account_sid"], channel.credentials["auth_token"]):
        raise refused(401, 20003, "Authenticate")
    return file_response(stored.file.data, stored.file.content_type)


READ: Reads = (("GET", r"/2010-04-01/Accounts/{account}/Messages/{message}/Media/{media:\d+}", _media),)
