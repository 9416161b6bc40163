from __future__ import annotations

import asyncio
import hashlib
from uuid import UUID

import msgspec
import pytest
from redis.asyncio import Redis
from valkey_process import ValkeyServer

from tertulia.core.accounts.principal import Principal, Role
from tertulia.core.errors import RateLimited, StorageUnavailable, Unauthenticated
from tertulia.http.auth.tickets import LIFETIME, MAX_UNREDEEMED, Tickets, new_cookie
from tertulia.storage.valkey.client import Prefix
from tertulia.storage.valkey.tickets import ValkeyTickets

NOW = 1_800_000_000.0


def principal(expires_at: float = NOW + 600) -> Principal:
    return Principal(
        account_id=str(UUID(int=1)),
        role=Role.CUSTOMER,
        user_id="s",
        expires_at=expires_at,
        token_id="t",
        channel_id=str(UUID(int=2)),
        contact_identifier="visitor",
    )


async def test_a_ticket_gives_its_principal_once(client: Redis) -> None:
    tickets = Tickets(ValkeyTickets(client), clock=lambda: NOW)
    ticket, expires_at = await tickets.issue(principal())
    assert expires_at == NOW + 30
    answers = await asyncio.gather(*(tickets.redeem(ticket) for _ in range(20)), return_exceptions=True)
    assert [a for a in answers if isinstance(a, tuple)] == [(principal(), None)]
    assert sum(isinstance(a, Unauthenticated) for a in answers) == 19


async def test_valkey_keeps_a_digest_for_thirty_seconds(client: Redis) -> None:
    ticket, _ = await Tickets(ValkeyTickets(client), clock=lambda: NOW).issue(principal())
    key = Prefix.TICKET + hashlib.sha256(ticket.encode()).hexdigest()
    assert await client.keys("*") == [key.encode()]
    assert 29_000 < await client.pttl(key) <= 30_000
    assert ticket.encode() not in (await client.get(key) or b"")


async def test_a_ticket_never_outlives_its_token(client: Redis) -> None:
    now = NOW
    tickets = Tickets(ValkeyTickets(client), clock=lambda: now)
    ticket, expires_at = await tickets.issue(principal(NOW + 5))
    assert expires_at == NOW + 5
    now = NOW + 5
    with pytest.raises(Unauthenticated):
        await tickets.redeem(ticket)
    with pytest.raises(Unauthenticated):
        await tickets.issue(principal(NOW + 5))


@pytest.mark.parametrize("ticket", ["", "x", "x" * 43, "x" * 44, "é" * 43, "x" * 42 + "\n", "*" * 43])
async def test_rubbish_is_refused(client: Redis, ticket: str) -> None:
    with pytest.raises(Unauthenticated):
        await Tickets(ValkeyTickets(client)).redeem(ticket)


async def test_without_valkey_nobody_passes(valkey_server: ValkeyServer, client: Redis) -> None:
    tickets = Tickets(ValkeyTickets(client), clock=lambda: NOW)
    ticket, _ = await tickets.issue(principal())
    valkey_server.stop()
    for attempt in (tickets.redeem(ticket), tickets.issue(principal())):
        with pytest.raises(StorageUnavailable) as refusal:
            await attempt
        assert refusal.value.retry_after
    await valkey_server.start()
    # what was lost with Valkey is refused, and new tickets work on the same client
    with pytest.raises(Unauthenticated):
        await tickets.redeem(ticket)
    assert await tickets.redeem((await tickets.issue(principal())).ticket) == (principal(), None)


async def test_unredeemed_tickets_of_one_user_are_bounded(client: Redis) -> None:
    now = NOW
    tickets = Tickets(ValkeyTickets(client), clock=lambda: now)
    made = [await tickets.issue(principal()) for _ in range(MAX_UNREDEEMED)]
    with pytest.raises(RateLimited) as caught:
        await tickets.issue(principal())
    assert caught.value.retry_after == LIFETIME
    await tickets.issue(msgspec.structs.replace(principal(), user_id="another"))
    await tickets.redeem(made[0].ticket)
    await tickets.issue(principal())
    with pytest.raises(RateLimited):
        await tickets.issue(principal())
    now += LIFETIME
    await tickets.issue(principal())
    assert len(tickets._issued) == sum(tickets._unredeemed.values()) == 1


async def test_a_ticket_that_could_not_be_kept_counts_for_nobody() -> None:
    class Away:
        async def put(self, digest: str, payload: bytes, lifetime: float) -> None:
            raise StorageUnavailable("Valkey does not answer")

        async def take(self, digest: str) -> bytes | None:
            raise AssertionError

    tickets = Tickets(Away(), clock=lambda: NOW)
    for _ in range(MAX_UNREDEEMED + 1):
        with pytest.raises(StorageUnavailable):
            await tickets.issue(principal())


async def test_a_used_ticket_reopens_its_stream_in_the_browser_that_asked_for_it(client: Redis) -> None:
    now = NOW
    gateways = [Tickets(ValkeyTickets(client), clock=lambda: now) for _ in range(2)]
    (browser, _), (other, _) = new_cookie(https=False), new_cookie(https=True)
    ticket, _ = await gateways[0].issue(principal(), browser)
    who, stream = await gateways[0].redeem(ticket)
    assert who == principal() and stream is not None and stream.cursor is None
    with pytest.raises(Unauthenticated):
        await gateways[1].redeem(ticket, browser)  # its stream has not been opened
    await gateways[0].opened(stream, who, "c.1")
    for cookie in (None, other):
        with pytest.raises(Unauthenticated):
            await gateways[1].redeem(ticket, cookie)
    for _ in range(2):  # as often as need be, at any gateway, from where it began
        again, same = await gateways[1].redeem(ticket, browser)
        assert again == who and same is not None and same.cursor == "c.1"
        await gateways[1].opened(same, again, "c.9")
        gateways[1].closed(same)
    stored = [await client.get(key) or b"" for key in await client.keys("*")]
    assert stored and not any(secret.encode() in text for text in stored for secret in (ticket, browser))
    now = NOW + 600  # the token has ended
    with pytest.raises(Unauthenticated):
        await gateways[1].redeem(ticket, browser)


async def test_an_open_stream_stays_resumable_and_a_closed_one_does_not(client: Redis) -> None:
    store = ValkeyTickets(client)
    tickets = Tickets(store, clock=lambda: NOW)
    browser, _ = new_cookie(https=True)
    ticket, _ = await tickets.issue(principal(NOW + 86_400), browser)
    who, stream = await tickets.redeem(ticket)
    assert stream is not None
    await tickets.opened(stream, who, "c.1")
    (key,) = await client.keys("*")
    assert 299_000 < await client.pttl(key) <= 300_000
    await client.pexpire(key, 5_000)
    await tickets.extend_open()
    assert await client.pttl(key) > 299_000
    tickets.closed(stream)
    await client.pexpire(key, 5_000)
    await tickets.extend_open()
    assert await client.pttl(key) <= 5_000
