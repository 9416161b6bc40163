"""What an account's desk needs of its supervisor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from .command_sender import CommandSender
from .routing_journal import RoutingJournal
from .shadow_policies import ShadowPolicies


class DeskTools(msgspec.Struct, frozen=True):
    """`wake(account, at)` schedules `TimePassed` at a time in ms. `look_up_last_held(account, conversation, contact)` calls
    `set_last_held` later."""

    fence: tuple[int, int]
    now: Callable[[], int]
    new_id: Callable[[], str]
    sender: CommandSender
    wake: Callable[[str, int | None], None]
    keep_roster: Callable[[str, str, tuple[str, ...]], Any]
    reload: Callable[[str, str], None]
    look_up_last_held: Callable[[str, str, str], None]
    journal: RoutingJournal
    shadows: ShadowPolicies
