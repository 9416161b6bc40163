"""Model calls: bounded in number, time and money, noted in the ledger, and answered by the rules when the provider fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Literal

import pytest

from tertulia.actors.assistant.model_calls import MAX_TEXT, ModelCalls
from tertulia.channels.models.rules import RulesModel
from tertulia.core.assistance.prompts import Line, Prompt
from tertulia.core.channels.delivery_policy import BreakerLimits
from tertulia.core.errors import RateLimited
from tertulia.core.ports.assistance.models import (
    CallResult,
    Limits,
    ModelCall,
    ModelError,
    ModelRequest,
    Usage,
)

REQUEST = ModelRequest(Prompt("Draft.", conversation=(Line("customer", "Where is my refund?"),)), "reply")


class Scripted:
    """A provider that says `parts` or fails."""

    provider = "scripted"

    def __init__(
        self, *parts: str, error: ModelError | None = None, waits: asyncio.Event | None = None
    ) -> None:
        self.parts, self.error, self.waits = parts, error, waits
        self.asked = 0

    async def stream(self, request: ModelRequest, fence: str) -> AsyncGenerator[str | Usage, None]:
        self.asked += 1
        for part in self.parts:
            yield part
        if self.waits is not None:
            await self.waits.wait()
        if self.error is not None:
            raise self.error
        yield Usage("big", 1_000, 500)

    async def embed(self, texts: Sequence[str]) -> tuple[list[list[float]], Usage]:
        if self.error is not None:
            raise self.error
        return [[1.0] for _ in texts], Usage("embed", 7, 0)

    async def close(self) -> None: ...


class Noted:
    """A ledger that remembers, and refuses as it is told."""

    def __init__(self, reached: Literal["calls", "tokens", "cost"] | None = None) -> None:
        self.reached = reached
        self.begun: list[ModelCall] = []
        self.ended: list[tuple[ModelCall, CallResult]] = []

    async def begin(self, call: ModelCall, limits: Limits) -> Literal["calls", "tokens", "cost"] | None:
        if self.reached is None or limits == Limits():
            self.begun.append(call)
            return None
        return self.reached

    async def end(self, call: ModelCall, ended: CallResult) -> None:
        self.ended.append((call, ended))


def calls_of(model: Scripted, ledger: Noted, *, most: int = 4, deadline: float = 5) -> ModelCalls:
    return ModelCalls(model, RulesModel(), ledger, deadline=deadline, most=most, prices={"big": (2.0, 10.0)})


async def test_a_call_is_noted_with_its_cost() -> None:
    ledger = Noted()
    found = await calls_of(Scripted("Hello ", "Marta"), ledger).complete("a", REQUEST, Limits(1, 1, 1), "c")
    assert (found.text, found.provider, found.model, found.failed) == ("Hello Marta", "scripted", "big", None)
    ((call, ended),) = ledger.ended
    assert (call.account_id, call.purpose, call.conversation_id) == ("a", "reply", "c")
    assert (ended.outcome, ended.tokens_in, ended.tokens_out) == ("ok", 1_000, 500)
    assert ended.cost == pytest.approx(0.007) and ended.first_ms is not None


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (Scripted("Hel", error=ModelError("failed", "broke off")), "failed"),
        (Scripted(" "), "unreadable"),
        (Scripted("x" * MAX_TEXT, "x"), "too_large"),
    ],
)
async def test_the_rules_answer_in_place_of_a_provider_that_fails_and_say_so(
    model: Scripted, reason: str
) -> None:
    ledger = Noted()
    found = await calls_of(model, ledger).complete("a", REQUEST, Limits())
    assert found.provider == "rules" and found.failed == ("scripted", reason) and "refund" in found.text
    assert [call.provider for call, _ in ledger.ended] == ["scripted", "rules"]


async def test_a_provider_that_hangs_is_left_at_the_deadline() -> None:
    ledger = Noted()
    calls = calls_of(Scripted("Hel", waits=asyncio.Event()), ledger, deadline=0.05)
    found = await calls.complete("a", REQUEST, Limits())
    assert found.failed == ("scripted", "timeout") and ledger.ended[0][1].outcome == "timeout"


async def test_a_provider_that_keeps_failing_rests() -> None:
    model, ledger = Scripted(error=ModelError("failed", "no")), Noted()
    calls = calls_of(model, ledger)
    for _ in range(BreakerLimits().failures + 3):
        assert (await calls.complete("a", REQUEST, Limits())).provider == "rules"
    assert model.asked == BreakerLimits().failures
    assert (await calls.complete("a", REQUEST, Limits())).failed == ("scripted", "resting")


async def test_no_more_calls_than_allowed_are_under_way() -> None:
    going = asyncio.Event()
    model = Scripted("Hello", waits=going)
    calls = calls_of(model, Noted(), most=3)
    tasks = [asyncio.ensure_future(calls.complete("a", REQUEST, Limits())) for _ in range(10)]
    done, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    while len(waiting) > 3:
        more, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        done |= more
    assert {task.result().failed for task in done} == {("scripted", "busy")} and model.asked == 3
    going.set()
    assert [(await task).failed for task in waiting] == [None] * 3
    assert (await calls.complete("a", REQUEST, Limits())).failed is None, "the places are free again"


@pytest.mark.parametrize("reached", ["calls", "tokens", "cost"])
async def test_an_account_beyond_its_limits_is_refused(reached: Literal["calls", "tokens", "cost"]) -> None:
    model = Scripted("Hello")
    with pytest.raises(RateLimited):
        await calls_of(model, Noted(reached)).complete("a", REQUEST, Limits(1, 1, 1))
    assert model.asked == 0


async def test_a_reader_that_leaves_is_noted_and_frees_its_place() -> None:
    ledger = Noted()
    calls = calls_of(Scripted("a", "b", "c"), ledger, most=1)
    for _ in range(3):
        async with aclosing(calls.stream("a", REQUEST, Limits())) as answer:
            assert await anext(answer) == "a"
    assert [ended.outcome for _, ended in ledger.ended] == ["cancelled"] * 3


async def test_embeddings_are_counted_too() -> None:
    ledger = Noted()
    vectors, model = await calls_of(Scripted(), ledger).embed("a", ["x", "y"], Limits(1))
    assert (len(vectors), model, ledger.ended[0][1].tokens_in) == (2, "embed", 7)
    with pytest.raises(ModelError):
        await calls_of(Scripted(error=ModelError("refused", "none")), ledger).embed("a", ["x"], Limits())
    assert ledger.ended[-1][1].outcome == "refused"
