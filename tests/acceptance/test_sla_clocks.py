"""`/v1/sla-clocks`: what is due in each conversation, what stops a clock, and whose conversations are answered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest
from desks import Account, Desk, fresh, ok, problem
from serving import OwnServer

SLA = {
    "first_reply_minutes": 15,
    "resolution_minutes": 480,
    "priorities": {"urgent": {"first_reply_minutes": 5}},
}


@pytest.fixture
async def targets(desks: dict[str, Desk]) -> AsyncIterator[None]:
    admin = desks["admin"].http
    ok(await admin.patch("/v1/account", json={"settings": {"sla": SLA}}))
    yield
    ok(await admin.patch("/v1/account", json={"settings": {"sla": None}}))


async def clocks(desk: Desk, *conversations: str) -> dict[str, Any]:
    return ok(await desk.http.get("/v1/sla-clocks", params={"conversation_id": list(conversations)}))


def minutes(c: dict[str, Any], clock: dict[str, Any]) -> float:
    return (
        datetime.fromisoformat(clock["due_at"]) - datetime.fromisoformat(c["created_at"])
    ).total_seconds() / 60


async def test_what_is_due(targets: None, agent: Desk, service: Desk) -> None:
    normal, urgent = await service.open(), await service.open(priority="urgent")
    found = await clocks(
        agent, normal["id"], urgent["id"], fresh_id := "0190a5f0-7c1e-7d3a-9b52-3f6f0c1e5a07"
    )
    by_id = {item["conversation_id"]: item for item in found["items"]}
    assert found["has_targets"] and by_id.keys() == {normal["id"], urgent["id"]} and fresh_id not in by_id
    for c, first in ((normal, 15), (urgent, 5)):
        running = by_id[c["id"]]["clocks"]
        assert [(k["target"], k["state"]) for k in running] == [
            ("first_reply", "running"),
            ("resolution", "running"),
        ]
        assert [round(minutes(c, k)) for k in running] == [first, 480]
    ok(
        await service.say(normal["id"], "good day", sender_type="agent"), 201
    )  # replied: that clock has stopped
    ok(await agent.patch(urgent["id"], status="resolved"), 200)
    after = {i["conversation_id"]: i for i in (await clocks(agent, normal["id"], urgent["id"]))["items"]}
    assert [k["target"] for k in after[normal["id"]]["clocks"]] == ["resolution"] and after[normal["id"]][
        "seq"
    ] == 1
    assert after[urgent["id"]]["clocks"] == []


async def test_an_account_without_targets(agent: Desk, service: Desk) -> None:
    found = await clocks(agent, (await service.open())["id"])
    assert found == {"items": [], "has_targets": False}


async def test_another_accounts_conversations_are_left_out(
    targets: None, server: OwnServer, other: Account, service: Desk
) -> None:
    c = await service.open(fresh())
    async with server.client(server.token("admin", "stranger", other.id)) as stranger:
        ok(await stranger.patch("/v1/account", json={"settings": {"sla": SLA}}))
        assert (await clocks(Desk(stranger), c["id"]))["items"] == []
        ok(await stranger.patch("/v1/account", json={"settings": {"sla": None}}))


async def test_what_is_refused(agent: Desk) -> None:
    many = {"conversation_id": [f"0190a5f0-7c1e-7d3a-9b52-{n:012d}" for n in range(101)]}
    refused = problem(await agent.http.get("/v1/sla-clocks", params=many), 422, "invalid")
    assert [e["path"] for e in refused["errors"]] == ["conversation_id"]
    problem(await agent.http.get("/v1/sla-clocks", params={"conversation_id": "x"}), 422, "invalid")
