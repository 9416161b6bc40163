"""A served project with its demo account, as reported cases meet it: providers that call, agents who look and answer."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import random
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from tertulia.serving import demo

CHANNEL = {channel.type: channel.id for channel in demo.CHANNELS}
CREDENTIALS = {channel.type: channel.credentials for channel in demo.CHANNELS}
OURS = CREDENTIALS["email"]["from_address"]
PATIENCE = 15.0
"""Seconds for what no answer waits for: a message that goes out, a rule that comes into force."""


class World:
    """`http`: a client with an admin's token. `run`: six digits that nobody else uses."""

    def __init__(self, http: httpx.AsyncClient, run: str | None = None) -> None:
        self.http = http
        self.run = run or f"{random.randrange(10**6):06d}"
        self._double: str | None = None

    # -- providers

    async def call(self, kind: str, payload: Any) -> None:
        """A provider's call, signed as it signs, which must be answered 200."""
        body = json.dumps(payload).encode()
        secrets = CREDENTIALS[kind]
        headers = {"Content-Type": "application/json"}
        if kind == "email":
            pair = f"{secrets['webhook_user']}:{secrets['webhook_password']}"
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        elif kind == "telegram":
            headers["X-Telegram-Bot-Api-Secret-Token"] = secrets["secret_token"]
        else:
            digest = hmac.new(secrets["app_secret"].encode(), body, hashlib.sha256).hexdigest()
            headers["X-Hub-Signature-256"] = f"sha256={digest}"
        response = await self.http.post(f"/v1/webhooks/{kind}/{CHANNEL[kind]}", content=body, headers=headers)
        assert response.status_code == 200, (
            f"the call was answered {response.status_code}: {response.text[:200]}"
        )

    async def mail(
        self, sender: str, text: str, subject: str, headers: dict[str, str] | None = None, **fields: Any
    ) -> None:
        stated = {"Message-ID": f"<{uuid.uuid4()}@mail.example>"} | (headers or {})
        await self.call(
            "email",
            {
                "RecordType": "Inbound", "MessageID": str(uuid.uuid4()), "From": sender, "FromName": "",
                "FromFull": full(sender)[0], "To": OURS, "ToFull": full(OURS), "CcFull": [], "Subject": subject,
                "Date": "Sun, 29 Nov 2026 16:00:00 +0000", "TextBody": text, "HtmlBody": "", "StrippedTextReply": "",
                "Headers": [{"Name": name, "Value": value} for name, value in stated.items()], "Attachments": [],
            } | fields,
        )  # fmt: skip

    async def whatsapp(self, phone: str, said: dict[str, Any], name: str | None = None) -> None:
        message = {"from": phone, "id": f"wamid.{uuid.uuid4().hex}", "timestamp": "1795969000", **said}
        person = {"wa_id": phone} | ({"profile": {"name": name}} if name else {})
        value = {"messaging_product": "whatsapp", "contacts": [person], "messages": [message]}
        entry = {"id": "1", "changes": [{"field": "messages", "value": value}]}
        await self.call("whatsapp", {"object": "whatsapp_business_account", "entry": [entry]})

    # -- the desk

    async def get(self, path: str, **query: Any) -> Any:
        response = await self.http.get(path, params=query)
        assert response.status_code == 200, f"{path}: {response.status_code} {response.text[:200]}"
        return response.json()

    async def post(self, path: str, body: Any = None, status: int = 201) -> Any:
        response = await self.http.post(path, json=body)
        assert response.status_code == status, f"{path}: {response.status_code} {response.text[:200]}"
        return response.json() if response.content else None

    async def found(self, kind: str, q: str) -> list[dict[str, Any]]:
        return (await self.get("/v1/conversations", channel_id=CHANNEL[kind], q=q))["items"]

    async def of(self, kind: str, identifier: str) -> list[dict[str, Any]]:
        """A customer's conversations."""
        items = (await self.get("/v1/contacts", q=identifier.lstrip("+")))["items"]
        return [
            conversation
            for contact in items
            for conversation in (
                await self.get("/v1/conversations", channel_id=CHANNEL[kind], contact_id=contact["id"])
            )["items"]
        ]

    async def one(self, kind: str, identifier: str) -> dict[str, Any]:
        found = await self.of(kind, identifier)
        assert len(found) == 1, f"{identifier} has {len(found)} conversations"
        return found[0]

    async def messages(self, conversation: str) -> list[dict[str, Any]]:
        return (await self.get(f"/v1/conversations/{conversation}/messages", limit=100))["items"]

    async def contents(self, kind: str, identifier: str) -> list[str]:
        conversation = await self.one(kind, identifier)
        return [message["content"] for message in await self.messages(conversation["id"])]

    async def say(self, conversation: str, content: str) -> None:
        await self.post(f"/v1/conversations/{conversation}/messages", {"content": content})

    async def sent(self, kind: str, text: str) -> dict[str, Any]:
        """What the provider was asked to send with this text."""
        if self._double is None:
            self._double = (await self.get(f"/v1/channels/{CHANNEL[kind]}"))["config"]["base_url"]

        async def asked() -> Any:
            async with httpx.AsyncClient(timeout=30) as http:
                items = (await http.get(f"{self._double}/double/{CHANNEL[kind]}/sent")).json()["items"]
            return next((item["request"] for item in items if text in item["text"]), None)

        return await until(asked, f"the provider to be sent {text!r}")


def full(*addresses: str) -> list[dict[str, str]]:
    return [{"Email": one, "Name": "", "MailboxHash": ""} for one in addresses]


async def until(condition: Callable[[], Awaitable[Any]], what: str) -> Any:
    """Poll: nobody announces what is waited for here."""
    deadline = time.monotonic() + PATIENCE
    while not (value := await condition()):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        await asyncio.sleep(0.05)
    return value


def equal(seen: Any, right: Any) -> None:
    assert seen == right, f"seen: {seen!r}"
