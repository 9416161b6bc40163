"""Frames over TCP between gateways and hosts, and the two ends of them that carry bytes and nothing else.

Ray makes the actors and watches over them, and the partition map says where a host listens. What flows between a gateway and a
host all the time flows here, because a Ray call costs either side about half a millisecond of CPU, however little it
carries (docs/decisions/0004).
A frame: length of the payload, kind, number (little-endian 32, 8 and 32 bits), payload.
"""

from __future__ import annotations

import asyncio
import enum
import hmac
import struct
from collections.abc import Callable
from typing import cast

import msgspec

from ..core.ports import HostAddress

HEADER = struct.Struct("<IBI")
MAX_FRAME = 128 * 1024 * 1024
"""Bytes of a payload: more than `MAX_BATCH` of the largest commands."""
MAX_GREETING = 1024
"""Bytes of a payload from a peer that has not shown the secret yet."""

_PURPOSE = b"tertulia connections between gateways and hosts"


class Kind(enum.IntEnum):
    """What a frame is. An answer bears the number of what it answers."""

    HELLO = 1
    COMMANDS = 2
    WATCH = 3
    ANSWER = 4
    ENTRIES = 5
    WATCH_EVENTS = 6
    LEARN = 7


class Way(msgspec.Struct, frozen=True):
    """Where an incarnation of a host listens, and what a gateway must show there."""

    address: str
    port: int
    secret: bytes


def way_to(at: HostAddress, server_secret: str) -> Way:
    """The way to a host of this server."""
    return Way(at.address, at.port, secret_of(at.incarnation, server_secret))


def secret_of(incarnation: str, server_secret: str) -> bytes:
    """What gateways show to this incarnation: 32 bytes under a key of their own, made from the secret that all processes of a
    server share."""
    key = hmac.digest(server_secret.encode(), _PURPOSE, "sha256")
    return hmac.digest(key, incarnation.encode(), "sha256")


class Connection(asyncio.Protocol):
    """One connection: cuts what arrives into frames. `limit` bounds their payloads; a longer one ends it."""

    def __init__(
        self,
        on_frame: Callable[[Connection, int, int, bytes], None],
        on_lost: Callable[[Connection], None],
        limit: int = MAX_FRAME,
    ) -> None:
        self.limit = limit
        self._on_frame = on_frame
        self._on_lost = on_lost
        self._buffer = bytearray()
        self._wanted = HEADER.size
        self._transport: asyncio.Transport | None = None

    @property
    def open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    @property
    def backlog(self) -> int:
        """Bytes the peer has not taken yet."""
        return self._transport.get_write_buffer_size() if self._transport is not None else 0

    def send(self, kind: Kind, number: int, payload: bytes) -> None:
        """Write a frame; into the void when the connection is lost, of which `on_lost` tells."""
        if self._transport is not None:
            self._transport.write(HEADER.pack(len(payload), kind, number) + payload)

    def close(self) -> None:
        """End it once the peer has everything."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are of no class of asyncio's

    def connection_lost(self, exc: Exception | None) -> None:
        self._on_lost(self)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        at = 0
        while len(buffer) - at >= self._wanted:
            size, kind, number = HEADER.unpack_from(buffer, at)
            if size > self.limit:
                self.abort()
                return
            if len(buffer) - at < HEADER.size + size:
                self._wanted = HEADER.size + size
                break
            start = at + HEADER.size
            at = start + size
            self._wanted = HEADER.size
            self._on_frame(self, kind, number, bytes(buffer[start:at]))
        del buffer[:at]
