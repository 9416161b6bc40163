"""The server on the machines of a site: started by `tertulia serve` on one of them, reached through a balancer that asks /ready."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
import asyncpg
import httpx
import jwt
import psutil
from machines import Machine, Site, ray_node
from plain_http import NO_TLS
from relay import Relay, Streams
from waiting import until

from tertulia.serving.demo import ACCOUNT

PORT = 8080
CHECK_EVERY = 0.5
"""Seconds between two questions of the balancer."""


class Balancer:
    """Passes each connection on to a gateway that says it is ready. Connections that are open stay where they are."""

    def __init__(self, machines: list[Machine]) -> None:
        self._machines = machines
        self.ready: dict[str, bool] = {}
        self.not_ready_for = 0.0
        """Seconds for which nobody was ready."""
        self.port = 0
        self._turn = itertools.count()
        self._relay = Relay(self._to_gateway)
        self._checking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self.port = await self._relay.start("127.0.0.1")
        self._checking = asyncio.ensure_future(self._check())

    async def stop(self) -> None:
        assert self._checking is not None
        self._checking.cancel()
        await self._relay.stop()

    async def _check(self) -> None:
        timeout = aiohttp.ClientTimeout(total=CHECK_EVERY)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                began = time.monotonic()
                await asyncio.gather(*(self._ask(session, m.address) for m in self._machines))
                await asyncio.sleep(CHECK_EVERY)
                if self.ready and not any(self.ready.values()):
                    self.not_ready_for += time.monotonic() - began

    async def _ask(self, session: aiohttp.ClientSession, address: str) -> None:
        try:
            async with session.get(f"http://{address}:{PORT}/ready") as answer:
                self.ready[address] = answer.status == 200
        except (aiohttp.ClientError, OSError, TimeoutError):
            self.ready[address] = False

    async def _to_gateway(self) -> Streams:
        """To the next gateway that is ready; one that does not accept is passed over, as a balancer does."""
        usable = [address for address, ready in self.ready.items() if ready]
        first = next(self._turn)
        for place in range(len(usable)):
            address = usable[(first + place) % len(usable)]
            with contextlib.suppress(OSError, TimeoutError):
                return await asyncio.wait_for(asyncio.open_connection(address, PORT), 1)
        raise OSError("no gateway is ready")


class Service:
    """As much of `serving.OwnServer` as the load and the readers use."""

    def __init__(
        self,
        site: Site,
        settings: Mapping[str, str] | None = None,
        *,
        external: bool = True,
        head_options: Sequence[str] = (),
    ) -> None:
        """`external`: the state of Ray's head outlives it, in a Valkey. `head_options`: more words for its `ray start`."""
        self.site = site
        self._external = external
        self._head_options = head_options
        self.environment = {
            **site.environment(),
            "TERTULIA_HOSTS_PER_NODE": "1",
            "TERTULIA_GATEWAYS_PER_NODE": "1",
            "TERTULIA_RATE_ACCOUNT": "off",
            "TERTULIA_RATE_USER": "off",
            "TERTULIA_RATE_ADDRESS": "off",
            **(settings or {}),
        }
        self.balancer = Balancer(site.machines)
        self.log = site.folder / "serve.log"
        self._serve: asyncio.subprocess.Process | None = None
        self.nodes: dict[str, asyncio.subprocess.Process] = {}
        self.note = ""
        """What a fault has to say, for the table."""
        self.spans: list[tuple[str, float, float]] = []
        """The faults of a soak: name, begin, end."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.balancer.port}"

    @property
    def port(self) -> int:
        return self.balancer.port

    def client(self, token: str) -> httpx.AsyncClient:
        """A new client with its own connections."""
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=30, verify=NO_TLS)

    @property
    def head(self) -> Machine:
        return self.site.machines[0]

    async def start(self) -> None:
        await self.join_all()
        await self.serve()
        await self.balancer.start()

    async def join_all(self) -> None:
        for machine in self.site.machines:
            await self.join(machine)

    async def join(self, machine: Machine) -> None:
        """Start Ray on a machine."""
        self.nodes[machine.name] = await ray_node(
            machine,
            self.head,
            self.environment,
            redis=self.site.ray_valkey if self._external else None,
            head_options=self._head_options,
        )

    async def serve(self, machine: Machine | None = None, **settings: str) -> None:
        """Start `tertulia serve`."""
        self.environment |= settings
        before = self._readies()
        self._serve = await (machine or self.head).run(
            sys.executable, "-m", "tertulia", "serve", "--demo", "--port", str(PORT), "--data",
            str(self.site.folder / "data"),
            environment={**self.environment, "RAY_ADDRESS": f"{self.head.address}:6379"},
            output=self.log,
        )  # fmt: skip
        serve = self._serve

        def ready() -> bool:
            assert serve.returncode is None, self.tail()
            return self._readies() != before

        await until(ready, "serve to be ready", 300)

    def _readies(self) -> int:
        return self.log.read_text().count("\nready http") if self.log.exists() else 0

    def serving(self) -> list[int]:
        """The pids of `tertulia serve`."""
        assert self._serve is not None
        return [
            p.pid for p in psutil.Process(self._serve.pid).children(recursive=True) if "serve" in p.cmdline()
        ]

    async def command(self, *words: str) -> None:
        """Run `tertulia cluster` on the head's machine."""
        process = await self.head.run(
            sys.executable, "-m", "tertulia", "cluster", *words, environment=self.environment, output=self.log
        )
        assert await asyncio.wait_for(process.wait(), 120) == 0, self.tail()

    async def stop_serve(self, number: int = signal.SIGTERM) -> None:
        """SIGTERM or SIGKILL to `tertulia serve` alone."""
        assert self._serve is not None
        for pid in self.serving():
            os.kill(pid, number)
        with contextlib.suppress(ProcessLookupError):
            if number == signal.SIGKILL:
                self._serve.kill()
            elif not psutil.Process(self._serve.pid).children():
                self._serve.send_signal(number)
        await self._serve.wait()

    async def leave(self, machine: Machine) -> float:
        """SIGTERM to `ray start --block`, as systemd and Kubernetes send it. Returns how long it takes to end."""
        began = time.monotonic()
        for process in psutil.process_iter(["cmdline"]):
            words = process.info["cmdline"] or []
            if (
                words[:1] != ["nsenter"]
                and "ray.scripts.scripts" in words
                and "start" in words
                and machine.is_here(process.pid)
            ):
                process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(self.nodes.pop(machine.name).wait(), 120)
        return time.monotonic() - began

    def tail(self, lines: int = 40) -> str:
        return "\n".join(self.log.read_text().splitlines()[-lines:]) if self.log.exists() else ""

    def token(self, role: str = "agent", user: str = "tester") -> str:
        now = int(time.time())
        claims = {"iss": "tertulia", "aud": "tertulia", "sub": user, "iat": now, "exp": now + 7200}
        secret = self.environment["TERTULIA_JWT_SECRET"]
        return jwt.encode(claims | {"accounts": {ACCOUNT: role}}, secret, algorithm="HS256")

    async def sql(self, query: str, *arguments: Any) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.site.postgres.serving.url, timeout=10)
        try:
            return await connection.fetch(query, *arguments)
        finally:
            await connection.close()

    async def shares(self) -> dict[str, int]:
        """Address → partitions."""
        rows = await self.sql(
            "SELECT h.address, count(*) FROM partitions p JOIN hosts h ON h.incarnation = p.owner GROUP BY 1"
        )
        return {row[0]: row[1] for row in rows}

    async def until_shares(self, count: int, seconds: float = 180) -> float:
        """Wait until that many machines share the partitions evenly. Returns how long it took."""
        began = time.monotonic()
        while True:
            shares = await self.shares()
            if (
                len(shares) == count
                and sum(shares.values()) == 1024
                and max(shares.values()) - min(shares.values()) <= count
            ):
                return time.monotonic() - began
            assert time.monotonic() - began < seconds, (shares, self.tail())
            await asyncio.sleep(0.1)
