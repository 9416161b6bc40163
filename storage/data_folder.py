"""The data folder: everything that a server keeps on this machine, for its own user alone.

Owns its permissions. Its mode (0700) keeps other users out of everything below it; permissions that an older version left open
are tightened once. A folder in which others may have placed something is refused, since a planted secret, link or database
would be trusted like our own.
"""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

OTHERS = 0o077
"""The permission bits of everyone but the owner."""

UMASK = OTHERS
"""The umask of the server's processes: files they create are private, whatever the operator's umask is."""

SERVED_AS_ANOTHER = frozenset({"postgres"})
"""Subfolders that may belong to another user when the server runs as root, as Postgres refuses to run as root."""


class DataFolderError(Exception):
    """The data folder cannot be used; the message is one sentence for the operator."""


def prepare(data: Path) -> bool:
    """Create the data folder if it is missing, and make it private. Returns whether it was open to others before.

    Raises DataFolderError if another user owns the folder or something in it, or if everyone may write into it or
    replace it. Write permission of a group is removed.
    """
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_place(data)
        opened = sorted(_opened(data))
        for folder in opened:
            _tighten(folder, data)
        if opened:
            data.resolve().chmod(0o700)  # last, so that the next start repeats an interrupted run
        _check_writable(data)
    except FileExistsError as error:
        raise DataFolderError(f"{data} is not a folder (TERTULIA_DATA); name another") from error
    except NotADirectoryError as error:
        raise DataFolderError(f"{data} cannot be a folder (TERTULIA_DATA): a file is above it") from error
    except OSError as error:
        reason = {
            errno.EROFS: "its file system is read-only; name a folder on another one",
            errno.EACCES: "this user has no permission; change its permissions or owner, or name another",
            errno.ENOSPC: "its disk is full; make room, or name a folder on another disk",
        }.get(error.errno or 0, error.strerror)
        raise DataFolderError(f"the data folder {data} cannot be used (TERTULIA_DATA): {reason}") from error
    return bool(opened)


def _check_writable(data: Path) -> None:
    """Raises OSError unless a file can be written."""
    with tempfile.TemporaryFile(dir=data) as file:
        file.write(bytes(4096))


def _check_place(data: Path) -> None:
    link, real = data.lstat(), data.resolve()
    found = real.stat()
    if not stat.S_ISDIR(found.st_mode):
        raise DataFolderError(f"{data} is not a folder (TERTULIA_DATA)")
    for one in (link, found):
        if one.st_uid != os.geteuid():
            raise DataFolderError(
                f"the data folder {data} belongs to another user (uid {one.st_uid}, not {os.geteuid()}); "
                "change its owner, or choose another with TERTULIA_DATA, such as one inside it"
            )
    if found.st_mode & stat.S_IWOTH:
        raise DataFolderError(
            f"everybody may write into the data folder {data}, so its content cannot be trusted; "
            "check it and run `chmod go-w` on it, or choose another with TERTULIA_DATA"
        )
    for above in real.parents:
        mode = above.stat().st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            raise DataFolderError(
                f"everybody may replace the data folder {data}: {above} is writable by all and not sticky; "
                f"`chmod o-w {above}`, or choose another with TERTULIA_DATA"
            )


def _opened(data: Path) -> Iterator[Path]:
    """The folders to tighten: the data folder if it is open itself, otherwise the open folders directly below it."""
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
    """Remove other users' permissions from everything in `top`, then from `top`. Links are not followed."""
    for folder, folders, files in os.walk(top, topdown=False):
        for name in (*folders, *files):
            path = Path(folder, name)
            try:
                found = path.lstat()
            except FileNotFoundError:  # a socket or log of a process that is ending
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
