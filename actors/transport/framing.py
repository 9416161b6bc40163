"""Frames between gateways and hosts, and the connection that carries them. `link_transport.py` opens the sockets, and
`handshake.py` authenticates the peers.

Ray creates and supervises the actors, and the partition map says where each host listens. The steady traffic between
gateways and hosts uses these connections, because a Ray call costs each side about half a millisecond of CPU, however small
it is (docs/decisions/0004).

A frame: payload length, kind, number (little-endian; 32, 8 and 32 bits), payload.
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
"""Payload of a TURN frame, which has the number of its batch: the command's index, then 1 before its turn and 0 after it."""
MAX_FRAME = 128 * 1024 * 1024
"""Bytes of a payload: more than `MAX_BATCH` of the largest commands need."""
MAX_HANDSHAKE = 1024
"""Bytes of a payload from a peer that is not authenticated yet. A longer one ends the connection."""


class Kind(enum.IntEnum):
    """The kind of a frame. An answer has the number of the frame that it answers."""

    HELLO = 1
    COMMANDS = 2
    WATCH = 3
    ANSWER = 4
    ENTRIES = 5
    WATCH_EVENTS = 6
    REFRESH_RULES = 7
    CHALLENGE = 8
    PROOF = 9
    TURN = 10
    PARTITIONS_MOVED = 11


COMMANDS, ANSWER, ENTRIES = Kind.COMMANDS, Kind.ANSWER, Kind.ENTRIES
"""The busiest ones, at hand."""


class HostEndpoint(msgspec.Struct, frozen=True):
    """The address at which a host's incarnation listens (a path and 0 for a Unix socket), the key that both sides prove to know, and the
    CA that must have issued the host's certificate, if the operator configured one."""

    address: str
    port: int
    secret: bytes
    ca: Path | None = None


def endpoint_of(at: HostAddress, server_secret: str, ca: Path | None = None) -> HostEndpoint:
    """The endpoint of one of this server's hosts."""
    return HostEndpoint(at.address, at.port, key_of(at.incarnation, server_secret), ca)


class Connection(asyncio.Protocol):
    """One connection: splits the incoming bytes into frames. `limit` bounds their payloads; a longer one ends the
    connection."""

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
        """Bytes that the peer has not read yet."""
        return self._transport.get_write_buffer_size() if self._transport is not None else 0

    def send(self, kind: Kind, number: int, payload: bytes) -> None:
        """Write a frame. On a lost connection, which `on_lost` reports, it is dropped."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(HEADER.pack(len(payload), kind, number) + payload)

    def close(self) -> None:
        """Close the connection after the written data has been sent."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(
            asyncio.Transport, transport
        )  # uvloop's transports do not derive from asyncio.Transport

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
                return  # this frame ended the connection: ignore what follows it
        del buffer[:at]
