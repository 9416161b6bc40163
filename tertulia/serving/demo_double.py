"""The provider double of the demo's channels, which `tertulia serve --demo` runs in a separate process."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Awaitable
from contextlib import suppress

import aiohttp

from ..settings import Settings
from ..storage.embedded.processes import dies_with_parent
from . import demo

START_WITHIN = 20.0
STOP_WITHIN = 5.0
PORTS_TRIED = 100
INHERITED = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")
"""The variables that the double's process inherits. It plays strangers, so it gets no secret."""


class DoubleError(Exception):
    """Why the double does not run, as one sentence for the operator."""


class DemoDouble:
    """The double's process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._process: asyncio.subprocess.Process | None = None
        self.url = ""

    async def launch(self) -> None:
        """Start its process. Raises DoubleError."""
        wanted = self._settings.demo_double_port or self._settings.port + 1
        port = free_port(wanted)
        self.url = f"http://127.0.0.1:{port}"
        try:
            self._process = await asyncio.create_subprocess_exec(
                *dies_with_parent(signal.SIGTERM),
                *(sys.executable, "-m", "tertulia", "provider-double", "--port", str(port)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                env={name: os.environ[name] for name in INHERITED if name in os.environ},
                start_new_session=True,  # Ctrl-C is for the server, which ends it last
            )
        except OSError as error:
            raise DoubleError(f"the provider double cannot be started: {error}") from error

    async def ready(self) -> None:
        """Wait until it listens, and register the demo's channels. Raises DoubleError."""
        try:
            async with asyncio.timeout(START_WITHIN), aiohttp.ClientSession() as session:
                await self._listens(session)
                for channel in demo.CHANNELS:
                    await self._register(session, channel)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise DoubleError(
                f"the provider double did not start ({self.url}): {error or 'no answer'}"
            ) from error

    async def _listens(self, session: aiohttp.ClientSession) -> None:
        assert self._process is not None
        while True:
            if self._process.returncode is not None:
                raise OSError(f"it ended with code {self._process.returncode}")
            with suppress(aiohttp.ClientConnectionError):
                async with session.get(f"{self.url}/double"):
                    return
            await asyncio.sleep(0.05)

    async def _register(self, session: aiohttp.ClientSession, channel: demo.DemoChannel) -> None:
        body = {
            "id": channel.id,
            "type": channel.type,
            "webhook_url": f"{self._settings.base_url().rstrip('/')}/v1/webhooks/{channel.type}/{channel.id}",
            "credentials": channel.credentials,
        }
        async with session.post(f"{self.url}/double/channels", json=body) as response:
            response.raise_for_status()

    async def stop(self) -> None:
        """End it."""
        process, self._process = self._process, None
        if process is None:
            return
        for end in (process.terminate, process.kill):
            with suppress(ProcessLookupError):
                end()
            if await _ended(process.wait()):
                return


async def _ended(wait: Awaitable[int]) -> bool:
    try:
        await asyncio.wait_for(wait, STOP_WITHIN)
    except TimeoutError:
        return False
    return True


def free_port(wanted: int) -> int:
    """`wanted`, or the next one that nobody listens on. Raises DoubleError."""
    last = min(wanted + PORTS_TRIED, 65536)
    for port in range(wanted, last):
        if _is_free(port):
            return port
    raise DoubleError(f"no free port from {wanted} to {last - 1} (TERTULIA_DEMO_DOUBLE_PORT)")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
