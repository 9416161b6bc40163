"""Finds this user's running servers on this machine, so that `tertulia token` finds their secret from any folder.

A server holds a lock on a file of its own in a private folder while it runs, so an entry never outlives its server,
however that ends. The folder is in XDG_RUNTIME_DIR, or else in the user's state folder.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import structlog

log = structlog.get_logger(__name__)


class RunningServer(msgspec.Struct, frozen=True):
    """`data`: its data folder. `own_secret`: whether it signs tokens with TERTULIA_JWT_SECRET, not the folder's secret."""

    url: str
    data: str
    own_secret: bool


def _folder() -> Path:
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    base = Path(runtime) if runtime else Path.home() / ".local" / "state"
    return base / "tertulia" / "servers"


@contextlib.contextmanager
def listed(server: RunningServer) -> Iterator[None]:
    """List the server for the block. Where that is impossible, it serves all the same."""
    try:
        folder = _folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / f"{os.getpid()}.json"
        file = path.open("wb")
    except (OSError, RuntimeError) as error:  # RuntimeError: a user without a home
        log.info("server_not_listed", error=str(error))
        yield
        return
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(msgspec.json.encode(server))
        file.flush()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def running() -> list[RunningServer]:
    """The servers of this user that run now. Entries that a killed server left are removed."""
    found: list[RunningServer] = []
    try:
        paths = sorted(_folder().glob("*.json"))
    except (OSError, RuntimeError):
        return found
    for path in paths:
        with contextlib.suppress(OSError, msgspec.DecodeError), path.open("rb") as file:
            if path.stat().st_uid != os.geteuid():
                continue
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:  # its server holds it
                found.append(msgspec.json.decode(file.read(), type=RunningServer))
            else:
                path.unlink(missing_ok=True)
    return found
