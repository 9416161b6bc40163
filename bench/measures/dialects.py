"""What a message costs through the CRM's dialect, against the native route."""

from __future__ import annotations

from .. import load
from ..processes import cpu_seconds, run_load
from ..results import Figure, Series, ratios
from .bench import Bench
from .ingest import check

CONNECTIONS = 64
GOAL = 1.15
"""Of the native route's cost."""
SIDES = ("native", "crm")


def head(bench: Bench, side: str, conversation: str, key: str) -> bytes:
    """A template of a customer's message, with the same key and content on both sides."""
    if side == "native":
        return load.post(f"/v1/conversations/{conversation}/messages", bench.tenant.service, key)
    return load.crm_post(conversation, bench.tenant.account, bench.tenant.service, key)


async def dialects(bench: Bench) -> list[Figure]:
    """Closed-loop, both sides in turn. Cost: the inverse of the rate, and CPU time of all of the server's processes."""
    server = await bench.server()
    rates: dict[str, list[float]] = {side: [] for side in SIDES}
    spent: dict[str, list[float]] = {side: [] for side in SIDES}
    for number in range(bench.rounds):
        for side in SIDES if number % 2 == 0 else reversed(SIDES):
            bench.step(f"round {number + 1}: {side}")
            before = sum(cpu_seconds(server.pid).values())
            report = await run_load(
                load.Spec(
                    port=server.port,
                    heads=[head(bench, side, c, f"dia{number}-{side}") for c in bench.conversations],
                    connections=CONNECTIONS,
                    seconds=bench.seconds,
                )
            )
            check(report, side)
            rates[side].append(report.answered / report.seconds)
            used = sum(cpu_seconds(server.pid).values()) - before
            spent[side].append(used / report.statuses["201"] * 1e6)
    return [
        Figure(
            measure="dialects",
            what="time of a message through the CRM's route, of the native route's, 64 connections",
            value=ratios("time", rates["native"], rates["crm"]),
            goal=GOAL,
            most=True,
            parts=[Series(side, "messages/s", rates[side]) for side in SIDES],
        ),
        Figure(
            measure="dialects",
            what="CPU of the same",
            value=ratios("CPU", spent["crm"], spent["native"]),
            goal=GOAL,
            most=True,
            parts=[Series(side, "µs/message", spent[side]) for side in SIDES],
        ),
    ]
