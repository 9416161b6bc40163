"""The port of language models and their ledger. Adapters: `channels/models/`; bounds and budgets: `actors/assistant/model_calls.py`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Literal, Protocol, runtime_checkable

import msgspec

from ...assistance.prompts import Prompt
from ...errors import RateLimited

Tier = Literal["cheap", "premium"]
Purpose = Literal["analysis", "reply", "improve", "assist", "run", "embedding"]
Reason = Literal[
    "timeout",
    "refused",
    "rate_limited",
    "failed",
    "unreachable",
    "unreadable",
    "too_large",
    "resting",
    "busy",
]
"""`refused`: the provider does not accept our key or request. `resting`: it failed too often lately. `busy`: too many calls are under way."""
Outcome = Literal["running", "ok", "cancelled"] | Reason
Limit = Literal["calls", "tokens", "cost"]
"""The limits of an account: calls of a minute, tokens and dollars of a day."""
NotDrafted = Limit | Literal["given_up"]
"""Why the ledger has no draft for a customer's message: a limit was reached, or every attempt failed."""


class ModelRequest(msgspec.Struct, frozen=True):
    """`session` names the conversation to a provider that keeps memory of its own."""

    prompt: Prompt
    purpose: Purpose
    tier: Tier = "premium"
    max_tokens: int = 800
    session: str | None = None


class Usage(msgspec.Struct, frozen=True):
    """The tokens that a call used, estimated where the provider does not say."""

    model: str
    tokens_in: int
    tokens_out: int


class ModelError(Exception):
    """A call failed. The text is for the operator's log and for agents; it never contains what was sent or received."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason: Reason = reason
        self.detail = detail


class LimitReached(RateLimited):
    """The account may not call models for now."""

    def __init__(self, limit: Limit) -> None:
        super().__init__(_DETAILS[limit], retry_after=60)
        self.limit: Limit = limit


_DETAILS: dict[Limit, str] = {
    "calls": "the account's model calls of this minute are used up",
    "tokens": "the account's model tokens of today are used up",
    "cost": "the account's model budget of today is used up",
}


class Model(Protocol):
    """A provider. `provider` is its name in settings and answers."""

    provider: str

    def stream(self, request: ModelRequest, fence: str) -> AsyncGenerator[str | Usage, None]:
        """The answer in pieces as they arrive, then what it used. Raises ModelError."""
        ...

    async def embed(self, texts: Sequence[str]) -> tuple[list[list[float]], Usage]:
        """Vectors of DIMENSIONS dimensions and length 1. Raises ModelError."""
        ...

    async def close(self) -> None: ...


@runtime_checkable
class SignsIn(Protocol):
    """A provider that asks for a token before its first answer."""

    provider: str

    async def sign_in(self) -> bool:
        """Whether requests will be authorized."""
        ...


class Limits(msgspec.Struct, frozen=True):
    """An account's limits; None: no limit. `daily_tokens` and `daily_cost` (US dollars): a day in UTC."""

    calls_per_minute: int | None = None
    daily_tokens: int | None = None
    daily_cost: float | None = None


class ModelCall(msgspec.Struct, frozen=True):
    """A call that is about to be made."""

    id: str
    account_id: str
    purpose: Purpose
    provider: str
    conversation_id: str | None = None


class CallResult(msgspec.Struct, frozen=True):
    """A call's result. Times in ms; `cost` in US dollars."""

    outcome: Outcome
    model: str
    tokens_in: int
    tokens_out: int
    ms: int
    first_ms: int | None
    cost: float


class Ledger(Protocol):
    """Every call of every account."""

    async def begin(self, call: ModelCall, limits: Limits) -> Limit | None:
        """Note a call that is about to be made, unless a limit is reached; returns which one."""
        ...

    async def end(self, call: ModelCall, ended: CallResult) -> None: ...
