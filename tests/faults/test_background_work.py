"""Background work outlives errors of the database that nobody expected: no process ends, and each failure is counted."""

from __future__ import annotations

import re

import httpx
from desks import ok
from plain_http import NO_TLS
from serving import OwnServer
from waiting import until

TABLES = {
    "assistant_runs": ("gateway", "assistant_runs"),
    "api_client_revocations": ("gateway", "revocations"),
    "supervisors": ("supervisor", "supervisor_poll"),
    "suggestion_jobs": ("dispatcher", "draft"),
    "event_deliveries": ("dispatcher", "event_claim"),
    "account_retimings": ("host", "timer_rescheduling"),
}
"""Tables that the test hides, and whose process's work then fails."""
FAILED = re.compile(
    r'^tertulia_background_failures_total\{process="([a-z]+)[^"]*",work="(\w+)"\} ([0-9.]+)$', re.M
)
CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tertulia'"


async def failures(server: OwnServer) -> dict[tuple[str, str], float]:
    """How often each work of each kind of process has failed."""
    found: dict[tuple[str, str], float] = {}
    async with httpx.AsyncClient(base_url=server.url, timeout=30, verify=NO_TLS) as client:
        for target in (await client.get("/metrics/targets")).json():
            page = (await client.get(f"http://{target['targets'][0]}/metrics")).text
            for kind, work, count in FAILED.findall(page):
                found[kind, work] = found.get((kind, work), 0) + float(count)
    return found


async def test_errors_of_the_database_end_no_process(battered: OwnServer) -> None:
    server = battered
    pids = await server.sql("SELECT name, pid, incarnation FROM processes ORDER BY name")
    before = await failures(server)
    for table in TABLES:
        await server.sql(f"ALTER TABLE {table} RENAME TO hidden_{table}")
    try:

        async def all_failed() -> bool:
            now = await failures(server)
            return all(now.get(work, 0) >= before.get(work, 0) + 2 for work in TABLES.values())

        await until(all_failed, "each work to fail twice")
    finally:
        for table in TABLES:
            await server.sql(f"ALTER TABLE hidden_{table} RENAME TO {table}")
    await server.sql(CUT)
    async with server.client(server.token("service", "svc")) as service:

        async def answers() -> bool:
            return (await service.get("/v1/conversations")).status_code == 200

        await until(answers, "the API")
        ok(await service.get("/v1/conversations"), 200)
    assert await server.sql("SELECT name, pid, incarnation FROM processes ORDER BY name") == pids
