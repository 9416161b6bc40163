"""Agents' presence at this gateway, as set over REST and over streams, and renewed while a stream is open.

Presence expires after `ttl` seconds unless renewed. It is sent to the account's supervisor and written to Valkey, where a starting
supervisor reads it; each renewal repeats both, so either may be down for a while. One entry stands for all streams of an agent here (the
best status that they set), another for the status set over REST, which any open stream of the agent renews. A status set
over REST holds for the agent and overrides what streams set before it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence

import structlog
from msgspec.structs import replace

from ...actors.clock import WallClock
from ...actors.recurring import recur
from ...core.accounts.principal import Principal
from ...core.errors import StorageUnavailable, TertuliaError
from ...core.ports.people import AgentStore
from ...core.ports.supervision import PresenceStore, Supervision
from ...core.routing.facts import PresenceStatus
from ...core.routing.supervision_messages import REST, Presence, is_older, shifted
from .session import Session

log = structlog.get_logger(__name__)

_RANK: dict[PresenceStatus, int] = {"online": 2, "away": 1, "offline": 0}
Agent = tuple[str, str]
"""Account and user."""


class PresenceKeeper:
    """Keeps presence alive. `staff`: the open streams of people who answer customers."""

    def __init__(
        self,
        gateway: str,
        store: PresenceStore,
        supervision: Supervision,
        agents: AgentStore,
        staff: Callable[[], Sequence[Session]],
        *,
        ttl: float,
        clock: WallClock | None = None,
    ) -> None:
        self._gateway = gateway
        self._store = store
        self._supervision = supervision
        self._agents = agents
        self._staff = staff
        self._ttl = ttl
        self._on_streams: dict[Session, Presence] = {}
        self._at_rest: dict[Agent, Presence] = {}
        self._clock = clock or WallClock()

    async def say(self, principal: Principal, status: PresenceStatus, session: Session | None = None) -> None:
        """Set the status of one stream or, without one, of the agent. Raises StorageUnavailable if it reaches neither side.

        Who has been removed and comes back is an agent again: their token may be older than that. Who only leaves is not."""
        if status != "offline":
            with contextlib.suppress(TertuliaError):  # presence does without Postgres
                if await self._agents.get(principal.account_id, principal.user_id) is None:
                    await self._agents.ensure(principal.account_id, principal.user_id, principal.name)
        await self._set((principal.account_id, principal.user_id), status, session)

    async def sign_off(self, account_id: str, user_id: str) -> None:
        """Make an agent offline, whatever its streams say until now. Raises StorageUnavailable."""
        await self._set((account_id, user_id), "offline")

    async def _set(self, agent: Agent, status: PresenceStatus, session: Session | None = None) -> None:
        self._follow_clock()
        now = self._clock.now_ms()
        connection = REST if session is None else self._gateway
        report = Presence(*agent, connection, status, now + self._life, now)
        if session is None:
            self._at_rest[agent] = report
        else:
            self._on_streams[session] = report
            # the best status may be another stream's; it is renewed along with this one
            report = replace(self._best().get(agent, report), expires_at=report.expires_at)
        if not await self._publish([report]):
            raise StorageUnavailable("presence cannot be stored at the moment", retry_after=1)

    def _follow_clock(self) -> None:
        """Shift stored times if the clock was set back, so that later statuses stay later."""
        if ms := self._clock.set_by():
            self._on_streams = {session: shifted(p, ms) for session, p in self._on_streams.items()}
            self._at_rest = {agent: shifted(p, ms) for agent, p in self._at_rest.items()}

    @property
    def _life(self) -> int:
        return int(self._ttl * 1000)

    def _best(self) -> dict[Agent, Presence]:
        """The best status of each agent's streams, of those set since the last one over REST."""
        best: dict[Agent, Presence] = {}
        for report in self._on_streams.values():
            agent = report.account_id, report.user_id
            rest = self._at_rest.get(agent)
            if rest is not None and rest.reported_at >= report.reported_at:
                continue
            other = best.get(agent, report)
            better = max(report, other, key=lambda p: _RANK[p.status])
            best[agent] = replace(better, reported_at=max(report.reported_at, other.reported_at))
        return best

    async def _publish(self, reports: list[Presence]) -> bool:
        """Returns whether the supervisor or Valkey took it."""
        results = await asyncio.gather(
            self._supervision.present(reports), self._store.put(reports), return_exceptions=True
        )
        for error in results:
            if isinstance(error, TertuliaError):
                log.warning("presence_not_published", error=error.detail)
            elif isinstance(error, BaseException):
                raise error
        return not all(isinstance(error, TertuliaError) for error in results)

    async def main_loop(self) -> None:
        """Renew until cancelled."""
        await recur(self._renew_in_time, "presence_renewal", self._ttl / 3)

    async def _renew_in_time(self) -> None:
        started = time.monotonic()
        await self._renew()
        if time.monotonic() - started > self._ttl / 3:
            log.warning("presence_renewal_slow", seconds=time.monotonic() - started)

    async def _renew(self) -> None:
        streams = set(self._staff())
        for session in [s for s in self._on_streams if s not in streams]:
            del self._on_streams[session]
        agents = {(s.principal.account_id, s.principal.user_id) for s in streams}
        self._follow_clock()
        await self._read_from_others(agents)
        now = self._clock.now_ms()
        for agent in [a for a, p in self._at_rest.items() if p.expires_at <= now and a not in agents]:
            del self._at_rest[agent]
        until = now + self._life
        reports = [replace(best, expires_at=until) for best in self._best().values()]
        for agent in agents & self._at_rest.keys():
            renewed = self._at_rest[agent] = replace(self._at_rest[agent], expires_at=until)
            reports.append(renewed)
        if reports:
            await self._publish(reports)

    async def _read_from_others(self, agents: set[Agent]) -> None:
        """Read statuses that agents with streams here have set over REST at other gateways."""
        for account_id in {account_id for account_id, _ in agents}:
            try:
                found = await self._store.read(account_id)
            except TertuliaError:
                return  # renew what is known
            for p in found:
                agent = p.account_id, p.user_id
                known = self._at_rest.get(agent)
                newer = known is None or is_older(known, p)
                if p.connection == REST and agent in agents and newer and p.expires_at > self._clock.now_ms():
                    self._at_rest[agent] = p
