"""The port of the outbox: messages that dispatchers claim to send, and the outcomes they record.

One incarnation of one dispatcher claims a row. Every write checks that the claim is still valid.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from ..channels.records import Delivery
from ..conversation.entries import Message


class ToSend(msgspec.Struct, frozen=True):
    """A claimed message with what its sending needs. The counts are those of `core.channels.delivery_policy.Tries`, this try included;
    `crashes`: tries during which a dispatcher died. `parts_done` of its requests the provider has taken already.
    `recipient` is empty where the customer was erased; `recipient_metadata` is that of the thread's identifier. `reply_to` and `references` (oldest first) are provider ids.
    `automatic_before`: of a message that no person wrote, how many of those the customer was sent on this channel within an hour.
    `answered`: on Telegram and SMS the metadata of the customer's message that this one answers, or of their newest.
    `told`: the outcome of a try was lost, but a receipt that names the message says that it was sent.
    """

    conversation_id: str
    seq: int
    account_id: str
    channel_id: str
    message_id: str
    attempts: int
    lost_answers: int
    crashes: int
    parts_done: int
    age: float
    message: Message
    recipient: str
    channel_type: str = ""
    subject: str | None = None
    reply_to: str | None = None
    references: tuple[str, ...] = ()
    told: bool = False
    recipient_metadata: dict[str, Any] = {}
    automatic_before: int = 0
    answered: dict[str, Any] = {}

    @property
    def key(self) -> tuple[str, int]:
        return self.conversation_id, self.seq


class DueChannel(msgspec.Struct, frozen=True):
    """A channel whose next message may be sent in `delay` seconds at the earliest."""

    channel_id: str
    delay: float


class Outbox(Protocol):
    """Claims and outcomes. Raises StorageUnavailable or Overloaded if the storage cannot be used now."""

    async def register(self, shard: int, shards: int, incarnation: str) -> int:
        """Fence off the shard's earlier incarnations and requeue the messages they were sending, whose outcome is unknown. Returns
        how many there were."""
        ...

    async def due(self) -> list[DueChannel]:
        """Channels of all shards that have queued messages."""
        ...

    async def claim(self, shard: int, incarnation: str, channel_id: str, limit: int) -> list[ToSend]:
        """Claim due messages, of each conversation only the oldest unsent one. Raises StaleEpoch if a newer incarnation has
        replaced this one."""
        ...

    async def part_sent(self, incarnation: str, item: ToSend, part: int, provider_id: str | None) -> bool:
        """The provider accepted a part, and others follow."""
        ...

    async def sent(
        self, incarnation: str, item: ToSend, part: int, provider_id: str | None, left_at: int
    ) -> Delivery | None:
        """The provider accepted the last part, whose request was sent at `left_at` (ms). Early receipts are merged.
        None if the claim was lost, as below."""
        ...

    async def learn(self, item: ToSend, recipients: Sequence[str]) -> None:
        """Note the identifiers by which the provider knows the recipient: what comes from them belongs to the same thread."""
        ...

    async def again(
        self, incarnation: str, item: ToSend, delay: float, error: dict[str, Any], *, unknown: bool
    ) -> bool:
        """Queue it again, after `delay` seconds. The conversation's later messages wait for it."""
        ...

    async def failed(
        self, incarnation: str, item: ToSend, error: dict[str, Any], *, unknown: bool
    ) -> Delivery | None:
        """Mark it as failed for good."""
        ...

    async def held(self, incarnation: str) -> list[tuple[str, int, int]]:
        """The rows that this incarnation has claimed: conversation, seq, attempt."""
        ...

    async def release(self, incarnation: str, keys: Sequence[tuple[str, int]]) -> None:
        """Requeue claimed messages whose claim or outcome this process lost."""
        ...

    async def depths(self) -> dict[str, tuple[str, int]]:
        """Channel → its type and its number of unsent messages."""
        ...

    async def tidy(self) -> None:
        """Delete early receipts whose message never appeared."""
        ...
