"""Embedded servers: committed data survives every way in which a server, or the process that started it, can die."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from redis.asyncio import Redis
from waiting import until

from tertulia.storage.embedded import (
    EmbeddedPostgres,
    EmbeddedValkey,
    FolderInUse,
    Server,
    ServerError,
    ServerEvent,
    files,
    keep_running,
    postgres,
    processes,
    runas,
)
from tertulia.storage.embedded.server import LogBounds

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.server
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
both = pytest.mark.parametrize("make", [EmbeddedPostgres, EmbeddedValkey])


@asynccontextmanager
async def serving(server: Server) -> AsyncIterator[Server]:
    await server.start()
    try:
        yield server
    finally:
        await server.stop("immediate")


async def sql(url: str, statement: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetch(statement)
    finally:
        await connection.close()


@asynccontextmanager
async def client(server: Server) -> AsyncIterator[Redis]:
    async with Redis.from_url(server.url) as redis:
        yield redis


def log_of(server: Server) -> Path:
    return server.folder / f"{server.name}.log"


def alive(pid: int) -> bool:
    return processes._alive(pid)


ENVIRONMENT = {
    "PYTHONPATH": f"{ROOT}:{postgres.installation().parents[1]}",
    "PATH": os.defpath,
    "PYTHONDONTWRITEBYTECODE": "1",
}

PROBE = """
from tertulia.storage.embedded import postgres, valkey
from waiting import until
postgres.installation(), valkey.installation()
"""

PARENT = """
import asyncio, sys
from pathlib import Path
from tertulia.storage.embedded import EmbeddedPostgres, EmbeddedValkey, processes
if "orphan" in sys.argv:
    processes.shutil.which = lambda *_, **__: None
async def main():
    servers = [cls(Path(sys.argv[1])) for cls in (EmbeddedPostgres, EmbeddedValkey)]
    for server in servers:
        await server.start()
    print(*(s.pid for s in servers), servers[0].url, servers[1].url, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    for server in servers:
        await server.stop()
asyncio.run(main())
"""


@asynccontextmanager
async def parent(
    data: Path, *arguments: str, prefix: tuple[str, ...] = (), python: str = sys.executable
) -> AsyncIterator[tuple]:
    """Another process that runs both servers: yields it, their pids and urls."""
    process = subprocess.Popen(
        [*prefix, python, "-c", PARENT, str(data), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
        env=ENVIRONMENT,
    )
    with process:
        try:
            line = await asyncio.to_thread(process.stdout.readline)
            first, second, *urls = line.split()
            yield process, (int(first), int(second)), urls
        finally:
            process.kill()


async def test_postgres_answers_and_has_its_extensions(tmp_path: Path) -> None:
    async with serving(EmbeddedPostgres(tmp_path)) as server:
        await sql(server.url, "create extension vector")
        await sql(server.url, "create extension pg_trgm")
        [row] = await sql(
            server.url, "select '[1,2,3]'::vector <-> '[1,2,4]' as l2, similarity('abc', 'abd') as s"
        )
        assert row["l2"] == 1 and row["s"] > 0
        [row] = await sql(
            server.url,
            "select datlocprovider, datlocale, pg_encoding_to_char(encoding) from pg_database where datname='postgres'",
        )
        assert tuple(row) == (b"b", "C.UTF-8", "UTF8")


async def test_postgres_has_the_settings_of_the_table(tmp_path: Path) -> None:
    async with serving(EmbeddedPostgres(tmp_path)) as server:
        rows = await sql(server.url, "select name, current_setting(name) as v, source from pg_settings")
        found = {row["name"].lower(): (row["v"], row["source"]) for row in rows}
        for name, value, _ in postgres.SETTINGS:
            # Postgres shows 60s as 1min, and a mode in octal: the source says that it is ours.
            assert found[name][1] == "command line", name
            assert found[name][0] == value or name == "idle_in_transaction_session_timeout"


async def test_valkey_answers(tmp_path: Path) -> None:
    async with serving(EmbeddedValkey(tmp_path)) as server, client(server) as redis:
        assert await redis.set("k", "v") and await redis.get("k") == b"v"
        assert (await redis.config_get("appendonly"))["appendonly"] == "yes"


@both
async def test_only_this_user_may_connect_and_read(make: type[Server], tmp_path: Path) -> None:
    async with serving(make(tmp_path)) as server:
        for folder in (server.folder, server.folder / "run"):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        listening = [
            line.split()[9]
            for table in ("tcp", "tcp6")
            for line in Path("/proc/net", table).read_text().splitlines()[1:]
        ]
        held = [os.readlink(fd) for fd in Path(f"/proc/{server.pid}/fd").iterdir()]
        assert not {f"socket:[{inode}]" for inode in listening} & set(held)


async def test_a_restart_is_quick(tmp_path: Path) -> None:
    async with serving(EmbeddedPostgres(tmp_path)) as server:
        await server.stop()
        began = time.monotonic()
        await server.start()
        assert time.monotonic() - began < 10, "0.3 s where nothing else runs"


async def test_committed_rows_outlive_the_kill_of_postgres(tmp_path: Path) -> None:
    async with serving(EmbeddedPostgres(tmp_path)) as server:
        await sql(server.url, "create table t as select 7 as n")
        os.kill(server.pid, signal.SIGKILL)
        assert await server.wait_exited() == -signal.SIGKILL
        await server.start()
        assert (await sql(server.url, "select n from t"))[0]["n"] == 7


async def test_a_backend_too_busy_to_notice_does_not_hold_up_the_next_start(tmp_path: Path) -> None:
    async with serving(EmbeddedPostgres(tmp_path)) as server:
        connection = await asyncpg.connect(server.url)
        busy = asyncio.create_task(connection.execute("do $$ begin loop end loop; end $$"))
        loops = "select from pg_stat_activity where state = 'active' and query like 'do %'"
        await until(lambda: sql(server.url, loops), "it to be busy")
        os.kill(server.pid, signal.SIGKILL)
        await server.wait_exited()
        await server.start()
        assert (await sql(server.url, "select 1 as n"))[0]["n"] == 1
        with pytest.raises((OSError, asyncpg.PostgresError)):
            await busy
        connection.terminate()


async def test_synced_keys_outlive_the_kill_of_valkey(tmp_path: Path) -> None:
    async with serving(EmbeddedValkey(tmp_path)) as server:
        async with client(server) as redis:
            await redis.set("k", "v")
            assert (await redis.execute_command("WAITAOF", 1, 0, 5000))[0] == 1
        os.kill(server.pid, signal.SIGKILL)
        await server.wait_exited()
        await server.start()
        async with client(server) as redis:
            assert await redis.get("k") == b"v"


async def test_the_servers_stop_with_the_process_that_started_them(tmp_path: Path) -> None:
    async with parent(tmp_path) as (process, pids, urls):
        await sql(urls[0], "create table t as select 7 as n")
        process.kill()
        process.wait()
        await until(lambda: not any(map(alive, pids)))
    async with serving(EmbeddedPostgres(tmp_path)) as server:
        assert (await sql(server.url, "select n from t"))[0]["n"] == 7
        assert "was shut down at" in log_of(server).read_text()


async def test_orphans_are_stopped_by_the_next_start(tmp_path: Path) -> None:
    async with parent(tmp_path, "orphan") as (process, pids, urls):
        await sql(urls[0], "create table t as select 7 as n")
        process.kill()
        process.wait()
        assert await sql(urls[0], "select n from t"), "this test needs orphans"
        assert all(map(alive, pids))
    async with serving(EmbeddedPostgres(tmp_path)) as server, serving(EmbeddedValkey(tmp_path)):
        assert not any(map(alive, pids))
        assert (await sql(server.url, "select n from t"))[0]["n"] == 7


async def test_a_reused_process_id_does_not_prevent_the_start(tmp_path: Path) -> None:
    """As after the restart of a container, where the numbers start over."""
    server = EmbeddedPostgres(tmp_path)
    async with serving(server):
        os.kill(server.pid, signal.SIGKILL)
        await server.wait_exited()
        file = server.database / "postmaster.pid"
        lines = file.read_text().splitlines()
        # Not this process: Postgres takes its own ancestors' numbers for stale by itself.
        with subprocess.Popen(["sleep", "60"]) as other:
            file.write_text("\n".join([str(other.pid), *lines[1:]]))
            await server.start()
            other.kill()


async def test_an_interrupted_initdb_is_repeated(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=ENVIRONMENT,
    )
    with process:
        await until(lambda: any(tmp_path.glob("postgres/database-*/PG_VERSION")))
        process.kill()
    assert not (tmp_path / "postgres/database").exists()
    async with serving(EmbeddedPostgres(tmp_path)) as server:
        assert (await sql(server.url, "select 1 as n"))[0]["n"] == 1
        assert not list(tmp_path.glob("postgres/database-*"))


async def test_a_failed_initdb_says_why_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "USER", "pg_reserved")
    server = EmbeddedPostgres(tmp_path)
    with pytest.raises(ServerError, match="could not be made") as caught:
        await server.start()
    assert "pg_" in caught.value.log and not list(server.folder.glob("database*"))
    monkeypatch.undo()
    async with serving(server):
        pass


def test_a_full_disk_is_told_with_what_to_do() -> None:
    log = 'running bootstrap script ... FATAL:  could not write to file "pg_wal/xlogtemp.7": No space left on device'
    said = ServerError("A new database could not be made in /srv/data/postgres.", log).in_one_line()
    assert said.startswith(
        "A new database could not be made in /srv/data/postgres: the disk is full; make room"
    )
    assert "TERTULIA_DATA" in said


async def test_a_start_that_fails_shows_the_end_of_the_log(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path)
    async with serving(server):
        pass
    (server.database / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(ServerError, match="ended while starting") as caught:
        await server.start()
    assert "incompatible" in caught.value.log and "\n" not in caught.value.sentence
    (server.database / "PG_VERSION").write_text("18\n")
    async with serving(server):
        pass


async def test_a_cancelled_start_leaves_no_process_and_no_lock(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path)
    starting = asyncio.create_task(server.start())
    await until(lambda: any(tmp_path.glob("postgres/database-*/PG_VERSION")))
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    async with serving(EmbeddedPostgres(tmp_path)):
        pass


@both
async def test_a_second_server_on_one_folder_is_refused(make: type[Server], tmp_path: Path) -> None:
    async with serving(make(tmp_path)) as first:
        with pytest.raises(FolderInUse, match=f"process {os.getpid()}.*TERTULIA_DATA"):
            await make(tmp_path).start()
        assert first.running
    async with serving(make(tmp_path)):
        pass


@both
async def test_a_folder_with_a_long_or_odd_name(make: type[Server], tmp_path: Path) -> None:
    for name in ("a, 'b\" c%20?#é", "long" * 30):
        server = make(tmp_path / name)
        async with serving(server):
            if make is EmbeddedPostgres:
                assert (await sql(server.url, "select 1 as n"))[0]["n"] == 1
            else:
                async with client(server) as redis:
                    assert await redis.ping()
        shutil.rmtree(files.socket_folder(server.folder, "s" * 10))
    far = files.socket_folder(server.folder, "s" * 10)
    assert far.parent == Path("/tmp") and stat.S_IMODE(far.stat().st_mode) == 0o700
    shutil.rmtree(far)
    far.symlink_to(tmp_path)
    try:
        with pytest.raises(ServerError, match="remove it"):
            await server.start()
    finally:
        far.unlink()


@both
async def test_an_unexpected_exit_is_followed_by_a_restart(make: type[Server], tmp_path: Path) -> None:
    events: list[ServerEvent] = []
    async with serving(make(tmp_path)) as server:
        keeper = asyncio.create_task(keep_running(server, events.append))
        for turn in range(1, 4):
            before = server.pid
            os.kill(before, signal.SIGKILL)
            await until(lambda turn=turn: len(events) == 2 * turn)
            assert [e.kind for e in events[-2:]] == ["exited", "restarted"]
            assert server.running and server.pid != before
        await server.stop("immediate")
        await asyncio.wait_for(keeper, 5)
        assert len(events) == 6 and not server.running


async def test_an_exit_before_the_watch_began_is_seen(tmp_path: Path) -> None:
    events: list[ServerEvent] = []
    async with serving(EmbeddedValkey(tmp_path)) as server:
        os.kill(server.pid, signal.SIGKILL)
        await server.wait_exited()
        keeper = asyncio.create_task(keep_running(server, events.append))
        await until(lambda: [e.kind for e in events] == ["exited", "restarted"])
        await server.stop()
        await keeper


async def test_failed_restarts_are_reported_and_tried_again(tmp_path: Path) -> None:
    events: list[ServerEvent] = []
    async with serving(EmbeddedPostgres(tmp_path)) as server:
        keeper = asyncio.create_task(keep_running(server, events.append))
        (server.database / "PG_VERSION").write_text("9.6\n")
        os.kill(server.pid, signal.SIGKILL)
        await until(lambda: [e.kind for e in events[:3]] == ["exited", "failed", "failed"])
        (server.database / "PG_VERSION").write_text("18\n")
        await until(lambda: events[-1].kind == "restarted")
        keeper.cancel()
        with pytest.raises(asyncio.CancelledError):
            await keeper
        assert server.running


async def test_an_immediate_stop_is_recovered_from(tmp_path: Path) -> None:
    async with serving(EmbeddedPostgres(tmp_path)) as server:
        await sql(server.url, "create table t as select 7 as n")
        await server.stop("immediate")
        assert not server.running
        await server.start()
        assert (await sql(server.url, "select n from t"))[0]["n"] == 7
        assert "automatic recovery in progress" in log_of(server).read_text()


async def test_the_log_is_bounded(tmp_path: Path) -> None:
    async with serving(EmbeddedPostgres(tmp_path, LogBounds(bytes=100, check_every=0.05))) as server:
        older = log_of(server).with_name("postgres.log.1")
        await until(lambda: older.exists() and log_of(server).stat().st_size < 100)
        with pytest.raises(asyncpg.UndefinedTableError):
            await sql(server.url, "select * from a_table_that_is_not_there")
        await until(lambda: "a_table_that_is_not_there" in older.read_text())


async def test_missing_wheels_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ServerError, match=r"DATABASE_URL.*tertulia\[embedded\]"):
        await EmbeddedPostgres(tmp_path).start()
    with pytest.raises(ServerError, match=r"REDIS_URL.*tertulia\[embedded\]"):
        await EmbeddedValkey(tmp_path).start()


def shared_folder() -> Path:
    """A folder that any user may enter; pytest's own are for the user who runs it."""
    made = Path(subprocess.check_output(["mktemp", "-d", "/tmp/tertulia-test-XXXXXX"], text=True).strip())
    made.chmod(0o755)
    return made


def python_for_others() -> str | None:
    """A Python of this version that another user can run on this code: this one may lie in root's home."""
    for python in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        command = [*runas.switched(runas.NOBODY, pass_folders=False), python, "-c", PROBE]
        try:
            if (
                subprocess.run(command, capture_output=True, check=False, cwd="/", env=ENVIRONMENT).returncode
                == 0
            ):
                return python
        except OSError:
            continue
    return None


@as_root
async def test_an_ordinary_user_and_then_root_on_the_same_folder() -> None:
    python = python_for_others()
    if python is None:
        pytest.skip("no Python here that another user can run on this code")
    data = shared_folder()
    try:
        os.chown(data, runas.NOBODY, -1)
        user = runas.switched(runas.NOBODY, pass_folders=False)
        async with parent(data, prefix=user, python=python) as (process, pids, urls):
            assert Path(f"/proc/{pids[0]}").stat().st_uid == runas.NOBODY
            await sql(urls[0], "create table t as select 7 as n")
            process.communicate()
        async with serving(EmbeddedPostgres(data)) as server:
            assert Path(f"/proc/{server.pid}").stat().st_uid == runas.NOBODY
            assert (await sql(server.url, "select n from t"))[0]["n"] == 7
        async with parent(data, prefix=user, python=python) as (process, pids, urls):
            assert (await sql(urls[0], "select n from t"))[0]["n"] == 7
            process.communicate()
    finally:
        shutil.rmtree(data)


@as_root
@pytest.mark.parametrize("closed", [False, True], ids=["open folder", "folder only root may enter"])
async def test_root_without_user_namespaces(closed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    data = shared_folder()
    try:
        async with serving(EmbeddedPostgres(data / "d")) as server:
            await sql(server.url, "create table t as select 7 as n")
        data.chmod(0o700 if closed else 0o755)
        monkeypatch.setattr(runas, "NAMESPACE", ("false",))
        async with serving(EmbeddedPostgres(data / "d")) as server:
            assert Path(f"/proc/{server.pid}").stat().st_uid == runas.NOBODY
            assert (await sql(server.url, "select n from t"))[0]["n"] == 7
            os.kill(server.pid, signal.SIGKILL)
            await server.wait_exited()
            await server.start()
    finally:
        shutil.rmtree(data)


@as_root
async def test_root_s_own_installation_without_user_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container whose checkout lies in /root."""
    closed = shared_folder()
    try:
        package = postgres.installation().parent
        for folder in package.parent.glob(f"{package.name}*"):  # and its libraries
            if not folder.name.endswith(".dist-info"):
                shutil.copytree(folder, closed / folder.name, symlinks=True)
        closed.chmod(0o700)
        monkeypatch.setattr(postgres, "installation", lambda: closed / package.name / "pginstall")
        monkeypatch.setattr(runas, "NAMESPACE", ("false",))
        async with serving(EmbeddedPostgres(closed / "d")) as server:
            assert Path(f"/proc/{server.pid}").stat().st_uid == runas.NOBODY
            assert (await sql(server.url, "select 7 as n"))[0]["n"] == 7
    finally:
        shutil.rmtree(closed)


@as_root
async def test_root_without_any_way_gets_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runas, "NAMESPACE", ("false",))
    monkeypatch.setattr(runas, "switched", lambda *_, **__: ("a-program-that-is-not-there",))
    with pytest.raises(ServerError, match="ordinary user, or set DATABASE_URL"):
        await EmbeddedPostgres(tmp_path).start()
