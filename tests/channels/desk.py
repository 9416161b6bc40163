"""A double under test, with a receiver of its webhooks and a sender that speaks to it as the channels do."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec
from aiohttp import web
from aiohttp.test_utils import TestServer

from tertulia.channels import CHANNELS
from tertulia.channels.double.server import make_app
from tertulia.core.channels.messages import (
    ChannelEvent,
    Inbound,
    Media,
    Outbound,
    ProviderRequest,
    SendOutcome,
    WebhookCall,
)
from tertulia.core.ports.channels import ChannelKind

CREDENTIALS: dict[str, dict[str, str]] = {
    "whatsapp": {"app_secret": "s3cret-ä", "verify_token": "v", "access_token": "EAAG", "phone_number_id": "106540352242922"},
    "messenger": {"app_secret": "s3cret", "verify_token": "v", "page_access_token": "EAAP", "page_id": "20531316728"},
    "telegram": {"bot_token": "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw", "secret_token": "tg-secret"},
    "sms": {"account_sid": "ACff00", "auth_token": "12345", "from_number": "+14158141829"},
    "email": {"server_token": "pm", "from_address": "support@acme.example", "webhook_user": "u", "webhook_password": "p:ä"},
}  # fmt: skip
CUSTOMERS = {
    "whatsapp": ("+251911234567", "+251911234567"),
    "messenger": ("5512345678901234", "5512345678901234"),
    "telegram": ("4242", "4242"),
    "sms": ("+14155550101", "+14155550101"),
    "email": ("Sara@Customer.Example", "sara@customer.example"),
}
"""As played, and as known afterwards."""
TYPES = sorted(CREDENTIALS)


class Desk:
    """`calls` are the webhooks that came, `status` what they are answered."""

    def __init__(self, double: str, session: aiohttp.ClientSession) -> None:
        self.double = double
        self.session = session
        self.receiver = ""
        self.calls: asyncio.Queue[tuple[str, WebhookCall]] = asyncio.Queue()
        self.status = 200
        self.at_once = self.most_at_once = 0

    async def receive(self, request: web.Request) -> web.Response:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        headers = {name.lower(): value for name, value in request.headers.items()}
        url, body = str(request.url), await request.read()
        self.calls.put_nowait(
            (request.match_info["type"], WebhookCall("POST", url, dict(request.query), headers, body))
        )
        if self.status == 200:
            await asyncio.sleep(0)  # lets the others in, where there are any
        self.at_once -= 1
        return web.Response(status=self.status, text="ok")

    async def confirm(self, request: web.Request) -> web.Response:
        """Meta's question, as the channel answers it."""
        type, url = request.match_info["type"], str(request.url)
        called = WebhookCall("GET", url, dict(request.query), {}, b"")
        answer = kind(type).challenge(called, CREDENTIALS[type] if self.status == 200 else {})
        return web.Response(status=401) if answer is None else web.Response(body=answer.body)

    # -- control

    async def control(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        async with self.session.request(method, f"{self.double}/double{path}", json=body) as response:
            return response.status, await response.json(content_type=None) if response.status != 204 else None

    async def register(self, type: str, *, quiet: bool = True, **more: Any) -> str:
        body = {
            "type": type,
            "webhook_url": f"{self.receiver}/{type}",
            "credentials": CREDENTIALS[type],
        } | more
        status, channel = await self.control("POST", "/channels", body)
        assert status == 201, channel
        if quiet:
            none = {"sent": False, "delivered": False, "read": False}
            await self.control("PUT", f"/{channel['id']}/receipts", none)
        return channel["id"]

    async def play(self, channel: str, type: str, **said: Any) -> list[Any]:
        status, found = await self.control(
            "POST", f"/{channel}/messages", {"from": CUSTOMERS[type][0]} | said
        )
        assert status == 200, found
        return found["answers"]

    # -- what the channels make of it

    async def events(self) -> tuple[WebhookCall, list[ChannelEvent]]:
        """The next webhook, verified and parsed."""
        type, call = await asyncio.wait_for(self.calls.get(), 10)
        assert kind(type).verify(call, CREDENTIALS[type])
        return call, kind(type).parse(call, {})

    async def inbound(self) -> Inbound:
        _, (event,) = await self.events()
        assert isinstance(event, Inbound)
        return event

    async def fetch(self, type: str, media: Media) -> bytes:
        """A file by way of the channel's own steps."""
        if media.data is not None:
            return media.data
        answer: Any = None
        while True:
            step = kind(type).media_step(media, CREDENTIALS[type], self.double, answer)
            async with self._perform(step.request) as response:
                assert response.status == 200
                if step.last:
                    return await response.read()
                answer = await response.json()

    async def send(self, type: str, **fields: Any) -> list[SendOutcome]:
        """Send a message as the channel does; `credentials` and `base` replace the right ones."""
        credentials = CREDENTIALS[type] | fields.pop("credentials", {})
        base = self.double + fields.pop("base", "")
        stated = {
            "message_id": MESSAGE,
            "conversation_id": "c-1",
            "to": CUSTOMERS[type][1],
            "content": "Hello!",
        }
        message = Outbound(**(stated | fields))
        found = []
        for request in kind(type).requests(message, credentials, base, f"{self.receiver}/{type}"):
            async with self._perform(request) as response:
                headers = {name.lower(): value for name, value in response.headers.items()}
                found.append(kind(type).outcome(response.status, headers, await response.read()))
        return found

    def _perform(self, request: ProviderRequest) -> Any:
        headers = dict(request.headers)
        if request.auth:
            headers["Authorization"] = "Basic " + base64.b64encode(":".join(request.auth).encode()).decode()
        data: Any = aiohttp.FormData(request.form)() if request.form else None
        if request.json is not None:
            headers["Content-Type"] = "application/json"
            data = io.BytesIO(msgspec.json.encode(request.json))
        return self.session.request(request.method, request.url, headers=headers, data=data)

    async def sent(self, channel: str) -> list[Any]:
        return (await self.control("GET", f"/{channel}/sent"))[1]["items"]


MESSAGE = "0190a5f3-1111-7222-8333-444455556666"


def kind(type: str) -> ChannelKind:
    return CHANNELS[type]  # type: ignore[index]


@asynccontextmanager
async def desk() -> AsyncIterator[Desk]:
    """A double and its receiver, on ports of their own."""
    double, receiver = TestServer(make_app()), web.Application(client_max_size=2**26)
    await double.start_server()
    async with aiohttp.ClientSession() as session:
        made = Desk(str(double.make_url("")).rstrip("/"), session)
        receiver.router.add_post("/{type}", made.receive)
        receiver.router.add_get("/{type}", made.confirm)
        server = TestServer(receiver)
        await server.start_server()
        made.receiver = str(server.make_url("")).rstrip("/")
        yield made
        await double.close()
        await server.close()
