"""Suggestions through the API: drafted, decided by people, bound to the messages they are based on, deleted with an erased customer."""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any

import pytest
from desks import Desk, fresh, ok, problem
from serving import OwnServer
from waiting import until
from websockets.asyncio.client import connect

RACES = int(os.environ.get("SUGGESTION_RACES", "25"))
"""Approvals against a customer's message, at once."""


async def asked(service: Desk, content: str = "Where is my refund for order A-1042?", **fields: Any) -> str:
    """A conversation in which a customer has written."""
    c = await service.open(**fields)
    ok(await service.say(c["id"], content, sender_type="contact"), 201)
    return c["id"]


async def drafted(desk: Desk, conversation: str, **wishes: Any) -> dict[str, Any]:
    return ok(await desk.http.post(f"/v1/conversations/{conversation}/suggestions", json=wishes), 201)


async def decide(desk: Desk, suggestion: dict[str, Any], what: str, **body: Any) -> Any:
    path = f"/v1/conversations/{suggestion['conversation_id']}/suggestions/{suggestion['id']}/{what}"
    return await desk.http.post(path, json=body or None)


async def test_a_draft_says_what_it_read_and_who_wrote_it(agent: Desk, service: Desk) -> None:
    conversation = await asked(service)
    made = await drafted(agent, conversation, tone="friendly", length="shorter")
    assert made["status"] == "pending" and made["body"] and made["seq"] >= 1  # a bot may have answered
    assert (made["provider"], made["model"], made["failed_provider"]) == ("rules", "rules-1", None)
    assert made["analysis"]["intent"] == "refund" and made["analysis"]["entities"]["order"] == "A-1042"
    assert (made["tone"], made["length"], made["requested_by"]) == ("friendly", "shorter", "agent-1")
    assert 0 < made["confidence"] <= 1


async def test_approved_as_it_is(agent: Desk, service: Desk) -> None:
    made = await drafted(agent, await asked(service))
    done = ok(await decide(agent, made, "approve"), 201)
    assert done["suggestion"]["status"] == "approved" and done["suggestion"]["edit_distance"] == 0
    assert (done["message"]["content"], done["message"]["sender_type"]) == (made["body"], "agent")
    assert done["suggestion"]["sent_message_id"] == done["message"]["id"]
    problem(await decide(agent, made, "approve"), 409, "conflict")
    problem(await decide(agent, made, "reject"), 409, "conflict")


async def test_approved_after_changes(agent: Desk, service: Desk) -> None:
    made = await drafted(agent, await asked(service))
    done = ok(await decide(agent, made, "approve", content="Something else entirely"), 201)
    assert done["suggestion"]["status"] == "edited" and done["suggestion"]["edit_distance"] > 0.5
    assert done["message"]["content"] == "Something else entirely"


async def test_rejected_with_a_reason(agent: Desk, service: Desk) -> None:
    made = await drafted(agent, await asked(service))
    gone = ok(await decide(agent, made, "reject", reason="Wrong order"), 200)
    assert (gone["status"], gone["reason"], gone["decided_by"]) == ("rejected", "Wrong order", "agent-1")
    problem(await decide(agent, made, "approve"), 409, "conflict")
    assert [m["sender_type"] for m in await agent.messages(made["conversation_id"])] == ["contact"]


@pytest.mark.parametrize("sender", ["contact", "agent"])
async def test_overtaken_by_a_person(agent: Desk, service: Desk, sender: str) -> None:
    made = await drafted(agent, await asked(service))
    ok(await service.say(made["conversation_id"], "Wait, another thing", sender_type=sender), 201)
    problem(await decide(agent, made, "approve"), 409, "stale")
    problem(await decide(agent, made, "reject"), 409, "stale")
    (listed,) = ok(await agent.http.get(f"/v1/conversations/{made['conversation_id']}/suggestions"))["items"]
    assert listed["status"] == "stale"


async def test_notes_and_bots_overtake_nothing(agent: Desk, service: Desk) -> None:
    made = await drafted(agent, await asked(service))
    ok(await agent.say(made["conversation_id"], "psst", is_private=True), 201)
    ok(await service.say(made["conversation_id"], "We will be with you shortly"), 201)
    ok(await decide(agent, made, "approve"), 201)


async def test_a_new_draft_replaces_the_pending_one(agent: Desk, service: Desk) -> None:
    conversation = await asked(service)
    first = await drafted(agent, conversation)
    second = await drafted(agent, conversation, custom_prompt="Offer a voucher.")
    problem(await decide(agent, first, "approve"), 409, "conflict")
    items = ok(await agent.http.get(f"/v1/conversations/{conversation}/suggestions"))["items"]
    assert [(s["id"], s["status"]) for s in items] == [(second["id"], "pending"), (first["id"], "replaced")]


async def test_an_agents_own_text_is_improved(agent: Desk, service: Desk) -> None:
    c = await service.open()
    made = await drafted(agent, c["id"], draft="dear marta,  it left today")
    assert made["body"] == "Dear marta, it left today."
    problem(await agent.http.post(f"/v1/conversations/{c['id']}/suggestions"), 409, "conflict")


async def test_many_approve_and_one_message_goes(agent: Desk, desks: dict[str, Desk], service: Desk) -> None:
    made = await drafted(agent, await asked(service))
    answers = await asyncio.gather(
        *(decide(desks[role], made, "approve") for role in ("agent", "lead", "admin") * 4)
    )
    assert {a.status_code for a in answers} <= {201, 409}
    assert len({a.json()["message"]["id"] for a in answers if a.status_code == 201}) == 1
    sent = [m for m in await agent.messages(made["conversation_id"]) if m["sender_type"] == "agent"]
    assert len(sent) == 1
    (listed,) = ok(await agent.http.get(f"/v1/conversations/{made['conversation_id']}/suggestions"))["items"]
    assert listed["status"] == "approved"


async def test_an_approval_that_races_a_customer_never_answers_too_late(agent: Desk, service: Desk) -> None:
    async def race(n: int) -> tuple[bool, bool]:
        made = await drafted(agent, await asked(service))
        said = service.say(made["conversation_id"], "And another thing", sender_type="contact")
        pair = (decide(agent, made, "approve"), said) if n % 2 else (said, decide(agent, made, "approve"))
        answers = await asyncio.gather(*pair)
        approved = answers[0 if n % 2 else 1]
        assert approved.status_code in (201, 409), approved.text
        messages = await agent.messages(made["conversation_id"])
        between = [m["sender_type"] for m in messages if m["seq"] > made["seq"]]
        if approved.status_code == 201:
            assert between[0] == "agent", "sent before the customer wrote again"
        else:
            assert approved.json()["code"] == "stale" and "agent" not in between
        return approved.status_code == 201, True

    results: list[tuple[bool, bool]] = []
    for start in range(0, RACES, 8):
        results += await asyncio.gather(*(race(n) for n in range(start, min(start + 8, RACES))))
    assert len(results) == RACES


async def test_the_team_hears_and_customers_do_not(server: OwnServer, agent: Desk, service: Desk) -> None:
    identifier = fresh()
    conversation = await asked(service, identifier=identifier)
    url = f"{server.url.replace('http', 'ws')}/v1/ws?topics=conversation:{conversation}"
    heard: dict[str, list[dict[str, Any]]] = {"agent": [], "customer": []}
    tokens = {"agent": server.token("agent", "agent-1"), "customer": server.customer(identifier)}

    async def listen(role: str, ready: asyncio.Event) -> None:
        async with connect(url, additional_headers={"Authorization": f"Bearer {tokens[role]}"}) as socket:
            async for text in socket:
                event = json.loads(text)
                if event["type"] == "ready":
                    ready.set()
                    continue
                heard[role].append(event)
                if role == "customer" and event["type"] == "conversation:message":
                    return
                if role == "agent" and event["data"].get("status") == "approved":
                    return

    both = [asyncio.Event(), asyncio.Event()]
    listening = [asyncio.ensure_future(listen(role, event)) for role, event in zip(heard, both, strict=True)]
    async with asyncio.timeout(20):
        await asyncio.gather(*(event.wait() for event in both))
        made = await drafted(agent, conversation)
        ok(await decide(agent, made, "approve"), 201)
        await asyncio.gather(*listening)
    told = [e["data"]["status"] for e in heard["agent"] if e["type"] == "conversation:suggestion"]
    assert told == ["pending", "approved"]
    assert "conversation:suggestion" not in {e["type"] for e in heard["customer"]}
    assert "suggestion" not in json.dumps(heard["customer"])


async def test_drafted_when_the_customer_writes(
    server: OwnServer, desks: dict[str, Desk], service: Desk
) -> None:
    admin, agent = desks["admin"], desks["agent"]
    wanted = {"assistance": {"suggestions": "inbound", "wait_s": 0}}
    ok(await admin.http.patch("/v1/account", json={"settings": wanted}), 200)
    try:
        conversation = await asked(service, "Where is my parcel?")
        path = f"/v1/conversations/{conversation}/suggestions"

        async def pending() -> bool:
            items = ok(await agent.http.get(path))["items"]
            return bool(items) and items[0]["status"] == "pending" and items[0]["requested_by"] is None

        await until(pending, "a draft")
        first = ok(await agent.http.get(path))["items"][0]
        assert first["analysis"]["intent"] == "delivery"
        ok(await service.say(conversation, "I want my money back", sender_type="contact"), 201)

        async def drafted_again() -> bool:
            items = ok(await agent.http.get(path))["items"]
            return items[0]["id"] != first["id"] and items[0]["status"] == "pending"

        await until(drafted_again, "another draft")
        second, before = ok(await agent.http.get(path))["items"]
        assert (second["analysis"]["intent"], before["status"]) == ("refund", "stale")
        assert [m["sender_type"] for m in await agent.messages(conversation)] == ["contact", "contact"], (
            "nothing is sent"
        )
    finally:
        ok(await admin.http.patch("/v1/account", json={"settings": {"assistance": None}}), 200)


async def test_an_account_may_want_none(desks: dict[str, Desk], service: Desk) -> None:
    conversation = await asked(service)
    off = {"assistance": {"suggestions": "off"}}
    ok(await desks["admin"].http.patch("/v1/account", json={"settings": off}), 200)
    try:
        path = f"/v1/conversations/{conversation}/suggestions"
        problem(await desks["agent"].http.post(path), 409, "conflict")
    finally:
        ok(await desks["admin"].http.patch("/v1/account", json={"settings": {"assistance": None}}), 200)


async def test_an_erased_customer_leaves_no_suggestion(
    server: OwnServer, desks: dict[str, Desk], service: Desk
) -> None:
    conversation = await asked(service, "My name is Zebenay and I want a refund")
    await drafted(desks["agent"], conversation, draft="Dear Zebenay")
    contact = (await desks["agent"].get(conversation))["contact_id"]
    ok(await desks["admin"].http.post(f"/v1/contacts/{contact}/erase"), 204)
    assert not await server.sql("SELECT 1 FROM suggestions WHERE conversation_id = $1", conversation)
    assert not await server.sql("SELECT 1 FROM model_calls WHERE conversation_id = $1", conversation)
    problem(await desks["agent"].http.post(f"/v1/conversations/{conversation}/suggestions"), 404, "not_found")


async def test_figures(desks: dict[str, Desk], service: Desk) -> None:
    lead, agent = desks["lead"], desks["agent"]

    async def figures() -> dict[str, int]:
        stats = ok(await lead.http.get("/v1/suggestions/stats"), 200)
        return next((m for m in stats["models"] if m["provider"] == "rules"), {})

    before = await figures()
    made = [await drafted(agent, await asked(service)) for _ in range(3)]
    ok(await agent.http.get(f"/v1/conversations/{made[0]['conversation_id']}/suggestions"), 200)
    ok(await decide(agent, made[0], "approve"), 201)
    ok(await decide(agent, made[1], "approve", content="Other words"), 201)
    ok(await decide(agent, made[2], "reject"), 200)
    ok(await service.say(made[0]["conversation_id"], "Thanks!", sender_type="contact"), 201)
    after = await figures()
    grown = {
        name: after[name] - before.get(name, 0)
        for name in ("drafted", "shown", "approved", "edited", "rejected", "sent", "answered")
    }
    assert grown == {
        "drafted": 3,
        "shown": 1,
        "approved": 1,
        "edited": 1,
        "rejected": 1,
        "sent": 2,
        "answered": 1,
    }
    usage = ok(await lead.http.get("/v1/suggestions/stats"), 200)["usage"]
    ours = [u for u in usage if u["purpose"] in ("analysis", "reply")]
    assert {u["purpose"] for u in ours} == {"analysis", "reply"} and {u["outcome"] for u in ours} == {"ok"}
