"""The sync API as its document describes it: a test for each endpoint, sample and rule, field by field."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest
from desks import Account, fresh_phone, ok
from serving import OwnServer
from waiting import until

from tertulia.serving.demo import ACCOUNT

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
SESSION = re.compile(r"bot123_\d+_\d{10}_[0-9a-z]+")
AGENT = "/api/v1/whatsapp/agent/conversations"
LOOKUP = "/api/v1/whatsapp/lookup"
LEGACY = "/api/v1/conversations"


def data(response: httpx.Response, message: str, status: int = 200) -> Any:
    """The data of a success, after checking its envelope."""
    envelope = ok(response, status)
    assert set(envelope) == {"type", "message", "data"}
    assert (envelope["type"], envelope["message"]) == ("1", message)
    return envelope["data"]


def error(response: httpx.Response, status: int) -> str:
    """The message of an error, after checking its envelope."""
    assert response.status_code == status, response.text
    envelope = response.json()
    assert set(envelope) == {"type", "message"} and envelope["type"] == "3", envelope
    return envelope["message"]


def lasting(c: dict[str, Any]) -> dict[str, Any]:
    """A conversation without its last activity, of which routing has its share."""
    return {k: v for k, v in c.items() if k != "lastActivity"}


@pytest.fixture
async def key(server: OwnServer) -> str:
    """The secret of an API client, as the older service's clients send it."""
    async with server.client(server.token("admin", "maker")) as admin:
        return ok(await admin.post("/v1/api-clients", json={"name": "sync"}), 201)["client_secret"]


@pytest.fixture
async def sync(server: OwnServer, key: str) -> AsyncIterator[httpx.AsyncClient]:
    async with server.client(key) as client:
        client.base_url = httpx.URL(f"{server.url}/sync")
        yield client


async def opened(sync: httpx.AsyncClient, phone: str | None = None, **fields: Any) -> dict[str, Any]:
    body = {"userId": phone or fresh_phone(), "subDomain": "demo", "localId": "branch01", "botId": "bot123"}
    return data(await sync.post(LEGACY, json=body | fields), "Conversation created successfully", 201)


async def test_connection_refused_to_api(sync: httpx.AsyncClient) -> None:
    """The document's `curl https://api.example.com/health`, with the base URL changed; it needs no key."""
    del sync.headers["Authorization"]
    assert data(await sync.get("/health"), "Service is healthy") == {"database": "connected"}


async def test_create_conversation(sync: httpx.AsyncClient) -> None:
    phone = fresh_phone()
    c = await opened(sync, phone)
    assert SESSION.fullmatch(c["sessionId"]) and phone.removeprefix("+") in c["sessionId"]
    assert TIME.fullmatch(c["createdAt"]) and TIME.fullmatch(c["lastActivity"])
    assert c == c | {
        "userId": phone,
        "subDomain": "demo",
        "localId": "branch01",
        "botId": "bot123",
        "currentIntent": None,
        "currentStep": None,
        "context": {"previousMessages": [], "lastUserMessage": None},
        "isActive": True,
        "metadata": {},
    }
    again = await sync.post(LEGACY, json={"userId": phone, "botId": "other"})
    assert lasting(data(again, "Conversation retrieved successfully")) == lasting(c)


async def test_create_conversation_many_at_once(sync: httpx.AsyncClient) -> None:
    body = {"userId": fresh_phone(), "subDomain": "demo", "botId": "bot123"}
    answers = await asyncio.gather(*(sync.post(LEGACY, json=body) for _ in range(6)))
    assert sorted(a.status_code for a in answers) == [200] * 5 + [201]
    assert len({a.json()["data"]["sessionId"] for a in answers}) == 1


async def test_get_by_session_id(sync: httpx.AsyncClient) -> None:
    c = await opened(sync)
    found = data(await sync.get(f"{LEGACY}/{c['sessionId']}"), "Conversation retrieved successfully")
    assert lasting(found) == lasting(c)
    assert error(await sync.get(f"{LEGACY}/nothing"), 404)


@pytest.mark.parametrize("spelling", ["{}", "whatsapp:{}", "{:plain}"])
async def test_tenant_lookup_response(sync: httpx.AsyncClient, spelling: str) -> None:
    phone = fresh_phone()
    c = await opened(sync, phone)
    spelt = phone.removeprefix("+") if "plain" in spelling else spelling.format(phone)
    answer = await sync.get(f"{LOOKUP}/tenant/{spelt}")
    assert data(answer, "Tenant information retrieved successfully") == {
        "subDomain": "demo",
        "botId": "bot123",
        "sessionId": c["sessionId"],
        "isActive": True,
    }


async def test_no_tenant_found_for_phone(sync: httpx.AsyncClient, server: OwnServer) -> None:
    phone = fresh_phone()
    assert error(await sync.get(f"{LOOKUP}/tenant/{phone}"), 404) == "No tenant found for phone"
    c = await opened(sync, phone)
    found = data(await sync.get(f"{LOOKUP}/conversation/{phone}"), "Conversation retrieved successfully")
    assert lasting(found) == lasting(c)
    async with server.client(server.token("service", "s")) as native:
        listed = ok(await native.get("/v1/conversations", params={"q": phone}), 200)["items"]
        ok(await native.patch(f"/v1/conversations/{listed[0]['id']}", json={"status": "expired"}), 200)
    assert error(await sync.get(f"{LOOKUP}/tenant/{phone}"), 404) == "No tenant found for phone"
    assert error(await sync.get(f"{LOOKUP}/conversation/{phone}"), 404)
    assert "phoneNumber" in error(await sync.get(f"{LOOKUP}/tenant/nonsense"), 422)
    kept = data(await sync.get(f"{LEGACY}/{c['sessionId']}"), "Conversation retrieved successfully")
    assert kept["isActive"] is False


async def test_a_conversation_that_nobody_opened_here_gets_a_session(
    sync: httpx.AsyncClient, server: OwnServer
) -> None:
    """A customer's first message came by webhook: the agent knows only the number."""
    phone = fresh_phone()
    async with server.client() as crm:
        tenant = {"X-Tenant-Id": "00000000-0000-0000-0000-000000000001"}
        opening = await crm.post("/crm/api/v1/conversations", json={"customer_phone": phone}, headers=tenant)
        ok(opening, 201)
    answers = await asyncio.gather(*(sync.get(f"{LOOKUP}/tenant/{phone}") for _ in range(4)))
    (session,) = {a.json()["data"]["sessionId"] for a in answers}
    found = data(await sync.get(f"{LEGACY}/{session}"), "Conversation retrieved successfully")
    assert (found["userId"], found["botId"], found["localId"]) == (phone, None, None)
    for later in (
        {"botId": "bot123"},
        {"botId": "other", "localId": "branch01"},
    ):  # what is named later fills what is empty
        found = data(
            await sync.post(LEGACY, json={"userId": phone} | later), "Conversation retrieved successfully"
        )
    assert (found["sessionId"], found["botId"], found["localId"]) == (session, "bot123", "branch01")


async def test_conversation_sync_response(sync: httpx.AsyncClient) -> None:
    c = await opened(sync)
    context = {"selectedItems": [{"name": "Pizza"}], "orderTotal": 50.00, "paymentMethod": "yape"}
    body = {
        "intent": "payment",
        "step": "processing_payment",
        "context": context,
        "metadata": {"agentProcessedAt": "2025-12-29T10:06:00", "agentVersion": "1.0.0"},
    }
    synced = data(
        await sync.put(f"{AGENT}/{c['sessionId']}/sync", json=body),
        "Conversation synced successfully from agent",
    )
    assert TIME.fullmatch(synced.pop("lastActivity"))
    assert synced == {
        "sessionId": c["sessionId"],
        "currentIntent": "payment",
        "currentStep": "processing_payment",
        "context": context,
    }
    whole = data(await sync.get(f"{LEGACY}/{c['sessionId']}"), "Conversation retrieved successfully")
    assert whole["metadata"] == body["metadata"] and whole["context"]["orderTotal"] == 50.0


async def test_sync_merges_key_by_key(sync: httpx.AsyncClient) -> None:
    path = f"{AGENT}/{(await opened(sync))['sessionId']}/sync"
    await asyncio.gather(*(sync.put(path, json={"context": {f"k{n}": n}}) for n in range(8)))
    answer = await sync.put(path, json={"step": "cart", "context": {"k0": "new"}})
    synced = data(answer, "Conversation synced successfully from agent")
    assert synced["context"] == {"k0": "new"} | {f"k{n}": n for n in range(1, 8)}
    assert (synced["currentIntent"], synced["currentStep"]) == (None, "cart")


@pytest.mark.parametrize("route", ["sync", "intent"])
async def test_an_agent_without_an_intent_says_so(sync: httpx.AsyncClient, route: str) -> None:
    c = await opened(sync)
    if route == "sync":
        body = {"intent": "", "step": "", "context": {"orderTotal": 15.0}}
        synced = data(
            await sync.put(f"{AGENT}/{c['sessionId']}/sync", json=body),
            "Conversation synced successfully from agent",
        )
        assert synced["context"] == {"orderTotal": 15.0}
    else:
        answer = await sync.patch(f"{LEGACY}/{c['sessionId']}/intent", json={"intent": "", "step": ""})
        synced = data(answer, "Intent updated successfully")
    assert (synced["currentIntent"], synced["currentStep"]) == ("", "")


async def test_update_intent(sync: httpx.AsyncClient) -> None:
    path = f"{LEGACY}/{(await opened(sync))['sessionId']}/intent"
    answer = await sync.patch(path, json={"intent": "order", "step": "cart", "subDomain": "demo"})
    changed = data(answer, "Intent updated successfully")
    assert (changed["currentIntent"], changed["currentStep"]) == ("order", "cart")
    assert "intent" in error(await sync.patch(path, json={}), 422)


async def test_update_context(sync: httpx.AsyncClient) -> None:
    path = f"{LEGACY}/{(await opened(sync))['sessionId']}/context"
    first = data(await sync.patch(path, json={"context": {"cart": 1}}), "Context updated successfully")
    assert first["context"] == {"cart": 1}
    for given, orders in (["o-1"], ["o-1"]), (["o-2"], ["o-1", "o-2"]), (None, None):
        linked = await sync.patch(path, json={"context": {"orderIds": given}, "subDomain": "demo"})
        assert data(linked, "Context updated successfully")["context"] == {"cart": 1, "orderIds": orders}
    large = {"context": {"x": "y" * 20_000}}
    assert "context" in error(await sync.patch(path, json=large), 422)
    assert "context" in error(await sync.patch(path, json={"context": {"_collecting": {}}}), 422)


@pytest.mark.parametrize("base", [AGENT, LEGACY])
async def test_message_add_response(sync: httpx.AsyncClient, base: str) -> None:
    c = await opened(sync)
    path = f"{base}/{c['sessionId']}/messages"
    first = {"role": "user", "content": "Quiero una pizza"}
    data(await sync.post(path, json=first), "Message added successfully", 201)
    second = {"role": "bot", "content": "¡Perfecto! Tu pedido está confirmado.", "metadata": {"n": 1}}
    added = data(
        await sync.post(path, json=second | {"subDomain": "demo"}), "Message added successfully", 201
    )
    assert set(added) == {"sessionId", "context"} and added["sessionId"] == c["sessionId"]
    assert added["context"]["lastUserMessage"] == "Quiero una pizza"
    said = added["context"]["previousMessages"]
    assert all(TIME.fullmatch(m.pop("timestamp")) for m in said)
    assert said == [first, {"role": "bot", "content": second["content"]}]
    for wrong, field in (
        ({"role": "agent", "content": "x"}, "role"),
        ({"role": "user", "content": ""}, "content"),
    ):
        assert field in error(await sync.post(path, json=wrong), 422)


async def test_an_erased_customers_session_is_gone(sync: httpx.AsyncClient, server: OwnServer) -> None:
    """A session id holds the customer's number."""
    c = await opened(sync)
    sessions = "SELECT 1 FROM conversation_sessions WHERE session_id = $1"
    assert await server.sql(sessions, c["sessionId"])
    (contact,) = await server.sql(
        "SELECT contact_id FROM contact_identifiers WHERE identifier = $1 AND account_id = $2",
        c["userId"],
        ACCOUNT,
    )
    async with server.client(server.token("admin", "eraser")) as admin:
        ok(await admin.post(f"/v1/contacts/{contact['contact_id']}/erase"))
    assert not await server.sql(sessions, c["sessionId"])
    error(await sync.get(f"{LOOKUP}/tenant/{c['userId']}"), 404)


async def test_a_message_is_answered_alike_whichever_way_it_takes(
    sync: httpx.AsyncClient, server: OwnServer
) -> None:
    """A body in pieces takes the standard path; in one read, the fast path."""
    c = await opened(sync)
    path = f"{AGENT}/{c['sessionId']}/messages"

    async def pieces(body: dict[str, Any]) -> AsyncIterator[bytes]:
        yield msgspec.json.encode(body)

    async def said(body: dict[str, Any], key: str, *, fast: bool) -> httpx.Response:
        headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
        content = msgspec.json.encode(body) if fast else pieces(body)
        return await sync.post(path, content=content, headers=headers)

    await said({"role": "user", "content": "first"}, "k0", fast=True)  # key and session become known
    for number, body in enumerate(
        (
            {"role": "user", "content": "Quiero una pizza"},
            {"role": "bot", "content": "¡Perfecto!", "metadata": {"a": 1}},
            {"role": "user", "content": ""},
            {"role": "agent", "content": "x"},
            {"role": "user", "content": "x", "subDomain": "another"},
        )
    ):
        one = await said(body, f"a{number}", fast=True)
        other = await said(body, f"b{number}", fast=False)
        assert one.status_code == other.status_code and set(one.headers) == set(other.headers), (one, other)
        if one.status_code == 201:
            for response, there in ((one, 1), (other, 2)):
                context = data(response, "Message added successfully", 201)["context"]
                last = context["previousMessages"][-1]
                assert (last["role"], last["content"]) == (body["role"], body["content"])
                assert [m["content"] for m in context["previousMessages"]].count(body["content"]) == there
            for fast in (True, False):
                again = data(await said(body, f"a{number}", fast=fast), "Message added successfully")
                assert again["context"]["previousMessages"][-1]["content"] == body["content"]
        else:
            assert one.json() == other.json()
    # refused after it was sent: the conversation is over
    (row,) = await server.sql(
        "SELECT conversation_id FROM conversation_sessions WHERE session_id = $1", c["sessionId"]
    )
    async with server.client(server.token("lead", "closer")) as lead:
        ok(await lead.delete(f"/v1/conversations/{row['conversation_id']}"), 204)
    over = [await said({"role": "user", "content": "x"}, f"c{fast}", fast=fast) for fast in (True, False)]
    assert error(over[0], 409) == error(over[1], 409) and set(over[0].headers) == set(over[1].headers)


async def test_errors_have_the_envelope(sync: httpx.AsyncClient, server: OwnServer) -> None:
    assert error(await sync.post(LEGACY, content=b"{", headers={"Content-Type": "application/json"}), 400)
    assert error(await sync.post(LEGACY, content=b"x", headers={"Content-Type": "text/plain"}), 415)
    assert error(await sync.post(LEGACY, json={"userId": "x" * 2_000_000}), 413)
    assert "userId" in error(await sync.post(LEGACY, json={"userId": "nobody"}), 422)
    async with server.client() as nobody:
        assert error(await nobody.get(f"/sync{LOOKUP}/tenant/+51999999999"), 401)
    # what no route answers, too
    assert error(await sync.get("/api/v1/nothing"), 404) == "there is no such route"
    assert error(await sync.get(f"{LOOKUP}/tenant/"), 404)
    deleted = await sync.delete(f"{LEGACY}/x")
    assert error(deleted, 405) and deleted.headers["Allow"] == "GET,HEAD,OPTIONS"
    assert error(await sync.post(LEGACY, content=b"x", headers={"Content-Encoding": "gzip"}), 415)


@pytest.mark.parametrize("name", ["a%00b", "a%2Fb", "%F0%9F%98%80", "x" * 2000, "%ED%A0%80"])
async def test_any_text_may_be_asked_for_as_a_session(sync: httpx.AsyncClient, name: str) -> None:
    assert error(await sync.get(f"{LEGACY}/{name}"), 404) == "no such conversation"
    message = {"role": "user", "content": "x"}
    assert error(await sync.post(f"{LEGACY}/{name}/messages", json=message), 404) == "no such conversation"
    assert error(await sync.put(f"{AGENT}/{name}/sync", json={}), 404) == "no such conversation"


async def test_a_query_names_no_other_sub_domain_than_the_keys(sync: httpx.AsyncClient) -> None:
    c = await opened(sync)
    for path in (
        f"{LEGACY}/{c['sessionId']}",
        f"{LOOKUP}/tenant/{c['userId']}",
        f"{LOOKUP}/conversation/{c['userId']}",
    ):
        ok(await sync.get(f"{path}?subDomain=demo&localId=branch01"))
        assert error(await sync.get(f"{path}?subDomain=another"), 403)


async def test_a_context_changes_neither_intent_nor_step(sync: httpx.AsyncClient) -> None:
    c = await opened(sync)
    theirs = {
        "currentIntent": 5,
        "currentStep": ["x"],
        "previousMessages": [1],
        "lastUserMessage": "x",
        "mine": 1,
    }
    answer = await sync.put(f"{AGENT}/{c['sessionId']}/sync", json={"intent": "order", "context": theirs})
    state = data(answer, "Conversation synced successfully from agent")
    assert (state["currentIntent"], state["currentStep"], state["context"]) == ("order", None, {"mine": 1})
    answer = await sync.patch(f"{LEGACY}/{c['sessionId']}/context", json={"context": theirs | {"mine": 2}})
    state = data(answer, "Context updated successfully")
    assert (state["currentIntent"], state["currentStep"], state["context"]) == ("order", None, {"mine": 2})


async def test_api_keys(sync: httpx.AsyncClient, server: OwnServer, other: Account) -> None:
    c = await opened(sync)
    path = f"/sync{LEGACY}/{c['sessionId']}"
    async with server.client("not-a-key") as client:
        assert error(await client.get(path), 401)
    # another tenant's key finds nothing, and names no sub-domain but its own
    async with server.client(server.token("admin", "a", other.id)) as admin:
        made = ok(await admin.post("/v1/api-clients", json={"name": "sync"}), 201)
        async with server.client(made["client_secret"]) as theirs:
            assert error(await theirs.get(path), 404)
            phone = c["userId"]
            assert error(await theirs.get(f"/sync{LOOKUP}/tenant/{phone}"), 404)
            message = {"role": "user", "content": "x"}
            assert error(await theirs.post(f"{path}/messages", json=message), 404)
            opening = {"userId": fresh_phone(), "subDomain": "demo"}
            assert error(await theirs.post(f"/sync{LEGACY}", json=opening), 403)
            theirs_is = ok(await theirs.post(f"/sync{LEGACY}", json={"userId": opening["userId"]}), 201)[
                "data"
            ]
            named = opening | {"subDomain": theirs_is["subDomain"]}
            again = ok(await theirs.post(f"/sync{LEGACY}", json=named), 200)["data"]
            assert lasting(again) == lasting(theirs_is)
            ok(await admin.delete(f"/v1/api-clients/{made['client_id']}"), 204)

            async def refused() -> bool:
                return (await theirs.get(path)).status_code == 401

            await until(refused, "the deleted client's key to be refused everywhere", 5)
    async with server.client(
        server.token("customer", "x", channel_id=other.channel, contact_identifier="x")
    ) as who:
        assert error(await who.get(path), 403)
