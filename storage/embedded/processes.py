"""Finds and ends processes that a killed server has left behind.

A process is recognised by its command line, which anyone may read. Its working folder and executable are hidden even from
root in a container without CAP_SYS_PTRACE.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

PROGRAMS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

Steps = Sequence[tuple[signal.Signals, float]]
"""Signals to send in turn, and how many seconds to wait after each."""


def dies_with_parent(with_signal: signal.Signals) -> list[str]:
    """A command prefix: the process gets the signal when the thread that started it ends.

    A fork clears the setting (PR_SET_PDEATHSIG), so this must be the last prefix before the program. Empty if there is
    no setpriv; then the next start finds and stops an orphan.
    """
    setpriv = shutil.which("setpriv", path=PROGRAMS)
    return [setpriv, "--pdeathsig", with_signal.name.removeprefix("SIG"), "--"] if setpriv else []


def find(matches: Callable[[list[str]], bool], owners: Iterable[int]) -> list[int]:
    """Ids of these owners' processes whose argument list matches. Zombies have none, so they are never found."""
    owners, found = frozenset(owners), []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if entry.stat().st_uid in owners:
                argv = os.fsdecode((entry / "cmdline").read_bytes()).rstrip("\0 ").split("\0")
                if matches(argv):
                    found.append(int(entry.name))
        except OSError:  # gone meanwhile
            continue
    return found


async def end(pids: Iterable[int], steps: Steps) -> bool:
    """Send the signals in turn until every process is gone. Returns False if some are left."""
    left = set(pids)
    for with_signal, seconds in steps:
        for pid in left:
            _send(pid, with_signal)
        deadline = time.monotonic() + seconds
        while left and time.monotonic() < deadline:
            left = {pid for pid in left if _alive(pid)}
            if left:
                await asyncio.sleep(0.01)
        if not left:
            return True
    return not left


def _send(pid: int, with_signal: signal.Signals) -> None:
    try:
        os.kill(pid, with_signal)
    except ProcessLookupError:
        pass


def _alive(pid: int) -> bool:
    try:
        # "pid (name) state …": the name may contain anything, so count from the last parenthesis.
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2][:1] not in (b"Z", b"X", b"")
    except OSError:
        return False
