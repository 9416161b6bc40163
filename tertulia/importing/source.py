"""Conversations as sources yield them, for any service. Times are ms since the epoch."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, Final, Literal, Protocol

import msgspec

from ..core.accounts.identifiers import normalised
from ..core.accounts.user_ids import is_user_id, shown_name
from ..core.conversation.entries import SenderType
from ..core.errors import Invalid
from ..core.text.json_checks import nests_deeper, unstorable

SourceStatus = Literal["active", "handed_off", "resolved", "expired"]

MAX_CONTENT: Final = 65_536
"""Characters of a message, as in the API."""
MAX_OBJECT: Final = 16_384
"""Bytes of metadata or of a bot's context as JSON, as in the API."""
MAX_DEPTH: Final = 64
MAX_REASON: Final = 1_000
MAX_ID: Final = 255
MAX_MESSAGES: Final = 10_000
"""Messages of one conversation, which is stored in one transaction. A longer one is set aside."""
MAX_BYTES: Final = 32 * 1024 * 1024
"""Bytes of one conversation's texts and metadata, which are in memory together. A larger one is set aside."""
AHEAD: Final = 86_400_000
"""Ms by which a time may lie in the future: the other service's clock."""


class Unusable(ValueError):
    """A row that cannot be carried over; the text says why."""


class SourceError(Exception):
    """The source cannot be read."""


class SourceMessage(msgspec.Struct, frozen=True):
    """`id` is unique within its conversation."""

    id: str
    sender: SenderType
    content: str
    at: int
    sender_id: str | None = None
    external_id: str | None = None
    metadata: dict[str, Any] = {}

    @property
    def size(self) -> int:
        """About how many bytes it has in memory."""
        return 500 + len(self.content) + (len(msgspec.json.encode(self.metadata)) if self.metadata else 0)


class SourceSession(msgspec.Struct, frozen=True):
    """The name under which the older service's clients know a conversation: its `sessionId`, or its id in the CRM."""

    id: str
    bot_id: str | None
    local_id: str | None


class SourceConversation(msgspec.Struct, frozen=True):
    phone: str
    status: SourceStatus
    started_at: int
    messages: tuple[SourceMessage, ...]
    name: str | None = None
    outlet_id: str | None = None
    ended_at: int | None = None
    handoff_requested: bool = False
    handoff_reason: str | None = None
    agent_id: str | None = None
    metadata: dict[str, Any] = {}
    bot_context: dict[str, Any] = {}
    session: SourceSession | None = None


class SetAside(msgspec.Struct, frozen=True):
    """A row that is left out: what it is, its id, where it stands, why."""

    what: Literal["conversation", "message"]
    id: str
    place: str
    reason: str


class Head(msgspec.Struct, frozen=True):
    """A conversation of the source that may have been carried over already. `row` is the source's own."""

    id: str
    row: Any


class Loaded(msgspec.Struct):
    """A conversation as read: `conversation` or the reason why it is unusable, which of its messages are left out, and how many
    it has at the source."""

    head: Head
    conversation: SourceConversation | None
    set_aside: list[SetAside]
    total: int


class Totals(msgspec.Struct, frozen=True):
    conversations: int
    messages: int


class Source(Protocol):
    """A source, read as it was when it was opened."""

    async def totals(self) -> Totals: ...

    def heads(self) -> AsyncIterator[Sequence[Head]]:
        """All conversations, a batch at a time. A batch is read before the next is asked for."""
        ...

    def load(self, heads: Sequence[Head]) -> AsyncIterator[Loaded]:
        """Conversations of the present batch, one at a time."""
        ...


def text_of(value: Any, name: str, most: int) -> str:
    """A text that can be stored, of 1 … `most` characters. Raises Unusable."""
    if not isinstance(value, str) or not value:
        raise Unusable(f"{name} is missing or not text")
    if len(value) > most:
        raise Unusable(f"{name} has more than {most:,} characters")
    if "\0" in value or (not value.isascii() and _has_surrogates(value)):
        raise Unusable(f"{name} contains NUL or an unpaired surrogate")
    return value


def _has_surrogates(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def object_of(value: Any, name: str) -> dict[str, Any]:
    """A JSON object that can be stored; none for None. Raises Unusable."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Unusable(f"{name} is not an object")
    try:
        encoded = msgspec.json.encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise Unusable(f"{name} cannot be stored: {error}") from None
    if len(encoded) > MAX_OBJECT:
        raise Unusable(f"{name} has more than {MAX_OBJECT:,} bytes as JSON")
    if nests_deeper(encoded, MAX_DEPTH):
        raise Unusable(f"{name} is nested too deeply")
    if fault := unstorable(encoded):
        raise Unusable(f"{name}.{fault[0]} {fault[1]}")
    return msgspec.json.decode(encoded)


def phone_of(value: Any, name: str) -> str:
    """A phone number in E.164. Raises Unusable."""
    try:
        return normalised("whatsapp", text_of(value, name, MAX_ID), name)
    except Invalid:
        raise Unusable(f"{name} is not a phone number with its country code") from None


def name_of(value: Any) -> str | None:
    shown = shown_name(value.replace("\0", "")) if isinstance(value, str) else None
    return None if shown is None or _has_surrogates(shown) else shown[:MAX_ID]


def user_of(value: Any) -> str | None:
    """A user's id, or None where it is none."""
    return value if isinstance(value, str) and is_user_id(value) else None


def time_of(value: Any, name: str, zone: tzinfo, now: int) -> int:
    """A time as ms; without a zone of its own it is in `zone`. Raises Unusable."""
    if not isinstance(value, datetime):
        raise Unusable(f"{name} is missing or not a time")
    at = value if value.tzinfo is not None else value.replace(tzinfo=zone)
    try:
        ms = round((at.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000)
    except OverflowError:
        raise Unusable(f"{name} is out of range") from None
    if ms < 0:
        raise Unusable(f"{name} lies before 1970")
    if ms > now + AHEAD:
        raise Unusable(f"{name} lies in the future")
    return ms
