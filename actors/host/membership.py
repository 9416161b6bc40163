"""A host's membership: sends heartbeats, takes over dead hosts' partitions, and balances the partitions.

Postgres arbitrates (`core.ports.ownership.Ownership`). A peer counts as dead when its heartbeat has not changed for
`takeover_after` seconds of our own monotonic clock, observed with successful heartbeats of our own. So no clocks are
compared, and a database outage kills nobody.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable

import structlog

from ...core.ids import PARTITIONS
from ...core.ports.journal import StaleEpoch
from ...core.ports.ownership import HostAddress, Ownership, Peer
from .host import ConversationHost

log = structlog.get_logger(__name__)

BEAT = 0.4
"""Seconds between heartbeats."""


class MembershipKeeper:
    """One host's membership. `stale` is set when another incarnation has replaced this one."""

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
        self._seen: dict[str, tuple[int, float]] = {}
        self._clock = clock
        self._every = every
        self._last_beat = -math.inf
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
                # Without the database nothing is known of the peers: their silence starts anew.
                self._seen.clear()
                log.warning("beat_failed", error=repr(error))

    async def beat(self) -> None:
        """Send one heartbeat, look at the peers, and take one step towards a fair share."""
        async with self._step:
            await self._beat()

    async def _beat(self) -> None:
        if self._clock() - self._last_beat > self._takeover_after / 2:
            self._seen.clear()  # this process was suspended
        membership = await self._ownership.beat(self._name, self._incarnation, draining=self._host.draining)
        self._last_beat = self._clock()
        alive = [p for p in membership.peers if self._is_alive(p)]
        taking = [p for p in alive if not p.draining]
        owned = len(self._host.owned)
        mine = next((p for p in membership.peers if p.incarnation == self._incarnation), None)
        if mine is None or mine.owned < owned:
            raise StaleEpoch("others took this host's partitions while it was silent")
        if self._host.draining or not taking:
            return
        fair = -(-PARTITIONS // len(taking))
        if owned < fair:
            claimed = await self._ownership.claim(
                self._incarnation, [p.incarnation for p in alive], fair - owned
            )
            if claimed:
                log.debug("partitions_claimed", count=len(claimed))
                self._host.own(claimed)
        elif owned > fair and any(p.owned < fair - 1 for p in taking):
            await self._give_back(set(sorted(self._host.owned)[fair:]))

    async def leave(self) -> None:
        """Give all partitions back, so that others need not wait for the heartbeat to expire."""
        self._host.draining = True
        async with self._step:  # a concurrent beat may be claiming
            await self._give_back(set(self._host.owned))

    async def _give_back(self, partitions: set[int]) -> None:
        """Drain and release partitions. Sends heartbeats meanwhile: commands in flight may wait for a classifier for longer
        than the takeover time."""
        leaving = asyncio.ensure_future(self._host.disown(partitions))
        try:
            while not (await asyncio.wait({leaving}, timeout=self._every))[0]:
                await self._renew_heartbeat()
            await leaving
        finally:
            leaving.cancel()
        await self._ownership.release(self._incarnation, list(partitions))
        log.debug("partitions_released", count=len(partitions))

    async def _renew_heartbeat(self) -> None:
        try:
            await self._ownership.beat(self._name, self._incarnation, draining=self._host.draining)
        except StaleEpoch:
            raise
        except Exception as error:
            log.warning("beat_failed", error=repr(error))

    def _is_alive(self, peer: Peer) -> bool:
        now = self._clock()
        beats, since = self._seen.get(peer.incarnation, (-1, now))
        if beats != peer.beats:
            self._seen[peer.incarnation] = (peer.beats, now)
            return True
        return peer.incarnation == self._incarnation or now - since < self._takeover_after
