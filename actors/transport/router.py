"""A gateway's router: sends each command to the host that owns its partition, and returns the outcome.

Owns the gateway's copy of the partition map, and the retries. If a host dies, freezes or gives a partition away, its
commands wait for the map to change and are sent again with the same id until their deadline, unless they themselves kill
hosts (`quarantine.py`).
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable

import msgspec
import structlog

from ...core.conversation.commands import Done, Envelope, Moved, Outcome
from ...core.conversation.poison import PoisonList
from ...core.errors import DISK_FULL, Internal, Invalid, Overloaded, TertuliaError
from ...core.ids import PARTITIONS
from ...core.ports.ownership import HostAddress, Ownership, PartitionMap
from .host_link import DIED_IN_ITS_TURN, HostLink
from .quarantine import MAX_LOSSES, Quarantine
from .refusals import error_of

log = structlog.get_logger(__name__)

DISK_FULL_FOR = 5.0
"""Seconds for which a refusal because of a full disk is reported, unless there is another."""

SOON = 8
"""Reads of the map in quick succession, once commands wait for it."""

OnOutcome = Callable[[Done | TertuliaError], None]
"""Called once with a command's outcome: its commit or its refusal."""


class RouterIntervals(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds between reads of the partition map."""

    soon: float = 0.025
    """While commands wait for it, for the first SOON reads: a planned move takes some ten milliseconds."""
    refresh: float = 0.1
    """While commands wait for it longer."""
    poll: float = 1.0
    """Otherwise."""


SET_ASIDE = "the server failed repeatedly while processing this command: it was set aside, and repeats of it are refused"


class _Waiting:
    __slots__ = ("deadline", "losses", "on_outcome")

    def __init__(self, on_outcome: OnOutcome, deadline: float) -> None:
        self.on_outcome = on_outcome
        self.deadline = deadline
        self.losses = 0
        """Hosts lost while they had the command."""


class Router:
    """Sends commands and returns their outcomes. `link` connects to a host; `on_hosts_changed` is called for new
    incarnations. Create it inside a running loop."""

    def __init__(
        self,
        ownership: Ownership,
        link: Callable[[str, HostAddress, Callable[[Envelope, Outcome | None], None]], HostLink],
        *,
        deadline: float,
        max_waiting: int,
        on_hosts_changed: Callable[[], None],
        poison: PoisonList | None = None,
        intervals: RouterIntervals = RouterIntervals(),  # noqa: B008 - it is immutable
    ) -> None:
        self._intervals = intervals
        self._ownership = ownership
        self.quarantine = Quarantine(poison)
        self._disk_full_at = -math.inf
        self._connect = link
        self._deadline = deadline
        self._max_waiting = max_waiting
        self._on_hosts_changed = on_hosts_changed
        self._owners: tuple[str | None, ...] = ()
        self.links: dict[str, HostLink] = {}
        self._waiting: dict[str, _Waiting] = {}
        self._parked: list[Envelope] = []
        self._parked_partitions: set[int] = set()
        self._wake = asyncio.Event()
        self._refreshing = asyncio.Lock()
        self._loop = asyncio.get_running_loop()

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """Whether no more commands are admitted."""
        return len(self._waiting) >= self._max_waiting

    async def ask(self, envelope: Envelope) -> Done:
        """Send a command and wait for its commit. Raises the refusal, and whatever `send` raises."""
        future: asyncio.Future[Done] = self._loop.create_future()

        def on_outcome(outcome: Done | TertuliaError) -> None:
            if future.done():
                return
            if isinstance(outcome, Done):
                future.set_result(outcome)
            else:
                future.set_exception(outcome)

        self.send(envelope, on_outcome)
        try:
            return await future
        finally:
            self._waiting.pop(envelope.id, None)

    def send(self, envelope: Envelope, on_outcome: OnOutcome) -> None:
        """Send a command; `on_outcome` is called with its outcome.

        At most `max_waiting` commands wait in a gateway; beyond that raises Overloaded (503).
        """
        if self.full:
            raise Overloaded("too many commands are waiting", retry_after=1)
        waiting = self._waiting[envelope.id] = _Waiting(on_outcome, time.monotonic() + self._deadline)
        if self.quarantine.active:
            if self.quarantine.refuses(envelope):
                self._loop.call_soon(self._finish, envelope, Invalid(SET_ASIDE))
                return
            waiting.losses = self.quarantine.losses(envelope)
            if waiting.losses and envelope.attempt == 0:
                envelope = msgspec.structs.replace(envelope, attempt=1)
        try:
            self._dispatch(envelope)
        except BaseException:  # an id without a partition: it must not count as waiting forever
            del self._waiting[envelope.id]
            raise

    def _dispatch(self, envelope: Envelope) -> None:
        partition = envelope.partition
        owner = self._owners[partition] if self._owners else None
        link = self.links.get(owner) if owner is not None else None
        if link is None or partition in self._parked_partitions:  # earlier commands of the partition go first
            self._park(envelope)
        else:
            link.send(envelope)

    def _on_outcome(self, envelope: Envelope, outcome: Outcome | None) -> None:
        if isinstance(outcome, Done):
            if self.quarantine.active:
                self.quarantine.cleared(envelope)
            self._finish(envelope, outcome)
        elif outcome is None:
            self._on_lost(envelope)
        elif outcome is DIED_IN_ITS_TURN:
            self.quarantine.set_aside(envelope)
            self._finish(envelope, Invalid(SET_ASIDE))
        elif envelope.id not in self._waiting:
            return
        elif isinstance(outcome, Moved):
            self._park(envelope)
        else:
            if outcome.retry_after is None and self.quarantine.active:
                self.quarantine.cleared(envelope)
            if outcome.detail == DISK_FULL:
                self._disk_full_at = time.monotonic()
            self._finish(envelope, error_of(outcome))

    def _on_lost(self, envelope: Envelope) -> None:
        """The command may have happened, and it may have killed the host. The next attempt checks for an original result
        and is watched."""
        waiting = self._waiting.get(envelope.id)
        losses = (self.quarantine.losses(envelope) if waiting is None else waiting.losses) + 1
        if losses >= MAX_LOSSES:
            self.quarantine.set_aside(envelope)
            self._finish(envelope, Internal(SET_ASIDE))  # its last host may have stored it
            return
        self.quarantine.lost(envelope, losses)
        if waiting is not None:
            waiting.losses = losses
            self._park(msgspec.structs.replace(envelope, attempt=envelope.attempt + 1))

    def _park(self, envelope: Envelope) -> None:
        self._parked.append(envelope)
        self._parked_partitions.add(envelope.partition)
        self._wake.set()

    def _finish(self, envelope: Envelope, outcome: Done | TertuliaError) -> None:
        waiting = self._waiting.pop(envelope.id, None)
        if waiting is not None:
            try:
                waiting.on_outcome(outcome)
            except Exception:  # one failing callback must not keep the rest of its batch waiting
                log.exception("reply_not_delivered", command=type(envelope.command).__name__)

    @property
    def disk_full(self) -> bool:
        """Whether a host has lately refused a command because the database's disk is full."""
        return time.monotonic() - self._disk_full_at < DISK_FULL_FOR

    @property
    def partitions_without_host(self) -> int:
        """The number of partitions without a host that this gateway could send to: their commands wait, and fail at their deadline."""
        return PARTITIONS - sum(owner is not None and owner in self.links for owner in self._owners)

    # -- the map

    async def startup(self) -> None:
        await self.refresh()

    async def main_loop(self) -> None:
        """Refresh the map and send the commands that wait for it, until cancelled."""
        rounds = 0
        while True:
            try:
                await asyncio.wait_for(self._wake.wait(), self._intervals.poll)
            except TimeoutError:
                pass
            self._wake.clear()
            try:
                await self.refresh()
            except Exception as error:
                log.warning("map_refresh_failed", error=repr(error))
            parked, self._parked = self._parked, []
            self._parked_partitions.clear()
            for envelope in parked:
                self._retry(envelope)
            rounds = rounds + 1 if parked else 0
            if parked:
                few = rounds <= SOON
                await asyncio.sleep(
                    min(self._intervals.soon, self._intervals.refresh) if few else self._intervals.refresh
                )

    def _retry(self, envelope: Envelope) -> None:
        waiting = self._waiting.get(envelope.id)
        if waiting is None:
            return
        if time.monotonic() > waiting.deadline:
            self._finish(envelope, Overloaded("the conversation's host is not available", retry_after=2))
        elif self.quarantine.refuses(envelope):  # another gateway has set it aside in the meantime
            self._finish(envelope, Invalid(SET_ASIDE))
        else:
            self._dispatch(envelope)

    async def refresh(self) -> None:
        """Read the map, connect to new incarnations, and close the links to old ones."""
        async with self._refreshing:  # an older map must not replace a newer one
            self._apply_map(await self._ownership.read_map())
            await self.quarantine.refresh()

    def _apply_map(self, current: PartitionMap) -> None:
        on_hosts_changed = False
        for name, at in current.hosts.items():
            link = self.links.get(name)
            if link is None or link.incarnation != at.incarnation:
                self.links[name] = self._connect(name, at, self._on_outcome)
                on_hosts_changed = True
                if link is not None:
                    link.close()
        for name in self.links.keys() - current.hosts.keys():
            self.links.pop(name).close()
        self._owners = current.owners
        if on_hosts_changed:
            self._on_hosts_changed()
