"""Leads hear of what nobody can take; agents need not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from desks import ok
from readers import READERS
from routing_accounts import Team, make_account
from serving import OwnServer, until

NOTICE = "notification:queue"


@pytest.fixture
async def team(server: OwnServer) -> AsyncIterator[Team]:
    async with AsyncExitStack() as stack:
        yield await make_account(server, stack)


@pytest.mark.parametrize("kind", READERS)
async def test_leads_are_told_once_of_what_presses_and_waits(
    server: OwnServer, team: Team, kind: str
) -> None:
    lead, agent = (server.token(role, f"{role}-9", team.account) for role in ("lead", "agent"))
    async with READERS[kind](server, lead) as one, READERS[kind](server, agent) as two:
        start = one.cursor
        calm = await team.open()
        high = await team.open(priority="high", subject="Money")
        await one.until(lambda: one.entries(NOTICE), "the notice")
        (event,) = one.entries(NOTICE)
        assert event["conversation_id"] == event["data"]["conversation_id"] == high["id"]
        assert (event["data"]["priority"], event["data"]["subject"]) == ("high", "Money")
        # one that comes to press is told of as well; one that waits again is not told of again
        ok(await team.lead.patch(calm["id"], priority="urgent"), 200)
        await one.until(lambda: len(one.entries(NOTICE)) == 2, "the second notice")
        await team.prefer("ana", auto_accept=True, max_concurrent_conversations=1)
        await team.appear("ana")
        await until(lambda: team.held(), "ana to get one")
        ((taken, _),) = (await team.held()).items()
        ok(await (await team.desk("agent", "ana")).do(taken, "release"), 200)
        ok(await team.lead.patch(taken, status="closed"), 200)
        closed = lambda r: any(  # noqa: E731
            e["type"] == "conversation:status" and e["data"]["to"] == "closed" for e in r.events
        )
        for reader in (one, two):
            await reader.until(lambda r=reader: closed(r), "the end")
        assert [e["conversation_id"] for e in one.entries(NOTICE)] == [high["id"], calm["id"]]
        assert two.entries(NOTICE) == []
    for token, count in ((lead, 2), (agent, 0)):
        async with READERS[kind](server, token, since=start) as again:
            await again.until(lambda r=again: closed(r), "the end")
            assert len(again.entries(NOTICE)) == count
    kinds = [e["kind"] for e in await team.lead.entries(high["id"])]
    assert kinds.count("leads_notified") == 1
