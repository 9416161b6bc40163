"""Drafts and macros through the API: kept per agent, shown to colleagues, hidden from customers, deleted with an erased customer."""

from __future__ import annotations

import asyncio
import json

from desks import Desk, fresh, ok, problem
from serving import OwnServer
from waiting import until
from websockets.asyncio.client import connect


async def test_a_draft_is_kept_for_each_agent(agent: Desk, desks: dict[str, Desk], service: Desk) -> None:
    c = await service.open()
    path = f"/v1/conversations/{c['id']}/draft"
    ok(await agent.http.put(path, json={"content": "Dear"}), 200)
    ok(await agent.http.put(path, json={"content": "Dear Marta", "is_private": True}), 200)
    ok(await desks["lead"].http.put(path, json={"content": "Mine"}), 200)
    items = ok(await agent.http.get(path + "s"), 200)["items"]
    assert {(d["user_id"], d["content"], d["is_private"]) for d in items} == {
        ("agent-1", "Dear Marta", True), ("lead-1", "Mine", False),
    }  # fmt: skip
    ok(await agent.http.delete(path), 204)
    ok(await agent.http.delete(path), 204)
    assert [d["user_id"] for d in ok(await agent.http.get(path + "s"), 200)["items"]] == ["lead-1"]


async def test_a_closed_conversation_takes_no_draft(agent: Desk, service: Desk) -> None:
    c = await service.open()
    ok(await service.http.delete(f"/v1/conversations/{c['id']}"), 204)
    problem(
        await agent.http.put(f"/v1/conversations/{c['id']}/draft", json={"content": "x"}), 409, "conflict"
    )


async def test_colleagues_hear_of_drafts_and_viewers_and_customers_do_not(
    server: OwnServer, agent: Desk, service: Desk
) -> None:
    identifier = fresh()
    c = await service.open(identifier)
    url = f"{server.url.replace('http', 'ws')}/v1/ws?topics=conversation:{c['id']}"
    heard: dict[str, list[str]] = {"lead": [], "customer": []}
    tokens = {"lead": server.token("lead", "lead-1"), "customer": server.customer(identifier)}

    async def listen(role: str, ready: asyncio.Event) -> None:
        async with connect(url, additional_headers={"Authorization": f"Bearer {tokens[role]}"}) as socket:
            async for text in socket:
                event = json.loads(text)
                if event["type"] == "ready":
                    ready.set()
                    continue
                heard[role].append(event["type"])
                if event["type"] == "conversation:message":
                    return

    both = [asyncio.Event(), asyncio.Event()]
    listening = [asyncio.ensure_future(listen(role, event)) for role, event in zip(heard, both, strict=True)]
    await asyncio.gather(*(event.wait() for event in both))
    path = f"/v1/conversations/{c['id']}"
    ok(await agent.http.put(f"{path}/draft", json={"content": "They are difficult"}), 200)
    ok(await agent.http.post(f"{path}/viewing", json={"state": "start"}), 204)
    ok(await agent.http.delete(f"{path}/draft"), 204)
    await until(lambda: heard["lead"].count("conversation:draft") == 2, "both drafts")
    await until(lambda: "conversation:viewing" in heard["lead"], "the viewer")
    ok(await agent.say(c["id"], "Hello"), 201)
    async with asyncio.timeout(20):
        await asyncio.gather(*listening)
    assert not {"conversation:draft", "conversation:viewing"} & set(heard["customer"])


async def test_an_erased_customer_leaves_no_draft(
    server: OwnServer, desks: dict[str, Desk], service: Desk
) -> None:
    c = await service.open()
    ok(
        await desks["agent"].http.put(f"/v1/conversations/{c['id']}/draft", json={"content": "About Marta"}),
        200,
    )
    ok(await desks["admin"].http.post(f"/v1/contacts/{c['contact_id']}/erase"), 204)
    assert not await server.sql("SELECT 1 FROM drafts WHERE conversation_id = $1", c["id"])


async def test_a_macro_changes_the_conversation_once(desks: dict[str, Desk], service: Desk) -> None:
    c = await service.open(labels=["vip"])
    lead = desks["lead"].http
    actions = {"status": "resolved", "priority": "high", "add_labels": ["refund", "vip"]}
    macro = {"short_code": f"/{fresh('m')}", "title": "Refund", "content": "Done", "actions": actions}
    made = ok(await lead.post("/v1/canned-responses", json=macro), 201)
    assert made["actions"] == actions
    ok(await desks["agent"].http.post(f"/v1/conversations/{c['id']}/assign", json={"agent_id": "me"}), 200)
    apply = f"/v1/canned-responses/{made['id']}/apply"
    first = ok(await desks["agent"].http.post(apply, json={"conversation_id": c["id"]}), 200)
    assert (first["status"], first["priority"], first["labels"]) == ("resolved", "high", ["vip", "refund"])
    again = ok(await desks["agent"].http.post(apply, json={"conversation_id": c["id"]}), 200)
    assert (again["status"], again["labels"]) == ("resolved", ["vip", "refund"])
    cleared = ok(await lead.patch(f"/v1/canned-responses/{made['id']}", json={"actions": None}), 200)
    assert cleared["actions"] is None
    problem(await lead.post(apply, json={"conversation_id": c["id"]}), 409, "conflict")
    bad = {**macro, "short_code": f"/{fresh('m')}", "actions": {"team_id": c["id"]}}
    assert (
        problem(await lead.post("/v1/canned-responses", json=bad), 422, "invalid")["errors"][0]["path"]
        == "actions.team_id"
    )
