"""The context of a turn: what the rules of a command know besides conversation and command."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from .account_rules import AccountRules


class Turn(msgspec.Struct, frozen=True):
    """A turn's inputs besides the state and the command: the time in ms, fresh ids, who holds the thread key, what the account's
    conversations go by, and whether the command opens the conversation."""

    now: int
    new_id: Callable[[], str]
    live_id: str | None = None
    account: AccountRules | None = None
    opens: bool = False
