"""A durable message in over HTTP, against a bare handler, one that commits, and one Ray call a message."""

from __future__ import annotations

from array import array
from collections import Counter
from pathlib import Path

import asyncpg

from ... import load
from ...processes import BenchError, Server, Tenant, cpu_seconds, run_load
from ...results import Figure, Series, ratios
from ..bench import Bench, connected

SIDES = ("tertulia", "bare", "commits", "ray")
CONNECTIONS = (64, 256)
GOALS = ((0.4, 5.5), (0.55, 6.5))
"""Of the bare handler and of one Ray call a message, at these."""
LATENCY_CONNECTIONS = 64
P99_FLOOR_MS = 0.1


def spec(
    bench: Bench, port: int, tenant: Tenant, conversations: list[str], key: str, connections: int
) -> load.Spec:
    """What both sides get, to the byte."""
    return load.Spec(
        port=port,
        heads=[load.post(f"/v1/conversations/{c}/messages", tenant.service, key) for c in conversations],
        connections=connections,
        seconds=bench.seconds,
        warm=0.7 if bench.quick else 1.0,
    )


async def run_side(bench: Bench, side: str, name: str, connections: int, rate: float = 0.0) -> load.Report:
    """Load one side; every answer must be a 201."""
    server = await bench.server()
    port = server.port if side == "tertulia" else (await bench.front(side)).port
    key = f"{name}-{side}-{connections}"
    wanted = spec(bench, port, bench.tenant, bench.conversations, key, connections)
    wanted.rate = rate
    if side == "tertulia":
        wanted.acked = str(bench.folder / f"{key}.acked")
    report = await run_load(wanted)
    check(report, side)
    return report


def check(report: load.Report, side: str) -> None:
    if report.lost or set(report.statuses) != {"201"}:
        raise BenchError(f"{side}: answers {report.statuses}, {report.lost} requests without one")


async def verify(url: str, tenant: Tenant, acked: list[Path]) -> int:
    """Every 201 is in Postgres, once; every conversation's seq and the account's feed are dense. How many there were."""
    expected = Counter(
        f"{path.stem}-{number:08d}" for path in acked for number in array("I", path.read_bytes())
    )
    async with connected(url) as connection:
        rows = await connection.fetch(
            "SELECT data ->> 'client_message_id' FROM entries WHERE account_id = $1 AND kind = 'message'",
            tenant.account,
        )
        stored = Counter(row[0] for row in rows)
        await verify_dense(connection, tenant)
    if max(expected.values(), default=1) > 1:
        raise BenchError("the load generator used a key twice")
    lost = expected.keys() - stored.keys()
    if lost:
        raise BenchError(f"LOST: {len(lost)} of {len(expected)} acknowledged messages, such as {min(lost)}")
    doubled = [k for k in expected if stored[k] > 1]
    if doubled:
        raise BenchError(f"DOUBLED: {len(doubled)} messages, such as {doubled[0]}")
    return len(expected)


async def verify_dense(connection: asyncpg.Connection, tenant: Tenant) -> None:
    """Raises BenchError for a gap in any conversation's seq or in the account's feed."""
    gaps = await connection.fetch(
        """SELECT e.conversation_id FROM entries e JOIN conversations c ON c.id = e.conversation_id
           WHERE e.account_id = $1 GROUP BY e.conversation_id, c.seq
           HAVING count(*) <> max(e.seq) + 1 OR min(e.seq) <> 0 OR max(e.seq) <> c.seq""",
        tenant.account,
    )
    if gaps:
        raise BenchError(f"GAPS in the seq of {len(gaps)} conversations, such as {gaps[0][0]}")
    count, greatest, head = await connection.fetchrow(
        """SELECT count(DISTINCT e.position), max(e.position),
             (SELECT position FROM account_feeds WHERE account_id = $1) FROM entries e WHERE e.account_id = $1""",
        tenant.account,
    )
    if not count == greatest == head:
        raise BenchError(f"GAPS in the feed: {count} positions up to {greatest}, head {head}")


async def ingest(bench: Bench) -> list[Figure]:
    """Closed-loop, at 64 and at 256 connections, the sides in turn."""
    server = await bench.server()
    rates: dict[tuple[str, int], list[float]] = {(s, c): [] for s in SIDES for c in CONNECTIONS}
    spent: dict[str, list[float]] = {}
    for number in range(bench.rounds):
        for connections in CONNECTIONS:
            for side in SIDES:
                bench.step(f"round {number + 1}: {side}, {connections} connections")
                before = cpu_seconds(server.pid)
                report = await run_side(bench, side, f"in{number}", connections)
                rates[side, connections].append(report.answered / report.seconds)
                if side == "tertulia" and connections == CONNECTIONS[-1]:
                    _spend(spent, before, server, report)
    for side in SIDES:
        values = sorted(rates[side, CONNECTIONS[-1]])
        bench.rates[side] = values[len(values) // 2]
    bench.step("verifying in Postgres")
    count = await verify(server.database_url, bench.tenant, list(bench.folder.glob("in*-tertulia-*.acked")))
    figures = []
    for connections, (of_bare, of_ray) in zip(CONNECTIONS, GOALS, strict=True):
        ours, bare, commits, ray = (rates[side, connections] for side in SIDES)
        parts = [Series(s, "messages/s", rates[s, connections]) for s in SIDES]
        figures.append(
            Figure(
                measure="ingest",
                what=f"durable messages/s of a bare handler's requests/s, {connections} connections",
                value=ratios("of bare", ours, bare),
                goal=of_bare,
                parts=parts,
            )
        )
        figures.append(
            Figure(
                measure="ingest",
                what=f"of a bare handler that commits a row a request in groups, {connections} connections",
                value=ratios("of one that commits", ours, commits),
            )
        )
        figures.append(
            Figure(
                measure="ingest",
                what=f"against one Ray call a message, {connections} connections",
                value=ratios("of one call", ours, ray),
                goal=of_ray,
            )
        )
    figures[-1].parts = [Series(f"CPU: {k}", "µs/message", v) for k, v in sorted(spent.items())]
    figures[-1].note = f"{count:,} acknowledged messages, each found in Postgres once; every seq dense"
    return figures


def _spend(
    spent: dict[str, list[float]], before: dict[str, float], server: Server, report: load.Report
) -> None:
    after, messages = cpu_seconds(server.pid), report.statuses["201"]
    for part, seconds in after.items():
        spent.setdefault(part, []).append((seconds - before.get(part, 0.0)) / messages * 1e6)
    spent.setdefault("load generator", []).append(report.cpu / messages * 1e6)


async def calibrate(bench: Bench, side: str) -> float:
    """The load a side takes at most, measured now unless it was already."""
    if side not in bench.rates:
        bench.step(f"calibrating {side}")
        report = await run_side(bench, side, "cal", CONNECTIONS[-1])
        bench.rates[side] = report.answered / report.seconds
    return bench.rates[side]


async def latency(bench: Bench) -> list[Figure]:
    """Open-loop, each side at half of what it takes."""
    reports: dict[str, list[load.Report]] = {"tertulia": [], "bare": [], "commits": []}
    halves = {side: await calibrate(bench, side) / 2 for side in reports}
    for number in range(bench.rounds):
        for side, found in reports.items():
            bench.step(f"round {number + 1}: {side} at {halves[side]:,.0f}/s")
            found.append(await run_side(bench, side, f"half{number}", LATENCY_CONNECTIONS, halves[side]))
    server = await bench.server()
    await verify(server.database_url, bench.tenant, list(bench.folder.glob("half*-tertulia-*.acked")))
    parts = [
        Series(f"{side} at {halves[side]:,.0f}/s, {name}", "ms", [getattr(r, name) for r in found])
        for side, found in reports.items()
        for name in ("p50", "p99", "p999")
    ]
    ours, commits = ([r.p99 for r in reports[side]] for side in ("tertulia", "commits"))
    return [
        Figure(
            measure="latency",
            what="p99 at half load",
            value=Series("p99", "ms", ours),
            goal=20,
            most=True,
            parts=parts,
        ),
        Figure(
            measure="latency",
            what="p99 at half load, against that of a bare handler that commits in groups, at half its own",
            value=ratios("p99", ours, [max(P99_FLOOR_MS, c) for c in commits]),
            goal=4,
            most=True,
        ),
        Figure(
            measure="latency",
            what="p50 likewise",
            value=ratios("p50", [r.p50 for r in reports["tertulia"]], [r.p50 for r in reports["commits"]]),
        ),
    ]
