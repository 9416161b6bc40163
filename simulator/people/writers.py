"""A customer's connection: through the web chat's API, or at a provider, whose double calls the server's webhook, signed."""

from __future__ import annotations

import base64
import time
from typing import Protocol
from urllib.parse import quote

from ..scenario.model import Channel, Profile
from ..traffic.identities import identifier
from ..traffic.requests import Answer
from .world import World

FILE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
"""A PNG of one pixel."""


class Writer(Protocol):
    """`begin` must succeed first. `write` repeats what may be repeated. `key` names the message at the server."""

    token: str | None

    async def begin(self) -> bool: ...

    async def write(self, text: str, key: str, intended: float, *, file: bool = False) -> Answer: ...

    async def edit(self, text: str) -> bool:
        """Change the last message; False if the channel cannot."""
        ...


class WebChat:
    """A session of the web chat, opened for a known address by the service's token."""

    def __init__(self, world: World, profile: Profile) -> None:
        self.world = world
        self.address = identifier("webchat", world.plan.run, profile.number)
        self.token: str | None = None
        self._sent: tuple[str, dict[str, object]] | None = None
        """The last message's key and body."""

    async def begin(self) -> bool:
        plan = self.world.plan
        answer = await self.world.requests.insist(
            "POST /v1/webchat/{channel_id}/sessions", f"/v1/webchat/{plan.channels['webchat']}/sessions", token=plan.service,
            body={"contact_identifier": self.address, "contact_name": "Simulated customer"},
        )  # fmt: skip
        self.token = answer.data["token"] if answer.ok else None
        return answer.ok

    async def write(self, text: str, key: str, intended: float, *, file: bool = False) -> Answer:
        if self._sent is not None and self._sent[0] == key:
            body = self._sent[1]  # sent again: the same file too, not another upload of it
        else:
            body = await self._body(text, key, file=file)
            self._sent = key, body
        kind = "POST /v1/webchat/messages"
        return await self.world.requests.insist(
            kind, "/v1/webchat/messages", token=self.token, body=body, intended=intended
        )

    async def _body(self, text: str, key: str, *, file: bool) -> dict[str, object]:
        body: dict[str, object] = {"content": text, "client_message_id": key}
        if file:
            uploaded = await self.world.requests.insist(
                "POST /v1/attachments", "/v1/attachments?name=photo.png", token=self.token, raw=FILE
            )
            if uploaded.ok:
                body["attachments"] = [{"url": uploaded.data["url"]}]
        return body

    async def edit(self, text: str) -> bool:
        del text
        return False


class AtProvider:
    """A customer of WhatsApp, Messenger, Telegram, SMS or e-mail. The answer is the server's to the provider's signed call."""

    def __init__(self, world: World, profile: Profile) -> None:
        self.world = world
        self.channel: Channel = profile.kind.channel
        self.address = identifier(self.channel, world.plan.run, profile.number)
        self.token: str | None = None
        self._last: str | None = None

    async def begin(self) -> bool:
        return True

    async def write(self, text: str, key: str, intended: float, *, file: bool = False) -> Answer:
        del key  # providers have ids of their own
        body: dict[str, object] = {"from": self.address, "name": "Simulated customer", "text": text}
        if file:
            body["attachments"] = [
                {"name": "photo.png", "content_type": "image/png", "data": base64.b64encode(FILE).decode()}
            ]
        return await self._played(body, intended)

    async def edit(self, text: str) -> bool:
        if self._last is None:
            return False
        body: dict[str, object] = {"from": self.address, "text": text, "edit": self._last}
        return (await self._played(body, time.monotonic())).ok

    async def _played(self, body: dict[str, object], intended: float) -> Answer:
        """The answer of the server's webhook to the double."""
        plan, requests = self.world.plan, self.world.requests
        channel = plan.channels[self.channel]
        kind = f"POST /v1/webhooks/{self.channel}/{{channel_id}}"
        path = f"/double/{quote(channel)}/messages"
        answer = await requests.call(kind, path, url=plan.double, body=body, intended=intended)
        calls = answer.data.get("answers", []) if answer.ok and isinstance(answer.data, dict) else []
        bad = [call for call in calls if not 200 <= call["status"] < 300]
        if answer.ok and calls and not bad:
            self._last = calls[-1]["provider_id"]
            return answer
        refused = (
            Answer(bad[0]["status"], problem=f"the webhook answered {bad[0]['status']}") if bad else answer
        )
        requests.figures.counts["failed"] += 1
        if bad:
            requests.refused(kind, refused)
        return refused


def writer(world: World, profile: Profile) -> Writer:
    return WebChat(world, profile) if profile.kind.channel == "webchat" else AtProvider(world, profile)
