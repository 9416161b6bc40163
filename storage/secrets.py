"""Secrets made once and kept: `<data>/secrets/<name>`, readable by this user alone.

Must never log a secret, and never replace one: tokens and stored credentials hang on it.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def load_or_create(data: Path, name: str, make: Callable[[], str]) -> str:
    """The secret of this name, made by `make` the first time; any number of processes get the same one.

    Surrounding white space is no part of a secret. Raises `ValueError` when the kept secret, or a new one, is empty.
    """
    if not name or "/" in name or name.startswith("."):
        raise ValueError(f"{name!r} cannot name a secret")
    folder = data / "secrets"
    path = folder / name
    if not path.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _create(path, make().strip())
    secret = path.read_text().strip()
    if not secret:
        raise ValueError(f"{path} is empty; put the secret back, or remove the file to have a new one made")
    return secret


def _create(path: Path, secret: str) -> None:
    """Write beside, then link: the file appears whole, and only if nobody else's did first."""
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
