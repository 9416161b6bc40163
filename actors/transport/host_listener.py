"""A host's end of the connections: accepts commands and subscriptions from peers, answers, and pushes committed entries.

It accepts nothing but the handshake from a peer that is not authenticated. The connections of such peers are few,
short-lived and hold no more than one handshake frame. The oldest is evicted first, so holding many open keeps nobody out.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from socket import socket

import msgspec
import structlog

from ...core.conversation.entries import Entry
from ..background_tasks import BackgroundTasks
from . import codec
from .entry_publisher import FeedPublisher
from .framing import ANSWER, COMMANDS, ENTRIES, MAX_FRAME, MAX_HANDSHAKE, TURN, Connection, Kind
from .handshake import HandshakeRefused, HostHandshake
from .link_transport import ListeningSocket, Tls, foreign_user, listen_tls, listen_unix
from .turns import Announce

log = structlog.get_logger(__name__)

ACCEPT_PAUSE = 0.1
"""Seconds to pause after accepting failed, for example without a free file descriptor."""
REFUSALS_EVERY = 10.0
"""Seconds between log records of refused peers. Each record counts the refusals since the last."""


class ListenerBounds(msgspec.Struct, frozen=True, kw_only=True):
    """The limits on what peers use of a host."""

    handshake: float = 5.0
    """Seconds for TLS and the handshake; then the connection ends."""
    unauthenticated: int = 256
    """Connections that are not authenticated yet. Beyond this the oldest is closed."""
    unauthenticated_by_address: int = 64
    """The same limit for one address (for this machine, over the Unix socket)."""
    backlog: int = 32 * 1024 * 1024
    """Bytes of entries that one gateway has not read yet. Beyond this, entries are dropped and it recovers them from Postgres."""


class EntryPush:
    """Pushes entries to one gateway: `entry_publisher.GatewayLink`."""

    def __init__(self, name: str, connection: Connection, max_backlog: int) -> None:
        self._name = name
        self._max_backlog = max_backlog
        self._connection = connection
        self._dropping = False

    def send(self, entries: list[Entry]) -> None:
        full = self._connection.backlog > self._max_backlog
        if full and not self._dropping:
            log.warning("delivery_lost", gateway=self._name, entries=len(entries))
        self._dropping = full
        if not full:
            self._connection.send(ENTRIES, 0, codec.encode(entries))


class _PendingPeer:
    """A connection that is not authenticated yet."""

    __slots__ = ("accepted", "address", "authenticated", "connection", "handshake", "task")

    def __init__(self, accepted: socket, address: str, handshake: HostHandshake) -> None:
        self.accepted: socket | None = accepted
        """None once a transport owns it."""
        self.address = address
        self.handshake = handshake
        self.authenticated = asyncio.Event()
        self.connection: Connection
        self.task: asyncio.Task[None]


class HostListener:
    """Listens for peers. `submit` runs a batch of commands and returns their outcomes, both encoded, and announces turns.
    `refresh_rules` re-reads the rules of accounts and returns once turns use them. `adopt` accepts the commands of partitions that another host has moved here. `secret` is the key that both sides must
    prove to know (`handshake.key_of`)."""

    def __init__(
        self,
        submit: Callable[[bytes, Announce], Awaitable[bytes]],
        refresh_rules: Callable[[list[str]], Awaitable[None]],
        publisher: FeedPublisher,
        secret: bytes,
        bounds: ListenerBounds = ListenerBounds(),  # noqa: B008 - it is immutable
        *,
        adopt: Callable[[], Awaitable[None]],
    ) -> None:
        self._bounds = bounds
        self._adopt = adopt
        self._submit = submit
        self._refresh_rules = refresh_rules
        self._publisher = publisher
        self._secret = secret
        self._unauthenticated: dict[Connection, _PendingPeer] = {}
        """In order of acceptance."""
        self._peers: dict[Connection, str] = {}
        self._pushes: dict[Connection, EntryPush] = {}
        self._tasks = BackgroundTasks()
        self._listening: ListeningSocket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._refused = 0
        self._refusals_logged = -REFUSALS_EVERY

    def open_tls(self, address: str, tls: Tls) -> ListeningSocket:
        """Listen on a free port of `address`. Raises OSError."""
        return self._open(listen_tls(address, tls))

    def open_unix(self, path: Path) -> ListeningSocket:
        """Listen on a Unix socket in a private folder. Raises OSError."""
        return self._open(listen_unix(path))

    def _open(self, listening: ListeningSocket) -> ListeningSocket:
        self._listening = listening
        self._accepting = asyncio.ensure_future(self._accept(listening))
        return listening

    async def close(self) -> None:
        """Accept no more peers, and let the connected ones have their answers."""
        if self._accepting is not None:
            self._accepting.cancel()
            await asyncio.wait([self._accepting])
        if self._listening is not None:
            self._listening.close()
        for peer in list(self._unauthenticated.values()):
            self._end(peer)
        await self._tasks.wait()
        for connection in list(self._peers):
            connection.close()

    # -- unauthenticated peers

    async def _accept(self, listening: ListeningSocket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, address = await loop.sock_accept(listening.socket)
            except OSError as error:
                log.warning("peer_not_accepted", error=repr(error))
                await asyncio.sleep(ACCEPT_PAUSE)
                continue
            try:
                self._take(listening, accepted, address)
            except OSError as error:  # it has hung up: the others still want to be heard
                log.warning("peer_not_accepted", error=repr(error))
                accepted.close()

    def _take(self, listening: ListeningSocket, accepted: socket, address: object) -> None:
        accepted.setblocking(False)
        if (uid := foreign_user(accepted)) is not None:
            self._refuse(f"user {uid}", "another user's process")
            accepted.close()
        else:
            self._admit(listening, accepted, address[0] if isinstance(address, tuple) else "unix")

    def _admit(self, listening: ListeningSocket, accepted: socket, address: str) -> None:
        same = [peer for peer in self._unauthenticated.values() if peer.address == address]
        if len(same) >= self._bounds.unauthenticated_by_address:
            self._evict(same[0])
        elif len(self._unauthenticated) >= self._bounds.unauthenticated:
            self._evict(next(iter(self._unauthenticated.values())))
        peer = _PendingPeer(accepted, address, HostHandshake(self._secret, listening.binding))
        peer.connection = Connection(self._on_frame, self._on_lost, MAX_HANDSHAKE)
        self._unauthenticated[peer.connection] = peer
        peer.task = self._tasks.start(self._await_handshake(peer, listening, accepted))

    def _evict(self, peer: _PendingPeer) -> None:
        self._refuse(peer.address, "too many unauthenticated peers")
        self._end(peer)

    async def _await_handshake(
        self, peer: _PendingPeer, listening: ListeningSocket, accepted: socket
    ) -> None:
        """Wait until the peer is authenticated or its time is up."""
        tls = listening.tls.context if listening.tls is not None else None
        peer.accepted = None
        try:
            async with asyncio.timeout(self._bounds.handshake):
                await asyncio.get_running_loop().connect_accepted_socket(
                    lambda: peer.connection, accepted, ssl=tls
                )
                await peer.authenticated.wait()
        except (OSError, TimeoutError) as error:  # ssl.SSLError is an OSError
            self._refuse(peer.address, str(error) or type(error).__name__)
        finally:
            if not peer.authenticated.is_set():
                self._end(peer)

    def _end(self, peer: _PendingPeer) -> None:
        if self._unauthenticated.pop(peer.connection, None) is not None:
            if peer.accepted is not None:
                peer.accepted.close()
            peer.connection.abort()
            peer.task.cancel()

    def _refuse(self, address: str, why: str) -> None:
        """Log refusals at a limited rate: the peers control how many there are."""
        self._refused += 1
        now = time.monotonic()
        if now - self._refusals_logged >= REFUSALS_EVERY:
            log.warning("connection_refused", peer=address, reason=why, count=self._refused)
            self._refusals_logged, self._refused = now, 0

    def _handshake(self, peer: _PendingPeer, kind: int, number: int, payload: bytes) -> None:
        connection, handshake = peer.connection, peer.handshake
        try:
            if kind == Kind.HELLO and not handshake.challenged:
                connection.send(Kind.CHALLENGE, number, handshake.challenge(payload))
                return
            if kind != Kind.PROOF:
                raise HandshakeRefused("a peer must authenticate first")
            name = handshake.admit(payload)
        except HandshakeRefused as error:
            self._refuse(peer.address, str(error))
            self._end(peer)
            return
        del self._unauthenticated[connection]
        self._peers[connection] = name
        connection.limit = MAX_FRAME
        connection.send(ANSWER, number, b"")
        peer.authenticated.set()

    # -- authenticated peers

    def _on_lost(self, connection: Connection) -> None:
        if (peer := self._unauthenticated.get(connection)) is not None:
            self._end(peer)
        name = self._peers.pop(connection, None)
        push = self._pushes.pop(connection, None)
        if name is not None and push is not None:
            self._publisher.drop(name, push)

    def _on_frame(self, connection: Connection, kind: int, number: int, payload: bytes) -> None:
        if (name := self._peers.get(connection)) is not None:
            try:
                self._on_peer_frame(connection, name, kind, number, payload)
            except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
                self._drop_broken(connection, name, error)
        elif (peer := self._unauthenticated.get(connection)) is not None:
            self._handshake(peer, kind, number, payload)

    def _drop_broken(self, connection: Connection, name: str, error: Exception) -> None:
        """End a connection after an invalid frame: nothing else from it can be trusted."""
        if connection.open:
            log.warning("invalid_frame", gateway=name, error=str(error))
            connection.abort()

    def _on_peer_frame(
        self, connection: Connection, name: str, kind: int, number: int, payload: bytes
    ) -> None:
        if kind == COMMANDS:
            self._tasks.start(self._commands(connection, number, payload))
        elif kind == Kind.REFRESH_RULES:
            self._tasks.start(self._refresh(connection, number, codec.decode_names(payload)))
        elif kind == Kind.PARTITIONS_MOVED:
            self._tasks.start(self._adopt_moved(connection, number))
        elif kind == Kind.WATCH:
            accounts = codec.decode_names(payload)
            push = self._push_to(name, connection)
            self._publisher.watch(name, push, accounts)
            connection.send(ANSWER, number, b"")
        elif kind == Kind.WATCH_EVENTS:
            push = self._push_to(name, connection)
            self._publisher.watch_events(name, push)
            connection.send(ANSWER, number, b"")
        else:
            raise ValueError(f"unexpected frame of kind {kind}")

    def _push_to(self, name: str, connection: Connection) -> EntryPush:
        return self._pushes.setdefault(connection, EntryPush(name, connection, self._bounds.backlog))

    async def _refresh(self, connection: Connection, number: int, accounts: list[str]) -> None:
        await self._refresh_rules(accounts)
        connection.send(ANSWER, number, b"")

    async def _adopt_moved(self, connection: Connection, number: int) -> None:
        """Another host has moved partitions here. If they cannot be read now, the next heartbeat finds them."""
        try:
            await self._adopt()
        except Exception as error:
            log.warning("partitions_not_adopted", error=repr(error))
        connection.send(ANSWER, number, b"")

    async def _commands(self, connection: Connection, number: int, payload: bytes) -> None:
        def announce(place: int, begun: bool) -> None:
            connection.send(Kind.TURN, number, TURN.pack(place, begun))

        try:
            answer = await self._submit(payload, announce)
        except msgspec.MsgspecError as error:
            self._drop_broken(connection, self._peers.get(connection, ""), error)
        except Exception:  # without an answer the peer sends the batch again, with the same ids
            log.exception("submit_failed")
            connection.abort()
        else:
            connection.send(ANSWER, number, answer)
