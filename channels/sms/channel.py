"""SMS and MMS by Twilio: forms in, forms out, and a status callback for each change.

https://www.twilio.com/docs/messaging/guides/webhook-request
"""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, quote, urlsplit

from ...core.channels.messages import (
    ChannelEvent,
    Credentials,
    Faulty,
    Inbound,
    Media,
    MediaStep,
    Outbound,
    OutboundFile,
    ProviderRequest,
    Receipt,
    Sender,
    SendOutcome,
    Sent,
    WebhookAnswer,
    WebhookCall,
)
from ...core.conversation.entries import DeliveryStatus
from ..shared import forms, signing
from ..shared.outgoing_files import MEGABYTE, fits, in_place_of, type_of
from ..shared.payloads import MAX_IDENTIFIER, identifier, kind_of, message, unsupported
from ..shared.phones import e164
from ..shared.provider_answers import answer_of, provider_id, refused
from ..shared.text import clean, length, pieces, short

base_url = "https://api.twilio.com"
rate = 10.0
needs_files = False

MAX_TEXT: Final = 1600
MAX_FILES: Final = 10
LARGEST: Final = 5.0
"""Megabytes of all files of one message."""
LARGEST_UNFITTED: Final = 0.5
"""Megabytes of a file that Twilio does not fit to the carriers' own limits: of any type but FITTED."""
FITTED: Final = frozenset({"image/jpeg", "image/jpg", "image/png", "image/gif"})
UNFITTED: Final = frozenset(
    {
        "image/bmp", "image/tiff", "audio/basic", "audio/l24", "audio/mp4", "audio/mpeg", "audio/ogg", "audio/vnd.rn-realaudio",
        "audio/vnd.wave", "audio/3gpp", "audio/3gpp2", "audio/ac3", "audio/webm", "audio/amr-nb", "audio/amr", "video/mpeg",
        "video/mp4", "video/quicktime", "video/webm", "video/3gpp", "video/3gpp2", "video/3gpp-tt", "video/h261", "video/h263",
        "video/h263-1998", "video/h263-2000", "video/h264", "text/vcard", "text/x-vcard", "text/csv", "text/rtf",
        "text/richtext", "text/calendar", "text/directory", "application/pdf", "application/vcard", "application/vnd.apple.pkpass",
    }
)  # fmt: skip
"""Types that MMS takes. Of others, and of larger files, the customer is sent the address.
https://www.twilio.com/docs/messaging/guides/accepted-mime-types"""
MAX_FIELDS: Final = 1000
STATUSES: Final[dict[str, DeliveryStatus]] = {
    "sent": "sent",
    "delivered": "delivered",
    "partially_delivered": "delivered",
    "read": "read",
    "undelivered": "failed",
    "failed": "failed",
    "canceled": "failed",
}
"""Of a status callback."""
NOTHING_NEW: Final = frozenset({"accepted", "scheduled", "queued", "sending"})
BESIDE: Final = (
    "ButtonText", "ButtonPayload", "ListId", "ListTitle", "FlowData", "Latitude", "Longitude", "Address", "Label", "Forwarded",
    "FrequentlyForwarded", "ReferralBody", "ReferralHeadline", "ReferralSourceUrl", "ReferralSourceType", "ReferralSourceId",
    "ReactionEmoji", "ReactionMessageSid", "InteractiveData", "ReferralCtwaClid", "ReferralMediaUrl", "ReferralMediaContentType",
    "ChannelMetadata", "MessageType",
)  # fmt: skip
"""Fields of a message that carry content besides its body."""
TOO_FAST: Final = frozenset({"14107", "20429", "21611", "63017", "63018"})
"""Too many requests or messages, too many queued. https://www.twilio.com/docs/api/errors"""
MAY_PASS: Final = frozenset({"20500", "20503", "20504"})
_SCHEME: Final = re.compile(r"(?:whatsapp|rcs|messenger|sms):", re.IGNORECASE).match
"""In front of an address where a message came by another way than SMS. The number behind it is the same person's."""
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def challenge(call: WebhookCall, credentials: Credentials) -> WebhookAnswer | None:
    return None


def verify(call: WebhookCall, credentials: Credentials) -> bool:
    """Over the URL as it is, or with its default port named, or with its port left out: Twilio has done all three."""
    token, given = credentials.get("auth_token"), call.headers.get("x-twilio-signature")
    if not token or not given:
        return False
    try:
        fields = _fields(call.body)
    except ValueError:
        return False
    return any(signing.same(given, signing.twilio(token, url, fields)) for url in _spellings(call.url))


def _spellings(url: str) -> list[str]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return [url]
    host = parts.netloc if port is None else re.sub(r":[0-9]*\Z", "", parts.netloc)
    found = [url, _at(parts, url, host)]
    if port is None and parts.scheme in _DEFAULT_PORTS:
        found.append(_at(parts, url, f"{host}:{_DEFAULT_PORTS[parts.scheme]}"))
    return list(dict.fromkeys(found))


def _at(parts: SplitResult, url: str, netloc: str) -> str:
    """`url` at another host, letter by letter the same otherwise."""
    return url.replace(parts.netloc, netloc, 1) if parts.netloc else url


def _fields(body: bytes) -> list[tuple[str, str]]:
    """Raises ValueError for more fields than any message has."""
    return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MAX_FIELDS)


def answer() -> WebhookAnswer:
    """Instructions to Twilio: none. Anything else would be sent to the customer."""
    return WebhookAnswer(body=b"<Response/>", content_type="text/xml")


def parse(call: WebhookCall, config: dict[str, Any]) -> list[ChannelEvent]:
    """A message, or what became of one of ours: they come to the same address."""
    fields = {clean(key): clean(value) for key, value in _fields(call.body)}
    if not (fields.get("MessageSid") or fields.get("SmsSid")):
        raise ValueError("MessageSid is missing")
    try:
        status = fields.get("MessageStatus") or fields.get("SmsStatus") or "received"
        if status in ("received", "receiving"):
            return [_inbound(fields)]
        if status in STATUSES:
            return [_receipt(fields, STATUSES[status])]
        if status not in NOTHING_NEW:
            raise ValueError(f"the status {status[:100]} is not read")
        return []
    except ValueError as error:
        return [Faulty(str(error), fields)]


def _sid(fields: dict[str, str]) -> str:
    return identifier(fields, "MessageSid" if fields.get("MessageSid") else "SmsSid")


def _inbound(fields: dict[str, str]) -> Inbound:
    count = fields.get("NumMedia", "")
    files = min(int(count), MAX_FILES) if re.fullmatch("[0-9]{1,3}", count) else 0
    number = identifier(fields, "From", MAX_IDENTIFIER).strip()
    notes: dict[str, Any] = {key: fields[key][:2000] for key in BESIDE if fields.get(key)}
    if stop := short(fields.get("OptOutType")):
        notes["opt_out"] = stop
    media = tuple(_media(fields, n) for n in range(files))
    said, content_type, raw = _said(fields, alone=not media)
    notes |= raw
    scheme = _SCHEME(number)
    if scheme is not None:
        notes["address"] = {"from": number, "to": fields.get("To", "").strip()[:MAX_IDENTIFIER]}
    bare = number[scheme.end() :] if scheme is not None else number
    return message(
        _sid(fields),
        # short codes and names have no plus sign, and are not E.164
        Sender(e164(bare) if bare.startswith(("+", "00")) else number, short(fields.get("ProfileName"))),
        said,
        content_type,
        media,
        reply_to=short(fields.get("ReactionMessageSid") or fields.get("OriginalRepliedMessageSid"), 512),
        metadata=notes,
    )


def _said(fields: dict[str, str], *, alone: bool) -> tuple[str, str, dict[str, Any]]:
    """Content, content type and metadata: the body, or what replaces it. `alone`: there are no files."""
    body = fields.get("Body", "")
    if emoji := fields.get("ReactionEmoji"):
        return emoji, "reaction", {}
    if fields.get("Latitude") and fields.get("Longitude"):
        place = (fields.get("Label"), fields.get("Address"), f"{fields['Latitude']}, {fields['Longitude']}")
        return "\n".join(filter(None, (body, *place))), "location", {}
    if filled := fields.get("FlowData") or ("" if body else fields.get("InteractiveData")):
        return "\n".join((body or "[form]", *forms.answers(filled))), "form", {}
    pressed = fields.get("ButtonText") or fields.get("ListTitle") or fields.get("ButtonPayload")
    if not body and pressed:
        return pressed, "button", {}
    kind = fields.get("MessageType", "text")
    return unsupported(kind, fields) if alone and not body and kind != "text" else (body, "text", {})


def _media(fields: dict[str, str], n: int) -> Media:
    content_type = short(fields.get(f"MediaContentType{n}"))
    return Media(
        kind_of(content_type), url=identifier(fields, f"MediaUrl{n}", 4096), content_type=content_type
    )


def _receipt(fields: dict[str, str], status: DeliveryStatus) -> Receipt:
    error = None
    if status == "failed":
        said = fields.get("MessageStatus") or fields.get("SmsStatus") or "failed"
        error = {
            "code": short(fields.get("ErrorCode")) or said,
            "detail": short(fields.get("ErrorMessage"), 1000) or f"Twilio says that the message is {said}",
        }
    return Receipt(status, (_sid(fields),), error=error)


def requests(
    message: Outbound, credentials: Credentials, base_url: str, status_url: str
) -> list[ProviderRequest]:
    """As many as the text or the files need, whichever are more; both start with the first."""
    account, sender = credentials["account_sid"], credentials["from_number"]
    url = f"{base_url}/2010-04-01/Accounts/{quote(account, safe='')}/Messages.json"
    taken = [file for file in message.files if _is_taken(file)]
    ends = _ends(message, sender)
    found = []
    for text, some in zip_longest(_texts(message, taken), _together(taken)):
        form = list(ends)
        if text:
            form.append(("Body", text))
        form += [("MediaUrl", file.url) for file in some or ()]
        if status_url:
            form.append(("StatusCallback", status_url))
        auth = (account, credentials["auth_token"])
        found.append(ProviderRequest("POST", url, form=tuple(form), auth=auth))
    return found


def _ends(message: Outbound, sender: str) -> tuple[tuple[str, str], ...]:
    """From and To: the way by which the customer's message came, WhatsApp, RCS or SMS."""
    address = message.answered.get("address")
    ends = (address.get("to"), address.get("from")) if isinstance(address, dict) else (None, None)
    ours, theirs = (end if isinstance(end, str) and _SCHEME(end) else None for end in ends)
    return (("From", ours), ("To", theirs)) if ours and theirs else (("From", sender), ("To", message.to))


def _is_taken(file: OutboundFile) -> bool:
    """Whether a file can go as MMS; of one whose type is unknown Twilio asks the type itself."""
    type_ = type_of(file)
    if not type_ or type_ in FITTED:
        return fits(file, LARGEST)
    return type_ in UNFITTED and fits(file, LARGEST_UNFITTED)


def _texts(message: Outbound, taken: list[OutboundFile]) -> list[str]:
    """The text, and the addresses of files that cannot go along: in one message if it is long enough for all."""
    linked = [in_place_of(file) for file in message.files if file not in taken]
    whole = "\n".join(filter(None, (message.content, *linked)))
    if length(whole) <= MAX_TEXT:
        return [whole] if whole else []
    parts = (message.content, *linked)
    return [piece for part in parts if part for piece in pieces(part, MAX_TEXT)]


def _together(files: list[OutboundFile]) -> list[list[OutboundFile]]:
    """The files by message: at most so many of them, and so large together."""
    found: list[list[OutboundFile]] = []
    room = 0.0
    for file in files:
        if not found or len(found[-1]) == MAX_FILES or not fits(file, room):
            found.append([])
            room = LARGEST
        found[-1].append(file)
        room -= (file.size or 0) / MEGABYTE
    return found


def outcome(status: int, headers: dict[str, str], body: bytes) -> SendOutcome:
    found = answer_of(body)
    if 200 <= status < 300:
        return Sent(provider_id(found.get("sid")))
    return refused(status, headers, found.get("code"), found.get("message"), slow=TOO_FAST, again=MAY_PASS)


def media_step(media: Media, credentials: Credentials, base_url: str, answer: Any | None) -> MediaStep:
    """Twilio's own server needs the account's token; it is sent to nobody else."""
    if not media.url:
        raise ValueError("the file has no url")
    own = _origin(media.url) is not None and _origin(media.url) == _origin(base_url)
    auth = (credentials["account_sid"], credentials["auth_token"]) if own else None
    return MediaStep(ProviderRequest("GET", media.url, auth=auth), last=True)


def _origin(url: str) -> tuple[str, str, int | None] | None:
    """Scheme, host and port; None for what programs could read in two ways."""
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    if not re.fullmatch(r"[A-Za-z0-9.:\[\]-]+", parts.netloc):
        return None
    return parts.scheme, (parts.hostname or "").lower(), port
