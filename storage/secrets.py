"""Secrets that are created once and kept in `<data>/secrets/<name>`, readable by this user alone.

Never logs a secret and never replaces one: tokens and stored credentials depend on it.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path


def load_or_create(data: Path, name: str, make: Callable[[], str]) -> str:
    """The secret with this name; `make` creates it the first time. Concurrent processes get the same one.

    White space around a secret is ignored. Raises ValueError if it is empty.
    """
    path = _path(data, name)
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _create(path, make().strip())
    return _read(path)


def load(data: Path, name: str) -> str | None:
    """The secret with this name, or None if there is none. Raises ValueError if it is empty."""
    path = _path(data, name)
    return _read(path) if path.exists() else None


def _path(data: Path, name: str) -> Path:
    if not name or "/" in name or name.startswith("."):
        raise ValueError(f"{name!r} cannot name a secret")
    return data / "secrets" / name


def _read(path: Path) -> str:
    secret = read_private(path).strip()
    if not secret:
        raise ValueError(f"{path} is empty; restore the secret, or remove the file to create a new one")
    return secret


def read_private(path: Path) -> str:
    """The text of a file of this user or root, which is made private if it was not. Root may read anyone's.

    Raises ValueError for a file that another user may have placed there, OSError for a link.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    with os.fdopen(fd) as file:
        found = os.fstat(fd)
        if os.geteuid() not in (found.st_uid, 0) and found.st_uid != 0:
            raise ValueError(
                f"{path} belongs to another user (uid {found.st_uid}), who may have put it there"
            )
        if stat.S_IMODE(found.st_mode) & 0o077 and found.st_uid == os.geteuid():
            os.fchmod(fd, 0o600)
        return file.read()


def _create(path: Path, secret: str) -> None:
    """Write to a temporary file, then link it: the secret appears whole, and only if no other process was first."""
    if not secret:
        raise ValueError(f"an empty secret was made for {path.name!r}")
    fd, temporary = tempfile.mkstemp(prefix=".new-", dir=path.parent)  # mode 0600
    try:
        with os.fdopen(fd, "w") as file:
            file.write(secret)
            file.flush()
            os.fsync(fd)
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        Path(temporary).unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
