"""A host's membership: sends heartbeats, takes over dead hosts' partitions, and balances the partitions.

Postgres arbitrates (`core.ports.ownership.Ownership`). A peer counts as dead when its heartbeat has not changed for
`takeover_after` seconds of our own monotonic clock, observed with successful heartbeats of our own. So no clocks are
compared, and a database outage kills nobody.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import structlog

from ...core.ids import PARTITIONS
from ...core.ports.journal import StaleEpoch
from ...core.ports.ownership import HostAddress, Ownership, Peer
from .host import ConversationHost

log = structlog.get_logger(__name__)

BEAT = 0.4
"""Seconds between heartbeats."""
NOTIFY_WITHIN = 0.5
"""Seconds to wait for another host to accept partitions. It finds them by its next heartbeat anyway, and gets no more until then: it
may be dead. Short enough that the peers are looked at often enough meanwhile to tell."""
MOVED_AT_ONCE = 32
"""Partitions in one planned move. Their commands wait for it together."""


class MembershipKeeper:
    """One host's membership. `stale` is set when another incarnation has replaced this one. `notify` tells another host that
    partitions were moved to it (`adopt`); if that fails, its next heartbeat finds them."""

    def __init__(
        self,
        ownership: Ownership,
        host: ConversationHost,
        *,
        name: str,
        incarnation: str,
        node: str,
        takeover_after: float,
        stale: asyncio.Event,
        notify: Callable[[Peer], Awaitable[bool]],
        clock: Callable[[], float] = time.monotonic,
        every: float = BEAT,
    ) -> None:
        self._ownership = ownership
        self._host = host
        self._name = name
        self._incarnation = incarnation
        self._node = node
        self._takeover_after = takeover_after
        self._stale = stale
        self._notify = notify
        self.moves = 0
        """Partitions moved to other hosts."""
        self.longest_move = 0.0
        """Seconds for which the commands of moved partitions waited at most, in this host's view."""
        self._seen: dict[str, tuple[int, float]] = {}
        self._unanswered: dict[str, int] = {}
        """Hosts that did not accept partitions in time, and their count of heartbeats then."""
        self._clock = clock
        self._every = every
        self._last_beat = -math.inf
        self._leaving: set[int] = set()
        """Partitions whose owner is being changed."""
        self._gone = 0
        """Counts the changes."""
        self._step = asyncio.Lock()

    async def startup(self, address: str, port: int) -> None:
        """Register under this address and claim free partitions."""
        at = HostAddress(self._incarnation, address, port)
        await self._ownership.register(self._name, self._node, at)
        await self.beat()

    async def main_loop(self) -> None:
        """Send heartbeats until cancelled or superseded."""
        while not self._stale.is_set():
            await asyncio.sleep(self._every)
            try:
                await self.beat()
            except StaleEpoch as error:
                log.error("host_superseded", reason=str(error))
                self._stale.set()
            except Exception as error:
                # Without the database nothing is known of the peers: their silence starts over.
                self._seen.clear()
                log.warning("beat_failed", error=repr(error))

    async def beat(self) -> None:
        """Send one heartbeat, look at the peers, and take one step towards a fair share."""
        async with self._step:
            await self._beat()

    async def _beat(self) -> None:
        if self._clock() - self._last_beat > self._takeover_after / 2:
            self._seen.clear()  # this process was suspended
        peers = await self._write_beat()
        self._last_beat = self._clock()
        alive = [p for p in peers if self._is_alive(p)]
        self._unanswered = {
            p.incarnation: p.beats for p in peers if self._unanswered.get(p.incarnation) == p.beats
        }
        taking = [p for p in alive if not p.draining]
        mine = next((p for p in peers if p.incarnation == self._incarnation), None)
        if mine is None:
            raise StaleEpoch("this host is no longer registered")
        if mine.owned > len(self._host.owned):
            await self._adopt()
        if self._host.draining or not taking:
            return
        if mine.pinned_elsewhere and await self._move_pinned(taking):
            return  # what is known of the others' shares is out of date
        owned, fair = len(self._host.owned), -(-PARTITIONS // len(taking))
        if owned < fair:
            claimed = await self._ownership.claim(
                self._incarnation, [p.incarnation for p in alive], fair - owned
            )
            if claimed:
                log.debug("partitions_claimed", count=len(claimed))
                self._host.own(claimed)
        elif owned > fair and any(p.owned < fair - 1 for p in taking):
            pins = await self._ownership.pins()
            loose = [p for p in sorted(self._host.owned) if pins.get(p) != self._incarnation]
            await self._give(loose[fair - owned :], taking, fair)

    async def _write_beat(self) -> Sequence[Peer]:
        """Raises StaleEpoch if others have taken partitions that this host holds: it was silent for too long."""
        membership = await self._ownership.beat(
            self._name, self._incarnation, owned=len(self._host.owned), draining=self._host.draining
        )
        return membership.peers

    async def adopt(self) -> None:
        """Accept the commands of partitions that another host has moved here. It does not wait for a step under way: two hosts
        may be moving partitions to each other."""
        if not self._host.draining:
            await self._adopt()

    async def _adopt(self) -> None:
        gone = -1
        owned: dict[int, int] = {}
        while (
            gone != self._gone
        ):  # what was read may include partitions that have left since, with epochs of before
            gone = self._gone
            owned = await self._ownership.owned_by(self._incarnation)
        missing = {
            p: epoch for p, epoch in owned.items() if p not in self._host.owned and p not in self._leaving
        }
        if missing:
            log.debug("partitions_adopted", count=len(missing))
            self._host.own(missing)

    async def _move_pinned(self, taking: Sequence[Peer]) -> bool:
        """Move partitions to the hosts that operators have pinned them to, some at a time. Returns whether there were any."""
        pins = await self._ownership.pins()
        before = self.moves
        for peer in taking:
            if peer.takes and peer.incarnation != self._incarnation and self._answers(peer):
                going = [p for p in sorted(self._host.owned) if pins.get(p) == peer.incarnation]
                for first in range(0, len(going), MOVED_AT_ONCE):
                    if not await self._move(going[first : first + MOVED_AT_ONCE], peer):
                        break
        return self.moves > before

    async def leave(self) -> None:
        """Give all partitions to other hosts, so that nobody need wait for the heartbeat to expire."""
        self._host.draining = True
        async with self._step:  # a concurrent beat may be claiming
            try:
                if self._host.owned:
                    taking = [p for p in await self._write_beat() if self._is_alive(p) and not p.draining]
                    await self._give(sorted(self._host.owned), taking, PARTITIONS)
            except StaleEpoch as error:
                # It was silent for so long that others have taken them: there is nothing to give.
                log.warning("host_superseded", reason=str(error))
                await self._host.disown(set(self._host.owned))

    async def _give(self, partitions: Sequence[int], taking: Sequence[Peer], fair: int) -> None:
        """Move partitions to the hosts that have the fewest, but not beyond `fair`, some at a time: each waits for the commands
        under way. What nobody can take becomes free."""
        others = {p.incarnation: p for p in taking if p.takes and p.incarnation != self._incarnation}
        shares = {incarnation: p.owned for incarnation, p in others.items() if self._answers(p)}
        left = list(partitions)
        while left and shares:
            least = min(shares, key=lambda incarnation: shares[incarnation])
            count = min(MOVED_AT_ONCE, fair - shares[least], len(left))
            if count <= 0:
                break
            moving, left = left[:count], left[count:]
            shares[least] += count
            if not await self._move(moving, others[least]):
                del shares[least]
        if left and (not others or self._host.draining):
            await self._give_back(left)

    async def _move(self, partitions: Sequence[int], to: Peer) -> bool:
        """A planned move: finish what is under way, hand over, and wait until the other host has begun. Returns whether it answered."""
        began = time.perf_counter()
        async with self._without(partitions):
            await self._ownership.move(self._incarnation, partitions, to.incarnation)
        try:
            async with asyncio.timeout(NOTIFY_WITHIN):
                notified = await self._notify(to)
        except TimeoutError:
            notified = False
        if not notified:
            self._unanswered[to.incarnation] = to.beats
        took = time.perf_counter() - began
        self.moves += len(partitions)
        self.longest_move = max(self.longest_move, took)
        log.debug(
            "partitions_moved", count=len(partitions), to=to.name, notified=notified, seconds=round(took, 4)
        )
        return notified

    async def _give_back(self, partitions: Sequence[int]) -> None:
        """Make partitions free: others claim them by their next heartbeats."""
        async with self._without(partitions):
            await self._ownership.release(self._incarnation, list(partitions))
        log.debug("partitions_released", count=len(partitions))

    @asynccontextmanager
    async def _without(self, partitions: Sequence[int]) -> AsyncIterator[None]:
        """For a block in which their owner changes: finish what is under way, and do not adopt them again meanwhile."""
        self._leaving.update(partitions)
        try:
            await self._disown(partitions)
            yield
        finally:
            self._leaving.difference_update(partitions)
            self._gone += 1

    async def _disown(self, partitions: Sequence[int]) -> None:
        """Finish what is under way. Sends heartbeats meanwhile: a command may take longer than the takeover time."""
        leaving = asyncio.ensure_future(self._host.disown(set(partitions)))
        try:
            while not (await asyncio.wait({leaving}, timeout=self._every))[0]:
                await self._renew_heartbeat()
            await leaving
        finally:
            leaving.cancel()
        if self._clock() - self._last_beat > self._every:
            await self._renew_heartbeat()

    def statistics(self) -> dict[str, float]:
        """For /metrics."""
        return {"moves_total": self.moves, "longest_move_seconds": self.longest_move}

    async def _renew_heartbeat(self) -> None:
        try:
            await self._write_beat()
            self._last_beat = self._clock()
        except StaleEpoch:
            raise
        except Exception as error:
            log.warning("beat_failed", error=repr(error))

    def _answers(self, peer: Peer) -> bool:
        """Whether more partitions may be moved to a host: it took the last ones, or has sent a heartbeat since."""
        return self._unanswered.get(peer.incarnation) != peer.beats

    def _is_alive(self, peer: Peer) -> bool:
        now = self._clock()
        beats, since = self._seen.get(peer.incarnation, (-1, now))
        if beats != peer.beats:
            self._seen[peer.incarnation] = (peer.beats, now)
            return True
        return peer.incarnation == self._incarnation or now - since < self._takeover_after
