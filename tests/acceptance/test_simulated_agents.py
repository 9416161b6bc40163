"""Simulated agents whose connection is cut: they are there again, and hear what happens in the conversations that they follow."""

from __future__ import annotations

import time

import pytest
from desks import fresh, new_accounts
from guides.cutting import CuttingProxy
from serving import OwnServer
from waiting import until

from tertulia.client import AsyncClient
from tertulia.simulator.figures.figures import Figures
from tertulia.simulator.traffic.feed import Event, untouched
from tertulia.simulator.traffic.links import LINKS
from tertulia.simulator.traffic.requests import Requests


@pytest.mark.parametrize("transport", LINKS)
async def test_after_a_cut_an_agent_is_there_again(server: OwnServer, transport: str) -> None:
    user, heard, figures = fresh("agent"), list[Event](), Figures()
    of = (await new_accounts(server, "Cut"))[0]
    token = server.token("agent", user, of.id)
    async with (
        CuttingProxy(server.port).serving() as proxy,
        AsyncClient(f"http://localhost:{proxy.port}", token) as client,
        AsyncClient(server.url, server.token("service", "svc", of.id)) as service,
    ):
        requests = Requests(f"http://localhost:{proxy.port}", figures, time.monotonic)
        link = LINKS[transport](client, requests, token, heard.append, untouched)
        await link.open()

        async def is_there(status: str) -> bool:
            known = (await service.list_agents())["items"]
            return any(a["user_id"] == user and a["status"] == status for a in known)

        async def is_heard() -> bool:
            await service.create_message(opened["id"], content="Are you there again?")
            return any(e["type"] == "conversation:message" for e in heard)

        opened = await service.create_conversation(channel_id=of.channel, contact_identifier=fresh())
        await link.join(opened["id"])
        await client.set_my_presence(status="offline")  # a status ends in a cut of a minute; this one at once
        await until(lambda: is_there("offline"), "the status to end")
        assert proxy.cut(), "nothing to cut"
        await until(lambda: is_there("online"), f"the agent over {transport}")
        await until(is_heard, "a message")
        assert figures.counts["reconnects"]
        await link.close()
        await requests.close()
