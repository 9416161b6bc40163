"""Frames between gateways and hosts, and the two ends of them that carry bytes and nothing else. What they travel over is
`link_transport.py`'s; who is at the other end, `handshake.py`'s.

Ray makes the actors and watches over them, and the partition map says where a host listens. What flows between a gateway and a
host all the time flows here, because a Ray call costs either side about half a millisecond of CPU, however little it
carries (docs/decisions/0004).
A frame: length of the payload, kind, number (little-endian 32, 8 and 32 bits), payload.
"""

from __future__ import annotations

import asyncio
import enum
import struct
from collections.abc import Callable
from pathlib import Path
from typing import cast

import msgspec

from ...core.ports.ownership import HostAddress
from .handshake import key_of

HEADER = struct.Struct("<IBI")
TURN = struct.Struct("<IB")
"""Payload of a TURN, under the number of its batch: the command's place in it; 1 before its turn, 0 after it."""
MAX_FRAME = 128 * 1024 * 1024
"""Bytes of a payload: more than `MAX_BATCH` of the largest commands."""
MAX_HANDSHAKE = 1024
"""Bytes of a payload from a side that has not proved itself yet; a longer one ends the connection."""


class Kind(enum.IntEnum):
    """What a frame is. An answer bears the number of what it answers."""

    HELLO = 1
    COMMANDS = 2
    WATCH = 3
    ANSWER = 4
    ENTRIES = 5
    WATCH_EVENTS = 6
    LEARN = 7
    CHALLENGE = 8
    PROOF = 9
    TURN = 10


class HostEndpoint(msgspec.Struct, frozen=True):
    """Where an incarnation of a host listens (a path and 0 for a Unix socket), the key that both sides prove to know, and the CA
    that its certificate must come from, if the operator has given one."""

    address: str
    port: int
    secret: bytes
    ca: Path | None = None


def endpoint_of(at: HostAddress, server_secret: str, ca: Path | None = None) -> HostEndpoint:
    """The way to a host of this server."""
    return HostEndpoint(at.address, at.port, key_of(at.incarnation, server_secret), ca)


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
        if self._transport is not None and not self._transport.is_closing():
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
            if self._transport is not None and self._transport.is_closing():
                return  # it was ended over this frame: what came behind it counts for nothing
        del buffer[:at]
