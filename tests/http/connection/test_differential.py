"""The same odd requests on every path: fast path, fast router and aiohttp's router give the same answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import product
from typing import Any

import pytest
from message_rig import BODY, CONVERSATION, DESK, OTHER, Channels, Gate, answer, comparable
from samples import ACCOUNT

from tertulia.core.accounts.principal import Role
from tertulia.http.connection.fast_path import FAST_PATH
from tertulia.http.connection.fast_router import FAST_ROUTER

MAX_BODY = 100_000
LAST = b"GET /v1/nowhere HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
"""Sent after the request: whether it is answered tells whether the connection was kept."""
PATH = f"/v1/conversations/{CONVERSATION}/messages"
CHAT = "/v1/webchat/messages"
Header = tuple[str, str]


def said(**fields: Any) -> bytes:
    return json.dumps({"content": "x"} | fields).encode()


ROLES: dict[str, Any] = {
    "service": Role.SERVICE,
    "agent": Role.AGENT,
    "lead": Role.LEAD,
    "admin": Role.ADMIN,
    "customer": Role.CUSTOMER,
}

BODIES: dict[str, bytes] = {
    "plain": json.dumps(BODY).encode(),
    "no sender": said(),
    "as a contact": said(sender_type="contact"),
    "as a bot": said(sender_type="bot"),
    "as nobody": said(sender_type="nobody"),
    "unicode": json.dumps({"content": "é\U0001f600 \u202e"}, ensure_ascii=False).encode(),
    "escapes": b'{"content":"\\ud83d\\ude00 \\u0041 \\/ \\n"}',
    "spaces around": b" \r\n\t" + said() + b"\n ",
    "key": said(client_message_id="k-1"),
    "key with a newline": said(client_message_id="k\n"),
    "key too long": said(client_message_id="k" * 256),
    "empty key": said(client_message_id=""),
    "metadata": said(metadata={"a": [1, 2.5, None, {"b": True}]}),
    "metadata of the most bytes": said(metadata={"a": "b" * 16_376}),
    "metadata too large": said(metadata={"a": "b" * 16_377}),
    "metadata far too large": said(metadata={"a": "b" * 70_000}),
    "metadata as a list": said(metadata=[]),
    "metadata of 64 bits": b'{"content":"x","metadata":{"a":9223372036854775807}}',
    "metadata beyond 64 bits": b'{"content":"x","metadata":{"a":9223372036854775808}}',
    "metadata of no number": b'{"content":"x","metadata":{"a":NaN}}',
    "metadata of a huge float": b'{"content":"x","metadata":{"a":1e999}}',
    "metadata 62 deep": b'{"content":"x","metadata":' + b'{"a":' * 62 + b"1" + b"}" * 63,
    "metadata 70 deep": b'{"content":"x","metadata":' + b'{"a":' * 70 + b"1" + b"}" * 71,
    "metadata 9000 deep": b'{"content":"x","metadata":' + b'{"a":' * 9000 + b"1" + b"}" * 9001,
    "private": said(is_private=True),
    "private and null": said(is_private=None),
    "attachment elsewhere": said(attachments=[{"url": "https://a.example/x"}]),
    "attachment unknown": said(attachments=[{"url": f"/v1/attachments/{OTHER}"}]),
    "attachment without url": said(attachments=[{}]),
    "no attachments": said(attachments=[]),
    "31 attachments": said(attachments=[{"url": "https://a.example/x"}] * 31),
    "reply": said(reply_to=OTHER),
    "reply to no id": said(reply_to="x"),
    "reply to an id and a newline": said(reply_to=f"{OTHER}\n"),
    "reply in upper case": said(reply_to=OTHER.upper()),
    "no content": b"{}",
    "empty content": b'{"content":""}',
    "null content": b'{"content":null}',
    "number as content": b'{"content":1}',
    "content twice": b'{"content":"a","content":"b"}',
    "first content wrong": b'{"content":1,"content":"b"}',
    "unknown field": said(unknown=1),
    "content with NUL": b'{"content":"a\\u0000b"}',
    "raw NUL": b'{"content":"a\x00b"}',
    "half a pair": b'{"content":"\\ud800"}',
    "not UTF-8": b'{"content":"\xff"}',
    "BOM": b"\xef\xbb\xbf" + said(),
    "UTF-16": '{"content":"x"}'.encode("utf-16"),
    "content type of a message": said(content_type="html"),
    "empty content type": said(content_type=""),
    "empty": b"",
    "space": b" ",
    "null": b"null",
    "list": b"[]",
    "text": b'"x"',
    "cut": b'{"content":"x"',
    "rest": b'{"content":"x"} y',
    "two": b"{}{}",
    "comma": b'{"content":"x",}',
    "quotes": b"{'content':'x'}",
    "form": b"content=x",
    "most of the fast path": said(content="y" * 32_700),
    "beyond the fast path": said(content="y" * 33_000),
    "longest content": said(content="y" * 65_536),
    "content too long": said(content="y" * 65_537),
    "too large": said(content="y" * MAX_BODY),
}

HEADERS: dict[str, list[Header]] = {
    "none": [],
    "account": [("X-Account-Id", ACCOUNT)],
    "account in upper case": [("X-Account-Id", ACCOUNT.upper())],
    "account of others": [("X-Account-Id", OTHER)],
    "account of no form": [("X-Account-Id", "x")],
    "empty account": [("X-Account-Id", "")],
    "two accounts": [("X-Account-Id", ACCOUNT), ("x-account-id", OTHER)],
    "idempotency key": [("Idempotency-Key", "k-2")],
    "idempotency key in odd case": [("iDEMPOTENCY-kEY", "k-2")],
    "two idempotency keys": [("Idempotency-Key", "k-2"), ("Idempotency-Key", "k-3")],
    "empty idempotency key": [("Idempotency-Key", "")],
    "long idempotency key": [("Idempotency-Key", "k" * 256)],
    "idempotency key of bytes": [("Idempotency-Key", "k\xe9")],
    "idempotency key with a tab": [("Idempotency-Key", "k\tk")],
    "request id": [("X-Request-Id", "asked-1")],
    "request id that is none": [("X-Request-Id", "a b")],
    "two request ids": [("X-Request-Id", "asked-1"), ("X-Request-Id", "asked-2")],
    "expect": [("Expect", "100-continue")],
    "expect in odd case": [("expect", "100-Continue")],
    "expect something": [("Expect", "more")],
    "gzip": [("Content-Encoding", "gzip")],
    "identity": [("Content-Encoding", "identity")],
    "close": [("Connection", "close")],
    "close in odd case": [("connection", "Close")],
    "keep-alive": [("Connection", "keep-alive")],
    "accept": [("Accept", "text/html")],
    "accept encoding": [("Accept-Encoding", "gzip, br")],
    "cookie": [("Cookie", "a=b")],
    "origin": [("Origin", "https://elsewhere.example")],
    "allowed origin": [("Origin", DESK)],
    "allowed origin in odd case": [("oRIGIN", "HTTPS://Desk.Example.com:443")],
    "origin of a web chat": [("Origin", Channels.origin)],
    "null origin": [("Origin", "null")],
    "two origins": [("Origin", DESK), ("Origin", DESK)],
    "forwarded": [("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "https")],
    "upgrade": [("Connection", "upgrade"), ("Upgrade", "h2c")],
    "upgrade to websocket": [("Connection", "upgrade"), ("Upgrade", "websocket")],
    "method override": [("X-HTTP-Method-Override", "DELETE")],
    "range": [("Range", "bytes=0-1")],
    "if none match": [("If-None-Match", "*")],
    "many": [(f"X-{n}", "y") for n in range(100)],
    "too many": [(f"X-{n}", "y") for n in range(140)],
    "long": [("X-Long", "y" * 8000)],
    "too long": [("X-Long", "y" * 9000)],
}

TYPES: dict[str, list[Header]] = {
    "JSON in odd case": [("content-TYPE", "Application/JSON")],
    "JSON with charset": [("Content-Type", "application/json; charset=utf-8")],
    "JSON with charset in odd form": [("Content-Type", 'application/json;charset="UTF-8"')],
    "JSON in Latin-1": [("Content-Type", "application/json; charset=latin-1")],
    "JSON with another parameter": [("Content-Type", "application/json; a=b")],
    "JSON of a kind": [("Content-Type", "application/merge-patch+json")],
    "text": [("Content-Type", "text/plain")],
    "form": [("Content-Type", "application/x-www-form-urlencoded")],
    "multipart": [("Content-Type", "multipart/form-data; boundary=x")],
    "no type": [("Content-Type", "json")],
    "empty type": [("Content-Type", "")],
    "absent": [],
    "two": [("Content-Type", "application/json"), ("Content-Type", "text/plain")],
    "two, the other first": [("Content-Type", "text/plain"), ("Content-Type", "application/json")],
}

TARGETS = {
    "query": f"{PATH}?a=b",
    "empty query": f"{PATH}?",
    "signature": f"{PATH}?signature=x",
    "ticket": f"{PATH}?ticket=x",
    "fragment": f"{PATH}#a",
    "slash": f"{PATH}/",
    "two slashes": f"/{PATH}",
    "escaped": PATH.replace("messages", "message%73"),
    "escaped id": f"/v1/conversations/%30{CONVERSATION[1:]}/messages",
    "upper case": f"/v1/conversations/{CONVERSATION.upper()}/messages",
    "path in upper case": PATH.upper(),
    "unknown id": f"/v1/conversations/{OTHER}/messages",
    "short id": f"/v1/conversations/{CONVERSATION[:-1]}/messages",
    "long id": f"/v1/conversations/{CONVERSATION}0/messages",
    "no id": "/v1/conversations//messages",
    "id of no hex": f"/v1/conversations/{CONVERSATION[:-1]}x/messages",
    "id in braces": f"/v1/conversations/{{{CONVERSATION}}}/messages",
    "id and NUL": f"/v1/conversations/{CONVERSATION}%00/messages",
    "dots": f"/v1/conversations/../conversations/{CONVERSATION}/messages",
    "absolute": f"http://127.0.0.1{PATH}",
    "absolute elsewhere": f"http://elsewhere.example{PATH}",
    "star": "*",
    "long": f"{PATH}?{'a' * 9000}",
}

HOSTS: dict[str, list[Header]] = {
    "absent": [],
    "odd case": [("HOST", "127.0.0.1")],
    "empty": [("Host", "")],
    "port": [("Host", "127.0.0.1:80")],
    "no port": [("Host", "127.0.0.1:x")],
    "elsewhere": [("Host", "elsewhere.example")],
    "rebound": [("Host", "elsewhere.example"), ("Origin", "http://elsewhere.example")],
    "two": [("Host", "127.0.0.1"), ("Host", "elsewhere.example")],
    "spaces": [("Host", " 127.0.0.1 ")],
}

AUTHORIZATIONS: dict[str, list[str]] = {
    "absent": [],
    "odd case": ["bEARER {token}"],
    "two spaces": ["Bearer  {token}"],
    "trailing space": ["Bearer {token} "],
    "no scheme": ["{token}"],
    "no token": ["Bearer"],
    "basic": ["Basic YTpi"],
    "of no form": ["Bearer nonsense"],
    "cut": ["Bearer {token}x"],
    "ended": ["Bearer {ended}"],
    "of two accounts": ["Bearer {both}"],
    "two": ["Bearer {token}", "Bearer nonsense"],
    "two, the other first": ["Bearer nonsense", "Bearer {token}"],
}


class Request:
    """A request that can be written whole, or its head and body apart."""

    def __init__(
        self,
        body: bytes = BODIES["plain"],
        *,
        role: str = "service",
        headers: list[Header] = HEADERS["none"],
        types: list[Header] | None = None,
        hosts: list[Header] | None = None,
        authorization: list[str] | None = None,
        target: str = PATH,
        method: str = "POST",
        version: str = "1.1",
        chunks: int = 0,
        lengths: list[str] | None = None,
    ) -> None:
        self.role = role
        self.authorization = ["Bearer {token}"] if authorization is None else authorization
        self._line = f"{method} {target} HTTP/{version}"
        self._fields = [("Host", "127.0.0.1")] if hosts is None else hosts
        self._fields = self._fields + ([("Content-Type", "application/json")] if types is None else types)
        self._fields = self._fields + headers
        if chunks:
            self._fields = [*self._fields, ("Transfer-Encoding", "chunked")]
            pieces = [body[at : at + chunks] for at in range(0, len(body), chunks)]
            body = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"
        else:
            given = [str(len(body))] if lengths is None else lengths
            self._fields = [*self._fields, *(("Content-Length", length) for length in given)]
        self.body = body

    def head(self, tokens: dict[str, str]) -> bytes:
        token = tokens[self.role]
        proofs = [("Authorization", a.format(token=token, **tokens)) for a in self.authorization]
        lines = [self._line, *(f"{name}: {value}" for name, value in [*self._fields, *proofs])]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


def odd_requests() -> Iterator[tuple[str, Request]]:
    for role, (name, body) in product(("customer", "stranger", "visitor", "service"), BODIES.items()):
        if role == "visitor" or name.startswith(("key", "no ", "plain", "att")):
            yield f"web chat, {role}, body {name}", Request(body, role=role, target=CHAT)
    for name, headers in HEADERS.items():
        yield f"web chat, headers {name}", Request(said(), role="visitor", headers=headers, target=CHAT)
    for target in (CHAT[:-1], f"{CHAT}/", f"{CHAT}?a=b", f"{CHAT[:18]}{CONVERSATION}{CHAT[18:]}"):
        yield f"web chat, {target}", Request(said(), role="visitor", target=target)
    for role, (name, body) in product(ROLES, BODIES.items()):
        if role in ("service", "customer") or name.startswith(("as ", "no ", "private", "att")):
            yield f"{role}, body {name}", Request(body, role=role)
    for name, headers in HEADERS.items():
        for body in ("plain", "cut", "private", "content with NUL"):
            yield f"headers {name}, body {body}", Request(BODIES[body], headers=headers)
    for name, types in TYPES.items():
        for body in ("plain", "empty", "cut"):
            yield f"type {name}, body {body}", Request(BODIES[body], types=types)
    for name, target in TARGETS.items():
        yield f"target {name}", Request(target=target)
        yield f"target {name}, customer, bad body", Request(b"{", role="customer", target=target)
    for name, hosts in HOSTS.items():
        yield f"host {name}", Request(hosts=hosts)
        yield f"host {name}, HTTP/1.0", Request(hosts=hosts, version="1.0")
    for name, authorization in AUTHORIZATIONS.items():
        yield f"authorization {name}", Request(authorization=authorization)
        yield f"authorization {name}, bad body", Request(b"{", authorization=authorization)
    for method in ("GETS", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW", "post"):
        yield f"method {method}", Request(method=method)
    for version, connection in product(("1.0", "0.9", "1.2", "2.0"), ("none", "keep-alive", "close")):
        yield f"HTTP/{version} {connection}", Request(version=version, headers=HEADERS[connection])
    for chunks, name in product(
        (1, 7, 10_000), ("plain", "empty", "cut", "beyond the fast path", "too large")
    ):
        if chunks > 1 or len(BODIES[name]) < 1000:
            yield f"chunks of {chunks}, {name}", Request(BODIES[name], chunks=chunks)
    size = str(len(BODIES["plain"]))
    for lengths in (
        [],
        [size, size],
        [size, "1"],
        [f"+{size}"],
        ["x"],
        ["-1"],
        [f"0{size}"],
        [f"{size}, {size}"],
    ):
        yield f"lengths {lengths}", Request(lengths=lengths)
    yield "length and chunks", Request(chunks=5, headers=[("Content-Length", size)])


Answers = list[tuple[int, dict[str, str], bytes]]


async def told(gate: Gate, parts: list[bytes]) -> tuple[Answers, list[Any]]:
    """The answers to a request written in these parts, and the commands that reached the host."""
    gate.host.got.clear()
    reader, writer = await gate.open()
    answers: Answers = []
    try:
        for part in parts:
            writer.write(part)
            for _ in range(3):  # the server reads it in one of these turns
                await asyncio.sleep(0)
        answers.append(comparable(await answer(reader)))
        writer.write(LAST)
        answers.append(comparable(await answer(reader)))
    except (asyncio.IncompleteReadError, ConnectionError):
        answers.append((0, {}, b"closed"))
    finally:
        writer.close()
    return answers, [(e.account_id, e.by, e.command, e.conversation_id, e.thread) for e in gate.host.got]


@asynccontextmanager
async def serving(*without: Any) -> AsyncIterator[Gate]:
    gate = Gate()
    await gate.start(max_body=MAX_BODY, without=without)
    yield gate
    await gate.stop()


def tokens_of(gate: Gate) -> dict[str, str]:
    customer = {"channel_id": OTHER, "contact_identifier": "kim"}
    tokens = {
        name: gate.token_of(role, **(customer if name == "customer" else {})) for name, role in ROLES.items()
    }
    visitor = {"channel_id": Channels.id, "contact_identifier": "lee", "contact_name": "Lee"}
    tokens["visitor"] = gate.token_of(Role.CUSTOMER, **visitor)
    tokens["stranger"] = gate.token_of(Role.CUSTOMER, **(visitor | {"contact_identifier": "sam"}))
    tokens["ended"] = gate.signer.issue("svc", {ACCOUNT: Role.SERVICE}, lifetime=-3600)
    tokens["both"] = gate.signer.issue("svc", {ACCOUNT: Role.SERVICE, OTHER: Role.AGENT}, lifetime=3600)
    return tokens


@pytest.fixture
async def gates() -> AsyncIterator[tuple[Gate, Gate, Gate]]:
    """With all paths, without the fast path, and with aiohttp's router alone."""
    async with AsyncExitStack() as stack:
        fast = await stack.enter_async_context(serving())
        routed = await stack.enter_async_context(serving(FAST_PATH))
        plain = await stack.enter_async_context(serving(FAST_PATH, FAST_ROUTER))
        yield fast, routed, plain


async def test_every_path_gives_the_same_answer(gates: tuple[Gate, Gate, Gate]) -> None:
    fast, routed, plain = gates
    tokens = tokens_of(fast)
    for gate, role in product(gates, ROLES):  # a token is cached from its first use on
        await gate.ask(Request(role=role).head(tokens) + BODIES["plain"])
    cases = dict(odd_requests())
    faults: dict[str, Any] = {}
    statuses: dict[int, int] = {}
    before = fast.fast
    for name, request in cases.items():
        head = request.head(tokens)
        whole = [head + request.body]
        expected = await told(plain, whole)
        found = {"fast path": await told(fast, whole), "fast router": await told(routed, whole)}
        if (
            b"Upgrade: h2c" not in head
        ):  # declined, it ends the connection where bytes follow it in the same read
            found["in two parts"] = await told(fast, [head, request.body])
        status = expected[0][0][0]
        statuses[status] = statuses.get(status, 0) + 1
        faults |= {f"{name}: {path}": (f, expected) for path, f in found.items() if f != expected}
    assert faults == {}
    assert len(cases) > 300 and fast.fast - before > 30, (len(cases), fast.fast - before)
    assert {201, 400, 401, 403, 404, 405, 413, 415, 422} <= set(statuses)
    assert max(statuses.values()) < len(cases) / 2
