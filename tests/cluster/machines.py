"""Machines for tests of clusters: each has its own network, processes and /tmp, like a machine of its own, and shares the disk.

Needs root, iproute2 and util-linux. A machine's processes end with it. Everything hangs on one bridge, whose address is the
test's own: Postgres and Valkey listen there.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
from stores import PostgresPair, ValkeyPair
from waiting import until

from tertulia.storage.embedded import postgres

RAY_VALKEY = 6378
"""The port of the Valkey that holds the state of Ray's head."""
INIT = "mount -t tmpfs tmpfs /tmp; mkdir -m 700 /tmp/home; ip link set lo up; while :; do sleep 1000 & wait; done"
"""The first process of a machine: reaps the orphans."""


def ip(*words: str, check: bool = True) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False, timeout=20)
    if check and done.returncode != 0:
        raise AssertionError(f"ip {' '.join(words)}: {done.stderr.strip()}")


class Machine:
    """One machine. `run` starts a process in it."""

    def __init__(self, site: Site, number: int) -> None:
        self.name = f"{site.name}-{number}"
        self.address = f"{site.net}.{10 + number}"
        self._site = site
        self._card = f"{site.name}c{number}"
        self._init: subprocess.Popen[bytes] | None = None
        self.init_pid = 0

    async def start(self) -> None:
        """Boot it."""
        ip("netns", "add", self.name)
        ip("link", "add", self._card, "type", "veth", "peer", "name", "eth0", "netns", self.name)
        ip("link", "set", self._card, "master", self._site.bridge, "up")
        ip("-n", self.name, "addr", "add", f"{self.address}/24", "dev", "eth0")
        ip("-n", self.name, "link", "set", "eth0", "up")
        ip("-n", self.name, "route", "add", "default", "via", self._site.address)
        self._init = subprocess.Popen(
            ["ip", "netns", "exec", self.name, "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
             "--propagation", "private", "sh", "-c", INIT],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        first = psutil.Process(self._init.pid)

        def init_pid() -> int | None:
            for child in first.children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    if child.cmdline()[:2] == ["sh", "-c"] and len(child.children()) == 1:
                        return child.pid
            return None

        self.init_pid = await until(init_pid, "the machine's init")

    async def run(
        self, *words: str, environment: Mapping[str, str] | None = None, output: Path | None = None
    ) -> asyncio.subprocess.Process:
        """Start a program in the machine."""
        with contextlib.ExitStack() as stack:
            to = stack.enter_context(output.open("ab")) if output else asyncio.subprocess.DEVNULL
            return await asyncio.create_subprocess_exec(
                "nsenter", "--target", str(self.init_pid), "--mount", "--net", "--pid", "--", *words,
                env={**os.environ, **(environment or {})}, cwd="/",  # Python would import from here first
                stdin=asyncio.subprocess.DEVNULL, stdout=to, stderr=to,
            )  # fmt: skip

    def processes(self, title: str) -> list[int]:
        """Pids, as seen from outside, of processes of this machine whose title starts with `title`."""
        found = []
        for process in psutil.process_iter(["cmdline"]):
            words = process.info["cmdline"] or [""]
            if words[0].startswith(title) and self.is_here(process.pid):
                found.append(process.pid)
        return found

    def processes_named(self, name: str) -> list[psutil.Process]:
        """This machine's processes with a program's name."""
        return [p for p in psutil.process_iter(["name"]) if p.info["name"] == name and self.is_here(p.pid)]

    def is_here(self, pid: int) -> bool:
        """Whether it runs in the machine. What started the machine has its network, but not its processes' namespace."""
        with contextlib.suppress(OSError):
            return os.readlink(f"/proc/{pid}/ns/pid") == os.readlink(f"/proc/{self.init_pid}/ns/pid")
        return False

    def power_off(self) -> None:
        """Everything on it is gone at once."""
        if self.init_pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.init_pid, signal.SIGKILL)
            self.init_pid = 0
        if self._init is not None:
            self._init.kill()
            self._init.wait()
            self._init = None
        ip("link", "del", self._card, check=False)
        ip("netns", "del", self.name, check=False)

    def pids(self) -> list[int]:
        """All its processes but the first, as seen from outside."""
        return [pid for pid in psutil.pids() if pid != self.init_pid and self.is_here(pid)]

    def signal_all(self, number: int) -> None:
        """SIGSTOP or SIGCONT to all its processes but the first."""
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def cut(self) -> None:
        """Pull the cable."""
        ip("link", "set", self._card, "nomaster")

    def heal(self) -> None:
        ip("link", "set", self._card, "master", self._site.bridge)

    def filter(self, direction: str, *rule: str) -> None:
        """Drop what comes in (INPUT) or goes out (OUTPUT) by the network, as far as `rule` says. The other direction works."""
        card = "-i" if direction == "INPUT" else "-o"
        self._inside("iptables", "-A", direction, card, "eth0", *rule, "-j", "DROP")

    def unfilter(self) -> None:
        self._inside("iptables", "-F")

    def lose(self, percent: int, delay_ms: int) -> str:
        """Lose packets in both directions, and delay those that leave if this kernel can (netem). Returns how."""
        netem = (
            "tc",
            "qdisc",
            "add",
            "dev",
            "eth0",
            "root",
            "netem",
            "delay",
            f"{delay_ms}ms",
            f"{delay_ms // 2}ms",
        )
        delayed = self._inside(*netem, check=False)
        for direction in ("INPUT", "OUTPUT"):
            self.filter(direction, "-m", "statistic", "--mode", "random", "--probability", str(percent / 100))
        return f"{percent} % lost each way" + (f", {delay_ms} ms late" if delayed else "")

    def _inside(self, *words: str, check: bool = True) -> bool:
        done = subprocess.run(
            ["ip", "netns", "exec", self.name, *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
        assert done.returncode == 0 or not check, f"{' '.join(words)}: {done.stderr.strip()}"
        return done.returncode == 0

    @property
    def tmp(self) -> Path:
        """Its /tmp, seen from here."""
        return Path(f"/proc/{self.init_pid}/root/tmp")

    def bound_tmp(self, megabytes: int) -> None:
        """Make its /tmp that small."""
        words = ("mount", "-o", f"remount,size={megabytes}m", "/tmp")
        subprocess.run(
            ["nsenter", "--target", str(self.init_pid), "--mount", "--", *words], check=True, timeout=20
        )

    def set_clocks(self, seconds: float, title: str = "ray::") -> None:
        """Set the wall clocks of its processes with that title (tests/faults/clocks)."""
        for pid in self.processes(title):
            with contextlib.suppress(OSError):
                status = Path(f"/proc/{pid}/status").read_text()
                inner = status.partition("NSpid:")[2].partition("\n")[0].split()[-1]
                made = self.tmp / "clocks" / f"{inner}.new"
                made.parent.mkdir(exist_ok=True)
                made.write_text(str(seconds))
                made.rename(made.with_suffix(""))


class Site:
    """Several machines on one network, with a Postgres and a Valkey beside them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        tag = os.getpid() % 10000
        self.name = f"tt{tag}"
        self.bridge = f"{self.name}br"
        self.net = f"10.{232 + tag % 20}.{tag % 256}"
        self.address = f"{self.net}.1"
        self.machines: list[Machine] = []
        self.postgres = PostgresPair(folder)
        self.valkey = ValkeyPair(folder, self.address)
        self._ray_valkey = ValkeyPair(folder, self.address)
        """Ray's own, where its head keeps its state."""

    async def start(self, machines: int) -> None:
        ip("link", "add", self.bridge, "type", "bridge")
        ip("addr", "add", f"{self.address}/24", "dev", self.bridge)
        ip("link", "set", self.bridge, "up")
        await self.start_stores()
        for _ in range(machines):
            await self.add()

    async def add(self) -> Machine:
        """Another machine."""
        machine = Machine(self, len(self.machines))
        self.machines.append(machine)
        await machine.start()
        return machine

    @property
    def ray_valkey(self) -> str:
        return f"{self.address}:{RAY_VALKEY}"

    async def start_stores(self) -> None:
        await self.postgres.start(self.address)
        self.valkey.start()
        self._ray_valkey.start(RAY_VALKEY)

    async def lose_stores(self) -> None:
        """They lose their power."""
        await self.valkey.stop()
        await self._ray_valkey.stop()
        await self.postgres.lose()

    async def stop(self) -> None:
        for machine in self.machines:
            machine.power_off()
        await self.valkey.stop()
        await self._ray_valkey.stop()
        await self.postgres.stop()
        ip("link", "del", self.bridge, check=False)

    def environment(self) -> dict[str, str]:
        """What every machine's ~/tertulia.env would hold."""
        return {
            "DATABASE_URL": f"postgresql://{postgres.USER}@{self.address}:5432/{postgres.DATABASE}",
            "REDIS_URL": f"redis://{self.address}:6379/0",
            "TERTULIA_ATTACHMENTS_URL": (self.folder / "attachments").as_uri(),
            "TERTULIA_HOST": "0.0.0.0",
            "TERTULIA_JWT_SECRET": "a-secret-of-these-machines-alone-0000",
            "TERTULIA_CREDENTIALS_KEYS": "S1Q2c1hqS1B0b2tCZ3hOQnNGQ0p3c0lQZ2JZb0xLZ0E=",
            "TERTULIA_LOG_FORMAT": "json",
            "PYTHONPATH": str(self.folder / "release"),
            "PYTHONUNBUFFERED": "1",
            "RAY_AUTH_MODE": "disabled",
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_worker_niceness": "0",
            "RAY_enable_metrics_collection": "0",
            "RAY_health_check_period_ms": "1000",
            "RAY_health_check_timeout_ms": "2000",
            "RAY_health_check_failure_threshold": "4",
            "HOME": "/tmp/home",
        }


@asynccontextmanager
async def site(folder: Path, machines: int) -> AsyncIterator[Site]:
    made = Site(folder)
    try:
        await made.start(machines)
        yield made
    finally:
        await made.stop()


RAY = (sys.executable, "-m", "ray.scripts.scripts")
STARTS = 3
"""Ray's own deadlines are short for a machine that is busy: what does not start is started again, as by systemd."""
CHEAP = ("--num-cpus=2", f"--object-store-memory={100 * 1024 * 1024}", "--disable-usage-stats")


async def ray_node(
    machine: Machine,
    head: Machine,
    environment: Mapping[str, str],
    *,
    redis: str | None = None,
    head_options: Sequence[str] = (),
) -> asyncio.subprocess.Process:
    """`ray start --block` on a machine, once it has joined."""
    more = {"RAY_REDIS_ADDRESS": redis} if redis and machine is head else {}
    words = (
        ("--head", "--port=6379", "--include-dashboard=false", *head_options)
        if machine is head
        else (f"--address={head.address}:6379",)
    )
    log = machine._site.folder / f"{machine.name}.ray.log"

    def started() -> bool:
        assert process.returncode is None, log.read_text()[-2000:]
        return b"Ray runtime started" in log.read_bytes()

    for attempt in range(STARTS):
        log.unlink(missing_ok=True)
        process = await machine.run(
            *RAY, "start", *words, f"--node-ip-address={machine.address}", *CHEAP, "--block",
            environment={**environment, **more}, output=log,
        )  # fmt: skip
        try:
            await until(started, "Ray to start", 120)
            return process
        except AssertionError as error:
            if attempt == STARTS - 1:
                raise
            print(f"{machine.name} starts Ray again: {error}", file=sys.stderr)
            for pid in machine.pids():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
    raise AssertionError("not reached")
