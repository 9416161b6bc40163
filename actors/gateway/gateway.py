"""A gateway without its HTTP side: the router to the hosts, the account feeds, and their loops."""

from __future__ import annotations

import asyncio
from pathlib import Path

import structlog

from ...core.conversation.poison import PoisonList
from ...core.ports.feeds import FeedArchive
from ...core.ports.ownership import HostAddress, Ownership
from ..transport import codec
from ..transport.framing import endpoint_of
from ..transport.host_link import HostLink, OnOutcome
from ..transport.ray_calls import host_statistics
from ..transport.router import Router
from .account_feeds import Feeds, Listener

log = structlog.get_logger(__name__)


class Gateway:
    """Routes commands and delivers account feeds. `listener` gets every entry of the watched accounts in feed order.
    `secret` is shared by all processes of the server."""

    def __init__(
        self,
        name: str,
        ownership: Ownership,
        archive: FeedArchive,
        listener: Listener,
        *,
        secret: str,
        link_ca: Path | None = None,
        poison: PoisonList | None = None,
        deadline: float,
        max_waiting: int,
    ) -> None:
        self.name = name
        self._deadline = deadline
        self._secret = secret
        self._link_ca = link_ca
        self._rewatch = asyncio.Event()
        self.feeds = Feeds(archive, listener, self._watch)
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
            self.name,
            endpoint=endpoint_of(at, self._secret, self._link_ca),
            on_outcome=on_outcome,
            on_entries=self._deliver,
            on_entries_missed=self._rewatch.set,
            deadline=self._deadline,
        )

    def _deliver(self, payload: bytes) -> None:
        self.feeds.deliver(codec.decode_entries(payload))

    async def _watch(self, accounts: list[str]) -> None:
        reached = await asyncio.gather(*(link.watch(accounts) for link in self.router.links.values()))
        if not all(reached):
            self._rewatch.set()

    async def refresh_rules(self, account_id: str) -> None:
        """An account's settings or rules have changed: on return, conversations use them. An unreachable host notices the
        change by itself moments later."""
        await asyncio.gather(*(link.refresh_rules([account_id]) for link in self.router.links.values()))

    async def _rewatch_loop(self) -> None:
        while True:
            await self._rewatch.wait()
            self._rewatch.clear()
            await self.feeds.rewatch()
            await asyncio.sleep(0.2)

    async def startup(self) -> None:
        await self.router.startup()

    async def main_loop(self) -> None:
        """Route, deliver and recover gaps until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.router.main_loop())
            group.create_task(self.feeds.main_loop())
            group.create_task(self._rewatch_loop())

    async def host_statistics(self, deadline: float) -> dict[str, dict[str, float] | None]:
        """Each host's statistics by its name; None for one that does not answer within `deadline` seconds."""
        names = list(self.router.links)
        found = await asyncio.gather(*(host_statistics(name, deadline) for name in names))
        return dict(zip(names, found, strict=True))
