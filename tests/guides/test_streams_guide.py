"""The programs of docs/guides/streams.md, taken from the page and run: cut off and outliving their tokens, they miss nothing.

Those in Python and the one for curl are run by `make test`, all of them by `make interop`, which installs the other clients.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cutting import CuttingProxy, token_server
from desks import Desk, fresh, ok
from serving import PAGE, ROOT, OwnServer

GUIDE = (ROOT / "docs/guides/streams.md").read_text()
SNIPPETS = {name: code for _, name, code in re.findall(r"```(\w+) (\S+\.\w+)\n(.*?)```", GUIDE, re.S)}
INSTALLED = ROOT / "build/guides"
CHROMIUM = shutil.which("chromium-headless-shell") or "chromium-headless-shell"
EVERYWHERE = ["httpx_sse_client.py", "websockets_client.py", "curl.sh"]
TOKEN_LIFE, PAGES_TOKEN_LIFE = 2, 8
"""Seconds; the server ends each stream with its token. A browser's EventSource waits for three before it comes back."""
interop = pytest.mark.skipif(
    not (INSTALLED / ".ready").exists(), reason="`make interop` installs the clients of npm and PyPI"
)


class Program:
    """One snippet, running. Its lines are events."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self.name = name
        self.process = process
        self.events: list[dict[str, Any]] = []
        self._news = asyncio.Event()

    async def read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.events.append(json.loads(line))
            self._news.set()

    def contents(self) -> list[str]:
        return [e["data"]["content"] for e in self.events if e["type"] == "conversation:message"]

    def ready(self) -> int:
        return sum(e["type"] == "ready" for e in self.events)

    async def has(self, messages: list[str], connections: int) -> None:
        """Wait until it has these messages, each once and in order, over so many connections at least."""
        try:
            async with asyncio.timeout(60):
                while not (self.contents() == messages and self.ready() >= connections):
                    assert self.contents() == messages[: len(self.contents())], self.name
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            assert (self.name, self.contents(), self.ready()) == (self.name, messages, connections)


def command(name: str, folder: Path) -> list[str]:
    """How a snippet is run."""
    (path := folder / name).write_text(SNIPPETS[name])
    if name.endswith(".py"):
        return [sys.executable, "-W", "ignore", str(path)]
    if name.endswith(".sh"):
        return ["bash", str(path)]
    if name.endswith(".mjs"):
        modules = folder / "node_modules"
        if not modules.exists():
            modules.symlink_to(INSTALLED / "node_modules")
        return ["node", str(path)]
    modules = INSTALLED / "node_modules"
    return ["node", str(ROOT / "tests/guides/browser.mjs"), CHROMIUM, str(path), PAGE, str(modules)]


@asynccontextmanager
async def running(names: Iterable[str], folder: Path, **environment: str) -> AsyncIterator[list[Program]]:
    paths = os.pathsep.join([str(INSTALLED / "python"), *sys.path])
    variables = {**os.environ, "PYTHONPATH": paths, **environment}
    programs: list[Program] = []
    async with AsyncExitStack() as stack:
        for name in names:
            process = await asyncio.create_subprocess_exec(
                *command(name, folder), env=variables, stdout=asyncio.subprocess.PIPE, limit=2**20
            )
            stack.push_async_callback(process.wait)
            stack.callback(process.terminate)
            programs.append(program := Program(name, process))
            reading = asyncio.create_task(program.read())
            stack.callback(reading.cancel)
        yield programs


async def run(
    server: OwnServer, service: Desk, names: list[str], folder: Path, life: float = TOKEN_LIFE
) -> dict[str, int]:
    """Connect, cut the connections while messages come, and let tokens end. Returns for each page how many connections were made
    without a new token."""
    asked: Counter[str] = Counter()
    customer = fresh()
    conversation = (await service.open(customer))["id"]
    said: list[str] = []

    async def say(*contents: str) -> None:
        for content in contents:
            ok(await service.say(conversation, content, sender_type="contact"), 201)
            said.append(content)

    def token() -> str:
        return server.customer(customer, life=life)

    async with (
        CuttingProxy(server.port).serving() as proxy,
        token_server(token, asked) as tokens,
        running(names, folder, API=f"http://localhost:{proxy.port}", TOKEN_URL=tokens) as programs,
    ):

        async def all_have(connections: int) -> None:
            await asyncio.gather(*(program.has(said, connections) for program in programs))

        await all_have(1)
        await say("one")
        await all_have(1)
        assert proxy.cut() >= len(names)
        await say("two", "three")  # while nobody is connected
        await all_have(2)
        await say("four")
        await all_have(3)  # tokens have ended meanwhile
        await say("five")
        await all_have(3)
        codes = {p.name: [e["data"]["code"] for e in p.events if e["type"] == "close"] for p in programs}
    for name, code in codes.items():
        assert "websocket" in name or "ws" in name or "node_eventsource" in name or 1008 in code, (name, code)
    return {p.name: p.ready() - asked[p.name] for p in programs}


async def test_programs_in_python_and_curl(server: OwnServer, service: Desk, tmp_path: Path) -> None:
    await run(server, service, EVERYWHERE, tmp_path)


@interop
async def test_programs_in_node(server: OwnServer, service: Desk, tmp_path: Path) -> None:
    await run(server, service, ["node_eventsource.mjs", "node_ws.mjs", "aiohttp_sse.py"], tmp_path)


@interop
async def test_pages_in_a_browser(server: OwnServer, service: Desk, tmp_path: Path) -> None:
    names = ["browser_eventsource.js", "fetch_event_source.js", "browser_websocket.js"]
    without_token = await run(server, service, names, tmp_path, PAGES_TOKEN_LIFE)
    assert without_token["browser_eventsource.js"] > 0, (
        "EventSource comes back with its used ticket and the cookie"
    )


def test_every_snippet_is_run() -> None:
    source = Path(__file__).read_text()
    assert len(SNIPPETS) == 9 and all(f'"{name}"' in source for name in SNIPPETS), sorted(SNIPPETS)
