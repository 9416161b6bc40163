"""Where the servers that tests share run, one at a time: two Rays would fight for the machine."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from serving import OwnServer


class Stage:
    """Keeps the server that it gave last until another one is wanted, so tests of one server should follow each other."""

    def __init__(self) -> None:
        self._servers: dict[str, OwnServer] = {}
        self._given: OwnServer | None = None

    async def give(self, name: str, environment: Mapping[str, str] | None = None) -> OwnServer:
        """The server of this name, running. If it has ended, it starts again on its data."""
        if name not in self._servers:
            self._servers[name] = OwnServer(Path(tempfile.mkdtemp(prefix="tertulia-")), environment)
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
            for server in self._servers.values():
                shutil.rmtree(server.data, ignore_errors=True)
