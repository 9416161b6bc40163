"""Providers call a running server: two gateways, two hosts. The formats' details are tested in tests/channels."""

from __future__ import annotations

import asyncio
import random
from typing import Any, NamedTuple

import httpx
from desks import Desk, fresh, ok
from provider_calls import CREDENTIALS, mail, path, signed, telegram_message, whatsapp_said, whatsapp_value
from readers import SseReader
from serving import OwnServer


class Channel(NamedTuple):
    type: str
    id: str


async def connect(desks: dict[str, Desk], type: str) -> Channel:
    body = {"type": type, "name": fresh(type), "credentials": CREDENTIALS[type]}
    return Channel(type, ok(await desks["admin"].http.post("/v1/channels", json=body), 201)["id"])


async def call(client: httpx.AsyncClient, channel: Channel, payload: Any) -> httpx.Response:
    body, headers = signed(channel, CREDENTIALS[channel.type], payload)
    return await client.post(path(channel), content=body, headers=headers)


async def conversations(desk: Desk, channel: Channel) -> list[dict[str, Any]]:
    found = ok(await desk.http.get("/v1/conversations", params={"channel_id": channel.id, "limit": 100}))
    return found["items"]


async def test_calls_repeated_and_shuffled_over_gateways_are_each_customers_history_once(
    server: OwnServer, desks: dict[str, Desk]
) -> None:
    channel = await connect(desks, "whatsapp")
    phones = [f"62812{n:07}" for n in range(8)]
    batches = [
        whatsapp_value(
            messages=[whatsapp_said(f"w{b}-{p}", f"{b}", phone=p, user=f"ID.{p}") for p in phones],
            contacts=[{"wa_id": p, "user_id": f"ID.{p}", "profile": {"name": f"N{p}"}} for p in phones],
        )
        for b in range(12)
    ]
    async with SseReader(server, server.token(), "account") as reader, server.client() as client:
        calls = [call(client, channel, batch) for batch in batches for _ in range(3)]
        random.Random(11).shuffle(calls)
        assert {a.status_code for a in await asyncio.gather(*calls)} == {200}
        held = await conversations(desks["agent"], channel)
        assert sorted(c["contact_identifier"] for c in held) == [f"+{p}" for p in phones]
        await reader.until(
            lambda: sum(e["conversation_id"] in {c["id"] for c in held} for e in reader.entries()) >= 96,
            "every message",
        )
    for c in held:
        messages = await desks["agent"].messages(c["id"])
        assert sorted(int(m["content"]) for m in messages) == list(range(12))
        assert [m["seq"] for m in messages] == list(range(1, 13)) and c[
            "contact_name"
        ] == f"N{c['contact_identifier'][1:]}"
        streamed = [e["data"] for e in reader.entries() if e["conversation_id"] == c["id"]]
        assert streamed == messages


async def test_an_edit_reaches_readers_and_whoever_reads_later(
    server: OwnServer, desks: dict[str, Desk]
) -> None:
    channel, agent = await connect(desks, "telegram"), desks["agent"]
    async with server.client() as client:
        assert (await call(client, channel, telegram_message(5, 1, "helo"))).status_code == 200
        (c,) = await conversations(agent, channel)
        async with SseReader(server, server.token(), f"conversation:{c['id']}") as reader:
            edit = telegram_message(5, 1, "hello", edited=1_760_000_001)
            assert (await call(client, channel, edit)).status_code == 200
            await reader.until(lambda: reader.entries("conversation:updated"), "the edit")
            (event,) = reader.entries("conversation:updated")
        (message,) = await agent.messages(c["id"])
        assert (message["content"], message["metadata"]["edited_at"]) == ("hello", 1_760_000_001_000)
        assert event["data"] == {
            "message": {
                "id": message["id"],
                "seq": 1,
                "content": "hello",
                "edited_at": "2025-10-09T08:53:21.000Z",
            }
        }
        now = await agent.get(c["id"])
        assert (now["last_message_preview"], now["unread_count"], now["seq"]) == ("hello", 1, 2)
        entry = (await agent.entries(c["id"]))[-1]
        assert entry["kind"] == "edited" and entry["data"]["previous_content"] == "helo"
        context = ok(await agent.http.get(f"/v1/conversations/{c['id']}/context"))
        assert [m["content"] for m in context["items"]] == ["hello"]


async def test_mail_with_a_file_larger_than_other_bodies(desks: dict[str, Desk], server: OwnServer) -> None:
    channel, agent = await connect(desks, "email"), desks["agent"]
    letter = mail("big@example.com", "ana@example.com", "Photos", "see here")
    content = "QUJD" * 500_000
    letter["Attachments"] = [{"Name": "a.bin", "Content": content, "ContentType": "application/octet-stream"}]
    async with server.client() as client:
        for _ in range(2):
            assert (await call(client, channel, letter)).status_code == 200
    (c,) = await conversations(agent, channel)
    (message,) = await agent.messages(c["id"])
    (attachment,) = message["attachments"]
    file = await agent.http.get(attachment["url"], follow_redirects=True)
    assert file.status_code == 200 and file.content == b"ABC" * 500_000
