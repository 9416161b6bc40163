"""Fixtures of acceptance tests: a client for each role, a second account."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from desks import Account, Desk, fresh, make_room, ok, second_account
from neighbours import QuietNeighbour
from offices import Office
from serving import OwnServer


@pytest.fixture(scope="session")
def _roomy() -> set[str]:
    """Roles whose desk has been given room: the shared server remembers."""
    return set()


@pytest.fixture
async def desks(server: OwnServer, _roomy: set[str]) -> AsyncIterator[dict[str, Desk]]:
    """A desk for each staff role and for a service, each with its own client; none of them is ever full."""
    async with AsyncExitStack() as stack:
        made = {}
        for role in ("agent", "lead", "admin", "service"):
            client = await stack.enter_async_context(server.client(server.token(role, f"{role}-1")))
            made[role] = Desk(client)
            if role != "service" and role not in _roomy:
                await make_room(client)
                _roomy.add(role)
        yield made


@pytest.fixture
def service(desks: dict[str, Desk]) -> Desk:
    return desks["service"]


@pytest.fixture
def agent(desks: dict[str, Desk]) -> Desk:
    return desks["agent"]


@pytest.fixture
async def other(server: OwnServer) -> Account:
    """A second account, made with the command line, and its web chat channel."""
    return await second_account(server)


@pytest.fixture
async def quiet(server: OwnServer, other: Account) -> AsyncIterator[QuietNeighbour]:
    """A quiet client of another account; its test enters it."""
    token = server.token("service", "quiet", other.id)
    async with server.client(token) as client:
        opened = await client.post(
            "/v1/conversations", json={"channel_id": other.channel, "contact_identifier": fresh("quiet")}
        )
        yield QuietNeighbour(server.url, token, ok(opened, 201)["id"])


@pytest.fixture
async def office(server: OwnServer) -> AsyncIterator[Office]:
    """An account of its own, with its admin and its service."""
    account = Account(str(uuid.uuid4()), str(uuid.uuid4()))
    await server.sql("INSERT INTO accounts (id, name) VALUES ($1, 'Office')", account.id)
    await server.sql("INSERT INTO account_feeds (account_id) VALUES ($1)", account.id)
    await server.sql(
        "INSERT INTO channels (id, account_id, type, name) VALUES ($1, $2, 'webchat', 'Chat')",
        account.channel, account.id,
    )  # fmt: skip
    async with (
        server.client(server.token("admin", "dana", account.id)) as admin,
        server.client(server.token("service", "svc", account.id)) as service,
    ):
        yield Office(account, Desk(admin), Desk(service))
