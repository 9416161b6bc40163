"""The npm package as it is packed: types, calls and streams in node, against a real server whose gateways are killed."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import node
import pytest
from desks import fresh
from serving import ROOT, OwnServer
from waiting import until

from tertulia.client import AsyncClient
from tertulia.serving.demo import ACCOUNT, WEBCHAT

COUNT = 60
HERE = Path(__file__).parent
MOST_BYTES = 20_000
"""Of the package's scripts together, as they are."""


def shell(*command: str, cwd: Path) -> str:
    made = subprocess.run(command, capture_output=True, text=True, cwd=cwd)
    assert made.returncode == 0, made.stdout + made.stderr
    return made.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that has the packed package installed, and what a test of it needs."""
    node.program("npm", "npm")
    folder = tmp_path_factory.mktemp("project")
    packed = shell(
        "npm", "pack", "--silent", "--pack-destination", str(folder), cwd=ROOT / "client/npm"
    ).strip()
    needed = json.loads((ROOT / "client/npm/package.json").read_text())["devDependencies"]
    (folder / "package.json").write_text('{"type": "module", "private": true}')
    tools = [f"{name}@{needed[name]}" for name in ("eventsource", "typescript", "ws")]
    shell("npm", "install", "--no-fund", "--no-audit", packed, *tools, cwd=folder)
    for script in (HERE / "npm").glob("*.mjs"):
        shutil.copy(script, folder)
    return folder


def test_it_is_small_and_needs_nothing(project: Path) -> None:
    installed = project / "node_modules/tertulia-client"
    names = {path.name for path in installed.iterdir()}
    assert names == {
        "README.md", "errors.js", "event_types.js", "events.d.ts", "index.d.ts", "index.js", "openapi.d.ts", "package.json", "stream.js",
    }  # fmt: skip
    assert sum(path.stat().st_size for path in installed.glob("*.js")) < MOST_BYTES
    assert "dependencies" not in json.loads((installed / "package.json").read_text())


def test_a_sample_passes_the_strict_type_check(project: Path) -> None:
    config = json.loads((ROOT / "client/npm/tsconfig.json").read_text())
    (project / "tsconfig.json").write_text(json.dumps(config | {"files": ["sample.ts"]}))
    shutil.copy(ROOT / "client/npm/sample.ts", project)
    shell("npx", "tsc", "--noEmit", "--project", "tsconfig.json", cwd=project)


async def test_streams_survive_killed_gateways_and_expired_tokens(
    project: Path, own_server: Callable[..., Awaitable[OwnServer]]
) -> None:
    server = await own_server()
    async with AsyncClient(server.url, server.token("service")) as service:
        conversation = await service.create_conversation(channel_id=WEBCHAT, contact_identifier=fresh())
        given = {"URL": server.url, "SECRET": server.secret, "ACCOUNT": ACCOUNT, "CONVERSATION": conversation["id"],
                 "COUNT": str(COUNT)}  # fmt: skip
        kinds = ("fetch", "eventsource", "websocket")
        readers = [await node.start("trial.mjs", project, OVER=over, **given) for over in kinds]
        for reader in readers:
            assert reader.stdout is not None and await reader.stdout.readline() == b"ready\n"
        for number in range(COUNT):
            if number in (20, 40):
                gateways = await until(
                    lambda: server.gateways if len(server.gateways) == 2 else None, "gateways"
                )
                os.kill(gateways[number // 20 - 1], signal.SIGKILL)
            await service.create_message(conversation["id"], content=str(number))
            await asyncio.sleep(0.15)  # long enough for tokens to expire on the way
        async with asyncio.timeout(60):
            found = [await node.result(reader) for reader in readers]
    wanted = [str(number) for number in range(COUNT)]
    for over, reader in zip(kinds, found, strict=True):
        private = [word for word in reader["seen"] if word == "from the socket"]
        assert [word for word in reader["seen"] if word not in private] == wanted, over
        assert len(private) == 1, over
        assert reader["connections"] > 1 and reader["tokens"] > 1, reader


async def test_the_guides_programs_run(project: Path, server: OwnServer) -> None:
    text = (ROOT / "docs/guides/javascript.md").read_text()
    programs = re.findall(r"^```js\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    token = server.token("lead")
    async with AsyncClient(server.url, token) as lead:
        conversation = await lead.create_conversation(channel_id=WEBCHAT, contact_identifier=fresh())
    values = {"URL": server.url, "CHANNEL": WEBCHAT, "VISITOR": fresh(), "CONVERSATION": conversation["id"]}
    names = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in values.items())
    names += f"const getToken = async () => {json.dumps(token)};\n"
    said = []
    for number, program in enumerate(programs):
        (project / f"guide{number}.mjs").write_text(names + program)
        said.append(await asyncio.to_thread(shell, "node", f"guide{number}.mjs", cwd=project))
    assert said == ["1 Hello!\npriority\n", "Hi\n"]
    (types,) = re.findall(r"^```ts\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    (project / "guide.ts").write_text(types + "\nexport type { Event };\nexport { title, TertuliaClient };\n")
    config = json.loads((ROOT / "client/npm/tsconfig.json").read_text())
    (project / "tsconfig.json").write_text(json.dumps(config | {"files": ["guide.ts"]}))
    await asyncio.to_thread(shell, "npx", "tsc", "--noEmit", "--project", "tsconfig.json", cwd=project)
