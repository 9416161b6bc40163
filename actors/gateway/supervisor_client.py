"""Calls from gateways to supervisors through Ray, which are rare: both ends, with a deadline each.

A command is retried with the same id until its deadline while its supervisor is down, so a killed supervisor costs a caller
a moment. Everything else fails at once as Overloaded, and the caller continues without it or reports it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar

import msgspec
import structlog
from msgspec.structs import replace
from ray.actor import ActorHandle
from ray.exceptions import ActorDiedError, RayError

from ...core.conversation.commands import Done, Envelope, Refused
from ...core.errors import Overloaded, TertuliaError
from ...core.routing.alternatives.shadow import ShadowFigures
from ...core.routing.supervision_messages import (
    TAKEN_OVER,
    AgentPresence,
    Presence,
    QueuePage,
    QueuePlace,
    by_clock,
    shard_of,
)
from ..clock import now_ms
from ..cluster.peer_watch import LOOK_EVERY
from ..cluster.shard_map import ShardMap
from ..recurring import recur
from ..supervisor.supervisor import Supervisor
from ..transport import codec
from ..transport.ray_calls import SUPERVISOR_NAME, call, find
from ..transport.refusals import error_of, refusal

log = structlog.get_logger(__name__)

COMMAND_DEADLINE = 8.0
ATTEMPT_DEADLINE = 3.0
"""Seconds after which a command that was not answered is sent again, to whoever is responsible then."""
QUERY_DEADLINE = 3.0
POSITIONS_DEADLINE = 0.3
RETRY_PAUSE = 0.2
"""Seconds between attempts."""
POSITIONS_PAUSE = 1.0
"""Seconds for which a supervisor that did not return positions is not asked for them."""
UNAVAILABLE = "the supervisor of this account is not available"

T = TypeVar("T")


class Present(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """`sent_at`: the sender's clock, in ms. Clocks differ, and presence expires within a minute."""

    entries: list[Presence]
    sent_at: int


class Agents(msgspec.Struct, frozen=True, array_like=True, tag=True):
    account_id: str


class Queue(msgspec.Struct, frozen=True, array_like=True, tag=True):
    account_id: str
    after: tuple[int, int, str] | None
    limit: int


class Positions(msgspec.Struct, frozen=True, array_like=True, tag=True):
    account_id: str
    conversations: list[str]


class GetShadow(msgspec.Struct, frozen=True, array_like=True, tag=True):
    account_id: str


class Refresh(msgspec.Struct, frozen=True, array_like=True, tag=True):
    account_id: str


class ResendHints(msgspec.Struct, frozen=True, array_like=True, tag="Retell"):
    account_id: str


Query = Present | Agents | Queue | Positions | GetShadow | Refresh | ResendHints
_decode_query = msgspec.msgpack.Decoder(Query).decode


QueryValue = list[AgentPresence] | QueuePage | dict[str, QueuePlace] | ShadowFigures | None


class QueryResult(msgspec.Struct, Generic[T], frozen=True, array_like=True, tag="Found"):
    """The result of a query."""

    value: T


_decode_nothing = msgspec.msgpack.Decoder(QueryResult[None] | Refused).decode
_decode_agents = msgspec.msgpack.Decoder(QueryResult[list[AgentPresence]] | Refused).decode
_decode_queue = msgspec.msgpack.Decoder(QueryResult[QueuePage] | Refused).decode
_decode_shadow = msgspec.msgpack.Decoder(QueryResult[ShadowFigures | None] | Refused).decode
_decode_positions = msgspec.msgpack.Decoder(QueryResult[dict[str, QueuePlace]] | Refused).decode


async def answer_command(supervisor: Supervisor, payload: bytes) -> bytes:
    """The supervisor's end of a command: an encoded envelope in, an encoded outcome out."""
    try:
        return codec.encode(await supervisor.ask(codec.decode_envelope(payload)))
    except TertuliaError as error:
        return codec.encode(refusal(error))


async def answer_query(supervisor: Supervisor, payload: bytes) -> bytes:
    """The supervisor's end of a query."""
    try:
        return codec.encode(QueryResult(await _value(supervisor, _decode_query(payload))))
    except TertuliaError as error:
        return codec.encode(refusal(error))


async def _value(supervisor: Supervisor, query: Query) -> QueryValue:
    if isinstance(query, Present):
        return await supervisor.present(by_clock(query.entries, now_ms() - query.sent_at))
    if isinstance(query, Agents):
        return await supervisor.agents(query.account_id)
    if isinstance(query, Queue):
        return await supervisor.queue(query.account_id, query.after, query.limit)
    if isinstance(query, Positions):
        return await supervisor.positions(query.account_id, query.conversations)
    if isinstance(query, GetShadow):
        return await supervisor.shadow(query.account_id)
    if isinstance(query, ResendHints):
        return await supervisor.resend_hints(query.account_id)
    return await supervisor.refresh(query.account_id)


class SupervisorClient:
    """A gateway's end: implements `core.ports.supervision.Supervision`. `watches`: whether there may be several supervisors, so that
    an account's may change."""

    def __init__(self, shards: ShardMap, *, watches: bool) -> None:
        self._shards = shards
        self._watches = watches
        self._handles: dict[int, ActorHandle] = {}
        self._connecting: set[int] = set()
        self._positions_paused_until = 0.0

    async def main_loop(self) -> None:
        """Watch the supervisors, and connect to each: when one is gone, Ray's head may be away, and no other can be found. A connection
        that takes long must not delay the watch."""
        if not self._watches:
            return
        async with asyncio.TaskGroup() as group:

            async def look() -> None:
                await self._shards.look()
                for number in self._shards.alive - self._handles.keys() - self._connecting:
                    self._connecting.add(number)
                    group.create_task(self._connect(number))

            await recur(look, "supervisor_watch", LOOK_EVERY, at_once=True)

    async def _connect(self, number: int) -> None:
        try:
            await self._call(number, "ping", deadline=QUERY_DEADLINE)
        except Overloaded:
            pass
        except Exception as error:  # it is tried again at the next look
            log.warning("supervisor_not_connected", supervisor=number, error=repr(error))
        finally:
            self._connecting.discard(number)

    async def ask(self, envelope: Envelope) -> Done:
        deadline = time.monotonic() + COMMAND_DEADLINE
        while (left := deadline - time.monotonic()) > 0:
            number = self._supervisor_of(envelope.account_id)
            try:
                answer = await self._call(
                    number, "command", codec.encode(envelope), deadline=min(left, ATTEMPT_DEADLINE)
                )
            except Overloaded:
                # It may have happened. The next attempt looks for its original result first.
                envelope = replace(envelope, attempt=envelope.attempt + 1)
                await asyncio.sleep(RETRY_PAUSE)
                continue
            outcome = codec.decode_outcome(answer)
            if isinstance(outcome, Done):
                return outcome
            assert isinstance(outcome, Refused)
            if outcome.current != TAKEN_OVER:
                raise error_of(outcome)
            envelope = replace(envelope, attempt=envelope.attempt + 1)
            await asyncio.sleep(RETRY_PAUSE)
        raise Overloaded(UNAVAILABLE, retry_after=2)

    async def present(self, entries: Sequence[Presence]) -> None:
        await _while_taken_over(lambda: self._present(entries), QUERY_DEADLINE)

    async def _present(self, entries: Sequence[Presence]) -> None:
        by_supervisor: dict[int, list[Presence]] = {}
        for entry in entries:
            by_supervisor.setdefault(self._supervisor_of(entry.account_id), []).append(entry)
        queries = {number: Present(reports, now_ms()) for number, reports in by_supervisor.items()}
        sent = (self._query_one(n, q, _decode_nothing, QUERY_DEADLINE) for n, q in queries.items())
        await asyncio.gather(*sent)

    async def agents(self, account_id: str) -> list[AgentPresence]:
        return await self._query(account_id, Agents(account_id), _decode_agents)

    async def queue(self, account_id: str, after: tuple[int, int, str] | None, limit: int) -> QueuePage:
        return await self._query(account_id, Queue(account_id, after, limit), _decode_queue)

    async def positions(self, account_id: str, conversations: Sequence[str]) -> dict[str, QueuePlace]:
        """No positions while the supervisor is down: listing conversations does not wait for it."""
        if not conversations or time.monotonic() < self._positions_paused_until:
            return {}
        try:
            query = Positions(account_id, list(conversations))
            return await self._query(account_id, query, _decode_positions, POSITIONS_DEADLINE)
        except TertuliaError:
            self._positions_paused_until = time.monotonic() + POSITIONS_PAUSE
            return {}

    async def shadow(self, account_id: str) -> ShadowFigures | None:
        return await self._query(account_id, GetShadow(account_id), _decode_shadow)

    async def refresh(self, account_id: str) -> None:
        await self._query(account_id, Refresh(account_id), _decode_nothing)

    async def resend_hints(self, account_id: str) -> None:
        await self._query(account_id, ResendHints(account_id), _decode_nothing)

    def _supervisor_of(self, account_id: str) -> int:
        return self._shards.supervisor_of(shard_of(account_id))

    async def _query(
        self,
        account_id: str,
        query: Query,
        decode: Callable[[bytes], QueryResult[T] | Refused],
        deadline: float = QUERY_DEADLINE,
    ) -> T:
        async def attempt() -> T:
            return await self._query_one(self._supervisor_of(account_id), query, decode, deadline)

        return await _while_taken_over(attempt, deadline)

    async def _query_one(
        self, number: int, query: Query, decode: Callable[[bytes], QueryResult[T] | Refused], deadline: float
    ) -> T:
        answer = decode(await self._call(number, "query", codec.encode(query), deadline=deadline))
        if isinstance(answer, Refused):
            raise error_of(answer)
        return answer.value

    async def _call(self, number: int, method: str, *payload: bytes, deadline: float) -> Any:
        try:
            async with asyncio.timeout(deadline):
                if number not in self._handles:
                    self._handles[number] = await find(SUPERVISOR_NAME.format(number))
                return await call(self._handles[number], method, *payload, deadline=deadline)
        except (RayError, TimeoutError, OSError, ValueError) as error:
            # Dead for good. Otherwise the handle follows it, and another one needs Ray's head.
            if isinstance(error, ActorDiedError):
                self._handles.pop(number, None)
            log.warning("supervisor_not_reached", supervisor=number, error=type(error).__name__)
            raise Overloaded(UNAVAILABLE, retry_after=2) from error

    async def statistics(self, deadline: float) -> dict[str, dict[str, float] | None]:
        """Each supervisor's statistics by its name; None for one that does not answer within `deadline` seconds."""

        async def one(number: int) -> dict[str, float] | None:
            try:
                async with asyncio.timeout(deadline):
                    return await call(
                        await find(SUPERVISOR_NAME.format(number)), "statistics", deadline=deadline
                    )
            except (RayError, TimeoutError, OSError, ValueError):
                return None

        numbers = sorted(self._shards.known)
        found = await asyncio.gather(*map(one, numbers))
        return {SUPERVISOR_NAME.format(n): figures for n, figures in zip(numbers, found, strict=True)}


async def _while_taken_over(attempt: Callable[[], Awaitable[T]], deadline: float) -> T:
    """Repeat what the account's former supervisor refuses, until the successor is known. Raises Overloaded after `deadline` seconds."""
    until = time.monotonic() + deadline
    while True:
        try:
            return await attempt()
        except Overloaded as error:
            if error.current != TAKEN_OVER:
                raise
            if time.monotonic() + RETRY_PAUSE > until:
                raise Overloaded(UNAVAILABLE, retry_after=2) from error
        await asyncio.sleep(RETRY_PAUSE)
