"""Impostors on the way between a gateway and a host, in both directions, over TLS and over the Unix socket: they learn nothing, are
given nothing, and what they say counts for nothing."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import psutil
import pytest
from samples import ACCOUNT, received, to_thread
from structlog.testing import capture_logs
from test_host_link import GATEWAY, HERE, SECRET, Side, entry, frame, framed
from waiting import until

from tertulia.actors.transport import codec, framing
from tertulia.actors.transport.framing import HEADER, HostEndpoint, Kind
from tertulia.actors.transport.handshake import (
    NONCE,
    PROOF,
    HandshakeRefused,
    HostHandshake,
    PeerHandshake,
    key_of,
)
from tertulia.actors.transport.host_link import LinkIntervals
from tertulia.actors.transport.host_listener import ListenerBounds
from tertulia.actors.transport.link_transport import UNIX_BINDING, client_context, connect, load_tls, make_tls
from tertulia.core.conversation.commands import Done, Moved

TEXT = "my card is 4111 1111 1111 1111"
OTHER = bytes(reversed(SECRET))
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Impostor:
    """Listens where a host should, keeps what it is told, and says what a test wants."""

    def __init__(self, talk: Talk | None = None) -> None:
        self.heard = bytearray()
        self.visits = 0
        self.plain = False
        self.way: HostEndpoint
        self._talk = talk
        self._server: asyncio.Server

    async def open(self, kind: str, folder: Path) -> None:
        if kind == "unix":
            path = folder / "impostor.sock"
            self._server = await asyncio.start_unix_server(self._visit, str(path))
            self.way = HostEndpoint(str(path), 0, SECRET)
        else:
            tls = None if kind == "tcp" else make_tls().context
            self._server = await asyncio.start_server(self._visit, HERE, 0, ssl=tls)
            self.way = HostEndpoint(HERE, self._server.sockets[0].getsockname()[1], SECRET)

    async def _visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.visits += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            if self._talk is not None:
                await self._talk(reader, writer)
            while data := await reader.read(65536):
                self.heard += data
        writer.close()

    async def close(self) -> None:
        self._server.close()


async def _random(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    _, number, _ = await frame(reader)
    writer.write(framed(Kind.CHALLENGE, number, os.urandom(NONCE + PROOF)))


async def _reflects(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """What the peer says comes back as a challenge."""
    _, number, hello = await frame(reader)
    writer.write(framed(Kind.CHALLENGE, number, hello[1 : 1 + NONCE] + hello[-PROOF:]))


async def _of_another(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A host indeed, of another incarnation or server."""
    _, number, hello = await frame(reader)
    writer.write(framed(Kind.CHALLENGE, number, HostHandshake(OTHER, UNIX_BINDING).challenge(hello)))


async def _nods(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """As hosts did that asked for no proof."""
    _, number, _ = await frame(reader)
    writer.write(framed(Kind.ANSWER, number))


async def _empty(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    _, number, _ = await frame(reader)
    writer.write(framed(Kind.CHALLENGE, number))


async def _pushes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(framed(Kind.ENTRIES, 0, codec.encode([entry(ACCOUNT, 1)])))


async def _forges(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Outcomes for whatever numbers the gateway may use."""
    for number in range(8):
        writer.write(framed(Kind.ANSWER, number, codec.encode([Done()])))


async def _floods(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEADER.pack(framing.MAX_HANDSHAKE + 1, Kind.CHALLENGE, 1))


@pytest.mark.parametrize("kind", ["unix", "tls"])
@pytest.mark.parametrize("talk", [_random, _reflects, _of_another, _nods, _empty, _pushes, _forges, _floods])
async def test_an_impostor_host_gets_nothing_but_a_nonce(kind: str, talk: Talk, tmp_path: Path) -> None:
    side, impostor = Side(), Impostor(talk)
    await impostor.open(kind, tmp_path)
    side.way = impostor.way
    link = side.link()
    envelope = to_thread(received(TEXT))
    link.send(envelope)
    assert await link.watch([ACCOUNT]) is False
    await until(lambda: side.settled)
    assert side.settled == [(envelope, Moved())], "it is asked for elsewhere: this one never had it"
    assert side.entries == [] and impostor.visits > 0
    for secret in (TEXT.encode(), SECRET, ACCOUNT.encode()):
        assert secret not in impostor.heard
    assert len(impostor.heard) < 2 * framing.MAX_HANDSHAKE
    await impostor.close()
    await side.stop()


async def test_a_host_that_says_nothing_is_given_up(tmp_path: Path) -> None:
    side, impostor = Side(), Impostor()
    await impostor.open("unix", tmp_path)
    side.way = impostor.way
    side.link(intervals=LinkIntervals(connect=0.05)).send(to_thread(received(TEXT)))
    await until(lambda: side.settled)
    assert isinstance(side.settled[0][1], Moved)
    hello = bytes(impostor.heard)
    assert HEADER.unpack_from(hello)[1] == Kind.HELLO and len(hello) == HEADER.size + 1 + NONCE + len(GATEWAY)
    await impostor.close()
    await side.stop()


async def test_without_tls_nothing_is_said(tmp_path: Path) -> None:
    """Whoever listens at a TCP address without TLS is greeted by TLS, and by nothing else."""
    side, impostor = Side(), Impostor(_nods)
    await impostor.open("tcp", tmp_path)
    side.way = impostor.way
    side.link().send(to_thread(received(TEXT)))
    await until(lambda: side.settled)
    assert isinstance(side.settled[0][1], Moved)
    assert TEXT.encode() not in impostor.heard and GATEWAY.encode() not in impostor.heard
    await impostor.close()
    await side.stop()


@pytest.fixture(params=["unix", "tls"])
async def host(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Side]:
    side = Side()
    if request.param == "unix":
        at = side.listener.open_unix(tmp_path / "host-0.1.sock")
    else:
        at = side.listener.open_tls(HERE, make_tls())
    side.way = HostEndpoint(at.address, at.port, SECRET)
    yield side
    await side.stop()


async def dial(way: HostEndpoint) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, bytes]:
    """A stranger's connection, and the channel binding."""
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    binding = await connect(lambda: protocol, way.address, way.port, None)
    transport = protocol._transport  # type: ignore[attr-defined]
    return reader, asyncio.StreamWriter(transport, protocol, reader, asyncio.get_running_loop()), binding


async def shown_out(reader: asyncio.StreamReader) -> None:
    async with asyncio.timeout(30):
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError, ssl.SSLError)):
            while True:
                await frame(reader)


COMMANDS = framed(Kind.COMMANDS, 7, codec.encode([to_thread(received(TEXT))]))


@pytest.mark.parametrize(
    "said",
    [
        COMMANDS,
        framed(Kind.HELLO, 1, SECRET + GATEWAY.encode()),  # the key in clear, as it once was
        framed(Kind.PROOF, 1, bytes(PROOF)),
        framed(Kind.WATCH_EVENTS, 1),
        framed(Kind.REFRESH_RULES, 1, codec.encode([ACCOUNT])),
        framed(Kind.HELLO, 1),
        framed(Kind.HELLO, 1, b"\x02" + bytes(NONCE) + GATEWAY.encode()),  # another version
        framed(Kind.HELLO, 1, b"\x01" + bytes(NONCE) + b"\xff"),
        framed(Kind.HELLO, 1, b"\x01" + bytes(NONCE) + b"n" * 257),
        framed(99, 1),  # type: ignore[arg-type]
        HEADER.pack(framing.MAX_HANDSHAKE + 1, Kind.HELLO, 1),
        HEADER.pack(2**32 - 1, Kind.HELLO, 1),
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
async def test_a_peer_that_proves_nothing_is_shown_out(host: Side, said: bytes) -> None:
    reader, writer, _ = await dial(host.way)
    writer.write(said + COMMANDS)
    await shown_out(reader)
    writer.close()
    assert host.batches == [] and host.refreshed == [] and not host.publisher._links
    assert not host.listener._unauthenticated and not host.listener._peers


@pytest.mark.parametrize("how", ["another key", "reflected", "twice", "another name", "commands"])
async def test_half_a_handshake_opens_nothing(host: Side, how: str) -> None:
    reader, writer, binding = await dial(host.way)
    handshake = PeerHandshake(SECRET, GATEWAY, binding)
    writer.write(framed(Kind.HELLO, 1, handshake.hello()))
    _, _, challenge = await frame(reader)
    if how == "another key":
        other = HostHandshake(OTHER, binding)  # so that the stranger has something to answer
        stranger = PeerHandshake(OTHER, GATEWAY, binding)
        said = framed(Kind.PROOF, 2, stranger.prove(other.challenge(stranger.hello())))
    elif how == "reflected":
        said = framed(Kind.PROOF, 2, challenge[NONCE:])
    elif how == "twice":
        said = framed(Kind.HELLO, 2, handshake.hello())
    elif how == "another name":
        stranger = PeerHandshake(SECRET, "g2", binding)
        stranger._nonce = handshake._nonce
        with pytest.raises(HandshakeRefused):
            stranger.prove(challenge)
        said = framed(Kind.PROOF, 2, bytes(PROOF))
    else:
        said = COMMANDS
    writer.write(said + COMMANDS)
    await shown_out(reader)
    writer.close()
    assert host.batches == [] and not host.listener._peers


async def _relayed(
    way: HostEndpoint, tmp_path: Path
) -> tuple[HostEndpoint, list[bytes], list[bytes], asyncio.Server]:
    """A wire-tap in front of a host: the way through it, and what went there and back."""
    there: list[bytes] = []
    back: list[bytes] = []

    async def copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter, kept: list[bytes]) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await source.read(65536):
                kept.append(data)
                sink.write(data)
        sink.close()

    async def tap(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if way.port:
            to, out = await asyncio.open_connection(way.address, way.port)
        else:
            to, out = await asyncio.open_unix_connection(way.address)
        await asyncio.gather(copy(reader, out, there), copy(to, writer, back))

    if way.port:
        server = await asyncio.start_server(tap, HERE, 0)
        through = HostEndpoint(HERE, server.sockets[0].getsockname()[1], way.secret)
    else:
        path = tmp_path / "tap.sock"
        server = await asyncio.start_unix_server(tap, str(path))
        through = HostEndpoint(str(path), 0, way.secret)
    return through, there, back, server


async def test_on_the_wire_there_is_no_text_and_no_key(host: Side, tmp_path: Path) -> None:
    real = host.way
    host.way, there, back, tap = await _relayed(real, tmp_path)
    link = host.link()
    assert await link.watch([ACCOUNT])
    link.send(to_thread(received(TEXT)))
    await until(lambda: host.settled)
    assert isinstance(host.settled[0][1], Done) and host.rig.messages() == [TEXT]
    said = b"".join(there) + b"".join(back)
    assert SECRET not in said
    if real.port:
        assert TEXT.encode() not in said and ACCOUNT.encode() not in said and GATEWAY.encode() not in said
    else:
        assert TEXT.encode() in said, "the tap sees what there is to see"
    link.close()
    tap.close()


async def test_a_recorded_handshake_opens_nothing(host: Side, tmp_path: Path) -> None:
    real = host.way
    host.way, there, _, tap = await _relayed(real, tmp_path)
    link = host.link()
    link.send(to_thread(received("once")))
    await until(lambda: host.settled)
    link.close()
    tap.close()
    if real.port:
        reader, writer = await asyncio.open_connection(real.address, real.port)
    else:
        reader, writer = await asyncio.open_unix_connection(real.address)
    writer.write(b"".join(there))
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        async with asyncio.timeout(30):
            while await reader.read(65536):
                pass
    writer.close()
    assert host.batches == [1] and host.rig.messages() == ["once"]


async def test_a_recorded_host_is_not_believed(tmp_path: Path) -> None:
    """It says what a real host said to this gateway the last time."""
    side = Side()
    at = side.listener.open_unix(tmp_path / "host-0.1.sock")
    side.way, _, back, tap = await _relayed(HostEndpoint(at.address, 0, SECRET), tmp_path)
    side.link().send(to_thread(received("once")))
    await until(lambda: side.settled)
    tap.close()

    async def replays(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await frame(reader)
        writer.write(b"".join(back))

    impostor = Impostor(replays)
    await impostor.open("unix", tmp_path)
    side.way = impostor.way
    side.settled.clear()
    side.link("b").send(to_thread(received(TEXT)))
    await until(lambda: side.settled)
    assert isinstance(side.settled[0][1], Moved) and TEXT.encode() not in impostor.heard
    await impostor.close()
    await side.stop()


@pytest.mark.parametrize("to", ["tls", "unix"])
async def test_who_relays_between_the_two_is_noticed(to: str, tmp_path: Path) -> None:
    """It ends the TLS of the one and begins that of the other, and passes every frame on: each side sees another certificate."""
    side = Side()
    if to == "tls":
        at = side.listener.open_tls(HERE, make_tls())
    else:
        at = side.listener.open_unix(tmp_path / "host-0.1.sock")
    real = HostEndpoint(at.address, at.port, SECRET)
    passed: list[int] = []

    async def passes_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to, out, _ = await dial(real)
        try:
            for source, sink in ((reader, out), (to, writer), (reader, out)):
                kind, number, payload = await frame(source)
                passed.append(kind)
                sink.write(framed(Kind(kind), number, payload))
        finally:
            out.close()

    impostor = Impostor(passes_on)
    await impostor.open("tls", tmp_path)
    side.way = impostor.way
    side.link().send(to_thread(received(TEXT)))
    await until(lambda: side.settled)
    assert isinstance(side.settled[0][1], Moved)
    assert passed == [Kind.HELLO, Kind.CHALLENGE], "the gateway says no more than hello"
    assert side.batches == [] and not side.listener._peers
    await impostor.close()
    await side.stop()


async def test_only_tls_13_is_spoken() -> None:
    side = Side()
    at = side.listener.open_tls(HERE, make_tls())
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.open_connection(at.address, at.port, ssl=old)
    assert client_context(None).minimum_version is ssl.TLSVersion.TLSv1_3
    side.way = HostEndpoint(at.address, at.port, SECRET)
    assert await side.link().watch([ACCOUNT]), "others get in"
    await side.stop()


def _certificate(folder: Path, name: str) -> tuple[Path, Path]:
    made = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "2", "-subj", f"/CN={name}", "-keyout", str(made[1]), "-out", str(made[0])],
        check=True, capture_output=True, timeout=20,
    )  # fmt: skip
    return made


async def test_with_a_ca_the_certificate_must_come_from_it(tmp_path: Path) -> None:
    side = Side()
    ours, key = _certificate(tmp_path, "ours")
    other, _ = _certificate(tmp_path, "other")
    at = side.listener.open_tls(HERE, load_tls(ours, key))
    side.way = HostEndpoint(at.address, at.port, SECRET, other)
    assert not await side.link("a").watch([ACCOUNT])
    side.way = HostEndpoint(at.address, at.port, SECRET, ours)
    assert await side.link("b").watch([ACCOUNT])
    with pytest.raises(ValueError, match="not a certificate and its key"):
        load_tls(other, key)
    with pytest.raises(ValueError, match="holds no certificates"):
        client_context(key)
    await side.stop()


@pytest.mark.parametrize("kind", ["unix", "tls"])
async def test_silent_connections_keep_nobody_out_and_end(kind: str, tmp_path: Path) -> None:
    side = Side(ListenerBounds(unauthenticated_by_address=8))
    at = (
        side.listener.open_unix(tmp_path / "host-0.1.sock")
        if kind == "unix"
        else side.listener.open_tls(HERE, make_tls())
    )
    side.way = HostEndpoint(at.address, at.port, SECRET)
    this = psutil.Process()
    before = this.num_fds()
    family = socket.AF_UNIX if kind == "unix" else socket.AF_INET
    silent = [socket.socket(family) for _ in range(40)]
    for one in silent:
        one.setblocking(False)
        await asyncio.get_running_loop().sock_connect(
            one, at.address if kind == "unix" else (at.address, at.port)
        )
    link = side.link()
    link.send(to_thread(received("through")))
    await until(lambda: side.settled)
    assert isinstance(side.settled[0][1], Done)
    assert len(side.listener._unauthenticated) <= 8
    for one in silent:
        one.close()
    await until(lambda: not side.listener._unauthenticated)
    link.close()
    await until(lambda: not side.listener._peers)
    await until(lambda: this.num_fds() <= before)
    await side.stop()


async def test_a_peer_that_says_nothing_is_shown_out(tmp_path: Path) -> None:
    host = Side(ListenerBounds(handshake=0.05))
    at = host.listener.open_unix(tmp_path / "host-0.1.sock")
    reader, writer, _ = await dial(HostEndpoint(at.address, at.port, SECRET))
    await shown_out(reader)
    writer.close()
    assert not host.listener._unauthenticated
    await host.stop()


async def test_refusals_are_counted_and_not_each_logged(host: Side) -> None:
    with capture_logs() as logs:
        for _ in range(20):
            reader, writer, _ = await dial(host.way)
            writer.write(COMMANDS)
            await shown_out(reader)
            writer.close()
    assert [r["event"] for r in logs] == ["connection_refused"]


@pytest.mark.parametrize(
    "garbage",
    [
        framed(Kind.COMMANDS, 9, b"\xc1 garbage"),
        framed(Kind.COMMANDS, 9, b"\xdd\xff\xff\xff\xff"),
        framed(Kind.COMMANDS, 9, b"\x91" * 100_000),
        framed(Kind.WATCH, 9, b"garbage"),
        framed(Kind.REFRESH_RULES, 9, codec.encode([1])),
        framed(Kind.ENTRIES, 9),
        framed(77, 9),  # type: ignore[arg-type]
    ],
)
async def test_garbage_of_a_known_peer_ends_its_connection_alone(host: Side, garbage: bytes) -> None:
    other = host.link("other")
    assert await other.watch([ACCOUNT])
    reader, writer, binding = await dial(host.way)
    handshake = PeerHandshake(SECRET, "odd", binding)
    writer.write(framed(Kind.HELLO, 1, handshake.hello()))
    writer.write(framed(Kind.PROOF, 2, handshake.prove((await frame(reader))[2])))
    await frame(reader)
    with capture_logs() as logs:
        writer.write(100 * garbage)
        await shown_out(reader)
        writer.close()
        await until(lambda: len(host.listener._peers) == 1)
    assert [r["event"] for r in logs] == ["invalid_frame"] and "exc_info" not in logs[0]
    other.send(to_thread(received("neighbour")))
    await until(lambda: host.settled)
    assert isinstance(host.settled[0][1], Done)


async def test_what_comes_behind_garbage_is_not_taken(host: Side) -> None:
    reader, writer, binding = await dial(host.way)
    handshake = PeerHandshake(SECRET, "odd", binding)
    writer.write(framed(Kind.HELLO, 1, handshake.hello()))
    writer.write(framed(Kind.PROOF, 2, handshake.prove((await frame(reader))[2])))
    await frame(reader)
    writer.write(framed(Kind.WATCH, 3, b"garbage") + COMMANDS)
    await shown_out(reader)
    writer.close()
    await host.rig.quiet()
    assert host.batches == []


@pytest.mark.parametrize("answer", [b"\xc1", codec.encode([Done(), Done()]), codec.encode([])])
async def test_an_answer_that_makes_no_sense_leaves_the_outcome_unknown(host: Side, answer: bytes) -> None:
    host.mangled = answer
    link = host.link()
    envelope = to_thread(received("stored"))
    link.send(envelope)
    await until(lambda: host.settled and host.gone)
    assert host.settled == [(envelope, None)], "it was stored: to refuse it would be a lie"


def test_a_key_is_for_one_incarnation_of_one_server() -> None:
    assert len({key_of(i, s) for i in ("a", "b") for s in ("x" * 32, "y" * 32)}) == 4


AS_NOBODY = """
import os, socket, sys
os.setgid(65534); os.setuid(65534)
sock = socket.socket(socket.AF_UNIX)
if sys.argv[1] == "listen":
    os.umask(0)
    sock.bind(sys.argv[2]); sock.listen(); print("ready", flush=True)
    other, _ = sock.accept()
    print(len(other.recv(1000)), flush=True)
else:
    sock.connect(sys.argv[2])
    try:
        print(len(sock.recv(1000)), flush=True)
    except ConnectionError:
        print(0, flush=True)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
async def test_another_user_of_the_machine_is_refused_both_ways(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Even where somebody opened the folder to them."""
    folder = Path("/tmp") / f"tertulia-test-{os.getpid()}"
    folder.mkdir()
    folder.chmod(0o777)
    side = Side()
    try:
        at = side.listener.open_unix(folder / "host-0.1.sock")
        (folder / "host-0.1.sock").chmod(0o777)
        peer = await asyncio.create_subprocess_exec(
            sys.executable, "-c", AS_NOBODY, "connect", at.address, stdout=subprocess.PIPE
        )
        out, _ = await asyncio.wait_for(peer.communicate(), 20)
        assert out.strip() == b"0", "it was let go before it had said anything"
        assert not side.listener._unauthenticated
        path = folder / "other.sock"
        host = await asyncio.create_subprocess_exec(
            sys.executable, "-c", AS_NOBODY, "listen", str(path), stdout=subprocess.PIPE
        )
        assert host.stdout is not None and (await host.stdout.readline()).strip() == b"ready"
        side.way = HostEndpoint(str(path), 0, SECRET)
        assert not await side.link().watch([ACCOUNT])
        assert (await asyncio.wait_for(host.stdout.readline(), 20)).strip() == b"0", "not even a nonce"
        await host.wait()
    finally:
        await side.stop()
        for left in folder.iterdir():
            left.unlink()
        folder.rmdir()
