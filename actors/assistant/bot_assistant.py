"""Answers as the conversational bot: reads a conversation that the bot holds, asks the model, and sends what it says as a command.

The conversation's turn decides whether that is said (`core/turn/assisting.py`); the customer's own commands never pass through
here. A model that fails, or may not be called any more, ends in a handoff.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

from ...core.accounts.account_settings import Assistance
from ...core.assistance import assist, suggestions
from ...core.assistance.prompts import Passage, since_answered
from ...core.assistance.suggestions import HISTORY, Read, Source
from ...core.conversation.commands import BotAnswer, By, Done, Envelope
from ...core.conversation.state import Conversation
from ...core.conversation.status import BOT
from ...core.errors import Conflict, NotFound, RateLimited
from ...core.ports.assistance.models import ModelError, ModelRequest
from ...core.ports.bots import RulesArchive
from ...core.turn import assisting
from ...core.turn.account_rules import NO_RULES
from ...core.turn.bot_rules import Actions
from ..clock import fresh_id
from .drafting import Conversations, limits_of
from .model_calls import ModelCalls

log = structlog.get_logger(__name__)

Send = Callable[[Envelope], Awaitable[Done]]
MAX_TOKENS = 800
BUDGET = "The account's budget for language models is used up"
GIVEN_UP = "The bot could not answer"


class PublicKnowledge(Protocol):
    async def passages(
        self, account_id: str, question: str, *, public: bool
    ) -> list[tuple[Source, Passage]]: ...


def holds(c: Conversation) -> bool:
    """Whether the conversational bot holds a conversation."""
    return c.status is BOT and not c.handoff_requested and assisting.under_way(c.bot_context) is not None


class BotAssistant:
    """The conversational bot of any account. `send` sends a command and waits for its outcome."""

    def __init__(
        self,
        calls: ModelCalls,
        conversations: Conversations,
        rules: RulesArchive,
        knowledge: PublicKnowledge,
        send: Send,
    ) -> None:
        self._calls = calls
        self._conversations = conversations
        self._rules = rules
        self._knowledge = knowledge
        self._send = send

    async def answer(self, c: Conversation, settings: Assistance, seq: int) -> bool:
        """Answer what the customer has written up to `seq`, unless they have written since: then another call will. Returns
        whether anything was said or handed over. Raises Overloaded and StorageUnavailable."""
        talk = assisting.under_way(c.bot_context)
        if talk is None:
            return False
        entries = await self._conversations.messages(
            c.account_id, [c.id], before=None, after=None, limit=HISTORY, public=True
        )
        read = suggestions.read(c, entries)
        last = read.entries[-1] if read.entries else None
        if last is None or last is not read.asked or last.seq > seq:
            return False
        rules = (await self._rules.load([c.account_id])).get(c.account_id, NO_RULES)
        actions = rules.assisting(talk.rule_id)
        if actions is None:
            answer = BotAnswer(talk.rule_id, read.seen, failed=assisting.RULE_GONE)
        else:
            answer = await self._drafted(c, read, talk.rule_id, actions, settings)
        return await self._sent(c, answer)

    async def hand_over(self, c: Conversation) -> None:
        """Leave a conversation to people that the bot cannot answer. Raises Overloaded and StorageUnavailable."""
        if (talk := assisting.under_way(c.bot_context)) is not None:
            await self._sent(c, BotAnswer(talk.rule_id, c.seq, failed=GIVEN_UP))

    async def _drafted(
        self, c: Conversation, read: Read, rule_id: str, actions: Actions, settings: Assistance
    ) -> BotAnswer:
        missing = assisting.missing(c.bot_context, actions)
        question = "\n".join(since_answered(read.lines))
        known = await self._knowledge.passages(c.account_id, question, public=True)
        prompt = assist.prompt_of(read, [passage for _, passage in known], actions, missing)
        request = ModelRequest(prompt, "assist", max_tokens=MAX_TOKENS)
        try:
            found = await self._calls.complete(
                c.account_id, request, limits_of(settings), c.id, falls_back=False
            )
        except RateLimited:
            return BotAnswer(rule_id, read.seen, failed=BUDGET)
        except ModelError as error:
            log.warning("bot_not_answered", account=c.account_id, conversation=c.id, reason=error.reason)
            return BotAnswer(rule_id, read.seen, failed=f"The language model failed ({error.reason})")
        model = f"{found.provider} {found.model}".strip()
        return assist.answer_of(found.text, rule_id, read, [source for source, _ in known], missing, model)

    async def _sent(self, c: Conversation, answer: BotAnswer) -> bool:
        by = By("bot", answer.rule_id, "service")
        try:
            await self._send(Envelope(fresh_id(), c.account_id, by, answer, c.id))
        except (Conflict, NotFound) as error:  # a human has it, or the customer wrote: then that is answered
            log.info("bot_answer_dropped", account=c.account_id, conversation=c.id, reason=error.detail)
            return False
        return True
