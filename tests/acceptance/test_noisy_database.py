"""An account's load on the database is bounded, refused clearly, and harms no other account."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import asyncpg
import httpx
import pytest
from desks import Desk, ok, problem
from neighbours import QuietNeighbour
from readers import SseReader, WsReader
from routing_accounts import Team, make_account
from serving import OwnServer
from waiting import until

from tertulia.settings import Settings

FLOOD = 24
"""Expensive reads of one agent at once."""


@pytest.fixture
async def team(server: OwnServer) -> AsyncIterator[Team]:
    async with AsyncExitStack() as stack:
        yield await make_account(server, stack)


async def test_the_server_is_nobody_in_the_database_but_its_two_roles(server: OwnServer, agent: Desk) -> None:
    ok(await agent.http.get("/v1/conversations"), 200)
    sessions = await server.sql("SELECT usename FROM pg_stat_activity WHERE application_name = 'tertulia'")
    assert {row[0] for row in sessions} == {"tertulia_app", "tertulia_system"}


async def flood(client: httpx.AsyncClient, paths: list[str]) -> Counter[int]:
    """Ask for all at once; how often there was which answer, refusals checked."""
    answers = await asyncio.gather(*map(client.get, paths))
    for answer in answers:
        if answer.status_code != 200:
            problem(answer, 429, "rate_limited")
    return Counter(answer.status_code for answer in answers)


async def test_expensive_reads_of_one_agent_hurt_nobody(
    agent: Desk,
    quiet: QuietNeighbour,
) -> None:
    now = datetime.now(UTC)
    different = [
        f"/v1/conversations/stats?from={(now - timedelta(days=1, seconds=n)).strftime('%Y-%m-%dT%H:%M:%SZ')}"
        for n in range(FLOOD)
    ]
    searches = [f"/v1/conversations?q=word{n}" for n in range(FLOOD)]
    async with quiet:
        for paths in (different, searches):
            for _ in range(5):
                assert (await flood(agent.http, paths))[200] > 0
        # everybody who asks the same thing shares one answer
        same = await flood(agent.http, ["/v1/conversations/stats"] * FLOOD)
        assert same == {200: FLOOD}
    quiet.check()


async def test_one_user_has_a_few_expensive_reads_under_way_and_all_the_cheap_ones(
    server: OwnServer, team: Team
) -> None:
    """The database holds the expensive ones up until the others have been answered."""
    admin, most = team.admin.http, Settings().expensive_reads_user * len(server.gateways)
    blocker = await asyncpg.connect(server.database_url())
    try:
        async with blocker.transaction():
            await blocker.execute("LOCK TABLE audit_log IN ACCESS EXCLUSIVE MODE")
            asked = [
                asyncio.ensure_future(admin.get(f"/v1/audit-log?action=x{n}")) for n in range(most + FLOOD)
            ]
            waiting = set(asked)
            while len(asked) - len(waiting) < FLOOD:
                answered, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for answer in answered:
                    problem(answer.result(), 429, "rate_limited")
            ok(await admin.get("/v1/conversations"), 200)
    finally:
        await blocker.close()
    found = Counter(answer.status_code for answer in await asyncio.gather(*asked))
    assert found[429] >= FLOOD and found.keys() <= {200, 429, 503}, (
        found
    )  # 503: the lock was not given back in time


async def test_a_request_that_waits_too_long_for_the_database_is_told_to_come_again(
    server: OwnServer, team: Team
) -> None:
    admin = team.admin.http
    account = ok(await admin.get("/v1/account"))["id"]
    blocker = await asyncpg.connect(server.database_url())
    try:
        async with blocker.transaction():
            await blocker.execute("SELECT 1 FROM accounts WHERE id = $1::text::uuid FOR UPDATE", account)
            refused = await admin.patch("/v1/account", json={"name": "Later"})
            problem(refused, 503, "overloaded")
    finally:
        await blocker.close()
    ok(await admin.patch("/v1/account", json={"name": "Later"}), 200)


async def test_a_deleted_clients_token_is_good_no_longer(server: OwnServer, team: Team) -> None:
    made = ok(await team.admin.http.post("/v1/api-clients", json={"name": "crm"}), 201)
    asked = {
        "grant_type": "client_credentials",
        "client_id": made["client_id"],
        "client_secret": made["client_secret"],
    }
    async with server.client() as client:
        token = ok(await client.post("/v1/auth/token", json=asked), 200)["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        ok(await client.get("/v1/conversations", headers=headers), 200)
        ticket = ok(await client.post("/v1/auth/ticket", headers=headers))["ticket"]
        async with SseReader(server, token) as events, WsReader(server, token) as socket:
            stream = events._connection
            ok(await team.admin.http.delete(f"/v1/api-clients/{made['client_id']}"), 204)

            async def refused() -> bool:  # by one gateway at once, by the others within a second
                async with server.client(token) as anywhere:
                    return (await anywhere.get("/v1/conversations")).status_code == 401

            for _ in range(8):
                await until(refused, "every gateway to refuse it", 5)
            await until(lambda: socket.closes and events._connection is not stream, "its streams to end")
            assert socket.closes[0][0] == 1008

            async def no_stream() -> bool:
                return (await client.get("/v1/stream", headers=headers)).status_code == 401

            await until(no_stream, "its gateway to refuse streams", 5)
        problem(await client.get("/v1/stream", params={"ticket": ticket}), 401, "unauthenticated")
        problem(await client.post("/v1/auth/token", json=asked), 401, "unauthenticated")


async def test_every_gateway_learns_of_a_deletion_from_the_database_alone(
    server: OwnServer, team: Team
) -> None:
    """As a gateway that did not serve the deletion: the row goes behind this one's back."""
    made = ok(await team.admin.http.post("/v1/api-clients", json={"name": "crm"}), 201)
    asked = {
        "grant_type": "client_credentials",
        "client_id": made["client_id"],
        "client_secret": made["client_secret"],
    }
    async with server.client() as client:
        token = ok(await client.post("/v1/auth/token", json=asked), 200)["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        ok(await client.get("/v1/conversations", headers=headers), 200)
        await server.sql("DELETE FROM api_clients WHERE id = $1::text::uuid", made["client_id"])

        async def refused() -> bool:
            return (await client.get("/v1/conversations", headers=headers)).status_code == 401

        await until(refused, "the gateway to refuse it", 5)


NOBODY = "nobody-at-all"
UNREADABLE = ["<b>ana</b>", "ana\u202e", "ana\u200b", " ana", "a\nb"]


async def test_a_person_names_only_agents_whom_the_account_has_seen(team: Team) -> None:
    c = (await team.open())["id"]
    for name in (NOBODY, *UNREADABLE):
        for answer, path in (
            (await team.lead.do(c, "assign", agent_id=name), "agent_id"),
            (await team.lead.patch(c, assignee_id=name), "assignee_id"),
            (await team.lead.do(c, "handoff", reason="asked", agent_id=name), "agent_id"),
        ):
            (error,) = problem(answer, 422, "invalid")["errors"]
            assert error["path"] == path
    shown = ok(await team.lead.http.get("/v1/agents"))["items"]
    assert not {a["user_id"] for a in shown} & {NOBODY, *UNREADABLE}
    assert (await team.lead.get(c))["assignee_id"] is None


async def test_a_service_names_anybody_who_could_be_somebody(team: Team) -> None:
    await team.settings(presence_grace_s=1)
    service = await team.desk("service", "crm")
    c = (await team.open())["id"]
    for name in UNREADABLE:
        problem(await service.do(c, "assign", agent_id=name), 422, "invalid")
    assert ok(await service.do(c, "assign", agent_id=NOBODY))["assignee_id"] == NOBODY
    await until(lambda: team.is_open(c), "what nobody comes for to be queued again")
    other = (await team.open())["id"]
    ok(await team.lead.do(other, "assign", agent_id=NOBODY))  # they are known by now


async def test_who_works_without_a_stream_keeps_what_they_took(team: Team) -> None:
    await team.settings(presence_grace_s=1)
    ana = await team.desk("agent", "ana")
    mine, given = (await team.open())["id"], (await team.open())["id"]
    ok(await ana.do(mine, "assign", agent_id="me"))
    ok(await team.lead.do(given, "assign", agent_id="ana"))
    await until(lambda: team.is_open(given), "what was given to her unasked to be queued again")
    assert await team.assignee(mine) == "ana"


@pytest.mark.parametrize("name", ["ana\u202ecod", "a\nb", "\u2066x"])
async def test_names_that_turn_the_text_around_them_are_refused(team: Team, name: str) -> None:
    answer = await team.admin.http.post("/v1/contacts", json={"name": name})
    (error,) = problem(answer, 422, "invalid")["errors"]
    assert error["path"] == "name"
