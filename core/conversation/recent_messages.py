"""The newest messages of a conversation, packed, as its actor keeps them.

They take most of a live conversation's memory, and turns seldom read them. The ids of account and conversation, equal in all of
them, are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from zlib import crc32

import msgspec
from msgspec.structs import astuple

from .entries import Entry, Message, SenderType, actor

CONTEXT_SIZE = 8
"""Messages a conversation keeps in memory."""

_FIELDS: tuple[Any, ...] = (
    *(int, int, int, str, str | None),  # seq, at, position, type and id of the actor
    *(field.type for field in msgspec.structs.fields(Message)),
)


class MessageHead(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The beginning of a packed message: what was said, who said it, and when (`at`, ms). It costs a third of a whole entry."""

    seq: int
    at: int
    position: int
    actor_type: str
    actor_id: str | None
    id: str
    direction: str
    sender_type: SenderType
    sender_id: str | None
    content: str
    content_type: str
    attachments: tuple[Any, ...]
    is_private: bool


_encode = msgspec.msgpack.Encoder().encode
_decode_heads = msgspec.msgpack.Decoder(list[MessageHead]).decode  # which skips the other fields
_decode: Callable[[bytes], Any] = msgspec.msgpack.Decoder(tuple[_FIELDS]).decode  # pyright: ignore[reportInvalidTypeArguments]
_HEAD = _encode([None] * len(_FIELDS))[: -len(_FIELDS)]
"""The prefix that every packed message would have."""
_MARK = 4
_NO_MARK = bytes(_MARK)
_KEPT = 1 - CONTEXT_SIZE
_MARKS_KEPT = 2 * _MARK * _KEPT


class Recent(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Up to CONTEXT_SIZE message entries, oldest first.

    `marks`: checksums of their client and provider ids, two for each message, to recognise repeats.
    """

    packed: tuple[bytes, ...] = ()
    marks: bytes = b""

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Recent:
        """The newest of `entries`, all of them messages of one conversation."""
        newest = [(entry, _message(entry)) for entry in entries][-CONTEXT_SIZE:]
        marks = b"".join([_marks(message) for _, message in newest])
        return cls(tuple([_pack(entry, message) for entry, message in newest]), marks)

    def then(self, entry: Entry) -> Recent:
        """With one more message, which may push out the oldest."""
        message = _message(entry)
        packed = (*self.packed[_KEPT:], _pack(entry, message))
        return Recent(packed, self.marks[_MARKS_KEPT:] + _marks(message))

    def entries(self, account_id: str, conversation_id: str) -> tuple[Entry, ...]:
        """The entries, unpacked, with the ids that are not kept."""
        return tuple([_unpack(account_id, conversation_id, packed) for packed in self.packed])

    def heads(self) -> list[MessageHead]:
        """The beginnings of the messages, notes among them."""
        count = len(self.packed)
        if not count:
            return []
        return _decode_heads(b"".join((_encode([None] * count)[:-count], _HEAD, _HEAD.join(self.packed))))

    def may_hold(self, name: str | None) -> bool:
        """Whether `name` may be the client or provider id of one of the messages. False is certain."""
        return name is not None and _mark(name) in self.marks


def _message(entry: Entry) -> Message:
    message = entry.data
    assert isinstance(message, Message), "only messages are kept"
    return message


def _marks(message: Message) -> bytes:
    return _mark(message.client_message_id) + _mark(message.external_id)


def _mark(name: str | None) -> bytes:
    return _NO_MARK if name is None else crc32(name.encode()).to_bytes(_MARK, "big")


def _pack(entry: Entry, message: Message) -> bytes:
    by = entry.actor
    row = _encode((entry.seq, entry.at, entry.position, by.type, by.id, *astuple(message)))
    return row[len(_HEAD) :]  # a copy: the encoder's buffer is longer than its content


def _unpack(account_id: str, conversation_id: str, packed: bytes) -> Entry:
    seq, at, position, by_type, by_id, *fields = _decode(_HEAD + packed)
    return Entry(account_id, conversation_id, seq, at, actor(by_type, by_id), Message(*fields), position)
