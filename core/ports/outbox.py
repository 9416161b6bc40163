"""The port of the outbox: what dispatchers take to send, and where they write what became of it.

A row is claimed by one incarnation of one dispatcher. Every write here checks that the claim still stands.
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
    `recipient` is empty where the customer was erased. `reply_to` and `references` (oldest first) are provider ids.
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

    @property
    def key(self) -> tuple[str, int]:
        return self.conversation_id, self.seq


class Due(msgspec.Struct, frozen=True):
    """A channel whose next message may be sent in `delay` seconds, at least."""

    channel_id: str
    delay: float


class Outbox(Protocol):
    """Claims and outcomes. Raises StorageUnavailable or Overloaded where the storage cannot be used now."""

    async def register(self, shard: int, shards: int, incarnation: str) -> int:
        """Shut out the shard's earlier incarnations, and queue again what they had under way: whether it was sent is
        unknown. Returns how many messages that were."""
        ...

    async def due(self) -> list[Due]:
        """The channels, of all shards, that have messages queued."""
        ...

    async def claim(self, shard: int, incarnation: str, channel_id: str, limit: int) -> list[ToSend]:
        """Take messages that are due: of each conversation only its oldest unsent one. Raises StaleEpoch where
        another incarnation has taken this one's place."""
        ...

    async def part_sent(self, incarnation: str, item: ToSend, part: int, provider_id: str | None) -> bool:
        """The provider took a part, and others follow."""
        ...

    async def sent(
        self, incarnation: str, item: ToSend, part: int, provider_id: str | None, left_at: int
    ) -> Delivery | None:
        """The provider took the last part, whose request left at `left_at` (ms). Receipts that came early are merged.
        None where the claim does not stand any more, as below."""
        ...

    async def again(
        self, incarnation: str, item: ToSend, delay: float, error: dict[str, Any], *, unknown: bool
    ) -> bool:
        """Queue it again, for after `delay` seconds. The conversation's later messages wait for it."""
        ...

    async def failed(
        self, incarnation: str, item: ToSend, error: dict[str, Any], *, unknown: bool
    ) -> Delivery | None:
        """It has failed for good."""
        ...

    async def held(self, incarnation: str) -> list[tuple[str, int, int]]:
        """Everything claimed by this incarnation: conversation, seq, and which attempt it is."""
        ...

    async def release(self, incarnation: str, keys: Sequence[tuple[str, int]]) -> None:
        """Queue claimed messages again whose claim's answer, or outcome, was lost here."""
        ...

    async def depths(self) -> dict[str, tuple[str, int]]:
        """Unsent messages by channel, with its type."""
        ...

    async def tidy(self) -> None:
        """Forget early receipts that nothing came of."""
        ...
