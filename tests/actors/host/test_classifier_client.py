"""The classifier's client against a server that speaks its protocol, and against one that does not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from tertulia.actors.host.analysis.classifier_client import CONCURRENCY, MAX_ANSWER, MAX_TEXT, HttpClassifier
from tertulia.core.channels.delivery_policy import BreakerLimits
from tertulia.core.ports.bots import Question
from tertulia.core.turn.bot_rules import Classification

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
QUESTION = Question("my bill", "webchat", "en", "account")
GOOD = {"intent": "billing", "confidence": 0.75, "model": "m-1", "scores": {"other": 0.25}}


class Double:
    """The operator's side: `handler` answers."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], Any]] = []
        self.under_way = self.most = 0
        self.handler: Handler = self.well
        self.url = ""

    async def well(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(GOOD)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((dict(request.headers), await request.json()))
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            return await self.handler(request)
        finally:
            self.under_way -= 1


@pytest.fixture
async def double() -> AsyncIterator[Double]:
    double = Double()
    app = web.Application()
    app.router.add_post("/classify", double.handle)
    app.router.add_post("/elsewhere", double.well)
    async with TestServer(app) as server:
        double.url = str(server.make_url("/classify"))
        yield double


@pytest.fixture
async def classifier(double: Double) -> AsyncIterator[HttpClassifier]:
    made = HttpClassifier(double.url, "the-key", 2)
    yield made
    await made.close()


def answering(**options: Any) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(**options)

    return handler


async def test_a_question_and_its_answer(double: Double, classifier: HttpClassifier) -> None:
    assert await classifier.classify(QUESTION) == Classification("billing", 0.75)
    ((headers, body),) = double.requests
    assert body == {"text": "my bill", "channel_type": "webchat", "language": "en", "account_id": "account"}
    assert headers["Authorization"] == "Bearer the-key"
    await classifier.classify(Question("x" * 60_000, "sms", None, "account"))
    assert len(double.requests[1][1]["text"]) == MAX_TEXT and double.requests[1][1]["language"] is None


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 500},
        {"status": 401, "text": '{"intent": "billing", "confidence": 1}'},
        {"status": 204},
        {"status": 302, "headers": {"Location": "/elsewhere"}},
        {"text": ""},
        {"text": "null"},
        {"text": "<html>"},
        {"text": "[" * 100_000},
        {"body": b'{"intent": "\xff", "confidence": 1}'},
        {"text": '{"intent": "billing"}'},
        {"text": '{"intent": "", "confidence": 1}'},
        {"text": '{"intent": 7, "confidence": 1}'},
        {"text": '{"intent": "billing", "confidence": 1.01}'},
        {"text": '{"intent": "billing", "confidence": -0.1}'},
        {"text": '{"intent": "billing", "confidence": NaN}'},
        {"text": '{"intent": "billing", "confidence": "1"}'},
        {"text": '{"intent": "%s", "confidence": 1}' % ("x" * 101)},
        {"text": '{"intent": "billing", "confidence": 1, "x": "%s"}' % ("x" * MAX_ANSWER)},
    ],
    ids=lambda a: str(a)[:60],
)
async def test_what_is_no_answer_classifies_nothing(
    double: Double, classifier: HttpClassifier, answer: dict[str, Any]
) -> None:
    double.handler = answering(**answer)
    assert await classifier.classify(QUESTION) is None
    double.handler = double.well
    assert await classifier.classify(QUESTION) == Classification("billing", 0.75)


async def test_a_slow_answer_is_not_waited_for(double: Double) -> None:
    classifier = HttpClassifier(double.url, None, 0.1)
    release = asyncio.Event()

    async def slowly(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'{"intent": "bil')
        await release.wait()
        return response

    double.handler = slowly
    async with asyncio.timeout(30):  # of a double that never ends
        assert await classifier.classify(QUESTION) is None
    assert "Authorization" not in double.requests[0][0]
    release.set()
    double.handler = double.well
    assert await classifier.classify(QUESTION) is not None
    await classifier.close()


async def test_no_more_are_asked_at_once_than_it_is_good_for(
    double: Double, classifier: HttpClassifier
) -> None:
    full, release = asyncio.Event(), asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        if double.under_way == CONCURRENCY:
            full.set()
        await release.wait()
        return web.json_response(GOOD)

    double.handler = handler
    asking = [asyncio.create_task(classifier.classify(QUESTION)) for _ in range(3 * CONCURRENCY)]
    async with asyncio.timeout(10):
        await full.wait()
    release.set()
    assert await asyncio.gather(*asking) == [Classification("billing", 0.75)] * (3 * CONCURRENCY)
    assert double.most == CONCURRENCY


async def test_one_that_is_away_is_left_alone_and_asked_again_later(double: Double) -> None:
    now, limits = 1000.0, BreakerLimits(failures=5, rest=60)
    classifier = HttpClassifier(double.url, None, 2, breaker=limits, clock=lambda: now)
    double.handler = answering(status=503)
    for _ in range(20):
        assert await classifier.classify(QUESTION) is None
    assert len(double.requests) == limits.failures
    double.handler = double.well
    now += limits.rest - 1
    assert await classifier.classify(QUESTION) is None and len(double.requests) == limits.failures
    now += 2
    assert await classifier.classify(QUESTION) is not None
    assert len(double.requests) == limits.failures + 1, "one question probes, and its answer is believed"
    assert await classifier.classify(QUESTION) is not None
    await classifier.close()


async def test_nobody_there() -> None:
    classifier = HttpClassifier(f"http://127.0.0.1:{unused_port()}/", None, 2)
    for _ in range(10):
        assert await classifier.classify(QUESTION) is None
    await classifier.close()
