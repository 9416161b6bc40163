"""Answers inbound messages as the conversational bot, or drafts replies on them, for accounts that want it. All state is in Postgres: any number of processes may run it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import structlog

from ...core.accounts.account_settings import Assistance
from ...core.assistance.suggestions import Wishes
from ...core.conversation.state import Conversation
from ...core.conversation.status import FINAL
from ...core.errors import Conflict, RateLimited, TertuliaError
from ...core.ports.assistance.models import ModelError
from ...core.ports.assistance.suggestions import DraftQueue, DueDraft
from ...core.views.stream_events import account_topic, conversation_topic
from .bot_assistant import BotAssistant, holds
from .drafting import Conversations, Drafter

log = structlog.get_logger(__name__)

POLL = 0.5
"""Seconds between two looks at the feeds without work."""
PAUSE = 2.0
"""Seconds to pause after a failure."""
AT_ONCE = 8
"""Drafts that one process has under way; others stay in the queue."""
TRIM_EVERY = 3600.0
EVENT = "conversation:suggestion"


class Hints(Protocol):
    async def send(
        self,
        account_id: str,
        type: str,
        data: dict[str, Any],
        topics: list[str],
        conversation_id: str | None = None,
    ) -> bool: ...


async def tell(
    hints: Hints, account_id: str, conversation_id: str, suggestion_id: str, status: str, confidence: float
) -> None:
    """Tell the team's streams what became of a suggestion."""
    data = {
        "conversation_id": conversation_id,
        "suggestion_id": suggestion_id,
        "status": status,
        "confidence": round(confidence, 3),
    }
    topics = [account_topic(account_id), conversation_topic(conversation_id)]
    await hints.send(account_id, EVENT, data, topics, conversation_id)


class DraftLoop:
    """Follows the feeds and drafts the replies that are due. Calls `trim` now and then."""

    def __init__(
        self,
        queue: DraftQueue,
        drafter: Drafter,
        bot: BotAssistant,
        conversations: Conversations,
        hints: Hints,
        trim: Callable[[], Awaitable[int]],
        *,
        poll: float = POLL,
    ) -> None:
        self._queue = queue
        self._drafter = drafter
        self._bot = bot
        self._conversations = conversations
        self._hints = hints
        self._trim = trim
        self._poll = poll

    async def main_loop(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._forever(self.pump, "draft_pump", self._poll))
            for _ in range(AT_ONCE):
                group.create_task(self._forever(self.draft_next, "draft", self._poll))
            group.create_task(self._forever(self._trim_once, "model_calls_trim", TRIM_EVERY))

    async def pump(self) -> bool:
        """Read on in the feeds. Returns whether there was anything."""
        moved, overtaken = await self._queue.pump()
        for one in overtaken:
            await tell(
                self._hints, one.account_id, one.conversation_id, one.suggestion_id, "stale", one.confidence
            )
        return moved > 0

    async def draft_next(self) -> bool:
        """Answer or draft for one conversation that is due. Returns whether there was one."""
        due = await self._queue.claim(1)
        for one in due:
            await self._queue.finish(one, "done" if await self._settle(one) else "later")
        return bool(due)

    async def _settle(self, due: DueDraft) -> bool:
        """Whether it is settled: answered, drafted, or there is nothing to do."""
        settings = await self._queue.settings(due.account_id)
        c = await self._conversations.get(due.account_id, due.conversation_id)
        if c is None or c.erased or c.status in FINAL:
            return True
        if holds(c):
            await self._bot.answer(c, settings, due.seq)
            return True
        return settings.suggestions != "inbound" or await self._draft(due, c, settings)

    async def _draft(self, due: DueDraft, c: Conversation, settings: Assistance) -> bool:
        try:
            made = await self._drafter.draft(c, settings, Wishes(), None)
        except (Conflict, RateLimited) as error:
            log.info(
                "not_drafted", account=due.account_id, conversation=due.conversation_id, reason=error.detail
            )
            return True
        except ModelError as error:
            log.warning(
                "not_drafted", account=due.account_id, conversation=due.conversation_id, reason=error.reason
            )
            return False
        await tell(self._hints, c.account_id, c.id, made.id, "pending", made.confidence)
        return True

    async def _trim_once(self) -> bool:
        return await self._trim() > 0

    async def _forever(self, step: Callable[[], Awaitable[bool]], what: str, every: float) -> None:
        while True:
            try:
                if await step():
                    continue
                await asyncio.sleep(every)
            except TertuliaError as error:
                log.warning(f"{what}_failed", error=repr(error))
                await asyncio.sleep(PAUSE)
            except Exception:
                log.exception(f"{what}_failed")
                await asyncio.sleep(PAUSE)
