"""Messages that go the direct way: answered as on the usual one, in order, and never lost between the two."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.web_protocol import MAX_MSG_QUEUE_SIZE
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import ACCOUNT, uid
from webhook_rig import Permits

from tertulia.actors.transport.router import Router
from tertulia.core.accounts.principal import Role
from tertulia.core.conversation.commands import Done, Envelope, Moved, Outcome, Post, Refused
from tertulia.core.conversation.entries import Actor, Entry, Message
from tertulia.core.ids import PARTITIONS
from tertulia.core.ports.ownership import HostAddress, PartitionMap
from tertulia.http.app import make_app
from tertulia.http.auth.origins import OriginPolicy
from tertulia.http.auth.rate_limits import RequestLimits
from tertulia.http.auth.tokens import TokenSigner, TokenVerifier
from tertulia.http.connection.fast_path import DIRECT
from tertulia.http.connection.protocol import ProblemRunner
from tertulia.http.framework import bodies
from tertulia.http.framework.services import Services
from tertulia.settings import Settings

CONVERSATION = uid()
OTHER = uid()
BODY = {"content": "hello", "sender_type": "agent"}
Decide = Callable[[Envelope], Outcome | None]


def accepted(envelope: Envelope, *, repeated: bool = False) -> Done:
    post = envelope.command
    assert isinstance(post, Post) and envelope.conversation_id is not None
    said = Message(
        id=CONVERSATION,
        direction="outbound",
        sender_type=post.sender_type,
        sender_id="svc",
        content=post.content,
    )
    entry = Entry(ACCOUNT, envelope.conversation_id, 7, 1_800_000_000_000, Actor("service", "svc"), said)
    return Done((entry,), repeated=repeated)


class Link:
    """A host that answers as `decide` says once the loop has turned; `held` while it is told to wait."""

    incarnation = "i"

    def __init__(self, settle: Callable[[Envelope, Outcome | None], None]) -> None:
        self._settle = settle
        self.decide: Decide = accepted
        self.got: list[Envelope] = []
        self.waits = False
        self.held: list[Envelope] = []
        self.arrived = asyncio.Event()

    def send(self, envelope: Envelope) -> None:
        self.got.append(envelope)
        self.arrived.set()
        if self.waits:
            self.held.append(envelope)
        else:
            asyncio.get_running_loop().call_soon(self._answer, envelope)

    def go_on(self) -> None:
        self.waits = False
        held, self.held = self.held, []
        for envelope in held:
            self._answer(envelope)

    def _answer(self, envelope: Envelope) -> None:
        self._settle(envelope, self.decide(envelope))

    def close(self) -> None: ...


class Map:
    async def read_map(self) -> PartitionMap:
        return PartitionMap(("h",) * PARTITIONS, {"h": HostAddress("i", "127.0.0.1", 1)})


async def nothing() -> list[Any]:
    return []


class Gate:
    """The application over a host in memory; `direct` counts the requests that went the direct way."""

    def __init__(self) -> None:
        self.permits = Permits()
        self.direct = 0

    async def start(self, *, max_waiting: int = 1000, **options: Any) -> None:
        configuration = Settings(rate_account=2000, rate_user=2000, max_body=2000)
        self.signer = TokenSigner.from_settings(configuration, "s" * 40)
        self.router = Router(
            Map(),  # pyright: ignore[reportArgumentType]
            self._connect,  # pyright: ignore[reportArgumentType]
            deadline=5,
            max_waiting=max_waiting,
            on_hosts_changed=lambda: None,
        )
        await self.router.startup()
        self._routing = asyncio.create_task(self.router.main_loop())
        parts: dict[str, Any] = {
            "settings": configuration,
            "gateway": SimpleNamespace(router=self.router),
            "signer": self.signer,
            "verifier": TokenVerifier.from_settings(configuration, self.signer, None),
            "limits": RequestLimits(configuration, self.permits, clock=lambda: 0.0),
            "origins": OriginPolicy.from_settings(configuration),
            "update_metrics": nothing,
        }
        app = make_app(Services(**{name: parts.get(name) for name in Services.__struct_fields__}))  # pyright: ignore
        begin = app[DIRECT].begin

        def counted(*arguments: Any) -> Any:
            left = begin(*arguments)
            self.direct += left is None
            return left

        app[DIRECT].begin = counted  # type: ignore[method-assign]
        self.runner = ProblemRunner(app, access_log=None, handler_cancellation=False, **options)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        self.token = self.token_of(Role.SERVICE)
        await self.ask(request(self.token))  # the token becomes known, and permits are at hand
        assert self.direct == 0
        self.host.got.clear()
        self.host.arrived.clear()

    def token_of(self, role: Role, **claims: Any) -> str:
        return self.signer.issue("svc", {ACCOUNT: role}, lifetime=3600, **claims)

    def _connect(self, name: str, at: HostAddress, settle: Any) -> Link:
        self.host = Link(settle)
        return self.host

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.runner.addresses[0][1])

    async def under_way(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection with a message that has reached the host, which waits until it is told to `go_on`."""
        self.host.waits = True
        reader, writer = await self.open()
        writer.write(request(self.token))
        await self.host.arrived.wait()
        return reader, writer

    async def ask(self, sent: bytes) -> tuple[int, dict[str, str], bytes]:
        reader, writer = await self.open()
        try:
            writer.write(sent)
            return await answer(reader)
        finally:
            writer.close()

    async def stop(self) -> None:
        await self.runner.cleanup()
        self._routing.cancel()


async def answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    async with asyncio.timeout(10):
        head = b"HTTP/1.1 100 "
        while head.startswith(b"HTTP/1.1 100 "):
            head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")[:-2]
        headers = dict(line.split(": ", 1) for line in lines)
        assert len(headers) == len(lines), "no header twice"
        return int(first.split()[1]), headers, await reader.readexactly(int(headers["Content-Length"]))


@pytest.fixture
async def gate() -> AsyncIterator[Gate]:
    gate = Gate()
    await gate.start()
    yield gate
    await gate.stop()


def request(
    token: str | None,
    body: bytes | dict[str, Any] = BODY,
    *,
    path: str = f"/v1/conversations/{CONVERSATION}/messages",
    method: str = "POST",
    version: str = "1.1",
    **headers: str | None,
) -> bytes:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields: dict[str, str | None] = {"Host": "127.0.0.1", "Content-Type": "application/json"}
    fields |= {"Content-Length": str(len(sent)), "Authorization": token and f"Bearer {token}"}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{k}: {v}\r\n" for k, v in fields.items() if v is not None)
    return f"{method} {path} HTTP/{version}\r\n{lines}\r\n".encode() + sent


def told(answered: tuple[int, dict[str, str], bytes]) -> tuple[int, dict[str, str], bytes]:
    """An answer without what is another one each time."""
    status, headers, body = answered
    ids = rb'"request_id":"[^"]*"'
    kept = {k: v for k, v in headers.items() if k not in ("Date", "X-Request-Id", "Content-Length")}
    return status, kept, re.sub(ids, b"", body)


def apart(sent: bytes) -> bytes:
    """The same request written so that it goes the usual way."""
    return sent.replace(b"/messages HTTP", b"/messages?usual=1 HTTP", 1)


async def both(gate: Gate, sent: bytes) -> tuple[int, int]:
    """Ask both ways, and compare. The status, and how many went the direct way."""
    before = gate.direct
    first = await gate.ask(sent)
    second = await gate.ask(apart(sent))
    went = gate.direct - before
    assert told(first) == told(second)
    assert first[1]["X-Request-Id"] and first[1]["Date"]
    commands = [(e.account_id, e.by, e.command, e.conversation_id) for e in gate.host.got]
    assert commands[: len(commands) // 2] == commands[len(commands) // 2 :]
    gate.host.got.clear()
    return first[0], went


REFUSED = Refused("conflict", "it is closed", current={"status": "closed"})


@pytest.mark.parametrize(
    ("decide", "status"),
    [
        (accepted, 201),
        (lambda e: accepted(e, repeated=True), 200),
        (lambda e: REFUSED, 409),
        (lambda e: Refused("not_found", "no such conversation"), 404),
        (lambda e: Refused("overloaded", "too many", retry_after=3), 503),
        (lambda e: Refused("internal", "a fault"), 500),
        (lambda e: Refused("no code of ours", "a fault"), 500),
        (lambda e: Done(()), 500),  # a fault of ours: there is no entry to show
    ],
)
async def test_outcomes_are_answered_the_same_on_both_ways(gate: Gate, decide: Decide, status: int) -> None:
    gate.host.decide = decide
    assert await both(gate, request(gate.token)) == (status, 1)


async def test_what_moved_or_is_unknown_is_asked_again(gate: Gate) -> None:
    outcomes: list[Outcome | None] = [Moved(), None]

    def decide(envelope: Envelope) -> Outcome | None:
        return outcomes.pop(0) if outcomes else accepted(envelope)

    gate.host.decide = decide
    status, _, body = await gate.ask(request(gate.token))
    assert (status, gate.direct, json.loads(body)["content"]) == (201, 1, "hello")
    assert [e.attempt for e in gate.host.got] == [0, 0, 1] and len({e.id for e in gate.host.got}) == 1


USUAL: list[tuple[dict[str, Any], int]] = [
    ({"body": b"{"}, 400),
    ({"body": b""}, 400),
    ({"body": b'{"content":"\\u0000"}'}, 422),
    ({"body": b'{"content":"x","metadata":' + b'{"a":' * 70 + b"1" + b"}" * 71}, 400),
    ({"body": {"content": ""}}, 422),
    ({"body": {"content": "x", "unknown": 1}}, 422),
    ({"body": {"content": "x" * 2500}}, 413),
    ({"body": {"content": "x", "metadata": {"a": "b"}, "client_message_id": "x\n"}}, 422),
    ({"Content_Type": "text/plain"}, 415),
    ({"Content_Type": None}, 415),
    ({"Idempotency_Key": "x" * 300}, 422),
    ({"token": None}, 401),
    ({"token": "nonsense"}, 401),
    ({"Authorization": "Basic abc"}, 401),
    ({"X_Account_Id": "nonsense"}, 400),
    ({"X_Account_Id": OTHER}, 403),
    ({"path": "/v1/conversations/nonsense/messages"}, 404),
    ({"path": f"/v1/conversations/{CONVERSATION[:-1]}x/messages"}, 404),
    ({"path": f"/v1/conversations/{CONVERSATION}x/messages"}, 404),
    ({"method": "PATCH"}, 405),
]


@pytest.mark.parametrize(("parts", "status"), USUAL)
async def test_what_is_refused_before_it_leaves_is_refused_the_same(
    gate: Gate, parts: dict[str, Any], status: int
) -> None:
    sent = request(**{"token": gate.token} | parts)
    assert await both(gate, sent) == (status, 0)


UNUSUAL: list[tuple[dict[str, Any], bool]] = [
    ({}, True),
    ({"Content_Type": "application/json; charset=utf-8"}, True),
    ({"Idempotency_Key": "key-1"}, True),
    ({"X_Account_Id": ACCOUNT}, True),
    ({"X_Request_Id": "asked-1"}, True),
    ({"X_Request_Id": "not\ta name"}, True),
    ({"body": {"content": "é\U0001f600", "metadata": {"a": [1, 2.5, None]}}}, True),
    ({"Content_Type": "application/merge-patch+json"}, False),
    ({"path": f"/v1/conversations/{CONVERSATION.upper()}/messages"}, False),
    ({"Connection": "close"}, False),
    ({"version": "1.0"}, False),
    ({"version": "1.0", "Connection": "keep-alive"}, False),
    ({"Expect": "100-continue"}, False),
]


@pytest.mark.parametrize(("parts", "directly"), UNUSUAL)
async def test_what_is_accepted_is_accepted_the_same(
    gate: Gate, parts: dict[str, Any], directly: bool
) -> None:
    assert await both(gate, request(gate.token, **parts)) == (201, directly)


async def test_a_customer_writes_as_themselves_on_either_way(gate: Gate) -> None:
    token = gate.token_of(Role.CUSTOMER, channel_id=OTHER, contact_identifier="kim")
    await gate.ask(request(token, {"content": "hi"}))
    gate.host.got.clear()
    assert await both(gate, request(token, {"content": "hi"})) == (201, 1)
    assert await both(gate, request(token, {"content": "hi", "sender_type": "agent"})) == (403, 0)


async def test_permits_are_spent_once_and_their_end_is_told(gate: Gate) -> None:
    token = gate.token_of(Role.CUSTOMER, channel_id=OTHER, contact_identifier="kim")
    gate.permits.left = {"account": 40, "user": 1000}
    kinds = [
        request(token, {"content": "hi"}),
        request(token, b"{"),
        apart(request(token, {"content": "hi"})),
    ]
    found = [(await gate.ask(kinds[n % 3]))[0] for n in range(80)]
    spent = gate.permits.spent["account"] - 1  # one was at the start
    assert found[:spent] == ([201, 400, 201] * 30)[:spent] and set(found[spent:]) == {429}
    assert gate.direct > 10


async def test_who_may_not_ask_any_more_costs_no_reading_of_bodies(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate.permits.left["account"] = 0
    while (await gate.ask(request(gate.token)))[0] == 201:
        pass
    monkeypatch.setattr(bodies, "decode", None)
    assert (await gate.ask(request(gate.token)))[0] == 429


TARGETS = ["http://[::1]:@/", "http://[", "http://a:b/"]


@pytest.mark.parametrize("target", TARGETS)
async def test_a_target_that_is_no_url_is_refused(gate: Gate, target: str) -> None:
    bad = request(gate.token, path=target)
    assert (await gate.ask(bad))[0] == 400
    reader, writer = await gate.under_way()
    writer.write(bad)
    await gate.ask(request(None))  # it has been read by then
    gate.host.go_on()
    assert [(await answer(reader))[0] for _ in range(2)] == [201, 400]
    writer.close()


async def test_a_fault_of_ours_is_told_as_everywhere(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "decode", lambda *_: 1 / 0)
    assert await both(gate, request(gate.token)) == (500, 0)


async def test_a_request_that_comes_in_pieces_is_whole_all_the_same(gate: Gate) -> None:
    sent = request(gate.token)
    for cut in (1, 40, len(sent) - len(json.dumps(BODY)), len(sent) - 1):
        reader, writer = await gate.open()
        writer.write(sent[:cut])
        await writer.drain()
        await gate.ask(sent)  # the first piece has been read by then
        writer.write(sent[cut:])
        assert (await answer(reader))[0] == 201
        writer.close()


@settings(max_examples=30, deadline=None)
@given(
    words=st.lists(st.sampled_from(["message", "get", "wrong", "again"]), min_size=1, max_size=12),
    cuts=st.lists(st.integers(0, 4000), max_size=6),
)
def test_pipelined_requests_are_answered_in_order(words: list[str], cuts: list[int]) -> None:
    asyncio.run(_pipelined(words, sorted(cuts)))


async def _pipelined(words: list[str], cuts: list[int]) -> None:
    gate = Gate()
    await gate.start()
    kinds: dict[str, tuple[bytes, int]] = {
        "message": (request(gate.token), 201),
        "get": (request(gate.token, b"", method="GET", path="/v1/nowhere"), 404),
        "wrong": (request(gate.token, b"{"), 400),
        "again": (request(gate.token, BODY | {"content": "again"}), 201),
    }
    sent = b"".join(kinds[word][0] for word in words)
    reader, writer = await gate.open()
    for start, end in zip([0, *cuts], [*cuts, len(sent)], strict=True):
        writer.write(sent[start:end])
        await writer.drain()
        await asyncio.sleep(0)
    for word in words:
        status, _, body = await answer(reader)
        assert status == kinds[word][1]
        if word in ("message", "again"):
            assert json.loads(body)["content"] == ("again" if word == "again" else "hello")
    writer.close()
    await gate.stop()


async def test_a_connection_serves_as_many_as_it_is_asked(gate: Gate) -> None:
    reader, writer = await gate.open()
    for n in range(3 * MAX_MSG_QUEUE_SIZE):
        writer.write(request(gate.token, BODY | {"content": str(n)}))
        status, _, body = await answer(reader)
        assert (status, json.loads(body)["content"]) == (201, str(n))
    assert gate.direct > 2 * MAX_MSG_QUEUE_SIZE
    writer.write(2 * request(gate.token))
    assert [(await answer(reader))[0] for _ in range(2)] == [201, 201]
    writer.close()


async def test_what_comes_before_the_answer_waits_for_it(gate: Gate) -> None:
    reader, writer = await gate.under_way()
    for n in range(3):
        writer.write(request(gate.token, BODY | {"content": f"next {n}"}))
        await writer.drain()
    await gate.ask(request(None))  # what was written before has been read
    assert len(gate.host.got) == 1
    gate.host.go_on()
    said = [json.loads((await answer(reader))[2])["content"] for _ in range(4)]
    assert said == ["hello", "next 0", "next 1", "next 2"]
    writer.write(request(gate.token))
    assert (await answer(reader))[0] == 201, "it is read on"
    writer.close()


async def test_a_client_that_leaves_holds_nothing(gate: Gate) -> None:
    _, writer = await gate.under_way()
    writer.transport.abort()
    await gate.ask(request(None))
    gate.host.go_on()
    assert gate.router.waiting == 0
    assert (await gate.ask(request(gate.token)))[0] == 201


async def test_too_many_waiting_are_told_to_come_again() -> None:
    gate = Gate()
    gate.permits.left["account"] = 5
    await gate.start(max_waiting=1)
    reader, writer = await gate.under_way()
    other, again = await gate.open()
    again.write(request(gate.token))
    status, headers, _ = await answer(other)
    assert (status, headers["Retry-After"]) == (503, "1")
    gate.host.go_on()
    assert (await answer(reader))[0] == 201
    for status in (201, 201, 429):  # each has been counted once
        again.write(request(gate.token))
        assert (await answer(other))[0] == status
    writer.close()
    again.close()
    await gate.stop()


async def test_a_server_that_stops_answers_what_is_under_way(gate: Gate) -> None:
    reader, writer = await gate.under_way()
    stopping = asyncio.create_task(gate.runner.cleanup())
    (connection,) = connections(gate)
    while connection._handler_waiter is None:
        await asyncio.sleep(0)
    gate.host.go_on()
    assert (await answer(reader))[0] == 201
    async with asyncio.timeout(10):
        assert await reader.read() == b"", "the connection ends after it"
        await stopping
    writer.close()


async def test_a_connection_that_is_to_end_does_so_after_the_answer(gate: Gate) -> None:
    reader, writer = await gate.under_way()
    for connection in connections(gate):
        connection.close()
    gate.host.go_on()
    assert (await answer(reader))[0] == 201
    async with asyncio.timeout(10):
        assert await reader.read() == b""
    writer.close()


def connections(gate: Gate) -> list[Any]:
    """The server's ends of those that have a request under way."""
    server: Any = gate.runner.server
    return [c for c in server.connections if not c.is_idle]


async def test_a_connection_at_work_is_not_taken_for_an_idle_one(gate: Gate) -> None:
    reader, writer = await gate.under_way()
    (connection,) = connections(gate)
    connection._next_keepalive_close_time = 0.0  # it has been open for as long as an idle one may
    connection._process_keepalive()
    gate.host.go_on()
    assert (await answer(reader))[0] == 201
    connection._next_keepalive_close_time = 0.0
    connection._process_keepalive()
    assert await reader.read() == b"", "now it is idle, and ends"
    writer.close()


async def test_requests_are_counted_under_their_route(gate: Gate) -> None:
    for sent in (request(gate.token), apart(request(gate.token))):
        await gate.ask(sent)
    page = (await gate.ask(request(None, b"", method="GET", path="/metrics", Content_Type=None)))[2].decode()
    line = 'route="/v1/conversations/{id}/messages",status="201"} 3.0'
    assert any(line in found for found in page.splitlines()), "one was at the start"
