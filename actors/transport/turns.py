"""The input and the result of a conversation actor's turn. Both can travel to another process."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from ...core.conversation.commands import (
    Envelope,
    Outcome,
)
from ...core.conversation.entries import Entry
from ...core.ports.journal import Write
from ...core.turn.account_rules import AccountRules
from ...core.turn.message_analysis import Analysis


class TurnResult(msgspec.Struct, frozen=True, array_like=True):
    """The result of a turn. `write` is None if nothing changes."""

    outcome: Outcome
    write: Write | None = None


class TurnRequest(msgspec.Struct, frozen=True, array_like=True):
    """The input of a turn: the command, the time in ms, the conversation that holds the thread key, entry 0 if this command
    opened the conversation, the account's rules, and the analysis of the command's message."""

    envelope: Envelope
    now: int
    live_id: str | None = None
    opening: Entry | None = None
    account: AccountRules | None = None
    analysis: Analysis | None = None


Announce = Callable[[int, bool], None]
"""Called with a command's index in its batch when its turn begins (True) and ends (False). The batch's sender is told."""
