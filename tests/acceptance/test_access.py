"""Who may do what, on every route of the route table; and that no byte crosses accounts.

Driven by `tertulia.http.routes.ALL`: a route added there is tested here once it has a row in `examples.py`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import httpx
import httpx_sse
import jwt
import pytest
import websockets
from desks import Account, Desk, fresh, fresh_phone, make_room, ok, problem
from examples import ALL, MESSAGES, ROLES, ROUTES, filled, sent
from objects import more_objects
from readers import READERS, Chat, SseReader, WsReader, open_socket
from serving import OwnServer

from tertulia.http.routes import ALL as TABLE
from tertulia.http.routes.streams.messages import MESSAGES as SPOKEN
from tertulia.serving.demo import ACCOUNT, WEBCHAT

KEYS = [f"{route.method} {route.path}" for route in TABLE]
KNOWN = [key for key in KEYS if key in ROUTES]
SOCKETS = ("/v1/ws", "/desk/ws", "/assistant/api/v1/ws/")
STREAMS = {f"{route.method} {route.path}" for route in TABLE if route.stream}
CANARY = "canary-7f3a"


def test_every_route_has_an_example() -> None:
    missing, gone = set(KEYS) - set(ROUTES), set(ROUTES) - set(KEYS)
    assert not missing, f"add to tests/acceptance/examples.py who may call these, and how: {sorted(missing)}"
    assert not gone, f"no such routes any more: {sorted(gone)}"
    assert set(MESSAGES) == set(SPOKEN), "tests/acceptance/examples.py: one row for each WebSocket message"


def test_the_table_and_the_examples_agree_on_open_routes() -> None:
    assert {k for k, r in zip(KEYS, TABLE, strict=True) if r.permission is None} == {
        k for k in KEYS if k in ROUTES and ROUTES[k].roles is None
    }


class Request(NamedTuple):
    method: str
    url: str
    body: dict | bytes | None
    headers: Mapping[str, str] = MappingProxyType({})

    @property
    def socket(self) -> bool:
        return self.url.startswith(SOCKETS)


def request_for(key: str, objects: dict[str, str]) -> Request:
    method, path = key.split(" ")
    example = ROUTES[key]
    objects = {"account": ACCOUNT, "phone": fresh_phone()} | objects
    for name, value in example.names.items():
        path = path.replace("{" + name + "}", filled(value, objects))
    url = path + (f"?{filled(example.query, objects)}" if example.query else "")
    return Request(method, url, filled(example.body, objects), filled(dict(example.headers), objects))


async def call(server: OwnServer, client: httpx.AsyncClient, request: Request) -> tuple[int, str]:
    """Status and text. A stream that opens is closed again after its first event."""
    if request.socket:
        authorization = client.headers.get("Authorization")
        headers = {"Authorization": authorization} if authorization else {}
        path, _, query = request.url.partition("?")
        try:
            async with open_socket(server, None, query, path=path, additional_headers=headers) as ws:
                return 101, str(await ws.recv())
        except websockets.InvalidStatus as error:
            return error.response.status_code, (error.response.body or b"").decode()
    if "GET " + request.url.partition("?")[0] in STREAMS:
        async with httpx_sse.aconnect_sse(client, request.method, request.url) as source:
            if source.response.status_code == 200:
                return 200, (await anext(source.aiter_sse())).data
            return source.response.status_code, (await source.response.aread()).decode()
    body = sent(request.body)
    answer = await client.request(request.method, request.url, headers=request.headers, **body)
    return answer.status_code, answer.text + str(answer.headers)


class Standing(NamedTuple):
    """Objects of every kind that all calls share which must be refused, and so leave them as they are."""

    objects: dict[str, str]
    identifier: str


@pytest.fixture(scope="module")
def _standing() -> list[Standing]:
    return []


@pytest.fixture
async def standing(server: OwnServer, service: Desk, _standing: list[Standing]) -> Standing:
    if not _standing:
        identifier = fresh()
        ids = {"conversation": (await service.open(identifier))["id"], "channel": WEBCHAT, "fresh": fresh()}
        _standing.append(Standing(ids | await more_objects(server, fresh()), identifier))
    return _standing[0]


def _rows(*, may: bool) -> list[tuple[str, str]]:
    """Routes and roles: all pairs, of which one half may."""
    return [(k, r) for k in KNOWN for r in ROLES if (ROUTES[k].roles is None or r in ROUTES[k].roles) is may]


def _token(server: OwnServer, role: str, identifier: str) -> str:
    return server.customer(identifier) if role == "customer" else server.token(role, f"{role}-1")


@pytest.mark.parametrize(("key", "role"), _rows(may=False))
async def test_who_may_not(server: OwnServer, standing: Standing, key: str, role: str) -> None:
    async with server.client(_token(server, role, standing.identifier)) as client:
        status, text = await call(server, client, request_for(key, standing.objects))
    path = key.split()[1]
    dialects = {"/sync/": '"type":"3"', "/desk/": "lacks the permission", "/assistant/": "detail"}
    refusal = next((said for start, said in dialects.items() if path.startswith(start)), '"forbidden"')
    assert status == 403 and refusal in text, text


async def test_what_was_refused_has_changed_nothing(server: OwnServer, standing: Standing) -> None:
    """Every object is there still, and the conversation as it was opened."""
    async with server.client(server.token("admin", "admin-1")) as client:
        for key in KNOWN:
            if key.startswith("GET /v1/") and "admin" in (ROUTES[key].roles or ()):
                status, text = await call(server, client, request_for(key, standing.objects))
                assert status in (101, 200), (key, text)
    (row,) = await server.sql(
        "SELECT status, seq FROM conversations WHERE id = $1", standing.objects["conversation"]
    )
    assert tuple(row) == ("open", 0)


@pytest.mark.parametrize(("key", "role"), _rows(may=True))
async def test_who_may(server: OwnServer, service: Desk, key: str, role: str) -> None:
    identifier = fresh()
    objects = {"conversation": (await service.open(identifier))["id"], "channel": WEBCHAT, "fresh": fresh()}
    objects |= await more_objects(server, fresh(), ROUTES[key], objects["conversation"])
    async with server.client(_token(server, role, identifier)) as client:
        status, text = await call(server, client, request_for(key, objects))
    assert status not in (400, 401, 403, 404, 405, 415, 422) and status < 500, text


@pytest.mark.parametrize("key", KNOWN)
async def test_without_a_good_token(server: OwnServer, standing: Standing, key: str) -> None:
    objects = standing.objects
    request = request_for(key, objects)
    claims = {
        "sub": "x",
        "iss": "tertulia",
        "aud": "tertulia",
        "iat": 1,
        "exp": 4e9,
        "accounts": {ACCOUNT: "admin"},
    }
    bad = {
        "none": None,
        "nonsense": "nonsense",
        "expired": server.token("admin", life=-3600),
        "signed by another": jwt.encode(claims, "another secret that is long enough", algorithm="HS256"),
        "not signed": jwt.encode(claims, None, algorithm="none"),
        "other issuer": server.token("admin", iss="evil"),
        "other audience": server.token("admin", aud="evil"),
        "id token": server.token("admin", token_use="id"),
        "unknown role": server.token("root"),
        "from the future": server.token("admin", iat=4e9 - 1, exp=4e9),
        "no user": server.token("admin", ""),
    }
    async with server.client() as client:
        for what, token in bad.items():
            # this server trusts the CRM's header where no token contradicts it
            bare = (
                request._replace(headers={}) if token is None and ROUTES[key].roles is not None else request
            )
            client.headers.update({} if token is None else {"Authorization": f"Bearer {token}"})
            status, text = await call(server, client, bare)
            if ROUTES[key].roles is not None:
                assert status == 401, (what, text)
            elif token is None:
                assert status < 400, text


async def test_the_account_is_chosen_by_header_where_a_token_has_several(
    server: OwnServer, other: Account, service: Desk
) -> None:
    i = (await service.open())["id"]
    path = f"/v1/conversations/{i}"
    both = server.token(accounts={ACCOUNT: "agent", other.id: "admin"})
    async with server.client(both) as client:
        problem(await client.get(path), 400, "malformed")
        ok(await client.get(path, headers={"X-Account-Id": ACCOUNT}), 200)
        problem(await client.get(path, headers={"X-Account-Id": other.id}), 404, "not_found")
        problem(
            await client.get(path, headers={"X-Account-Id": "0" * 8 + ACCOUNT[8:-1] + "9"}), 403, "forbidden"
        )
    async with server.client(server.token()) as client:
        problem(await client.get(path, headers={"X-Account-Id": other.id}), 403, "forbidden")


@pytest.mark.parametrize("role", ROLES)
async def test_a_token_for_an_account_that_is_not_there(server: OwnServer, service: Desk, role: str) -> None:
    """Signed well, but the account was never made, or is gone: refused, and no failure of the server."""
    nowhere = Account("00000000-0000-0000-0000-0000000000c0", WEBCHAT)
    objects = {"conversation": (await service.open())["id"], "channel": WEBCHAT, "fresh": fresh()}
    objects["account"] = nowhere.id
    async with server.client(token_of(role, server, nowhere, fresh())) as client:
        answers = {key: await call(server, client, request_for(key, objects)) for key in KNOWN}
    assert {key: answer for key, answer in answers.items() if answer[0] >= 500} == {}


# -- no byte crosses accounts

CLAIMS = ("agent:takeover", "offer:accept", "offer:decline")


class Theirs(NamedTuple):
    """Objects of account A, every text of which holds the canary; but the identifier, which B's own customer has too."""

    objects: dict[str, str]
    identifier: str
    cursor: str


@pytest.fixture
async def theirs(server: OwnServer, desks: dict[str, Desk]) -> Theirs:
    service = desks["service"]
    identifier = fresh()
    async with SseReader(server, server.token(user=f"{CANARY}-user")) as reader:
        c = await service.open(
            identifier, subject=CANARY, contact_name=CANARY, labels=[CANARY], metadata={CANARY: CANARY}
        )
        ok(await service.say(c["id"], CANARY, sender_type="contact"), 201)
        ok(await service.say(c["id"], CANARY, is_private=True), 201)
        ok(await service.do(c["id"], "handoff", reason=CANARY), 200)
        async with server.client(server.token(user=f"{CANARY}-agent")) as client:
            await make_room(client)
        ok(await service.do(c["id"], "assign", agent_id=f"{CANARY}-agent"), 200)
        await reader.until(lambda: any(e["type"] == "conversation:status" and e["conversation_id"] == c["id"]
                                       for e in reader.events), "the canary's events")  # fmt: skip
        cursor = reader.events[0]["id"]
    objects = {"conversation": c["id"], "channel": WEBCHAT, "fresh": fresh()}
    return Theirs(objects | await more_objects(server, CANARY), identifier, cursor)


def token_of(role: str, server: OwnServer, account: Account, identifier: str) -> str:
    if role == "customer":
        return server.customer(identifier, account.id, account.channel)
    return server.token(role, f"{role}-b", account.id)


@pytest.mark.parametrize("role", ROLES)
async def test_another_accounts_objects_are_not_there(
    server: OwnServer, other: Account, theirs: Theirs, role: str
) -> None:
    """Every route, with the ids of account A and a token of account B: 404, never 403, and no canary."""
    token = token_of(role, server, other, theirs.identifier)
    objects = theirs.objects | {"account": other.id}
    async with server.client(token) as client:
        for key in KNOWN:
            example = ROUTES[key]
            status, text = await call(server, client, request_for(key, objects))
            assert CANARY not in text, (key, text)
            if example.foreign is not None and (example.roles is None or role in example.roles):
                assert status == example.foreign, (key, status, text)
    stored = await server.sql(
        "SELECT status, priority FROM conversations WHERE id = $1", theirs.objects["conversation"]
    )
    assert [tuple(row) for row in stored] == [("assigned", "normal")]
    assert (await server.sql("SELECT max(seq) FROM entries WHERE conversation_id = $1",
                             theirs.objects["conversation"]))[0][0] == 5  # fmt: skip


@pytest.mark.parametrize("role", ROLES)
async def test_another_accounts_objects_are_not_there_on_a_socket(
    server: OwnServer, other: Account, theirs: Theirs, desks: dict[str, Desk], role: str
) -> None:
    token = token_of(role, server, other, theirs.identifier)
    async with open_socket(server, token) as ws:
        chat = Chat(ws)
        for type, fields in MESSAGES.items():
            if fields is None:
                continue
            answer = await chat.ask(type, **filled(fields, theirs.objects))
            allowed = role != "customer" or type not in (*CLAIMS, "conversation:read")
            allowed = allowed and not (role == "service" and type in CLAIMS)
            code = answer["error"]["code"]
            assert code == "not_found" or (not allowed and code == "forbidden"), (type, answer)
        for topic in (f"account:{ACCOUNT}", f"user:{CANARY}-user"):
            answer = await chat.ask("subscribe", topics=[topic])
            assert answer["error"]["code"] in (
                ("not_found", "forbidden") if role == "customer" else ("not_found",)
            )
        answer = await chat.ask("subscribe", topics=["account"], since=theirs.cursor)
        ok(await desks["service"].say(theirs.objects["conversation"], CANARY, sender_type="agent"), 201)
        await chat.ask("ping")
        for event in chat.events:
            own = event["topic"] == f"account:{other.id}"  # places in its own queue
            assert event["type"] in ("ready", "reset") or own, event
        if role != "customer":
            assert any(e["type"] == "reset" for e in chat.events)
        assert CANARY not in json.dumps(chat.events)


@pytest.mark.parametrize("kind", READERS)
async def test_another_accounts_cursor_is_reset_and_its_traffic_unheard(
    server: OwnServer, other: Account, theirs: Theirs, desks: dict[str, Desk], kind: str
) -> None:
    token = server.token("admin", "admin-b", other.id)
    async with (
        READERS[kind](server, token, since=theirs.cursor) as reader,
        server.client(server.token("service", "s", other.id)) as client,
    ):
        await reader.until(lambda: reader.resets == 1, "the reset")
        ok(await desks["service"].say(theirs.objects["conversation"], CANARY, sender_type="agent"), 201)
        ok(await desks["service"].do(theirs.objects["conversation"], "typing", state="start"), 204)
        own = await Desk(client).open(channel=other.channel)
        ok(await Desk(client).say(own["id"], "mine"), 201)
        await reader.until(lambda: reader.entries(), "the own message")
        assert CANARY not in json.dumps(reader.events)
        assert {e["conversation_id"] for e in reader.events if e["seq"] is not None} == {own["id"]}
        assert {e["topic"] for e in reader.events} <= {f"account:{other.id}"}, (
            "places in its own queue among them"
        )


async def test_a_channel_of_another_account_opens_nothing(server: OwnServer, other: Account) -> None:
    """Neither a conversation through its id, nor a web chat session vouched for by a stranger."""
    async with server.client(server.token("service", "s", other.id)) as client:
        body = {"channel_id": WEBCHAT, "contact_identifier": fresh()}
        problem(await client.post("/v1/conversations", json=body), 404, "not_found")
        problem(await client.post("/v1/conversations/find-or-create", json=body), 404, "not_found")
        vouched = {"contact_identifier": fresh()}
        problem(await client.post(f"/v1/webchat/{WEBCHAT}/sessions", json=vouched), 404, "not_found")
    # a customer's token that mixes account and channel finds nothing either
    mixed = server.customer(fresh(), other.id, WEBCHAT)
    async with server.client(mixed) as client:
        assert (await client.post("/v1/webchat/messages", json={"content": "x"})).status_code in (401, 404)


async def test_the_same_customer_in_two_accounts_is_two(
    server: OwnServer, other: Account, service: Desk
) -> None:
    identifier = fresh()
    mine = await service.open(identifier)
    ok(await service.say(mine["id"], CANARY), 201)
    async with server.client(server.token("service", "s", other.id)) as client:
        theirs = ok(await client.post("/v1/conversations/find-or-create", json={
            "channel_id": other.channel, "contact_identifier": identifier}), 201)  # fmt: skip
    assert theirs["id"] != mine["id"] and theirs["contact_id"] != mine["contact_id"]
    async with server.client(server.customer(identifier, other.id, other.channel)) as customer:
        assert ok(await customer.get("/v1/webchat/messages"))["items"] == []


async def test_a_customer_on_a_socket_sees_and_says_no_more_than_on_http(
    server: OwnServer, service: Desk
) -> None:
    stranger = (await service.open())["id"]
    identifier = fresh()
    own = (await service.open(identifier))["id"]
    async with open_socket(server, server.customer(identifier)) as ws:
        chat = Chat(ws)
        for type, fields in MESSAGES.items():
            if fields is not None:
                answer = await chat.ask(type, **filled(fields, {"conversation": stranger}))
                assert answer["error"]["code"] in ("not_found", "forbidden"), (type, answer)
        answer = await chat.ask("message:send", conversation_id=own, content="x", is_private=True)
        assert answer["error"]["code"] in ("forbidden", "invalid")
        sent = await chat.ask("message:send", conversation_id=own, content="x")
        assert (sent["data"]["sender_type"], sent["data"]["seq"]) == ("contact", 1)
        for topic in ("account", "user"):
            assert (await chat.ask("subscribe", topics=[topic]))["error"]["code"] == "forbidden"


async def test_streams_of_two_accounts_side_by_side(server: OwnServer, other: Account, service: Desk) -> None:
    async with (
        WsReader(server, server.token("admin", "b", other.id)) as theirs,
        WsReader(server, server.token("admin", "a")) as mine,
        server.client(server.token("service", "s", other.id)) as client,
    ):
        a, b = await service.open(), await Desk(client).open(channel=other.channel)
        await asyncio.gather(
            *(service.say(a["id"], f"{CANARY}-a") for _ in range(50)),
            *(Desk(client).say(b["id"], f"{CANARY}-b") for _ in range(50)),
        )
        await theirs.until(lambda: len(theirs.entries()) == 50, "account B's messages")
        await mine.until(lambda: mine.numbers().get(a["id"], [0])[-1] == 50, "account A's messages")
        assert {e["data"]["content"] for e in theirs.entries()} == {f"{CANARY}-b"}
        assert f"{CANARY}-b" not in json.dumps(mine.events)


assert set(ROLES) == ALL
