"""Presence with a short lifetime: kept by open streams, even without Valkey, and expired when nobody renews it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from desks import ok
from redis.asyncio import Redis
from routing_accounts import Team, make_account
from serving import PRESENCE_TTL, OwnServer
from waiting import until


@pytest.fixture
async def team(guarded: OwnServer) -> AsyncIterator[Team]:
    async with AsyncExitStack() as stack:
        yield await make_account(guarded, stack)


async def status(team: Team, user: str) -> str:
    agents = ok(await team.lead.http.get("/v1/agents"), 200)["items"]
    return next((a["status"] for a in agents if a["user_id"] == user), "unknown")


async def test_a_status_lives_for_as_long_as_somebody_renews_it(guarded: OwnServer, team: Team) -> None:
    await team.appear("ben")
    async with team.stream("ana") as hers, team.stream("ana") as second:
        await hers.ask("agent:status", status="away")
        await second.ask("agent:status", status="online")
        await until(lambda: is_(team, "ben", "offline"), "ben, who has no stream, to be gone")
        assert await status(team, "ana") == "online"
        await second.ask("agent:status", status="offline")
        assert await status(team, "ana") == "away"
        await team.appear("ana", "offline")  # said for her, whatever her streams said before
        assert await status(team, "ana") == "offline"
        await second.ask("agent:status", status="online")
        assert await status(team, "ana") == "online"
        await team.appear("ana")  # said over REST, renewed by her streams
        async with Redis.from_url(guarded.valkey_url()) as valkey:
            await valkey.flushall()
            key = f"tertulia:presence:{team.account}"
            await until(lambda: valkey.exists(key), "presence to be written again", 3 * PRESENCE_TTL)
        await until(lambda: is_(team, "ben", "offline"), "a moment to pass")
        assert await status(team, "ana") == "online"
    await until(lambda: is_(team, "ana", "offline"), "ana to be gone", 4 * PRESENCE_TTL)


async def is_(team: Team, user: str, wanted: str) -> bool:
    return await status(team, user) == wanted
