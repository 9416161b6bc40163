"""The omnichannel platform's REST API as its document describes it, on the native one: models, flows, every endpoint.

Its realtime service is in `test_socketio.py`, its events on RabbitMQ in `tests/storage/test_event_exchange.py`.
"""

from __future__ import annotations

import pytest
from desks import Desk, fresh, fresh_phone, make_room, ok, problem
from serving import OwnServer

from tertulia.serving.demo import WEBCHAT

SURFACE = """
POST /v1/conversations
GET /v1/conversations
GET /v1/conversations/{id}
PATCH /v1/conversations/{id}
DELETE /v1/conversations/{id}
POST /v1/conversations/{id}/messages
GET /v1/conversations/{id}/messages
POST /v1/conversations/{id}/assign
GET /v1/conversations/{id}/assignments
POST /v1/canned-responses
GET /v1/canned-responses
GET /v1/canned-responses/{id}
PATCH /v1/canned-responses/{id}
DELETE /v1/canned-responses/{id}
POST /v1/bot-rules
GET /v1/bot-rules
GET /v1/bot-rules/{id}
PATCH /v1/bot-rules/{id}
DELETE /v1/bot-rules/{id}
POST /v1/contact-identifiers
GET /v1/contact-identifiers
GET /v1/contact-identifiers/{id}
PATCH /v1/contact-identifiers/{id}
DELETE /v1/contact-identifiers/{id}
POST /v1/webhooks/{channel_type}/{channel_id}
GET /v1/agent-preferences/me
PATCH /v1/agent-preferences/me
GET /v1/agent-preferences
GET /v1/agent-preferences/{user_id}
"""
"""Section 7, line by line."""
CONVERSATION = {
    "id", "account_id", "channel_id", "contact_id", "contact_identifier", "assignee_id", "team_id", "status", "priority",
    "subject", "labels", "first_reply_at", "resolved_at", "last_message_at", "bot_context", "metadata", "created_at",
    "updated_at",
}  # fmt: skip
"""Section 1.1; `metadata_` is the column's name in its program."""


async def test_api_surface(server: OwnServer) -> None:
    async with server.client() as client:
        paths = ok(await client.get("/openapi.json"), 200)["paths"]
    served = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    assert set(SURFACE.split("\n")) - {""} <= served


async def test_conversation(service: Desk) -> None:
    identifier = fresh()
    c = await service.open(
        identifier, subject="Refund", labels=["billing", "technical"], metadata={"order": 7}
    )
    assert set(c) >= CONVERSATION
    assert (c["priority"], c["labels"], c["metadata"], c["contact_identifier"]) == (
        "normal", ["billing", "technical"], {"order": 7}, identifier,
    )  # fmt: skip
    # UNIQUE(channel_id, contact_identifier, status NOT IN (closed, resolved))
    body = {"channel_id": WEBCHAT, "contact_identifier": identifier}
    problem(await service.http.post("/v1/conversations", json=body), 409, "conflict")
    ok(await service.patch(c["id"], status="resolved"), 200)
    assert (await service.open(identifier))["id"] != c["id"]


async def test_message_table_extended_columns(service: Desk) -> None:
    c = await service.open()
    for sender in ("contact", "agent", "bot", "system"):
        ok(await service.say(c["id"], sender, sender_type=sender), 201)
    ok(await service.say(c["id"], "between us", is_private=True), 201)
    messages = await service.messages(c["id"])
    assert [(m["sender_type"], m["is_private"], m["direction"]) for m in messages] == [
        ("contact", False, "inbound"), ("agent", False, "outbound"), ("bot", False, "outbound"),
        ("system", False, "outbound"), ("bot", True, "outbound"),
    ]  # fmt: skip
    assert all(m["conversation_id"] == c["id"] and "sender_id" in m for m in messages)


async def test_status_lifecycle(service: Desk, server: OwnServer) -> None:
    """open → assigned → pending → resolved, and back to open with the customer's next message; closing is final."""
    user = fresh("agent")
    async with server.client(server.token("agent", user)) as client:
        await make_room(client)
        agent, c = Desk(client), await service.open()
        assert c["status"] == "open"
        ok(await agent.patch(c["id"], assignee_id=user), 200)
        for status in ("pending", "resolved"):
            assert ok(await agent.patch(c["id"], status=status), 200)["status"] == status
        assert (await service.get(c["id"]))["resolved_at"]
        ok(await service.say(c["id"], "one more thing", sender_type="contact"), 201)
        reopened = await service.get(c["id"])
        assert (reopened["status"] in ("open", "assigned"), reopened["resolved_at"]) == (True, None)
        ok(await service.http.delete(f"/v1/conversations/{c['id']}"), 204)  # a soft close
        assert (await service.get(c["id"]))["status"] == "closed"


async def test_canned_response(desks: dict[str, Desk]) -> None:
    admin, code = desks["admin"].http, f"/{fresh('greeting')}"
    body = {"short_code": code, "title": "Hi", "content": "Hi {{contact_name}}", "category": "greetings"}
    made = ok(await admin.post("/v1/canned-responses", json=body), 201)
    assert made | body == made and {"id", "created_by", "created_at", "updated_at"} <= set(made)
    problem(await admin.post("/v1/canned-responses", json=body), 409, "conflict")
    path = f"/v1/canned-responses/{made['id']}"
    assert ok(await admin.patch(path, json={"title": "Hello"}), 200) == ok(await admin.get(path), 200)
    ok(await admin.delete(path), 204)


async def test_bot_rule(desks: dict[str, Desk]) -> None:
    admin = desks["admin"].http
    conditions = {
        "keywords": ["refund", "return", "cancel"], "match_mode": "any", "channels": ["whatsapp", "telegram"],
        "time_range": {"start": "18:00", "end": "08:00", "tz": "Africa/Addis_Ababa"},
    }  # fmt: skip
    team = ok(await admin.post("/v1/teams", json={"name": fresh("Billing")}), 201)["id"]
    actions = {
        "reply_text": "We're offline right now...", "assign_team_id": team, "assign_strategy": "round_robin",
        "set_labels": ["billing"], "set_priority": "high",
    }  # fmt: skip
    body = {"name": "Billing Keywords", "priority": 1, "is_active": False, "trigger_type": "keyword",
            "conditions": conditions, "actions": actions}  # fmt: skip
    made = ok(await admin.post("/v1/bot-rules", json=body), 201)
    assert made | body == made and {"id", "created_at", "updated_at"} <= set(made)
    path = f"/v1/bot-rules/{made['id']}"
    ai = {"keywords": ["refund"], "intent": "billing_inquiry", "confidence_min": 0.7}
    asks = {"collect_info": ["name", "order_number"]}
    patched = ok(await admin.patch(path, json={"conditions": ai, "actions": asks}), 200)
    assert (patched["conditions"], patched["actions"]) == (ai, asks)
    for trigger in ("time_based", "channel", "new_conversation", "fallback"):
        other = {"time_based": conditions, "channel": {"channels": ["sms"]}}.get(trigger, {})
        wanted = {"name": trigger, "trigger_type": trigger, "is_active": False, "conditions": other}
        rule = ok(await admin.post("/v1/bot-rules", json={**wanted, "actions": {"set_labels": ["x"]}}), 201)
        ok(await admin.delete(f"/v1/bot-rules/{rule['id']}"), 204)
    ok(await admin.delete(path), 204)


async def test_contact_identifier(desks: dict[str, Desk]) -> None:
    """The same customer on WhatsApp and Telegram is one contact; an identifier belongs to one."""
    admin, service = desks["admin"].http, desks["service"]
    contact = (await service.open())["contact_id"]
    made = {}
    for channel_type, identifier in (("whatsapp", fresh_phone()), ("telegram", fresh_phone()[1:])):
        body = {
            "contact_id": contact,
            "channel_type": channel_type,
            "identifier": identifier,
            "display_name": "Sara",
        }
        made[channel_type] = ok(await admin.post("/v1/contact-identifiers", json=body), 201)
        assert made[channel_type] | body == made[channel_type]
        assert {"id", "metadata", "created_at", "updated_at"} <= set(made[channel_type])
        problem(await admin.post("/v1/contact-identifiers", json=body), 409, "conflict")
    listed = ok(await admin.get("/v1/contact-identifiers", params={"contact_id": contact}), 200)["items"]
    assert {i["id"] for i in listed} >= {i["id"] for i in made.values()}
    path = f"/v1/contact-identifiers/{made['telegram']['id']}"
    assert ok(await admin.patch(path, json={"display_name": "S."}), 200) == ok(await admin.get(path), 200)
    ok(await admin.delete(path), 204)


async def test_agent_preferences(server: OwnServer, desks: dict[str, Desk]) -> None:
    user = fresh("agent")
    sample = {
        "available_channels": ["whatsapp", "telegram", "sms"],
        "available_topics": ["billing", "technical", "general"],
        "available_hours": {
            "schedule": [
                {"days": ["mon", "tue", "wed", "thu", "fri"], "start": "09:00", "end": "17:00"},
                {"days": ["sat"], "start": "09:00", "end": "13:00"},
            ],
            "timezone": "Africa/Addis_Ababa",
        },
        "languages": ["en", "am"],
        "max_concurrent_conversations": 5,
        "is_available": False,
        "auto_accept": False,
        "notification_preferences": {"sound": True, "desktop": True, "email_on_assignment": False},
    }
    async with server.client(server.token("agent", user)) as client:
        defaults = ok(await client.get("/v1/agent-preferences/me"), 200)
        assert (defaults["max_concurrent_conversations"], defaults["is_available"], defaults["auto_accept"]) == (
            5, True, False,
        )  # fmt: skip
        mine = ok(await client.patch("/v1/agent-preferences/me", json=sample), 200)
    assert mine | sample == mine and mine["user_id"] == user
    lead = desks["lead"].http
    assert ok(await lead.get(f"/v1/agent-preferences/{user}"), 200) == mine
    away = ok(await lead.get("/v1/agent-preferences", params={"is_available": "false", "limit": 100}), 200)[
        "items"
    ]
    assert user in [p["user_id"] for p in away]


async def test_agent_inbox_flow(server: OwnServer, desks: dict[str, Desk]) -> None:
    service, user = desks["service"], fresh("agent")
    async with server.client(server.token("agent", user)) as client:
        await make_room(client)
        agent, c = Desk(client), await service.open()
        team = ok(await desks["lead"].http.post("/v1/teams", json={"name": fresh("Billing")}), 201)["id"]
        ok(await service.say(c["id"], "I want a refund", sender_type="contact"), 201)

        async def ids(**query: str) -> list[str]:
            return [i["id"] for i in ok(await client.get("/v1/conversations", params=query), 200)["items"]]

        # agent picks up an unassigned conversation
        taken = ok(await agent.patch(c["id"], assignee_id=user), 200)
        assert (taken["status"], taken["assignee_id"]) == ("assigned", user)
        history = ok(await client.get(f"/v1/conversations/{c['id']}/assignments"), 200)["items"]
        assert history[-1]["agent_id"] == user
        ok(await agent.patch(c["id"], team_id=team), 200)
        assert await ids(status="assigned", assignee_id="me") == [c["id"]]
        assert await ids(status="assigned", team_id=team) == [c["id"]]
        assert c["id"] in await ids(sort="last_message_at:desc") and c["id"] not in await ids(status="bot")
        # agent replies: the SLA's time of the first reply; then a note, which is not a reply
        reply = ok(await agent.say(c["id"], "What's your order number?"), 201)
        assert (reply["direction"], reply["sender_type"], reply["sender_id"]) == ("outbound", "agent", user)
        assert (await service.get(c["id"]))["first_reply_at"] == reply["created_at"]
        note = ok(await agent.say(c["id"], "VIP", is_private=True), 201)
        assert note["is_private"] and note["delivery_status"] is None
        done = ok(await agent.patch(c["id"], status="resolved"), 200)
        assert done["status"] == "resolved" and done["resolved_at"]


@pytest.mark.parametrize("channel_type", ["telegram", "whatsapp", "messenger", "sms", "email"])
async def test_webhooks_inbound_from_channels(server: OwnServer, channel_type: str) -> None:
    """The path is there for each type, and is nobody's without the channel."""
    async with server.client() as client:
        answer = await client.post(
            f"/v1/webhooks/{channel_type}/00000000-0000-0000-0000-0000000000ff", json={}
        )
    assert answer.status_code in (401, 403, 404), answer.text
