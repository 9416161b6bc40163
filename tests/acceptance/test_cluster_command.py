"""`tertulia cluster` on a running server: what it shows, and what it refuses."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from serving import OwnServer
from typer.testing import CliRunner, Result

from tertulia import __version__
from tertulia.command_line.app import app


async def run(server: OwnServer, *words: str) -> Result:
    environment = {"DATABASE_URL": server.database_url(), "COLUMNS": "200"}
    return await asyncio.to_thread(CliRunner().invoke, app, ["cluster", *words], env=environment)


async def test_status_lists_every_process_with_its_partitions(server: OwnServer) -> None:
    done = await run(server, "status", "--json")
    assert done.exit_code == 0, done.output
    view = json.loads(done.output)
    working = [row for row in view["processes"] if row["state"] == "working"]
    assert {row["kind"] for row in working} == {"host", "gateway", "supervisor", "dispatcher"}
    assert sum(row["partitions"] for row in working if row["kind"] == "host") == 1024
    assert {row["pid"] for row in working if row["kind"] == "host"} == set(server.hosts)
    assert {row["release"] for row in working} == {__version__}
    assert view["partitions_without_host"] == 0 and view["drained_nodes"] == []
    table = await run(server, "status")
    assert all(row["name"] in table.output for row in working)


@pytest.mark.parametrize("words", [("drain", "no-such-node"), ("undrain", "no-such-node")])
async def test_a_node_that_is_not_there_is_refused(server: OwnServer, words: tuple[str, ...]) -> None:
    done = await run(server, *words)
    assert done.exit_code == 2 and "no-such-node" in done.output


async def test_without_a_database_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("TERTULIA_DATA", str(tmp_path))
    done = await asyncio.to_thread(CliRunner().invoke, app, ["cluster", "status"])
    assert done.exit_code == 2 and "DATABASE_URL is not set" in done.output


async def test_commands_find_the_database_of_the_running_server(
    server: OwnServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("TERTULIA_DATA", str(server.data))
    created = await asyncio.to_thread(CliRunner().invoke, app, ["account", "create", "Shop"])
    assert created.exit_code == 0, created.output
    assert await server.sql("SELECT name FROM accounts WHERE id = $1", created.output.strip())
