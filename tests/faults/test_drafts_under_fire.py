"""Every customer's message gets its draft, or the ledger says why not, while a gateway and the dispatcher that drafts are killed."""

from __future__ import annotations

import asyncio
import os
import signal
import uuid
from collections.abc import Iterator

import httpx
import pytest
from desks import ok
from serving import OwnServer
from stage import Stage
from waiting import until

from tertulia.channels.double.models.state import Script, State

pytestmark = pytest.mark.timeout(180)
CUSTOMERS = 16
MISSING = """SELECT c.id::text FROM conversations c WHERE c.account_id = $1
  AND NOT EXISTS (SELECT FROM suggestions s WHERE s.conversation_id = c.id AND s.status = 'pending')
  AND NOT EXISTS (SELECT FROM model_calls m WHERE m.conversation_id = c.id AND m.provider = '')"""
REASONS = "SELECT outcome, count(*)::int FROM model_calls WHERE account_id = $1 AND provider = '' GROUP BY 1"


@pytest.fixture
def slow_model(stage: Stage, battered: OwnServer) -> Iterator[State]:
    usual, stage.flow.usual = stage.flow.usual, Script(chunks=("We are ", "on it."), delay=0.15)
    stage.flow.asked.clear()
    yield stage.flow
    stage.flow.usual = usual


async def tenant(server: OwnServer, **limits: int | None) -> tuple[str, str]:
    """An account that wants drafts on inbound messages, and its web chat."""
    account, channel = str(uuid.uuid4()), str(uuid.uuid4())
    await server.sql("INSERT INTO accounts (id, name) VALUES ($1, 'Tenant')", account)
    await server.sql("INSERT INTO account_feeds (account_id) VALUES ($1)", account)
    query = "INSERT INTO channels (id, account_id, type, name) VALUES ($1, $2, 'webchat', 'Chat')"
    await server.sql(query, channel, account)
    async with server.client(server.token("admin", "dana", account)) as admin:
        wanted = {"suggestions": "inbound", "wait_s": 0, "calls_per_minute": None, **limits}
        ok(await admin.patch("/v1/account", json={"settings": {"assistance": wanted}}))
    return account, channel


async def written(server: OwnServer, account: str, channel: str, customers: int) -> None:
    """So many customers write, each until the message is acknowledged."""

    async def one(n: int) -> None:
        async with server.client(server.token("service", "svc", account)) as service:
            body = {"channel_id": channel, "contact_identifier": f"customer-{n}"}

            async def opened() -> str | None:
                try:
                    answer = await service.post("/v1/conversations/find-or-create", json=body)
                except httpx.TransportError:
                    return None
                return answer.json()["id"] if answer.status_code in (200, 201) else None

            conversation = await until(opened, "a conversation")
            said = {"content": "Where is my refund?", "sender_type": "contact", "client_message_id": "once"}

            async def sent() -> bool:
                try:
                    answer = await service.post(f"/v1/conversations/{conversation}/messages", json=said)
                except httpx.TransportError:
                    return False
                return answer.status_code in (200, 201)

            await until(sent, "an acknowledged message")

    await asyncio.gather(*(one(n) for n in range(customers)))


async def test_no_message_misses_its_draft(battered: OwnServer, slow_model: State) -> None:
    server = battered
    account, channel = await tenant(server)
    poor, poor_channel = await tenant(server, daily_tokens=1)
    writing = asyncio.ensure_future(written(server, account, channel, CUSTOMERS))
    await until(lambda: len(slow_model.asked) >= 4, "the model to be asked")
    victims = [server.gateways[0], *server.dispatchers]
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    await asyncio.gather(writing, written(server, poor, poor_channel, 3))

    async def missing() -> list[str]:
        return [row[0] for of in (account, poor) for row in await server.sql(MISSING, of)]

    async def none_is_missing() -> bool:
        return not await missing()

    await until(none_is_missing, "a draft or a reason for each message", 60)
    assert await server.sql(REASONS, account) == [], "each has a draft"
    ((reason, count),) = await server.sql(REASONS, poor)
    assert reason == "tokens" and count >= 2, "the first draft may use up the budget"
    assert await server.sql("SELECT 1 FROM suggestion_jobs WHERE account_id IN ($1, $2)", account, poor) == []
    async with server.client(server.token("lead", "lea", poor)) as lead:
        usage = ok(await lead.get("/v1/suggestions/stats"))["usage"]
        (row,) = [one for one in usage if one["provider"] == ""]
        assert (row["outcome"], row["calls"]) == ("tokens", count)
    await until(
        lambda: len(server.gateways) == 2 and not set(victims) & set(server.gateways), "a new gateway"
    )
