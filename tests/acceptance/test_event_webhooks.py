"""Event webhooks from a client's side: made, tested, delivered to a receiver that verifies, replayed, rotated."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from desks import Desk, ok, problem
from receivers import Receiver, receiving, with_status
from serving import OwnServer
from standardwebhooks.webhooks import WebhookVerificationError
from waiting import until

from tertulia.composition.event_delivery import EventParts
from tertulia.serving.demo import ACCOUNT
from tertulia.settings import Settings
from tertulia.storage.postgres.database import Database

BASE = "/v1/event-webhooks"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def admin(desks: dict[str, Desk], server: OwnServer) -> AsyncIterator[httpx.AsyncClient]:
    yield desks["admin"].http
    await server.sql("DELETE FROM event_webhooks WHERE account_id = $1", ACCOUNT)


@pytest.fixture
async def loops(server: OwnServer) -> AsyncIterator[EventParts]:
    """The loops behind event webhooks, in this process, on the server's own databases."""
    keys = (server.data / "secrets/credentials_keys").read_text().strip()
    settings = Settings(
        DATABASE_URL=server.database_url(),
        REDIS_URL=server.valkey_url(),
        credentials_keys=keys,
        webhooks_allow_private=True,
    )
    database = await Database.connect(server.database_url(), system=4, app=1)
    parts = EventParts(settings, database)
    running = asyncio.ensure_future(parts.main_loop())
    yield parts
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await parts.close()
    await database.close()


async def create(admin: httpx.AsyncClient, url: str, **fields: Any) -> dict[str, Any]:
    return ok(await admin.post(BASE, json={"url": url, **fields}), 201)


async def log(admin: httpx.AsyncClient, webhook: str, **query: Any) -> list[dict[str, Any]]:
    return ok(await admin.get(f"{BASE}/{webhook}/deliveries", params=query), 200)["items"]


def logged(admin: httpx.AsyncClient, webhook: str, status: str, count: int = 1) -> Callable[[], Any]:
    async def look() -> list[dict[str, Any]] | None:
        found = await log(admin, webhook, status=status)
        return found if len(found) >= count else None

    return look


async def test_a_secret_is_shown_once(admin: httpx.AsyncClient) -> None:
    response = await admin.post(BASE, json={"url": "https://example.com/in?key=hidden", "description": "crm"})
    made = ok(response, 201)
    assert response.headers["Cache-Control"] == "no-store"
    kind, _, encoded = made["secret"].partition("_")
    assert kind == "whsec" and 24 <= len(base64.b64decode(encoded, validate=True)) <= 64
    shown = ok(await admin.get(f"{BASE}/{made['id']}"), 200)
    assert shown == {k: v for k, v in made.items() if k != "secret"}
    assert shown["is_active"] and shown["event_types"] == [] and shown["disabled_reason"] is None
    listed = ok(await admin.get(BASE), 200)
    assert shown in listed["items"]
    changed = ok(await admin.patch(f"{BASE}/{made['id']}", json={
        "event_types": ["agent:assigned", "agent:assigned"], "description": None, "is_active": False}), 200)  # fmt: skip
    assert changed["event_types"] == ["agent:assigned"] and changed["description"] is None
    assert not changed["is_active"] and changed["url"] == "https://example.com/in?key=hidden"
    ok(await admin.delete(f"{BASE}/{made['id']}"), 204)
    problem(await admin.get(f"{BASE}/{made['id']}"), 404, "not_found")
    audit = ok(await admin.get("/v1/audit-log", params={"target_id": made["id"]}), 200)["items"]
    assert [r["action"] for r in audit] == [
        "event_webhook.deleted",
        "event_webhook.updated",
        "event_webhook.created",
    ]
    assert "hidden" not in str(audit) and "whsec_" not in str(audit)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "url"),
        ({"url": "ftp://example.com/"}, "url"),
        ({"url": "https://user:pass@example.com/"}, "url"),
        ({"url": "https://example.com/" + "x" * 3000}, "url"),
        ({"url": "https://example.com/", "event_types": ["conversation:typing"]}, "event_types[0]"),
        ({"url": "https://example.com/", "description": "x" * 256}, "description"),
        ({"url": "https://example.com/", "is_active": "yes"}, "is_active"),
        ({"url": "https://example.com/", "secret": "whsec_mine"}, "secret"),
    ],
)
async def test_what_no_webhook_can_be(admin: httpx.AsyncClient, body: dict[str, Any], path: str) -> None:
    found = problem(await admin.post(BASE, json=body), 422, "invalid")
    assert [e["path"] for e in found["errors"]] == [path]
    assert ok(await admin.get(BASE), 200)["items"] == []


async def test_a_test_says_what_came_back(admin: httpx.AsyncClient, receiver: Receiver) -> None:
    made = await create(admin, receiver.url, is_active=False)
    receiver.answering = with_status(202, "pong")
    answer = ok(await admin.post(f"{BASE}/{made['id']}/test"), 200)
    (got,) = receiver.got
    assert got.verified(made["secret"])["type"] == "ping" and got.id == answer["event_id"]
    assert answer["delivered"] and (answer["response_status"], answer["response_excerpt"]) == (202, "pong")
    receiver.answering = with_status(500, "oops")
    answer = ok(await admin.post(f"{BASE}/{made['id']}/test"), 200)
    assert not answer["delivered"] and answer["response_status"] == 500 and answer["error"] is None
    ok(await admin.patch(f"{BASE}/{made['id']}", json={"url": "http://127.0.0.1:9/"}), 200)
    answer = ok(await admin.post(f"{BASE}/{made['id']}/test"), 200)
    assert not answer["delivered"] and answer["response_status"] is None and answer["error"]
    assert await log(admin, made["id"]) == []


async def test_what_is_said_reaches_the_integrator(
    admin: httpx.AsyncClient, receiver: Receiver, loops: EventParts, agent: Desk
) -> None:
    made = await create(admin, receiver.url)
    conversation = (await agent.open())["id"]
    message = ok(await agent.say(conversation, "hello"), 201)
    await until(logged(admin, made["id"], "delivered", 2), "the deliveries")
    told = {got.verified(made["secret"])["type"]: got.json["data"] for got in receiver.got}
    assert set(told) == {"conversation:new", "conversation:message"}
    assert told["conversation:message"]["data"] == message
    assert told["conversation:new"]["conversation_id"] == conversation
    items = await log(admin, made["id"], limit=1)
    page = ok(await admin.get(f"{BASE}/{made['id']}/deliveries", params={"limit": 1}), 200)
    assert page["items"] == items and items[0]["event_type"] == "conversation:message"
    rest = ok(await admin.get(f"{BASE}/{made['id']}/deliveries",
                              params={"limit": 1, "cursor": page["next_cursor"]}), 200)  # fmt: skip
    assert rest["items"][0]["event_type"] == "conversation:new" and rest["next_cursor"] is None
    detail = ok(await admin.get(f"{BASE}/{made['id']}/deliveries/{items[0]['id']}"), 200)
    assert detail["payload"]["data"] == told["conversation:message"]
    assert {k: v for k, v in detail.items() if k != "payload"} == items[0]


async def test_replays_and_a_rotation(
    admin: httpx.AsyncClient, receiver: Receiver, loops: EventParts, agent: Desk
) -> None:
    receiver.answering = with_status(410)
    made = await create(admin, receiver.url, event_types=["conversation:message"])
    path = f"{BASE}/{made['id']}"
    conversation = (await agent.open())["id"]
    sent = ok(await agent.say(conversation, "hello"), 201)
    (failed,) = await until(logged(admin, made["id"], "failed"), "the failure")
    assert failed["response_status"] == 410 and failed["next_attempt_at"] is None
    shown = ok(await admin.get(path), 200)
    assert not shown["is_active"] and shown["disabled_reason"] == "gone" and shown["disabled_at"]
    again = f"{path}/deliveries/{failed['id']}/replay"
    problem(await admin.post(again), 409, "conflict")
    problem(await admin.post(f"{path}/replay", json={"since": sent["created_at"]}), 409, "conflict")
    shown = ok(await admin.patch(path, json={"is_active": True}), 200)
    assert (shown["disabled_reason"], shown["disabled_at"], shown["failing_since"]) == (None, None, None)
    receiver.answering = with_status(204)
    rotated = ok(await admin.post(f"{path}/rotate-secret"), 200)
    assert rotated["secret"] != made["secret"] and rotated["previous_secret_until"]
    assert ok(await admin.post(again), 200)["id"] == failed["id"]
    await until(logged(admin, made["id"], "delivered"), "the replay")
    assert receiver.got[0].id == receiver.got[1].id
    assert receiver.got[1].verified(rotated["secret"]) == receiver.got[1].verified(made["secret"])
    receiver.got[0].verified(made["secret"])
    with pytest.raises(WebhookVerificationError):
        receiver.got[0].verified(rotated["secret"])
    await admin.post(f"{path}/rotate-secret")
    answer = ok(await admin.post(f"{path}/replay", json={"since": "2026-01-01T00:00:00+00:00"}), 200)
    assert answer == {"replayed": 0}
    for since in ("yesterday", "2026-01-01T00:00:00", 5):
        found = problem(await admin.post(f"{path}/replay", json={"since": since}), 422, "invalid")
        assert [e["path"] for e in found["errors"]] == ["since"]
    problem(await admin.get(f"{path}/deliveries/{made['id']}"), 404, "not_found")
    problem(await admin.get(f"{path}/deliveries", params={"status": "lost"}), 422, "invalid")
