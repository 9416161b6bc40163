"""Answers inbound messages as the conversational bot, or drafts replies on them, for accounts that want it. All state is in Postgres: any number of processes may run it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from ...core.accounts.account_settings import Assistance
from ...core.assistance.suggestions import Wishes
from ...core.conversation.state import Conversation
from ...core.conversation.status import FINAL
from ...core.errors import Conflict, NotFound, Overloaded, StorageUnavailable, TertuliaError
from ...core.ports.assistance.models import LimitReached, ModelError, NotDrafted
from ...core.ports.assistance.suggestions import DraftQueue, DueDraft
from ...core.ports.http import Hints
from ...core.views.stream_events import account_topic, conversation_topic
from ..recurring import recur
from .bot_assistant import BotAssistant, holds
from .drafting import Conversations, Drafter

log = structlog.get_logger(__name__)

POLL = 0.5
"""Seconds between two looks at the feeds without work."""
AT_ONCE = 8
"""Drafts that one process has under way; others stay in the queue."""
BEAT = 3.0
"""Seconds between two renewals of the claims."""
ATTEMPTS = 4
"""Attempts at a draft."""
FIRST_PAUSE = 5.0
"""Seconds to the second attempt; twice as many to each further one."""
LIMITED = 20.0
"""Seconds after which a draft is tried again that was one call too many for its account's minute."""
PATIENCE = 600.0
"""Seconds for which neither such a limit nor an overloaded database counts as an attempt."""
TRIM_EVERY = 3600.0
EVENT = "conversation:suggestion"


async def notify_team(
    hints: Hints, account_id: str, conversation_id: str, suggestion_id: str, status: str, confidence: float
) -> None:
    """Send the team's streams a suggestion's new status."""
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
        self._under_way: set[str] = set()
        """The conversations whose claims are to be kept."""
        self._stopping = False

    async def main_loop(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(recur(self.pump, "draft_pump", self._poll, at_once=True, while_busy=True))
            for _ in range(AT_ONCE):
                group.create_task(recur(self.draft_next, "draft", self._poll, at_once=True, while_busy=True))
            group.create_task(recur(self._keep, "draft_claims", BEAT))
            group.create_task(
                recur(self._trim, "model_calls_trim", TRIM_EVERY, at_once=True, while_busy=True)
            )

    def stop(self) -> None:
        """Begin no more. What is under way goes on."""
        self._stopping = True

    async def release(self) -> None:
        """Leave what is under way to other processes."""
        if self._under_way:
            await self._queue.release(list(self._under_way))

    async def pump(self) -> bool:
        """Read on in the feeds. Returns whether there was anything."""
        moved, overtaken = await self._queue.pump()
        for one in overtaken:
            await notify_team(
                self._hints, one.account_id, one.conversation_id, one.suggestion_id, "stale", one.confidence
            )
        return moved > 0

    async def draft_next(self) -> bool:
        """Answer or draft for one conversation that is due. Returns whether there was one."""
        due = [] if self._stopping else await self._queue.claim(1)
        for one in due:
            self._under_way.add(one.conversation_id)
            try:
                await self._work(one)
            finally:
                self._under_way.discard(one.conversation_id)
        return bool(due)

    async def _keep(self) -> None:
        await self._queue.keep(list(self._under_way))

    async def _work(self, due: DueDraft) -> None:
        """Settle it, have it tried again, or record why it will not be."""
        if due.attempts > ATTEMPTS:  # processes have ended with it
            await self._give_up(due, "given_up")
            return
        try:
            await self._settle(due)
        except LimitReached as error:
            if error.limit == "calls" and due.waited < PATIENCE:
                await self._queue.later(due, LIMITED, counts=False)
            else:
                await self._give_up(due, error.limit)
        except (Overloaded, StorageUnavailable, OSError, TimeoutError) as error:
            _log_failure(due, error)
            await self._again(due, counts=due.waited >= PATIENCE)
        except Exception as error:
            _log_failure(due, error)
            await self._again(due, counts=True)
        else:
            await self._queue.done(due)

    async def _again(self, due: DueDraft, *, counts: bool) -> None:
        if counts and due.attempts >= ATTEMPTS:
            await self._give_up(due, "given_up")
        else:
            pause = FIRST_PAUSE * 2 ** (due.attempts - 1) if counts else FIRST_PAUSE
            await self._queue.later(due, pause, counts=counts)

    async def _give_up(self, due: DueDraft, reason: NotDrafted) -> None:
        c = await self._conversations.get(due.account_id, due.conversation_id)
        if c is not None and holds(c):
            await self._bot.hand_over(c)
        await self._queue.give_up(due, reason)
        log.error("not_drafted", account=due.account_id, conversation=due.conversation_id, reason=reason)

    async def _settle(self, due: DueDraft) -> None:
        """Answer, draft, or find that there is nothing to do. Raises LimitReached, ModelError and the storage's errors."""
        settings = await self._queue.settings(due.account_id)
        c = await self._conversations.get(due.account_id, due.conversation_id)
        if c is None or c.erased or c.status in FINAL:
            return
        if holds(c):
            await self._bot.answer(c, settings, due.seq)
        elif settings.suggestions == "inbound":
            await self._draft(c, settings)

    async def _draft(self, c: Conversation, settings: Assistance) -> None:
        try:
            made = await self._drafter.draft(c, settings, Wishes(), None)
        except (Conflict, NotFound) as error:  # nothing waits for an answer any more
            log.info("not_drafted", account=c.account_id, conversation=c.id, reason=error.detail)
            return
        await notify_team(self._hints, c.account_id, c.id, made.id, "pending", made.confidence)


def _log_failure(due: DueDraft, error: Exception) -> None:
    known = isinstance(error, (ModelError, TertuliaError, OSError))
    log.warning(
        "draft_failed", account=due.account_id, conversation=due.conversation_id, attempt=due.attempts,
        error=repr(error), exc_info=None if known else error,
    )  # fmt: skip
