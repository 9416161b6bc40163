"""Bounded calls to language models: how many at once, for how long, and how much an account may use. Every call is in the ledger.

A provider that keeps failing is not called for a while (`Breaker`). A customer's message never waits for any of this.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager

import msgspec
import structlog

from ...core.channels.delivery_policy import Breaker
from ...core.ports.assistance.models import (
    CallResult,
    Ledger,
    LimitReached,
    Limits,
    Model,
    ModelCall,
    ModelError,
    ModelRequest,
    Outcome,
    Purpose,
    Usage,
)
from ...core.text.visible import visible
from ..clock import fresh_id

log = structlog.get_logger(__name__)

MAX_TEXT = 65_536
"""Characters of an answer; a longer one is refused."""
UNKNOWN = ""
Prices = Mapping[str, tuple[float, float]]
"""US dollars for a million tokens in and out, by model."""


class Completion(msgspec.Struct, frozen=True):
    """An answer. `failed`: the configured provider and why it failed, where the built-in rules answered in its place."""

    text: str
    provider: str
    model: str
    tokens_in: int = 0
    tokens_out: int = 0
    failed: tuple[str, str] | None = None


class ModelCalls:
    """The calls of one process. `most`: how many may be under way; another one is refused at once. `deadline`: seconds."""

    def __init__(
        self,
        model: Model,
        fallback: Model,
        ledger: Ledger,
        *,
        deadline: float,
        most: int,
        prices: Prices,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._model = model
        self._fallback = fallback
        self._ledger = ledger
        self._deadline = deadline
        self._most = most
        self._prices = prices
        self._monotonic = monotonic
        self._breaker = Breaker()
        self._under_way = 0

    @property
    def model(self) -> Model:
        """The configured provider."""
        return self._model

    async def close(self) -> None:
        await self._model.close()

    async def complete(
        self,
        account_id: str,
        request: ModelRequest,
        limits: Limits,
        conversation_id: str | None = None,
        *,
        falls_back: bool = True,
    ) -> Completion:
        """The whole answer of the configured provider. If it fails or has nothing to say, the built-in rules answer, and the
        completion says so; with `falls_back` false, ModelError is raised instead. Raises RateLimited at the account's limits."""
        try:
            return await self._completed(self._model, account_id, request, limits, conversation_id)
        except ModelError as error:
            if self._model is self._fallback or not falls_back:
                raise
            log.warning(
                "model_failed",
                account=account_id,
                provider=self._model.provider,
                reason=error.reason,
                detail=error.detail,
            )
            found = await self._completed(self._fallback, account_id, request, limits, conversation_id)
            return msgspec.structs.replace(found, failed=(self._model.provider, error.reason))

    async def _completed(
        self,
        model: Model,
        account_id: str,
        request: ModelRequest,
        limits: Limits,
        conversation_id: str | None,
    ) -> Completion:
        parts: list[str] = []
        usage = Usage(UNKNOWN, 0, 0)
        async with aclosing(self._counted(model, account_id, request, limits, conversation_id)) as answer:
            async for part in answer:
                if isinstance(part, Usage):
                    usage = part
                else:
                    parts.append(part)
        text = visible("".join(parts)).strip()
        if not text:
            raise ModelError("unreadable", "the answer is empty")
        return Completion(text, model.provider, usage.model, usage.tokens_in, usage.tokens_out)

    def stream(
        self, account_id: str, request: ModelRequest, limits: Limits, conversation_id: str | None = None
    ) -> AsyncGenerator[str | Usage, None]:
        """The configured provider's answer as it arrives, then its usage. Raises ModelError, RateLimited."""
        return self._counted(self._model, account_id, request, limits, conversation_id)

    async def embed(
        self, account_id: str, texts: Sequence[str], limits: Limits
    ) -> tuple[list[list[float]], str]:
        """Vectors of texts, and the model that made them. Never of two models in one answer. Raises ModelError, RateLimited."""
        if self._model is self._fallback:
            vectors, usage = await self._model.embed(texts)  # costs nothing: no line in the ledger
            return vectors, usage.model
        async with self._call(self._model, account_id, "embedding", limits, None) as meter:
            async with asyncio.timeout(self._deadline):
                vectors, meter.usage = await self._model.embed(texts)
        return vectors, meter.usage.model

    async def _counted(
        self,
        model: Model,
        account_id: str,
        request: ModelRequest,
        limits: Limits,
        conversation_id: str | None,
    ) -> AsyncGenerator[str | Usage, None]:
        async with (
            self._call(model, account_id, request.purpose, limits, conversation_id) as meter,
            aclosing(model.stream(request, secrets.token_hex(8))) as answer,
        ):
            ends = self._monotonic() + self._deadline
            while True:
                try:
                    async with asyncio.timeout(max(0.0, ends - self._monotonic())):
                        part = await anext(answer)
                except StopAsyncIteration:
                    return
                meter.note(part, self._monotonic())
                yield part

    @asynccontextmanager
    async def _call(
        self, model: Model, account_id: str, purpose: Purpose, limits: Limits, conversation_id: str | None
    ) -> AsyncGenerator[Meter, None]:
        """A call, counted from its beginning to its end, however it ends. Whatever fails in it raises ModelError; RateLimited before it."""
        call = await self._begin(model, account_id, purpose, limits, conversation_id)
        meter = Meter(self._monotonic())
        try:
            yield meter
            meter.outcome = "ok"
        except ModelError as error:
            meter.outcome = error.reason
            raise
        except TimeoutError:
            meter.outcome = "timeout"
            raise ModelError("timeout", f"no complete answer within {self._deadline:g} s") from None
        except Exception as error:
            log.exception("model_adapter_failed", provider=model.provider, purpose=purpose)
            meter.outcome = "failed"
            raise ModelError("failed", "the call failed in this server; see its log") from error
        finally:
            await self._end(model, call, meter)

    async def _begin(
        self, model: Model, account_id: str, purpose: Purpose, limits: Limits, conversation_id: str | None
    ) -> ModelCall:
        if model is not self._fallback:
            if self._under_way >= self._most:
                raise ModelError("busy", "too many model calls are in progress")
            room, _ = self._breaker.room(self._monotonic())
            if room == 0:
                raise ModelError(
                    "resting", "the provider has failed too often lately and is not called for a while"
                )
        call = ModelCall(fresh_id(), account_id, purpose, model.provider, conversation_id)
        self._under_way += 1
        try:
            reached = await self._ledger.begin(call, limits if model is not self._fallback else Limits())
            if reached is not None:
                raise LimitReached(reached)
        except BaseException:
            self._under_way -= 1
            raise
        if model is not self._fallback:
            self._breaker = self._breaker.began()
        return call

    async def _end(self, model: Model, call: ModelCall, meter: Meter) -> None:
        """Count what happened. A ledger that cannot be written keeps no answer from its reader."""
        self._under_way -= 1
        if model is not self._fallback:
            self._judge(meter.outcome)
        cost_in, cost_out = self._prices.get(meter.usage.model, (0.0, 0.0))
        cost = (meter.usage.tokens_in * cost_in + meter.usage.tokens_out * cost_out) / 1_000_000
        ended = CallResult(
            meter.outcome, meter.usage.model, meter.usage.tokens_in, meter.usage.tokens_out,
            meter.elapsed(self._monotonic()), meter.first, cost,
        )  # fmt: skip
        try:
            await asyncio.shield(self._ledger.end(call, ended))
        except Exception as error:
            log.warning(
                "model_call_not_noted", account=call.account_id, outcome=meter.outcome, error=repr(error)
            )

    def _judge(self, outcome: Outcome) -> None:
        """Tell the breaker. A refused key or a rate limit is an answer; being cancelled says nothing about the provider."""
        if outcome == "cancelled":
            self._breaker = self._breaker.spared()
        elif outcome in ("ok", "refused", "rate_limited"):
            self._breaker = self._breaker.answered()
        else:
            self._breaker = self._breaker.failed(self._monotonic())


class Meter:
    """Measures one call. Without an outcome it was cancelled."""

    def __init__(self, began: float) -> None:
        self._began = began
        self._size = 0
        self.first: int | None = None
        self.usage = Usage(UNKNOWN, 0, 0)
        self.outcome: Outcome = "cancelled"

    def note(self, part: str | Usage, now: float) -> None:
        """Raises ModelError when the answer becomes too long."""
        if isinstance(part, Usage):
            self.usage = part
            return
        if self.first is None:
            self.first = self.elapsed(now)
        self._size += len(part)
        if self._size > MAX_TEXT:
            raise ModelError("too_large", f"the answer has more than {MAX_TEXT} characters")

    def elapsed(self, now: float) -> int:
        return int((now - self._began) * 1000)
