"""A client of the native API for tests: one user, with a method for each action; new accounts."""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
import uuid
from typing import Any, NamedTuple

import httpx
from serving import ROOT, OwnServer

from tertulia.serving.demo import WEBCHAT
from tertulia.storage.postgres.accounts.accounts import PostgresAccounts
from tertulia.storage.postgres.database import Database


class Account(NamedTuple):
    """An account and its web chat channel."""

    id: str
    channel: str


OTHER = Account("00000000-0000-0000-0000-0000000000b0", "00000000-0000-0000-0000-0000000000b1")
_numbers = itertools.count(1)


def fresh(what: str = "visitor") -> str:
    """A unique name."""
    return f"{what}-{os.getpid()}-{next(_numbers)}"


def fresh_phone() -> str:
    """A phone number that no other test uses, in E.164."""
    return f"+62812{os.getpid() % 10_000:04d}{next(_numbers):04d}"


def ok(response: httpx.Response, status: int | None = None) -> Any:
    """The JSON of a successful response."""
    expected = (200, 201, 204) if status is None else (status,)
    assert response.status_code in expected, f"{response.status_code}: {response.text[:500]}"
    return response.json() if response.content else None


def problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem document of an error response, after checking its form."""
    assert response.status_code == status, f"{response.status_code}: {response.text[:500]}"
    assert response.headers["Content-Type"] == "application/problem+json"
    body = response.json()
    assert body["code"] == code and body["status"] == status and body["detail"] and body["request_id"], body
    assert "Traceback" not in response.text and set(body) >= {"type", "title", "errors"}
    if status in (429, 503):
        assert int(response.headers["Retry-After"]) >= 1
    return body


async def make_room(client: httpx.AsyncClient) -> None:
    """Raise the user's capacity above what tests assign."""
    body = {"max_concurrent_conversations": 1000}
    ok(await client.patch("/v1/agent-preferences/me", json=body), 200)


class Desk:
    """One user's client. Methods return the response's JSON; use `http` for everything else."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.http = client

    async def open(
        self, identifier: str | None = None, channel: str = WEBCHAT, **fields: Any
    ) -> dict[str, Any]:
        body = {"channel_id": channel, "contact_identifier": identifier or fresh(), **fields}
        return ok(await self.http.post("/v1/conversations", json=body), 201)

    async def say(self, conversation: str, content: str, **fields: Any) -> httpx.Response:
        return await self.http.post(
            f"/v1/conversations/{conversation}/messages", json={"content": content, **fields}
        )

    async def get(self, conversation: str) -> dict[str, Any]:
        return ok(await self.http.get(f"/v1/conversations/{conversation}"), 200)

    async def stored(self, conversation: str) -> dict[str, Any]:
        """The conversation as commands return it: without its place in the queue, which only reads give."""
        return await self.get(conversation) | {"queue_position": None}

    async def patch(self, conversation: str, **fields: Any) -> httpx.Response:
        return await self.http.patch(f"/v1/conversations/{conversation}", json=fields)

    async def do(self, conversation: str, what: str, **fields: Any) -> httpx.Response:
        return await self.http.post(f"/v1/conversations/{conversation}/{what}", json=fields or None)

    async def messages(self, conversation: str) -> list[dict[str, Any]]:
        return await self._all(f"/v1/conversations/{conversation}/messages")

    async def entries(self, conversation: str) -> list[dict[str, Any]]:
        return await self._all(f"/v1/conversations/{conversation}/entries")

    async def _all(self, path: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        while True:
            after = items[-1]["seq"] if items else 0
            page = ok(await self.http.get(path, params={"after_seq": after, "limit": 200}), 200)
            items += page["items"]
            if not page["has_more"]:
                return items


async def new_accounts(server: OwnServer, name: str, count: int = 1) -> list[Account]:
    """New accounts, each with a web chat channel."""
    made = [Account(str(uuid.uuid4()), str(uuid.uuid4())) for _ in range(count)]
    database = await Database.connect(server.database_url(), system=1, app=1)
    try:
        accounts = PostgresAccounts(database)
        for account in made:
            await accounts.create(account.id, name)
            await accounts.add_channel(account.id, account.channel, "webchat", "Chat")
    finally:
        await database.close()
    return made


async def second_account(server: OwnServer) -> Account:
    """The server's second account, made with the command line, and its web chat channel."""
    if not await server.sql("SELECT 1 FROM accounts WHERE id = $1", OTHER.id):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tertulia", "account", "create", "Other", "--id", OTHER.id,
            env={**os.environ, "DATABASE_URL": server.database_url(), "PYTHONPATH": str(ROOT)},
            cwd=server.data,
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        output, _ = await process.communicate()
        assert process.returncode == 0 and output.decode().strip() == OTHER.id
        database = await Database.connect(server.database_url(), system=1, app=1)
        try:
            await PostgresAccounts(database).add_channel(OTHER.id, OTHER.channel, "webchat", "Other chat")
        finally:
            await database.close()
    return OTHER
