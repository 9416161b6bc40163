"""The conversation actor: its own state, one turn at a time. Where it runs is placement, not its concern.

A turn is pure but for the ids it draws: it never waits, reads no clock and stores nothing. Its host
commits what the turn wrote before anybody hears of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import structlog
from msgspec.structs import replace

from ...core.conversation.commands import Done, Envelope, MarkRead, Open, Recall, Refused, Tick
from ...core.conversation.entries import Actor, Entry, EntryData, Message, actor
from ...core.conversation.recent_messages import CONTEXT_SIZE
from ...core.conversation.state import Conversation, State, apply
from ...core.errors import Conflict, TertuliaError
from ...core.ports.journal import Write
from ...core.turn.account_rules import AccountRules
from ...core.turn.bot import Said, respond
from ...core.turn.context import Turn
from ...core.turn.decide import check_party, decide, repeated
from ...core.turn.message_analysis import NO_ANALYSIS, Analysis
from ...core.turn.timers import looked_at, timed
from ..transport.turns import Taken, Turning

log = structlog.get_logger(__name__)


def refusal(error: TertuliaError) -> Refused:
    """The error as it travels."""
    return Refused(error.code, error.detail, error.current, tuple(error.errors), error.retry_after)


class ConversationActor:
    """One conversation. `state` runs ahead of the journal by the writes its host has not committed yet."""

    __slots__ = ("new_id", "state")

    def __init__(self, state: State, new_id: Callable[[], str]) -> None:
        self.state = state
        self.new_id = new_id

    def turn(self, turning: Turning) -> Taken:
        """Decide one command and move the state on."""
        try:
            return self._turn(turning)
        except TertuliaError as error:
            return Taken(refusal(error))
        except Exception as error:
            # A fault of ours. The state has not moved, and the neighbours of this command must go on.
            log.exception("turn_failed", command=type(turning.envelope.command).__name__)
            return Taken(Refused("internal", f"the command failed: {type(error).__name__}"))

    def _turn(self, turning: Turning) -> Taken:
        envelope, now, live_id, opening = turning.envelope, turning.now, turning.live_id, turning.opening
        state = self.state
        before = state.conversation
        check_party(before, envelope.account_id, envelope.by)
        post = envelope.post
        if post is not None and (again := repeated(state, envelope.by, post)) is not None:
            return Taken(Done((again,), repeated=True))
        command = envelope.command
        if isinstance(command, Open) and opening is None and not command.find:
            raise Conflict(
                "this customer has a live conversation on the channel already",
                current={"conversation_id": before.id, "status": before.status},
            )
        account = turning.account
        data = decide(state, envelope.by, command, Turn(now, self.new_id, live_id, account))
        by = actor(envelope.by.type, envelope.by.id)
        state, entries = _follow(state, [(by, item) for item in data], now)
        answer = len(entries) - 1
        if account is not None and post is not None:
            message = data[-1]
            assert isinstance(message, Message), "a post's last entry is its message"
            heard = turning.heard or NO_ANALYSIS
            state, said = _follow(state, self._respond(before, state, message, account, now, heard), now)
            entries += said
        if isinstance(command, MarkRead):
            state = _mark_read(state, command)
        outcome = _answer(envelope, state, entries[: answer + 1], opening)
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
            return Taken(outcome)
        if not entries and after == stored:
            return Taken(outcome)
        self.state = state
        key = envelope.key()
        write = Write(None if opening else stored, after, entries, key, fence=envelope.fence, keyed=answer)
        return Taken(outcome, write)

    def _respond(
        self,
        before: Conversation,
        state: State,
        message: Message,
        account: AccountRules,
        now: int,
        heard: Analysis,
    ) -> Said:
        """The bot's part. A fault in it keeps no customer from humans."""
        try:
            return respond(before, state, message, account, now, self.new_id, heard)
        except Exception:
            log.exception("bot_failed", account=before.account_id, conversation=before.id)
            return []


def _follow(
    state: State, said: Iterable[tuple[Actor, EntryData]], now: int
) -> tuple[State, tuple[Entry, ...]]:
    """The state after what was said, and the entries it makes."""
    entries: list[Entry] = []
    for by, data in said:
        c = state.conversation
        entry = Entry(c.account_id, c.id, c.seq + 1, now, by, data)
        state = apply(state, entry)
        entries.append(entry)
    return state, tuple(entries)


def _mark_read(state: State, command: MarkRead) -> State:
    """The unread count after reading up to a seq. One too old for memory to count from leaves it as it is."""
    c, messages = state.conversation, state.messages()
    if len(messages) == CONTEXT_SIZE and messages[0].seq > command.seq + 1:
        return state
    newer = sum(1 for e in messages if e.seq > command.seq and _is_inbound(e.data))
    return State(replace(c, unread_count=newer), state.recent) if c.unread_count > newer else state


def _is_inbound(data: EntryData) -> bool:
    return isinstance(data, Message) and data.direction == "inbound"


def _answer(envelope: Envelope, state: State, entries: tuple[Entry, ...], opening: Entry | None) -> Done:
    command = envelope.command
    if isinstance(command, Recall):
        public = [e for e in state.messages() if isinstance(e.data, Message) and not e.data.is_private]
        return Done(tuple(public[-command.count :]))
    if envelope.post is not None:
        return Done(entries[-1:])
    return Done((), state.conversation, repeated=isinstance(command, Open) and opening is None)
