"""Every route of the table with forged cursors, numbers, times, ids and texts: refused with the field's name, never a 500."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import quote

import aiohttp
import httpx
import pytest
from desks import Desk, fresh, ok, problem
from forged import PLACES, forged, genuine
from serving import OwnServer
from yarl import URL

from tertulia.serving.demo import ACCOUNT, WEBCHAT

NUMBERS = ["-1", "-9223372036854775809", "9223372036854775808", "1" * 40, "1.5", "1e3", "NaN", "Infinity", "", "x", "null",
           "true", "0x10", "\u0661", "1_0"]  # fmt: skip
TIMES = ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "9999-12-31T23:59:59Z",
         "294277-01-01T00:00:00Z", "-0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "1.5", "NaN", "", "1" * 40,
         "2020-02-30T00:00:00Z", "2020-01-01", "2020-01-01T00:00:00"]  # fmt: skip
TEXTS = [
    "%00",
    "a%00b",
    "%ED%A0%80",
    "%FF",
    "%F0%9F%98%80",
    "%25",
    "_" * 50,
    "%E2%80%AE",
    "1" * 5000,
    "%27%3B--",
    "",
    "%0A",
    "ffffffff-ffff-7fff-bfff-ffffffffffff",
    "x" * 36,
]


@pytest.fixture
async def admin(server: OwnServer) -> AsyncIterator[httpx.AsyncClient]:
    async with server.client(server.token("admin", "admin-forger")) as client:
        yield client


@pytest.fixture
async def quick(server: OwnServer) -> AsyncIterator[aiohttp.ClientSession]:
    """An admin's client that spends little on a request, for thousands of them."""
    headers = {"Authorization": f"Bearer {server.token('admin', 'admin-forger')}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        yield session


@pytest.fixture
async def paths(admin: httpx.AsyncClient, service: Desk) -> dict[str, str]:
    """What each parameter of a path may stand for, so that a request gets as far as its query."""
    conversation = await service.open()
    team = ok(await admin.post("/v1/teams", json={"name": fresh("team")}), 201)["id"]
    hook = {"url": "http://127.0.0.1:9/hook"}
    webhook = ok(await admin.post("/v1/event-webhooks", json=hook), 201)["id"]
    return {
        "/v1/conversations/{id}": conversation["id"],
        "/v1/teams/{id}": team,
        "/v1/event-webhooks/{id}": webhook,
        "{channel_id}": WEBCHAT,
        "{user_id}": "admin-forger",
        "{id}": conversation["id"],
    }


def filled(path: str, paths: dict[str, str]) -> str:
    for pattern, value in paths.items():
        name = "{" + pattern.partition("{")[2]
        if path.startswith(pattern) or not pattern.startswith("/"):
            path = path.replace(name, value)
    return path


async def routes(
    client: httpx.AsyncClient, method: str = "get"
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Paths of the document with their query parameters; streams are for others."""
    document = ok(await client.get("/openapi.json"), 200)
    found = [
        (path, [p for p in operations[method].get("parameters", ()) if p.get("in") == "query"])
        for path, operations in document["paths"].items()
        if method in operations and path not in ("/v1/stream", "/v1/ws", "/desk/ws")
    ]
    return iter(found)


def kinds(schema: dict[str, Any]) -> set[str]:
    arms = [schema, *schema.get("anyOf", ()), *schema.get("oneOf", ())]
    return {arm["format"] if arm.get("format") == "date-time" else arm.get("type", "") for arm in arms}


async def test_every_cursor_is_refused_unless_it_is_the_routes_own(
    server: OwnServer, admin: httpx.AsyncClient, quick: aiohttp.ClientSession, paths: dict[str, str]
) -> None:
    walked = 0

    async def refused(url: str, text: str) -> None:
        async with quick.get(server.url + url, params={"cursor": text}) as answer:
            found = await answer.json()
            assert (answer.status, found["code"]) == (422, "invalid"), (url, text, found)
            assert [e["path"] for e in found["errors"]] == ["cursor"], (url, text)

    for path, parameters in await routes(admin):
        if not any(p["name"] == "cursor" for p in parameters):
            continue
        walked += 1
        url = filled(path, paths)
        kind = {"/v1/conversations": "inbox", "/v1/queue": "queue"}.get(path, "place")
        ok(await admin.get(url, params={"cursor": genuine(kind)}), 200)
        texts = [text for each in PLACES for text in forged(each)]
        texts += [genuine(k) for k in PLACES if k != kind]
        await asyncio.gather(*(refused(url, text) for text in dict.fromkeys(texts)))
    assert walked >= 14


async def test_every_number_is_bounded(
    server: OwnServer, admin: httpx.AsyncClient, paths: dict[str, str]
) -> None:
    walked = 0
    async with server.client(server.customer(fresh("forger"))) as customer:
        for path, parameters in await routes(admin):
            client = customer if path.startswith("/v1/webchat") else admin
            for name in (p["name"] for p in parameters if "integer" in kinds(p["schema"])):
                walked += 1
                for number in NUMBERS:
                    tenant = {"X-Tenant-Id": ACCOUNT} if path.startswith("/crm") else {}
                    answer = await client.get(filled(path, paths), params={name: number}, headers=tenant)
                    if path.startswith(("/desk", "/assistant")):  # whose errors are of another form
                        assert answer.status_code == 422 and name in answer.json()["detail"]
                        continue
                    found = problem(answer, 422, "invalid")
                    assert [e["path"] for e in found["errors"]] == [name], (path, name, number)
    assert walked >= 16


async def test_no_time_or_text_is_an_error_of_ours(
    server: OwnServer, admin: httpx.AsyncClient, quick: aiohttp.ClientSession, paths: dict[str, str]
) -> None:
    allowed = (200, 302, 304, 400, 401, 403, 404, 410, 422)
    for path, parameters in await routes(admin):
        url = filled(path, paths)
        for parameter in parameters:
            name, its = parameter["name"], kinds(parameter["schema"])
            for text in (quote(t) for t in TIMES) if "date-time" in its else TEXTS:
                asked = URL(f"{server.url}{url}?{name}={text}", encoded=True)
                async with quick.get(asked, allow_redirects=False) as answer:
                    assert answer.status in allowed, (path, name, text, await answer.text())


@pytest.mark.parametrize("method", ["get", "post", "patch", "put", "delete"])
async def test_no_id_in_a_path_is_an_error_of_ours(
    server: OwnServer, admin: httpx.AsyncClient, quick: aiohttp.ClientSession, method: str
) -> None:
    body = {} if method in ("post", "patch", "put") else None
    for path, _ in await routes(admin, method):
        for text in TEXTS if "{" in path else ():
            url = path
            while "{" in url:
                url = url[: url.index("{")] + text + url[url.index("}") + 1 :]
            asked = URL(server.url + url, encoded=True)
            async with quick.request(method, asked, json=body, allow_redirects=False) as answer:
                assert answer.status < 500, (method, path, text, await answer.text())


@pytest.mark.parametrize("method", ["post", "patch", "put"])
async def test_no_number_in_a_body_is_an_error_of_ours(
    server: OwnServer,
    admin: httpx.AsyncClient,
    quick: aiohttp.ClientSession,
    paths: dict[str, str],
    method: str,
) -> None:
    """In a field that no route reads: many of the older services' routes ignore it."""
    headers = {"Content-Type": "application/json"}
    for path, _ in await routes(admin, method):
        for number in ("9" * 30, "9" * 5000, '1e999,"b":' + "9" * 20):
            asked = server.url + filled(path, paths)
            async with quick.request(method, asked, data=f'{{"forged":{number}}}', headers=headers) as answer:
                assert answer.status < 500, (path, number[:10], await answer.text())


@pytest.mark.parametrize("text", ["x", "-1", "0.0.0", "é", "x.9223372036854775808.1", "x.1.-1", "x." + "9" * 18 + ".999", "\u0661.\u0661.\u0661",
                                  "NaN.NaN.NaN", "x" * 3000, "..", "a.1.1.1"])  # fmt: skip
async def test_a_forged_place_of_a_stream_starts_anew(server: OwnServer, text: str) -> None:
    token = server.token("agent", "forger")
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        for options in ({"params": {"since": text}}, {"headers": {"Last-Event-ID": text}}):
            async with session.get(f"{server.url}/v1/stream", **options) as response:
                assert response.status == 200
                names: list[bytes] = []
                async with asyncio.timeout(20):
                    while len(names) < 2:
                        line = await response.content.readline()
                        names += [line.strip()] if line.startswith(b"event:") else []
                assert names == [b"event: ready", b"event: reset"]
        async with session.ws_connect(f"{server.url}/v1/ws", params={"since": text}) as socket:
            assert [(await socket.receive_json(timeout=20))["type"] for _ in range(2)] == ["ready", "reset"]
            await socket.send_json({"type": "subscribe", "topics": ["user"], "since": text, "ref": 1})
            found = [await socket.receive_json(timeout=20) for _ in range(1)]
            assert {m["type"] for m in found} <= {"reset", "ack"}


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"type": "subscribe", "topics": ["user"], "since": 5}, "invalid"),
        ({"type": "subscribe", "topics": ["user"], "since": ["x"]}, "invalid"),
        ({"type": "conversation:read", "conversation_id": "x", "seq": 2**31}, "invalid"),
        ({"type": "conversation:read", "conversation_id": "x", "seq": 10**40}, "invalid"),
        ({"type": "conversation:read", "conversation_id": "x", "seq": -1}, "invalid"),
        ({"type": "conversation:read", "conversation_id": "x", "seq": 1.5}, "invalid"),
        ({"type": "conversation:join", "conversation_id": "\0"}, "invalid"),
        ({"type": "conversation:join", "conversation_id": "x" * 100_000}, "not_found"),
        ({"type": "message:send", "conversation_id": "x", "content": "y" * 70_000}, "invalid"),
        ({"type": "x" * 100_000}, "not_found"),
    ],
)
async def test_what_a_frame_makes_up_is_refused_under_its_ref(
    server: OwnServer, said: dict[str, Any], code: str
) -> None:
    headers = {"Authorization": f"Bearer {server.token('agent', 'forger')}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.ws_connect(f"{server.url}/v1/ws") as socket,
    ):
        assert (await socket.receive_json(timeout=20))["type"] == "ready"
        await socket.send_json(said | {"ref": "r"})
        answer = await socket.receive_json(timeout=20)
        assert answer["type"] == "error" and answer["ref"] == "r" and answer["error"]["code"] == code
        assert len(json.dumps(answer)) < 1000
        for ref in (2**63, "r" * 256):
            await socket.send_json({"type": "ping", "ref": ref})
            answer = await socket.receive_json(timeout=20)
            assert answer["ref"] is None and answer["error"]["errors"][0]["path"] == "ref"


async def test_a_header_that_is_no_text_is_refused(server: OwnServer, service: Desk) -> None:
    i, token = (await service.open())["id"], server.token("agent", "forger")
    for name in (b"Idempotency-Key", b"X-Account-Id", b"X-Request-Id", b"Last-Event-ID", b"If-None-Match"):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        head = (
            b"POST /v1/conversations/"
            + i.encode()
            + b"/messages HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            b"Authorization: Bearer "
            + token.encode()
            + b"\r\nContent-Type: application/json\r\nContent-Length: 15\r\n"
        )
        writer.write(head + name + b": \xff\xfe\xed\xa0\x80\r\n\r\n" + b'{"content":"x"}')
        status = int((await reader.read()).split()[1])
        writer.close()
        assert status in (201, 400, 422), name


async def test_an_account_that_is_none_is_not_found(server: OwnServer) -> None:
    assert ACCOUNT
    async with server.client(
        server.token("admin", "nobody", "ffffffff-ffff-ffff-ffff-ffffffffffff")
    ) as client:
        for path, _ in await routes(client):
            answer = await client.get(filled(path, {}))
            assert answer.status_code < 500, (path, answer.text)
