"""Faults of machines and of the network between them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import signal
import time
from collections.abc import Awaitable, Callable

import psutil
from machines import Machine
from service import Service
from waiting import until

Fault = Callable[[Service, random.Random], Awaitable[None]]

AHEAD = 300
"""Seconds by which a clock jumps, forwards and backwards."""
WITHIN_LEEWAY = 20
"""Seconds by which a gateway's clock may be wrong: tokens are good within a leeway of 30."""


def other(service: Service, dice: random.Random) -> Machine:
    """A machine without Ray's head."""
    return dice.choice(service.site.machines[1:])


async def power(service: Service, dice: random.Random) -> None:
    """A machine loses its power."""
    other(service, dice).power_off()
    await service.until_shares(2)


async def freeze(service: Service, dice: random.Random) -> None:
    """A machine stands still for ten seconds, and continues."""
    machine = other(service, dice)
    machine.signal_all(signal.SIGSTOP)
    try:
        await asyncio.sleep(10)
    finally:
        machine.signal_all(signal.SIGCONT)
    await service.until_shares(3)


async def slow(service: Service, dice: random.Random) -> None:
    """A machine has a fifth of its speed for twenty seconds: all its processes stand still for 80 of every 100 ms."""
    machine = other(service, dice)
    end = time.monotonic() + 20
    while time.monotonic() < end:
        pids = machine.pids()
        for _ in range(20):
            _signal(pids, signal.SIGSTOP)
            await asyncio.sleep(0.08)
            _signal(pids, signal.SIGCONT)
            await asyncio.sleep(0.02)


def _signal(pids: list[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def cut(seconds: float) -> Fault:
    """A machine's cable is pulled for that long."""

    async def fault(service: Service, dice: random.Random) -> None:
        machine = other(service, dice)
        machine.cut()
        await asyncio.sleep(seconds)
        machine.heal()
        await asyncio.sleep(5)

    return fault


def cut_one_way(direction: str) -> Fault:
    """For fifteen seconds a machine hears all others and none hears it (OUTPUT), or the reverse (INPUT)."""

    async def fault(service: Service, dice: random.Random) -> None:
        machine = other(service, dice)
        machine.filter(direction)
        await asyncio.sleep(15)
        machine.unfilter()
        await asyncio.sleep(5)

    return fault


async def lossy(service: Service, dice: random.Random) -> None:
    """For twenty seconds a machine's link loses one packet in ten, each way."""
    machine = other(service, dice)
    service.note = machine.lose(10, 20)
    await asyncio.sleep(20)
    machine.unfilter()


async def clock(service: Service, dice: random.Random) -> None:
    """Clocks jump five minutes forwards on one machine and backwards on another, then the reverse, then back."""
    first, second = service.site.machines[1:]
    for seconds in (AHEAD, -AHEAD, 0):
        for machine, ahead in ((first, seconds), (second, -seconds)):
            machine.set_clocks(ahead)
            machine.set_clocks(max(-WITHIN_LEEWAY, min(WITHIN_LEEWAY, ahead)), "ray::GatewayProcess")
        await asyncio.sleep(4)


async def disk_full(service: Service, dice: random.Random) -> None:
    """A machine's own disk (Ray's session and logs) is full for twenty seconds."""
    machine = other(service, dice)
    machine.bound_tmp(shutil.disk_usage(machine.tmp).used // 2**20 + 32)
    ballast = machine.tmp / "ballast"
    with ballast.open("wb") as file, contextlib.suppress(OSError):
        while True:
            os.write(file.fileno(), bytes(4096))
    await asyncio.sleep(20)
    ballast.unlink()
    machine.bound_tmp(4096)


async def head(service: Service, dice: random.Random) -> None:
    """The head's machine loses its Ray, and gets it back; its state is in Valkey."""
    end_ray(service.head)
    await asyncio.sleep(dice.uniform(2, 10))
    await service.join(service.head)
    await service.until_shares(3)


def head_alone(seconds: float) -> Fault:
    """The same without external storage: the other nodes end, and everything is started anew, as by systemd."""

    async def fault(service: Service, dice: random.Random) -> None:
        end_ray(service.head)
        await asyncio.sleep(seconds)
        await service.join(service.head)
        for machine in service.site.machines[1:]:
            await until(
                lambda m=machine: service.nodes[m.name].returncode is not None, "the node to end", 120
            )
            await service.join(machine)
        await service.stop_serve(signal.SIGKILL)
        await service.serve()
        await service.until_shares(3)

    return fault


def end_ray(machine: Machine) -> None:
    """Kill everything on a machine but `tertulia serve`."""
    for pid in machine.pids():
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            if "tertulia" not in process.cmdline():
                process.kill()


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


async def blackout(service: Service, dice: random.Random) -> None:
    """Everything loses its power at once, Postgres too, and comes back."""
    for machine in service.site.machines:
        machine.power_off()
    await service.site.lose_stores()
    await asyncio.sleep(dice.uniform(1, 3))
    await service.site.start_stores()
    for machine in service.site.machines:
        await machine.start()
    await service.join_all()
    await service.serve()
    await service.until_shares(3)
