"""Runs of the assistant: a user's message is answered by the model port, in chunks as they arrive.

One run at a time of a conversation, whichever gateway took the message: its row in Postgres says who holds it. What users write
meanwhile is answered together by the next run. A process that dies leaves a claim that expires; another one then runs it again, from
the start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any, Final, Protocol

import structlog

from ...core.accounts.account_settings import Assistance
from ...core.assistance.prompts import Line, Prompt
from ...core.assistance.suggestions import read
from ...core.conversation.commands import By, Done, Envelope, Post
from ...core.conversation.entries import Entry, Message
from ...core.conversation.state import Conversation
from ...core.errors import TertuliaError
from ...core.ports.assistance.models import ModelError, ModelRequest, SignsIn
from ...core.ports.assistance.runs import Claim, RunStore
from ...core.ports.http import Hints
from ...core.text.visible import visible
from ..clock import fresh_id
from ..recurring import recur
from .drafting import Conversations, limits_of
from .model_calls import ModelCalls

log = structlog.get_logger(__name__)

FRAME: Final = "assistant:frame"
"""The type of the hints that carry a run's frames."""
BEAT: Final = 1.0
"""Seconds between two renewals of the claims, which also bring cancellations from other gateways."""
DUE: Final = 64
"""Runs that a process takes over at one beat."""
ANSWERS: Final = "answers_up_to"
"""Metadata of an answer: the seq of the newest message that its run had read."""
MAX_TOKENS: Final = 4096
"""Tokens of an answer, for providers that take a limit."""
HISTORY: Final = 20
"""Messages that a run reads, the newest."""
AUTHOR: Final = By("service", "assistant", "service")
INSTRUCTION: Final = (
    "You are an assistant in a conversation. Answer the user's newest messages, in their language."
    " Answer with the text of the reply alone."
)


def topic_of(conversation_id: str) -> str:
    """The topic of a conversation's frames. No client may ask for it: only the assistant's WebSocket joins it."""
    return f"assistant:{conversation_id}"


class Ask(Protocol):
    async def __call__(self, envelope: Envelope) -> Done: ...


class AssistantRuns:
    """The runs of one process. `most`: how many are under way at once; more stay in Postgres until there is room, here or elsewhere."""

    def __init__(
        self,
        store: RunStore,
        calls: ModelCalls,
        conversations: Conversations,
        settings: Callable[[str], Awaitable[Assistance]],
        ask: Ask,
        hints: Hints,
        *,
        most: int,
        beat: float = BEAT,
    ) -> None:
        self._store = store
        self._calls = calls
        self._conversations = conversations
        self._settings = settings
        self._ask = ask
        self._hints = hints
        self._most = most
        self._beat = beat
        self._running: dict[str, asyncio.Task[None]] = {}
        self._streaming: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        """Conversations for which a run was wanted while theirs was under way."""

    async def send_frame(self, account_id: str, conversation_id: str, frame: dict[str, Any]) -> None:
        """Send a frame to the conversation's WebSockets, at every gateway."""
        await self._hints.send(
            account_id, FRAME, {"frame": frame}, [topic_of(conversation_id)], conversation_id
        )

    async def want(self, account_id: str, conversation_id: str, seq: int) -> None:
        """A user has written: answer in the background."""
        await self._store.want(account_id, conversation_id, seq)
        self._start(account_id, conversation_id)

    async def cancel(self, account_id: str, conversation_id: str) -> bool:
        """Stop a conversation's run. False if none is under way."""
        if (streaming := self._streaming.get(conversation_id)) is not None:
            streaming.cancel()
            return True
        return await self._store.cancel(account_id, conversation_id)

    async def main_loop(self) -> None:
        """Keep the claims, stop what was cancelled elsewhere, take over what nobody holds."""
        await recur(self._look, "assistant_runs", self._beat)

    async def close(self) -> None:
        """Stop the runs, and leave them to other processes."""
        self._again.clear()
        running = list(self._running.values())
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)
            try:
                await self._store.release()
            except Exception as error:  # their claims expire
                log.warning("runs_not_released", error=repr(error))
        await self._calls.close()

    async def _look(self) -> None:
        if self._running:
            for conversation_id in await self._store.keep(list(self._running)):
                if (streaming := self._streaming.get(conversation_id)) is not None:
                    streaming.cancel()
        if (room := min(DUE, self._most - len(self._running))) <= 0:
            return
        for due in await self._store.due(room):
            if due.given_up:
                log.error("run_given_up", account=due.account_id, conversation=due.conversation_id)
                await self.send_frame(
                    due.account_id, due.conversation_id, {"type": "error", "message": "given up"}
                )
            else:
                self._start(due.account_id, due.conversation_id)

    def _start(self, account_id: str, conversation_id: str) -> None:
        if conversation_id in self._running:
            self._again.add(conversation_id)  # it may have looked for messages just before this one
        elif len(self._running) < self._most:
            task = asyncio.ensure_future(self._work(account_id, conversation_id))
            self._running[conversation_id] = task
            task.add_done_callback(lambda done: self._ended(account_id, conversation_id, done))

    def _ended(self, account_id: str, conversation_id: str, done: asyncio.Task[None]) -> None:
        del self._running[conversation_id]
        if conversation_id in self._again:
            self._again.discard(conversation_id)
            if not done.cancelled():
                self._start(account_id, conversation_id)

    async def _work(self, account_id: str, conversation_id: str) -> None:
        """Answer until no message waits, or another process holds the run."""
        try:
            while (claim := await self._store.claim(account_id, conversation_id)) is not None:
                await self._run(account_id, conversation_id, claim)
                await self._store.finish(account_id, conversation_id, claim.seq)
        except TertuliaError as error:
            log.warning("run_failed", account=account_id, conversation=conversation_id, error=repr(error))
        except Exception:
            log.exception("run_failed", account=account_id, conversation=conversation_id)

    async def _run(self, account_id: str, conversation_id: str, claim: Claim) -> None:
        """One answer, from the first frame to `complete` or `error`."""
        c = await self._conversations.get(account_id, conversation_id)
        if c is None or c.erased:
            return
        if claim.is_again:  # what the process before this one has streamed does not count
            await self.send_frame(account_id, conversation_id, {"type": "info", "message": "restarted"})
        parts: list[str] = []
        streaming = asyncio.ensure_future(self._stream(c, parts))
        self._streaming[conversation_id] = streaming
        frame: dict[str, Any] = {"type": "complete"}
        try:
            await streaming
        except asyncio.CancelledError:
            if not streaming.cancelled() or asyncio.current_task().cancelling():  # type: ignore[union-attr]
                streaming.cancel()
                raise
            frame["cancelled"] = True
        except ModelError as error:
            frame = {"type": "error", "message": error.reason}
        except TertuliaError as error:
            frame = {"type": "error", "message": error.detail}
        finally:
            del self._streaming[conversation_id]
        if frame["type"] == "complete":
            frame = await self._kept(c, claim.seq, "".join(parts), frame)
        await self.send_frame(account_id, conversation_id, frame)

    async def _kept(self, c: Conversation, seq: int, text: str, frame: dict[str, Any]) -> dict[str, Any]:
        """Add an answer to its conversation. Returns the run's last frame."""
        if not text.strip():
            return frame if "cancelled" in frame else {"type": "error", "message": "unreadable"}
        metadata: dict[str, Any] = {ANSWERS: seq}
        if "cancelled" in frame:
            metadata["cancelled"] = True
        command = Post("bot", text, key=f"assistant run {seq}", metadata=metadata)
        try:
            await self._ask(Envelope(fresh_id(), c.account_id, AUTHOR, command, c.id))
        except TertuliaError as error:
            log.warning("answer_not_kept", account=c.account_id, conversation=c.id, error=repr(error))
            return {"type": "error", "message": error.detail}
        return frame

    async def _stream(self, c: Conversation, parts: list[str]) -> None:
        """Stream the provider's answer, and collect it in `parts`. Raises ModelError, RateLimited."""
        if isinstance(model := self._calls.model, SignsIn):
            signed = await model.sign_in()
            frame = {"type": "info", "message": f"{model.provider}_authenticated"}
            if not signed:
                frame = {"type": "warn", "message": f"{model.provider}_auth_failed"}
            await self.send_frame(c.account_id, c.id, frame)
        settings = await self._settings(c.account_id)
        entries = await self._conversations.messages(
            c.account_id, [c.id], before=None, after=None, limit=HISTORY, public=True
        )
        instruction = f"{INSTRUCTION} {settings.instruction}".strip()
        lines: tuple[Line, ...] = read(c, sorted(entries, key=_place)).lines
        prompt = Prompt(instruction, conversation=lines)
        request = ModelRequest(prompt, "run", max_tokens=MAX_TOKENS, session=c.id)
        async with aclosing(self._calls.stream(c.account_id, request, limits_of(settings), c.id)) as answer:
            async for part in answer:
                if isinstance(part, str) and (seen := visible(part)):
                    parts.append(seen)
                    await self.send_frame(c.account_id, c.id, {"type": "stream", "content": seen})


def _place(entry: Entry) -> tuple[int, int]:
    """Sorts an answer before the messages that came during its run, which it does not answer."""
    message = entry.data
    answers = (
        message.metadata.get(ANSWERS)
        if isinstance(message, Message) and message.sender_type == "bot"
        else None
    )
    return (answers, entry.seq) if isinstance(answers, int) else (entry.seq, 0)
