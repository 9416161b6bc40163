"""The life cycle of an embedded server's process: lock its folder, start, wait until it is ready, stop, notice its exit.

Subclasses define how to prepare the folder, what to run, and when the server is ready. A server is started and stopped
from one event loop, which must outlive it: the process ends with the thread that started it.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from .errors import ServerError
from .files import FolderLock, Log, private_folder
from .processes import Steps, end
from .runas import ENVIRONMENT

StopMode = Literal["fast", "immediate"]

LEAST_ROOM = 16 * 1024 * 1024
"""Bytes of free disk below which a failed start is blamed on the disk: one segment of Postgres's log."""


@dataclass(frozen=True, kw_only=True)
class LogBounds:
    bytes: int = 8 * 1024 * 1024
    """Beyond this a log is moved to `<name>.1`, whose earlier content is dropped."""
    check_every: float = 60.0
    """Seconds between checks of its size."""


class Server(ABC):
    """One server on one folder, `<data>/<name>`. `url` stays the same across restarts."""

    name: ClassVar[str]
    start_within: ClassVar[float]
    """Seconds after which a server that is alive but not ready is given up: the longest recovery."""

    def __init__(self, data: Path, log: LogBounds = LogBounds()) -> None:
        self.folder = data.expanduser().resolve() / self.name
        self._lock = FolderLock(self.folder / "lock")
        self._log = Log(self.folder / f"{self.name}.log", log.bytes)
        self._log_check_every = log.check_every
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._tending: asyncio.Task[None] | None = None
        self._wanted = False

    @property
    @abstractmethod
    def url(self) -> str:
        """The URL for clients; known once the server has started."""

    @property
    def pid(self) -> int:
        """The id of the server's first process, even after its end. Raises ServerError if it was never started."""
        return self._started().pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def wanted(self) -> bool:
        """Whether it was started and not stopped since, so that an exit is unexpected."""
        return self._wanted

    async def start(self) -> None:
        """Start on the folder, which is created or recovered, and return once clients can connect.

        Raises `FolderInUse` if another server holds the folder, `ServerError` on any other failure. Then nothing is left
        running.
        """
        async with self._turn:
            if not self.running:
                await self._start()
                self._wanted = True

    async def restart_if_wanted(self) -> bool:
        """Start again after an exit. Returns False if the server was stopped meanwhile."""
        async with self._turn:
            if self._wanted and not self.running:
                await self._start()
            return self._wanted

    async def stop(self, mode: StopMode = "fast") -> None:
        """Stop and release the folder. `immediate` leaves recovery to the next start, like a power cut."""
        self._wanted = False
        async with self._turn:
            gone = await self._end(mode)
            self._lock.release()
        if not gone:
            raise ServerError(f"{self.name} (process {self.pid}) does not stop.", self._log.tail())

    async def wait_exited(self) -> int:
        """Wait until the process has ended. Returns its exit code, or the negative number of the signal."""
        return await self._started().wait()

    async def _start(self) -> None:
        private_folder(self.folder)
        self._lock.acquire()
        try:
            await self._prepare()
            await self._spawn()
            await self._until_ready()
        except BaseException:
            await asyncio.shield(self._end("immediate"))
            self._lock.release()
            raise

    async def _spawn(self) -> None:
        log = self._log.open()
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._command(),
                cwd="/",
                env=ENVIRONMENT,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C at the terminal is meant for Tertulia, which drains first and stops its servers last.
                start_new_session=True,
            )
        except OSError as error:
            raise ServerError(f"{self.name} cannot be run: {error}.") from error
        finally:
            os.close(log)
        self._tending = asyncio.create_task(self._tend_log(), name=f"{self.name} log")

    async def _until_ready(self) -> None:
        deadline = time.monotonic() + self.start_within
        while not await self._ready():
            if not self.running:
                raise ServerError(*self._ended_while_starting())
            if time.monotonic() > deadline:
                sentence = f"{self.name} was not ready within {self.start_within:.0f} seconds."
                raise ServerError(sentence, self._log.tail())
            await asyncio.sleep(0.01)

    def _ended_while_starting(self) -> tuple[str, str]:
        tail, disk = self._log.tail(), os.statvfs(self.folder)
        # The log may have had no room either to say so.
        if os.strerror(errno.ENOSPC) in tail or disk.f_bavail * disk.f_frsize < LEAST_ROOM:
            return f"{self.name} ended while starting: the disk of {self.folder} is full.", tail
        return f"{self.name} ended while starting (exit code {self._started().returncode}).", tail

    async def _end(self, mode: StopMode) -> bool:
        if self._tending is not None:
            self._tending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._tending
            self._tending = None
        if not self.running:
            return True
        process = self._started()
        if not await end([process.pid], self._stop_steps(mode)):
            return False
        await process.wait()
        return True

    async def _tend_log(self) -> None:
        while True:
            await asyncio.sleep(self._log_check_every)
            await asyncio.to_thread(self._log.bound)

    def _started(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise ServerError(f"{self.name} was never started.")
        return self._process

    @abstractmethod
    async def _prepare(self) -> None:
        """Prepare the folder for a start, and end what an earlier server left running."""

    @abstractmethod
    def _command(self) -> list[str]:
        """The program and its arguments."""

    @abstractmethod
    async def _ready(self) -> bool:
        """Whether the process accepts clients."""

    @abstractmethod
    def _stop_steps(self, mode: StopMode) -> Steps:
        """Signals that end the process; the last one cannot be ignored."""
