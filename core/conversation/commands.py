"""Commands: requests to a conversation. A command is accepted as entries, or refused with an error.

It travels in an `Envelope`, which names its target: a conversation, or a thread key if the conversation may not exist yet. The
envelope's id makes retries harmless.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ..accounts.principal import CUSTOMER, SERVICE, Principal, Role
from ..ids import partition_of_conversation, partition_of_thread
from .entries import ActorType, Attachment, Entry, Fields, OfferOutcome, Priority, SenderType
from .explain_record import Explain
from .recent_messages import Recent
from .state import Conversation
from .status import Status


class By(msgspec.Struct, frozen=True, array_like=True):
    """On whose behalf a command is sent. A customer is bound to a channel and a contact identifier."""

    type: ActorType
    id: str | None
    role: str
    channel_id: str | None = None
    contact_identifier: str | None = None


_ACTORS: dict[Role, ActorType] = {SERVICE: "service", CUSTOMER: "contact"}
_ROLES: dict[Role, str] = {role: role.value for role in Role}
"""A look-up costs less than the property `value`."""


def acting(principal: Principal) -> By:
    """The sender of a principal's commands."""
    p = principal
    user = p.contact_identifier if p.role is CUSTOMER else p.user_id
    return By(_ACTORS.get(p.role, "agent"), user, _ROLES[p.role], p.channel_id, p.contact_identifier)


class ThreadKey(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Names a thread, which has at most one live conversation. `topic` separates the threads of one e-mail sender."""

    account_id: str
    channel_id: str
    identifier: str
    topic: str = ""


class _Command(msgspec.Struct, frozen=True, array_like=True, tag=True):
    pass


class Post(_Command, frozen=True):
    """A message or note. `key` is the client's own id for it: the same key again has no second effect. `to`, `cc` and `bcc`
    are the recipients of a mail; None where they follow from the mail it answers. `seen`: the seq up to which
    its author has read; refused as stale if the customer or an agent has written or edited anything since. `recalls`: the result
    is to have the newest messages too."""

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
    seen: int | None = None
    recalls: bool = False


class Opening(msgspec.Struct, frozen=True, array_like=True):
    """The initial values of a new conversation."""

    channel_type: str
    contact_name: str | None = None
    outlet_id: str | None = None
    subject: str | None = None
    priority: Priority = "normal"
    labels: tuple[str, ...] = ()
    metadata: dict[str, Any] = {}


class Receive(_Command, frozen=True):
    """A customer wrote: into the live conversation, else the newest resolved one, else a new one.

    `known_as`: how the provider names them, for a conversation that has no name of theirs.
    """

    opening: Opening
    post: Post
    known_as: str | None = None


class Open(_Command, frozen=True):
    """A new conversation. With `find`, a live one is returned instead of a conflict."""

    opening: Opening
    find: bool = False


class Changes(Fields, frozen=True, kw_only=True):
    """What a patch asks for. `archived`: whether it is to be in the archive."""

    status: Status | UnsetType = UNSET
    assignee_id: str | UnsetType | None = UNSET
    archived: bool | UnsetType = UNSET


class Update(_Command, frozen=True):
    """A patch. `status` and `assignee_id` follow their own rules. `context` and `metadata` are merged into the bot's context and
    the metadata, key by key. `fills`: only fields that are empty change. `joins`: keys of `context` whose lists are added to the
    stored ones, each value once, instead of replacing them."""

    changes: Changes = Changes()
    context: dict[str, Any] = {}
    metadata: dict[str, Any] = {}
    fills: bool = False
    joins: tuple[str, ...] = ()


class Assign(_Command, frozen=True):
    """Assign to an agent, or to nobody (None). `only_waiting`: refused if it no longer waits. `explain`: how routing decided."""

    agent_id: str | None
    reason: str = "manual"
    only_waiting: bool = False
    explain: Explain | None = None


class Offer(_Command, frozen=True):
    """Offer a waiting conversation to an agent, until `expires_at`."""

    offer_id: str
    agent_id: str
    expires_at: int
    explain: Explain | None = None


class EndOffer(_Command, frozen=True):
    """End an offer with an outcome; `accepted` assigns the conversation. `offer_id` None: the one that is open to the sender, which the
    supervisor fills in."""

    offer_id: str | None
    outcome: OfferOutcome
    explain: Explain | None = None


class Entrust(_Command, frozen=True):
    """Give to a team, to be routed to one of its agents by a strategy; the present holder loses it."""

    team_id: str
    strategy: str


class NotifyLeads(_Command, frozen=True):
    """Tell the leads that a conversation of high priority waits and nobody can take it."""


class Release(_Command, frozen=True):
    """Return to the queue. `only_from`: refused if another agent holds it."""

    reason: str = "release"
    only_from: str | None = None


class Handoff(_Command, frozen=True):
    """Ask for a human; `agent_id` names one."""

    reason: str
    agent_id: str | None = None


class GiveBack(_Command, frozen=True):
    """Give back to the bot, which may speak again."""


class BotAnswer(_Command, frozen=True):
    """The conversational bot's answer after it has read up to `seen`; or, with `failed`, why it has none. Judged in the turn
    (`turn/assisting.py`), and refused as stale unless the bot still holds the conversation and nobody has written since.

    `sources`: ids and titles of the articles that `text` cites. `wants`: why the model asks for a human. `summary`: of the
    conversation, for agents.
    """

    rule_id: str
    seen: int
    text: str = ""
    confidence: float = 0.0
    fields: dict[str, str] = {}
    sources: tuple[tuple[str, str], ...] = ()
    summary: str = ""
    wants: str | None = None
    failed: str | None = None
    model: str = ""


class Close(_Command, frozen=True):
    """Close for good; nothing is deleted."""


class Erase(_Command, frozen=True):
    """Forget the customer: close the conversation and blank their data in it. See `erasure.py`."""


class Rate(_Command, frozen=True):
    """The customer's score, 1 … 5."""

    score: int
    comment: str | None = None


class Tick(_Command, frozen=True):
    """Fire the timers that are due. `seen`: the stored time of the next one."""

    seen: int


class Edit(_Command, frozen=True):
    """A customer edited the message that their provider calls `external_id`. Only services may send this, for the provider.

    `seq` and `previous_content` are as stored; they are used if the message has left the actor's memory.
    """

    external_id: str
    message_id: str
    seq: int
    content: str
    previous_content: str
    edited_at: int


class MarkRead(_Command, frozen=True):
    """Mark as read up to `seq`. Makes no entry: it only changes the unread count."""

    seq: int


class Recall(_Command, frozen=True):
    """Ask for the newest public messages in the actor's memory. Changes nothing."""

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
    | BotAnswer
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
    """A command with its address. Exactly one of `conversation_id` and `thread` is set.

    `fence`: shard and epoch of the supervisor that sends it; once it has a successor, nothing is stored.
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
        """The partition of the target."""
        if self.conversation_id is not None:
            return partition_of_conversation(self.conversation_id)
        assert self.thread is not None
        t = self.thread
        return partition_of_thread(t.account_id, t.channel_id, t.identifier, t.topic)

    def key(self) -> str:
        """The deduplication key, unique within the conversation.

        A client's own key is bound to its sender, an edit is identified by its time, and the bot answers once to what it has
        read; otherwise the envelope's id covers the server's own retries.
        """
        command = self.command
        if isinstance(command, Edit):
            return f"edit:{command.edited_at}:{command.external_id}"
        if isinstance(command, BotAnswer):
            return f"assist:{command.seen}"
        post = self.post
        if post is None or post.key is None:
            return self.id
        sender = "" if post.sender_type == "contact" else self.by.id
        return f"{post.sender_type}:{sender}:{post.key}"

    @property
    def opening(self) -> Opening:
        """The initial values of the conversation, if a command to a thread key opens one."""
        assert isinstance(self.command, (Receive, Open)), "only these are sent to a thread key"
        return self.command.opening

    @property
    def has_own_key(self) -> bool:
        """Whether the client sent its own key."""
        return self.post is not None and self.post.key is not None

    @property
    def post(self) -> Post | None:
        """The message in this command, if any."""
        command = self.command
        if isinstance(command, Post):
            return command
        return command.post if isinstance(command, Receive) else None


class Done(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Accepted and committed. `repeated`: it had happened before, and this is the original result. `handoff`: of a message, why it
    handed the conversation over to humans; of a repeated one, why it is with them. `recent`: the newest messages, as they are in
    memory, notes among them; of a post that recalls."""

    entries: tuple[Entry, ...] = ()
    conversation: Conversation | None = None
    repeated: bool = False
    handoff: str | None = None
    recent: Recent | None = None


class Refused(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Refused, with the code and the fields of an error of `core.errors`."""

    code: str
    detail: str
    current: dict[str, Any] | None = None
    errors: tuple[tuple[str, str], ...] = ()
    retry_after: float | None = None


class Moved(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """This host does not own the partition (any more): read the map and ask again."""


Outcome = Done | Refused | Moved
