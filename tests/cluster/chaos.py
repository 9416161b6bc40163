"""The table of faults over machines, under load, with the oracle: `make chaos`, or `make chaos ARGS="cut_5 --seeds 20"`.

Each run starts three machines, writes through a balancer, reads over SSE and WebSocket, lets the fault happen, and compares what
was acknowledged with Postgres and with what every reader saw. Prints a row each; ends with 1 if anything was lost or wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
sys.path[:0] = [
    str(ROOT),
    str(ROOT / "tests"),
    str(ROOT / "tests" / "faults"),
    str(ROOT / "tests" / "cluster"),
]

from assignments import assignments  # noqa: E402
from load import Load  # noqa: E402
from machines import site  # noqa: E402
from readers import SseReader, WsReader  # noqa: E402
from service import Service  # noqa: E402
from waiting import until  # noqa: E402

EARLIER = "e0bb57fe"
"""The commit that `upgrade` starts with, until there is a release."""
CALM = 4.0
"""Seconds of load before and after a fault."""

Fault = Callable[[Service, random.Random], Awaitable[None]]


async def join(service: Service, dice: random.Random) -> None:
    """A fourth machine joins."""
    machine = await service.site.add()
    await service.join(machine)
    await service.until_shares(4)


async def leave(service: Service, dice: random.Random) -> None:
    """A machine gets SIGTERM, as from systemd or Kubernetes."""
    await service.leave(dice.choice(service.site.machines[1:]))
    await service.until_shares(2)


async def power(service: Service, dice: random.Random) -> None:
    """A machine loses its power."""
    dice.choice(service.site.machines[1:]).power_off()
    await service.until_shares(2)


async def freeze(service: Service, dice: random.Random) -> None:
    """A machine stands still for ten seconds, and continues."""
    machine = dice.choice(service.site.machines[1:])
    machine.signal_all(signal.SIGSTOP)
    try:
        await asyncio.sleep(10)
    finally:
        machine.signal_all(signal.SIGCONT)
    await service.until_shares(3)


def cut(seconds: float) -> Fault:
    async def fault(service: Service, dice: random.Random) -> None:
        machine = dice.choice(service.site.machines[1:])
        machine.cut()
        await asyncio.sleep(seconds)
        machine.heal()
        await asyncio.sleep(5)

    return fault


async def head(service: Service, dice: random.Random) -> None:
    """The head's machine loses its Ray, and gets it back; its state is in Valkey."""
    for process in psutil.process_iter():
        if process.pid != service.head.init_pid and service.head.is_here(process.pid):
            words = process.cmdline()
            if "tertulia" not in words:
                process.kill()
    await asyncio.sleep(dice.uniform(2, 10))
    await service.join(service.head)
    await service.until_shares(3)


async def postgres(service: Service, dice: random.Random) -> None:
    """Postgres is restarted."""
    await service.site.postgres.stop()
    await asyncio.sleep(dice.uniform(0, 3))
    await service.site.postgres.start()
    await asyncio.sleep(3)


async def serve_killed(service: Service, dice: random.Random) -> None:
    """`tertulia serve` is killed, and started again."""
    await service.stop_serve(signal.SIGKILL)
    await asyncio.sleep(dice.uniform(0, 2))
    await service.serve()


async def supervisor(service: Service, dice: random.Random) -> None:
    """The machine of the first supervisor and dispatcher loses its power, while Ray's head stands still."""
    ((address,),) = await service.sql("SELECT address FROM processes WHERE name = 'supervisor:0'")
    heads = service.head.processes_named("gcs_server")
    for process in heads:
        process.suspend()
    next(machine for machine in service.site.machines if machine.address == address).power_off()
    try:
        await service.until_shares(2)
        await asyncio.sleep(20)
    finally:
        for process in heads:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()


async def move(service: Service, dice: random.Random) -> None:
    """An operator moves partitions from host to host, twenty times, and evens them out again."""
    for _ in range(20):
        first = dice.randrange(0, 1024 - 40)
        await service.command("move", f"{first}-{first + 39}", f"host:{dice.randrange(3)}")
    await service.command("rebalance")


async def deploy(service: Service, dice: random.Random) -> None:
    """All processes are renewed one by one, as by a new release."""
    await service.stop_serve()
    rows = {row[0] for row in await service.sql("SELECT incarnation::text FROM processes")}
    await service.serve(TERTULIA_HEARTBEAT="14")

    async def renewed() -> bool:
        return not rows & {row[0] for row in await service.sql("SELECT incarnation::text FROM processes")}

    await until(renewed, "all processes to be renewed", 180)
    await service.until_shares(3)


async def upgrade(service: Service, dice: random.Random) -> None:
    """The machines run an earlier release (`EARLIER`), and get this one: for a while both are at work beside each other."""
    before = {row[0] for row in await service.sql("SELECT incarnation::text FROM processes")}
    await service.stop_serve()
    install(service.site.folder, ROOT)
    await service.serve(TERTULIA_HEARTBEAT="14")  # both may have the same version

    async def mixed() -> dict[str, int]:
        rows = await service.sql("SELECT incarnation::text, kind FROM processes")
        return {
            "old": sum(row[0] in before for row in rows),
            "new": sum(row[0] not in before and row[1] in ("host", "gateway") for row in rows),
        }

    async def halfway() -> bool:
        found = await mixed()
        return found["old"] > 0 and found["new"] > 0

    await until(halfway, "old and new processes beside each other", 90)

    async def done() -> bool:
        return not (await mixed())["old"]

    await until(done, "all processes to be of this release", 240)
    await service.until_shares(3)


def install(folder: Path, release: Path) -> None:
    """Have the machines import this release from now on."""
    (folder / "new-link").symlink_to(release)
    (folder / "new-link").replace(folder / "release")


def unpack_earlier(folder: Path) -> Path:
    earlier = folder / "earlier"
    earlier.mkdir()
    archive = subprocess.run(["git", "-C", ROOT, "archive", EARLIER], capture_output=True, check=True).stdout
    subprocess.run(["tar", "-x", "-C", earlier], input=archive, check=True)
    return earlier


FAULTS: dict[str, Fault] = {
    "join": join, "leave": leave, "power": power, "freeze": freeze, "cut_5": cut(5), "cut_30": cut(30), "cut_90": cut(90),
    "head": head, "postgres": postgres, "serve_killed": serve_killed, "deploy": deploy,
    "supervisor": supervisor, "move": move, "upgrade": upgrade,
}  # fmt: skip


def percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(part * len(values)))] if values else float("nan")


def latencies(load: Load, begin: float, end: float) -> dict[str, float]:
    took = [load.acked[t] - load.begun[t] for t in load.acknowledged_within(begin, end)]
    return {
        "n": len(took),
        "p50_ms": round(1000 * percentile(took, 0.5), 1),
        "p99_ms": round(1000 * percentile(took, 0.99), 1),
    }


async def run(name: str, seed: int, writers: int, settings: dict[str, str]) -> bool:
    with tempfile.TemporaryDirectory(
        prefix="tertulia-chaos-", dir="/var/tmp", ignore_cleanup_errors=True
    ) as folder:
        Path(folder).chmod(0o755)
        async with AsyncExitStack() as stack:
            made = await stack.enter_async_context(site(Path(folder), 3))
            install(Path(folder), unpack_earlier(Path(folder)) if name == "upgrade" else ROOT)
            service = Service(made, settings)
            await service.start()
            stack.push_async_callback(service.balancer.stop)
            await service.until_shares(3)
            readers = [
                await stack.enter_async_context(
                    kind(service, service.token("agent", f"{kind.__name__}{n}"), "account")
                )  # type: ignore[arg-type]
                for n, kind in enumerate((SseReader, WsReader, SseReader, WsReader))
            ]
            probe = await stack.enter_async_context(assignments(service))
            load = await stack.enter_async_context(Load(service, writers=writers, conversations=20))  # type: ignore[arg-type]
            await load.flows()
            began = time.monotonic()
            await asyncio.sleep(CALM)
            broken = time.monotonic()
            await FAULTS[name](service, random.Random(seed))
            mended = time.monotonic()
            await load.flows()
            await asyncio.sleep(CALM)
            ended = time.monotonic()
            gap = load.history.longest_gap(broken, ended)
            assignment_gap = probe.longest_gap(broken, ended)
            await load.stop()
            verdict = await load.verdict(*readers)
            row = {
                "fault": name, "seed": seed, "lost": len(verdict.lost), "duplicated": len(verdict.duplicated),
                "out_of_order": len(verdict.misnumbered) + len(verdict.misseen), "unexpected": len(verdict.unexpected),
                "gap_s": round(gap, 2), "assignment_gap_s": round(assignment_gap, 2), "fault_s": round(mended - broken, 1), "nobody_ready_s": round(service.balancer.not_ready_for, 1),
                "before": latencies(load, began, broken), "during": latencies(load, broken, mended),
                "after": latencies(load, mended, ended), "statuses": {str(k): v for k, v in load.statuses.items()},
                "connections": [reader.connections for reader in readers],
                "load": round(os.getloadavg()[0], 1),
            }  # fmt: skip
            print(json.dumps(row), flush=True)
            if "--log" in sys.argv:
                print(service.tail(60), file=sys.stderr)
            if not verdict.good:
                print(verdict, file=sys.stderr)
            return verdict.good


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("faults", nargs="*", help=f"of {', '.join(FAULTS)}; all by default")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--writers", type=int, default=40)
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the server"
    )
    parser.add_argument("--log", action="store_true", help="print the end of the server's log")
    given = parser.parse_args()
    if os.geteuid() != 0:
        raise SystemExit("make chaos makes network namespaces: run it as root")
    good = True
    for name in given.faults or FAULTS:
        for seed in range(given.first, given.first + given.seeds):
            try:
                settings = dict(pair.split("=", 1) for pair in given.set)
                good &= asyncio.run(run(name, seed, given.writers, settings))
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
