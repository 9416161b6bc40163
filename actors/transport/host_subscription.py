"""A process's links to all hosts: the router, and a subscription at every host to the entries that it commits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from ...core.conversation.entries import Entry
from ...core.conversation.poison import PoisonList
from ...core.ports.ownership import HostAddress, Ownership
from . import codec
from .framing import endpoint_of
from .host_link import HostLink, OnOutcome
from .router import Router

RENEW_PAUSE = 0.2
"""Seconds after a renewal before the next."""


class HostSubscription:
    """`on_entries` gets what the hosts push. `renew` subscribes again: after a host is new or was not reached, and after
    pushes may have been lost. Lost pushes themselves are for others to notice. `secret` is shared by all processes of the
    server."""

    def __init__(
        self,
        name: str,
        ownership: Ownership,
        on_entries: Callable[[Sequence[Entry]], None],
        renew: Callable[[HostSubscription], Awaitable[None]],
        *,
        secret: str,
        link_ca: Path | None = None,
        poison: PoisonList | None = None,
        deadline: float,
        max_waiting: int,
    ) -> None:
        self._name = name
        self._on_entries = on_entries
        self._renew = renew
        self._deadline = deadline
        self._secret = secret
        self._link_ca = link_ca
        self._outdated = asyncio.Event()
        self.router = Router(
            ownership,
            self._link,
            deadline=deadline,
            max_waiting=max_waiting,
            on_hosts_changed=self._outdated.set,
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
            on_entries_missed=self._outdated.set,
            deadline=self._deadline,
        )

    async def startup(self) -> None:
        """Find the hosts."""
        await self.router.startup()

    async def watch(self, accounts: list[str]) -> None:
        """Subscribe to all entries of these accounts, instead of those of others."""
        await self._at_every_host(lambda link: link.watch(accounts))

    async def watch_events(self) -> None:
        """Subscribe to the entries of all accounts that are not messages."""
        await self._at_every_host(HostLink.watch_events)

    async def _at_every_host(self, subscribe: Callable[[HostLink], Awaitable[bool]]) -> None:
        reached = await asyncio.gather(*map(subscribe, self.router.links.values()))
        if not all(reached):
            self._outdated.set()

    async def main_loop(self) -> None:
        """Route, and keep the subscription, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.router.main_loop())
            group.create_task(self._renewal_loop())

    async def _renewal_loop(self) -> None:
        while True:
            await self._outdated.wait()
            self._outdated.clear()
            await self._renew(self)
            await asyncio.sleep(RENEW_PAUSE)
