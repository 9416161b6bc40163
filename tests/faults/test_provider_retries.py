"""A provider calls while parts of the server are down: it gets 503 and retries, and then everything is stored once."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from typing import Any, NamedTuple

import httpx
import pytest
from provider_calls import CREDENTIALS, path, signed, whatsapp_said, whatsapp_value
from serving import OwnServer
from waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


class Channel(NamedTuple):
    type: str
    id: str


async def connect(server: OwnServer) -> Channel:
    body = {"type": "whatsapp", "name": "w", "credentials": CREDENTIALS["whatsapp"]}
    async with server.client(server.token("admin")) as admin:
        made = await admin.post("/v1/channels", json=body)
    assert made.status_code == 201, made.text
    return Channel("whatsapp", made.json()["id"])


async def call(client: httpx.AsyncClient, channel: Channel, payload: Any) -> httpx.Response:
    body, headers = signed(channel, CREDENTIALS["whatsapp"], payload)
    return await client.post(path(channel), content=body, headers=headers)


def batch(number: int) -> dict[str, Any]:
    said = [whatsapp_said(f"w{number}-{n}", f"{number}.{n}", phone=f"6281200{n:05}") for n in range(5)]
    return whatsapp_value(messages=said)


async def stored(server: OwnServer, channel: Channel) -> list[str]:
    rows = await server.sql(
        "SELECT e.data ->> 'content' FROM entries e JOIN conversations c ON c.id = e.conversation_id"
        " WHERE c.channel_id = $1 AND e.kind = 'message'",
        channel.id,
    )
    return sorted(row[0] for row in rows)


async def test_postgres_is_away(battered: OwnServer) -> None:
    """`serve` is frozen, so that nobody starts Postgres again until we have looked."""
    server = battered
    channel = await connect(server)
    async with server.client() as client:
        assert (await call(client, channel, batch(0))).status_code == 200
        server.process.send_signal(signal.SIGSTOP)
        try:
            os.kill(server.postmaster, signal.SIGKILL)
            await until(lambda: not server.pids("postgres: "), "the last of Postgres to end")
            for known in (
                batch(1),
                whatsapp_value(messages=[whatsapp_said("w9", "new", phone="491701234567")]),
            ):
                answer = await call(client, channel, known)
                assert answer.status_code == 503, answer.text
                assert int(answer.headers["Retry-After"]) >= 1
        finally:
            server.process.send_signal(signal.SIGCONT)

        async def accepted() -> bool:
            return (await call(client, channel, batch(1))).status_code == 200

        await until(accepted, "a call to be accepted")
    assert await stored(server, channel) == sorted(f"{b}.{n}" for b in range(2) for n in range(5))
    failures = await server.sql("SELECT FROM inbound_failures WHERE channel_id = $1", channel.id)
    assert failures == []


async def test_a_host_and_a_gateway_are_killed_under_calls(battered: OwnServer) -> None:
    """The provider repeats what is not acknowledged, as they all do; what was acknowledged is there, each once."""
    server = battered
    channel = await connect(server)
    total, done = 60, 0
    async with server.client() as client:

        async def deliver(number: int) -> None:
            nonlocal done
            while True:
                try:
                    if (await call(client, channel, batch(number))).status_code == 200:
                        done += 1
                        return
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.05)

        async def kill() -> None:
            await until(lambda: done >= 5, "the first calls")
            for victim in (server.hosts[0], server.gateways[0]):
                os.kill(victim, signal.SIGKILL)

        began = time.monotonic()
        limit = asyncio.Semaphore(6)

        async def bounded(number: int) -> None:
            async with limit:
                await deliver(number)

        await asyncio.gather(kill(), *(bounded(n) for n in range(total)))
        assert time.monotonic() - began < 60
    assert await stored(server, channel) == sorted(f"{b}.{n}" for b in range(total) for n in range(5))
    await until(lambda: len(server.hosts) == 2 and len(server.gateways) == 2, "both to be back")
