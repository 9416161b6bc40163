"""The conversation actor: owns one conversation's state and runs one turn at a time. Placement decides where it runs.

A turn is pure except for the ids it draws: it never waits, reads no clock and stores nothing. The host commits its writes
before anybody sees them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import structlog
from msgspec.structs import replace

from ...core.conversation.commands import Done, Envelope, MarkRead, Open, Recall, Refused, Tick
from ...core.conversation.entries import Actor, Entry, EntryData, HandoffRequested, Message, actor
from ...core.conversation.projection import apply
from ...core.conversation.recent_messages import CONTEXT_SIZE
from ...core.conversation.state import Conversation, State
from ...core.errors import Conflict, TertuliaError
from ...core.ports.journal import Write
from ...core.turn.account_rules import AccountRules
from ...core.turn.bot import BotResponse, respond
from ...core.turn.context import Turn
from ...core.turn.decide import check_party, decide, repeated
from ...core.turn.message_analysis import NO_ANALYSIS, Analysis
from ...core.turn.timers import looked_at, timed
from ..transport.refusals import refusal
from ..transport.turns import TurnRequest, TurnResult

log = structlog.get_logger(__name__)


class ConversationActor:
    """One conversation. `state` is ahead of the journal by the writes not committed yet."""

    __slots__ = ("new_id", "state")

    def __init__(self, state: State, new_id: Callable[[], str]) -> None:
        self.state = state
        self.new_id = new_id

    def turn(self, request: TurnRequest) -> TurnResult:
        """Decide one command and advance the state."""
        try:
            return self._turn(request)
        except TertuliaError as error:
            return TurnResult(refusal(error))
        except Exception as error:
            # A bug. The state has not changed, and the other commands must continue.
            log.exception("turn_failed", command=type(request.envelope.command).__name__)
            return TurnResult(Refused("internal", f"the command failed: {type(error).__name__}"))

    def _turn(self, request: TurnRequest) -> TurnResult:
        envelope, now, live_id, opening = request.envelope, request.now, request.live_id, request.opening
        state = self.state
        before = state.conversation
        check_party(before, envelope.account_id, envelope.by)
        post = envelope.post
        if post is not None and (again := repeated(state, envelope.by, post)) is not None:
            recent = state.recent if post.recalls else None
            return TurnResult(Done((again,), repeated=True, handoff=before.handoff_reason, recent=recent))
        command = envelope.command
        if isinstance(command, Open) and opening is None and not command.find:
            raise Conflict(
                "this customer has a live conversation on the channel already",
                current={"conversation_id": before.id, "status": before.status},
            )
        account = request.account
        data = decide(
            state, envelope.by, command, Turn(now, self.new_id, live_id, account, opening is not None)
        )
        by = actor(envelope.by.type, envelope.by.id)
        state, entries = _apply_all(state, [(by, item) for item in data], now)
        answer = len(entries) - 1
        if account is not None and post is not None:
            message = data[-1]
            assert isinstance(message, Message), "a post's last entry is its message"
            analysis = request.analysis or NO_ANALYSIS
            if response := self._respond(before, state, message, account, now, analysis):
                state, responses = _apply_all(state, response, now)
                entries += responses
        if isinstance(command, MarkRead):
            state = _mark_read(state, command)
        outcome = _outcome_of(envelope, state, entries, answer, opening)
        if opening is not None:
            entries = (opening, *entries)
            answer += 1
        stored = before
        if account is not None and isinstance(command, Tick):
            state = replace(state, conversation=looked_at(state.conversation, account, now))
            stored = replace(before, timer_at=command.seen)
        elif account is not None and (opening is not None or state.conversation is not before):
            after = timed(None if opening else before, state.conversation, account, now)
            state = state if after is state.conversation else replace(state, conversation=after)
        after = state.conversation
        if opening is None and after is before:
            return TurnResult(outcome)
        if not entries and after == stored:
            return TurnResult(outcome)
        self.state = state
        key = envelope.key()
        write = Write(None if opening else stored, after, entries, key, fence=envelope.fence, keyed=answer)
        return TurnResult(outcome, write)

    def _respond(
        self,
        before: Conversation,
        state: State,
        message: Message,
        account: AccountRules,
        now: int,
        analysis: Analysis,
    ) -> BotResponse:
        """The bot's entries. A bug in the bot must not keep a customer from humans."""
        try:
            return respond(before, state, message, account, now, self.new_id, analysis)
        except Exception:
            log.exception("bot_failed", account=before.account_id, conversation=before.id)
            return []


def _apply_all(
    state: State, responses: Iterable[tuple[Actor, EntryData]], now: int
) -> tuple[State, tuple[Entry, ...]]:
    """Apply entries of the given data; returns the new state and the entries."""
    entries: list[Entry] = []
    for by, data in responses:
        c = state.conversation
        entry = Entry(c.account_id, c.id, c.seq + 1, now, by, data)
        state = apply(state, entry)
        entries.append(entry)
    return state, tuple(entries)


def _mark_read(state: State, command: MarkRead) -> State:
    """The state with the unread count after reading up to a seq. Unchanged if the seq is older than the messages in memory."""
    c, messages = state.conversation, state.messages()
    if len(messages) == CONTEXT_SIZE and messages[0].seq > command.seq + 1:
        return state
    newer = sum(1 for e in messages if e.seq > command.seq and _is_inbound(e.data))
    return State(replace(c, unread_count=newer), state.recent) if c.unread_count > newer else state


def _is_inbound(data: EntryData) -> bool:
    return isinstance(data, Message) and data.direction == "inbound"


def _outcome_of(
    envelope: Envelope, state: State, entries: tuple[Entry, ...], answer: int, opening: Entry | None
) -> Done:
    """`answer`: the index of the command's last entry; what follows it is the bot's."""
    command = envelope.command
    if isinstance(command, Recall):
        public = [e for e in state.messages() if isinstance(e.data, Message) and not e.data.is_private]
        return Done(tuple(public[-command.count :]))
    if envelope.post is not None:
        recent = state.recent if envelope.post.recalls else None
        if len(entries) == answer + 1:
            return Done(entries[answer:], recent=recent)
        reasons = [e.data.reason for e in entries[answer + 1 :] if isinstance(e.data, HandoffRequested)]
        return Done(entries[answer : answer + 1], handoff=reasons[0] if reasons else None, recent=recent)
    return Done((), state.conversation, repeated=isinstance(command, Open) and opening is None)
