"""Answers questions from the knowledge base, with the passages that an answer cites. Stores nothing but a line in the ledger."""

from __future__ import annotations

import msgspec
import structlog

from ...core.accounts.account_settings import Assistance
from ...core.assistance import answers, rules
from ...core.assistance.answers import NOTHING_SAID, CitedAnswer
from ...core.ports.assistance.models import Limits, ModelRequest
from .drafting import limits_of
from .knowledge import Knowledge
from .model_calls import ModelCalls

log = structlog.get_logger(__name__)


class Answerer:
    """Answers for any account."""

    def __init__(self, calls: ModelCalls, knowledge: Knowledge) -> None:
        self._calls = calls
        self._knowledge = knowledge

    async def answer(
        self,
        account_id: str,
        question: str,
        settings: Assistance,
        *,
        public: bool,
        limits: Limits | None = None,
    ) -> CitedAnswer:
        """The answer; without a fitting article no model is asked. `public`: from articles that customers may read. Raises
        RateLimited, ModelError."""
        known = await self._knowledge.passages(account_id, question, public=public)
        if not known:
            return NOTHING_SAID
        prompt = answers.prompt_of(question, [passage for _, passage in known], settings.instruction)
        request = ModelRequest(prompt, "assist", max_tokens=800)
        found = await self._calls.complete(account_id, request, limits or limits_of(settings))
        answer, failed, provider = answers.read(found.text, known), found.failed, found.provider
        if answer is None:
            log.warning("answer_not_readable", account=account_id, provider=provider, model=found.model)
            reply, sure, _ = rules.assisted(prompt)
            answer = answers.read(msgspec.json.encode({"reply": reply, "confidence": sure}).decode(), known)
            failed, provider = (provider, "unreadable"), "rules"
        assert answer is not None, "the rules' answer can be read"
        return msgspec.structs.replace(answer, provider=provider, model=found.model, failed=failed)


def customers_limits(settings: Assistance) -> Limits:
    """The limits for customers' own questions: half of the account's, so that strangers leave room for drafts and bots."""
    all_ = limits_of(settings)
    return Limits(
        None if all_.calls_per_minute is None else max(1, all_.calls_per_minute // 2),
        None if all_.daily_tokens is None else max(1, all_.daily_tokens // 2),
        None if all_.daily_cost is None else all_.daily_cost / 2,
    )
