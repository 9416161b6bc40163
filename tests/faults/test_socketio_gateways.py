"""Socket.IO's real client over gateways that come and go."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from typing import Any

import httpx
from desks import Desk, fresh, ok
from serving import OwnServer
from socketio_driver import Socket, driver
from waiting import until

from tertulia.settings import Settings

MAX_STREAMS_PER_CUSTOMER = Settings().max_streams_per_customer


async def test_the_gateway_dies_and_readers_go_on_at_the_other(battered: OwnServer) -> None:
    """Two gateways behind one port, WebSocket only; the killed one's readers come back and have missed nothing."""
    server, identifier = battered, fresh()
    token = server.token("service", "s")
    tokens = {"/": token, "/agents": token, "/customers": server.customer(identifier)}
    await until(lambda: _both(server), "both gateways to take connections")
    async with driver() as node:
        sockets = [
            node.open(server.url, name, {"token": tokens[name]})
            for name in tokens
            for _ in range(MAX_STREAMS_PER_CUSTOMER)
        ]
        await asyncio.gather(*(s.until("ready") for s in sockets))
        async with server.client(token) as client:
            c = await Desk(client).open(identifier)
        for socket in sockets:
            await _join(socket, c["id"])
        async with server.client(token) as client:
            ok(await Desk(client).say(c["id"], "before", sender_type="contact"), 201)
        await asyncio.gather(*(s.until("conversation:message") for s in sockets))
        refused = {
            s: len(s.of("disconnect")) for s in sockets
        }  # for now, by a gateway that was still starting
        os.kill(server.gateways[0], signal.SIGKILL)
        await until(lambda: _said(server, token, c["id"], "meanwhile"), "a message to be taken")
        await asyncio.gather(*(_follow(s, c["id"], refused[s]) for s in sockets))
        cut = [s for s in sockets if len(s.of("disconnect")) > refused[s]]
        assert 0 < len(cut) < len(sockets), ("one gateway went on", refused, server.tail())
        assert {s.namespace for s in cut} == tokens.keys()
        for socket in sockets:
            said = [e["data"]["content"] for e in socket.of("conversation:message")]
            assert said == ["before", "meanwhile"]


async def _both(server: OwnServer) -> bool:
    names = set()
    for _ in range(10):  # each connection goes to either of them
        async with server.client() as client:
            names.update(re.findall(r'\{gateway="([^"]+)"', (await client.get("/metrics")).text))
    return len(names) == 2


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


async def _follow(socket: Socket, conversation_id: str, refused: int) -> None:
    """The message said meanwhile, as a client gets it: at once, or after it came back and joined again. `refused`: how often the
    socket was disconnected before."""

    def meanwhile(event: dict[str, Any]) -> bool:
        return event["event"] == "conversation:message" and event["data"]["content"] == "meanwhile"

    def cut() -> bool:
        return len(socket.of("disconnect")) > refused

    await socket.until(lambda e: meanwhile(e) or cut())
    if cut():
        await socket.until("connect", 2)
        await _join(socket, conversation_id)
        await socket.until(meanwhile)


async def _join(socket: Socket, conversation_id: str) -> None:
    if socket.namespace != "/customers":  # who read their own conversations from the start
        await socket.ask("conversation:join", {"conversation_id": conversation_id})
