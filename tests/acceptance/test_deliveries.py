"""Messages to providers: queued in the commit, sent by a dispatcher, and reported to clients; with a channel that cannot send."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest
from desks import Account, Desk, fresh, ok, problem
from readers import WsReader
from serving import OwnServer
from waiting import until


async def unable(admin: Desk, **channel: Any) -> str:
    """A channel without credentials: everything sent on it fails."""
    body = {"type": "telegram", "name": fresh("channel"), **channel}
    return ok(await admin.http.post("/v1/channels", json=body), 201)["id"]


async def delivered(desk: Desk, message: str, status: str = "failed") -> dict[str, Any]:
    async def there() -> dict[str, Any] | None:
        found = ok(await desk.http.get(f"/v1/deliveries/{message}"), 200)
        return found if found["status"] == status else None

    return await until(there, f"the message to be {status}")


async def test_what_becomes_of_a_message_is_told_everywhere(
    server: OwnServer, desks: dict[str, Desk]
) -> None:
    agent, lead = desks["agent"], desks["lead"]
    channel = await unable(desks["admin"])
    conversation = (await agent.open(channel=channel))["id"]
    async with WsReader(server, server.token(), f"conversation:{conversation}") as reader:
        message = ok(await agent.say(conversation, "hello"), 201)
        assert (message["delivery_status"], message["delivery_error"]) == ("queued", None)
        await reader.until(lambda: _receipts(reader), "the receipt")
    (told,) = _receipts(reader)
    assert told["message_id"] == message["id"] and told["delivery_status"] == "failed"
    assert told["delivery_error"]["code"] == "no_credentials" and told["delivery_error"]["detail"]
    shown = {"delivery_status": "failed", "delivery_error": told["delivery_error"]}
    for (item,) in (
        await agent.messages(conversation),
        [e["data"] for e in await agent.entries(conversation)][:1],
    ):
        assert shown.items() <= item.items()
    detail = ok(
        await agent.http.get(f"/v1/conversations/{conversation}", params={"include": "messages"}), 200
    )
    assert shown.items() <= detail["messages"][0].items()
    async with WsReader(server, server.token(), f"conversation:{conversation}", reader.cursor) as again:
        after = ok(await agent.say(conversation, "more", is_private=True), 201)
        await again.until(lambda: any(e["seq"] == after["seq"] for e in again.entries()), "the next message")
    delivery = await delivered(agent, message["id"])
    assert delivery["attempts"] == 1 and delivery["error"] == told["delivery_error"]
    page = ok(await lead.http.get("/v1/deliveries", params={"status": "failed", "channel_id": channel}), 200)
    assert page == {"items": [delivery], "next_cursor": None}
    figures = (await agent.http.get("/metrics")).text
    assert 'tertulia_outbox_failed_total{channel_type="telegram",dispatcher="dispatcher:0"}' in figures


def _receipts(reader: WsReader) -> list[dict[str, Any]]:
    return [e["data"] for e in reader.events if e["type"] == "conversation:receipt"]


@pytest.mark.parametrize("topics", ["conversation", "account"])
async def test_a_replay_shows_the_present_status(
    server: OwnServer, desks: dict[str, Desk], topics: str
) -> None:
    agent = desks["agent"]
    channel = await unable(desks["admin"])
    conversation = (await agent.open(channel=channel))["id"]
    topic = "account" if topics == "account" else f"conversation:{conversation}"
    async with WsReader(server, server.token(), topic) as reader:
        note = ok(await agent.say(conversation, "note", is_private=True), 201)
        await reader.until(lambda: any(e["seq"] == note["seq"] for e in reader.entries()), "the note")
    message = ok(await agent.say(conversation, "hello"), 201)
    await delivered(agent, message["id"])
    async with WsReader(server, server.token(), topic, reader.cursor) as again:
        await again.until(lambda: _of(again, message["id"]), "the message")
        (event,) = _of(again, message["id"])
    assert event["data"]["delivery_status"] == "failed"


def _of(reader: WsReader, message: str) -> list[dict[str, Any]]:
    return [e for e in reader.entries() if e["data"].get("id") == message]


async def test_a_failed_message_is_retried_on_request(desks: dict[str, Desk], other: Account) -> None:
    agent = desks["agent"]
    channel = await unable(desks["admin"])
    conversation = (await agent.open(channel=channel))["id"]
    message = ok(await agent.say(conversation, "hello"), 201)["id"]
    await delivered(agent, message)
    again = ok(await agent.http.post(f"/v1/deliveries/{message}/retry"), 202)
    assert (again["status"], again["attempts"], again["error"]) == ("queued", 0, None)
    assert (await delivered(agent, message))["attempts"] == 1
    webchat = ok(await agent.say((await agent.open())["id"], "hello"), 201)
    assert webchat["delivery_status"] == "sent"
    problem(await agent.http.get(f"/v1/deliveries/{webchat['id']}"), 404, "not_found")


async def test_only_what_has_failed_is_retried(server: OwnServer, desks: dict[str, Desk]) -> None:
    agent = desks["agent"]
    channel = await unable(desks["admin"])
    conversation = (await agent.open(channel=channel))["id"]
    message = ok(await agent.say(conversation, "hello"), 201)["id"]
    await delivered(agent, message)
    await server.sql("UPDATE outbox SET status = 'sent' WHERE message_id = $1", message)
    refusal = problem(await agent.http.post(f"/v1/deliveries/{message}/retry"), 409, "conflict")
    assert "sent" in refusal["detail"]
    problem(await agent.http.get("/v1/deliveries"), 403, "forbidden")
    bad = await desks["lead"].http.get("/v1/deliveries", params={"status": "sending"})
    assert problem(bad, 422, "invalid")["errors"][0]["path"] == "status"


async def test_a_dispatcher_that_dies_is_made_anew(server: OwnServer, desks: dict[str, Desk]) -> None:
    agent = desks["agent"]
    channel = await unable(desks["admin"])
    conversation = (await agent.open(channel=channel))["id"]
    (victim,) = server.dispatchers
    os.kill(victim, signal.SIGKILL)
    message = ok(await agent.say(conversation, "hello"), 201)["id"]
    assert (await delivered(agent, message))["error"]["code"] == "no_credentials"
    assert victim not in server.dispatchers and len(server.dispatchers) == 1
