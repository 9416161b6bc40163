"""A supervisor's connection to the hosts: the router, and from every host the entries that are not messages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from ...core.conversation.entries import Entry
from ...core.conversation.poison import PoisonList
from ...core.ports.ownership import HostAddress, Ownership
from ..transport import codec
from ..transport.framing import endpoint_of
from ..transport.host_link import HostLink, OnOutcome
from ..transport.router import Router

REWATCH_PAUSE = 0.2


class HostSubscription:
    """`on_entries` gets what the hosts push, for all accounts. Lost pushes are not noticed here (`gap_recovery.py`)."""

    def __init__(
        self,
        name: str,
        ownership: Ownership,
        on_entries: Callable[[Sequence[Entry]], None],
        *,
        secret: str,
        link_ca: Path | None = None,
        poison: PoisonList | None = None,
        deadline: float,
        max_waiting: int,
    ) -> None:
        self._name = name
        self._on_entries = on_entries
        self._deadline = deadline
        self._secret = secret
        self._link_ca = link_ca
        self._rewatch = asyncio.Event()
        self.router = Router(
            ownership,
            self._link,
            deadline=deadline,
            max_waiting=max_waiting,
            on_hosts_changed=self._rewatch.set,
            poison=poison,
        )

    def _link(self, name: str, at: HostAddress, on_outcome: OnOutcome) -> HostLink:
        return HostLink(
            name,
            at.incarnation,
            self._name,
            endpoint=endpoint_of(at, self._secret, self._link_ca),
            on_outcome=on_outcome,
            on_entries=lambda payload: self._on_entries(codec.decode_entries(payload)),
            on_entries_missed=self._rewatch.set,
            deadline=self._deadline,
        )

    async def startup(self) -> None:
        await self.router.startup()
        await self.subscribe()

    async def subscribe(self) -> None:
        """Subscribe at every host."""
        reached = await asyncio.gather(*(link.watch_events() for link in self.router.links.values()))
        if not all(reached):
            self._rewatch.set()

    async def main_loop(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.router.main_loop())
            group.create_task(self._rewatch_loop())

    async def _rewatch_loop(self) -> None:
        while True:
            await self._rewatch.wait()
            self._rewatch.clear()
            await self.subscribe()
            await asyncio.sleep(REWATCH_PAUSE)
