"""A gateway's end of the connection to one host.

Commands queued in one turn of the event loop leave as one batch. Each batch has a deadline; if its outcome stays unknown,
the router sends its commands again with the same ids.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

import msgspec
import structlog

from ...core.conversation.commands import Envelope, Moved, Outcome, Refused
from . import codec
from .framing import ANSWER, COMMANDS, ENTRIES, MAX_FRAME, MAX_HANDSHAKE, TURN, Connection, HostEndpoint, Kind
from .handshake import PeerHandshake
from .link_transport import connect

log = structlog.get_logger(__name__)

MAX_BATCH = 512
"""Commands in one frame."""
FULL = 32
"""Commands that leave at once: the host can begin while this gateway still reads the rest."""
BUSY = 4 * FULL
"""With this many commands in flight, batches are twice as large."""

BROKEN = Refused("internal", "the command could not be sent")
DIED_IN_ITS_TURN = Refused("internal", "the host was lost in the very turn of this command")
"""The outcome of a command whose turn a lost host had begun and not ended, if it had been in flight to a lost host before."""
NOT_SENT = Moved()
"""The outcome of a command that certainly was not sent. The router sends it again, as one for another host."""

OnOutcome = Callable[[Envelope, Outcome | None], None]


class LinkIntervals(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds."""

    connect: float = 3.0
    """To open a connection and authenticate, and for the answer to a notification."""
    sweep: float = 0.5
    """Between checks for batches past their deadline."""


class _Batch:
    __slots__ = ("deadline", "envelopes", "turn")

    def __init__(self, envelopes: list[Envelope], deadline: float) -> None:
        self.envelopes = envelopes
        self.deadline = deadline
        self.turn: int | None = None
        """Index of the command whose turn has begun and not ended, if the host announces turns."""


class HostLink:
    """A gateway's connection to one host.

    `on_outcome(envelope, outcome)` is called for every command sent: with None if its outcome is unknown, or with
    DIED_IN_ITS_TURN. `on_entries` gets the entries that the host pushes, encoded; `on_entries_missed` is called when pushes
    may have been lost. The router bounds the queue by what it admits.
    """

    def __init__(
        self,
        name: str,
        incarnation: str,
        gateway: str,
        *,
        endpoint: HostEndpoint,
        on_outcome: OnOutcome,
        on_entries: Callable[[bytes], None],
        on_entries_missed: Callable[[], None],
        deadline: float,
        intervals: LinkIntervals = LinkIntervals(),  # noqa: B008 - it is immutable
    ) -> None:
        self.name = name
        self.incarnation = incarnation
        self._intervals = intervals
        self._gateway = gateway
        self._endpoint = endpoint
        self._on_outcome = on_outcome
        self._on_entries = on_entries
        self._on_entries_missed = on_entries_missed
        self._deadline = deadline
        self._queue: list[Envelope] = []
        self._scheduled = False
        self._number = 0
        self._batches: dict[int, _Batch] = {}
        self._answers: dict[int, asyncio.Future[bytes]] = {}
        self._answered: deque[tuple[list[Envelope], bytes]] = deque()
        self._settling = False
        self._connection: Connection | None = None
        self._connecting: asyncio.Task[Connection] | None = None
        self._sweeper: asyncio.TimerHandle | None = None
        self._closed = False

    def send(self, envelope: Envelope) -> None:
        """Queue a command. It leaves at the end of this turn of the event loop, or when the connection opens."""
        self._queue.append(envelope)
        queued = len(self._queue)
        if queued >= 2 * FULL or (queued == FULL and not self._busy):
            self._flush()
        elif not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._flush_later)

    @property
    def _busy(self) -> bool:
        """Whether the host is busy: then fewer, larger batches cost both sides less."""
        return sum(len(batch.envelopes) for batch in self._batches.values()) >= BUSY

    def _flush_later(self) -> None:
        self._scheduled = False
        self._flush()

    def _flush(self) -> None:
        connection = self._connection
        if connection is None or not connection.open:
            if self._queue:
                self._connect()
            return
        while self._queue:
            batch, self._queue = self._queue[:MAX_BATCH], self._queue[MAX_BATCH:]
            try:
                payload = codec.encode(batch)
            except Exception:  # a bug: the senders must get an outcome anyway
                log.exception("batch_encoding_failed", host=self.name, commands=len(batch))
                self._settle_all(batch, BROKEN)
                continue
            self._number += 1
            self._batches[self._number] = _Batch(batch, time.monotonic() + self._deadline)
            connection.send(COMMANDS, self._number, payload)
        if self._sweeper is None:
            self._sweeper = asyncio.get_running_loop().call_later(self._intervals.sweep, self._sweep)

    def _sweep(self) -> None:
        """Give up on batches past their deadline: the connection may be up and the host frozen."""
        self._sweeper = None
        now = time.monotonic()
        for number in [n for n, b in self._batches.items() if b.deadline < now]:
            batch = self._batches.pop(number)
            log.warning("host_call_failed", host=self.name, error="deadline", commands=len(batch.envelopes))
            self._settle_lost(batch)
        if self._batches:
            self._sweeper = asyncio.get_running_loop().call_later(self._intervals.sweep, self._sweep)

    def _settle_lost(self, batch: _Batch) -> None:
        for place, envelope in enumerate(batch.envelopes):
            self._on_outcome(envelope, DIED_IN_ITS_TURN if place == batch.turn else None)

    def _settle_all(self, batch: list[Envelope], outcome: Outcome | None) -> None:
        for envelope in batch:
            self._on_outcome(envelope, outcome)

    # -- the connection

    def _connect(self) -> asyncio.Task[Connection]:
        if self._connecting is None:
            self._connecting = asyncio.ensure_future(self._open())
            self._connecting.add_done_callback(self._connected)
        return self._connecting

    async def _open(self) -> Connection:
        """Open a connection and authenticate both sides. Until then only handshake frames are sent or accepted."""
        connection = Connection(self._on_frame, self._on_lost, MAX_HANDSHAKE)
        try:
            async with asyncio.timeout(self._intervals.connect):
                binding = await connect(
                    lambda: connection, self._endpoint.address, self._endpoint.port, self._endpoint.ca
                )
                handshake = PeerHandshake(self._endpoint.secret, self._gateway, binding)
                challenge = await self._request(connection, Kind.HELLO, handshake.hello())
                await self._request(connection, Kind.PROOF, handshake.prove(challenge))
        except BaseException:
            connection.abort()
            raise
        connection.limit = MAX_FRAME
        return connection

    def _connected(self, task: asyncio.Task[Connection]) -> None:
        self._connecting = None
        error = None if task.cancelled() else task.exception()
        if error is None and not task.cancelled() and not self._closed:
            self._connection = task.result()
            self._flush()
            return
        if error is not None:
            log.warning("host_unreachable", host=self.name, error=repr(error))
        elif not task.cancelled():
            task.result().abort()
        queue, self._queue = self._queue, []
        self._settle_all(queue, NOT_SENT)

    async def _request(self, connection: Connection, kind: Kind, payload: bytes) -> bytes:
        """Send a frame and wait for its answer. Raises ConnectionError if the connection is lost first."""
        self._number += 1
        number = self._number
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        try:
            connection.send(kind, number, payload)
            return await answer
        finally:
            del self._answers[number]

    def _on_frame(self, connection: Connection, kind: int, number: int, payload: bytes) -> None:
        if connection is not self._connection:  # the host is not authenticated yet
            if kind in (Kind.CHALLENGE, ANSWER):
                self._resolve(number, payload)
            else:
                connection.abort()
        elif kind == ENTRIES:
            try:
                self._on_entries(payload)
            except msgspec.MsgspecError as error:
                log.warning("invalid_entries", host=self.name, error=str(error))
                connection.abort()
        elif kind == ANSWER:
            if (batch := self._batches.pop(number, None)) is not None:
                self._answered.append((batch.envelopes, payload))
                if not self._settling:
                    self._settle_next()
            else:
                self._resolve(number, payload)
        elif kind == Kind.TURN and len(payload) == TURN.size:
            place, begun = TURN.unpack(payload)
            if (batch := self._batches.get(number)) is not None:
                batch.turn = place if begun else None

    def _resolve(self, number: int, payload: bytes) -> None:
        if (answer := self._answers.get(number)) is not None and not answer.done():
            answer.set_result(payload)

    def _settle_next(self) -> None:
        """Settle the oldest answered batch, and schedule the next one after other ready callbacks. A commit answers many
        batches at once, and their clients' next requests should reach the host while it commits, not afterwards."""
        self._settling = bool(self._answered)
        if self._settling:
            self._settle_answered(*self._answered.popleft())
            asyncio.get_running_loop().call_soon(self._settle_next)

    def _settle_answered(self, batch: list[Envelope], payload: bytes) -> None:
        try:
            outcomes = codec.decode_outcomes(payload)
            if len(outcomes) != len(batch):
                raise ValueError(f"{len(outcomes)} outcomes for {len(batch)} commands")
        except ValueError as error:  # msgspec's errors are ValueErrors
            log.warning("invalid_answer", host=self.name, commands=len(batch), error=str(error))
            self._settle_all(batch, None)
            if self._connection is not None:
                self._connection.abort()
            return
        for envelope, outcome in zip(batch, outcomes, strict=True):
            self._on_outcome(envelope, outcome)

    def _on_lost(self, connection: Connection) -> None:
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(ConnectionError("the connection was lost"))
        if connection is not self._connection:
            return
        self._connection = None
        self._settle_everything()
        if not self._closed:
            log.warning("host_connection_lost", host=self.name)
            self._on_entries_missed()

    def _settle_everything(self) -> None:
        while self._answered:
            self._settle_answered(*self._answered.popleft())
        batches, self._batches = self._batches, {}
        queue, self._queue = self._queue, []
        for batch in batches.values():
            self._settle_lost(batch)
        self._settle_all(queue, NOT_SENT)

    async def watch(self, accounts: list[str]) -> bool:
        """Tell the host which accounts to push; False if it could not be reached."""
        return await self._notify(Kind.WATCH, codec.encode(accounts))

    async def watch_events(self) -> bool:
        """Tell the host to push all accounts' entries, except messages; False if it could not be reached."""
        return await self._notify(Kind.WATCH_EVENTS, b"")

    async def refresh_rules(self, accounts: list[str]) -> bool:
        """Tell the host that the accounts' settings or rules have changed, and wait until it uses them; False if it could
        not be reached."""
        return await self._notify(Kind.REFRESH_RULES, codec.encode(accounts))

    async def partitions_moved(self) -> bool:
        """Tell the host that partitions were moved to it, and wait until it accepts their commands; False if it could not be
        reached."""
        return await self._notify(Kind.PARTITIONS_MOVED, b"")

    async def _notify(self, kind: Kind, payload: bytes) -> bool:
        try:
            async with asyncio.timeout(self._intervals.connect):
                connection = self._connection or await asyncio.shield(self._connect())
                await self._request(connection, kind, payload)
        except (TimeoutError, OSError) as error:
            log.warning("host_notification_failed", host=self.name, what=kind.name, error=repr(error))
            return False
        except asyncio.CancelledError:
            if self._closed:  # the connection attempt was cancelled, not this call
                return False
            raise
        return True

    def close(self) -> None:
        """Give up on this host: commands in flight get an unknown outcome, queued ones NOT_SENT."""
        self._closed = True
        if self._connecting is not None:
            self._connecting.cancel()
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abort()
        self._settle_everything()
