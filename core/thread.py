"""Which conversation a thread key means: the live one, else the newest resolved one, else a new one."""

from __future__ import annotations

import msgspec

from .commands import Receive, ThreadCommand
from .conversation import Conversation
from .status import LIVE, Status


class Thread(msgspec.Struct):
    """What a host knows of a thread key. `resolved` holds ids, newest first (ids sort by time)."""

    contact_id: str
    contact_name: str | None = None
    live: str | None = None
    resolved: tuple[str, ...] = ()

    def target(self, command: ThreadCommand) -> str | None:
        """The conversation `command` is for; None when a new one must be opened."""
        if self.live is not None:
            return self.live
        if isinstance(command, Receive) and self.resolved:
            return self.resolved[0]
        return None

    def forget(self, conversation_id: str) -> None:
        """A conversation that does not exist any more."""
        if self.live == conversation_id:
            self.live = None
        self.resolved = tuple(i for i in self.resolved if i != conversation_id)

    def note(self, c: Conversation) -> None:
        """Take in a conversation's new status."""
        if c.status in LIVE:
            self.live = c.id
        elif self.live == c.id:
            self.live = None
        rest = tuple(i for i in self.resolved if i != c.id)
        self.resolved = tuple(sorted((c.id, *rest), reverse=True)) if c.status is Status.RESOLVED else rest
