"""Webhook calls in the providers' formats, with their signatures."""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid
from typing import Any, Protocol
from urllib.parse import urlencode

import msgspec

PUBLIC = "https://desk.example"
"""The server's public URL, unless a test gives another."""
CREDENTIALS: dict[str, dict[str, str]] = {
    "whatsapp": {"app_secret": "shh", "verify_token": "knock", "access_token": "a", "phone_number_id": "1"},
    "messenger": {"app_secret": "shh", "verify_token": "knock", "page_access_token": "a", "page_id": "1"},
    "telegram": {"bot_token": "1:a", "secret_token": "shh"},
    "sms": {"account_sid": "AC1", "auth_token": "12345", "from_number": "+14155238886"},
    "email": {
        "server_token": "a",
        "from_address": "d@desk.example",
        "webhook_user": "u",
        "webhook_password": "p",
    },
}


class _Channel(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def type(self) -> str: ...


def path(channel: _Channel) -> str:
    return f"/v1/webhooks/{channel.type}/{channel.id}"


def signed(
    channel: _Channel, secrets: dict[str, str], payload: Any, public: str = PUBLIC
) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a call as the provider makes it, to a server at this public URL."""
    if channel.type == "sms":
        fields = {k: str(v) for k, v in payload.items()}
        text = public + path(channel) + "".join(k + fields[k] for k in sorted(fields))
        mac = hmac.new(secrets["auth_token"].encode(), text.encode(), hashlib.sha1).digest()
        return urlencode(fields).encode(), {
            "X-Twilio-Signature": base64.b64encode(mac).decode(),
            "Content-Type": "application/x-www-form-urlencoded",
        }
    body = payload if isinstance(payload, bytes) else msgspec.json.encode(payload)
    headers = {"Content-Type": "application/json"}
    if channel.type == "telegram":
        headers["X-Telegram-Bot-Api-Secret-Token"] = secrets["secret_token"]
    elif channel.type == "email":
        pair = f"{secrets['webhook_user']}:{secrets['webhook_password']}".encode()
        headers["Authorization"] = "Basic " + base64.b64encode(pair).decode()
    else:
        mac = hmac.new(secrets["app_secret"].encode(), body, hashlib.sha256).hexdigest()
        headers["X-Hub-Signature-256"] = "sha256=" + mac
    return body, headers


# --- what providers say


def telegram_message(
    chat: int, number: int, text: str, *, edited: int | None = None, **more: Any
) -> dict[str, Any]:
    said = {
        "message_id": number,
        "date": 1_760_000_000,
        "chat": {"id": chat, "type": "private"},
        "from": {"id": chat, "first_name": "Sari", "username": "sari"},
        "text": text,
        **more,
    }
    if edited is None:
        return {"update_id": number, "message": said}
    return {"update_id": number, "edited_message": said | {"edit_date": edited}}


def whatsapp_value(**value: Any) -> dict[str, Any]:
    metadata = {"display_phone_number": "15550783881", "phone_number_id": "1"}
    change = {"field": "messages", "value": {"messaging_product": "whatsapp", "metadata": metadata, **value}}
    return {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]}


def whatsapp_said(id: str, text: str, *, phone: str | None = None, user: str | None = None) -> dict[str, Any]:
    names = {"from": phone, "from_user_id": user}
    said = {"id": id, "timestamp": "1760000000", "type": "text", "text": {"body": text}}
    return said | {k: v for k, v in names.items() if v}


def mail(id: str, sender: str, subject: str, text: str, **headers: str) -> dict[str, Any]:
    listed = {"Message-ID": f"<{id}>", **{k.replace("_", "-"): v for k, v in headers.items()}}
    return {
        "FromFull": {"Email": sender, "Name": "Ana"},
        "Subject": subject,
        "TextBody": text,
        "MessageID": str(uuid.uuid4()),
        "Headers": [{"Name": k, "Value": v} for k, v in listed.items()],
        "Attachments": [],
    }
