"""Ownership: which host owns which partition, which hosts exist, and the state of the server's processes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec


class HostAddress(msgspec.Struct, frozen=True):
    """A host's incarnation, and where it listens for gateways: an IP address and a port, with TLS, or the path of a Unix socket and
    0."""

    incarnation: str
    address: str
    port: int


class Peer(msgspec.Struct, frozen=True):
    """A conversation host as other hosts see it."""

    name: str
    incarnation: str
    beats: int
    draining: bool
    owned: int
    at: HostAddress
    takes: bool = True
    """Whether partitions may be moved to it; hosts of older releases only claim free ones."""
    pinned_elsewhere: int = 0
    """The number of its partitions that are pinned to another host that can take them."""


class Membership(msgspec.Struct, frozen=True):
    peers: tuple[Peer, ...]


class PartitionMap(msgspec.Struct, frozen=True):
    """`owners[p]` is the name of the host that owns partition p, or None; `hosts`: the owners by name."""

    owners: tuple[str | None, ...]
    hosts: dict[str, HostAddress]


class Ownership(Protocol):
    """The ownership of partitions. Every change of owner raises the partition's epoch."""

    async def register(self, name: str, node: str, at: HostAddress) -> None:
        """Announce a new incarnation of a host and its address; the partitions of its predecessor become free."""
        ...

    async def beat(
        self, name: str, incarnation: str, *, owned: int = 0, draining: bool = False
    ) -> Membership:
        """Write a heartbeat; returns the state of all hosts. Raises StaleEpoch, and leaves no trace, if a newer incarnation has
        replaced this one, or if it owns fewer than the `owned` partitions that it holds: others took them while it was silent,
        and must not take it for a healthy host."""
        ...

    async def claim(self, incarnation: str, alive: Sequence[str], limit: int) -> dict[int, int]:
        """Claim up to `limit` partitions that no incarnation in `alive` owns; returns their epochs."""
        ...

    async def move(self, incarnation: str, partitions: Sequence[int], to: str) -> None:
        """Give partitions to another incarnation, which learns of it by `owned_by`. They become free if it is gone or leaves."""
        ...

    async def owned_by(self, incarnation: str) -> dict[int, int]:
        """The partitions of an incarnation, with their epochs."""
        ...

    async def release(self, incarnation: str, partitions: Sequence[int]) -> None:
        """Give up partitions, so that others may claim them at once."""
        ...

    async def pin(self, partitions: Sequence[int], host: str) -> int:
        """Have partitions moved to a host, and kept there until its incarnation ends. Returns how many: 0 if it cannot take any."""
        ...

    async def unpin(self) -> int:
        """End all pins. Returns how many there were."""
        ...

    async def pins(self) -> dict[int, str]:
        """The pinned partitions, and the incarnations that they are pinned to, without those that are gone or leave."""
        ...

    async def read_map(self) -> PartitionMap:
        """The current owners."""
        ...


ProcessKind = Literal["host", "gateway", "supervisor", "dispatcher"]


class Process(msgspec.Struct, frozen=True):
    """An incarnation of a process. `node` is Ray's id of its node, `address` the node's IP address; `settings` is a fingerprint of
    what it was started with; `metrics_port` is where it shows its own figures, 0 for nowhere."""

    name: str
    kind: ProcessKind
    incarnation: str
    node: str
    address: str
    pid: int
    release: str
    settings: str
    metrics_port: int


class ProcessState(Process, frozen=True):
    """`beats` counts its heartbeats; `silent`: seconds since the last one, by the storage's clock."""

    beats: int
    draining: bool
    silent: float


class Processes(Protocol):
    """The registry in which processes announce themselves. Raises StorageUnavailable."""

    async def register(self, process: Process) -> None:
        """Announce a new incarnation."""
        ...

    async def beat(self, name: str, incarnation: str, *, draining: bool = False) -> bool:
        """Write a heartbeat. Returns whether the node is to be drained. Raises StaleEpoch if a newer incarnation has the name."""
        ...

    async def remove(self, name: str, incarnation: str) -> None:
        """The process has ended for good."""
        ...

    async def all(self) -> Sequence[ProcessState]: ...

    async def drained_nodes(self) -> frozenset[str]:
        """The nodes that operators drain."""
        ...

    async def drain_node(self, node: str, drained: bool) -> None:
        """Have a node's processes leave it, or let them return."""
        ...
