"""Every provider, both ways, against the double that the demo runs: customers in, replies out, receipts back."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from desks import Desk, fresh, ok
from plain_http import NO_TLS
from readers import SseReader
from serving import OwnServer
from waiting import until

from tertulia.serving import demo

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
BY_TYPE = {channel.type: channel.id for channel in demo.CHANNELS}
PROVIDERS = sorted(BY_TYPE)
LAST_STATUS = {"telegram": "sent"}
"""Telegram tells nothing of what became of a message."""


def customer(provider: str) -> str:
    """Somebody new at a provider, as the double names them."""
    number = f"{os.getpid() % 1000:03d}{int(fresh().rpartition('-')[2]) % 10_000:04d}"
    return {
        "whatsapp": f"+1415{number}",
        "sms": f"+1415{number}",
        "telegram": f"77{number}",
        "messenger": f"88{number}",
        "email": f"someone-{number}@customers.example",
    }[provider]


class Provider:
    """One of the demo's channels, as its provider sees it."""

    def __init__(self, http: httpx.AsyncClient, type: str) -> None:
        self.http = http
        self.channel = BY_TYPE[type]
        self.path = f"/double/{self.channel}"

    async def says(self, *messages: dict[str, Any]) -> list[dict[str, Any]]:
        """Customers write; what each webhook was answered."""
        answers = ok(await self.http.post(f"{self.path}/messages", json={"messages": list(messages)}))[
            "answers"
        ]
        assert {a["status"] for a in answers} == {200}, answers
        return answers

    async def sent_to(self, identifier: str) -> list[dict[str, Any]]:
        items = ok(await self.http.get(f"{self.path}/sent"))["items"]
        return [s for s in items if s["to"].lstrip("+") == identifier.lstrip("+")]

    async def put(self, what: str, **fields: Any) -> None:
        ok(await self.http.put(f"{self.path}/{what}", json=fields))


@pytest.fixture
async def double(server: OwnServer, desks: dict[str, Desk]) -> AsyncIterator[httpx.AsyncClient]:
    channel = ok(await desks["admin"].http.get(f"/v1/channels/{demo.CHANNELS[0].id}"))
    async with httpx.AsyncClient(base_url=channel["config"]["base_url"], timeout=30, verify=NO_TLS) as http:
        yield http


async def conversations(desk: Desk, provider: Provider, identifier: str) -> list[dict[str, Any]]:
    query = {"channel_id": provider.channel, "q": identifier.lstrip("+")}
    return ok(await desk.http.get("/v1/conversations", params=query), 200)["items"]


async def the_conversation(desk: Desk, provider: Provider, identifier: str) -> dict[str, Any]:
    (found,) = await conversations(desk, provider, identifier)
    return found


@pytest.mark.parametrize("type", PROVIDERS)
async def test_a_customer_writes_an_agent_answers_and_hears_what_became_of_it(
    server: OwnServer, desks: dict[str, Desk], double: httpx.AsyncClient, type: str
) -> None:
    provider, who, service = Provider(double, type), customer(type), desks["service"]
    await provider.put("receipts", sent=True, delivered=True, read=type != "sms", delay=0.05)
    await provider.says({"from": who, "name": "Sara", "text": "Where is my parcel?", "subject": "Parcel 17"})
    conversation = await the_conversation(service, provider, who)
    assert conversation["channel_type"] == type and conversation["contact_identifier"] == who
    assert conversation["status"] in ("open", "assigned") and conversation["unread_count"] == 1
    (message,) = await service.messages(conversation["id"])
    assert (message["content"], message["direction"], message["sender_type"]) == (
        "Where is my parcel?", "inbound", "contact",
    )  # fmt: skip
    topic = f"conversation:{conversation['id']}"
    async with SseReader(server, server.token("agent", "watcher"), topic) as reader:
        reply = ok(await desks["agent"].say(conversation["id"], "It left this morning."), 201)
        assert reply["delivery_status"] == "queued"
        last = LAST_STATUS.get(type, "delivered" if type == "sms" else "read")

        async def arrived() -> bool:
            return (await service.messages(conversation["id"]))[-1]["delivery_status"] == last

        await until(arrived, f"the reply to be {last}")
        await reader.until(
            lambda: any(e["data"]["delivery_status"] == last for e in reader.entries("conversation:receipt")),
            "the receipt on the stream",
        )
    (sent,) = await provider.sent_to(who)
    assert "It left this morning." in sent["text"]
    assert (await service.messages(conversation["id"]))[-1]["external_id"] == sent["provider_id"]
    steps = [e["data"]["delivery_status"] for e in reader.entries("conversation:receipt")]
    assert steps == sorted(set(steps), key=["sent", "delivered", "read"].index), "only forward"
    await provider.says(
        {"from": who, "text": "Thanks!", "reply_to": sent["provider_id"], "subject": "Re: Parcel 17"}
    )
    thanks = (await service.messages(conversation["id"]))[-1]
    assert thanks["content"] == "Thanks!" and thanks["seq"] > reply["seq"]
    if type in ("whatsapp", "telegram", "messenger"):
        assert thanks["reply_to"] == reply["id"]


@pytest.mark.parametrize("type", ["whatsapp", "telegram"])
async def test_an_album_of_ten_three_times_each_in_any_order_is_ten_messages(
    desks: dict[str, Desk], double: httpx.AsyncClient, type: str
) -> None:
    """The server under test has two gateways, and the double calls with many connections at once."""
    provider, who, service = Provider(double, type), customer(type), desks["service"]
    await provider.put("webhooks", duplicate=3, shuffle=True, concurrent=True)
    image = {"data": base64.b64encode(PNG).decode(), "name": "a.png", "content_type": "image/png"}
    try:
        answers = await provider.says(
            *({"from": who, "text": f"{n}", "attachments": [image]} for n in range(10))
        )
    finally:
        await provider.put("webhooks", duplicate=1)
    assert len(answers) == 30
    conversation = await the_conversation(service, provider, who)
    messages = await service.messages(conversation["id"])
    assert sorted(m["content"] for m in messages) == [f"{n}" for n in range(10)]
    assert [m["seq"] for m in messages] == list(range(1, 11))
    (attachment,) = messages[0]["attachments"]

    async def fetched() -> bytes | None:
        answer = await service.http.get(attachment["url"])
        return answer.content if answer.status_code == 200 else None

    assert await until(fetched, "the image to be fetched from the provider") == PNG


async def test_an_edit_shows_the_new_text_and_leaves_the_old_in_the_entries(
    desks: dict[str, Desk], double: httpx.AsyncClient
) -> None:
    provider, who, service = Provider(double, "telegram"), customer("telegram"), desks["service"]
    (answer,) = await provider.says({"from": who, "text": "I want a refnd"})
    await provider.says({"from": who, "text": "I want a refund", "edit": answer["provider_id"]})
    conversation = await the_conversation(service, provider, who)
    (message,) = await service.messages(conversation["id"])
    assert (
        message["content"] == "I want a refund" and conversation["last_message_preview"] == "I want a refund"
    )
    edited = next(e for e in await service.entries(conversation["id"]) if e["kind"] == "edited")
    assert edited["data"]["previous_content"] == "I want a refnd"


async def test_mail_keeps_its_threads_apart_and_together(
    desks: dict[str, Desk], double: httpx.AsyncClient
) -> None:
    provider, who, service = Provider(double, "email"), customer("email"), desks["service"]
    await provider.says({"from": who, "text": "First", "subject": "Invoice 7"})
    await provider.says({"from": who, "text": "Second", "subject": "Broken lamp"})
    await provider.says({"from": who, "text": "Third", "subject": "RE: Invoice 7"})
    found = {c["subject"]: c for c in await conversations(service, provider, who)}
    assert set(found) == {"Invoice 7", "Broken lamp"}
    contents = [m["content"] for m in await service.messages(found["Invoice 7"]["id"])]
    assert contents == ["First", "Third"]


async def test_a_reply_the_provider_refuses_is_shown_as_failed_and_can_be_tried_again(
    desks: dict[str, Desk], double: httpx.AsyncClient
) -> None:
    provider, who, service = Provider(double, "whatsapp"), customer("whatsapp"), desks["service"]
    await provider.says({"from": who, "text": "Hello"})
    conversation = await the_conversation(service, provider, who)
    await provider.put("faults", kind="refuse", count=1)
    reply = ok(await desks["agent"].say(conversation["id"], "Hello yourself"), 201)

    async def status() -> str:
        return (await service.messages(conversation["id"]))[-1]["delivery_status"]

    async def failed() -> bool:
        return await status() == "failed"

    await until(failed, "the reply to fail")
    shown = (await service.messages(conversation["id"]))[-1]
    assert shown["delivery_error"]["code"] and shown["delivery_error"]["detail"]
    listed = ok(await desks["lead"].http.get("/v1/deliveries", params={"status": "failed"}), 200)["items"]
    assert reply["id"] in {d["message_id"] for d in listed}
    ok(await desks["agent"].http.post(f"/v1/deliveries/{reply['id']}/retry"), 202)

    async def delivered() -> bool:
        return await status() in ("sent", "delivered", "read")

    await until(delivered, "the retry to arrive")
    assert len(await provider.sent_to(who)) == 1


@pytest.mark.parametrize("kind", ["429", "500", "drop_before"])
async def test_order_is_kept_over_a_providers_faults(
    desks: dict[str, Desk], double: httpx.AsyncClient, kind: str
) -> None:
    provider, who, service = Provider(double, "telegram"), customer("telegram"), desks["service"]
    await provider.says({"from": who, "text": "Hello"})
    conversation = await the_conversation(service, provider, who)
    await provider.put("faults", kind=kind, count=1, retry_after=0.2)
    for n in range(5):
        ok(await desks["agent"].say(conversation["id"], f"part {n}"), 201)

    async def all_there() -> bool:
        return len(await provider.sent_to(who)) >= 5

    await until(all_there, "all five parts")
    await asyncio.sleep(0)
    assert [s["text"] for s in await provider.sent_to(who)] == [f"part {n}" for n in range(5)]
