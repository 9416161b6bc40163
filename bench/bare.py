"""The baselines: a bare aiohttp server, and one that makes a Ray call for each message.

Runs as `python -m bench.bare PORT [ray]`; prints `ready`. Both parse the request with orjson and answer 201 with a JSON body
of the same fields and size as Tertulia's. They do not authenticate, validate or store anything.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import uvloop
from aiohttp import WSMsgType, web


def message(conversation_id: str, seq: int, said: dict[str, Any], key: str | None) -> bytes:
    """The response: a message as in the API."""
    return orjson.dumps(
        {
            "id": "0197c8a0-0000-7000-8000-000000000000",
            "conversation_id": conversation_id,
            "seq": seq,
            "direction": "inbound",
            "sender_type": said["sender_type"],
            "sender_id": "customer-000000",
            "content": said["content"],
            "content_type": "text",
            "attachments": [],
            "is_private": False,
            "external_id": None,
            "client_message_id": key,
            "reply_to": None,
            "delivery_status": None,
            "delivery_error": None,
            "metadata": {},
            "created_at": "2026-01-01T00:00:00.000Z",
        }
    )


class Conversations:
    """Numbers messages in memory. In `ray` mode, the actor behind each call."""

    def __init__(self) -> None:
        self._seqs: dict[str, int] = {}

    async def post(self, conversation_id: str, key: str | None, body: bytes) -> bytes:
        seq = self._seqs[conversation_id] = self._seqs.get(conversation_id, 0) + 1
        return message(conversation_id, seq, orjson.loads(body), key)


Post = Callable[[str, str | None, bytes], Awaitable[bytes]]


def actor() -> Post:
    """One Ray actor, called once a message."""
    import ray

    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112
    ray.init(
        address="local",
        num_cpus=2,
        object_store_memory=100 * 1024 * 1024,
        include_dashboard=False,
        configure_logging=False,
        log_to_driver=False,
    )
    handle = ray.remote(Conversations).options(num_cpus=0, max_concurrency=1000).remote()
    ray.get(handle.post.remote("", None, b'{"sender_type":"","content":""}'))
    return handle.post.remote


async def serve(port: int, ask: Post) -> None:
    """Serve until SIGTERM: the POST, and `/ws` with `/fanout`, which sends a text to every socket by `send_str`."""
    sockets: list[web.WebSocketResponse] = []

    async def post(request: web.Request) -> web.Response:
        body = await request.read()
        answer = await ask(request.match_info["id"], request.headers.get("Idempotency-Key"), body)
        return web.Response(body=answer, status=201, content_type="application/json")

    async def webhook(request: web.Request) -> web.Response:
        orjson.loads(await request.read())
        return web.Response()

    async def websocket(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        await socket.send_str("ready")
        sockets.append(socket)
        async for received in socket:
            if received.type is not WSMsgType.TEXT:
                break
        return socket

    async def fan_out(request: web.Request) -> web.Response:
        wanted = orjson.loads(await request.read())
        text = "x" * wanted["size"]
        for _ in range(wanted["count"]):
            for socket in sockets:
                await socket.send_str(text)
        return web.Response(text="sent", status=201)

    app = web.Application()
    app.router.add_post("/v1/conversations/{id}/messages", post)
    app.router.add_post("/v1/webhooks/{type}/{id}", webhook)
    app.router.add_get("/ws", websocket)
    app.router.add_post("/fanout", fan_out)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print("ready", flush=True)
    await stop.wait()


def main() -> None:
    ask = actor() if sys.argv[2:] == ["ray"] else Conversations().post
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(int(sys.argv[1]), ask))


if __name__ == "__main__":
    main()
