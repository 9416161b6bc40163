"""Measure one route with the simulator and with wrk at the same time, on a server of its own: both must find the same latency.

    make simulate-wrk                    a minute of POST /v1/webchat/messages

wrk posts to conversations of another account, paced, on as many connections as the simulated customers have messages under way. Exits 1 if
the medians or the means differ by more than TOLERANCE.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import httpx
from desks import Account, new_accounts, ok
from replications import plan_of
from serving import OwnServer

from tertulia.simulator.report.document import Report
from tertulia.simulator.run.simulation import Simulation
from tertulia.simulator.scenario import loading

ROUTE = "/v1/webchat/messages"
KIND = f"POST {ROUTE}"
TOLERANCE = 0.05
WRITERS = 16
"""Customers as whom wrk writes in turns."""
PAUSE = 300
"""Milliseconds between two requests on a connection of wrk."""
CONNECTIONS = 8
BEFORE = 10.0
"""Seconds of the simulation before wrk begins."""

LUA = """
local tokens, n = {tokens}, 0
function setup(thread) thread:set("id", tostring(thread)) end
function delay() return {pause} end
function request()
  n = n + 1
  local body = string.format('{{"content": "Where is my order? It should have come on Monday. %d", "client_message_id": "%s-%d"}}', n, id, n)
  local headers = {{["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. tokens[n % #tokens + 1]}}
  return wrk.format("POST", "{route}", headers, body)
end
function response(status) if status ~= 201 then io.stderr:write("status " .. status .. "\\n") end end
function done(summary, latency)
  local e = summary.errors
  io.write(string.format('RESULT {{"count": %d, "mean": %f, "p50": %f, "p90": %f, "p99": %f, "errors": %d}}\\n', summary.requests, latency.mean / 1e6,
    latency:percentile(50) / 1e6, latency:percentile(90) / 1e6, latency:percentile(99) / 1e6, e.connect + e.read + e.write + e.status + e.timeout))
end
"""


def scenario(seconds: int) -> str:
    """Customers with many messages each: their first one, which opens a conversation, takes longer, and wrk sends none."""
    return f"""
name = "Beside wrk"
about = "One route, measured twice."
duration = "{seconds + 2 * BEFORE:.0f}s"
warm_up = "{BEFORE:.0f}s"
[arrivals]
rate = 0.6
[[customers]]
turns = 40
turns_fixed = true
think = {{ mean = "0.5s" }}
[[agents]]
count = 6
slots = 5
handling = {{ mean = "25s" }}
"""


async def writers(server: OwnServer, of: Account) -> list[str]:
    """Tokens of customers who have a conversation each."""
    found = []
    async with server.client(server.token("service", "wrk", of.id)) as service:
        for number in range(WRITERS):
            session = ok(
                await service.post(
                    f"/v1/webchat/{of.channel}/sessions", json={"contact_identifier": f"wrk-{number}"}
                )
            )
            found.append(session["token"])
    for token in found:
        async with httpx.AsyncClient(
            base_url=server.url, headers={"Authorization": f"Bearer {token}"}
        ) as own:
            ok(await own.post(ROUTE, json={"content": "Hello"}))
    return found


async def wrk(server: OwnServer, tokens: list[str], seconds: int, folder: Path) -> dict[str, float]:
    await asyncio.sleep(BEFORE)
    script = folder / "post.lua"
    listed = "{" + ", ".join(f'"{token}"' for token in tokens) + "}"
    script.write_text(LUA.format(tokens=listed, pause=PAUSE, route=ROUTE))
    process = await asyncio.create_subprocess_exec(
        "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(script), server.url, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, errors = await process.communicate()
    lines = [line for line in output.decode().splitlines() if line.startswith("RESULT ")]
    if not lines or errors:
        sys.exit(f"wrk failed: {output.decode()[-500:]} {errors.decode()[-500:]}")
    return json.loads(lines[0].removeprefix("RESULT "))


def said(report: Report, theirs: dict[str, float]) -> bool:
    """Print both; whether they agree."""
    ours = next(q for q in report.requests if q.kind == KIND)
    print(f"{KIND}: {ours.times.count:,} by the simulator, {theirs['count']:,.0f} by wrk at the same time")
    right = report.passed and not report.limited and not theirs["errors"]
    for name in ("mean", "p50", "p90", "p99"):
        a, b = getattr(ours.times, name), theirs[name]
        near = abs(a / b - 1) <= TOLERANCE
        right &= near or name not in ("mean", "p50")
        print(f"  {name:5} {1000 * a:8.2f} ms  {1000 * b:8.2f} ms  {a / b - 1:+.1%}")
    for what in (*(v.text for v in report.verdicts if not v.holds), *report.limited, *report.samples[:5]):
        print(f"  ! {what}")
    return right


async def main(seconds: int) -> bool:
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing: sudo apt-get install wrk")
    with tempfile.TemporaryDirectory(prefix="tertulia-wrk-") as folder:
        server = OwnServer(Path(folder))
        await server.start()
        try:
            simulated, other = await new_accounts(server, "Measured", 2)
            plan = plan_of(server, simulated, loading.parsed(scenario(seconds)))
            tokens = await writers(server, other)
            report, theirs = await asyncio.gather(
                Simulation(plan, []).run(), wrk(server, tokens, seconds, Path(folder))
            )
        finally:
            await server.kill_all()
    right = said(report, theirs)
    print(f"load average of this machine: {os.getloadavg()[0]:.1f}; {time.strftime('%Y-%m-%d')}")
    return right


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=60, choices=range(10, 3601), metavar="10…3600")
    sys.exit(0 if asyncio.run(main(parser.parse_args().seconds)) else 1)
