"""Ray's folder, `<data>/ray`: the sockets, logs and spilled objects of the Ray that `tertulia serve` starts.

Ray makes its folders writable for everybody and trusts their content, so they are inside the data folder, which only this
user can enter. The logs of every process are in `<data>/ray/session_latest/logs`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import socket
import stat
from pathlib import Path

from ..storage.embedded.files import PLAIN_PATH, SOCKET_PATH_BYTES, private_folder, short_folder

LONGEST_SOCKET = "session_2000-01-01_00-00-00_000000_4194304/sockets/plasma_store"
"""The longest path of a socket below Ray's folder. It contains a time and a process id."""

KEPT_SESSIONS = 3
"""Ended sessions whose logs are kept; a start removes older ones. Each takes about 0.5 MB, plus its actors' logs."""

SESSION = re.compile(r"session_\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_\d+_\d+")


class RayFolder:
    """The folder, as `path` for Ray. Makes it private and removes old sessions. Raises ServerError, OSError."""

    def __init__(self, data: Path) -> None:
        self.folder = private_folder(data / "ray")
        self._remove_old_sessions()
        self._lock: int | None = None
        self.path = self.folder
        if len(os.fsencode(self.folder / LONGEST_SOCKET)) > SOCKET_PATH_BYTES or not PLAIN_PATH.fullmatch(
            str(self.folder)
        ):
            self.path = self._shortened()

    def _shortened(self) -> Path:
        """The same folder, through a link in a private folder with a short path."""
        short = short_folder(self.folder)
        # systemd-tmpfiles removes old files from /tmp, but not locked ones
        self._lock = os.open(short, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(self._lock, fcntl.LOCK_SH)
        link = short / "ray"
        if not (link.is_symlink() and link.readlink() == self.folder):
            link.unlink(missing_ok=True)
            link.symlink_to(self.folder)
        return link

    def tighten(self) -> None:
        """Remove other users' rights from the folders that Ray has created for everybody."""
        for top, folders, _ in os.walk(self.folder):
            for name in folders:
                with contextlib.suppress(FileNotFoundError):
                    path = Path(top, name)
                    mode = path.lstat().st_mode
                    if stat.S_ISDIR(mode) and stat.S_IMODE(mode) & 0o077:
                        path.chmod(0o700)
        self.folder.chmod(0o700)

    def _remove_old_sessions(self) -> None:
        ended = sorted(
            entry
            for entry in self.folder.iterdir()
            if SESSION.fullmatch(entry.name) and not _is_live(entry.relative_to(self.folder), self.folder)
        )
        for session in ended[:-KEPT_SESSIONS]:
            shutil.rmtree(session, ignore_errors=True)


def _is_live(session: Path, folder: Path) -> bool:
    """Whether a session's raylet listens. Servers that share a data folder share Ray's folder too."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(f"/proc/self/fd/{fd}/{session}/sockets/raylet")  # the path itself may be too long
    except OSError:
        return False
    finally:
        os.close(fd)
    return True
