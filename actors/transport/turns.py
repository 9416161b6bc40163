"""A turn as it travels to a conversation actor in another process, and its result."""

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


class Taken(msgspec.Struct, frozen=True, array_like=True):
    """What a turn came to. `write` is None where nothing changes."""

    outcome: Outcome
    write: Write | None = None


class Turning(msgspec.Struct, frozen=True, array_like=True):
    """What a turn is given: the command, the time in ms, the conversation that holds the thread key, entry 0 when
    this command opened the conversation, what the account's conversations go by, and what was found out about its message."""

    envelope: Envelope
    now: int
    live_id: str | None = None
    opening: Entry | None = None
    account: AccountRules | None = None
    heard: Analysis | None = None


Announce = Callable[[int, bool], None]
"""Tells who sent a batch that the turn of a command begins (True) or has ended: its place in the batch, and which."""
