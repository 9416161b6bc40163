"""Messages on the fast path: answered as on the standard path, in order, and never lost between the two."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.web_protocol import MAX_MSG_QUEUE_SIZE
from fuzzing import searched
from hypothesis import given
from hypothesis import strategies as st
from message_rig import BODY, CONVERSATION, OTHER, Decide, Gate, accepted, answer, comparable, request
from samples import ACCOUNT

from tertulia.core.accounts.principal import Role
from tertulia.core.conversation.commands import Done, Envelope, Moved, Outcome, Refused
from tertulia.http.framework import bodies


@pytest.fixture
async def gate() -> AsyncIterator[Gate]:
    gate = Gate()
    await gate.start()
    yield gate
    await gate.stop()


def apart(sent: bytes) -> bytes:
    """The same request written so that it takes the standard path."""
    return sent.replace(b"/messages HTTP", b"/messages?standard=1 HTTP", 1)


async def both(gate: Gate, sent: bytes) -> tuple[int, int]:
    """Ask on both paths, and compare. Returns the status, and how many took the fast path."""
    before = gate.fast
    first = await gate.ask(sent)
    second = await gate.ask(apart(sent))
    went = gate.fast - before
    assert comparable(first) == comparable(second)
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
async def test_outcomes_are_answered_the_same_on_both_paths(gate: Gate, decide: Decide, status: int) -> None:
    gate.host.decide = decide
    assert await both(gate, request(gate.token)) == (status, 1)


async def test_what_moved_or_is_unknown_is_asked_again(gate: Gate) -> None:
    outcomes: list[Outcome | None] = [Moved(), None]

    def decide(envelope: Envelope) -> Outcome | None:
        return outcomes.pop(0) if outcomes else accepted(envelope)

    gate.host.decide = decide
    status, _, body = await gate.ask(request(gate.token))
    assert (status, gate.fast, json.loads(body)["content"]) == (201, 1, "hello")
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


@pytest.mark.parametrize(("parts", "is_fast"), UNUSUAL)
async def test_what_is_accepted_is_accepted_the_same(
    gate: Gate, parts: dict[str, Any], is_fast: bool
) -> None:
    assert await both(gate, request(gate.token, **parts)) == (201, is_fast)


async def test_a_customer_writes_as_themselves_on_either_path(gate: Gate) -> None:
    token = gate.token_of(Role.CUSTOMER, channel_id=OTHER, contact_identifier="kim")
    await gate.ask(request(token, {"content": "hi"}))
    assert gate.fast == 1, "a customer's first request needs no lease and no look-up"
    await gate.ask(request(token, {"content": "hi"}))  # leases the next permits
    gate.host.got.clear()
    assert await both(gate, request(token, {"content": "hi"})) == (201, 1)
    assert await both(gate, request(token, {"content": "hi", "sender_type": "agent"})) == (403, 0)


async def test_permits_are_spent_once_and_their_end_is_comparable(gate: Gate) -> None:
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
    assert gate.fast > 10


async def test_who_may_not_ask_any_more_costs_no_reading_of_bodies(gate: Gate) -> None:
    gate.permits.left["account"] = 0
    while (await gate.ask(request(gate.token)))[0] == 201:
        pass
    assert (await gate.ask(request(gate.token, b"{")))[0] == 429, "400 had it been read"


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


@searched(15)
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
    assert gate.fast > 2 * MAX_MSG_QUEUE_SIZE
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
