"""Shows simulations while they run: in the terminal, if there is one, and on the page of `--live`."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rich.console import Console
from rich.live import Live

from ..simulator.report import terminal
from ..simulator.report.document import Report
from ..simulator.report.live_page import LivePage
from .common import fail, note

LINE_EVERY = 30.0
"""Seconds between the lines in a log."""


class View:
    """Shows a run's progress every `every` seconds: in a live display, or line by line where there is no terminal, and on the page if there is one."""

    def __init__(self, live: Live | None, page: LivePage | None) -> None:
        self._live = live
        self._page = page
        self._line_at = time.monotonic() + LINE_EVERY
        self.every = LINE_EVERY if live is None and page is None else 1.0

    def progress(self, report: Report) -> None:
        if self._page is not None:
            self._page.show(report)
        if self._live is not None:
            self._live.update(terminal.live(report), refresh=True)
        elif time.monotonic() >= self._line_at:
            self._line_at += LINE_EVERY
            note(terminal.line(report))

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
