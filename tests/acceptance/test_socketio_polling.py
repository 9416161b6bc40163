"""Socket.IO over HTTP polling, which needs one gateway or sticky sessions."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import aiohttp
import httpx
import pytest
from desks import Desk, fresh, ok
from serving import OwnServer
from socketio_driver import driver
from waiting import until

from tertulia.settings import Settings

PATH = "/socket.io/"
MAX_PACKET = 512 * 1024
MAX_STREAMS_PER_CUSTOMER = Settings().max_streams_per_customer


async def test_polling_transport(guarded: OwnServer) -> None:
    """Polling alone, and polling that is upgraded."""
    token = guarded.token("service", "s")
    async with driver() as node, guarded.client(token) as client:
        desk = Desk(client)
        for transports in (["polling"], ["polling", "websocket"]):
            socket = node.open(guarded.url, "/agents", {"token": token}, transports=transports)
            assert (await socket.until("connect"))["transport"] in transports
            c = await desk.open(fresh())
            await socket.ask("conversation:join", {"conversation_id": c["id"]})
            for n in range(5):
                ok(await desk.say(c["id"], f"message {n}", sender_type="contact"), 201)
            await socket.until("conversation:message", 5)
            said = [e["data"]["content"] for e in socket.of("conversation:message")]
            assert said == [f"message {n}" for n in range(5)]


@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_a_client_that_is_refused_for_now_comes_back(guarded: OwnServer, transport: str) -> None:
    """By itself, which its library does only if the connection ends: here when another of the customer's streams has ended."""
    token = {"token": guarded.customer(fresh())}
    async with driver() as node:
        sockets = [
            node.open(guarded.url, "/customers", token, transports=[transport])
            for _ in range(MAX_STREAMS_PER_CUSTOMER + 1)
        ]
        await until(
            lambda: [bool(s.of("disconnect")) for s in sockets if not s.of("connect")] == [True],
            "one to be refused",
        )
        (refused,) = [s for s in sockets if not s.of("connect")]
        next(s for s in sockets if s.of("ready")).do("close")
        await refused.until("ready")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"4" * (MAX_PACKET + 1), 413),
        (b"2", 422),
        (b"6", 422),
        (b"0", 422),
        (b"9", 422),
        (b"\x1e", 422),
        (b"d=", 422),
        (b"4\xff\xfe", 422),
        (b"\x1e".join([b"4x"] * 17), 422),
        (b"4broken\x1e5", 422),
        (b"4broken\x1e6", 422),
        (b"1\x1e2", 422),
        (b"4" + b"[" * 100_000, 200),
        (b"bAAAA", 200),
        (b"", 200),
    ],
)
async def test_a_broken_body_is_answered_at_once(guarded: OwnServer, body: bytes, status: int) -> None:
    """And ends its connection, which the client would otherwise wait on."""
    async with httpx.AsyncClient(base_url=guarded.url, timeout=10) as client:
        query = {"EIO": "4", "transport": "polling"}
        query["sid"] = json.loads((await client.get(PATH, params=query)).text[1:])["sid"]
        assert (await client.post(PATH, params=query, content=body)).status_code == status
        if body:
            again = await client.post(PATH, params=query, content=b"3")
            assert again.status_code == 422, "the connection has ended"


async def test_a_body_in_pieces_is_read_whole(guarded: OwnServer) -> None:
    """Also one without a length, whose pieces come apart."""
    async with httpx.AsyncClient(base_url=guarded.url, timeout=10) as client:
        query = {"EIO": "4", "transport": "polling"}
        query["sid"] = json.loads((await client.get(PATH, params=query)).text[1:])["sid"]
        packet = "40/agents," + json.dumps(
            {"token": guarded.token("service", "pieces"), "more": "a" * 200_000}
        )

        async def pieces() -> AsyncIterator[bytes]:
            for at in range(0, len(packet), 50_000):
                yield packet[at : at + 50_000].encode()

        assert (await client.post(PATH, params=query, content=pieces())).text == "OK"
        assert (await client.get(PATH, params=query)).text.startswith("40/agents,")


async def test_a_socket_that_does_not_take_over_ends(guarded: OwnServer) -> None:
    """Whether it is silent or stops halfway. Polling goes on, and a poll waits again instead of returning nothing at once."""
    token = guarded.token("service", "halfway")
    async with aiohttp.ClientSession(guarded.url) as session:

        async def halfway(said: list[str]) -> None:
            query = {"EIO": "4", "transport": "polling"}
            async with session.get(PATH, params=query) as response:
                query["sid"] = json.loads((await response.text())[1:])["sid"]
            packet = "40/agents," + json.dumps({"token": token})
            async with session.post(PATH, params=query, data=packet) as response:
                assert response.status == 200
            async with session.ws_connect(PATH, params=query | {"transport": "websocket"}) as socket:
                for text in said:
                    await socket.send_str(text)
                while not socket.closed:
                    await socket.receive(timeout=30)
            taken = ""
            while (
                "ready" not in taken
            ):  # what had been queued, and the nothing that ended a poll for the upgrade
                async with session.get(PATH, params=query) as response:
                    assert response.status == 200
                    taken += await response.text()

        await asyncio.gather(halfway([]), halfway(["2probe"]))
