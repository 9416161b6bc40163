"""Commands: what somebody asks of a conversation. Accepted as entries, or refused with an error.

A command travels in an `Envelope`, which names its target: a conversation, or a thread key when the
conversation may not exist yet. The envelope's id makes a retry harmless.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ..accounts.principal import Principal, Role
from ..ids import partition_of_conversation, partition_of_thread
from .entries import ActorType, Attachment, Entry, OfferOutcome, Priority, SenderType
from .state import Conversation


class By(msgspec.Struct, frozen=True, array_like=True):
    """On whose behalf. A customer's is bound to their channel and contact identifier."""

    type: ActorType
    id: str | None
    role: str
    channel_id: str | None = None
    contact_identifier: str | None = None


_ACTORS: dict[Role, ActorType] = {Role.SERVICE: "service", Role.CUSTOMER: "contact"}


def acting(principal: Principal) -> By:
    """On behalf of who asks."""
    p = principal
    user = p.contact_identifier if p.role is Role.CUSTOMER else p.user_id
    return By(_ACTORS.get(p.role, "agent"), user, p.role.value, p.channel_id, p.contact_identifier)


class ThreadKey(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """At most one live conversation each. `topic` tells apart the threads of one e-mail sender."""

    account_id: str
    channel_id: str
    identifier: str
    topic: str = ""


class _Command(msgspec.Struct, frozen=True, array_like=True, tag=True):
    pass


class Post(_Command, frozen=True):
    """A message or note. `key` is the client's own id for it: the same key again has no second effect. `to`, `cc` and `bcc`
    are the recipients of a mail; None where they follow from the mail it answers."""

    sender_type: SenderType
    content: str
    content_type: str = "text"
    attachments: tuple[Attachment, ...] = ()
    is_private: bool = False
    reply_to: str | None = None
    key: str | None = None
    external_id: str | None = None
    metadata: dict[str, Any] = {}
    to: tuple[str, ...] | None = None
    cc: tuple[str, ...] | None = None
    bcc: tuple[str, ...] | None = None


class Opening(msgspec.Struct, frozen=True, array_like=True):
    """What a new conversation starts with."""

    channel_type: str
    contact_name: str | None = None
    outlet_id: str | None = None
    subject: str | None = None
    priority: Priority = "normal"
    labels: tuple[str, ...] = ()
    metadata: dict[str, Any] = {}


class Receive(_Command, frozen=True):
    """A customer wrote: into the live conversation, else the newest resolved one, else a new one."""

    opening: Opening
    post: Post


class Open(_Command, frozen=True):
    """A new conversation; `find` returns the live one where there is one, instead of a conflict."""

    opening: Opening
    find: bool = False


class Update(_Command, frozen=True):
    """A patch: only the fields in `changes` change. `status` and `assignee_id` follow their own rules."""

    changes: dict[str, Any]


class Assign(_Command, frozen=True):
    """To an agent; to nobody with None. `only_waiting`: unless somebody has it by then. `explain`: the routing record."""

    agent_id: str | None
    reason: str = "manual"
    only_waiting: bool = False
    explain: dict[str, Any] | None = None


class Offer(_Command, frozen=True):
    """Ask an agent to take a conversation that waits, until `expires_at`."""

    offer_id: str
    agent_id: str
    expires_at: int
    explain: dict[str, Any] | None = None


class EndOffer(_Command, frozen=True):
    """What became of an offer; `accepted` assigns the conversation."""

    offer_id: str
    outcome: OfferOutcome
    explain: dict[str, Any] | None = None


class Entrust(_Command, frozen=True):
    """To a team, to be given to one of its agents by a strategy; taken from the agent who has it."""

    team_id: str
    strategy: str


class NotifyLeads(_Command, frozen=True):
    """Nobody can take it, and it is of high priority."""


class Release(_Command, frozen=True):
    """Back to the queue. `only_from`: unless somebody else has it by now."""

    reason: str = "release"
    only_from: str | None = None


class Handoff(_Command, frozen=True):
    """A human is asked for; `agent_id` names one."""

    reason: str
    agent_id: str | None = None


class GiveBack(_Command, frozen=True):
    """To the bot, which may speak again."""


class Close(_Command, frozen=True):
    """Soft close: final."""


class Erase(_Command, frozen=True):
    """Forget the customer: close the conversation, and blank what it holds of them. See `erasure.py`."""


class Rate(_Command, frozen=True):
    """The customer's score, 1 … 5."""

    score: int
    comment: str | None = None


class Tick(_Command, frozen=True):
    """Look what is due. `seen`: the instant that is stored."""

    seen: int


class Edit(_Command, frozen=True):
    """A customer changed the message that their provider calls `external_id`. The provider's word, so a service's to give.

    `seq` and `previous_content` are as stored: they count where the message is not in the actor's memory any more.
    """

    external_id: str
    message_id: str
    seq: int
    content: str
    previous_content: str
    edited_at: int


class MarkRead(_Command, frozen=True):
    """Read up to `seq`. No entry: it only moves the unread count."""

    seq: int


class Recall(_Command, frozen=True):
    """The newest public messages, from the actor's memory. Changes nothing."""

    count: int


Command = (
    Post
    | Receive
    | Open
    | Update
    | Assign
    | Offer
    | EndOffer
    | Entrust
    | NotifyLeads
    | Release
    | Handoff
    | GiveBack
    | Close
    | Erase
    | Rate
    | Tick
    | Edit
    | MarkRead
    | Recall
)
ThreadCommand = Receive | Open


class Envelope(msgspec.Struct, frozen=True, array_like=True):
    """A command on its way. Exactly one of `conversation_id` and `thread` is set.

    `fence`: shard and epoch of the supervisor that sends it; nothing is stored once it has a successor.
    """

    id: str
    account_id: str
    by: By
    command: Command
    conversation_id: str | None = None
    thread: ThreadKey | None = None
    attempt: int = 0
    fence: tuple[int, int] | None = None

    @property
    def partition(self) -> int:
        """Where the target lives."""
        if self.conversation_id is not None:
            return partition_of_conversation(self.conversation_id)
        assert self.thread is not None
        t = self.thread
        return partition_of_thread(t.account_id, t.channel_id, t.identifier, t.topic)

    def key(self) -> str:
        """What makes a repeat of this command known, unique within its conversation.

        A client's own key counts for its sender alone; an edit is known by its time; otherwise the envelope's id covers
        our own retries.
        """
        command = self.command
        if isinstance(command, Edit):
            return f"edit:{command.edited_at}:{command.external_id}"
        post = self.post
        if post is None or post.key is None:
            return self.id
        sender = "" if post.sender_type == "contact" else self.by.id
        return f"{post.sender_type}:{sender}:{post.key}"

    @property
    def opening(self) -> Opening:
        """What a command to a thread key opens a conversation with."""
        assert isinstance(self.command, (Receive, Open)), "only these are sent to a thread key"
        return self.command.opening

    @property
    def has_own_key(self) -> bool:
        """Whether the client named a key of its own."""
        return self.post is not None and self.post.key is not None

    @property
    def post(self) -> Post | None:
        """The message this command carries, if any."""
        command = self.command
        if isinstance(command, Post):
            return command
        return command.post if isinstance(command, Receive) else None


class Done(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Accepted and committed. `repeated`: this had happened already, and here is the first answer."""

    entries: tuple[Entry, ...] = ()
    conversation: Conversation | None = None
    repeated: bool = False


class Refused(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Refused: a code of `core.errors`, and what that error carries."""

    code: str
    detail: str
    current: dict[str, Any] | None = None
    errors: tuple[tuple[str, str], ...] = ()
    retry_after: float | None = None


class Moved(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Not this host's partition, or not any more: look at the map and ask again."""


Outcome = Done | Refused | Moved
