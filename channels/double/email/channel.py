"""Postmark's e-mail API and webhooks.

https://postmarkapp.com/developer/api/email-api, https://postmarkapp.com/developer/webhooks/webhooks-overview
"""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
import uuid
from datetime import UTC, datetime
from email.utils import format_datetime, getaddresses, parseaddr
from typing import Any, Final

import msgspec

from ..model import Channel, CustomerMessage, Fault, File, Receipt, Sent, State, Webhook
from ..provider import Call, Paths, Reads, Refusal, Taken, retry_header
from . import templates
from .templates import refused

NEEDS: tuple[str, ...] = ("server_token", "from_address", "webhook_user", "webhook_password")
SEND: Paths = (("POST", "/email"), ("POST", "/email/{what:(batch|withTemplate|batchWithTemplates)/?}"))
READ: Reads = ()
"""Its other routes are in `templates.py` and `messages.py`."""
MAX_MAILS: Final = 500
MAX_BATCH: Final = 50 * 1024 * 1024
TEXTS: Final = (
    "From",
    "To",
    "Cc",
    "Bcc",
    "Subject",
    "TextBody",
    "HtmlBody",
    "Tag",
    "ReplyTo",
    "MessageStream",
)
MAX_BODY: Final = 5 * 1024 * 1024
MAX_MAIL: Final = 10 * 1024 * 1024
MAX_SUBJECT: Final = 2000
FORBIDDEN: Final = (
    ".bat",
    ".com",
    ".cpl",
    ".exe",
    ".hta",
    ".jse",
    ".lnk",
    ".msi",
    ".pif",
    ".reg",
    ".scr",
    ".vbe",
    ".vbs",
    ".wsf",
)
"""Some of the endings of attachments' names that Postmark refuses."""
MAX_RECIPIENTS: Final = 50
TRACK_LINKS: Final = ("None", "HtmlAndText", "HtmlOnly", "TextOnly")
_ADDRESS: Final = re.compile(r"[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+|[^\s@<>]+@localhost")


def find(state: State, call: Call) -> Channel:
    token = call.headers.get("x-postmark-server-token", "")
    channel = state.find("email", "server_token", token)
    if channel is None:
        raise refused(401, 10, "Request does not contain a valid Server token.")
    mail = next(iter(_mails(call) or ()), {})
    address = parseaddr(mail.get("From", "") if isinstance(mail.get("From"), str) else "")[1].lower()
    mine = [
        c for c in state.channels.values() if c.type == "email" and c.credentials["server_token"] == token
    ]
    return next((c for c in mine if c.credentials["from_address"].lower() == address), channel)


def _mails(call: Call) -> list[dict[str, Any]] | None:
    """The mails of a request, without what is null, which is as if it were not there. None for anything else."""
    try:
        found = msgspec.json.decode(call.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if call.path.get("what", "").startswith("batchWith"):
        found = found.get("Messages") if isinstance(found, dict) else None
    elif isinstance(found, dict):
        found = [found]
    if not isinstance(found, list) or not all(isinstance(mail, dict) for mail in found):
        return None
    return [{key: value for key, value in mail.items() if value is not None} for mail in found]


def accept(state: State, channel: Channel, call: Call) -> Taken:
    """One mail; or a batch, of which each mail is taken or refused by itself."""
    if len(call.body) > MAX_BATCH:
        raise refused(413, 0, "The request is too large")
    what = call.path.get("what", "").rstrip("/")
    mails = _mails(call)
    if mails is None or call.content_type != "application/json":
        raise refused(422, 402, "Received invalid JSON input.")
    if len(mails) > MAX_MAILS:
        raise refused(422, 410, f"Exceeded max amount of messages allowed to be sent: {MAX_MAILS}")
    owner = state.find("email", "server_token", channel.credentials["server_token"]) or channel
    sent, answers = [], []
    for mail in mails:
        try:
            whole = templates.filled(owner, mail) if "emplate" in what else mail
            taken, answer = _taken(channel, whole, mail)
        except Refusal as refusal:
            if not what.startswith("batch"):
                raise
            answers.append(refusal.body)
        else:
            sent.append(taken)
            answers.append(answer)
    return Taken(tuple(sent), answers if what.startswith("batch") else answers[0])


def _taken(channel: Channel, mail: dict[str, Any], request: dict[str, Any]) -> tuple[Sent, dict[str, Any]]:
    """`request` is the mail as it came: a template's is filled in `mail`."""
    if len(msgspec.json.encode(request)) > MAX_MAIL + MAX_BODY:
        raise refused(413, 0, "The request is too large")
    for name in TEXTS:
        if not isinstance(mail.get(name, ""), str):
            raise refused(422, 403, f"'{name}' must be text.")
    sender = parseaddr(mail.get("From", ""))[1].lower()
    to, *others = _recipients(mail)
    if not sender:
        raise refused(422, 300, "Invalid 'From' value.")
    if sender != channel.credentials["from_address"].lower():
        message = "The 'From' address you supplied is not a Sender Signature on your account."
        raise refused(422, 400, message)
    _check_contents(mail)
    _check_metadata(mail.get("Metadata", {}))
    id = str(uuid.uuid4())
    answer = {"To": mail["To"], "SubmittedAt": _now(), "MessageID": id, "ErrorCode": 0, "Message": "OK"}
    metadata = mail.get("Metadata", {})
    given = mail.get("TextBody") or mail.get("HtmlBody", "")
    context = {"metadata": metadata, "others": others, "subject": mail.get("Subject", "")}
    sent = Sent(id, to, given, request, context=context)
    return sent, answer | {name: mail[name] for name in ("Cc", "Bcc") if mail.get(name)}


def _recipients(mail: dict[str, Any]) -> list[str]:
    """The addresses of To, Cc and Bcc, in lower case."""
    found: list[str] = []
    for name in ("To", "Cc", "Bcc"):
        for _, address in getaddresses([mail.get(name, "")]) if mail.get(name) or name == "To" else ():
            if not _ADDRESS.fullmatch(address):
                raise refused(422, 300, f"Error parsing '{name}': Illegal email address '{address[:100]}'.")
            found.append(address.lower())
    if len(found) > MAX_RECIPIENTS:
        raise refused(422, 300, f"The mail has more than {MAX_RECIPIENTS} recipients.")
    if not found:
        raise refused(422, 300, "Zero recipients specified")
    return found


def _check_contents(mail: dict[str, Any]) -> None:
    text, rich = mail.get("TextBody", ""), mail.get("HtmlBody", "")
    size = sum(_size_of(file) for file in _objects(mail, "Attachments"))
    headers = _objects(mail, "Headers")
    checks = (
        (not text and not rich, 300, "Provide either email TextBody or HtmlBody or both."),
        (max(len(text.encode()), len(rich.encode())) > MAX_BODY, 300, "The body is larger than 5 MB."),
        (len(mail.get("Subject", "")) > MAX_SUBJECT, 300, "Invalid 'Subject' value."),
        ("\n" in mail.get("Subject", "") or "\r" in mail.get("Subject", ""), 300, "Invalid 'Subject' value."),
        (mail.get("TrackLinks", "None") not in TRACK_LINKS, 300, "Invalid 'TrackLinks' value."),
        (not all(_is_header(header) for header in headers), 300, "Invalid 'Headers' value."),
        (size > MAX_MAIL, 300, "The attachments are larger than 10 MB."),
        (
            any(_is_forbidden(file) for file in _objects(mail, "Attachments")),
            411,
            "Forbidden attachment type.",
        ),
    )
    for wrong, code, message in checks:
        if wrong:
            raise refused(422, code, message)


def _is_forbidden(file: dict[str, Any]) -> bool:
    return str(file.get("Name")).lower().endswith(FORBIDDEN)


def _objects(mail: dict[str, Any], name: str) -> list[dict[str, Any]]:
    listed = mail.get(name, [])
    if not isinstance(listed, list) or not all(isinstance(part, dict) for part in listed):
        raise refused(422, 403, f"'{name}' must be a list of objects.")
    return listed


def _is_header(header: dict[str, Any]) -> bool:
    name, value = header.get("Name"), header.get("Value")
    if not isinstance(name, str) or not isinstance(value, str):
        return False
    return bool(re.fullmatch(r"[!-9;-~]+", name)) and not re.search(r"[\r\n]", value) and len(value) <= 998


def _size_of(file: dict[str, Any]) -> int:
    content = file.get("Content")
    if not all(isinstance(file.get(name), str) and file[name] for name in ("Name", "ContentType")):
        raise refused(422, 300, "An attachment needs Name and ContentType.")
    try:
        base64.b64decode(content if isinstance(content, str) else "%", validate=True)
    except (binascii.Error, ValueError):
        raise refused(422, 300, "An attachment's Content is not base64.") from None
    return len(content) if isinstance(content, str) else 0


def _check_metadata(metadata: Any) -> None:
    good = isinstance(metadata, dict) and all(
        len(key) <= 20 and isinstance(value, str) and len(value) <= 80 for key, value in metadata.items()
    )
    if not good:
        raise refused(422, 300, "Invalid metadata: keys have at most 20 characters, values 80.")


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")


def refusal(fault: Fault) -> Refusal:
    if fault.kind == "429":
        return refused(429, 429, "Rate limit exceeded", retry_header(fault))
    if fault.kind == "500":
        return refused(500, 500, "Internal Server Error", retry_header(fault))
    return refused(422, 406, "You tried to send to a recipient that has been marked as inactive.")


def webhooks_of(state: State, channel: Channel, given: CustomerMessage, origin: str) -> list[Webhook]:
    if given.edit:
        raise ValueError("a mail cannot be edited")
    if given.react is not None or given.press is not None:
        raise ValueError("a mail has neither reactions nor buttons")
    id = str(uuid.uuid4())
    headers = _headers(given, id)
    to = channel.credentials["from_address"]
    name = given.name or ""
    mail = {
        "FromName": name,
        "MessageStream": "inbound",
        "From": given.sender,
        "FromFull": {"Email": given.sender, "Name": name, "MailboxHash": ""},
        "To": to,
        "ToFull": [{"Email": to, "Name": "", "MailboxHash": ""}],
        "Cc": ", ".join(given.cc),
        "CcFull": [{"Email": one, "Name": "", "MailboxHash": ""} for one in given.cc],
        "Bcc": "",
        "BccFull": [],
        "OriginalRecipient": to,
        "Subject": given.subject or "",
        "MessageID": id,
        "ReplyTo": given.answer_to or "",
        "MailboxHash": "",
        "Date": format_datetime(datetime.now(UTC)),
        "TextBody": given.text,
        "HtmlBody": f"<div>{html.escape(given.text)}</div>" if given.text else "",
        "StrippedTextReply": "",
        "Tag": "",
        "Headers": [{"Name": key, "Value": value} for key, value in headers.items()],
        "Attachments": [_attachment(file) for file in given.attachments],
    }
    return [_call(channel, mail, id)]


def _headers(given: CustomerMessage, id: str) -> dict[str, str]:
    headers = {
        "Return-Path": f"<{given.sender}>",
        "X-Spam-Status": "No",
        "Message-ID": f"<{id}@customers.example>",
    }
    if given.reply_to:
        # a mail of ours goes out under Postmark's domain, and answers name it so
        named = given.reply_to if "@" in given.reply_to else f"{given.reply_to}@mtasv.net"
        headers |= {"In-Reply-To": f"<{named}>", "References": f"<{named}>"}
    if given.answer_to:
        headers["Reply-To"] = given.answer_to
    return headers | given.headers


def _attachment(file: File) -> dict[str, Any]:
    content = base64.b64encode(file.data).decode()
    return {
        "Name": file.name,
        "Content": content,
        "ContentType": file.content_type,
        "ContentLength": len(file.data),
        "ContentID": "",
    }


def _call(channel: Channel, body: dict[str, Any], provider_id: str) -> Webhook:
    """Postmark does not sign; the webhook's URL contains user and password."""
    pair = f"{channel.credentials['webhook_user']}:{channel.credentials['webhook_password']}"
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Postmark",
        "Authorization": "Basic " + base64.b64encode(pair.encode()).decode(),
    }
    return Webhook(json.dumps(body, ensure_ascii=False).encode(), headers, provider_id)


def receipt(channel: Channel, sent: Sent, receipt: Receipt) -> Webhook | None:
    """Delivery, Open or Bounce. The API response has already said that the mail was sent."""
    common = {
        "MessageStream": "outbound",
        "MessageID": sent.provider_id,
        "Metadata": sent.context["metadata"],
        "Tag": "",
        "ServerID": 1,
    }
    if receipt.status == "delivered":
        body = {
            "RecordType": "Delivery",
            "Recipient": sent.to,
            "DeliveredAt": _now(),
            "Details": "smtp;250 2.0.0 OK",
        }
    elif receipt.status == "read":
        body = {"RecordType": "Open", "FirstOpen": True, "Recipient": sent.to, "ReceivedAt": _now()}
    elif receipt.status == "failed":
        body = {
            "RecordType": "Bounce",
            "ID": channel.number(),
            "Type": receipt.code or "HardBounce",
            "TypeCode": 1,
            "Name": "Hard bounce",
            "Description": receipt.detail or "The server was unable to deliver your message.",
            "Details": "smtp;550 5.1.1 unknown user",
            "Email": sent.to,
            "From": channel.credentials["from_address"],
            "BouncedAt": _now(),
            "Inactive": True,
        }
    else:
        return None
    return _call(channel, body | common, sent.provider_id)
