"""A host by itself on real Postgres: many live conversations against few, and cold activation."""

from __future__ import annotations

from ... import probe
from ...processes import BenchError, Helper, Tenant
from ...results import Figure, Series, ratios
from ...seed import seed
from ..bench import Bench, connected
from ..requests.ingest import verify_dense

MANY = 100_000
FEW = 1_000
COLD = 10_000
MESSAGES = 16_384
SLICES = 8
"""Turns the two take within a round."""


async def _seeded(bench: Bench, url: str, wanted: dict[str, tuple[int, int]]) -> Tenant:
    tenant = await bench.make_tenant(url)
    async with connected(url) as connection:
        for prefix, (count, messages) in wanted.items():
            bench.step(f"writing {count:,} conversations")
            for at in range(0, count, 20_000):
                await seed(connection, tenant, f"{prefix}-{at}", min(20_000, count - at), messages)
        await connection.execute("VACUUM ANALYZE")
        await connection.execute("CHECKPOINT")
    return tenant


async def residents(bench: Bench) -> list[Figure]:
    """Messages to random conversations of 100,000 in memory, and of 1,000: a host process each, in turn."""
    url = await bench.postgres()
    tenant = await _seeded(bench, url, {"many": (MANY, 0), "few": (FEW, 0)})
    many, few = (probe.Spec(url=url, tenant=tenant, prefix=p) for p in ("many", "few"))
    cost: dict[str, list[float]] = {"many": [], "few": []}
    cpu: dict[str, list[float]] = {"many": [], "few": []}
    async with Helper("bench.probe", many) as many_host, Helper("bench.probe", few) as few_host:
        hosts = {"many": (many_host, MANY), "few": (few_host, FEW)}
        for host, count in hosts.values():
            bench.step(f"bringing {count:,} conversations into memory")
            found = await host.ask(f"reside {count}")
            if found["count"] != count:
                raise BenchError(f"{found['count']} of {count} conversations came into memory")
            await host.ask(f"burst {MESSAGES // 2}")
        for number in range(bench.rounds):
            bench.step(f"round {number + 1}")
            seconds, busy = dict.fromkeys(hosts, 0.0), dict.fromkeys(hosts, 0.0)
            for _ in range(SLICES):
                for name, (host, _) in hosts.items():
                    found = await host.ask(f"burst {MESSAGES // SLICES}")
                    seconds[name] += found["seconds"]
                    busy[name] += found["cpu"]
            for name in hosts:
                cost[name].append(seconds[name] / MESSAGES * 1e6)
                cpu[name].append(busy[name] / MESSAGES * 1e6)
    return [
        Figure(
            measure="residents",
            what=f"cost of a message with {MANY:,} live conversations against {FEW:,}",
            value=ratios("many", cost["many"], cost["few"]),
            goal=1.25,
            most=True,
            parts=[
                Series(f"{count:,} live", "µs/message", cost[name])
                for name, count in (("many", MANY), ("few", FEW))
            ]
            + [
                Series(f"{count:,} live, CPU of the host", "µs/message", cpu[name])
                for name, count in (("many", MANY), ("few", FEW))
            ],
        )
    ]


async def activation(bench: Bench) -> list[Figure]:
    """A message to each of 10,000 conversations of eight messages, none in memory."""
    url = await bench.postgres()
    tenant = await _seeded(bench, url, {"cold": (COLD, 8)})
    values = []
    async with Helper("bench.probe", probe.Spec(url=url, tenant=tenant, prefix="cold")) as host:
        for number in range(bench.rounds):
            bench.step(f"round {number + 1}")
            found = await host.ask(f"cold {COLD}")
            values.append(found["count"] / found["seconds"])
    async with connected(url) as connection:
        await verify_dense(connection, tenant)
    return [
        Figure(
            measure="activation",
            what="cold conversations activated, written to and committed",
            value=Series("activation", "conversations/s", values),
            goal=5000,
        )
    ]
