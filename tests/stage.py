"""Where the servers that tests share run, one at a time: two Rays would fight for the machine."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from aiohttp.test_utils import TestServer
from serving import OwnServer

from tertulia.channels.double.models.server import make_app
from tertulia.channels.double.models.state import State


class Stage:
    """Keeps the server that it gave last until another one is wanted, so tests of one server should follow each other."""

    def __init__(self) -> None:
        self.flow = State()
        """What the flow answers that the servers' assistant runs, and what it was asked. A server whose provider is OpenAI-compatible
        asks it too."""
        self._flow = TestServer(make_app(self.flow))
        self._servers: dict[str, OwnServer] = {}
        self._given: OwnServer | None = None

    async def give(self, name: str, environment: Mapping[str, str] | None = None) -> OwnServer:
        """The server of this name, running. If it has ended, it starts again on its data."""
        if name not in self._servers:
            if not self._flow.started:
                await self._flow.start_server()
            url = f"http://127.0.0.1:{self._flow.port}"
            models = {"LANGFLOW_RUNTIME_URL": url, "TERTULIA_MODEL_URL": url + "/v1"}
            folder = Path(tempfile.mkdtemp(prefix="tertulia-"))
            self._servers[name] = OwnServer(folder, {**models, **(environment or {})})
        server = self._servers[name]
        if server is not self._given:
            await self.clear()
        if not server.running:
            await server.start()
        self._given = server
        return server

    async def clear(self) -> None:
        """End the server that was given. It must end in order."""
        given, self._given = self._given, None
        if given is not None and given.running:
            assert await given.stop() == 0, given.tail()

    async def drop(self, name: str) -> None:
        """Kill the server of this name, which may be in any state. The next one of the name is new."""
        server = self._servers.pop(name)
        await server.kill_all()
        shutil.rmtree(server.data, ignore_errors=True)
        if server is self._given:
            self._given = None

    async def close(self) -> None:
        """End the last server, and remove the data of all."""
        try:
            await self.clear()
        finally:
            await self._flow.close()
            for server in self._servers.values():
                shutil.rmtree(server.data, ignore_errors=True)
