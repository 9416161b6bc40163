"""The conversation actor: its own state, one turn at a time. Where it runs is placement, not its concern.

A turn is pure but for the ids it draws: it never waits, reads no clock and stores nothing. Its host
commits what the turn wrote before anybody hears of it.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import structlog
from msgspec.structs import replace

from ..core.commands import Done, Envelope, MarkRead, Open, Outcome, Recall, Refused
from ..core.conversation import CONTEXT_SIZE, State, apply
from ..core.decide import Turn, check_party, decide, repeated
from ..core.entries import Entry, EntryData, Message, actor
from ..core.errors import Conflict, TertuliaError
from ..core.ports import Write

log = structlog.get_logger(__name__)


class Taken(msgspec.Struct, frozen=True, array_like=True):
    """What a turn came to. `write` is None where nothing changes."""

    outcome: Outcome
    write: Write | None = None


class Turning(msgspec.Struct, frozen=True, array_like=True):
    """What a turn is given: the command, the time in ms, the conversation that holds the thread key, and entry 0 when
    this command opened the conversation."""

    envelope: Envelope
    now: int
    live_id: str | None = None
    opening: Entry | None = None


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
        data = decide(state, envelope.by, command, Turn(now, self.new_id, live_id))
        by = actor(envelope.by.type, envelope.by.id)
        entries = () if opening is None else (opening,)
        for item in data:
            entry = Entry(before.account_id, before.id, state.conversation.seq + 1, now, by, item)
            state = apply(state, entry)
            entries += (entry,)
        if isinstance(command, MarkRead):
            state = _mark_read(state, command)
        self.state = state
        after = state.conversation
        write = (
            Write(None if opening else before, after, entries, envelope.key(), fence=envelope.fence)
            if after is not before or opening
            else None
        )
        return Taken(_answer(envelope, state, entries, opening), write)


def _mark_read(state: State, command: MarkRead) -> State:
    """The unread count after reading up to a seq. One too old for memory to count from leaves it as it is."""
    c, recent = state.conversation, state.recent
    if len(recent) == CONTEXT_SIZE and recent[0].seq > command.seq + 1:
        return state
    newer = sum(1 for e in recent if e.seq > command.seq and _is_inbound(e.data))
    return State(replace(c, unread_count=newer), recent) if c.unread_count > newer else state


def _is_inbound(data: EntryData) -> bool:
    return isinstance(data, Message) and data.direction == "inbound"


def _answer(envelope: Envelope, state: State, entries: tuple[Entry, ...], opening: Entry | None) -> Done:
    command = envelope.command
    if isinstance(command, Recall):
        public = [e for e in state.recent if isinstance(e.data, Message) and not e.data.is_private]
        return Done(tuple(public[-command.count :]))
    if envelope.post is not None:
        return Done(entries[-1:])
    return Done((), state.conversation, repeated=isinstance(command, Open) and opening is None)
