"""`tertulia cluster` on a running server: what it shows, and what it refuses."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from desks import Desk, fresh
from serving import OwnServer
from typer.testing import CliRunner, Result

from tertulia import __version__
from tertulia.command_line.app import app
from tertulia.command_line.cluster_moves import is_balanced
from tertulia.core.ids import partition_of_conversation


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


async def test_partitions_move_by_hand_under_load(server: OwnServer, service: Desk) -> None:
    """Nothing that is sent meanwhile fails or is overtaken, and what was moved stays until `rebalance`."""
    c = await service.open(fresh("moved"))
    partition = partition_of_conversation(c["id"])
    sending = asyncio.Event()
    texts: list[str] = []

    async def write() -> None:
        while not sending.is_set():
            texts.append(f"moved {len(texts)}")
            await service.say(c["id"], texts[-1])

    writing = asyncio.ensure_future(write())
    try:
        for host in ("host:1", "host:0", "host:1"):
            done = await run(server, "move", c["id"], host, "--json")
            assert done.exit_code == 0, done.output
            made = json.loads(done.output)
            assert made["waiting"] == [] and all(m["partition"] == partition for m in made["moved"])
            assert await owner(server, partition) == host
    finally:
        sending.set()
        await writing
    assert [m["content"] for m in await service.messages(c["id"])] == texts
    view = json.loads((await run(server, "status", "--json")).output)
    assert {row["name"]: row["pinned"] for row in view["processes"] if row["kind"] == "host"} == {
        "host:0": 0, "host:1": 1,
    }  # fmt: skip
    several = await run(server, "move", "0-63", view["processes"][0]["address"])
    assert several.exit_code == 0, several.output
    done = await run(server, "rebalance", "--json")
    assert done.exit_code == 0, done.output
    balance = json.loads(done.output)
    assert balance["balanced"] and balance["unpinned"] >= 64 and sum(balance["hosts"].values()) == 1024


async def owner(server: OwnServer, partition: int) -> str:
    ((name,),) = await server.sql(
        "SELECT h.name FROM partitions p JOIN hosts h ON h.incarnation = p.owner WHERE p.id = $1", partition
    )
    return name


@pytest.mark.parametrize(
    "words, said",
    [
        (("7", "host:9"), "'host:9' is no host"),
        (("7", "gateway:0"), "'gateway:0' is no host"),
        (("1024", "host:0"), "partitions are 0 … 1023"),
        (("9-3", "host:0"), "partitions are 0 … 1023"),
        (("first", "host:0"), "neither a partition"),
        (("3-", "host:0"), "neither a partition"),
    ],
)
async def test_a_move_that_makes_no_sense_is_refused(
    server: OwnServer, words: tuple[str, str], said: str
) -> None:
    done = await run(server, "move", *words)
    assert done.exit_code == 2 and said in done.output


@pytest.mark.parametrize(
    "shares, balanced",
    [([1024], True), ([512, 512], True), ([342, 341, 341], True), ([342, 342, 340], True), ([343, 341, 340], False),
     ([513, 511], True), ([514, 510], False), ([500, 500], False), ([], False)],
)  # fmt: skip
def test_balanced_means_that_no_host_would_move_anything(shares: list[int], balanced: bool) -> None:
    assert is_balanced(shares) is balanced


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
