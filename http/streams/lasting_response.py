"""A response whose body lasts: a stream, which goes on when its request's handler has returned.

aiohttp waits for the end of a response's body by itself. A stream that runs there needs neither the handler nor the middlewares and
whatever they hold: some ten frames per stream, thousands of which are idle.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import structlog
from aiohttp import web

log = structlog.get_logger(__name__)

Run = Callable[[], Coroutine[Any, Any, None]]


class LastingResponse(web.StreamResponse):
    """To be mixed into a response class. A response that is prepared, and given something to run, lasts until that has returned."""

    _run: Run | None = None
    _over: Callable[[], None] | None = None

    def lasts(self, run: Run) -> None:
        """Run this, once, as the response's body. Whatever happens to the connection, it is run: it may own something."""
        self._run = run

    def when_over(self, call: Callable[[], None]) -> bool:
        """Call this once the body has ended. False if the response does not last: nothing will be called."""
        if self._run is None:
            return False
        self._over = call
        return True

    async def write_eof(self, data: bytes = b"") -> None:
        """As in aiohttp, after the body."""
        if self._run is not None:
            run, self._run = self._run, None
            self.headers.clear()  # they have been sent
            try:
                await run()
            except ConnectionError:
                raise
            except Exception as error:
                log.warning("stream_failed", exc_info=error)
                raise ConnectionResetError("the response had begun") from error
            finally:
                if self._over is not None:
                    self._over()
        await (super().write_eof(data) if data else super().write_eof())
