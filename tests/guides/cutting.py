"""What stands between a stream's client and the server in the guide's tests: a proxy that cuts, and a back end that gives tokens."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web


class CuttingProxy:
    """Passes TCP connections on to `port`, until they are cut."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0

    def cut(self) -> int:
        """Reset every connection, as a failing network does. Returns how many there were."""
        writers, self._writers = self._writers, set()
        for writer in writers:
            writer.transport.abort()
        return len(writers) // 2

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[CuttingProxy]:
        server = await asyncio.start_server(self._pass, "localhost", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.cut()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        onward_reader, onward = await asyncio.open_connection("127.0.0.1", self._to)
        self._writers |= {writer, onward}
        await asyncio.gather(_copy(reader, onward), _copy(onward_reader, writer))
        self._writers -= {writer, onward}


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def token_server(token: Callable[[], str], asked: Counter[str]) -> AsyncIterator[str]:
    """The URL of a back end that answers with a fresh token. `asked`: how often, by the query parameter `by`."""

    async def give(request: web.Request) -> web.Response:
        asked[request.query.get("by", "")] += 1
        return web.Response(text=token(), headers={"Access-Control-Allow-Origin": "*"})

    app = web.Application()
    app.router.add_get("/token", give)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/token"
    finally:
        await runner.cleanup()
