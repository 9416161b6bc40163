"""What one client's streams may cost everybody else: floods of frames, hundreds of sockets, readers that read nothing.

The attacks are bytes made beforehand and written to plain sockets as fast as the server takes them; they go on in a new
connection when one ends.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from uuid import uuid4

import psutil
import pytest
import websockets
from desks import Desk, fresh, ok
from neighbours import QuietNeighbour
from raw_websocket import CLOSE, CONTINUATION, PING, PONG, TEXT, Outcome, RawWebSocket, frame
from readers import Chat, WsReader, open_socket
from serving import OwnServer
from waiting import until

SECONDS = 1.0
"""How long each attack goes on at least."""
PATIENCE = 20.0
"""How long at most, until a connection has ended."""
ATTACKERS = 4
"""Connections that attack at once, of several visitors, so that both gateways are met."""
POLICY, TOO_BIG, INVALID_TEXT = 1008, 1009, 1007
MAX_FRAGMENTS = 1024


def text(**fields: object) -> bytes:
    return frame(TEXT, json.dumps(fields).encode())


EMPTY_FRAGMENTS = frame(TEXT, b"", fin=False) + frame(CONTINUATION, b"", fin=False) * 40_000
FLOODS = {
    "pings": frame(PING) * 40_000,
    "pongs": frame(PONG) * 40_000,
    "empty fragments": EMPTY_FRAGMENTS,
    "messages of two fragments": (frame(TEXT, b"", fin=False) + frame(CONTINUATION)) * 20_000,
    "empty messages": frame(TEXT) * 40_000,
    "unknown types": text(type="nonsense", ref="1") * 5_000,
    "malformed messages": frame(TEXT, b"{") * 40_000,
    "large refused messages": text(type="nonsense", more="x" * 500_000),
    "subscriptions": (text(type="subscribe", topics=["user"]) + text(type="unsubscribe", topics=["user"])) * 2_500,
    "replays": text(type="subscribe", topics=["user"], since="0.0.0") * 5_000,
    "joins": text(type="conversation:join", conversation_id=str(uuid4())) * 5_000,
    "typing": text(type="conversation:typing:start", conversation_id=str(uuid4())) * 5_000,
    "statuses": (text(type="agent:status", status="online") + text(type="agent:status", status="away")) * 2_500,
}  # fmt: skip


def attack(port: int, token: str, blob: bytes) -> list[Outcome]:
    """Flood in one connection after the other."""
    outcomes: list[Outcome] = []
    began = time.monotonic()
    while (gone := time.monotonic() - began) < SECONDS or not any(o.code for o in outcomes):
        assert gone < PATIENCE, outcomes
        with RawWebSocket(port, token) as socket:
            if socket.status == 101:
                outcomes.append(socket.flood(blob, SECONDS))
            else:
                assert socket.status == 429
                time.sleep(0.05)  # the attack is on the streams, not on HTTP
    return outcomes


async def in_threads(*calls: tuple) -> list:
    with ThreadPoolExecutor(len(calls)) as pool:
        loop = asyncio.get_running_loop()
        return await asyncio.gather(*(loop.run_in_executor(pool, *call) for call in calls))


@pytest.mark.parametrize("flood", FLOODS)
async def test_a_flood_of_frames_ends_with_1008_and_harms_nobody(
    server: OwnServer,
    quiet: QuietNeighbour,
    flood: str,
) -> None:
    if flood == "statuses":
        tokens = [server.token("agent", fresh("noisy")) for _ in range(ATTACKERS)]
    else:
        tokens = [server.customer(fresh("noisy")) for _ in range(ATTACKERS)]
    async with quiet:
        found = await in_threads(*((attack, server.port, token, FLOODS[flood]) for token in tokens))
    quiet.check()
    for outcomes in found:  # of each attacker; the close frame of some connection may be lost in its reset
        closed = [o for o in outcomes if o.code is not None]
        assert closed and {o.code for o in closed} == {POLICY}
        assert all("too many frames" in o.reason or "fragments" in o.reason for o in closed)


async def test_who_pings_and_never_reads_is_ended(server: OwnServer, quiet: QuietNeighbour) -> None:
    def ping() -> Outcome:
        with RawWebSocket(server.port, server.customer(fresh("noisy")), receive_buffer=4096) as socket:
            return socket.flood(frame(PING, b"x" * 125) * 4_000, 20, read=False)

    async with quiet:
        outcome = await asyncio.to_thread(ping)
    quiet.check()
    assert outcome.ended


async def test_pings_within_the_rate_are_answered(server: OwnServer) -> None:
    async with open_socket(server, server.token()) as ws:
        for n in range(20):
            payload = f"ping-{n}"
            await asyncio.wait_for(await ws.ping(payload), 10)
        with RawWebSocket(server.port, server.token()) as raw:

            def ping() -> bytes:
                raw.socket.sendall(b"".join(frame(PING, str(n).encode()) for n in range(9)))
                received = b""
                while frame_of_server(PONG, b"8") not in received:
                    received += raw.socket.recv(4096)
                return received

            # of those that come together one answer is enough, for the newest
            assert (await asyncio.to_thread(ping)).count(b"\x8a\x01") < 9
    assert ws.close_code == 1000


def frame_of_server(opcode: int, payload: bytes) -> bytes:
    return bytes([0x80 | opcode, len(payload)]) + payload


async def test_hundreds_of_sockets_of_one_visitor_are_refused(
    server: OwnServer,
    quiet: QuietNeighbour,
) -> None:
    token = server.customer(fresh("many"))
    answers: list[RawWebSocket] = []

    def open_many() -> None:
        for n in range(350):
            path = "/v1/stream" if n % 7 == 0 else "/v1/ws"  # both kinds share the bound
            answers.append(RawWebSocket(server.port, token, path=path))

    with ExitStack() as stack:
        async with quiet:
            await in_threads((open_many,), (open_many,))
        for socket in answers:
            stack.enter_context(socket)
        statuses = Counter(socket.status for socket in answers)
        opened = statuses[101] + statuses[200]
        gateways = len(server.gateways)
        assert set(statuses) <= {101, 200, 429}
        assert 10 <= opened <= 10 * gateways, statuses
        refused = next(socket for socket in answers if socket.status == 429)
        assert b"retry-after: 5" in refused.head.lower()
        # somebody else of the account still gets in
        async with open_socket(server, server.customer(fresh("few"))) as ws:
            assert (await Chat(ws).ask("ping"))["type"] == "ack"
    quiet.check()

    async def again() -> bool:
        try:
            async with open_socket(server, token):
                return True
        except websockets.InvalidStatus:
            return False

    await until(again, "a place for the visitor once the others are closed")


async def test_topics_of_a_stream_are_bounded(server: OwnServer, service: Desk) -> None:
    """Many at once are looked up together; how many a stream has in sum, the hub's own tests show."""
    made = await asyncio.gather(*(service.open() for _ in range(40)))
    topics = [f"conversation:{c['id']}" for c in made]
    async with open_socket(server, server.token(user=fresh("topics")), "topics=user") as ws:
        chat = Chat(ws)
        answer = await chat.ask("subscribe", topics=topics)
        assert len(answer["data"]["topics"]) == 41
        answer = await chat.ask("subscribe", topics=[f"conversation:{uuid4()}" for _ in range(1001)])
        assert answer["error"]["code"] == "invalid"
        assert [e["path"] for e in answer["error"]["errors"]] == ["topics"]
        answer = await chat.ask("subscribe", topics=[*topics, f"conversation:{uuid4()}"])
        assert answer["error"]["code"] == "not_found"
        answer = await chat.ask("unsubscribe", topics=topics)
        assert answer["data"]["topics"] == [t for t in answer["data"]["topics"] if t.startswith("user:")]


@pytest.mark.parametrize(
    ("blob", "code"),
    [
        (frame(TEXT, b'{"type":"ping","ref":"\xff\xfe"}'), INVALID_TEXT),
        (frame(TEXT, b"x" * 100_000, fin=False) + frame(CONTINUATION, b"x" * 100_000, fin=False) * 6, TOO_BIG),
        (frame(TEXT, b"x", fin=False) + frame(CONTINUATION, b"x", fin=False) * MAX_FRAGMENTS, POLICY),
        (frame(CONTINUATION, b"x"), 1002),
        (frame(3, b"x"), 1002),
        (frame(CLOSE, b"\x03\xe8") + frame(PING) * 1_000, 1000),
    ],
    ids=["no UTF-8", "fragments of too many bytes", "too many fragments", "a stray fragment", "unknown opcode", "after close"],
)  # fmt: skip
async def test_how_a_bad_client_is_ended(server: OwnServer, blob: bytes, code: int) -> None:
    with RawWebSocket(server.port, server.token(user=fresh("bad"))) as socket:
        outcome = await asyncio.to_thread(socket.flood, blob, 10.0, once=True)
    assert outcome.code == code, outcome
    async with open_socket(server, server.token(user=fresh("good"))) as ws:
        assert (await Chat(ws).ask("ping"))["type"] == "ack"


async def test_slow_readers_of_one_account_keep_little_in_memory(
    server: OwnServer,
    service: Desk,
    quiet: QuietNeighbour,
) -> None:
    """Each of them comes back with an old event id, and then reads nothing of what it missed."""
    conversation = (await service.open())["id"]
    topic = f"conversation:{conversation}"
    async with WsReader(server, server.token(), topic) as first:
        since = first.cursor
    size, messages, readers = 60_000, 200, 20
    for n in range(0, messages, 20):
        for answer in await asyncio.gather(
            *(service.say(conversation, f"{n + m} ".ljust(size, "x")) for m in range(20))
        ):
            ok(answer, 201)
    gateways = [psutil.Process(pid) for pid in server.gateways]

    def used() -> int:
        return sum(g.memory_full_info().uss for g in gateways)

    before = used()
    most = before
    tokens = [server.token("agent", fresh("slow")) for _ in range(readers)]

    def read_nothing() -> None:
        nonlocal most
        with ExitStack() as stack:
            for token in tokens:
                stack.enter_context(
                    RawWebSocket(server.port, token, f"topics={topic}&since={since}", receive_buffer=4096)
                )
            end = time.monotonic() + 3
            while time.monotonic() < end:
                most = max(most, used())
                time.sleep(0.05)

    async with quiet:
        await asyncio.to_thread(read_nothing)
    quiet.check()
    # each would keep a page of all these messages otherwise
    assert most - before < 12 * messages * size, f"{(most - before) / 1e6:.0f} MB"
