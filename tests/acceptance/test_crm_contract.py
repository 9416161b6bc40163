"""The CRM's REST API as its document describes it: a test for each heading, request and response, field by field."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from desks import Account, fresh_phone, make_room, ok, problem
from serving import OwnServer
from waiting import until

from tertulia.serving.demo import ACCOUNT, OUTLET

TENANT = {"X-Tenant-Id": ACCOUNT}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
CONVERSATION = {
    "id", "tenant_id", "outlet_id", "customer_phone", "customer_name", "status", "handoff_requested",
    "handoff_agent_id", "handoff_reason", "started_at", "ended_at", "last_message_at",
}  # fmt: skip
MESSAGE = {
    "id", "conversation_id", "sender_type", "sender_id", "content", "whatsapp_message_id", "timestamp", "metadata",
}  # fmt: skip


class Crm:
    """A client of the CRM: it knows its base URL and its tenant, nothing else."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def open(self, **fields: Any) -> dict[str, Any]:
        body = {"outlet_id": OUTLET, "customer_phone": fresh_phone(), "customer_name": "John Doe"} | fields
        return ok(await self.http.post("/api/v1/conversations", json=body), 201)

    async def say(self, conversation: str, content: str, sender: str = "customer", **fields: Any) -> Any:
        body = {"conversation_id": conversation, "sender_type": sender, "content": content, **fields}
        return ok(await self.http.post("/api/v1/messages", json=body))

    async def get(self, conversation: str, query: str = "") -> dict[str, Any]:
        return ok(await self.http.get(f"/api/v1/conversations/{conversation}{query}"), 200)

    async def put(self, conversation: str, what: str, **fields: Any) -> httpx.Response:
        return await self.http.put(f"/api/v1/conversations/{conversation}/{what}", json=fields)


@pytest.fixture
async def crm(server: OwnServer) -> AsyncIterator[Crm]:
    async with server.client() as client:
        client.base_url = httpx.URL(f"{server.url}/crm")
        client.headers.update(TENANT)
        yield Crm(client)


async def test_health_check(crm: Crm) -> None:
    assert ok(await crm.http.get("/health"), 200) == {
        "status": "healthy",
        "service": "conversation-service",
        "version": "1.0.0",
        "database": "connected",
        "websocket": "active",
    }


async def test_create_conversation(crm: Crm) -> None:
    phone = fresh_phone()
    c = await crm.open(customer_phone=phone)
    assert set(c) == CONVERSATION
    assert UUID(c["id"]) and TIME.fullmatch(c["started_at"]) and c["last_message_at"] == c["started_at"]
    assert c == c | {
        "tenant_id": ACCOUNT,
        "outlet_id": OUTLET,
        "customer_phone": phone,
        "customer_name": "John Doe",
        "status": "active",
        "handoff_requested": False,
        "handoff_agent_id": None,
        "handoff_reason": None,
        "ended_at": None,
    }
    again = await crm.http.post("/api/v1/conversations", json={"outlet_id": OUTLET, "customer_phone": phone})
    assert problem(again, 409, "conflict")["current"]["conversation_id"] == c["id"]


async def test_create_conversation_names_the_wrong_field(crm: Crm) -> None:
    for body, path in (
        ({"customer_phone": "abc"}, "customer_phone"),
        ({"customer_phone": fresh_phone(), "outlet_id": "x"}, "outlet_id"),
        ({"customer_phone": fresh_phone(), "customer_name": 7}, "customer_name"),
        ({}, "customer_phone"),
    ):
        refused = problem(await crm.http.post("/api/v1/conversations", json=body), 422, "invalid")
        assert path in f"{refused['errors']}", refused


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("\u2066Ana\u2069 🦊", "Ana 🦊"),
        ("line\nbreak\ttab", "linebreaktab"),
        ("\u202egnp.exe", "gnp.exe"),
        ("أحمد\u200f", "أحمد\u200f"),
        ("", None),
        (" \u200b", None),
    ],
)
async def test_a_customers_name_may_be_any_text(crm: Crm, name: str, shown: str | None) -> None:
    """It is what the customer chose at WhatsApp: no name costs a customer their conversation."""
    c = await crm.open(customer_name=name)
    assert c["customer_name"] == shown
    body = {"customer_phone": c["customer_phone"], "customer_name": name}
    found = ok(await crm.http.post("/api/v1/conversations/find-or-create", json=body), 200)
    assert (found["id"], found["customer_name"]) == (c["id"], shown)


async def test_get_conversation(crm: Crm) -> None:
    c = await crm.open()
    assert await crm.get(c["id"]) == c
    first = await crm.say(c["id"], "hello")
    await crm.say(c["id"], "hi, how can I help?", "llm", metadata={"llm_model": "gpt-4o-mini"})
    detail = await crm.get(c["id"], "?include_messages=true")
    assert set(detail) == CONVERSATION | {"messages"}
    assert [m["content"] for m in detail["messages"]] == ["hello", "hi, how can I help?"]
    assert detail["messages"][0] == first["message"]
    assert detail["last_message_at"] == detail["messages"][1]["timestamp"]
    problem(await crm.http.get("/api/v1/conversations/not-an-id"), 404, "not_found")
    problem(await crm.http.get(f"/api/v1/conversations/{ACCOUNT}"), 404, "not_found")


async def test_get_active_conversations(crm: Crm) -> None:
    outlet = "10000000-0000-0000-0000-0000000000aa"
    first, second, handed, resolved = [await crm.open(outlet_id=outlet) for _ in range(4)]
    elsewhere = await crm.open()
    await crm.http.post(f"/api/v1/conversations/{handed['id']}/handoff", json={"reason": "asked"})
    ok(await crm.put(resolved["id"], "status", status="resolved"), 200)
    listed = ok(await crm.http.get("/api/v1/conversations/active", params={"outlet_id": outlet}), 200)
    assert listed == [first, second], "a plain array, oldest first"
    everywhere = ok(await crm.http.get("/api/v1/conversations/active"), 200)
    ids = [c["id"] for c in everywhere]
    assert {first["id"], second["id"], elsewhere["id"]} <= set(ids)
    assert not {handed["id"], resolved["id"]} & set(ids)


async def test_find_or_create_conversation(crm: Crm) -> None:
    body = {"outlet_id": OUTLET, "customer_phone": fresh_phone(), "customer_name": "John Doe"}

    async def find() -> httpx.Response:
        return await crm.http.post("/api/v1/conversations/find-or-create", json=body)

    answers = await asyncio.gather(*(find() for _ in range(8)))
    assert sorted(a.status_code for a in answers) == [200] * 7 + [201]
    assert len({a.json()["id"] for a in answers}) == 1 and set(answers[0].json()) == CONVERSATION
    ok(await crm.put(answers[0].json()["id"], "status", status="expired"), 200)
    anew = ok(await find(), 201)
    assert anew["id"] != answers[0].json()["id"] and anew["status"] == "active"


async def test_request_handoff(crm: Crm) -> None:
    c = await crm.open()
    body = {"reason": "Customer requested human agent"}
    handed = ok(await crm.http.post(f"/api/v1/conversations/{c['id']}/handoff", json=body), 200)
    assert handed == c | {
        "status": "handed_off",
        "handoff_requested": True,
        "handoff_reason": "Customer requested human agent",
    }


async def test_request_handoff_to_an_agent(crm: Crm, server: OwnServer) -> None:
    async with server.client(server.token("agent", "crm-agent")) as agent:
        await make_room(agent)
    c = await crm.open()
    body = {"reason": "Customer requested human agent", "agent_id": "crm-agent"}
    handed = ok(await crm.http.post(f"/api/v1/conversations/{c['id']}/handoff", json=body), 200)
    assert (handed["status"], handed["handoff_agent_id"]) == ("handed_off", "crm-agent")


async def test_assign_agent(crm: Crm, server: OwnServer) -> None:
    async with server.client(server.token("agent", "crm-agent")) as agent:
        await make_room(agent)
    c = await crm.open()
    assigned = ok(await crm.put(c["id"], "assign", agent_id="crm-agent"), 200)
    assert assigned == c | {"status": "handed_off", "handoff_agent_id": "crm-agent"}
    problem(await crm.put(c["id"], "assign"), 422, "invalid")


STATUSES = ("active", "resolved", "handed_off", "expired")


@pytest.mark.parametrize("first", STATUSES[:3])
@pytest.mark.parametrize("wanted", STATUSES)
async def test_update_conversation_status(crm: Crm, first: str, wanted: str) -> None:
    c = await crm.open()
    assert ok(await crm.put(c["id"], "status", status=first), 200)["status"] == first
    changed = ok(await crm.put(c["id"], "status", status=wanted), 200)
    assert changed["status"] == wanted and await crm.get(c["id"]) == changed
    assert (changed["ended_at"] is not None) is (wanted in ("resolved", "expired"))


async def test_valid_statuses(crm: Crm, server: OwnServer) -> None:
    async with server.client(server.token("agent", "crm-agent")) as agent:
        await make_room(agent)
    c = await crm.open()
    refused = problem(await crm.put(c["id"], "status", status="open"), 422, "invalid")
    assert refused["errors"][0]["path"] == "status"
    ok(await crm.put(c["id"], "assign", agent_id="crm-agent"), 200)
    assert ok(await crm.put(c["id"], "status", status="active"), 200)["handoff_agent_id"] is None
    ok(await crm.put(c["id"], "assign", agent_id="crm-agent"), 200)
    assert ok(await crm.put(c["id"], "status", status="expired"), 200)["status"] == "expired"
    problem(await crm.put(c["id"], "status", status="active"), 409, "conflict")


async def test_create_message(crm: Crm) -> None:
    c = await crm.open()
    said = "I need help resetting my password"
    metadata = {"llm_model": "gpt-4o-mini", "tokens_used": 150, "low_confidence": False}
    wamid = f"wamid.{c['id']}"
    made = await crm.say(c["id"], said, whatsapp_message_id=wamid, metadata=metadata)
    assert set(made) == {"message", "handoff_requested"} and set(made["message"]) == MESSAGE
    message = made["message"]
    assert UUID(message["id"]) and TIME.fullmatch(message["timestamp"])
    assert made["handoff_requested"] is False and message == message | {
        "conversation_id": c["id"],
        "sender_type": "customer",
        "sender_id": None,
        "content": said,
        "whatsapp_message_id": wamid,
        "metadata": metadata,
    }
    body = {
        "conversation_id": c["id"],
        "sender_type": "customer",
        "content": said,
        "whatsapp_message_id": wamid,
    }
    again = await crm.http.post("/api/v1/messages", json=body)
    assert ok(again, 200) == made, "a provider's message exists once"
    assert (await crm.say(c["id"], "thanks"))["message"]["metadata"] is None


@pytest.mark.parametrize("sender", ["customer", "llm", "agent"])
async def test_sender_types(crm: Crm, sender: str) -> None:
    c = await crm.open()
    assert (await crm.say(c["id"], "hello", sender))["message"]["sender_type"] == sender


async def test_create_message_names_the_wrong_field(crm: Crm) -> None:
    c = await crm.open()
    good = {"conversation_id": c["id"], "sender_type": "customer", "content": "x"}
    for change, path in (
        ({"sender_type": "system"}, "sender_type"),
        ({"content": ""}, "content"),
        ({"metadata": "x"}, "metadata"),
        ({"metadata": {"x": "y" * 20_000}}, "metadata"),
        ({"whatsapp_message_id": ""}, "whatsapp_message_id"),
    ):
        refused = problem(await crm.http.post("/api/v1/messages", json=good | change), 422, "invalid")
        assert refused["errors"][0]["path"] == path, refused
    for conversation in ("nonsense", ACCOUNT):
        body = good | {"conversation_id": conversation}
        problem(await crm.http.post("/api/v1/messages", json=body), 404, "not_found")


async def test_auto_handoff_detection(crm: Crm) -> None:
    c = await crm.open()
    wamid = f"wamid.{c['id']}"
    made = await crm.say(c["id"], "I want to speak to a human", whatsapp_message_id=wamid)
    reason = "Customer requested human agent (keyword: 'speak to human')"
    assert made["handoff_requested"] is True and made["handoff_reason"] == reason
    after = await crm.get(c["id"])
    assert (after["status"], after["handoff_requested"], after["handoff_reason"]) == (
        "handed_off",
        True,
        reason,
    )
    assert await crm.say(c["id"], "I want to speak to a human", whatsapp_message_id=wamid) == made
    assert (await crm.say(c["id"], "hello?"))["handoff_requested"] is False, "it is with humans already"


KEYWORDS = ("speak to human", "talk to agent", "representative", "escalate", "supervisor", "manager", "complaint",
            "human", "person")  # fmt: skip


@pytest.mark.parametrize("keyword", KEYWORDS)
async def test_keyword_detection(crm: Crm, keyword: str) -> None:
    c = await crm.open()
    made = await crm.say(c["id"], f"Please, {keyword.upper()}!")
    assert made["handoff_reason"] == f"Customer requested human agent (keyword: '{keyword}')"
    quiet = await crm.open()
    assert (await crm.say(quiet["id"], f"x{keyword}x"))["handoff_requested"] is False


async def test_low_confidence_detection(crm: Crm) -> None:
    c = await crm.open()
    await crm.say(c["id"], "what is your refund policy?")
    unsure = {"llm_model": "gpt-4o-mini", "low_confidence": True}
    answers = [await crm.say(c["id"], f"maybe {n}", "llm", metadata=unsure) for n in range(3)]
    assert [a["handoff_requested"] for a in answers] == [False, False, True]
    assert answers[2]["handoff_reason"] == "Multiple low-confidence responses"
    assert (await crm.get(c["id"]))["status"] == "handed_off"


async def test_get_messages(crm: Crm) -> None:
    c = await crm.open()
    said = [(await crm.say(c["id"], f"message {n}"))["message"] for n in range(4)]
    path = f"/api/v1/conversations/{c['id']}/messages"
    assert ok(await crm.http.get(path), 200) == said, "a plain array, oldest first"
    assert ok(await crm.http.get(path, params={"limit": 2}), 200) == said[2:]
    assert ok(await crm.http.get(path, params={"limit": 100_000}), 200) == said
    for wrong in ("0", "-1", "x", "1e3"):
        problem(await crm.http.get(path, params={"limit": wrong}), 422, "invalid")


async def test_get_recent_messages_for_llm_context(crm: Crm, server: OwnServer) -> None:
    c = await crm.open()
    said = [(await crm.say(c["id"], f"message {n}"))["message"] for n in range(6)]
    async with server.client(server.token("service", "s")) as native:
        note = {"content": "between us", "is_private": True}
        ok(await native.post(f"/v1/conversations/{c['id']}/messages", json=note), 201)
    path = f"/api/v1/conversations/{c['id']}/messages/recent"
    assert ok(await crm.http.get(path), 200) == said[2:]
    assert ok(await crm.http.get(path, params={"count": 3}), 200) == said[3:]
    assert ok(await crm.http.get(path, params={"count": 50}), 200) == said


async def test_multi_tenant_isolation(crm: Crm, server: OwnServer, other: Account) -> None:
    c = await crm.open()
    async with server.client() as client:
        client.base_url = httpx.URL(f"{server.url}/crm")
        path = f"/api/v1/conversations/{c['id']}"
        message = {"conversation_id": c["id"], "sender_type": "customer", "content": "x"}
        problem(await client.get(path), 401, "unauthenticated")
        theirs = {"X-Tenant-Id": other.id}
        problem(await client.get(path, headers=theirs), 404, "not_found")
        problem(await client.get(f"{path}/messages", headers=theirs), 404, "not_found")
        problem(await client.get(f"{path}/messages/recent", headers=theirs), 404, "not_found")
        problem(await client.post("/api/v1/messages", json=message, headers=theirs), 404, "not_found")
        problem(
            await client.put(f"{path}/status", json={"status": "resolved"}, headers=theirs), 404, "not_found"
        )
        problem(await client.get(path, headers={"X-Tenant-Id": "1; DROP TABLE"}), 400, "malformed")
        # a token binds the header, even where the header alone would do
        client.headers["Authorization"] = f"Bearer {server.token('service', 's', other.id)}"
        problem(await client.get(path, headers=TENANT), 403, "forbidden")
        problem(await client.post("/api/v1/messages", json=message, headers=TENANT), 403, "forbidden")
        problem(await client.get(path), 400, "malformed")
        problem(await client.get(path, headers=theirs), 404, "not_found")
        client.headers["Authorization"] = f"Bearer {server.token('service', 's')}"
        assert ok(await client.get(path, headers=TENANT), 200) == c
        mixed = TENANT | {"X-Account-Id": other.id}
        problem(await client.get(path, headers=mixed), 403, "forbidden")
        problem(await client.post("/api/v1/messages", json=message, headers=mixed), 403, "forbidden")
    assert await crm.get(c["id"]) == c


NOBODY = {"X-Tenant-Id": "11111111-1111-4111-8111-111111111111"}
ONE = "/api/v1/conversations/{id}"
PHONE = {"customer_phone": "+628123456789"}
SAID = {"conversation_id": "{id}", "sender_type": "customer", "content": "x"}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/v1/conversations/active", None),
        ("GET", ONE, None),
        ("GET", f"{ONE}/messages", None),
        ("GET", f"{ONE}/messages/recent", None),
        ("POST", "/api/v1/conversations", PHONE),
        ("POST", "/api/v1/conversations/find-or-create", PHONE),
        ("POST", f"{ONE}/handoff", {"reason": "x"}),
        ("PUT", f"{ONE}/assign", {"agent_id": "x"}),
        ("PUT", f"{ONE}/status", {"status": "resolved"}),
        ("POST", "/api/v1/messages", SAID),
    ],
)
@pytest.mark.parametrize("proof", ["header", "token"])
async def test_an_unknown_tenant_has_nothing(
    crm: Crm, server: OwnServer, proof: str, method: str, path: str, body: dict[str, Any] | None
) -> None:
    """ "All queries filter by tenant": a list is empty, and what is named by its id is not found."""
    c = await crm.open()
    if body is SAID:
        body = SAID | {"conversation_id": c["id"]}
    token = server.token("service", "s", NOBODY["X-Tenant-Id"]) if proof == "token" else None
    async with server.client(token) as client:
        answer = await client.request(method, f"/crm{path.format(id=c['id'])}", json=body, headers=NOBODY)
    if path.endswith("/active"):
        assert ok(answer, 200) == []
    else:
        problem(answer, 404, "not_found")


async def test_a_person_writes_as_themselves_and_names_no_providers_message(
    crm: Crm, server: OwnServer
) -> None:
    c = await crm.open()
    async with server.client(server.token("agent", "crm-agent")) as client:
        client.headers.update(TENANT)
        body = {"conversation_id": c["id"], "sender_type": "agent", "content": "hello"}
        made = ok(await client.post("/crm/api/v1/messages", json=body), 201)
        assert made["message"]["sender_id"] == "crm-agent"
        for change in ({"sender_type": "customer"}, {"whatsapp_message_id": "wamid.stolen"}):
            problem(await client.post("/crm/api/v1/messages", json=body | change), 403, "forbidden")


async def test_unknown_fields_are_left_alone(crm: Crm) -> None:
    """The older service ignored them."""
    c = await crm.open(channel="whatsapp")
    assert (await crm.say(c["id"], "hello", anything=1))["message"]["content"] == "hello"
    assert len((await crm.get(c["id"], "?include_messages=true&_=1764521510&_=2"))["messages"]) == 1
    for path in (
        f"{c['id']}/messages?limit=1&offset=0",
        f"{c['id']}/messages/recent?count=1&a",
        "active?b=null",
    ):
        assert len(ok(await crm.http.get(f"/api/v1/conversations/{path}"))) >= 1


async def test_ids_are_equal_in_capital_letters(crm: Crm) -> None:
    """As in the columns of type UUID that the CRM had."""
    outlet = str(uuid4())
    c = await crm.open(outlet_id=outlet.upper())
    id = c["id"].upper()
    assert c["outlet_id"] == outlet
    found = ok(await crm.http.get(f"/api/v1/conversations/active?outlet_id={outlet.upper()}"))
    assert [one["id"] for one in found] == [c["id"]]
    assert (await crm.get(id))["id"] == c["id"]
    assert (await crm.say(id, "hi"))["message"]["conversation_id"] == c["id"]
    for path in (f"/api/v1/conversations/{id}/messages", f"/api/v1/conversations/{id}/messages/recent"):
        (one,) = ok(await crm.http.get(path, headers={"X-Tenant-Id": ACCOUNT.upper()}))
        assert one["content"] == "hi"


@pytest.mark.parametrize(
    "body", [None, {}, {"reason": None}, {"reason": ""}, {"reason": None, "agent_id": None}]
)
async def test_a_handoff_without_a_reason(crm: Crm, body: dict[str, Any] | None) -> None:
    path = f"/api/v1/conversations/{(await crm.open())['id']}/handoff"
    c = ok(await (crm.http.post(path) if body is None else crm.http.post(path, json=body)))
    assert (c["status"], c["handoff_reason"]) == ("handed_off", "Handoff requested")


async def test_an_account_without_whatsapp_gets_a_channel_that_only_records(
    server: OwnServer, other: Account
) -> None:
    async with server.client(server.token("admin", "a", other.id)) as admin:
        crm = Crm(admin)
        crm.http.base_url = httpx.URL(f"{server.url}/crm")
        crm.http.headers["X-Tenant-Id"] = other.id
        opened = await asyncio.gather(*(crm.open() for _ in range(4)))
        admin.base_url = httpx.URL(server.url)
        channels = ok(await admin.get("/v1/channels"), 200)["items"]
        (made,) = [c for c in channels if c["type"] == "whatsapp"]
        assert made["config"] == {"sent_elsewhere": True}
        conversation = f"/v1/conversations/{opened[0]['id']}"
        ok(await admin.post(f"{conversation}/messages", json={"content": "hello"}), 201)

        async def sent() -> bool:
            (message,) = ok(await admin.get(f"{conversation}/messages"), 200)["items"]
            assert message["delivery_status"] in ("queued", "sent"), message
            return message["delivery_status"] == "sent"

        await until(sent, "the message to be recorded as sent")
    async with server.client() as client:
        nobody = {"X-Tenant-Id": "00000000-0000-0000-0000-0000000000c1"}
        body = {"customer_phone": fresh_phone()}
        problem(await client.post("/crm/api/v1/conversations", json=body, headers=nobody), 404, "not_found")
