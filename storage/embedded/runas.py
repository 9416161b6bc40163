"""Chooses the user that runs Postgres. Postgres refuses to run as root, which Tertulia often does in containers.

An ordinary user runs it directly. Root tries, in this order: a user namespace in which root appears as `nobody` (files
still belong to root); `nobody`; `nobody` with the capability to enter every folder, for data or a virtual environment
below a folder that only root may enter. A database that belongs to another user runs as that user.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .errors import ServerError
from .processes import PROGRAMS

NOBODY = 65534

NAMESPACE = ("unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}", "--")

ENTER_FOLDERS = (
    "--inh-caps=+dac_override",
    "--ambient-caps=+dac_override",
    # Postgres checks its program with access(2), which otherwise ignores the capabilities of anyone but root.
    "--securebits=+no_setuid_fixup",
)

ENVIRONMENT = {"PATH": PROGRAMS, "LC_ALL": "C.UTF-8"}
"""The server's whole environment. The caller's PGPORT, PGDATA or locale would change what it does."""


@dataclass(frozen=True)
class Identity:
    """`uid` owns the files; `prefix` is put before commands."""

    uid: int
    prefix: tuple[str, ...] = ()


def switched(uid: int, *, pass_folders: bool) -> tuple[str, ...]:
    """A command prefix that switches to another user. `pass_folders`: one that may enter every folder."""
    capability = ENTER_FOLDERS if pass_folders else ()
    return ("setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", *capability, "--")


def candidates(owner: int) -> Iterator[Identity]:
    """Identities that could run Postgres on this owner's folder, best first. For root only."""
    if owner == 0:
        yield Identity(0, NAMESPACE)
    uid = owner or NOBODY
    yield Identity(uid, switched(uid, pass_folders=False))
    yield Identity(uid, switched(uid, pass_folders=True))


async def identity_for(folder: Path, database: Path, program: Path) -> Identity:
    """The identity to run `program` on `database`, a subfolder of `folder` that may not exist yet. Gives it both folders."""
    if os.geteuid() != 0:
        return Identity(os.geteuid())
    for identity in candidates(_owner(database)):
        os.chown(folder, identity.uid, -1)
        if await _works(identity, folder, program):
            _give(database, identity.uid)
            return identity
    raise ServerError(
        "Postgres refuses to run as root, and neither a user namespace (unshare --user) nor another user "
        f"(setpriv --reuid={NOBODY}) can be used here; run Tertulia as an ordinary user, or set DATABASE_URL."
    )


async def _works(identity: Identity, folder: Path, program: Path) -> bool:
    # The program complains on standard error when it cannot use itself, and still succeeds.
    question = (
        'test "$(id -u)" != 0 && test -w "$2" && test -z "$("$1" --version 2>&1 >/dev/null)" && test -x "$1"'
    )
    try:
        process = await asyncio.create_subprocess_exec(
            *identity.prefix, "sh", "-c", question, "sh", str(program), str(folder),
            env=ENVIRONMENT,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
    except OSError:
        return False
    return await process.wait() == 0


def _owner(path: Path) -> int:
    return path.stat().st_uid if path.exists() else 0


def _give(database: Path, uid: int) -> None:
    """Change the owner. Only happens to root's database, when the namespace that created it is no longer allowed."""
    if not database.exists() or database.stat().st_uid == uid:
        return
    for folder, _, files in os.walk(database):
        os.lchown(folder, uid, -1)
        for name in files:
            os.lchown(Path(folder, name), uid, -1)
