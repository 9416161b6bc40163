"""Drafts replies: reads a conversation, analyses it with the cheap model, writes with the cheap or the premium one, and stores the suggestion.

Customers' commands never pass through here. A draft only reads; nothing is sent before a person approves it.
"""

from __future__ import annotations

from typing import Protocol

import structlog

from ...core.accounts.account_settings import Assistance
from ...core.assistance import analysis, suggestions
from ...core.assistance.analysis import MessageAnalysis
from ...core.assistance.prompts import Line, Passage, Prompt
from ...core.assistance.suggestions import HISTORY, Source, Suggestion, Wishes
from ...core.conversation.entries import Entry, Message
from ...core.conversation.state import Conversation
from ...core.errors import Conflict
from ...core.ports.assistance.models import Limits, ModelRequest
from ...core.ports.assistance.suggestions import SuggestionStore
from ..clock import fresh_id, now_ms
from .model_calls import ModelCalls

log = structlog.get_logger(__name__)


class Conversations(Protocol):
    """The reads that a draft needs; part of `core.ports.http.ConversationStore`."""

    async def get(self, account_id: str, conversation_id: str) -> Conversation | None: ...

    async def messages(
        self,
        account_id: str,
        conversations: list[str],
        *,
        before: int | None,
        after: int | None,
        limit: int,
        public: bool,
    ) -> list[Entry]: ...


class Knowledge(Protocol):
    """The sources that may help to answer a question."""

    async def relevant(
        self, account_id: str, conversation_id: str, question: str, limits: Limits
    ) -> list[tuple[Source, Passage]]: ...


def limits_of(settings: Assistance) -> Limits:
    return Limits(settings.calls_per_minute, settings.daily_tokens, settings.daily_cost)


class Drafter:
    """Drafts for any account."""

    def __init__(
        self, calls: ModelCalls, conversations: Conversations, store: SuggestionStore, knowledge: Knowledge
    ) -> None:
        self._calls = calls
        self._conversations = conversations
        self._store = store
        self._knowledge = knowledge

    async def read(self, c: Conversation) -> suggestions.Read:
        """The newest public messages of a conversation that was read just now."""
        entries = await self._conversations.messages(
            c.account_id, [c.id], before=None, after=None, limit=HISTORY, public=True
        )
        return suggestions.read(c, entries)

    async def analyse(
        self, account_id: str, conversation_id: str, read: suggestions.Read, settings: Assistance
    ) -> MessageAnalysis:
        """The analysis of the customer's newest message; neutral if the model's answer cannot be read. Raises RateLimited, ModelError."""
        asked = next(
            (line for line in reversed(read.lines) if line.speaker == "customer"), Line("customer", "")
        )
        prompt = Prompt(analysis.INSTRUCTION, conversation=(*read.lines[-4:-1], asked))
        request = ModelRequest(prompt, "analysis", "cheap", max_tokens=300)
        found = await self._calls.complete(account_id, request, limits_of(settings), conversation_id)
        result = analysis.read(found.text)
        if result is None:
            log.warning(
                "analysis_not_readable", account=account_id, provider=found.provider, model=found.model
            )
            return analysis.made(0.0, None, 0.0, {})
        return result

    async def draft(
        self, c: Conversation, settings: Assistance, wishes: Wishes, requested_by: str | None
    ) -> Suggestion:
        """A new suggestion, which is kept. Raises Conflict if there is nothing to answer, RateLimited, ModelError."""
        read = await self.read(c)
        if read.asked is None and wishes.draft is None:
            raise Conflict("the customer has not written yet", current={"status": c.status})
        found = await self.analyse(c.account_id, c.id, read, settings)
        asked = read.asked.data if read.asked is not None else None
        question = asked.content if isinstance(asked, Message) else wishes.draft or ""
        known = await self._knowledge.relevant(c.account_id, c.id, question, limits_of(settings))
        passages = [passage for _, passage in known]
        prompt = suggestions.prompt_of(read, wishes, passages, settings.instruction)
        tier = "premium" if suggestions.is_demanding(c, found) else "cheap"
        request = ModelRequest(prompt, "reply" if wishes.draft is None else "improve", tier)
        answer = await self._calls.complete(c.account_id, request, limits_of(settings), c.id)
        made = Suggestion(
            id=fresh_id(),
            account_id=c.account_id,
            conversation_id=c.id,
            message_id=asked.id if isinstance(asked, Message) else None,
            seen=read.seen,
            status="pending",
            subject=c.subject,
            body=answer.text,
            confidence=suggestions.confidence(found, passages, by_rules=answer.provider == "rules"),
            analysis=found,
            provider=answer.provider,
            model=answer.model,
            failed=answer.failed,
            wishes=wishes,
            sources=tuple(source for source, _ in known),
            requested_by=requested_by,
            created_at=now_ms(),
        )
        if not await self._store.add(made):
            raise Conflict("the conversation's customer was erased", current={"status": c.status})
        return made
