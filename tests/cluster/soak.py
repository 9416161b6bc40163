"""One fault after another, at random, on the same machines and under the same load; what a fault ended is started again, as by systemd."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import time

from machine_faults import (
    Fault,
    clock,
    cut,
    cut_one_way,
    disk_full,
    end_ray,
    freeze,
    head,
    lossy,
    other,
    slow,
)
from planned_changes import deploy, leave, move, serve_killed
from service import Service
from storage_faults import postgres, valkey_gone

PROCESSES = ("host", "gateway", "supervisor", "dispatcher")
PAUSE = (2.0, 10.0)
"""Seconds between two faults: from, to."""


async def power(service: Service, dice: random.Random) -> None:
    """A machine loses its power, and gets it back."""
    machine = other(service, dice)
    machine.power_off()
    await service.until_shares(2)
    await machine.start()
    await service.join(machine)


async def crash(service: Service, dice: random.Random) -> None:
    """A process of the server is killed."""
    kind = dice.choice(PROCESSES)
    pids = [pid for m in service.site.machines for pid in m.processes(f"ray::{kind.capitalize()}Process")]
    with contextlib.suppress(ProcessLookupError):
        os.kill(dice.choice(pids), signal.SIGKILL)


FAULTS: dict[str, Fault] = {
    "crash": crash, "power": power, "leave": leave, "move": move, "deploy": deploy, "serve_killed": serve_killed,
    "freeze": freeze, "slow": slow, "lossy": lossy, "cut_5": cut(5), "cut_30": cut(30), "deaf": cut_one_way("INPUT"),
    "mute": cut_one_way("OUTPUT"), "clock": clock, "disk_full": disk_full, "head": head, "postgres": postgres,
    "valkey_gone": valkey_gone,
}  # fmt: skip


def soak(minutes: float) -> Fault:
    async def fault(service: Service, dice: random.Random) -> None:
        end = time.monotonic() + 60 * minutes
        while time.monotonic() < end:
            for name in dice.sample(sorted(FAULTS), len(FAULTS)):  # each once, in another order each time
                began = time.monotonic()
                if began >= end:
                    break
                await FAULTS[name](service, dice)
                await _restore(service)
                service.spans.append((name, began, time.monotonic()))
                await asyncio.sleep(dice.uniform(*PAUSE))
        service.note = f"{len(service.spans)} faults"

    return fault


async def _restore(service: Service) -> None:
    """Start Ray again on machines that have lost it."""
    for machine in service.site.machines:
        node = service.nodes.get(machine.name)
        if node is None or node.returncode is not None:
            end_ray(machine)
            await service.join(machine)
    await service.until_shares(len(service.site.machines), 180)
