"""Presence as this gateway hears it: what agents say over REST and over their streams, renewed for as long as a stream is open.

A status lives `ttl` seconds. What is said goes to the account's supervisor directly and into Valkey, where a supervisor that
starts finds it; each renewal writes both again, so neither has to be there all the time. One entry stands for all streams of
an agent here (the best of what they said), one for what was said over REST, which any open stream of the agent renews.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import structlog

from ..core.errors import StorageUnavailable, TertuliaError
from ..core.principal import Principal
from ..core.routing.facts import PresenceStatus
from ..core.supervision import Presence, PresenceStore, Supervision
from .clock import now_ms
from .streams.session import Session

log = structlog.get_logger(__name__)

_RANK: dict[PresenceStatus, int] = {"online": 2, "away": 1, "offline": 0}
Agent = tuple[str, str]
"""Account and user."""


class PresenceKeeper:
    """See the module. `staff`: the open streams of people who answer customers."""

    def __init__(
        self,
        gateway: str,
        store: PresenceStore,
        supervision: Supervision,
        staff: Callable[[], Sequence[Session]],
        *,
        ttl: float,
    ) -> None:
        self._gateway = gateway
        self._store = store
        self._supervision = supervision
        self._staff = staff
        self._ttl = ttl
        self._on_streams: dict[Session, PresenceStatus] = {}
        self._at_rest: dict[Agent, Presence] = {}

    async def say(self, principal: Principal, status: PresenceStatus, session: Session | None = None) -> None:
        """An agent's word, for one stream or, without one, for the agent. Raises StorageUnavailable when nobody hears it."""
        agent = principal.account_id, principal.user_id
        if session is None:
            said = self._at_rest[agent] = self._entry(agent, "", status)
        else:
            self._on_streams[session] = status
            said = self._entry(agent, self._gateway, self._best()[agent])
        if not await self._tell([said]):
            raise StorageUnavailable("presence cannot be kept at the moment", retry_after=1)

    def _entry(self, agent: Agent, connection: str, status: PresenceStatus) -> Presence:
        return Presence(agent[0], agent[1], connection, status, now_ms() + int(self._ttl * 1000))

    def _best(self) -> dict[Agent, PresenceStatus]:
        best: dict[Agent, PresenceStatus] = {}
        for session, status in self._on_streams.items():
            agent = session.principal.account_id, session.principal.user_id
            best[agent] = max(status, best.get(agent, "offline"), key=_RANK.__getitem__)
        return best

    async def _tell(self, said: list[Presence]) -> bool:
        """Whether anybody heard."""
        told = await asyncio.gather(
            self._supervision.present(said), self._store.put(said), return_exceptions=True
        )
        for error in told:
            if isinstance(error, TertuliaError):
                log.warning("presence_not_told", error=error.detail)
            elif isinstance(error, BaseException):
                raise error
        return not all(isinstance(error, TertuliaError) for error in told)

    async def main_loop(self) -> None:
        """Renew until cancelled."""
        while True:
            await asyncio.sleep(self._ttl / 3)
            started = time.monotonic()
            await self._renew()
            if time.monotonic() - started > self._ttl / 3:
                log.warning("presence_renewal_slow", seconds=time.monotonic() - started)

    async def _renew(self) -> None:
        streams = set(self._staff())
        for session in [s for s in self._on_streams if s not in streams]:
            del self._on_streams[session]
        agents = {(s.principal.account_id, s.principal.user_id) for s in streams}
        await self._look(agents)
        now = now_ms()
        for agent in [a for a, p in self._at_rest.items() if p.expires_at <= now and a not in agents]:
            del self._at_rest[agent]
        said = [self._entry(agent, self._gateway, status) for agent, status in self._best().items()]
        for agent in agents:
            known = self._at_rest.get(agent)
            if known is not None and known.status != "offline":
                renewed = self._at_rest[agent] = self._entry(agent, "", known.status)
                said.append(renewed)
        if said:
            await self._tell(said)

    async def _look(self, agents: set[Agent]) -> None:
        """What agents with streams here said over REST elsewhere."""
        for account_id in {account_id for account_id, _ in agents}:
            try:
                found = await self._store.read(account_id)
            except TertuliaError:
                return  # what is known is renewed
            for p in found:
                agent = p.account_id, p.user_id
                known = self._at_rest.get(agent)
                newer = known is None or p.expires_at > known.expires_at
                if p.connection == "" and agent in agents and newer and p.expires_at > now_ms():
                    self._at_rest[agent] = p
