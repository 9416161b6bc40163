"""The programs of docs/guides/python.md, run against a server."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from desks import fresh
from fake_server import serving
from serving import ROOT, OwnServer
from standardwebhooks.webhooks import Webhook as Signer
from sync_server import SyncServer

from tertulia.client import Client
from tertulia.serving.demo import WEBCHAT

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def programs() -> dict[str, str]:
    """Heading → program."""
    text = (ROOT / "docs/guides/python.md").read_text()
    return dict(
        re.findall(r"^## (.+?)\n(?:(?!^## ).)*?^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    )


def given(server: OwnServer, folder: Path) -> dict[str, Any]:
    """The names that the programs leave open."""
    now, body = datetime.now(UTC), json.dumps({"type": "ping", "data": {}})
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Signer(SECRET).sign("msg_1", now, body),
    }
    (folder / "invoice.txt").write_text("5 €")
    token = server.token("service")
    with Client(server.url, token) as client:
        conversation = client.create_conversation(channel_id=WEBCHAT, contact_identifier=fresh())
    return {
        "URL": server.url, "TOKEN": token, "get_token": lambda: server.token("lead"), "CHANNEL": WEBCHAT,
        "VISITOR": fresh(), "CONVERSATION": conversation["id"], "PATH": folder / "invoice.txt",
        "COPY": folder / "copy.txt", "SECRET": SECRET, "BODY": body, "HEADERS": headers,
    }  # fmt: skip


async def test_the_guides_programs_run(
    server: OwnServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code = programs()
    assert set(code) == {"Calls", "Streams", "Files", "Webhooks", "Conversation sync"}
    names = await asyncio.to_thread(given, server, tmp_path)
    for heading in ("Calls", "Files", "Webhooks"):
        await asyncio.to_thread(exec, compile(code[heading], heading, "exec"), dict(names))
    said = capsys.readouterr().out
    assert "conflict" in said and "Hello! How can I help?" in said and "ping" in said
    assert (tmp_path / "copy.txt").read_text() == "5 €"
    exec(compile(code["Streams"], "Streams", "exec"), names)
    assert await names["follow"]() == ["Hello from the socket"]
    sync = SyncServer()
    async with serving(sync) as url:
        monkeypatch.setenv("CARTAAI_API_BASE_URL", url + "/sync")
        exec(compile(code["Conversation sync"], "sync", "exec"), names)
        assert "synced, " in await names["process"]("+51999999999", "hola")
    assert next(iter(sync.sessions.values()))["context"]["orderTotal"] == 15.0
