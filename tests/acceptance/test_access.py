"""Who may do what, on every route of the route table; and that no byte crosses accounts.

Driven by `tertulia.http.routes.ALL`: a route added there is tested here once it has a row in `examples.py`.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import httpx
import httpx_sse
import jwt
import pytest
import websockets
from desks import Account, Desk, fresh, make_room, ok, problem
from examples import ALL, MESSAGES, ROLES, ROUTES, Example, filled
from readers import READERS, Chat, SseReader, WsReader, open_socket
from serving import OwnServer, until

from tertulia.demo import ACCOUNT, WEBCHAT
from tertulia.http.routes import ALL as TABLE
from tertulia.http.streams.messages import MESSAGES as SPOKEN

KEYS = [f"{route.method} {route.path}" for route in TABLE]
KNOWN = [key for key in KEYS if key in ROUTES]
STREAMS = {f"{route.method} {route.path}" for route in TABLE if route.stream}
CANARY = "canary-7f3a"
_numbers = itertools.count(1)


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
    body: dict | None
    headers: Mapping[str, str] = MappingProxyType({})

    @property
    def socket(self) -> bool:
        return self.url.startswith("/v1/ws")


def request_for(key: str, objects: dict[str, str]) -> Request:
    method, path = key.split(" ")
    example = ROUTES[key]
    for name, value in example.names.items():
        path = path.replace("{" + name + "}", filled(value, objects))
    url = path + (f"?{filled(example.query, objects)}" if example.query else "")
    return Request(method, url, filled(example.body, objects), example.headers)


async def call(server: OwnServer, client: httpx.AsyncClient, request: Request) -> tuple[int, str]:
    """Status and text. A stream that opens is closed again after its first event."""
    if request.socket:
        authorization = client.headers.get("Authorization")
        headers = {"Authorization": authorization} if authorization else {}
        query = request.url.partition("?")[2]
        try:
            async with open_socket(server, None, query, additional_headers=headers) as ws:
                return 101, str(await ws.recv())
        except websockets.InvalidStatus as error:
            return error.response.status_code, (error.response.body or b"").decode()
    if "GET " + request.url.partition("?")[0] in STREAMS:
        async with httpx_sse.aconnect_sse(client, request.method, request.url) as source:
            if source.response.status_code == 200:
                return 200, (await anext(source.aiter_sse())).data
            return source.response.status_code, (await source.response.aread()).decode()
    body = {"json": request.body} if request.body is not None else {}
    answer = await client.request(request.method, request.url, headers=request.headers, **body)
    return answer.status_code, answer.text + str(answer.headers)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("key", KNOWN)
async def test_who_may(server: OwnServer, service: Desk, key: str, role: str) -> None:
    example = ROUTES[key]
    identifier = fresh()
    objects = {"conversation": (await service.open(identifier))["id"], "channel": WEBCHAT, "fresh": fresh()}
    objects |= await more_objects(server, fresh(), example, objects["conversation"])
    token = server.customer(identifier) if role == "customer" else server.token(role, f"{role}-1")
    async with server.client(token) as client:
        status, text = await call(server, client, request_for(key, objects))
    if example.roles is None or role in example.roles:
        assert status not in (400, 401, 403, 404, 405, 415, 422) and status < 500, text
    else:
        assert status == 403 and '"forbidden"' in text, text


async def more_objects(
    server: OwnServer, name: str, example: Example | None = None, conversation: str | None = None
) -> dict[str, str]:
    """Ids of the demo account's other objects, made under `name`: all kinds, or those that `example` speaks of. The
    attachment is in a message of `conversation`, where that is given."""
    wanted = "" if example is None else f"{dict(example.names)} {example.body} {example.query}"
    made: dict[str, str] = {}

    async def make(path: str, body: dict, **ids: str) -> None:
        if example is None or any("{" + name + "}" in wanted for name in ids.values()):
            answer = ok(await admin.post(path, json=body), 201)
            made.update({name: answer[field] for field, name in ids.items()})

    async with server.client(server.token("admin", "maker")) as admin:
        await make("/v1/contacts", {"name": name}, id="contact")
        await make("/v1/contacts", {"name": name}, id="second_contact")
        owner = made.get("contact") or ok(await admin.post("/v1/contacts", json={"name": name}), 201)["id"]
        identifier = {"contact_id": owner, "channel_type": "telegram", "identifier": fresh()}
        await make("/v1/contact-identifiers", identifier | {"display_name": name}, id="identifier")
        await make("/v1/channels", {"type": "webchat", "name": name}, id="own_channel")
        if example is None or "{failed_message}" in wanted:
            made["failed_message"] = await failed_message(admin, name)
        await make("/v1/api-clients", {"name": name}, client_id="client", client_secret="client_secret")
        bot = {"type": "telegram", "name": name, "credentials": {"secret_token": "bot-secret"}}
        await make("/v1/channels", bot, id="bot")
        whatsapp = {"type": "whatsapp", "name": name, "credentials": {"verify_token": "knock"}}
        await make("/v1/channels", whatsapp, id="whatsapp")
        if example is None or "{inbound_failure}" in wanted:
            made["inbound_failure"] = await _inbound_failure(admin, bot, name)
        texts = {"title": name, "content": name, "category": name}
        await make("/v1/canned-responses", {"short_code": f"/{fresh(name)}"} | texts, id="canned")
        rule = {
            "name": name,
            "trigger_type": "keyword",
            "conditions": {"keywords": [name]},
            "is_active": False,
        }
        await make("/v1/bot-rules", rule, id="bot_rule")
        await make("/v1/teams", {"name": fresh(name), "description": name}, id="team")
        if example is None or "{member}" in wanted:
            team = (
                made.get("team") or ok(await admin.post("/v1/teams", json={"name": fresh(name)}), 201)["id"]
            )
            await make(f"/v1/teams/{team}/members", {"user_id": fresh(name)}, user_id="member")
        await make(f"/v1/attachments?name={name}.json", {"name": name}, id="attachment")
        if conversation is not None and "attachment" in made:
            url = f"/v1/attachments/{made['attachment']}"
            ok(await Desk(admin).say(conversation, "look", attachments=[{"url": url}]), 201)
        if example is None or "{event_webhook}" in wanted:
            made |= await event_webhook(server, admin, name)
    return made


async def _inbound_failure(admin: httpx.AsyncClient, bot: dict, name: str) -> str:
    """The id of a payload that was set aside, with `name` in it."""
    channel = ok(await admin.post("/v1/channels", json=bot), 201)["id"]
    secret = {"X-Telegram-Bot-Api-Secret-Token": "bot-secret"}
    ok(await admin.post(f"/v1/webhooks/telegram/{channel}", content=f"{{{name}", headers=secret), 200)
    (failure,) = ok(await admin.get("/v1/inbound-failures", params={"channel_id": channel}))["items"]
    return failure["id"]


async def event_webhook(server: OwnServer, admin: httpx.AsyncClient, name: str) -> dict[str, str]:
    """An event webhook, the account's only one (an account may have so many), and a delivery to it."""
    await server.sql("DELETE FROM event_webhooks WHERE account_id = $1", ACCOUNT)
    body = {"url": "http://127.0.0.1:9/in", "description": name}
    webhook = ok(await admin.post("/v1/event-webhooks", json=body), 201)["id"]
    (row,) = await server.sql(
        "INSERT INTO event_deliveries (id, account_id, webhook_id, event_id, event_type, payload, status,"
        " response_excerpt) VALUES (gen_random_uuid(), $1, $2, 'evt_1', 'conversation:message', $3, 'failed', $4)"
        " RETURNING id::text", ACCOUNT, webhook, json.dumps({"content": name}).encode(), name,
    )  # fmt: skip
    return {"event_webhook": webhook, "event_delivery": row[0]}


async def failed_message(admin: httpx.AsyncClient, name: str) -> str:
    """A message that cannot be delivered: its channel has no credentials."""
    channel = ok(await admin.post("/v1/channels", json={"type": "sms", "name": name}), 201)["id"]
    opening = {
        "channel_id": channel,
        "contact_identifier": f"+49170{next(_numbers):07}",
        "contact_name": name,
    }
    conversation = ok(await admin.post("/v1/conversations", json=opening), 201)["id"]
    path = f"/v1/conversations/{conversation}/messages"
    message = ok(await admin.post(path, json={"content": name}), 201)
    assert message["delivery_status"] == "queued"

    async def failed() -> bool:
        return ok(await admin.get(f"/v1/deliveries/{message['id']}"), 200)["status"] == "failed"

    await until(failed, "the message to fail")
    return message["id"]


@pytest.mark.parametrize("key", KNOWN)
async def test_without_a_good_token(server: OwnServer, service: Desk, key: str) -> None:
    objects = {"conversation": (await service.open())["id"], "channel": WEBCHAT, "fresh": fresh()}
    objects |= await more_objects(server, fresh(), ROUTES[key])
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
    for what, token in bad.items():
        async with server.client(token) as client:
            status, text = await call(server, client, request)
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
    async with server.client(token) as client:
        for key in KNOWN:
            example = ROUTES[key]
            status, text = await call(server, client, request_for(key, theirs.objects))
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
            assert event["type"] in ("ready", "reset"), event
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
