"""A gateway that leaves says so first: load balancers and pooled connections move on before it closes anything."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import httpx
from desks import Desk, fresh, ok
from serving import OwnServer
from waiting import until

Start = Callable[..., Awaitable[OwnServer]]


async def test_a_leaving_gateway_serves_until_its_notice_is_over(own_server: Start) -> None:
    server = await own_server({"TERTULIA_LEAVE_NOTICE": "4"})
    async with server.client(server.token("service", "s")) as client:
        desk = Desk(client)
        c = await desk.open(fresh())
        kept = await _say(client, c["id"], "before")
        assert "connection" not in kept.headers
        stopping = asyncio.ensure_future(server.stop())

        async def leaves() -> bool:
            answer = await client.get("/ready")
            return answer.status_code == 503 and answer.json()["checks"].get("gateway") == "leaving"

        await until(leaves, "/ready to say that the gateway is leaving")
        for path in ("/ready", f"/v1/conversations/{c['id']}", "/v1/conversations", "/no/such/path"):
            assert (await client.get(path)).headers["connection"] == "close", path
        for n in range(20):  # each on a connection of its own, since each response closes its own
            said = await _say(client, c["id"], f"meanwhile {n}")
            assert said.headers["connection"] == "close"
        assert await stopping == 0, server.tail()
        await server.start()
        listed = ok(await client.get(f"/v1/conversations/{c['id']}/messages"))
        assert [m["content"] for m in listed["items"]] == ["before", *(f"meanwhile {n}" for n in range(20))]


async def _say(client: httpx.AsyncClient, conversation_id: str, content: str) -> httpx.Response:
    body = {"content": content, "sender_type": "contact"}
    answer = await client.post(f"/v1/conversations/{conversation_id}/messages", json=body)
    assert answer.status_code == 201, answer.text
    return answer
