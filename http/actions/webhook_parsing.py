"""Parses providers' calls: short ones in the event loop, long ones in a thread, so that the event loop keeps running.

Owns the threads and the bound on waiting calls. Parsers are linear and raise only ValueError. A thread cannot be stopped, so
nothing here relies on a deadline to stop one.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import structlog
from aiohttp import web

from ...core.channels.messages import ChannelEvent, WebhookCall
from ...core.errors import Overloaded
from ...core.ports.channels import ChannelKind
from ...core.ports.inbound import Fault

log = structlog.get_logger(__name__)

Parsed = tuple[list[ChannelEvent], list[Fault]]

SHORT: Final = 65_536
"""Largest call, in bytes, that is parsed in the event loop, in a few milliseconds at most."""
THREADS: Final = 2
"""Long calls parsed at once. More would only compete for the interpreter."""
MAX_WAITING: Final = 16
"""Long calls being parsed or waiting, each with a body of up to `max_webhook_body`; one more is answered 503."""
DEADLINE: Final = 20.0
"""Seconds to parse a long call, including its wait; then 503, and the provider repeats the call."""


class WebhookParser:
    """Parses calls for one gateway. Threads start with the first long call; `close` lets them end."""

    def __init__(self, *, deadline: float = DEADLINE) -> None:
        self._deadline = deadline
        self._threads: ThreadPoolExecutor | None = None
        self._waiting = 0

    async def parse(self, kind: ChannelKind, received: WebhookCall, config: dict[str, Any]) -> Parsed:
        """The events of a call, or a fault if it cannot be parsed as a whole. Raises Overloaded."""
        if len(received.body) <= SHORT:
            return parsed(kind, received, config)
        if self._waiting >= MAX_WAITING:
            raise Overloaded("too many long calls are being parsed: try again", retry_after=2)
        if self._threads is None:
            self._threads = ThreadPoolExecutor(THREADS, "webhook-parser")
        self._waiting += 1
        work = asyncio.get_running_loop().run_in_executor(self._threads, parsed, kind, received, config)
        work.add_done_callback(self._done)  # when the thread is done, not when its caller has gone
        try:
            async with asyncio.timeout(self._deadline):
                return await asyncio.shield(work)
        except TimeoutError:
            raise Overloaded("the call could not be parsed in time: try again", retry_after=5) from None

    def _done(self, work: asyncio.Future[Parsed]) -> None:
        self._waiting -= 1
        if not work.cancelled():
            work.exception()  # its caller may have gone

    async def close(self, app: web.Application | None = None) -> None:
        """Cancel calls that wait."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)


PARSER: web.AppKey[WebhookParser] = web.AppKey("webhook_parser", WebhookParser)


def parsed(kind: ChannelKind, received: WebhookCall, config: dict[str, Any]) -> Parsed:
    """As `WebhookParser.parse`, synchronously."""
    try:
        return kind.parse(received, config), []
    except ValueError as error:
        return [], [Fault(f"the payload makes no sense: {error}"[:1000])]
    except Exception as error:  # a bug in the parser: repeating the call would not help
        log.exception("webhook_parsing_failed")
        return [], [Fault(f"the payload cannot be read: {type(error).__name__}")]
