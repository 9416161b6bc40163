"""Account feeds as gateways read them: an account's entries in the order of their positions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from ..conversation.entries import Entry


class FeedHead(msgspec.Struct, frozen=True):
    """The position of an account's feed; entries before `kept_from` may be gone."""

    account_id: str
    generation: str
    position: int
    kept_from: int


class FeedArchive(Protocol):
    """Reading the accounts' feeds."""

    async def heads(self, accounts: Sequence[str]) -> list[FeedHead]:
        """The heads of feeds; accounts that do not exist are left out."""
        ...

    async def read(self, account_id: str, after: int, limit: int) -> list[Entry]:
        """The account's entries after a position, in order."""
        ...
