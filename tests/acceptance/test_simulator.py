"""`tertulia simulate` against a server: everything that is acknowledged arrives, and a wrong server is named."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from serving import OwnServer

from tertulia.client import ConnectionFailed, Unauthenticated
from tertulia.serving.demo import WEBCHAT
from tertulia.simulator.simulation import Plan, simulate


def plan(url: str, token: str, **changes: float) -> Plan:
    numbers = {"customers": 5, "agents": 1, "duration": 2.0, "think": 0.3} | changes
    return Plan(url=url, channel=WEBCHAT, agent_token=lambda _: (token, "simulated"), **numbers)  # type: ignore[arg-type]


async def test_a_short_run_loses_nothing(server: OwnServer) -> None:
    output = io.StringIO()
    figures = await simulate(plan(server.url, server.token("agent", "simulated")), Console(file=output))
    assert figures.inbound.acked and figures.outbound.acked and figures.lost == 0
    assert figures.errors == {} and figures.claimed > 0 and figures.online == 0
    assert "acknowledged, not delivered" in output.getvalue()


async def test_a_server_that_refuses_the_agents_is_told(server: OwnServer) -> None:
    with pytest.raises(Unauthenticated):
        await simulate(plan(server.url, "no token"), Console(file=io.StringIO()))
    with pytest.raises(ConnectionFailed):
        await simulate(plan("http://127.0.0.1:9", "no token"), Console(file=io.StringIO()))
