"""A gateway without its HTTP side: its links to the hosts, the account feeds, and their loops."""

from __future__ import annotations

import asyncio
from pathlib import Path

from ...core.conversation.poison import PoisonList
from ...core.ports.feeds import FeedArchive
from ...core.ports.ownership import Ownership
from ..transport.host_subscription import HostSubscription
from ..transport.ray_calls import host_statistics
from .account_feeds import Feeds, Listener


class Gateway:
    """Routes commands and delivers account feeds. `listener` gets every entry of the watched accounts in feed order."""

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
        self._hosts = HostSubscription(
            name,
            ownership,
            lambda entries: self.feeds.deliver(entries),
            lambda _: self.feeds.rewatch(),
            secret=secret,
            link_ca=link_ca,
            poison=poison,
            deadline=deadline,
            max_waiting=max_waiting,
        )
        self.router = self._hosts.router
        self.feeds = Feeds(archive, listener, self._hosts.watch)

    async def refresh_rules(self, account_id: str) -> None:
        """An account's settings or rules have changed: on return, conversations use them. An unreachable host notices the
        change by itself moments later."""
        await asyncio.gather(*(link.refresh_rules([account_id]) for link in self.router.links.values()))

    async def startup(self) -> None:
        await self._hosts.startup()

    async def main_loop(self) -> None:
        """Route, deliver and recover gaps until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._hosts.main_loop())
            group.create_task(self.feeds.main_loop())

    async def host_statistics(self, deadline: float) -> dict[str, dict[str, float] | None]:
        """Each host's statistics by its name; None for one that does not answer within `deadline` seconds."""
        names = list(self.router.links)
        found = await asyncio.gather(*(host_statistics(name, deadline) for name in names))
        return dict(zip(names, found, strict=True))
