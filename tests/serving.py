"""A real server for tests: `tertulia serve` in its own process, with means to reach it, stop it and kill parts of it.

Signals only descendants of the server that it started.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import httpx
import jwt
import psutil
from plain_http import NO_TLS

from tertulia.serving.demo import ACCOUNT, WEBCHAT
from tertulia.storage.embedded import postgres, valkey
from tertulia.storage.embedded.files import socket_folder
from tertulia.storage.embedded.processes import dies_with_parent

ROOT = Path(__file__).parents[1]
START_WITHIN = 90.0
STOP_WITHIN = 60.0
DESK = "https://desk.example.com"
PAGE = "http://localhost:5173"
"""Origins whose pages may call the API."""
RUNTIME = {
    "CONVERSATION_SERVICE_ACCOUNT_ID": ACCOUNT,
    "CONVERSATION_SERVICE_M2M_JWT_SECRET_KEY": "machine-key-of-32-bytes-or-more-00",
    "CONVERSATION_SERVICE_M2M_JWT_ISSUER": "https://m2m.example",
    "CONVERSATION_SERVICE_USER_JWT_SECRET_KEY": "user-key-of-32-bytes-or-more-000000",
    "CONVERSATION_SERVICE_USER_JWT_ISSUER": "https://user.example",
}
"""Issuers of the assistant runtime's tokens."""
CALM = {
    "TERTULIA_HOSTS": "2",
    "TERTULIA_GATEWAYS": "2",
    "TERTULIA_RATE_ACCOUNT": "1000000",
    "TERTULIA_RATE_USER": "1000000",
    "TERTULIA_RATE_ADDRESS": "1000000",
    "TERTULIA_RATE_ADDRESS_BURST": "1000000",
    "TERTULIA_LOG_FORMAT": "json",
    "TERTULIA_TRUST_TENANT_HEADER": "true",
    "TERTULIA_WEBHOOKS_ALLOW_PRIVATE": "true",
    "TERTULIA_ALLOWED_NETWORKS": "127.0.0.0/8",
    **{
        f"TERTULIA_{kind}_URL": "http://127.0.0.1:9"
        for kind in ("WHATSAPP", "MESSENGER", "TELEGRAM", "SMS", "EMAIL")
    },
    "TERTULIA_ALLOWED_ORIGINS": f"{DESK},{PAGE}",
    "LANGFLOW_RUNTIME_URL": "http://127.0.0.1:9",
    "LANGFLOW_FLOW_ID": "helper",
    **RUNTIME,
    "RAY_DEDUP_LOGS": "0",  # keep every record of an actor, for tests that look for one
}
"""Two hosts and gateways, limits that no test reaches by accident, event webhooks and providers on this machine, and no others; a flow
that answers the assistant's users."""

METRICS_TOKEN = "m" * 20
PRESENCE_TTL = 3
GUARDED = {
    "TERTULIA_GATEWAYS": "1",
    "TERTULIA_SUPERVISORS": "2",
    "TERTULIA_METRICS_TOKEN": METRICS_TOKEN,
    "TERTULIA_METRICS_NETWORKS": "",
    "TERTULIA_PROCESS_METRICS": "true",
    "TERTULIA_ALLOWED_HOSTS": "a.example",
    "TERTULIA_ALLOWED_NETWORKS": "",
    "TERTULIA_PRESENCE_TTL": str(PRESENCE_TTL),
}
"""Metrics by token alone, one name besides its addresses, nothing on this machine reachable, and presence that ends soon."""
MODEL_KEY = "sk-of-the-operator"
BATTERED = {
    "TERTULIA_PROCESS_METRICS": "true",
    "TERTULIA_PRESENCE_TTL": "3600",
    "TERTULIA_MODEL_PROVIDER": "openai-compatible",
    "TERTULIA_MODEL_PREMIUM": "gpt-double",
    "TERTULIA_MODEL_KEY": MODEL_KEY,
}
"""Each process's own metrics, presence that no slow machine outlasts, and a provider of language models."""


def free_port() -> int:
    """A free port between those of Ray's workers and the kernel's ephemeral ones, so that it stays free over a restart."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class OwnServer:
    """One server on a data folder. It can be restarted after it ended or was killed."""

    def __init__(self, data: Path, environment: Mapping[str, str] | None = None) -> None:
        self.data = data
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.classifier_port = free_port()
        """The port for a test's classifier; nothing listens there otherwise."""
        ours = CALM | {
            "TERTULIA_CLASSIFIER_URL": f"http://127.0.0.1:{self.classifier_port}/classify",
            "TERTULIA_CLASSIFIER_KEY": "classifier-key",
            "PYTHONPATH": str(ROOT),
            "TERTULIA_DATA": str(data),
        }
        self._environment = {**os.environ, **ours, **(environment or {})}
        self.output: list[str] = []
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._ready = threading.Event()

    # -- life

    def join(self, ray_address: str) -> None:
        """Join this Ray cluster at the next start."""
        self._environment["RAY_ADDRESS"] = ray_address

    async def start(self) -> None:
        """Start and wait for the line `ready http://`."""
        self._ready.clear()
        self._process = subprocess.Popen(
            [
                *dies_with_parent(signal.SIGTERM),
                sys.executable,
                "-m",
                "tertulia",
                "serve",
                "--demo",
                "--port",
                str(self.port),
            ],
            cwd=self.data,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()
        if not await asyncio.to_thread(self._ready.wait, START_WITHIN) or self._process.poll() is not None:
            await self.kill_all()
            raise AssertionError("the server did not start:\n" + self.tail())

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.output.append(line)
            if line.startswith("ready http://"):
                self._ready.set()
        self._ready.set()  # it ended: let `start` notice

    async def stop(self) -> int:
        """Send SIGTERM. Returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return await self.wait()

    async def wait(self) -> int:
        """Wait until the process ends by itself. Returns the exit code."""
        try:
            code = await asyncio.to_thread(self.process.wait, STOP_WITHIN)
        except subprocess.TimeoutExpired:
            await self.kill_all()
            raise AssertionError("the server did not stop:\n" + self.tail()) from None
        self._close()
        return code

    async def kill_all(self) -> None:
        """SIGKILL the server and everything it started, as if the machine lost power."""
        if self._process is None:
            return
        tree = self.descendants()
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        for process in tree:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        await asyncio.to_thread(self._process.wait)
        await asyncio.to_thread(psutil.wait_procs, tree, 10)
        self._close()

    def _close(self) -> None:
        assert self._process is not None and self._process.stdout is not None and self._reader is not None
        self._reader.join(10)
        self._process.stdout.close()

    @property
    def process(self) -> subprocess.Popen[str]:
        assert self._process is not None, "the server was never started"
        return self._process

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def tail(self, lines: int = 40) -> str:
        return "".join(self.output[-lines:])

    # -- its processes

    def descendants(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def pids(self, title: str) -> list[int]:
        """Processes of this server whose title or program contains `title`: `ray::HostProcess`, `valkey-server` …"""
        found = []
        for process in self.descendants():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                words = process.cmdline()
                if words and title in words[0] and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process.pid)
        return found

    @property
    def hosts(self) -> list[int]:
        return self.pids("ray::HostProcess")

    @property
    def dispatchers(self) -> list[int]:
        return self.pids("ray::DispatcherProcess")

    @property
    def gateways(self) -> list[int]:
        return self.pids("ray::GatewayProcess")

    @property
    def postmaster(self) -> int:
        (pid,) = self.pids("/bin/postgres")
        return pid

    @property
    def valkey(self) -> int:
        (pid,) = self.pids("valkey-server")
        return pid

    # -- access

    @property
    def secret(self) -> str:
        return (self.data / "secrets/jwt_secret").read_text().strip()

    def token(
        self,
        role: str = "agent",
        user: str = "tester",
        account: str = ACCOUNT,
        life: float = 3600,
        **claims: Any,
    ) -> str:
        """A signed token. A customer's takes `channel_id` and `contact_identifier` too."""
        now = time.time()
        stated = {
            "iss": "tertulia",
            "aud": "tertulia",
            "sub": user,
            "iat": int(now),
            "exp": now + life,
            "accounts": {account: role},
        }
        return jwt.encode(stated | claims, self.secret, algorithm="HS256")

    def customer(self, identifier: str, account: str = ACCOUNT, channel: str = WEBCHAT, **claims: Any) -> str:
        return self.token(
            "customer",
            f"customer:{identifier}",
            account,
            channel_id=channel,
            contact_identifier=identifier,
            **claims,
        )

    def client(self, token: str | None = None, **options: Any) -> httpx.AsyncClient:
        """A new client with its own connections."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        limits = httpx.Limits(max_connections=300, max_keepalive_connections=300)
        return httpx.AsyncClient(
            base_url=self.url, headers=headers, timeout=30, limits=limits, verify=NO_TLS, **options
        )

    def database_url(self) -> str:
        """URL of the embedded Postgres of this server."""
        host = quote(str(socket_folder(self.data / "postgres", postgres.SOCKET)), safe="")
        return f"postgresql://{postgres.USER}@/{postgres.DATABASE}?host={host}&port=5432"

    def valkey_url(self) -> str:
        return f"unix://{socket_folder(self.data / 'valkey', valkey.SOCKET) / valkey.SOCKET}?db=0"

    async def sql(self, query: str, *arguments: Any) -> list[asyncpg.Record]:
        """Query the database directly."""
        connection = await asyncpg.connect(self.database_url(), timeout=10)
        try:
            return await connection.fetch(query, *arguments)
        finally:
            await connection.close()
