"""The context of a turn: what the rules of a command know besides conversation and command."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from .account_rules import AccountRules


class Turn(msgspec.Struct, frozen=True):
    """`now` in ms; `new_id` makes fresh ids; `live_id`: the conversation that holds the thread key; `account`: its settings and
    rules."""

    now: int
    new_id: Callable[[], str]
    live_id: str | None = None
    account: AccountRules | None = None
