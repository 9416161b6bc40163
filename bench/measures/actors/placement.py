"""Both placements side by side: conversations together in a host, or in a process each."""

from __future__ import annotations

from ... import load
from ...processes import Tenant, open_conversations, run_load
from ...results import Figure, Series, ratios
from ..bench import Bench
from ..requests.ingest import check, spec, verify

CONVERSATIONS = 20
CONNECTIONS = 64


async def placement(bench: Bench) -> list[Figure]:
    """Closed-loop ingest into the same few conversations."""
    shared = await bench.server()
    bench.step("starting a server with placement dedicated")
    async with bench.other_server("dedicated", TERTULIA_PLACEMENT="dedicated") as dedicated:
        tenant = await bench.make_tenant(dedicated.database_url)
        bench.step(f"starting {CONVERSATIONS} conversation processes")
        own = await open_conversations(dedicated, tenant, CONVERSATIONS)
        sides = {
            "shared": (shared, bench.tenant, bench.conversations[:CONVERSATIONS]),
            "dedicated": (dedicated, tenant, own),
        }
        rates: dict[str, list[float]] = {side: [] for side in sides}
        medians: dict[str, list[float]] = {side: [] for side in sides}
        for number in range(bench.steady_rounds):
            for side, (server, of, conversations) in sides.items():
                bench.step(f"round {number + 1}: {side}")
                key = f"place{number}-{side}"
                report = await _load(bench, server.port, of, conversations, key)
                check(report, side)
                rates[side].append(report.answered / report.seconds)
                medians[side].append(report.p50)
        for side, (server, of, _) in sides.items():
            await verify(server.database_url, of, list(bench.folder.glob(f"place*-{side}.acked")))
    return [
        Figure(
            measure="placement",
            what=f"dedicated against shared: messages/s, {CONVERSATIONS} conversations, {CONNECTIONS} connections",
            value=ratios("dedicated", rates["dedicated"], rates["shared"]),
            parts=[
                *(Series(side, "messages/s", rates[side]) for side in sides),
                *(Series(f"{side}, p50", "ms", medians[side]) for side in sides),
            ],
        )
    ]


async def _load(bench: Bench, port: int, tenant: Tenant, conversations: list[str], key: str) -> load.Report:
    wanted = spec(bench, port, tenant, conversations, key, CONNECTIONS)
    wanted.acked = str(bench.folder / f"{key}.acked")
    return await run_load(wanted)
