"""Socket.IO's real client over gateways that come and go."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
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
        await until(lambda: _said(server, token, c["id"], "meanwhile"), "a message to be taken")
        await asyncio.gather(*(_follow(s, c["id"]) for s in sockets))
        assert 0 < sum(bool(s.of("disconnect")) for s in sockets) < len(sockets), "one gateway went on"
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


async def _said(server: OwnServer, token: str, conversation_id: str, content: str) -> bool:
    """As clients do it: the same message again while a gateway that dies resets connections."""
    try:
        async with server.client(token) as client:
            answer = await Desk(client).say(
                conversation_id, content, sender_type="contact", client_message_id=content
            )
    except httpx.TransportError:
        return False
    return answer.status_code in (200, 201)


async def _follow(socket: Socket, conversation_id: str) -> None:
    """The message said meanwhile, as a client gets it: at once, or after it came back and joined again."""

    def meanwhile(event: dict[str, Any]) -> bool:
        return event["event"] == "conversation:message" and event["data"]["content"] == "meanwhile"

    await socket.until(lambda e: meanwhile(e) or e["event"] == "disconnect")
    if socket.of("disconnect"):
        await socket.until("connect", 2)
        await socket.ask("conversation:join", {"conversation_id": conversation_id})
        await socket.until(meanwhile)
