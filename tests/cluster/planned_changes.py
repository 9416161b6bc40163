"""What operators do: machines join and leave, partitions move, releases are deployed, `tertulia serve` ends."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
from pathlib import Path

from service import Service
from waiting import until

ROOT = Path(__file__).parents[2]
KINDS = ("host", "gateway", "supervisor")
SETTLED = 5
"""Seconds for which nothing more may change hands."""


async def join(service: Service, dice: random.Random) -> None:
    """A fourth machine joins."""
    machine = await service.site.add()
    await service.join(machine)
    await service.until_shares(4)


async def leave(service: Service, dice: random.Random) -> None:
    """A machine gets SIGTERM, as from systemd or Kubernetes."""
    await service.leave(dice.choice(service.site.machines[1:]))
    await service.until_shares(2)


async def move(service: Service, dice: random.Random) -> None:
    """An operator moves partitions from host to host, twenty times, and evens them out again."""
    for _ in range(20):
        first = dice.randrange(0, 1024 - 40)
        await service.command("move", f"{first}-{first + 39}", f"host:{dice.randrange(3)}")
    await service.command("rebalance")


async def serve_killed(service: Service, dice: random.Random) -> None:
    """`tertulia serve` is killed, and started again."""
    await service.stop_serve(signal.SIGKILL)
    await asyncio.sleep(dice.uniform(0, 2))
    await service.serve()


async def deploy(service: Service, dice: random.Random) -> None:
    """All processes are renewed one by one, as by a new release."""
    before = service.environment.get("TERTULIA_HEARTBEAT")
    await _renew(service, TERTULIA_HEARTBEAT="13" if before == "14" else "14")


async def _renew(service: Service, **settings: str) -> None:
    await service.stop_serve()
    rows = {row[0] for row in await service.sql("SELECT incarnation::text FROM processes")}
    await service.serve(**settings)

    async def renewed() -> bool:
        return not rows & {row[0] for row in await service.sql("SELECT incarnation::text FROM processes")}

    await until(renewed, "all processes to be renewed", 180)
    await service.until_shares(3)


async def supervisors(service: Service, dice: random.Random) -> None:
    """The number of supervisors becomes three, and two again; then each has its own shards, and keeps them."""
    for count in (3, 2):
        before = await _takeovers(service)
        await _renew(service, TERTULIA_SUPERVISORS=str(count))

        async def divided(count: int = count) -> bool:
            rows = await service.sql(
                "SELECT s.shard, p.name FROM supervisors s LEFT JOIN processes p USING (incarnation)"
            )
            return all(name == f"supervisor:{shard % count}" for shard, name in rows)

        await until(divided, f"{count} supervisors to have their own shards", 60)
        settled = await _takeovers(service)
        await asyncio.sleep(SETTLED)
        assert await divided() and await _takeovers(service) == settled, "they go on taking from each other"
        told = f"{settled - before} takeovers of 64 shards until {count} supervisors had their own"
        service.note = "; ".join(filter(None, (service.note, told)))


async def _takeovers(service: Service) -> int:
    return (await service.sql("SELECT sum(epoch)::int FROM supervisors"))[0][0]


async def upgrade(service: Service, dice: random.Random) -> None:
    """The machines run the earlier release, and get this one, process by process."""
    await _roll(service, ROOT, heartbeat=14)


async def rollback(service: Service, dice: random.Random) -> None:
    """The machines get this release, and the earlier one again: on this one's schema."""
    await _roll(service, ROOT, heartbeat=14)
    await _roll(service, service.site.folder / "earlier", heartbeat=13)


async def _roll(service: Service, release: Path, heartbeat: int) -> None:
    """Until all processes are of that release. Notes how long each kind was at work in both (`heartbeat` makes the settings differ,
    since both releases may have the same version)."""
    before = {row[0] for row in await service.sql("SELECT incarnation::text FROM processes")}
    await service.stop_serve()
    install(service.site.folder, release)
    await service.serve(TERTULIA_HEARTBEAT=str(heartbeat))
    mixtures: set[str] = set()

    async def done() -> bool:
        rows = await service.sql("SELECT incarnation::text, kind FROM processes")
        old, new = ({kind for i, kind in rows if (i in before) is was} for was in (True, False))
        mixtures.update(f"old {a} with new {b}" for a in old for b in new if a in KINDS and b in KINDS)
        return not any(i in before for i, _ in rows)

    await until(done, "all processes to be of this release", 240)
    await service.until_shares(3)
    service.note = "; ".join(sorted({*filter(None, service.note.split("; ")), *mixtures}))
    assert any(m.startswith("old host with new gateway") for m in mixtures) or any(
        m.startswith("old gateway with new host") for m in mixtures
    ), f"both at work beside each other: {mixtures}"


def install(folder: Path, release: Path) -> None:
    """Have the machines import this release from now on."""
    (folder / "new-link").symlink_to(release)
    (folder / "new-link").replace(folder / "release")


def unpack(folder: Path, commit: str) -> Path:
    """An earlier release's files, from the repository."""
    earlier = folder / "earlier"
    earlier.mkdir()
    archive = subprocess.run(["git", "-C", ROOT, "archive", commit], capture_output=True, check=True).stdout
    subprocess.run(["tar", "-x", "-C", earlier], input=archive, check=True)
    return earlier
