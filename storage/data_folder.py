"""The data folder: everything a server keeps on this machine, for its own user alone.

Owns who may enter it. Its own mode (0700) keeps other users out of all that is below; what an older version left open
below is tightened once. A folder in which others may have put something is refused: a planted secret, link or database
would be trusted like our own.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

OTHERS = 0o077
"""The permission bits of everybody but the owner."""

UMASK = OTHERS
"""What the server's processes create is for their own user alone, whatever the operator's umask."""

SERVED_AS_ANOTHER = frozenset({"postgres"})
"""Folders below that may belong to another user when root serves: Postgres refuses to run as root."""


class DataFolderError(Exception):
    """Why the data folder cannot be used: one sentence for the operator."""


def prepare(data: Path) -> bool:
    """Make the data folder if need be, and make it private. True when it was open to others until now.

    Raises DataFolderError when somebody else owns the folder or something in it, or when everybody may write into it, or
    may replace it. A group's right to write is taken away.
    """
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_place(data)
        opened = sorted(_opened(data))
        for folder in opened:
            _tighten(folder, data)
        if opened:
            data.resolve().chmod(0o700)  # last: until then the next start does all of it again
    except OSError as error:
        raise DataFolderError(
            f"the data folder {data} cannot be used (TERTULIA_DATA): {error.strerror}"
        ) from error
    return bool(opened)


def _check_place(data: Path) -> None:
    link, real = data.lstat(), data.resolve()
    found = real.stat()
    if not stat.S_ISDIR(found.st_mode):
        raise DataFolderError(f"{data} is not a folder (TERTULIA_DATA)")
    for one in (link, found):
        if one.st_uid != os.geteuid():
            raise DataFolderError(
                f"the data folder {data} belongs to another user (uid {one.st_uid}, not {os.geteuid()}); "
                "change its owner, or name another with TERTULIA_DATA, perhaps one inside it"
            )
    if found.st_mode & stat.S_IWOTH:
        raise DataFolderError(
            f"everybody may write into the data folder {data}, so what is in it cannot be trusted; "
            "look through it and `chmod go-w` it, or choose another with TERTULIA_DATA"
        )
    for above in real.parents:
        mode = above.stat().st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            raise DataFolderError(
                f"everybody may replace the data folder {data}: {above} is writable by all and not sticky; "
                f"`chmod o-w {above}`, or choose another with TERTULIA_DATA"
            )


def _opened(data: Path) -> Iterator[Path]:
    """The folders to go through: all of the data where it is open itself, else what is open directly below it."""
    data = data.resolve()
    if stat.S_IMODE(data.stat().st_mode) & OTHERS:
        yield data
        return
    for entry in data.iterdir():
        found = entry.lstat()
        _check_owner(entry, found, data)
        if stat.S_ISDIR(found.st_mode) and stat.S_IMODE(found.st_mode) & OTHERS:
            yield entry


def _tighten(top: Path, data: Path) -> None:
    """Take everybody else's rights from what is in `top`, then from `top`; nothing behind a link is touched."""
    for folder, folders, files in os.walk(top, topdown=False):
        for name in (*folders, *files):
            path = Path(folder, name)
            try:
                found = path.lstat()
            except FileNotFoundError:  # a socket or a log of a process that is about to end
                continue
            _check_owner(path, found, data)
            mode = stat.S_IMODE(found.st_mode)
            if mode & OTHERS and not stat.S_ISLNK(found.st_mode):
                path.chmod(mode & ~OTHERS)
    if top != data.resolve():
        top.chmod(0o700)


def _check_owner(path: Path, found: os.stat_result, data: Path) -> None:
    if found.st_uid == os.geteuid():
        return
    parts = path.relative_to(data.resolve()).parts
    if os.geteuid() == 0 and parts[0] in SERVED_AS_ANOTHER:
        return
    raise DataFolderError(
        f"{path} belongs to another user (uid {found.st_uid}, not {os.geteuid()}), who may have put it there; "
        "remove it or change its owner"
    )
