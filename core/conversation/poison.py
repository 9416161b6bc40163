"""Poison commands: those that kill one host after another. They are set aside, so that they reach no host again.

A command is recognised by its id, by its deduplication key (the provider's id, the client's own key), and if it carries a
message, by the same message in the same place: it may be sent again without a key.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final, Protocol

import msgspec

from .commands import Envelope

MAX_LISTED: Final = 1_000
"""Commands set aside that gateways recognise, the newest; older ones count as new."""
LISTED_FOR: Final = 86_400
"""Seconds during which a command that was set aside is refused."""


class SetAsideCommand(msgspec.Struct, frozen=True):
    """A command that was set aside. `target`: its conversation, or the channel of its thread; no customer data."""

    id: str
    account_id: str
    type: str
    target: str
    digests: tuple[bytes, ...]


class PoisonList(Protocol):
    """The commands that were set aside, shared by all gateways."""

    async def add(self, command: SetAsideCommand) -> None:
        """Record it for the operator and the other gateways. Idempotent."""
        ...

    async def listed(self) -> Sequence[tuple[str, Sequence[bytes]]]:
        """Account and digests of the commands that are refused now, at most MAX_LISTED."""
        ...


def set_aside(envelope: Envelope) -> SetAsideCommand:
    """The record of a command to set aside."""
    thread = envelope.thread
    target = thread.channel_id if thread is not None else envelope.conversation_id or ""
    digests = (same_command(envelope), *same_message(envelope))
    return SetAsideCommand(envelope.id, envelope.account_id, type(envelope.command).__name__, target, digests)


def same_command(envelope: Envelope) -> bytes:
    """Equal for a command and its repeats: by the provider's id, the client's own key, or the command's id."""
    post, thread = envelope.post, envelope.thread
    if post is not None and post.external_id is not None and thread is not None:
        return _digest("provider", thread.channel_id, post.external_id)
    return _digest("key", *_place(envelope), envelope.key())


def same_message(envelope: Envelope) -> tuple[bytes, ...]:
    """Equal for messages with the same content in the same place; empty for other commands."""
    post = envelope.post
    if post is None:
        return ()
    files = (file.url for file in post.attachments)
    return (_digest("message", *_place(envelope), post.sender_type, post.content_type, post.content, *files),)


def _place(envelope: Envelope) -> tuple[str, ...]:
    t = envelope.thread
    if t is not None:
        return (t.account_id, t.channel_id, t.identifier, t.topic)
    return (envelope.account_id, envelope.conversation_id or "")


def _digest(*parts: str) -> bytes:
    """Every part is prefixed with its length. The text is not validated yet and may hold what UTF-8 cannot encode."""
    digest = blake2b(digest_size=16)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.digest()
