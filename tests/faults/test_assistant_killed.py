"""A gateway dies while it streams answers: another one gives them again, from the start, or says that it gives up."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from assistants import BASE, Runtime, chunks, frames, runtime
from desks import ok
from serving import OwnServer
from stage import Stage
from waiting import until
from websockets.exceptions import ConnectionClosed, WebSocketException

from tertulia.channels.double.models.state import Script

pytestmark = pytest.mark.timeout(180)
HOLDER = """SELECT p.pid FROM assistant_runs r JOIN processes p ON p.incarnation = r.claimed_by
  WHERE r.conversation_id = ANY($1::uuid[]) GROUP BY p.pid HAVING count(*) = cardinality($1::uuid[])"""
SOCKETS = 10
"""Each is at either of two gateways."""


async def test_a_gateway_is_killed_during_answers(battered: OwnServer, stage: Stage) -> None:
    """One answer is begun for the first time. The other one has ended two processes before, and is given up."""
    server, flow = battered, stage.flow
    flow.scripts.extend(Script(kind="pause", chunks=("Let me ",)) for _ in range(2))
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(runtime(server, server.token("service", "killed")))
        first, hopeless = [(await service.create())["id"] for _ in range(2)]
        sockets = [await stack.enter_async_context(service.socket(first)) for _ in range(SOCKETS)]
        watchers = [await stack.enter_async_context(service.socket(hopeless)) for _ in range(SOCKETS)]
        asked = await service.say(first, "Where is my order?", key="once")
        await service.say(hopeless, "And mine?")
        for ws in (*sockets, *watchers):
            assert (await frames(ws, "stream"))[-1] == chunks("Let me ")[0]
        await server.sql("UPDATE assistant_runs SET attempts = 3 WHERE conversation_id = $1", hopeless)
        ((victim,),) = await server.sql(HOLDER, [first, hopeless])
        flow.scripts.append(Script(chunks=("Let me ", "see.")))
        os.kill(victim, signal.SIGKILL)

        ends = await asyncio.gather(*(_rest(ws, "complete") for ws in sockets))
        for end in filter(None, ends):
            assert end[0] == {"type": "info", "message": "restarted"}, "what it has said does not count"
            assert [f for f in end[1:] if f["type"] != "info"] == [
                *chunks("Let me ", "see."),
                {"type": "complete"},
            ]
        assert 0 < sum(end is not None for end in ends) < SOCKETS, "some were at the gateway that lives"
        for end in filter(None, await asyncio.gather(*(_rest(ws, "error") for ws in watchers))):
            assert end == [{"type": "error", "message": "given up"}]

    await until(lambda: len(server.gateways) == 2 and victim not in server.gateways, "a new gateway")
    async with runtime(server, server.token("service", "killed")) as back:
        await until(lambda: _said(back, first, ["user", "assistant"]), "the answer")
        assert (await back.said(first))[-1] == ("assistant", "Let me see.")
        assert await back.said(hopeless) == [("user", "And mine?")]
        assert (
            await server.sql(
                "SELECT 1 FROM assistant_runs WHERE conversation_id = ANY($1)", [first, hopeless]
            )
            == []
        )
        again = await back.http.post(
            f"{BASE}/conversations/{first}/messages",
            json={"role": "user", "content": "Where is my order?"},
            headers={"Idempotency-Key": "once"},
        )
        assert ok(again, 200) == asked
        async with back.socket(hopeless) as ws:
            await back.say(hopeless, "Hello?")
            assert (await frames(ws))[-1] == {"type": "complete"}, "the next message starts anew"
        assert await back.said(first) == [("user", "Where is my order?"), ("assistant", "Let me see.")], (
            "once"
        )
    assert not flow.scripts


async def _rest(ws: Any, last: str) -> list[dict[str, Any]] | None:
    """The frames that follow, up to one of type `last`; None for a WebSocket that was cut."""
    try:
        return await frames(ws, last)
    except ConnectionClosed as closed:
        assert closed.rcvd is None, "no close frame: a client sees 1006, and comes back"
        return None


async def _said(service: Runtime, conversation: str, roles: list[str]) -> bool:
    try:
        return [role for role, _ in await service.said(conversation)] == roles
    except (httpx.TransportError, WebSocketException):
        return False
