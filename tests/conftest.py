"""The server that acceptance tests share, servers for tests that break them, and the mark of tests that need any server."""

from __future__ import annotations

import gc
import importlib.util
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from figures import FIGURES
from hypothesis import HealthCheck, settings
from serving import BATTERED, GUARDED, ROOT, OwnServer
from stage import Stage
from xdist.scheduler import LoadScopeScheduling

# As the Makefile does: what tests start is compiled once, not again in each of a server's dozen processes.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
sys.pycache_prefix = os.environ.setdefault("PYTHONPYCACHEPREFIX", str(ROOT / "build/pycache"))

if importlib.util.find_spec("sniffio") is None:
    # httpcore looks for it at least four times a request, each time in all folders: a quarter of what a request costs
    sys.modules["sniffio"] = None  # type: ignore[assignment]

settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")  # a busy machine is not a failure

Start = Callable[..., Awaitable[OwnServer]]
SERVER_FOLDERS = {"acceptance", "contract", "faults", "guides"}
UNIT = "not server and not slow"
"""The marks of `make test-unit`, as the Makefile has them."""
SLOW = {"fuzz", "test_growth.py", "test_growth_table.py", "test_json_growth.py"}
"""Folders and modules that `make test-unit` leaves out, though they need no server."""
SERVER_FIXTURES = {
    "stage",
    "postgres_url",
    "database",
    "managed_postgres",
    "postgres",
    "server",
    "shared_valkey",
    "s3_url",
    "broker",
}
"""Fixtures that start a process: Tertulia itself, Postgres, Valkey, an object store or RabbitMQ."""


SHARED_SERVER = {"acceptance", "browser", "cases", "contract", "guides", "test_fuzz_pipelining.py", "test_guides.py",
                 "test_npm_calls.py", "test_npm_package.py", "test_provider_double.py"}  # fmt: skip
OWN_SERVERS = {"faults", "test_dedicated.py"}
"""Tests that start Tertulia, by place. In a parallel run one worker has all that share a server, and one all that break theirs."""
SOURCES = {
    "test_aiohttp_internals.py",
    "test_architecture.py",
    "test_architecture_of_tests.py",
    "test_documents.py",
    "test_rooms.py",
}
"""Tests of the sources, all by one worker, which reads and parses each source once."""
SERVER_ORDER = ("guarded", "bounded", "battered", "own_server")
"""Fixtures with servers of their own, in the order of their tests, which come after those of the shared server: each server
starts once."""


def scope_of(path: Path) -> str:
    places = set(path.parts)
    for scope, own in (("own", OWN_SERVERS), ("shared", SHARED_SERVER), ("sources", SOURCES)):
        if places & own:
            return scope
    return str(path)


class ByPlace(LoadScopeScheduling):
    """Hands out whole modules, and of those that start Tertulia two large parts."""

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(Path(nodeid.partition("::")[0]))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """`make test-unit` does not import what it leaves out, in any of its processes."""
    deselected = config.option.markexpr == UNIT and collection_path.name in SERVER_FOLDERS | SLOW
    return True if deselected else None


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByPlace:
    return ByPlace(config, log)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark tests that need a server or are slow, so that `make test-unit` can leave them out.

    A module that starts a server without a fixture marks itself.
    """
    assert isinstance(item, pytest.Function)
    needed = set(item.fixturenames)
    if hasattr(item, "callspec"):  # a parameter may name the fixture: backend[postgres]
        needed.update(value for value in item.callspec.params.values() if isinstance(value, str))
    path = item.path.relative_to(ROOT / "tests")
    assert "stage" not in needed or scope_of(path) in ("shared", "own"), (
        f"{path} starts Tertulia: name it above"
    )
    place = set(path.parts)
    if needed & SERVER_FIXTURES or place & SERVER_FOLDERS:
        item.add_marker(pytest.mark.server)
    if place & SLOW:
        item.add_marker(pytest.mark.slow)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest parts first, so that both workers end at about the same time, and tests of one server together."""
    parts = ("shared", "own")

    def key(item: pytest.Item) -> tuple[int, int]:
        assert isinstance(item, pytest.Function)
        scope = scope_of(item.path.relative_to(ROOT / "tests"))
        servers = [SERVER_ORDER.index(name) + 1 for name in item.fixturenames if name in SERVER_ORDER]
        return parts.index(scope) if scope in parts else len(parts), max(servers, default=0)

    items.sort(key=key)


def pytest_collection_finish() -> None:
    """Thousands of collected tests live to the end: the garbage collector need not look at them again and again."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish(session: pytest.Session) -> None:
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["figures"] = FIGURES


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    FIGURES.extend(getattr(node, "workeroutput", {}).get("figures", []))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if FIGURES and not hasattr(terminalreporter.config, "workeroutput"):
        terminalreporter.section("faults: what was measured (seconds)")
        for line in FIGURES:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
async def stage() -> AsyncIterator[Stage]:
    stage = Stage()
    yield stage
    await stage.close()


@pytest.fixture
async def server(stage: Stage) -> OwnServer:
    """The server that most tests share. What a test writes into it stays: use fresh customers."""
    return await stage.give("shared")


@pytest.fixture
async def guarded(stage: Stage) -> OwnServer:
    """A server for tests that need other settings than the shared one has, and break nothing for long."""
    return await stage.give("guarded", GUARDED)


@pytest.fixture
async def battered(stage: Stage, request: pytest.FixtureRequest) -> AsyncIterator[OwnServer]:
    """One server for all faults that a server must survive, one after the other; a new one after a failed test, which may have
    left it in any state."""
    failed = request.session.testsfailed
    yield await stage.give("battered", BATTERED)
    if request.session.testsfailed > failed:
        await stage.drop("battered")


@pytest.fixture
async def own_server(stage: Stage, tmp_path: Path) -> AsyncIterator[Start]:
    """Starts a server that the test may break."""
    await stage.clear()
    made: list[OwnServer] = []

    async def start(environment: dict[str, str] | None = None, data: Path = tmp_path) -> OwnServer:
        server = OwnServer(data, environment)
        made.append(server)
        await server.start()
        return server

    yield start
    for server in made:
        await server.kill_all()
