"""A host's connections to other hosts, which tell them that partitions were moved to them."""

from __future__ import annotations

from pathlib import Path

from ...core.ports.ownership import Peer
from ..transport.framing import endpoint_of
from ..transport.host_link import HostLink

CLOSED_BEYOND = 8
"""Connections that are kept for the next move. Beyond it the oldest is closed."""


class PeerLinks:
    """`name` is this host's; `secret` is shared by all processes of the server."""

    def __init__(self, name: str, secret: str, link_ca: Path | None, deadline: float) -> None:
        self._name = name
        self._secret = secret
        self._link_ca = link_ca
        self._deadline = deadline
        self._links: dict[str, HostLink] = {}

    async def partitions_moved(self, peer: Peer) -> bool:
        """Tell a host; on return it accepts the partitions' commands. False if it could not be told."""
        link = self._links.get(peer.incarnation)
        if link is None:
            if len(self._links) >= CLOSED_BEYOND:
                self._links.pop(next(iter(self._links))).close()
            link = self._links[peer.incarnation] = HostLink(
                peer.name,
                peer.incarnation,
                self._name,
                endpoint=endpoint_of(peer.at, self._secret, self._link_ca),
                on_outcome=lambda envelope, outcome: None,  # no command is sent over it
                on_entries=lambda payload: None,
                on_entries_missed=lambda: None,
                deadline=self._deadline,
            )
        return await link.partitions_moved()

    def close(self) -> None:
        for link in self._links.values():
            link.close()
        self._links.clear()
