"""The documents against the standards' own tools, and the API against the documents by schemathesis, for each role.

`make test` runs it for a moment, `make contract` for minutes: CONTRACT_SECONDS of each role.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from desks import fresh, ok
from node import program
from routing_accounts import Team, make_account
from serving import ROOT, OwnServer

HERE = Path(__file__).parent
BUILT = ROOT / "build/contract"
SECONDS = int(os.environ.get("CONTRACT_SECONDS", "0"))
ROLES = ("admin", "lead", "agent", "customer", "service")
SHORT = dict.fromkeys(ROLES, ("examples", 4)) | {"admin": ("examples,coverage", 12)}
"""What the short run does: phases, and seconds at most."""


@pytest.fixture(scope="module")
def tools() -> Path:
    """The folder of the tools, which make installs at its first run."""
    program("npm", "npm")
    made = subprocess.run(
        ["make", "--silent", f"PYTHON={sys.executable}", "build/contract/.ready"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    return BUILT


async def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """The output of a command that must succeed."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command), cwd=cwd, env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output = (await process.communicate())[0].decode()
    assert process.returncode == 0, output[-20_000:]
    return output


@pytest.mark.timeout(300)
async def test_redocly_finds_nothing(server: OwnServer, tools: Path, tmp_path: Path) -> None:
    async with server.client() as client:
        (tmp_path / "openapi.json").write_text((await client.get("/openapi.json")).text)
    for name in ("redocly.yaml", ".redocly.lint-ignore.yaml"):
        shutil.copy(HERE / name, tmp_path)
    said = await run(
        tools / "node_modules/.bin/redocly", "lint", "openapi.json",
        cwd=tmp_path, REDOCLY_TELEMETRY="off", REDOCLY_SUPPRESS_UPDATE_NOTICE="true",
    )  # fmt: skip
    assert "Your API description is valid" in said and "You have" not in said, said  # "You have 2 warnings."


@pytest.mark.timeout(300)
async def test_the_asyncapi_parser_finds_nothing(server: OwnServer, tools: Path, tmp_path: Path) -> None:
    async with server.client() as client:
        (tmp_path / "asyncapi.json").write_text((await client.get("/asyncapi.json")).text)
    shutil.copy(HERE / "asyncapi.mjs", tools)  # where its imports are
    node = program("node", "nodejs")
    said = json.loads(await run(node, tools / "asyncapi.mjs", tmp_path / "asyncapi.json", cwd=tools))
    assert said == {"document": True, "findings": []}


@pytest.fixture
async def team(server: OwnServer) -> AsyncIterator[Team]:
    async with AsyncExitStack() as stack:
        yield await make_account(server, stack)


@pytest.mark.timeout(600 + 2 * SECONDS)
@pytest.mark.parametrize("role", ROLES)
async def test_the_api_is_as_it_says(
    server: OwnServer, team: Team, tools: Path, tmp_path: Path, role: str
) -> None:
    objects = await _objects(team, server)
    (tmp_path / "objects.json").write_text(json.dumps(objects))
    phases = "examples,coverage,fuzzing,stateful" if SECONDS else SHORT[role][0]
    budget = ["--max-time", str(SECONDS or SHORT[role][1])]
    said = await run(
        tools / "python/bin/st", "run", f"{server.url}/openapi.json", "--phases", phases, *budget,
        "--header", f"Authorization: Bearer {_token(server, team, role)}", "--exclude-path-regex", "^(/v1/(stream|ws)|/desk/ws|/assistant/api/v1/ws/.*)$",
        "--no-color", "--warnings", "off", "--continue-on-failure", "--generation-database", "none",
        cwd=tmp_path, SCHEMATHESIS_HOOKS="hooks", PYTHONPATH=str(HERE), CONTRACT_OBJECTS="objects.json",
    )  # fmt: skip
    summary = said[said.index("SUMMARY") :]
    print(summary)
    if SECONDS:
        assert "⏭" not in summary, "a phase found no time, so this shows little: make contract SECONDS=…"


def _token(server: OwnServer, team: Team, role: str) -> str:
    if role == "customer":
        return server.customer("a customer", team.account, team.channel)
    return server.token(role, f"{role}-of-contract", team.account)


async def _objects(team: Team, server: OwnServer) -> dict[str, Any]:
    """Objects that the examples may name: path → id."""
    http = team.admin.http

    async def make(path: str, body: dict[str, Any], field: str = "id") -> str:
        return ok(await http.post(path, json=body), 201)[field]

    conversation = await team.service.open("a customer", team.channel)
    ok(await team.service.say(conversation["id"], "Hello?", sender_type="contact"), 201)
    contact = await make("/v1/contacts", {"name": "Marta"})
    identifier = {"contact_id": contact, "channel_type": "telegram", "identifier": fresh()}
    file = await http.post(
        "/v1/attachments?name=a.txt", content=b"text", headers={"Content-Type": "text/plain"}
    )
    made = {
        "/v1/conversations": conversation["id"],
        "/v1/contacts": contact,
        "/v1/contact-identifiers": await make("/v1/contact-identifiers", identifier),
        "/v1/teams": await make("/v1/teams", {"name": "Billing"}),
        "/v1/channels": await make("/v1/channels", {"type": "telegram", "name": "Bot"}),
        "/v1/bot-rules": await make("/v1/bot-rules", {"name": "r", "trigger_type": "keyword", "conditions": {"keywords": ["x"]}}),
        "/v1/canned-responses": await make("/v1/canned-responses", {"short_code": "/x", "title": "x", "content": "x"}),
        "/v1/event-webhooks": await make("/v1/event-webhooks", {"url": "https://127.0.0.1:9/", "event_types": []}),
        "/v1/api-clients": await make("/v1/api-clients", {"name": "x"}, "client_id"),
        "/v1/attachments": ok(file, 201)["id"],
        "/crm/api/v1/conversations": conversation["id"],
    }  # fmt: skip
    return {"account": team.account, "ids": made}
