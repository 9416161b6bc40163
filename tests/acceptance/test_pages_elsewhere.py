"""Pages of other origins: the CORS answers on every route, and who may read what."""

from __future__ import annotations

import json
from typing import Any

import httpx
import httpx_sse
import pytest
from desks import Desk, fresh, ok, problem
from examples import ROUTES, sent
from objects import more_objects
from serving import DESK, OwnServer
from test_access import KEYS, STREAMS, TABLE, request_for

from tertulia.serving.demo import WEBCHAT

SHOP, EVIL = "https://shop.example", "https://evil.example"
CLOSED = {
    "POST /v1/auth/token", "GET /health", "GET /ready", "GET /metrics", "GET /metrics/targets", "GET /docs", "GET /static/{path:.+}",
    "POST /v1/webhooks/{channel_type}/{channel_id}", "GET /v1/webhooks/{channel_type}/{channel_id}",
}  # fmt: skip
"""What no page needs: for machines, operators and the server's own pages."""


def granted(headers: httpx.Headers) -> str | None:
    """The origin that may read the answer, which must be named the way browsers demand."""
    if (origin := headers.get("Access-Control-Allow-Origin")) is None:
        assert not any(name.lower().startswith("access-control-") for name in headers)
        return None
    assert headers.get_list("Access-Control-Allow-Origin") == [origin] and origin not in ("*", "null")
    assert headers["Access-Control-Allow-Credentials"] == "true"
    return origin


def varies(headers: httpx.Headers) -> bool:
    return "origin" in [name.strip().lower() for name in ",".join(headers.get_list("Vary")).split(",")]


async def preflight(client: httpx.AsyncClient, url: str, method: str, origin: str) -> httpx.Response:
    asked = {"Origin": origin, "Access-Control-Request-Method": method}
    return await client.options(url, headers=asked | {"Access-Control-Request-Headers": "authorization"})


@pytest.mark.parametrize("key", KEYS)
async def test_every_route(server: OwnServer, service: Desk, key: str) -> None:
    objects = {"conversation": (await service.open())["id"], "channel": WEBCHAT, "fresh": fresh()}
    objects |= await more_objects(server, fresh(), ROUTES[key])
    request = request_for(key, objects)
    wanted = (
        None
        if key in CLOSED
        or not key.partition(" ")[2].startswith(("/v1/", "/assistant/", "/openapi.json", "/asyncapi.json"))
        else DESK
    )
    async with server.client() as client:
        for origin in (DESK, EVIL, "null"):
            answer = await preflight(client, request.url, request.method, origin)
            assert granted(answer.headers) == (wanted if origin == DESK else None), origin
            assert wanted is None or varies(answer.headers)
            if origin == DESK and wanted:
                assert answer.status_code == 204
                methods = answer.headers["Access-Control-Allow-Methods"].split(", ")
                own = {r.method for r in TABLE if r.path == key.partition(" ")[2]}
                assert set(methods) - {"HEAD"} == own and request.method in methods
            else:
                assert answer.status_code == 403
    if request.socket:
        return
    body = sent(request.body)
    every = (DESK, EVIL, "null")
    asking = {server.token("admin"): every, server.token("service"): (DESK,), "wrong": every, None: (DESK,)}
    for token, origins in asking.items():
        async with server.client(token) as client:
            for origin in origins:
                headers = {**request.headers, "Origin": origin}
                async with client.stream(request.method, request.url, headers=headers, **body) as answer:
                    assert granted(answer.headers) == (wanted if origin == DESK else None), answer.status_code
                    assert wanted is None or varies(answer.headers)
                    if key not in STREAMS:
                        await answer.aread()


async def test_a_widget_on_a_shops_page(server: OwnServer) -> None:
    """From the channel's setting to the stream: what the browser needs on each step, and for that shop alone."""
    async with server.client(server.token("admin")) as admin:
        config = {"allowed_origins": ["HTTPS://Shop.Example:443/", SHOP, "http://localhost:3000"]}
        made = ok(
            await admin.post("/v1/channels", json={"type": "webchat", "name": fresh(), "config": config}), 201
        )
        assert made["config"]["allowed_origins"] == [SHOP, "http://localhost:3000"]
        second = ok(await admin.post("/v1/channels", json={"type": "webchat", "name": fresh()}), 201)
    shop, sessions = {"Origin": SHOP}, f"/v1/webchat/{made['id']}/sessions"
    async with server.client() as client:
        await until_granted(client, sessions)
        opened = await client.post(sessions, headers=shop)
        assert granted(opened.headers) == SHOP
        token = ok(opened, 201)["token"]
        elsewhere = await client.post(f"/v1/webchat/{second['id']}/sessions", headers=shop)
        assert elsewhere.status_code == 201 and granted(elsewhere.headers) is None
        for origin in (EVIL, "null", f"{SHOP}.evil.example", "http://shop.example"):
            assert granted((await client.post(sessions, headers={"Origin": origin})).headers) is None
        foreign = await client.get(
            "/v1/webchat/messages", headers=shop | {"Authorization": f"Bearer {elsewhere.json()['token']}"}
        )
        assert foreign.status_code == 200 and granted(foreign.headers) is None
    async with server.client(token) as client:
        for method, path, body in (
            ("POST", "/v1/webchat/messages", {"content": "hello"}),
            ("GET", "/v1/webchat/messages", None),
            ("POST", "/v1/webchat/messages", {"content": ""}),
            ("POST", "/v1/auth/ticket", None),
        ):
            answer = await client.request(method, path, json=body, headers=shop)
            assert granted(answer.headers) == SHOP, (path, answer.status_code)
            assert (
                granted((await client.request(method, path, json=body, headers={"Origin": EVIL})).headers)
                is None
            )
        async with client.stream("GET", "/v1/stream", headers=shop) as answer:
            assert answer.status_code == 200 and granted(answer.headers) == SHOP
        problem(await client.get("/v1/stream", headers={"Origin": EVIL}), 403, "forbidden")
    cookie = {"Cookie": f"tertulia_token={server.token('agent')}"}
    async with server.client() as client:  # an agent who visits the shop: not for the shop's page
        problem(await client.get("/v1/stream", headers=shop | cookie), 403, "forbidden")


async def until_granted(client: httpx.AsyncClient, path: str) -> None:
    """Other gateways hear of a channel within seconds; this test's page has not been answered before."""
    assert (await preflight(client, path, "POST", SHOP)).status_code == 204
    assert (await preflight(client, path, "POST", EVIL)).status_code == 403


@pytest.mark.parametrize(
    ("origins", "path"),
    [
        ("https://a.example", "config.allowed_origins"),
        (["https://a.example"] * 51, "config.allowed_origins"),
        (["https://a.example", "*"], "config.allowed_origins[1]"),
        (["null"], "config.allowed_origins[0]"),
        (["https://a.example/shop"], "config.allowed_origins[0]"),
        (["a.example"], "config.allowed_origins[0]"),
        ([1], "config.allowed_origins[0]"),
    ],
)
async def test_what_is_no_list_of_origins(server: OwnServer, origins: object, path: str) -> None:
    body = {"type": "webchat", "name": "w", "config": {"allowed_origins": origins}}
    async with server.client(server.token("admin")) as admin:
        refused = problem(await admin.post("/v1/channels", json=body), 422, "invalid")
    assert [e["path"] for e in refused["errors"]] == [path]


async def test_an_event_source_comes_back_with_its_used_ticket(server: OwnServer, service: Desk) -> None:
    """As a browser does it: the same URL, the cookie, and Last-Event-ID once an event had an id."""
    i = (await service.open())["id"]
    page = {"Origin": DESK}
    async with server.client(server.token("agent", "desk")) as client:
        asked = await client.post("/v1/auth/ticket", headers=page)
        (given,) = asked.headers.get_list("Set-Cookie")
        assert given.endswith("; Path=/; HttpOnly; SameSite=Lax")
        again = await client.post("/v1/auth/ticket", headers=page | {"Cookie": given.partition(";")[0]})
        assert "Set-Cookie" not in again.headers, "one cookie for all streams of a browser"
        assert "Set-Cookie" not in (await client.post("/v1/auth/ticket")).headers, "a program needs none"
    cookie = page | {"Cookie": given.partition(";")[0]}
    url = f"/v1/stream?topics=conversation:{i}&ticket={ok(asked, 201)['ticket']}"
    async with server.client() as browser:

        async def first(**headers: str) -> dict[str, Any]:
            async with httpx_sse.aconnect_sse(browser, "GET", url, headers=cookie | headers) as source:
                assert source.response.status_code == 200 and granted(source.response.headers) == DESK
                events = source.aiter_sse()
                await anext(events)  # ready
                return json.loads((await anext(events)).data)

        async with httpx_sse.aconnect_sse(browser, "GET", url, headers=page) as source:
            assert json.loads((await anext(source.aiter_sse())).data)["type"] == "ready"
            problem(await browser.get(url), 401, "unauthenticated")  # the URL alone
            problem(
                await browser.get(url, headers={"Cookie": f"tertulia_stream={'x' * 43}"}),
                401,
                "unauthenticated",
            )
        ok(await service.say(i, "one"), 201)
        event = await first()  # it had seen no event with an id: from the beginning of the stream
        assert event["data"]["content"] == "one"
        ok(await service.say(i, "two"), 201)
        assert (await first(**{"Last-Event-ID": event["id"]}))["data"]["content"] == "two"
