"""E-mail by Postmark: inbound mail, receipts, and mail out.

https://postmarkapp.com/developer/webhooks/webhooks-overview, https://postmarkapp.com/developer/api/email-api. Postmark
signs nothing: a call is authentic if it carries the user and password in the webhook's URL.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from ...core.accounts import email_addresses
from ...core.channels import recipients
from ...core.channels.messages import (
    ChannelEvent,
    Credentials,
    Faulty,
    Media,
    MediaStep,
    NotSent,
    Outbound,
    OutboundFile,
    ProviderRequest,
    Receipt,
    SendOutcome,
    Sent,
    WebhookAnswer,
    WebhookCall,
)
from ...core.conversation.entries import DeliveryStatus
from ...core.text import email_subjects
from ..shared import payloads, provider_answers, signing, text
from . import html, inbound
from . import text as mail_text

base_url = "https://api.postmarkapp.com"
rate = 50.0
"""Postmark documents no limit for single mails; it accepts this many without delay."""
needs_files = True

MAX_SUBJECT: Final = 998
MAX_FILES: Final = 7_000_000
"""Bytes of all files of one mail: Postmark takes 10 MB of it all, and base64 makes four bytes of three."""
FORBIDDEN: Final = frozenset(
    {
        "vbs", "exe", "bin", "bat", "chm", "com", "cpl", "crt", "hlp", "hta", "inf", "ins", "isp", "jse", "lnk", "mdb", "pcd", "pif",
        "reg", "scr", "sct", "shs", "vbe", "vba", "wsf", "wsh", "wsl", "msc", "msi", "msp", "mst",
    }
)  # fmt: skip
"""Endings of names for which Postmark refuses the whole mail (error 411): such a file's link goes instead.
https://postmarkapp.com/developer/user-guide/send-email-with-api#attachments"""
MAX_LINE: Final = 900
"""Characters of a References header; RFC 5322 allows a line 998."""
MAX_METADATA_VALUE: Final = 80
"""Characters of a value of Postmark's `Metadata`."""
NO_SUBJECT: Final = "Your message to us"
TAG: Final = "conversation"
"""The tag of these mails in Postmark's statistics, unless the channel's `tag` names another."""
AUTOMATIC: Final = ({"Name": "Auto-Submitted", "Value": "auto-replied"},)
"""So that other machines do not answer: RFC 3834."""
TRACK_LINKS: Final = ("HtmlOnly", "HtmlAndText", "TextOnly", "None")
"""Values of a channel's `track_links`, the default first: readers of plain text see the links as written."""

_FAILED: Final = frozenset(
    {
        "HardBounce",
        "BadEmailAddress",
        "Blocked",
        "DMARCPolicy",
        "ManuallyDeactivated",
        "SMTPApiError",
        "SoftBounce",
        "SpamNotification",
        "TemplateRenderingFailed",
        "Unconfirmed",
        "VirusNotification",
    }
)
"""Bounces after which the mail will not arrive; Postmark reports a soft one when it has stopped trying
(https://postmarkapp.com/support/article/1159-how-to-fix-soft-bounces)."""
_TRYING: Final = frozenset({"Transient", "DnsError"})
"""Bounces after which Postmark continues trying, and tells how it ended: they change nothing. All others (AutoResponder,
AddressChange, Unsubscribe …) say something of the customer that no message shows: they are set aside."""
_ARRIVED: Final[dict[str, tuple[DeliveryStatus, str]]] = {
    "Delivery": ("delivered", "DeliveredAt"),
    "Open": ("read", "ReceivedAt"),
    "Click": ("read", "ReceivedAt"),
    "SpamComplaint": ("delivered", "BouncedAt"),
}
"""Postmark's event → the status it proves, and the field with its time. Whoever reports a mail as spam has received it."""
_AGAIN: Final = frozenset({"100"})
"""Postmark's own error codes after which another try may succeed: maintenance."""
_SLOW: Final = frozenset({"429"})


def challenge(call: WebhookCall, credentials: Credentials) -> WebhookAnswer | None:
    """Postmark asks nothing by GET."""
    return None


def verify(call: WebhookCall, credentials: Credentials) -> bool:
    """Basic authentication with `webhook_user` and `webhook_password`; without them in the credentials, never."""
    scheme, _, given = call.headers.get("authorization", "").partition(" ")
    try:
        user, _, password = base64.b64decode(given.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError):
        return False
    same_user = signing.same(user, credentials.get("webhook_user"))
    same_password = signing.same(password, credentials.get("webhook_password"))
    return scheme.lower() == "basic" and same_user and same_password


def parse(call: WebhookCall, config: dict[str, Any]) -> list[ChannelEvent]:
    """One mail, or one receipt."""
    body = payloads.document(call.body)
    record = payloads.string(body, "RecordType")
    if record in ("", "Inbound"):
        return list(inbound.received(body, config))
    if record == "SubscriptionChange":
        return [Faulty("the customer's subscription changed", body)]
    if record == "Bounce" or record in _ARRIVED:
        return list(_receipt(record, body))
    raise ValueError(f"RecordType is none that is known: {record[:100]}")


def _receipt(record: str, body: payloads.Object) -> Iterator[ChannelEvent]:
    """Nothing where it names none of our messages, or only that Postmark continues trying."""
    provider_id = payloads.optional(body, "MessageID")
    metadata = body.get("Metadata")
    message_id = text.short(metadata.get("message_id")) if isinstance(metadata, dict) else None
    ids = (provider_id.lower(),) if provider_id else ()
    if (not ids and message_id is None) or _is_anothers(body):
        return
    if record in _ARRIVED:
        status, when = _ARRIVED[record]
        at = _time(payloads.string(body, when))
        yield Receipt(status, ids, message_id, at=at, clicked=record == "Click")
    elif (kind := payloads.string(body, "Type")) in _FAILED:
        reasons = (
            text.short(body.get(name), provider_answers.MAX_DETAIL)
            for name in ("Description", "Details", "Name")
        )
        detail = next((reason for reason in reasons if reason), kind)
        at = _time(payloads.string(body, "BouncedAt"))
        yield Receipt("failed", ids, message_id, at=at, error={"code": kind, "detail": detail})
    elif kind not in _TRYING:
        yield Faulty(f"bounces of the type {kind[:100]} are not read", body)


def _is_anothers(body: payloads.Object) -> bool:
    """Whether a receipt is about a copy: it says nothing of whether the customer got the mail."""
    metadata = body.get("Metadata")
    counts = metadata.get("to") if isinstance(metadata, dict) else None
    recipient = text.short(body.get("Recipient")) or text.short(body.get("Email"))
    if not isinstance(counts, str) or recipient is None:
        return False
    return (email_addresses.parsed(recipient) or recipient.lower()) != counts


def _time(value: str) -> int | None:
    """Postmark's times have seven decimals; their last digit says nothing in milliseconds."""
    try:
        when = datetime.fromisoformat(value)
        return payloads.milliseconds(int(when.timestamp() * 1000)) if when.tzinfo else None
    except (ValueError, OverflowError):
        return None


def answer() -> WebhookAnswer:
    return WebhookAnswer()


def requests(
    message: Outbound, credentials: Credentials, base_url: str, status_url: str
) -> list[ProviderRequest]:
    """One mail. Receipts go where Postmark's own settings say; `status_url` cannot be named here."""
    enclosed, linked = _divided(message.files)
    said = "\n".join((message.content, *(f"{f.name or 'Attachment'}: {f.url}" for f in linked))).strip()
    mail: dict[str, Any] = {
        "From": _from(message.config.get("from_name"), credentials["from_address"]),
        **_recipients(message),
        "Subject": _subject(message),
        "TextBody": said,
        "HtmlBody": _html(message, said),
        "Headers": [*_headers(message), *(AUTOMATIC if message.automatic else ())],
        "Tag": _setting(message, "tag") or TAG,
        "Metadata": _metadata(message),
        "TrackOpens": True,
        "TrackLinks": _tracked(message),
        "MessageStream": _setting(message, "message_stream") or "outbound",
    }
    if reply_to := _setting(message, "reply_to"):
        mail["ReplyTo"] = reply_to
    if enclosed:
        mail["Attachments"] = [_enclosure(number, file) for number, file in enumerate(enclosed, 1)]
    headers = {"Accept": "application/json", "X-Postmark-Server-Token": credentials["server_token"]}
    return [ProviderRequest("POST", f"{base_url.rstrip('/')}/email", headers, json=mail)]


def _html(message: Outbound, said: str) -> str:
    """The author's own HTML, without what could run, else the text's paragraphs."""
    own = message.metadata.get("body_html")
    return html.sanitised(own) if isinstance(own, str) and own else html.paragraphs(said)


def _recipients(message: Outbound) -> dict[str, str]:
    """The fields To, Cc and Bcc."""
    named = recipients.named(message.metadata.get(recipients.RECIPIENTS))
    fields = {name.capitalize(): ", ".join(addresses) for name, addresses in named.items()}
    return {"To": message.to, **fields}


def _metadata(message: Outbound) -> dict[str, str]:
    """The metadata that Postmark's receipts bring back. Where several get the mail, also whose receipts count: the first one's in To."""
    stated = {"message_id": message.message_id, "conversation_id": message.conversation_id}
    named = recipients.named(message.metadata.get(recipients.RECIPIENTS))
    first = next(iter(named.get("to", ())), message.to)
    if sum(map(len, named.values())) > 1 and len(first) <= MAX_METADATA_VALUE:
        stated["to"] = first
    return stated


def _setting(message: Outbound, name: str) -> str | None:
    return text.short(message.config.get(name))


def _tracked(message: Outbound) -> str:
    wanted = _setting(message, "track_links")
    return wanted if wanted in TRACK_LINKS else TRACK_LINKS[0]


def _from(name: Any, address: str) -> str:
    shown = " ".join((text.short(name, 100) or "").replace("\\", "").replace('"', "'").split())
    return f'"{shown}" <{address}>' if shown else address


def _subject(message: Outbound) -> str:
    """`Re: …` for an answer; the subject itself for the first mail of a conversation that we began."""
    bare = " ".join((message.subject or "").split())
    if not (message.reply_to or message.references):
        return (bare or NO_SUBJECT)[:MAX_SUBJECT]
    return f"Re: {email_subjects.without_prefixes(bare) or NO_SUBJECT}"[:MAX_SUBJECT]


def _headers(message: Outbound) -> list[dict[str, str]]:
    """In-Reply-To and References, which name the mail answered, so that mail programs show one thread."""
    known = dict.fromkeys((*message.references, *((message.reply_to,) if message.reply_to else ())))
    chain = [named for one in known if (named := mail_text.wire_id(one))]
    if not chain:
        return []
    answered = mail_text.wire_id(message.reply_to) if message.reply_to else None
    while len(" ".join(chain)) > MAX_LINE and len(chain) > 1:
        del chain[1 if len(chain) > 2 else 0]  # the first names the thread, the last ones the place in it
    return [
        {"Name": "In-Reply-To", "Value": answered or chain[-1]},
        {"Name": "References", "Value": " ".join(chain)},
    ]


def _divided(files: tuple[OutboundFile, ...]) -> tuple[list[OutboundFile], list[OutboundFile]]:
    """Files that go along, and those that only their links do: without bytes, too large beside the others, or forbidden."""
    enclosed: list[OutboundFile] = []
    linked: list[OutboundFile] = []
    room = MAX_FILES
    for file in files:
        ending = (file.name or "").rpartition(".")[2].strip().lower()
        if file.data is not None and len(file.data) <= room and ending not in FORBIDDEN:
            room -= len(file.data)
            enclosed.append(file)
        else:
            linked.append(file)
    return enclosed, linked


def _enclosure(number: int, file: OutboundFile) -> dict[str, str]:
    assert file.data is not None
    return {
        "Name": text.short(file.name) or f"attachment-{number}",
        "Content": base64.b64encode(file.data).decode(),
        "ContentType": file.content_type or "application/octet-stream",
    }


def outcome(status: int, headers: dict[str, str], body: bytes) -> SendOutcome:
    """`ErrorCode` 0 is success, as is an id where there is no such code. https://postmarkapp.com/developer/api/overview#error-codes"""
    answer = provider_answers.answer_of(body)
    code = answer.get("ErrorCode")
    provider_id = provider_answers.provider_id(answer.get("MessageID"))
    taken = code == 0 and not isinstance(code, bool)
    if status == 200 and (taken or (code is None and provider_id)):
        return Sent(provider_id.lower() if provider_id else None)
    if status == 200 and code is None:
        return NotSent("unreadable_answer", "the provider took the request, and answered something unknown")
    return provider_answers.refused(status, headers, code, answer.get("Message"), slow=_SLOW, again=_AGAIN)


def media_step(media: Media, credentials: Credentials, base_url: str, answer: Any | None) -> MediaStep:
    """There is none: files come along with their mail."""
    raise ValueError("a mail's files come along with it")
