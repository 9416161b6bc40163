"""Payloads in the shape of Postmark's, and calls that bring them."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
from hypothesis import strategies as st

from tertulia.channels.email import channel
from tertulia.core.channels.messages import ChannelEvent, Inbound, Receipt, WebhookCall

CREDENTIALS = {
    "server_token": "11111111-2222-3333-4444-555555555555",
    "from_address": "support@acme.example",
    "webhook_user": "postmark",
    "webhook_password": "päss:word",
}
OURS = "b7bc2f4a-e38e-4336-af7d-e6c392c2f817"


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def call(body: Any, authorization: str | None = None) -> WebhookCall:
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    headers = {"content-type": "application/json"}
    if authorization is not None:
        headers["authorization"] = authorization
    return WebhookCall("POST", "https://desk.example/v1/webhooks/email/1", {}, headers, raw)


def parse(body: Any) -> list[ChannelEvent]:
    return channel.parse(call(body), {})


def inbound(body: Any) -> Inbound:
    (event,) = parse(body)
    assert isinstance(event, Inbound)
    return event


def receipt(body: Any) -> Receipt:
    (event,) = parse(body)
    assert isinstance(event, Receipt)
    return event


def mail(headers: dict[str, str] | None = None, **fields: Any) -> dict[str, Any]:
    """An inbound mail as Postmark posts it; headers given replace those it has, empty ones take them away."""
    stated = {
        "Return-Path": "<sara@customer.example>",
        "Received": "by mx.customer.example with SMTP id 1so1",
        "X-Spam-Status": "No",
        "X-Spam-Score": "-0.1",
        "MIME-Version": "1.0",
        "Message-ID": "<CAGXpo2WKfxHWZ5UFYCR3H_J9SNMG+5AXUovfEFL6DjWBJSyZaA@mail.customer.example>",
    } | (headers or {})
    return {
        "FromName": "Sara Bekele",
        "MessageStream": "inbound",
        "From": "Sara@Customer.Example",
        "FromFull": {"Email": "Sara@Customer.Example", "Name": "Sara Bekele", "MailboxHash": ""},
        "To": '"Acme Support" <hash@inbound.postmarkapp.com>',
        "ToFull": [{"Email": "hash@inbound.postmarkapp.com", "Name": "Acme Support", "MailboxHash": ""}],
        "Cc": '"First Cc" <firstcc@customer.example>',
        "CcFull": [{"Email": "firstcc@customer.example", "Name": "First Cc", "MailboxHash": ""}],
        "Bcc": "",
        "BccFull": [],
        "OriginalRecipient": "hash@inbound.postmarkapp.com",
        "Subject": "Where is my order?",
        "MessageID": "73e6d360-66eb-11e1-8e72-a8904824019b",
        "ReplyTo": "",
        "MailboxHash": "",
        "Date": "Fri, 1 Aug 2025 16:45:32 -0400",
        "TextBody": "It was due on Monday.\r\n\r\nSara\r\n",
        "HtmlBody": "<html><body><p>It was due on <b>Monday</b>.</p><p>Sara</p></body></html>",
        "StrippedTextReply": "",
        "Tag": "",
        "Headers": [{"Name": name, "Value": value} for name, value in stated.items() if value],
        "Attachments": [],
    } | fields


def attachment(data: bytes = b"%PDF-1.4", **fields: Any) -> dict[str, Any]:
    return {
        "Name": "receipt.pdf",
        "Content": base64.b64encode(data).decode(),
        "ContentType": "application/pdf; name=receipt.pdf",
        "ContentLength": len(data),
        "ContentID": "",
    } | fields


_COMMON = {
    "MessageStream": "outbound",
    "MessageID": OURS.upper(),
    "Metadata": {"message_id": "m-1", "conversation_id": "c-1"},
    "Tag": "",
    "ServerID": 23,
}
DELIVERY = {
    "RecordType": "Delivery",
    "Recipient": "sara@customer.example",
    "DeliveredAt": "2025-08-01T20:46:10.1234567Z",
    "Details": "Test delivery webhook details",
} | _COMMON
OPEN = {
    "RecordType": "Open",
    "FirstOpen": True,
    "Client": {"Name": "Chrome 35.0.1916.153", "Company": "Google", "Family": "Chrome"},
    "OS": {"Name": "OS X 10.7 Lion", "Company": "Apple Computer, Inc.", "Family": "OS X 10"},
    "Platform": "WebMail",
    "UserAgent": "Mozilla/5.0",
    "Geo": {"CountryISOCode": "RS", "IP": "188.2.95.4"},
    "ReceivedAt": "2025-08-01T20:50:00Z",
    "Recipient": "sara@customer.example",
} | _COMMON
CLICK = OPEN | {"RecordType": "Click", "ClickLocation": "HTML", "OriginalLink": "https://example.com"}
BOUNCE = {
    "RecordType": "Bounce",
    "ID": 42,
    "Type": "HardBounce",
    "TypeCode": 1,
    "Name": "Hard bounce",
    "Description": "The server was unable to deliver your message (ex: unknown user, mailbox not found).",
    "Details": "smtp;550 5.1.1 The email account that you tried to reach does not exist.",
    "Email": "sara@customer.example",
    "From": "support@acme.example",
    "BouncedAt": "2025-08-01T20:46:10Z",
    "DumpAvailable": True,
    "Inactive": True,
    "CanActivate": True,
    "Subject": "Re: Where is my order?",
    "Content": "<Full dump of bounce>",
} | _COMMON
COMPLAINT = BOUNCE | {
    "RecordType": "SpamComplaint",
    "Type": "SpamComplaint",
    "TypeCode": 512,
    "Name": "Spam complaint",
    "Description": "The subscriber explicitly marked this message as spam.",
    "Details": "Test spam complaint details",
}
SUBSCRIPTION = {
    "RecordType": "SubscriptionChange",
    "ChangedAt": "2025-08-01T20:46:10Z",
    "Recipient": "sara@customer.example",
    "Origin": "Recipient",
    "SuppressSending": True,
    "SuppressionReason": "HardBounce",
} | _COMMON

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
