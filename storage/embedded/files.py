"""Files of an embedded server: the lock on its folder, its bounded log, and the folder of its socket.

Every function is short and blocking; none is a coroutine.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import stat
import tempfile
from pathlib import Path

from .errors import FolderInUse, ServerError

SOCKET_PATH_BYTES = 107
"""The capacity of `sun_path` on Linux, without the terminating zero."""

SHORT_FOLDER = "short_folder"
"""The file that records the path of the short folder in /tmp."""

PLAIN_PATH = re.compile(r"[A-Za-z0-9/._+@~=-]+")
"""A path that needs no quoting in a URL, in a setting or for any client; asyncpg splits hosts at commas."""


class FolderLock:
    """An exclusive lock on a folder. It is released with the process that holds it, however that ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None

    def acquire(self) -> None:
        """Take the lock, or raise `FolderInUse`. Does nothing if this object holds it already."""
        if self._fd is not None:
            return
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(fd, 20, 0).decode("ascii", "replace").strip()
            os.close(fd)
            if not isinstance(error, BlockingIOError):
                raise ServerError(
                    f"The folder {self._path.parent} cannot be locked: {error.strerror}."
                ) from error
            raise FolderInUse(
                f"The folder {self._path.parent} is in use by another running server (process {holder or 'unknown'}); "
                "stop it, or choose another folder with TERTULIA_DATA."
            ) from None
        os.ftruncate(fd, 0)
        os.pwrite(fd, str(os.getpid()).encode(), 0)
        self._fd = fd

    def release(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


class Log:
    """A file to which the server appends its output. The server keeps it open, so rotation copies and truncates. `most`:
    bytes beyond which it is moved to `<name>.1`, whose earlier content is dropped."""

    def __init__(self, path: Path, most: int) -> None:
        self._path = path
        self._most = most
        self._from = 0

    def open(self) -> int:
        """A descriptor to append to. `tail` returns only what is written from now on."""
        self.bound()
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        fd = os.open(self._path, flags, 0o600)
        self._from = os.fstat(fd).st_size
        return fd

    def bound(self) -> None:
        """Rotate the log if it exceeds `most` bytes. Lines written during the copy may be lost."""
        try:
            if self._path.stat().st_size <= self._most:
                return
        except FileNotFoundError:
            return
        shutil.copyfile(self._path, self._path.with_name(self._path.name + ".1"))
        os.truncate(self._path, 0)
        self._from = 0

    def tail(self, lines: int = 12) -> str:
        """The last lines written since `open`."""
        try:
            with self._path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                file.seek(max(self._from, size - 8192))
                text = file.read(8192).decode("utf-8", "replace")
        except OSError:
            return ""
        return "\n".join(text.strip().splitlines()[-lines:])


def private_folder(path: Path) -> Path:
    """The folder, created if missing, for this user alone. Folders above it get the usual mode."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            path.chmod(0o700)
    except OSError as error:
        raise ServerError(
            f"The folder {path} cannot be made private to this user: {error.strerror}."
        ) from error
    return path


def socket_folder(folder: Path, socket_name: str) -> Path:
    """A private folder for a socket: `<folder>/run`, or one in /tmp if that path is too long or needs quoting."""
    near = folder / "run"
    if len(os.fsencode(near / socket_name)) <= SOCKET_PATH_BYTES and PLAIN_PATH.fullmatch(str(near)):
        return private_folder(near)
    return short_folder(folder)


def short_folder(folder: Path) -> Path:
    """A private folder in /tmp that belongs to `folder`, for sockets whose paths would be too long below it.

    Its name is random, so nobody can claim it first, and is kept in `<folder>/short_folder`, so every call returns the
    same one. Raises `ServerError` if something else has taken its place.
    """
    record = folder / SHORT_FOLDER
    try:
        known = Path(record.read_text().strip()) if record.exists() else None
        if known is None or not os.path.lexists(known):  # /tmp is emptied at every boot
            known = Path(tempfile.mkdtemp(prefix=f"tertulia-{os.geteuid()}-", dir="/tmp"))
            write_private(record, f"{known}\n")
        found = known.lstat()
        owners = {os.geteuid(), folder.stat().st_uid}
    except OSError as error:
        raise ServerError(f"A socket folder for {folder} cannot be made: {error.strerror}.") from error
    # Everyone can write to /tmp: a folder of another user, or a link, cannot be trusted.
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in owners or stat.S_IMODE(found.st_mode) & 0o077:
        raise ServerError(f"{known} exists and is not a private folder of this user; remove it.")
    return known


def write_private(path: Path, text: str) -> None:
    """Write a file for this user alone, atomically. Whatever is at `path` is replaced, even a link."""
    fd, temporary = tempfile.mkstemp(prefix=".new-", dir=path.parent)  # mode 0600
    try:
        with os.fdopen(fd, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(fd)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
