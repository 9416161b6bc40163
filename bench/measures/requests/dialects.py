"""What a message costs through the dialects of the CRM and of the sync API, against the native route."""

from __future__ import annotations

import aiohttp

from ... import load
from ...processes import Server, connected, cpu_seconds, run_load
from ...results import Figure, Series, ratios
from ..bench import Bench
from .ingest import check

CONNECTIONS = 64
GOAL = 1.15
"""Of the native route's cost."""
WITH_SUB_DOMAIN = "sync with subDomain"
"""As the Python client's `add_message` and the helper functions send it: the server compares it with the tenant's."""
SIDES = ("native", "crm", "sync", WITH_SUB_DOMAIN)
SESSIONS = """
INSERT INTO conversation_sessions (account_id, session_id, conversation_id, bot_id)
SELECT $1, 'bench_' || c, c::uuid, 'bench' FROM unnest($2::text[]) AS c ON CONFLICT DO NOTHING"""
"""The sync API knows the conversations by names of its own."""


def head(bench: Bench, side: str, conversation: str, key: str, sub_domain: str) -> bytes:
    """A template of a customer's message, with the same key and content on all sides."""
    if side == "native":
        return load.post(f"/v1/conversations/{conversation}/messages", bench.tenant.service, key)
    if side == "crm":
        return load.crm_post(conversation, bench.tenant.account, bench.tenant.service, key)
    named = sub_domain if side == WITH_SUB_DOMAIN else None
    return load.sync_post(f"bench_{conversation}", bench.tenant.service, key, named)


async def sub_domain_of(bench: Bench, server: Server) -> str:
    """The tenant's, as the sync API shows it."""
    path = f"/sync/api/v1/conversations/bench_{bench.conversations[0]}"
    headers = {"Authorization": f"Bearer {bench.tenant.service}"}
    async with (
        aiohttp.ClientSession(server.url, headers=headers, raise_for_status=True) as session,
        session.get(path) as response,
    ):
        return (await response.json())["data"]["subDomain"]


async def dialects(bench: Bench) -> list[Figure]:
    """Closed-loop, all sides in turn. Cost: the inverse of the rate, and CPU time of all of the server's processes."""
    server = await bench.server()
    async with connected(server.database_url) as connection:
        await connection.execute(SESSIONS, bench.tenant.account, bench.conversations)
    sub_domain = await sub_domain_of(bench, server)
    rates: dict[str, list[float]] = {side: [] for side in SIDES}
    spent: dict[str, list[float]] = {side: [] for side in SIDES}
    for number in range(bench.rounds):
        for side in SIDES if number % 2 == 0 else reversed(SIDES):
            bench.step(f"round {number + 1}: {side}")
            before = sum(cpu_seconds(server.pid).values())
            report = await run_load(
                load.Spec(
                    port=server.port,
                    heads=[
                        head(bench, side, c, f"dia{number}-{SIDES.index(side)}", sub_domain)
                        for c in bench.conversations
                    ],
                    connections=CONNECTIONS,
                    seconds=bench.seconds,
                )
            )
            check(report, side)
            rates[side].append(report.answered / report.seconds)
            used = sum(cpu_seconds(server.pid).values()) - before
            spent[side].append(used / report.statuses["201"] * 1e6)
    return [
        figure
        for side in SIDES[1:]
        for figure in (
            Figure(
                measure="dialects",
                what=f"time of a message through the route of {side}, of the native route's, {CONNECTIONS} connections",
                value=ratios("time", rates["native"], rates[side]),
                goal=GOAL,
                most=True,
                parts=[Series(name, "messages/s", rates[name]) for name in ("native", side)],
            ),
            Figure(
                measure="dialects",
                what="CPU of the same",
                value=ratios("CPU", spent[side], spent["native"]),
                goal=GOAL,
                most=True,
                parts=[Series(name, "µs/message", spent[name]) for name in ("native", side)],
            ),
        )
    ]
