"""Streams: a reader that comes back has seen everything once and in order; what a socket may say; how streams end."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import time
from contextlib import AsyncExitStack

import httpx
import httpx_sse
import pytest
import websockets
from desks import Account, Desk, fresh, ok, problem
from readers import READERS, Chat, SseReader, WsReader, open_socket
from serving import OwnServer
from waiting import until

from tertulia.serving.demo import ACCOUNT


async def refused(server: OwnServer, token: str | None, status: int, query: str = "", **options) -> None:
    with pytest.raises(websockets.InvalidStatus) as caught:
        async with open_socket(server, token, query, **options):
            pass
    assert caught.value.response.status_code == status, caught.value.response.body
    assert caught.value.response.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("topics", ["account", "conversation"])
@pytest.mark.parametrize("kind", READERS)
async def test_a_reader_that_comes_back_ten_times_has_the_exact_history(
    server: OwnServer, desks: dict[str, Desk], kind: str, topics: str
) -> None:
    service = desks["service"]
    threads = [(await service.open())["id"] for _ in range(3)]
    wanted = "account" if topics == "account" else ",".join(f"conversation:{i}" for i in threads)
    tokens = [server.token("agent", f"reader-{n}") for n in range(4)]  # several: both gateways get some
    async with AsyncExitStack() as stack:
        readers = [await stack.enter_async_context(READERS[kind](server, token, wanted)) for token in tokens]
        rounds, each = 10, 6
        for number in range(rounds):
            writing = asyncio.gather(*(service.say(i, f"{number}.{n}") for n in range(each) for i in threads))
            for reader in readers:
                reader.drop()
            for answer in await writing:
                ok(answer, 201)
            for reader in readers:
                await reader.until(lambda r=reader, n=number: r.connections > n + 1, f"return {number + 1}")
        expected = {i: list(range(1, rounds * each + 1)) for i in threads}
        for reader in readers:
            await reader.until(
                lambda r=reader: all(len(r.numbers()[i]) >= rounds * each for i in threads),
                "the whole history",
            )
            assert {i: reader.numbers()[i] for i in threads} == expected
            assert reader.connections == rounds + 1 and reader.resets == 0
    for i in threads:
        stored = await service.messages(i)
        for reader in readers:
            assert [e["data"] for e in reader.entries() if e["conversation_id"] == i] == stored


@pytest.mark.parametrize("kind", READERS)
async def test_a_customer_follows_the_own_conversation_alone(
    server: OwnServer, service: Desk, kind: str
) -> None:
    identifier = fresh()
    async with READERS[kind](server, server.customer(identifier)) as reader:
        other = await service.open()
        ok(await service.say(other["id"], "not-yours"), 201)
        mine = await service.open(identifier)
        ok(await service.say(mine["id"], "one"), 201)
        ok(await service.say(mine["id"], "secret-note", is_private=True), 201)
        ok(await service.patch(mine["id"], metadata={"x": "secret-meta"}), 200)
        ok(await service.do(mine["id"], "assign", agent_id="x"), 200)
        reader.drop()
        ok(await service.say(mine["id"], "two"), 201)
        await reader.until(lambda: len(reader.entries()) == 2, "both messages")
        assert [e["data"]["content"] for e in reader.entries()] == ["one", "two"]
        assert {e["conversation_id"] for e in reader.events} == {mine["id"]}
        assert "secret" not in json.dumps(reader.events) and "not-yours" not in json.dumps(reader.events)
    # hints, such as the place in the queue, have no number and are not replayed
    numbered = [e for e in reader.events if e["seq"] is not None]
    again = READERS[kind](server, server.customer(identifier), since=numbered[0]["id"])
    async with again:
        await again.until(lambda: len(again.entries()) == 1, "the replay")
        assert "secret" not in json.dumps(again.events)
        assert [e["seq"] for e in again.events if e["seq"] is not None] == [e["seq"] for e in numbered[1:]]


@pytest.mark.parametrize("cursor", ["x", "a.b.c", "deadbeef.1.0", "..", "1.99999999999999999999.0", "%.1.1"])
@pytest.mark.parametrize("kind", READERS)
async def test_a_cursor_of_nobody_is_reset(server: OwnServer, service: Desk, kind: str, cursor: str) -> None:
    async with READERS[kind](server, server.token(), since=cursor) as reader:
        await reader.until(lambda: reader.resets == 1, "the reset")
        c = await service.open()
        ok(await service.say(c["id"], "after"), 201)
        await reader.until(
            lambda: any(e["conversation_id"] == c["id"] for e in reader.entries()), "what follows"
        )
        assert reader.resets == 1


async def test_a_cursor_from_the_future_is_reset(server: OwnServer, service: Desk) -> None:
    async with SseReader(server, server.token()) as reader:
        assert reader.cursor is not None
    generation, position, index = reader.cursor.split(".")
    async with SseReader(
        server, server.token(), since=f"{generation}.{int(position) + 10**6}.{index}"
    ) as later:
        await later.until(lambda: later.resets == 1, "the reset")


async def test_every_event_type_of_a_conversation(server: OwnServer, service: Desk) -> None:
    async with WsReader(server, server.token(user="x"), "account,user") as reader:
        i = (await service.open(subject="s"))["id"]
        ok(await service.say(i, "in", sender_type="contact"), 201)
        ok(await service.do(i, "handoff", reason="why"), 200)
        ok(await service.do(i, "assign", agent_id="x"), 200)
        ok(await service.patch(i, priority="high"), 200)
        ok(await service.patch(i, status="resolved"), 200)

        def mine() -> list[dict]:
            return [e for e in reader.events if e["conversation_id"] == i and e["type"] != "queue:update"]

        await reader.until(lambda: mine() and mine()[-1]["type"] == "conversation:status"
                           and mine()[-1]["data"]["to"] == "resolved", "the end")  # fmt: skip
    assert [e["type"] for e in mine()] == [
        "conversation:new", "conversation:message", "conversation:handoff", "agent:assigned",
        "notification:assignment", "conversation:status", "conversation:updated", "conversation:status",
    ]  # fmt: skip
    by_type = {e["type"]: e for e in mine()}
    assert by_type["conversation:new"]["data"]["subject"] == "s"
    assert by_type["conversation:message"]["topic"] == f"account:{ACCOUNT}"
    assert by_type["conversation:handoff"]["data"] == {"reason": "why"}
    assert by_type["agent:assigned"]["data"]["agent_id"] == "x"
    assert by_type["notification:assignment"]["topic"] == "user:x"
    assert by_type["conversation:updated"]["data"] == {"priority": "high"}
    assert len({e["id"] for e in mine()}) == len(mine())


async def test_what_a_socket_may_say(server: OwnServer, service: Desk) -> None:
    i = (await service.open())["id"]
    topic = f"conversation:{i}"
    async with open_socket(server, server.token(user="ws-1"), "topics=user") as ws:
        chat = Chat(ws)
        assert (await chat.next())["type"] == "ready"
        assert (await chat.ask("ping"))["data"] == {}
        assert topic in (await chat.ask("subscribe", topics=[topic]))["data"]["topics"]
        ack = await chat.ask("message:send", conversation_id=i, content="hello", client_message_id="c1")
        assert (ack["data"]["seq"], ack["data"]["sender_id"]) == (1, "ws-1")
        assert (await server.sql("SELECT count(*) FROM entries WHERE conversation_id = $1 AND seq = 1", i))[
            0
        ][0] == 1
        event = await chat.event("conversation:message")
        assert event["data"] == ack["data"]
        assert (await chat.ask("message:send", conversation_id=i, content="hello", client_message_id="c1")) == {
            **ack, "ref": str(chat._ref)}  # fmt: skip
        taken = await chat.ask("agent:takeover", conversation_id=i)
        assert (taken["data"]["status"], taken["data"]["assignee_id"]) == ("assigned", "ws-1")
        assert (await chat.event("notification:assignment"))["data"]["conversation_id"] == i
        ok(await service.say(i, "in", sender_type="contact"), 201)
        assert (await service.get(i))["unread_count"] == 1
        read = await chat.ask("conversation:read", conversation_id=i, seq=4)
        assert read["data"] == {"conversation_id": i, "seq": 4}
        assert (await service.get(i))["unread_count"] == 0

        async with open_socket(server, server.token(user="ws-2"), f"topics={topic}") as second:
            listener = Chat(second)
            await listener.event("ready")
            for state in ("start", "stop"):
                ok_ack = await chat.ask(f"conversation:typing:{state}", conversation_id=i)
                assert ok_ack["type"] == "ack"
                heard = await listener.event("conversation:typing")
                assert (heard["data"]["user_id"], heard["data"]["state"]) == ("ws-1", state)
                assert heard["seq"] is None

        await chat.ask("unsubscribe", topics=[topic])
        ok(await service.say(i, "unheard"), 201)
        await chat.ask("conversation:join", conversation_id=i)
        ok(await service.say(i, "heard"), 201)
        while (event := await chat.event("conversation:message"))["data"]["content"] != "heard":
            assert event["data"]["content"] != "unheard"
        await chat.ask("conversation:leave", conversation_id=i)
        # quiet ones: no ref, no answer
        await ws.send(json.dumps({"type": "message:send", "conversation_id": i, "content": "no ref"}))
        assert (await chat.ask("ping"))["type"] == "ack"
        await until(lambda: stored(service, i, 7), "the message without a ref")
    assert [m["seq"] for m in await service.messages(i)] == [1, 4, 5, 6, 7]


async def stored(service: Desk, conversation: str, seq: int) -> bool:
    return (await service.get(conversation))["seq"] >= seq


async def test_bad_frames_are_answered_under_their_ref(server: OwnServer, service: Desk) -> None:
    i = (await service.open())["id"]
    async with open_socket(server, server.token(user="ws-1")) as ws:
        chat = Chat(ws)
        bad = [
            ("{", "malformed"),
            ("", "malformed"),
            ("[]", "invalid"),
            ("null", "invalid"),
            ('{"type":"x","ref":{}}', "invalid"),
            ('{"type":"message:send","conversation_id":"\\u0000"}' + "[" * 9, "malformed"),
            ("[" * 50_000, "invalid"),
            ('{"type":' + "[" * 50_000, "invalid"),
            ('{"type":"ping","more":' + "[" * 50_000 + "]" * 50_000 + "}", "malformed"),
        ]
        for text, code in bad:
            await ws.send(text)
            assert (await chat.answer(None))["error"]["code"] == code, text[:60]
        for fields, code, path in [
            ({}, "invalid", "type"),
            ({"type": "nonsense"}, "not_found", None),
            ({"type": "message:send"}, "invalid", "conversation_id"),
            ({"type": "message:send", "conversation_id": i}, "invalid", "content"),
            ({"type": "message:send", "conversation_id": i, "content": ""}, "invalid", "content"),
            ({"type": "message:send", "conversation_id": i, "content": "a\u0000b"}, "invalid", "content"),
            ({"type": "message:send", "conversation_id": i, "content": 7}, "invalid", "content"),
            ({"type": "message:send", "conversation_id": i, "content": "x", "more": 1}, "invalid", "more"),
            ({"type": "message:send", "conversation_id": "nonsense", "content": "x"}, "not_found", None),
            ({"type": "subscribe", "topics": ["nonsense"]}, "invalid", "topics"),
            ({"type": "subscribe", "topics": ["user:somebody-else"]}, "not_found", None),
            ({"type": "subscribe", "topics": [f"account:{i}"]}, "not_found", None),
            ({"type": "conversation:read", "conversation_id": i, "seq": -1}, "invalid", "seq"),
        ]:  # fmt: skip
            await ws.send(json.dumps({**fields, "ref": "r"}))
            error = (await chat.answer("r"))["error"]
            assert error["code"] == code, (fields, error)
            if path is not None:
                assert [e["path"] for e in error["errors"]] == [path]
        assert (await chat.ask("message:send", conversation_id=i, content="well"))["data"]["seq"] == 1


async def test_commands_under_way_at_once_are_all_answered(server: OwnServer, service: Desk) -> None:
    i = (await service.open())["id"]
    async with open_socket(server, server.token(), "topics=user") as ws:
        chat = Chat(ws)
        for n in range(300):
            await ws.send(
                json.dumps({"type": "message:send", "ref": n, "conversation_id": i, "content": str(n)})
            )
        answers = {}
        while len(answers) < 300:
            message = await chat.next()
            if message["type"] != "ready":
                answers[message["ref"]] = message
    assert sorted(a["data"]["seq"] for a in answers.values()) == list(range(1, 301))


@pytest.mark.parametrize(
    ("frame", "code"), [(b"\x00\x01", 1008), ("x" * (600 * 1024), 1009), (b"x" * (600 * 1024), 1009)],
    ids=["binary", "too big", "binary and too big"],
)  # fmt: skip
async def test_frames_that_end_the_socket(server: OwnServer, frame: str | bytes, code: int) -> None:
    async with open_socket(server, server.token()) as ws, open_socket(server, server.token()) as neighbour:
        await ws.recv()
        await ws.send(frame)
        with pytest.raises(websockets.ConnectionClosed):
            while True:
                await ws.recv()
        assert ws.close_code == code
        assert (await Chat(neighbour).ask("ping"))["type"] == "ack"


async def test_a_ticket_is_good_for_one_stream(server: OwnServer, agent: Desk) -> None:
    made = ok(await agent.http.post("/v1/auth/ticket"), 201)
    async with open_socket(server, None, f"ticket={made['ticket']}") as ws:
        assert json.loads(await ws.recv())["type"] == "ready"
    await refused(server, None, 401, f"ticket={made['ticket']}")
    await refused(server, None, 401, "ticket=nonsense")
    await refused(server, None, 401)
    made = ok(await agent.http.post("/v1/auth/ticket"), 201)
    async with server.client() as nobody:
        params = {"ticket": made["ticket"]}
        problem(await nobody.get("/v1/conversations/" + "0" * 8, params=params), 401, "unauthenticated")
        async with httpx_sse.aconnect_sse(nobody, "GET", "/v1/stream", params=params) as source:
            assert (await anext(source.aiter_sse())).event == "ready"
        problem(await nobody.get("/v1/stream", params=params), 401, "unauthenticated")


@pytest.mark.parametrize("kind", READERS)
async def test_a_stream_ends_with_its_token(server: OwnServer, kind: str) -> None:
    life = 2.0
    token = server.token(life=life)
    began = time.monotonic()
    if kind == "websocket":
        async with open_socket(server, token) as ws:
            with pytest.raises(websockets.ConnectionClosed):
                while True:
                    await ws.recv()
            assert ws.close_code == 1008
    else:
        async with (
            server.client(token) as client,
            httpx_sse.aconnect_sse(client, "GET", "/v1/stream", timeout=30) as source,
        ):
            events = [json.loads(sse.data) async for sse in source.aiter_sse() if sse.data]
        assert events[0]["type"] == "ready" and events[-1]["type"] == "close"
        assert events[-1]["data"]["code"] == 1008 and events[-1]["id"] == events[-2]["id"], (
            "where to go on from"
        )
    assert life - 1 < time.monotonic() - began < life + 5 + 20  # twenty for a busy machine


async def test_a_pages_stream_breaks_off(server: OwnServer) -> None:
    """Scripts that read it with fetch stay away after a proper end."""
    text = ""
    async with (
        server.client(server.token(life=1)) as client,
        client.stream("GET", "/v1/stream", headers={"Sec-Fetch-Mode": "cors"}, timeout=30) as answer,
    ):
        with pytest.raises(httpx.RemoteProtocolError):
            async for part in answer.aiter_text():
                text += part
    assert re.search(r"\nretry: 1\d\d\d\nevent: close\ndata: \{.*\"code\":1008.*\}\n\n$", text), text


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://127.0.0.1.evil.example", "http://127.0.0.1:1", "file://"],
)
async def test_pages_of_other_origins_open_no_stream(server: OwnServer, origin: str) -> None:
    await refused(server, server.token(), 403, additional_headers={"Origin": origin})
    async with server.client(server.token()) as client:
        problem(await client.get("/v1/stream", headers={"Origin": origin}), 403, "forbidden")


async def test_the_own_origin_opens_streams(server: OwnServer) -> None:
    async with open_socket(server, server.token(), additional_headers={"Origin": server.url}) as ws:
        assert json.loads(await ws.recv())["type"] == "ready"


async def test_a_reader_that_takes_nothing_is_closed_and_harms_nobody(
    server: OwnServer, service: Desk
) -> None:
    i = (await service.open())["id"]
    token, topic = server.token(user="slow"), f"conversation:{i}"
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.connect(("127.0.0.1", server.port))
    slow.settimeout(30)
    with slow:
        head = f"GET /v1/stream?topics={topic} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
        slow.sendall(head.encode())
        assert slow.recv(12) == b"HTTP/1.1 200"
        async with (
            WsReader(server, server.token(), topic) as fast,
            open_socket(server, token, f"topics={topic}", max_queue=1) as slow_ws,
        ):
            big = "x" * 60_000
            count = 0
            while count < 150:
                for answer in await asyncio.gather(
                    *(service.say(i, f"{count + n} {big}") for n in range(10))
                ):
                    ok(answer, 201)
                count += 10
            await fast.until(lambda: len(fast.entries()) == count, "all of it")
            assert fast.numbers()[i] == list(range(1, count + 1)) and fast.connections == 1

            received = await asyncio.to_thread(read_to_end, slow)
            assert received < count * len(big), "the slow reader was cut, not served"
            with pytest.raises(websockets.ConnectionClosed):
                while True:
                    await asyncio.wait_for(slow_ws.recv(), 30)
            assert slow_ws.close_code in (1013, 1006)
    async with SseReader(server, token, topic, since=fast.entries()[0]["id"]) as back:
        await back.until(lambda: len(back.entries()) == count - 1, "what the slow one missed")
        assert back.numbers()[i] == list(range(2, count + 1))


def read_to_end(sock: socket.socket) -> int:
    total = 0
    try:
        while chunk := sock.recv(65536):
            total += len(chunk)
    except ConnectionResetError:
        pass
    return total


async def test_both_gateways_serve(server: OwnServer, other: Account) -> None:
    """The kernel spreads connections over the gateways, so a few dozen reach both; each answers under its own ids."""
    answered = set()
    for _ in range(40):
        async with server.client() as client:
            answered.add(ok_header(await client.get("/health")))
        if len(answered) == 2:
            break
    assert len(answered) == 2 == len(server.gateways)


def ok_header(response: httpx.Response) -> str:
    assert response.status_code == 200
    return response.headers["X-Request-Id"].split("-")[0]
