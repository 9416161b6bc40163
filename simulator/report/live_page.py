"""The report of the current run, as a page on this machine."""

from __future__ import annotations

from aiohttp import web

from .document import Report, encoded
from .page import page

REFRESH = 2


class LivePage:
    """Serves `/` and `/report.json` on 127.0.0.1 until closed."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.report: Report | None = None
        self._runner: web.AppRunner | None = None

    def show(self, report: Report) -> None:
        self.report = report

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
        if self.report is None:
            return web.Response(
                text=f'<meta http-equiv="refresh" content="{REFRESH}">The run is about to begin.',
                content_type="text/html",
            )
        return web.Response(text=page(self.report, refresh=REFRESH), content_type="text/html")

    async def _json(self, request: web.Request) -> web.Response:
        del request
        if self.report is None:
            return web.json_response({"detail": "the run is about to begin"}, status=404)
        return web.Response(body=encoded(self.report), content_type="application/json")
