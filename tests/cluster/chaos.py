"""The table of faults over machines, under load, with the oracle: `make chaos`, or `make chaos ARGS="cut_5 --seeds 20"`.

Each run starts three machines, writes through a balancer, reads over SSE and WebSocket, lets the fault happen, and compares what
was acknowledged with Postgres and with what every reader saw. Prints a row each; ends with 1 if anything was lost or wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [
    str(ROOT),
    str(ROOT / "tests"),
    str(ROOT / "tests" / "faults"),
    str(ROOT / "tests" / "cluster"),
]

from assignments import assignments  # noqa: E402
from load import Load  # noqa: E402
from load_scaling import SETTINGS as SCALING  # noqa: E402
from load_scaling import autoscale, head_options  # noqa: E402
from machine_faults import (  # noqa: E402
    Fault,
    blackout,
    clock,
    cut,
    cut_one_way,
    disk_full,
    freeze,
    head,
    head_alone,
    lossy,
    power,
    slow,
    supervisor,
)  # fmt: skip
from machines import site  # noqa: E402
from planned_changes import (  # noqa: E402
    deploy,
    install,
    join,
    leave,
    move,
    rollback,
    serve_killed,
    supervisors,
    unpack,
    upgrade,
)  # fmt: skip
from readers import SseReader, WsReader  # noqa: E402
from service import Service  # noqa: E402
from soak import soak  # noqa: E402
from storage_faults import postgres, postgres_failover, valkey_failover, valkey_gone  # noqa: E402
from storm import SETTINGS as STORM  # noqa: E402
from storm import network_storm, raise_file_limit, reconnect_storm  # noqa: E402
from takeovers import owners  # noqa: E402

EARLIER = "b83fd8c2"
"""The commit that counts as the last release until one is tagged."""
PROGRAMS = ("ip", "tc", "iptables", "nsenter", "unshare")
CALM = 4.0
"""Seconds of load before and after a fault."""

FAULTS: dict[str, Fault] = {
    "join": join, "leave": leave, "move": move, "deploy": deploy, "upgrade": upgrade, "rollback": rollback,
    "serve_killed": serve_killed, "supervisors": supervisors, "power": power, "freeze": freeze, "slow": slow, "lossy": lossy,
    "cut_5": cut(5), "cut_30": cut(30), "cut_90": cut(90), "deaf": cut_one_way("INPUT"), "mute": cut_one_way("OUTPUT"),
    "clock": clock, "disk_full": disk_full, "head": head, "head_alone": head_alone(5), "head_alone_90": head_alone(90),
    "supervisor": supervisor, "postgres": postgres, "postgres_failover": postgres_failover,
    "valkey_failover": valkey_failover, "valkey_gone": valkey_gone, "storm": reconnect_storm,
    "network_storm": network_storm, "blackout": blackout, "autoscale": autoscale,
}  # fmt: skip

CLOCKS = {
    "PYTHONPATH": os.pathsep.join([str(ROOT / "tests" / "faults" / "clocks"), "{release}"]),
    "TERTULIA_TEST_CLOCKS": "/tmp/clocks",
}
SETTINGS: dict[str, dict[str, str]] = {
    "storm": STORM,
    "network_storm": STORM,
    "clock": CLOCKS,
    "soak": CLOCKS,
    "autoscale": SCALING,
}
"""What a fault's machines need in their environment."""


def earlier_release() -> str:
    """The last release: its tag, or a commit as long as there is none."""
    words = ("git", "-C", str(ROOT), "describe", "--tags", "--abbrev=0")
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.stdout.strip() or EARLIER


def percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(part * len(values)))] if values else float("nan")


def latencies(load: Load, begin: float, end: float) -> dict[str, float]:
    took = [load.acked[t] - load.begun[t] for t in load.acknowledged_within(begin, end)]
    return {
        "n": len(took),
        "p50_ms": round(1000 * percentile(took, 0.5), 1),
        "p99_ms": round(1000 * percentile(took, 0.99), 1),
    }


def spans(service: Service, load: Load) -> list[dict[str, Any]]:
    """The faults of a soak, each with its longest wait and its latencies."""
    return [
        {"fault": name, "took_s": round(end - begin, 1), "gap_s": round(load.history.longest_gap(begin, end), 2),
         **latencies(load, begin, end)}
        for name, begin, end in service.spans
    ]  # fmt: skip


async def run(name: str, seed: int, given: argparse.Namespace) -> bool:
    """One run: prints its row. Whether nothing was lost, doubled or out of order."""
    async with AsyncExitStack() as stack:
        folder = Path(
            stack.enter_context(
                tempfile.TemporaryDirectory(
                    prefix="tertulia-chaos-", dir="/var/tmp", ignore_cleanup_errors=True
                )
            )
        )
        folder.chmod(0o755)
        scales = name == "autoscale"
        machines = 1 if scales else 3
        made = await stack.enter_async_context(site(folder, machines))
        earlier = (
            unpack(folder, given.earlier or earlier_release()) if name in ("upgrade", "rollback") else None
        )
        install(folder, earlier or ROOT)
        settings = SETTINGS.get(name, {}) | dict(pair.split("=", 1) for pair in given.set)
        settings = {key: value.format(release=folder / "release") for key, value in settings.items()}
        options = head_options(folder) if scales else ()
        service = Service(made, settings, external=not name.startswith("head_alone"), head_options=options)
        await service.start()
        stack.push_async_callback(service.balancer.stop)
        await service.until_shares(machines)
        readers = [
            await stack.enter_async_context(
                kind(service, service.token("agent", f"{kind.__name__}{n}"), "account")
            )  # type: ignore[arg-type]
            for n, kind in enumerate((SseReader, WsReader, SseReader, WsReader))
        ]
        probe = await stack.enter_async_context(assignments(service))
        owned = await stack.enter_async_context(owners(service))
        load = await stack.enter_async_context(Load(service, writers=given.writers, conversations=20))  # type: ignore[arg-type]
        await load.flows()
        began = time.monotonic()
        await asyncio.sleep(CALM)
        broken = time.monotonic()
        try:
            fault = soak(given.minutes) if name == "soak" else FAULTS[name]
            await fault(service, random.Random(seed))
            mended = time.monotonic()
            await load.flows()
            await asyncio.sleep(CALM)
            ended = time.monotonic()
            gap = load.history.longest_gap(broken, ended)
            takeover = owned.takeover(broken)
            assignment_gap = probe.longest_gap(broken, ended)
            await load.stop()
            verdict = await load.verdict(*readers)
        finally:
            if given.log:
                print(service.tail(60), file=sys.stderr)
        row = {
            "fault": name, "seed": seed, "lost": len(verdict.lost), "duplicated": len(verdict.duplicated),
            "out_of_order": len(verdict.misnumbered) + len(verdict.misseen), "unexpected": len(verdict.unexpected),
            "acknowledged": len(load.history.ok), "gap_s": round(gap, 2), "takeover_s": takeover and round(takeover, 2),
            "assignment_gap_s": round(assignment_gap, 2), "assignments_refused": dict(probe.refused), "fault_s": round(mended - broken, 1),
            "nobody_ready_s": round(service.balancer.not_ready_for, 1), "before": latencies(load, began, broken),
            "during": latencies(load, broken, mended), "after": latencies(load, mended, ended),
            "statuses": {str(k): v for k, v in load.statuses.items()},
            "connections": [reader.connections for reader in readers], "resets": sum(r.resets for r in readers),
            "note": service.note, "spans": spans(service, load), "load": round(os.getloadavg()[0], 1),
        }  # fmt: skip
        print(json.dumps(row), flush=True)
        if not verdict.good:
            print(verdict, file=sys.stderr)
        return verdict.good


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("faults", nargs="*", help=f"of {', '.join(FAULTS)}; all by default; or soak")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--minutes", type=float, default=60, help="how long a soak lasts")
    parser.add_argument("--writers", type=int, default=40)
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the server"
    )
    parser.add_argument(
        "--earlier", help="the release that `upgrade` and `rollback` start with: a tag or commit"
    )
    parser.add_argument("--log", action="store_true", help="print the end of the server's log")
    given = parser.parse_args()
    if os.geteuid() != 0:
        raise SystemExit("make chaos makes network namespaces: run it as root")
    if missing := [name for name in PROGRAMS if shutil.which(name) is None]:
        raise SystemExit(
            f"make chaos needs {', '.join(missing)}: apt-get install iproute2 iptables util-linux"
        )
    raise_file_limit()
    good = True
    for name in given.faults or FAULTS:
        for seed in range(given.first, given.first + given.seeds):
            try:
                good &= asyncio.run(run(name, seed, given))
            except (AssertionError, TimeoutError, ExceptionGroup) as error:
                print(
                    json.dumps(
                        {"fault": name, "seed": seed, "failed": str(error)[-2000:] or type(error).__name__}
                    ),
                    flush=True,
                )
                good = False
    raise SystemExit(not good)


if __name__ == "__main__":
    main()
