"""Providers' calls: signed WhatsApp webhooks, 1,000 a second for a minute, and as many as the server takes."""

from __future__ import annotations

from array import array
from pathlib import Path

import aiohttp
import orjson

from tertulia.core.accounts.principal import Role

from ... import load
from ...processes import BenchError, connected, make_id, run_load, token
from ...results import Figure, Series, ratios
from ..bench import Bench

RATE = 1_000.0
NEW_RATE = 400.0
"""Of customers nobody knows yet: each is a contact and a conversation to be made."""
SECONDS = 60.0
CUSTOMERS = 2_000
CONNECTIONS = 64
GOAL_MS = 250.0
SECRET = "bench-app-secret"


async def make_channel(bench: Bench) -> str:
    """A WhatsApp channel of the tenant; its id."""
    server = await bench.server()
    account = bench.tenant.account
    headers = {"Authorization": f"Bearer {token(account, Role.ADMIN, make_id(9, 1))}"}
    credentials = {"app_secret": SECRET, "verify_token": "v", "access_token": "a", "phone_number_id": "1"}
    body = {"type": "whatsapp", "name": "WhatsApp", "credentials": credentials}
    async with (
        aiohttp.ClientSession(server.url, headers=headers) as session,
        session.post("/v1/channels", json=body) as response,
    ):
        if response.status != 201:
            raise BenchError(f"making a channel: {response.status} {await response.text()}")
        return (await response.json())["id"]


def call(number: int) -> bytes:
    """One customer's webhook as a template: a text message, its number in the message's id."""
    phone = f"1415{number:07d}"
    message = {
        "from": phone,
        "id": "wamid.IDENTITY",
        "timestamp": "1760000000",
        "type": "text",
        "text": {"body": "Where is my order? It should have come on Monday. t=MOMENT"},
    }
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550001111", "phone_number_id": "1"},
        "contacts": [{"profile": {"name": f"Customer {number:04d}"}, "wa_id": phone}],
        "messages": [message],
    }
    changes = [{"field": "messages", "value": value}]
    body = orjson.dumps({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": changes}]})
    return body.replace(b"IDENTITY", b"%08d").replace(b"MOMENT", b"%016d")


def spec(port: int, channel: str, first: int, *, rate: float, seconds: float) -> load.Spec:
    bodies = [call(n) for n in range(CUSTOMERS)]
    before = (
        f"POST /v1/webhooks/whatsapp/{channel} HTTP/1.1\r\nHost: bench\r\nX-Hub-Signature-256: sha256=%s\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(bodies[0] % (0, 0))}\r\n\r\n"
    ).encode()
    return load.Spec(
        port=port,
        heads=bodies,
        connections=CONNECTIONS,
        seconds=seconds,
        rate=rate,
        first=first,
        good="200",
        secret=SECRET.encode(),
        before=before,
    )


class Calls:
    """The webhooks of one run; no message is sent twice."""

    def __init__(self, bench: Bench, channel: str) -> None:
        self.bench, self.channel = bench, channel
        self.next = 0
        self.acked: list[Path] = []

    async def run(self, side: str, rate: float, seconds: float) -> load.Report:
        port = (await self.bench.server()).port if side == "tertulia" else (await self.bench.front(side)).port
        wanted = spec(port, self.channel, self.next, rate=rate, seconds=seconds)
        if side == "tertulia":
            self.acked.append(self.bench.folder / f"webhooks-{len(self.acked)}.acked")
            wanted.acked = str(self.acked[-1])
        report = await run_load(wanted)
        if report.lost or set(report.statuses) != {"200"}:
            raise BenchError(f"{side}: answers {report.statuses}, {report.lost} calls without one")
        self.next = report.next
        return report

    async def verify(self) -> int:
        """Every call that was answered 200 is a message, once. How many there were."""
        server = await self.bench.server()
        acked = {number for path in self.acked for number in array("I", path.read_bytes())}
        async with connected(server.database_url) as connection:
            rows = await connection.fetch(
                "SELECT data ->> 'external_id' FROM entries WHERE account_id = $1 AND kind = 'message'"
                " AND data ->> 'external_id' LIKE 'wamid.%'",
                self.bench.tenant.account,
            )
        stored = [int(row[0].removeprefix("wamid.")) for row in rows]
        if lost := acked - set(stored):
            raise BenchError(f"LOST: {len(lost)} of {len(acked)} acknowledged webhooks, such as {min(lost)}")
        if len(stored) != len(set(stored)):
            raise BenchError("DOUBLED: a webhook's message is given twice")
        return len(acked)


async def webhooks(bench: Bench) -> list[Figure]:
    """Open-loop at the rate the project promises, then closed-loop, beside the bare handler."""
    calls = Calls(bench, await make_channel(bench))
    seconds = 5.0 if bench.quick else SECONDS
    bench.step("customers write for the first time")
    new = await calls.run("tertulia", NEW_RATE, CUSTOMERS / NEW_RATE)
    bench.step(f"{RATE:,.0f} webhooks/s for {seconds:.0f} s")
    ours = await calls.run("tertulia", RATE, seconds)
    bench.step(f"bare: {RATE:,.0f} calls/s")
    bare = await calls.run("bare", RATE, 5.0)
    rates: dict[str, list[float]] = {"tertulia": [], "bare": []}
    for number in range(bench.rounds):
        for side, found in rates.items():
            bench.step(f"round {number + 1}: {side}, {CONNECTIONS} connections")
            report = await calls.run(side, 0.0, bench.seconds)
            found.append(report.answered / report.seconds)
    count = await calls.verify()
    return [
        Figure(
            measure="webhooks",
            what=f"p99 of {RATE:,.0f} signed webhooks/s for {seconds:.0f} s, answered after the commit",
            value=Series("p99", "ms", [ours.p99]),
            goal=GOAL_MS,
            most=True,
            parts=[
                Series(f"{side}, {name}", "ms", [getattr(report, name)])
                for side, report in (("tertulia", ours), ("bare", bare))
                for name in ("p50", "p99", "worst")
            ]
            + [
                Series(f"new customers at {NEW_RATE:,.0f}/s, {name}", "ms", [getattr(new, name)])
                for name in ("p50", "p99")
            ],
            note=f"{count:,} acknowledged webhooks, each a message once",
        ),
        Figure(
            measure="webhooks",
            what=f"webhooks/s of a bare handler's calls/s, {CONNECTIONS} connections",
            value=ratios("of bare", rates["tertulia"], rates["bare"]),
            parts=[Series(side, "calls/s", found) for side, found in rates.items()],
        ),
    ]
