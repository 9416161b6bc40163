"""What a measure works with: servers that are started when first needed, the number of rounds, the progress bar."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from tertulia.storage.embedded import EmbeddedPostgres
from tertulia.storage.postgres import migrate

from ..processes import (
    Process,
    Server,
    Tenant,
    connected,
    free_port,
    make_tenant,
    open_conversations,
    socketio_server,
)
from ..results import Figure

CONVERSATIONS = 100


class Front:
    """A side of a comparison over HTTP: a port, and the process behind it."""

    def __init__(self, port: int, process: Process) -> None:
        self.port = port
        self.process = process


class Bench:
    """One run. `steady_rounds`: rounds of measures that hardly vary. `messages`: how many are searched. `step` moves the progress
    bar of the measure under way and says what is being done."""

    def __init__(self, folder: Path, *, rounds: int, quick: bool, messages: int = 50_000) -> None:
        self.folder = folder
        self.rounds = rounds
        self.steady_rounds = max(1, rounds // 2)
        self.quick = quick
        self.messages = messages
        self.step: Callable[[str], None] = lambda _: None
        self.rates: dict[str, float] = {}
        self._stack = AsyncExitStack()
        self._server: Server | None = None
        self._fronts: dict[str, Front] = {}
        self._postgres: str | None = None
        self._tenants = 0
        self.tenant: Tenant
        self.conversations: list[str]

    @property
    def seconds(self) -> float:
        """How long one point is measured."""
        return 2.0 if self.quick else 3.0

    async def server(self) -> Server:
        """The server under test, with one tenant and a hundred conversations."""
        if self._server is None:
            self.step("starting the server")
            server = Server(self.folder / "server")
            await server.start()
            self._stack.push_async_callback(server.stop)
            self.tenant = await self.make_tenant(server.database_url)
            self.conversations = await open_conversations(server, self.tenant, CONVERSATIONS)
            self._server = server
        return self._server

    async def front(self, kind: str) -> Front:
        """`bare`; `ray`: one Ray call a message; `commits`: a row a message, in the Postgres of the server under test; `socket.io`:
        that server, in node."""
        if kind not in self._fronts:
            self.step(f"starting {kind}")
            port = free_port()
            if kind == "socket.io":
                script = str(await asyncio.to_thread(socketio_server) / "serve.js")
                process = Process(script, str(port), program=("node",))
            elif kind == "commits":
                process = Process("bench.bare", str(port), kind, (await self.server()).database_url)
            else:
                process = Process("bench.bare", str(port), kind)
            await process.start()
            self._stack.push_async_callback(process.stop)
            self._fronts[kind] = Front(port, process)
        return self._fronts[kind]

    async def make_tenant(self, url: str) -> Tenant:
        self._tenants += 1
        return await make_tenant(url, self._tenants)

    async def stop_servers(self) -> None:
        """Before what is measured without them."""
        await self._stack.aclose()
        self._server, self._fronts, self._postgres = None, {}, None

    async def postgres(self) -> str:
        """The URL of a database without a server on it; the servers are stopped first."""
        if self._postgres is None:
            await self.stop_servers()
            self.step("starting Postgres")
            server = EmbeddedPostgres(self.folder / "database")
            await server.start()
            self._stack.push_async_callback(server.stop)
            await migrate.upgrade(server.url)
            self._postgres = server.url
        return self._postgres

    @asynccontextmanager
    async def other_server(self, name: str, **env: str) -> AsyncIterator[Server]:
        """A server beside, or after, the one under test."""
        server = Server(self.folder / name, **env)
        await server.start()
        try:
            yield server
        finally:
            with contextlib.suppress(ProcessLookupError):
                await server.stop()


Measure = Callable[[Bench], Awaitable[list[Figure]]]

__all__ = ["CONVERSATIONS", "Bench", "Front", "Measure", "connected"]
