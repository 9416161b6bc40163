"""Socket.IO over HTTP polling, which needs one gateway or sticky sessions."""

from __future__ import annotations

from desks import Desk, fresh, ok
from serving import OwnServer
from socketio_driver import driver


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
