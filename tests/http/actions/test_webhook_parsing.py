"""Long calls are parsed beside the event loop, a few at once and a few waiting; short ones at once."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from tertulia.core.channels.messages import ChannelEvent, Faulty, WebhookCall
from tertulia.core.errors import Overloaded
from tertulia.http.actions import webhook_parsing
from tertulia.http.actions.webhook_parsing import MAX_WAITING, SHORT, WebhookParser


class Kind:
    """A provider whose calls are parsed when `may_end` is set; `threads` parsed them."""

    def __init__(self) -> None:
        self.may_end = threading.Event()
        self.threads: list[str] = []

    def parse(self, call: WebhookCall, config: dict[str, Any]) -> list[ChannelEvent]:
        self.threads.append(threading.current_thread().name)
        self.may_end.wait(30)
        if call.body.startswith(b"!"):
            raise ValueError("no")
        return [Faulty("x", None)]


def call(size: int, first: bytes = b" ") -> WebhookCall:
    return WebhookCall("POST", "", {}, {}, first + b" " * (size - 1))


async def parse(parser: WebhookParser, kind: Any, size: int, first: bytes = b" ") -> webhook_parsing.Parsed:
    return await parser.parse(kind, call(size, first), {})


async def test_short_calls_are_parsed_here_and_long_ones_in_a_thread() -> None:
    kind, parser = Kind(), WebhookParser()
    kind.may_end.set()
    assert await parse(parser, kind, SHORT) == ([Faulty("x", None)], [])
    assert await parse(parser, kind, SHORT + 1) == ([Faulty("x", None)], [])
    events, faults = await parse(parser, kind, SHORT + 1, b"!")
    assert (events, faults[0].reason) == ([], "the payload makes no sense: no")
    here, *there = kind.threads
    assert here == threading.current_thread().name
    assert all(name.startswith("webhook-parser") for name in there)
    await parser.close()


async def test_the_loop_goes_on_while_a_long_call_is_parsed() -> None:
    kind, parser = Kind(), WebhookParser()
    work = asyncio.ensure_future(parse(parser, kind, SHORT + 1))
    await asyncio.sleep(0)
    assert not work.done()
    kind.may_end.set()  # by the loop, which the parser does not hold
    assert await work
    await parser.close()


async def test_what_would_wait_too_long_is_refused_and_room_comes_back() -> None:
    kind, parser = Kind(), WebhookParser()
    waiting = [asyncio.ensure_future(parse(parser, kind, SHORT + 1)) for _ in range(MAX_WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded) as refused:
        await parse(parser, kind, SHORT + 1)
    assert refused.value.retry_after
    waiting[0].cancel()  # whoever has gone keeps the place until the thread has done with it
    with pytest.raises(Overloaded):
        await parse(parser, kind, SHORT + 1)
    assert await parse_short(parser)
    kind.may_end.set()
    await asyncio.gather(*waiting[1:])
    assert await parse(parser, kind, SHORT + 1)
    await parser.close()


async def parse_short(parser: WebhookParser) -> webhook_parsing.Parsed:
    kind = Kind()
    kind.may_end.set()
    return await parse(parser, kind, 10)


async def test_a_call_has_its_time() -> None:
    kind, parser = Kind(), WebhookParser(deadline=0.01)
    with pytest.raises(Overloaded):
        await parse(parser, kind, SHORT + 1)
    kind.may_end.set()
    await parser.close()
