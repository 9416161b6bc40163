"""Shows simulations while they run: in the terminal, if there is one, and on the page of `--live`."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from rich.console import Console
from rich.live import Live

from ..simulator.report import terminal
from ..simulator.report.document import Report
from ..simulator.report.live_page import LivePage
from .common import fail, note


class View:
    """Either may be missing. `progress` is None if nobody watches, so that no figures are gathered for it."""

    def __init__(self, live: Live | None, page: LivePage | None) -> None:
        self._live = live
        self._page = page

    @property
    def progress(self) -> Callable[[Report], None] | None:
        return None if self._live is None and self._page is None else self._show

    def _show(self, report: Report) -> None:
        if self._live is not None:
            self._live.update(terminal.live(report), refresh=True)
        if self._page is not None:
            self._page.show(report)

    async def finish(self, report: Report) -> None:
        """Show the last report, until a browser that watches has it."""
        if self._page is not None:
            await self._page.finish(report)


@asynccontextmanager
async def watched(console: Console, port: int | None) -> AsyncIterator[View]:
    """Exits if the port is taken."""
    page = None if port is None else LivePage(port)
    if page is not None:
        try:
            await page.open()
        except OSError as error:
            fail(f"cannot listen on port {port}: {os.strerror(error.errno or 0)}")
        note(f"live: http://127.0.0.1:{port}/")
    try:
        if console.is_terminal:
            with Live(console=console, auto_refresh=False, transient=True) as live:
                yield View(live, page)
        else:
            yield View(None, page)
    finally:
        if page is not None:
            await page.close()
