"""Parsing a provider's call: a short one at once, a long one in a thread, so that the event loop goes on answering others.

Owns the threads and the bound on what waits for them. Parsers are linear and raise nothing but ValueError; a thread is not
ended before its time, so nothing here may rely on a deadline to stop one.
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
"""Bytes of a call that is parsed in the event loop: at most a few milliseconds. A longer one goes to a thread."""
THREADS: Final = 2
"""Long calls parsed at the same time. More would only share the interpreter, and the time of everybody else."""
MAX_WAITING: Final = 16
"""Long calls that are parsed or wait to be, each with a body of up to `max_webhook_body`; one more is answered 503."""
DEADLINE: Final = 20.0
"""Seconds for a long call to be parsed, its waiting included; beyond it 503, and the provider repeats the call."""


class WebhookParser:
    """Parses calls for one gateway. Threads start with the first long call; `close` lets them end."""

    def __init__(self) -> None:
        self._threads: ThreadPoolExecutor | None = None
        self._waiting = 0

    async def parse(self, kind: ChannelKind, received: WebhookCall, config: dict[str, Any]) -> Parsed:
        """The events of a call; where it makes no sense as a whole, a fault instead. Raises Overloaded."""
        if len(received.body) <= SHORT:
            return parsed(kind, received, config)
        if self._waiting >= MAX_WAITING:
            raise Overloaded("too many long calls are being read: repeat it", retry_after=2)
        if self._threads is None:
            self._threads = ThreadPoolExecutor(THREADS, "webhook-parser")
        self._waiting += 1
        work = asyncio.get_running_loop().run_in_executor(self._threads, parsed, kind, received, config)
        work.add_done_callback(self._done)  # when the thread is done, not when its caller has gone
        try:
            async with asyncio.timeout(DEADLINE):
                return await asyncio.shield(work)
        except TimeoutError:
            raise Overloaded("the call could not be read in time: repeat it", retry_after=5) from None

    def _done(self, work: asyncio.Future[Parsed]) -> None:
        self._waiting -= 1
        if not work.cancelled():
            work.exception()  # its caller may have gone

    async def close(self, app: web.Application | None = None) -> None:
        """Nothing that waits is begun any more."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)


PARSER: web.AppKey[WebhookParser] = web.AppKey("webhook_parser", WebhookParser)


def parsed(kind: ChannelKind, received: WebhookCall, config: dict[str, Any]) -> Parsed:
    """As `WebhookParser.parse`, here and now."""
    try:
        return kind.parse(received, config), []
    except ValueError as error:
        return [], [Fault(f"the payload makes no sense: {error}"[:1000])]
    except Exception as error:  # a fault of ours in a format of theirs: nothing is gained by a repeat
        log.exception("webhook_unreadable")
        return [], [Fault(f"the payload cannot be read: {type(error).__name__}")]
