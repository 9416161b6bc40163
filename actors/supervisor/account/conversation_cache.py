"""A supervisor's copy of an account's live conversations: as stored, without what routing ignores, and with who last served
the customer, if the account uses sticky routing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from ....core.accounts.account_settings import AccountSettings
from ....core.conversation.entries import NOTHING
from ....core.conversation.state import Conversation, LastHeld

USED_METADATA = ("language",)
"""The keys of metadata and bot context that routing reads."""
NOT_LOOKED_UP: tuple[str, LastHeld | None] = ("", None)
MAX_ENDED = 10_000
"""Recently closed or changed conversations that are not cached, of which older states may still arrive."""


class ConversationCache:
    """`live` has the live conversations by id."""

    def __init__(self, live: Iterable[Conversation]) -> None:
        self.live = {c.id: _trimmed(c) for c in live}
        self._last_held: dict[str, tuple[str, LastHeld | None]] = {}
        self._ended: dict[str, int] = {}

    def put(self, c: Conversation) -> bool:
        """Store a conversation's state; False if a newer one is known."""
        known = self.live.get(c.id)
        if c.seq < (self._ended.get(c.id, 0) if known is None else known.seq):
            return False
        self._ended.pop(c.id, None)
        if c.live:
            self.live[c.id] = _trimmed(c)
        else:
            self.drop(c.id)
            self.note_seq(c.id, c.seq)
        return True

    def note_seq(self, conversation_id: str, seq: int) -> None:
        """Note the seq of a conversation that is not cached, so that an older state, perhaps being read right now, is
        ignored."""
        self._ended[conversation_id] = max(seq, self._ended.pop(conversation_id, 0))
        if len(self._ended) > MAX_ENDED:
            del self._ended[next(iter(self._ended))]

    def drop(self, conversation_id: str) -> None:
        self.live.pop(conversation_id, None)
        self._last_held.pop(conversation_id, None)

    def last_held(self, conversation_id: str) -> LastHeld | None:
        """The agent who last held a conversation of its contact, if known."""
        return self._last_held.get(conversation_id, NOT_LOOKED_UP)[1]

    def set_last_held(self, conversation_id: str, contact_id: str, last: LastHeld | None) -> bool:
        """Set who last held a conversation of its contact; False if the conversation is closed."""
        if conversation_id not in self.live:
            return False
        self._last_held[conversation_id] = contact_id, last
        return True

    def needs_lookup(self, c: Conversation, settings: AccountSettings) -> bool:
        """Whether sticky routing applies and has not been looked up yet."""
        if not c.waits or settings.routing.sticky_hours == 0:
            return False
        return self._last_held.get(c.id, NOT_LOOKED_UP)[0] != c.contact_id

    def needing_lookup(self, settings: AccountSettings) -> list[Conversation]:
        return [c for c in self.live.values() if self.needs_lookup(c, settings)]


def _trimmed(c: Conversation) -> Conversation:
    if c.metadata or c.bot_context or c.last_message_preview:
        return replace(
            c, metadata=_only(c.metadata), bot_context=_only(c.bot_context), last_message_preview=None
        )
    return c


def _only(values: dict[str, Any]) -> dict[str, Any]:
    return {k: values[k] for k in USED_METADATA if k in values} or NOTHING
