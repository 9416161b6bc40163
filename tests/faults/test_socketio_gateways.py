"""Socket.IO's real client over gateways that come and go."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable

from desks import Desk, fresh, ok
from serving import OwnServer
from socketio_driver import Socket, driver
from waiting import until

Start = Callable[..., Awaitable[OwnServer]]


async def test_the_gateway_dies_and_readers_go_on_at_the_other(own_server: Start) -> None:
    """Two gateways behind one port, WebSocket only; the killed one's readers come back and have missed nothing."""
    server = await own_server()
    token = server.token("service", "s")
    async with driver() as node:
        sockets = [node.open(server.url, "/agents", {"token": token}) for _ in range(12)]
        await asyncio.gather(*(s.until("ready") for s in sockets))
        async with server.client(token) as client:
            c = await Desk(client).open()
        for socket in sockets:
            await socket.ask("conversation:join", {"conversation_id": c["id"]})
        async with server.client(token) as client:
            ok(await Desk(client).say(c["id"], "before", sender_type="contact"), 201)
        await asyncio.gather(*(s.until("conversation:message") for s in sockets))
        os.kill(server.gateways[0], signal.SIGKILL)
        await until(lambda: any(s.of("disconnect") for s in sockets), "readers to lose their gateway")
        lost = [s for s in sockets if s.of("disconnect")]
        assert len(lost) < len(sockets), "one gateway went on"
        async with server.client(token) as client:
            ok(await Desk(client).say(c["id"], "meanwhile", sender_type="contact"), 201)
        await asyncio.gather(*(s.until("connect", 2) for s in lost))
        await asyncio.gather(*(s.ask("conversation:join", {"conversation_id": c["id"]}) for s in lost))
        await asyncio.gather(*(_got(s, "meanwhile") for s in sockets))
        for socket in sockets:
            said = [e["data"]["content"] for e in socket.of("conversation:message")]
            assert said == ["before", "meanwhile"]


async def test_polling_transport(own_server: Start) -> None:
    """With one gateway, or sticky sessions: polling alone, and polling that is upgraded."""
    server = await own_server({"TERTULIA_GATEWAYS": "1"})
    token = server.token("service", "s")
    async with driver() as node, server.client(token) as client:
        desk = Desk(client)
        for transports in (["polling"], ["polling", "websocket"]):
            socket = node.open(server.url, "/agents", {"token": token}, transports=transports)
            assert (await socket.until("connect"))["transport"] in transports
            c = await desk.open(fresh())
            await socket.ask("conversation:join", {"conversation_id": c["id"]})
            for n in range(5):
                ok(await desk.say(c["id"], f"message {n}", sender_type="contact"), 201)
            await socket.until("conversation:message", 5)
            said = [e["data"]["content"] for e in socket.of("conversation:message")]
            assert said == [f"message {n}" for n in range(5)]


async def _got(socket: Socket, content: str) -> None:
    await socket.until(lambda e: e["event"] == "conversation:message" and e["data"]["content"] == content)
