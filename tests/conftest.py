"""The server that acceptance tests share, servers for tests that break them, and the mark of tests that need any server."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from figures import FIGURES
from hypothesis import HealthCheck, settings
from serving import ROOT, OwnServer
from xdist.scheduler import LoadScopeScheduling

settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")  # a busy machine is no failure

Start = Callable[..., Awaitable[OwnServer]]
SERVER_FOLDERS = {"acceptance", "contract", "faults", "guides"}
SLOW = {"fuzz", "test_growth.py", "test_growth_table.py"}
"""Folders and modules that `make test-unit` leaves out, though they need no server."""
SERVER_FIXTURES = {
    "shared",
    "postgres_url",
    "database",
    "managed_postgres",
    "postgres",
    "server",
    "shared_valkey",
    "s3_url",
}
"""Fixtures that start a process: Tertulia itself, Postgres, Valkey or an object store."""


RAY_PLACES = {"acceptance", "browser", "cases", "client", "contract", "faults", "guides", "interop", "test_cli.py",
              "test_fuzz_pipelining.py", "test_provider_double.py"}  # fmt: skip
"""Tests that start Tertulia. In a parallel run one worker has them all: two Rays would fight for the machine."""


class ByPlace(LoadScopeScheduling):
    """Hands out whole modules, and all of RAY_PLACES as one."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return "ray" if RAY_PLACES.intersection(Path(path).parts) else path


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
    place = set(item.path.relative_to(ROOT / "tests").parts)
    if needed & SERVER_FIXTURES or place & SERVER_FOLDERS:
        item.add_marker(pytest.mark.server)
    if place & SLOW:
        item.add_marker(pytest.mark.slow)


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
def shared_data() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tertulia-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
async def shared(shared_data: Path) -> AsyncIterator[OwnServer]:
    """The shared server, not necessarily running."""
    server = OwnServer(shared_data)
    yield server
    if server.running:
        assert await server.stop() == 0, server.tail()


@pytest.fixture
async def server(shared: OwnServer) -> OwnServer:
    """The shared server, running. What a test writes into it stays: use fresh customers."""
    if not shared.running:
        await shared.start()
    return shared


@pytest.fixture
async def own_server(shared: OwnServer, tmp_path: Path) -> AsyncIterator[Start]:
    """Starts a server that the test may break. The shared one gives way: two Rays would fight for the machine."""
    if shared.running:
        assert await shared.stop() == 0, shared.tail()
    made: list[OwnServer] = []

    async def start(environment: dict[str, str] | None = None, data: Path = tmp_path) -> OwnServer:
        server = OwnServer(data, environment)
        made.append(server)
        await server.start()
        return server

    yield start
    for server in made:
        await server.kill_all()
