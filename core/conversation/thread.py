"""Which conversation a thread key stands for: the live one, else the newest resolved one, else a new one."""

from __future__ import annotations

import msgspec

from .commands import Receive, ThreadCommand
from .state import Conversation
from .status import LIVE, Status


class NewContact(msgspec.Struct, frozen=True, weakref=True):
    """A contact and its identifier that do not exist yet. The commit that opens their first conversation stores them."""

    id: str
    identifier_id: str
    account_id: str
    channel_type: str
    identifier: str
    name: str | None = None

    @property
    def address(self) -> tuple[str, str, str]:
        """The address for which an account has one contact."""
        return self.account_id, self.channel_type, self.identifier


class Thread(msgspec.Struct, gc=False):
    """A host's knowledge of a thread key. `resolved` holds ids, newest first (ids sort by time).

    `erased`: its contact was erased, so the thread must be read again before the next conversation. `new_contact`: its contact, if
    no commit has stored it. `unused`: it has never had a conversation, so no command can be a repeat.
    """

    contact_id: str
    contact_name: str | None = None
    live: str | None = None
    resolved: tuple[str, ...] = ()
    erased: bool = False
    new_contact: NewContact | None = None
    unused: bool = False

    def target(self, command: ThreadCommand) -> str | None:
        """The conversation that `command` goes to; None if a new one must be opened."""
        if self.live is not None:
            return self.live
        if isinstance(command, Receive) and self.resolved:
            return self.resolved[0]
        return None

    def opens(self, conversation_id: str) -> None:
        """Note a conversation that a turn has opened and that may still be refused."""
        self.live, self.unused = conversation_id, False

    def follow(self, before: Conversation, after: Conversation) -> None:
        """Note that a conversation's contact was merged, renamed or erased, as later conversations start with it."""
        if after.erased:
            self.erased = True
        elif (before.contact_id, before.contact_name) != (after.contact_id, after.contact_name):
            self.contact_id, self.contact_name = after.contact_id, after.contact_name

    def forget(self, conversation_id: str) -> None:
        """Forget a conversation that no longer exists."""
        if self.live == conversation_id:
            self.live = None
        self.resolved = tuple(i for i in self.resolved if i != conversation_id)

    def note(self, c: Conversation) -> None:
        """Note a conversation's new status."""
        if c.status in LIVE:
            self.live = c.id
        elif self.live == c.id:
            self.live = None
        rest = tuple(i for i in self.resolved if i != c.id)
        self.resolved = tuple(sorted((c.id, *rest), reverse=True)) if c.status is Status.RESOLVED else rest
