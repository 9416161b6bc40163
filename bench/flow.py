"""A Langflow server whose chunks say when they left: `python -m bench.flow PORT CHUNKS THINK GAP`; prints `ready`.

Each answer begins after THINK seconds and has CHUNKS pieces, GAP seconds apart. A piece is the monotonic clock in nanoseconds, which all
processes of a machine share, and a space. It knows nothing of Tertulia.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time

import orjson
import uvloop
from aiohttp import web


def event(name: str, data: dict[str, object]) -> bytes:
    return orjson.dumps({"event": name, "data": data}) + b"\n\n"


def make_app(chunks: int, think: float, gap: float) -> web.Application:
    async def auto_login(request: web.Request) -> web.Response:
        return web.json_response({"access_token": "bench", "token_type": "bearer"})

    async def version(request: web.Request) -> web.Response:
        return web.json_response({"version": "1.6.0"})

    async def run(request: web.Request) -> web.StreamResponse:
        await request.read()
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await asyncio.sleep(think)
        due = asyncio.get_running_loop().time()
        for _ in range(chunks):
            await response.write(event("token", {"chunk": f"{time.monotonic_ns()} "}))
            due += gap
            await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
        await response.write(event("end", {"result": {}}))
        return response

    app = web.Application()
    app.router.add_get("/api/v1/auto_login", auto_login)
    app.router.add_get("/api/v1/version", version)
    app.router.add_post("/api/v1/run/{flow}", run)
    return app


async def main() -> None:
    port, chunks, think, gap = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])
    runner = web.AppRunner(make_app(chunks, think, gap), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    os.write(1, b"ready\n")
    await stop.wait()
    await runner.cleanup()


if __name__ == "__main__":
    uvloop.run(main())
