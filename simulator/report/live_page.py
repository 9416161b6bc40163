"""The report of the current run, as a page on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import time

from aiohttp import web

from .document import Report, encoded
from .page import page

REFRESH = 2
"""Seconds after which a browser loads the page again."""


class LivePage:
    """Serves `/` and `/report.json` on 127.0.0.1 until closed."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.report: Report | None = None
        self._runner: web.AppRunner | None = None
        self._is_over = False
        self._asked_at = -float("inf")
        self._has_last = asyncio.Event()

    def show(self, report: Report) -> None:
        self.report = report

    async def finish(self, report: Report) -> None:
        """Show the last report, and wait until a browser that has been watching has loaded it."""
        self.report, self._is_over = report, True
        if time.monotonic() - self._asked_at < 2 * REFRESH:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(2 * REFRESH):
                    await self._has_last.wait()

    async def open(self) -> None:
        """Raises OSError if the port is taken."""
        app = web.Application()
        app.router.add_get("/", self._page)
        app.router.add_get("/report.json", self._json)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _page(self, request: web.Request) -> web.Response:
        del request
        self._asked_at = time.monotonic()
        if self.report is None:
            return web.Response(
                text=f'<meta http-equiv="refresh" content="{REFRESH}">The run is about to begin.',
                content_type="text/html",
            )
        if self._is_over:
            self._has_last.set()
        refresh = None if self._is_over else REFRESH
        return web.Response(text=page(self.report, refresh=refresh), content_type="text/html")

    async def _json(self, request: web.Request) -> web.Response:
        del request
        if self.report is None:
            return web.json_response({"detail": "the run is about to begin"}, status=404)
        return web.Response(body=encoded(self.report), content_type="application/json")
