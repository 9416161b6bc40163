"""Bounds of files under way: by user, by an account's visitors, by account, of the process."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from tertulia.core.accounts.principal import Principal, Role
from tertulia.core.errors import Overloaded, RateLimited, TertuliaError
from tertulia.http.actions.transfers import Client, Transfers


def transfers(wait: float = 0.01) -> Transfers:
    return Transfers("uploads", process=10, account=6, user=2, wait=wait)


def of(role: Role, user: str, account: str = "a") -> Client:
    whose = {"channel_id": "c", "contact_identifier": user} if role is Role.CUSTOMER else {}
    return Client.of(Principal(account_id=account, role=role, user_id=user, expires_at=1e12, **whose))


async def fill(stack: AsyncExitStack, held: Transfers, client: Client) -> int:
    """As many as the client gets."""
    count = 0
    while True:
        try:
            await stack.enter_async_context(held.one(client))
        except TertuliaError as error:
            assert error.retry_after is not None and error.retry_after >= 1
            return count
        count += 1


async def test_each_scope_has_its_bound() -> None:
    held = transfers()
    async with AsyncExitStack() as stack:
        assert await fill(stack, held, of(Role.CUSTOMER, "visitor-1")) == 2
        assert (
            await fill(stack, held, of(Role.CUSTOMER, "visitor-2")) == 1
        )  # visitors have half of the account's
        assert await fill(stack, held, of(Role.CUSTOMER, "visitor-3")) == 0
        assert (
            await fill(stack, held, of(Role.AGENT, "visitor-1")) == 0
        )  # whoever has the same `sub` is the same
        assert await fill(stack, held, of(Role.AGENT, "agent-1")) == 2
        assert await fill(stack, held, of(Role.AGENT, "agent-2")) == 1
        assert await fill(stack, held, of(Role.SERVICE, "service")) == 0
        assert await fill(stack, held, of(Role.AGENT, "agent-1", "b")) == 2
        assert await fill(stack, held, of(Role.SERVICE, "service", "b")) == 2
        assert held.under_way == 10
        with pytest.raises(Overloaded):
            async with held.one(of(Role.AGENT, "agent-1", "c")):
                raise AssertionError
        with pytest.raises(RateLimited):
            async with held.one(of(Role.AGENT, "agent-1")):
                raise AssertionError
    assert held.under_way == 0
    async with AsyncExitStack() as stack:
        assert await fill(stack, held, of(Role.SERVICE, "service")) == 6  # nothing is left behind


async def test_signed_links_count_by_address_and_leave_room_for_staff() -> None:
    held = transfers()
    async with AsyncExitStack() as stack:
        assert await fill(stack, held, Client.at("a", "2001:db8::1")) == 2
        assert await fill(stack, held, Client.at("a", "2001:db8::2")) == 0  # one /64 is one address
        assert await fill(stack, held, Client.at("a", "192.0.2.1")) == 1
        assert await fill(stack, held, of(Role.AGENT, "agent-1")) == 2


async def test_who_waits_gets_the_place_that_comes_free() -> None:
    held, client = transfers(wait=30), of(Role.AGENT, "agent-1")
    done: list[int] = []

    async def one(number: int) -> None:
        async with held.one(client):
            assert held.under_way <= 2
            await asyncio.sleep(0)
            done.append(number)

    await asyncio.gather(*(one(n) for n in range(6)))
    assert sorted(done) == [*range(6)] and held.under_way == 0


async def test_only_so_many_may_wait() -> None:
    held, client = transfers(wait=30), of(Role.AGENT, "agent-1")
    async with AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(held.one(client))
        waiting = [asyncio.ensure_future(stack.enter_async_context(held.one(client))) for _ in range(4)]
        await asyncio.sleep(0)
        with pytest.raises(RateLimited):
            async with held.one(client):
                raise AssertionError
        async with held.one(of(Role.AGENT, "agent-2")):  # nobody else waits for that
            pass
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    async with AsyncExitStack() as stack:
        again = transfers()
        assert await fill(stack, again, client) == 2
    assert held.under_way == 0
