"""What the pages' tests share: customers who write, and the type of the fixture that opens pages."""

from __future__ import annotations

import asyncio
import base64
import os
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from desks import ok
from playwright.async_api import Page
from serving import OwnServer

from tertulia.serving.demo import WEBCHAT, demo_id

OpenPage = Callable[..., Awaitable[Page]]
MAILBOX = demo_id(17)
MANY_CONVERSATIONS = int(os.environ.get("MANY_CONVERSATIONS", "1000"))
"""How many conversations the long list has."""
CROWD = "crowd"


class Customer:
    """A customer of the demo's web chat."""

    def __init__(self, server: OwnServer, token: str, name: str) -> None:
        self._server, self._token, self.name = server, token, name

    @classmethod
    async def arrive(cls, server: OwnServer, name: str = "Marta") -> Customer:
        """A new customer, under a name of their own."""
        name = f"{name} {secrets.token_hex(4)}"
        async with server.client() as client:
            made = ok(await client.post(f"/v1/webchat/{WEBCHAT}/sessions", json={"contact_name": name}), 201)
        return cls(server, made["token"], name)

    async def say(self, content: str) -> str:
        """Returns the conversation's id."""
        async with self._server.client(self._token) as client:
            return ok(await client.post("/v1/webchat/messages", json={"content": content}), 201)[
                "conversation_id"
            ]

    async def heard(self) -> list[str]:
        async with self._server.client(self._token) as client:
            return [m["content"] for m in ok(await client.get("/v1/webchat/messages"), 200)["items"]]


async def mail(server: OwnServer, sender: str, subject: str, text: str, **fields: Any) -> None:
    """A mail to the demo's mailbox, as its provider delivers it."""
    message_id = secrets.token_hex(8)
    body = {
        "FromFull": {"Email": sender, "Name": ""}, "From": sender, "Subject": subject, "MessageID": message_id,
        "ToFull": [{"Email": "support@demo.example", "Name": ""}], "CcFull": [{"Email": "boss@example.org", "Name": "Boss"}],
        "Date": "Sun, 29 Nov 2026 20:00:00 +0000", "TextBody": text, "HtmlBody": "", "Attachments": [],
        "Headers": [{"Name": "Message-ID", "Value": f"<{message_id}@example.org>"}], **fields,
    }  # fmt: skip
    login = base64.b64encode(b"demo:demo-webhook-password").decode()
    async with server.client() as client:
        answer = await client.post(
            f"/v1/webhooks/email/{MAILBOX}", json=body, headers={"Authorization": f"Basic {login}"}
        )
    assert answer.status_code == 200, answer.text


async def crowd(server: OwnServer) -> None:
    """See that there are so many open conversations with the label CROWD."""
    async with server.client(server.token("service", "filler")) as client:
        if ok(await client.get("/v1/conversations", params={"label": CROWD, "limit": 1}), 200)["items"]:
            return
        gate = asyncio.Semaphore(32)

        async def one(number: int) -> None:
            async with gate:
                body = {
                    "channel_id": WEBCHAT,
                    "contact_identifier": f"{CROWD}-{number}",
                    "contact_name": f"Customer {number}",
                    "labels": [CROWD],
                }
                ok(await client.post("/v1/conversations", json=body), 201)

        await asyncio.gather(*(one(n) for n in range(MANY_CONVERSATIONS)))


async def scroll_to_the_end(page: Page, count: int) -> None:
    """Scroll a list of so many conversations, until all are loaded; at no time are more than 60 rows in the document."""
    rows = page.locator("#rows")
    while True:
        height = await rows.evaluate(
            "(box) => { box.scrollTop = box.scrollHeight; return box.scrollHeight; }"
        )
        assert await page.locator(".row").count() <= 60
        if height >= count * 76:
            return
        await page.wait_for_function(
            "(height) => document.getElementById('rows').scrollHeight > height", arg=height
        )
