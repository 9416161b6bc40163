"""Ownership: which host owns which partition, and which hosts there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec


class Peer(msgspec.Struct, frozen=True):
    """A conversation host as other hosts see it."""

    name: str
    incarnation: str
    beats: int
    draining: bool
    owned: int


class Membership(msgspec.Struct, frozen=True):
    peers: tuple[Peer, ...]


class HostAddress(msgspec.Struct, frozen=True):
    """A host's incarnation, and where it listens for gateways: an IP address and a port, with TLS, or the path of a Unix socket and
    0."""

    incarnation: str
    address: str
    port: int


class PartitionMap(msgspec.Struct, frozen=True):
    """`owners[p]` is the name of the host that owns partition p, or None; `hosts`: the owners by name."""

    owners: tuple[str | None, ...]
    hosts: dict[str, HostAddress]


class Ownership(Protocol):
    """Who owns which partition. Every change of owner raises the partition's epoch."""

    async def register(self, name: str, node: str, at: HostAddress) -> None:
        """Announce a new incarnation of a host and its address; the partitions of its predecessor become free."""
        ...

    async def beat(self, name: str, incarnation: str, *, draining: bool = False) -> Membership:
        """Write a heartbeat; returns the state of all hosts. Raises StaleEpoch if a newer incarnation has replaced this one."""
        ...

    async def claim(self, incarnation: str, alive: Sequence[str], limit: int) -> dict[int, int]:
        """Claim up to `limit` partitions that no incarnation in `alive` owns; returns their epochs."""
        ...

    async def release(self, incarnation: str, partitions: Sequence[int]) -> None:
        """Give up partitions, so that others may claim them at once."""
        ...

    async def read_map(self) -> PartitionMap:
        """The current owners."""
        ...
