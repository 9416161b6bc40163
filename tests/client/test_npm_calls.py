"""The npm package in node, from the checkout: calls, and a stream over fetch. `make packages` tests it as it is packed."""

from __future__ import annotations

import shutil
from pathlib import Path

import node
import pytest
from desks import fresh
from serving import ROOT, OwnServer

from tertulia.client import AsyncClient
from tertulia.serving.demo import ACCOUNT, WEBCHAT

COUNT = 10


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project in which the checkout's package is installed."""
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules/tertulia-client").symlink_to(ROOT / "client/npm")
    for script in (Path(__file__).parent / "npm").glob("*.mjs"):
        shutil.copy(script, tmp_path)
    return tmp_path


async def test_calls(project: Path, server: OwnServer) -> None:
    token = server.token("service")
    process = await node.start("calls.mjs", project, URL=server.url, TOKEN=token, CHANNEL=WEBCHAT)
    assert await node.result(process) == {
        "contents": ["hi"], "hasKey": True, "file": ["a.txt", "text/plain", "hello"], "closed": True,
        "missing": "404 not_found", "invalid": "422 invalid", "noId": "TypeError", "token": "401 unauthenticated",
    }  # fmt: skip


async def test_a_stream_over_fetch(project: Path, server: OwnServer) -> None:
    async with AsyncClient(server.url, server.token("service")) as service:
        conversation = await service.create_conversation(channel_id=WEBCHAT, contact_identifier=fresh())
        process = await node.start(
            "trial.mjs", project, OVER="fetch", URL=server.url, SECRET=server.secret, ACCOUNT=ACCOUNT,
            CONVERSATION=conversation["id"], COUNT=str(COUNT),
        )  # fmt: skip
        assert process.stdout is not None and await process.stdout.readline() == b"ready\n"
        for number in range(COUNT):
            await service.create_message(conversation["id"], content=str(number))
        assert (await node.result(process))["seen"] == [str(number) for number in range(COUNT)]
