"""Clocks that are five minutes off, each in its own direction, and clocks that jump: numbers stay dense, nothing is lost or
twice, agents stay where they are, and tokens are good within their leeway and no further."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from desks import Desk
from load import Load
from readers import SseReader, WsReader
from routing_accounts import make_account
from serving import ROOT, OwnServer
from waiting import until

Start = Callable[..., Awaitable[OwnServer]]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
OFF = 300
LITTLE = 20
"""Seconds: less than the leeway of tokens, which is 30."""


class Clocks:
    """A server and the wall clocks of its processes."""

    def __init__(self, server: OwnServer, folder: Path) -> None:
        self.server = server
        self._folder = folder

    def set(self, pids: Iterable[int], seconds: float) -> None:
        """So far ahead from now on."""
        for pid in pids:
            made = self._folder / f"{pid}.new"
            made.write_text(str(seconds))
            made.rename(self._folder / str(pid))

    @property
    def supervisors(self) -> list[int]:
        return self.server.pids("ray::SupervisorProcess")


@pytest.fixture
async def clocks(own_server: Start, tmp_path: Path) -> Clocks:
    folder = tmp_path / "clocks"
    folder.mkdir()
    path = os.pathsep.join([str(Path(__file__).with_name("clocks")), str(ROOT)])
    server = await own_server({"PYTHONPATH": path, "TERTULIA_TEST_CLOCKS": str(folder)})
    return Clocks(server, folder)


async def test_clocks_are_off_and_jump(clocks: Clocks) -> None:
    await _writers_notice_nothing(clocks)
    await _agents_stay(clocks)
    await _tokens_go_by_the_clock(clocks)


async def _writers_notice_nothing(clocks: Clocks) -> None:
    server = clocks.server
    async with (
        SseReader(server, server.token("agent", "sse", iat=time.time() - 60), "account") as first,
        WsReader(server, server.token("agent", "ws", iat=time.time() - 60), "account") as second,
        Load(server, writers=100, conversations=20) as load,
    ):
        await load.flows()
        (fast, slow), gateways = server.hosts, server.gateways
        clocks.set([fast, *server.dispatchers], OFF)
        clocks.set([slow, *clocks.supervisors], -OFF)
        clocks.set(gateways[:1], LITTLE)
        clocks.set(gateways[1:], -LITTLE)
        await load.flows()
        for ahead in (-OFF, OFF):  # ten minutes back, and on again
            clocks.set([fast], ahead)
            clocks.set([slow], -ahead)
            await load.flows()
        os.kill(fast, signal.SIGKILL)  # what it wrote in the future goes on in the past
        await load.flows()
        await load.stop()
        assert load.statuses.keys() <= {200, 201, 503}, load.statuses
        verdict = await load.verdict(first, second)
        assert verdict.good, verdict
    (row,) = await server.sql(
        "SELECT max(at) - min(at) AS apart FROM entries WHERE conversation_id = ANY ($1::uuid[])",
        load.conversations,
    )
    assert row["apart"].total_seconds() > 1.5 * OFF, "the clocks were off"


async def _agents_stay(clocks: Clocks) -> None:
    """Whoever is there stays, whatever the gateway's clock says, and the supervisor's, and when that is set anew."""
    async with AsyncExitStack() as stack:
        team = await make_account(clocks.server, stack)
        await team.prefer("ana", auto_accept=True, max_concurrent_conversations=100)
        ana = await stack.enter_async_context(team.stream("ana"))
        await ana.ask("agent:status", status="online")
        for gateway, supervisor in ((0, OFF), (-LITTLE, -OFF), (LITTLE, OFF)):
            clocks.set(clocks.server.gateways, gateway)
            clocks.set(clocks.supervisors, supervisor)
            conversation = (await team.open())["id"]
            who = f"ana, with clocks at {gateway} and {supervisor}, to get it"
            await until(lambda c=conversation: _has(team.lead, c, "ana"), who, 5)
            await ana.ask("agent:status", status="away")
            await ana.ask("agent:status", status="online")


async def _has(desk: Desk, conversation: str, agent: str) -> bool:
    return (await desk.get(conversation))["assignee_id"] == agent


async def _tokens_go_by_the_clock(clocks: Clocks) -> None:
    """What was found good is not asked again whether it is good already, so `fresh` is another token each time."""
    server, now = clocks.server, time.time()
    good = server.token(user="good", iat=now - 2 * OFF)
    short = server.token(user="short", iat=now - 2 * OFF, life=100)
    ended = server.token(user="ended", iat=now - 2 * OFF, life=-LITTLE)
    rows = [
        # the gateways' clocks, and what is said to good, short, fresh and ended
        (0, [200, 200, 200, 200]),
        (LITTLE, [200, 200, 200, 401]),
        (-LITTLE, [200, 200, 200, 200]),
        (-OFF, [200, 200, 401, 200]),
        (OFF, [200, 401, 200, 401]),
    ]
    async with (
        SseReader(server, good, "account") as stays,
        WsReader(server, short, "account") as ends,
    ):
        for ahead, expected in rows:
            clocks.set(server.gateways, ahead)
            await asyncio.sleep(0.01)  # the clocks look that often at how they are set
            fresh = server.token(user=f"fresh {ahead}", iat=now)
            assert [await _asked(server, t) for t in (good, short, fresh, ended)] == expected, ahead
        await until(lambda: ends.closes, "the stream of a token that is over to end")
        assert ends.closes[0] == (1008, "the token has ended")
        assert stays.connections == 1


async def _asked(server: OwnServer, token: str) -> int:
    async with server.client(token) as client:
        return (await client.get("/v1/agents")).status_code
