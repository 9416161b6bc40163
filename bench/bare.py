"""The baselines: a bare aiohttp server, one that makes a Ray call for each message, and one that commits each message.

Runs as `python -m bench.bare PORT [ray | commits URL]`; prints `ready`. All parse the request with orjson and answer 201 with a JSON
body of the same fields and size as Tertulia's. They do not authenticate or validate. Only the one that commits stores anything: a row
a message in the database at URL, as many a commit as wait while the last one is under way. It is the ceiling of a server that loses
nothing it has acknowledged.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
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


class CommittedConversations:
    """Numbers messages in memory, and answers each once its row is committed."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._conversations = Conversations()
        self._waiting: list[tuple[asyncio.Future[None], bytes]] = []
        self._wake = asyncio.Event()

    async def post(self, conversation_id: str, key: str | None, body: bytes) -> bytes:
        answer = await self._conversations.post(conversation_id, key, body)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((done, answer))
        self._wake.set()
        await done
        return answer

    async def main_loop(self) -> None:
        await self._connection.execute(
            "CREATE TABLE IF NOT EXISTS bare_messages (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, message text NOT NULL)"
        )
        while True:
            await self._wake.wait()
            self._wake.clear()
            batch, self._waiting = self._waiting, []
            await self._connection.execute(
                "INSERT INTO bare_messages (message) SELECT unnest($1::text[])",
                [m.decode() for _, m in batch],
            )
            for done, _ in batch:
                if not done.done():
                    done.set_result(None)


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


async def run(port: int, kind: str, url: str = "") -> None:
    if kind != "commits":
        await serve(port, actor() if kind == "ray" else Conversations().post)
        return
    conversations = CommittedConversations(await asyncpg.connect(url))
    async with asyncio.TaskGroup() as group:
        committing = group.create_task(conversations.main_loop())
        await serve(port, conversations.post)
        committing.cancel()


def main() -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(int(sys.argv[1]), *(sys.argv[2:] or ["bare"])))


if __name__ == "__main__":
    main()
