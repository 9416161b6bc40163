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

from .model import Channel, CustomerMessage, Fault, Receipt, Sent, State, Webhook
from .provider import (
    Call,
    Paths,
    Reads,
    Refusal,
    Taken,
    file_response,
    is_url,
    json_response,
    retry_header,
    whole,
)

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


def accept(state: State, channel: Channel, call: Call) -> Taken:
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
    request = {name: values if name == "MediaUrl" else values[-1] for name, values in fields.items()}
    sent = Sent(sid, to, text, request, context={"callback": callback})
    return Taken((sent,), _resource(channel, sent), 201)


def _resource(channel: Channel, sent: Sent) -> dict[str, Any]:
    """https://www.twilio.com/docs/messaging/api/message-resource#message-properties"""
    account, at = channel.credentials["account_sid"], formatdate(sent.at / 1000)
    uri = f"/2010-04-01/Accounts/{account}/Messages/{sent.provider_id}"
    status = channel.statuses.get(sent.provider_id)
    failed = status == "failed"
    return {
        "sid": sent.provider_id,
        "account_sid": account,
        "messaging_service_sid": None,
        "status": "undelivered" if failed else status or "queued",
        "to": sent.to,
        "from": channel.credentials["from_number"],
        "body": sent.text,
        "num_media": str(len(sent.request.get("MediaUrl", []))),
        "num_segments": str(max(1, -(-len(sent.text) // 153))),
        "direction": "outbound-api",
        "api_version": "2010-04-01",
        "date_created": at,
        "date_updated": at,
        "date_sent": at if status else None,
        "price": None,
        "price_unit": "USD",
        "error_code": 30003 if failed else None,
        "error_message": "Unreachable destination handset" if failed else None,
        "uri": f"{uri}.json",
        "subresource_uris": {"media": f"{uri}/Media.json"},
    }


def refusal(fault: Fault) -> Refusal:
    if fault.kind == "429":
        return refused(429, 20429, "Too Many Requests", retry_header(fault))
    if fault.kind == "500":
        return refused(500, 20500, "Internal Server Error", retry_header(fault))
    return refused(400, 21610, "Attempt to send to unsubscribed recipient")


def webhooks_of(state: State, channel: Channel, given: CustomerMessage, origin: str) -> list[Webhook]:
    if given.edit:
        raise ValueError("an SMS cannot be edited")
    sid = ("MM" if given.attachments else "SM") + secrets.token_hex(16)
    account = channel.credentials["account_sid"]
    fields = {
        "ToCountry": "US",
        "SmsMessageSid": sid,
        "NumMedia": str(len(given.attachments)),
        "SmsSid": sid,
        "SmsStatus": "received",
        "Body": given.text,
        "To": channel.credentials["from_number"],
        "NumSegments": "1",
        "MessageSid": sid,
        "AccountSid": account,
        "From": given.sender,
        "ApiVersion": "2010-04-01",
    }
    for number, file in enumerate(given.attachments):
        media = state.keep(channel, file)
        fields[f"MediaUrl{number}"] = f"{origin}/2010-04-01/Accounts/{account}/Messages/{sid}/Media/{media}"
        fields[f"MediaContentType{number}"] = file.content_type
    if given.react is not None:
        raise ValueError("nobody reacts to an SMS")
    if given.press is not None:
        raise ValueError("an SMS has no buttons")
    if given.reply_to:
        fields["OriginalRepliedMessageSid"] = given.reply_to
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


def _one(state: State, call: Call) -> tuple[Channel, Sent]:
    account = find(state, call).credentials["account_sid"]
    for channel in _numbers(state, account):
        if (sent := channel.find(call.path["message"])) is not None and not sent.context.get("deleted"):
            return channel, sent
    raise refused(404, 20404, f"The requested resource {call.path['message'][:40]} was not found")


def _numbers(state: State, account: str) -> list[Channel]:
    return [c for c in state.channels.values() if c.type == "sms" and c.credentials["account_sid"] == account]


def _fetch(state: State, call: Call) -> web.Response:
    return json_response(_resource(*_one(state, call)))


def _update(state: State, call: Call) -> web.Response:
    """An empty body takes the text out of the record; `Status=canceled` comes too late for what was sent."""
    channel, sent = _one(state, call)
    fields = parse_qs(call.body.decode("utf-8", "replace"), keep_blank_values=True)
    if fields.get("Status") == ["canceled"]:
        raise refused(400, 30409, "Message is not in a cancelable state")
    if fields.get("Body") != [""]:
        raise refused(400, 20001, "Body can only be made empty")
    channel.amend(sent, text="")
    return json_response(_resource(*_one(state, call)))


def _delete(state: State, call: Call) -> web.Response:
    channel, sent = _one(state, call)
    channel.amend(sent, context={**sent.context, "deleted": True})
    return web.Response(status=204)


def _list(state: State, call: Call) -> web.Response:
    """The newest first, in pages. https://www.twilio.com/docs/usage/twilios-response#response-formats-list-paging-information"""
    account = find(state, call).credentials["account_sid"]
    everything = [(c, s) for c in _numbers(state, account) for s in c.sent if not s.context.get("deleted")]
    wanted = {"To": call.query.get("To"), "From": call.query.get("From")}
    found = [
        (channel, sent)
        for channel, sent in sorted(everything, key=lambda both: both[1].at, reverse=True)
        if wanted["To"] in (None, sent.to) and wanted["From"] in (None, channel.credentials["from_number"])
    ]
    page, size = whole(call.query.get("Page"), 0, 10**6), whole(call.query.get("PageSize"), 50, 1000) or 50
    start, path = page * size, f"/2010-04-01/Accounts/{account}/Messages.json"
    kept = {name: value for name, value in wanted.items() if value is not None}

    def at(number: int) -> str:
        return f"{path}?{urlencode({**kept, 'PageSize': size, 'Page': number})}"

    more = start + size < len(found)
    return json_response(
        {
            "messages": [_resource(*both) for both in found[start : start + size]],
            "page": page,
            "page_size": size,
            "start": start,
            "end": min(start + size, len(found)) - 1,
            "uri": at(page),
            "first_page_uri": at(0),
            "next_page_uri": at(page + 1) if more else None,
            "previous_page_uri": at(page - 1) if page else None,
        }
    )


_ONE: Final = r"/2010-04-01/Accounts/{account}/Messages/{message:[A-Z]{2}[0-9a-f]{32}}"
READ: Reads = (
    ("GET", r"/2010-04-01/Accounts/{account}/Messages/{message}/Media/{media:\d+}", _media),
    ("GET", "/2010-04-01/Accounts/{account}/Messages.json", _list),
    ("GET", _ONE + ".json", _fetch),
    ("POST", _ONE + ".json", _update),
    ("DELETE", _ONE + ".json", _delete),
)
