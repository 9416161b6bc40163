"""Socket.IO with the real client from npm, against all three namespaces and two gateways."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
import websockets
from desks import Account, Desk, fresh, fresh_phone, make_room, ok
from jsonschema import Draft7Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7
from serving import OwnServer
from socketio_driver import Driver, Socket, driver

from tertulia.serving.demo import ACCOUNT

TENANT = {"X-Tenant-Id": ACCOUNT}
ONLINE: set[tuple[str, str]] = set()
"""Roles and users whom this test brought online."""


@pytest.fixture
async def node(server: OwnServer) -> AsyncIterator[Driver]:
    """The driver; what its sockets were told is held against the AsyncAPI document afterwards."""
    async with driver() as made:
        yield made
        async with server.client() as client:
            document = ok(await client.get("/asyncapi.json"), 200)
        for socket in made.sockets:
            if socket.of("connect"):  # older clients never do
                check_events(document, socket)


def check_events(document: dict[str, Any], socket: Socket) -> None:
    """Every event and acknowledgement is one that the document has for its namespace, with such a payload."""
    registry = Registry().with_resource("urn:doc", Resource(document, DRAFT7))
    (channel,) = (
        c
        for key, c in document["channels"].items()
        if key.startswith("socketIo") and c["address"] == socket.namespace
    )
    messages = document["components"]["messages"]
    for event in socket.events:
        if event["event"] in ("connect", "disconnect", "connect_error"):
            continue
        named = ("ack", "error") if event["event"] == "ack" else (event["event"],)
        known = [n for n in channel["messages"] if messages[n]["name"] in named and not n.endswith("Request")]
        assert known, f"{socket.namespace} does not know {event}"
        schemas = [{"$ref": f"urn:doc#/components/schemas/{name}"} for name in known]
        faults = [
            [e.message for e in Draft7Validator(schema, registry=registry).iter_errors(event["data"])]
            for schema in schemas
        ]
        assert not all(faults), (socket.namespace, event, faults[0])


async def ready(socket: Socket) -> Socket:
    await socket.until("connect")
    return socket


async def agents(node: Driver, server: OwnServer, user: str = "sio-agent", role: str = "agent") -> Socket:
    ONLINE.add((role, user))
    socket = node.open(server.url, "/agents", {"token": server.token(role, user)})
    await socket.until("ready")
    return socket


@pytest.fixture(autouse=True)
async def offline(server: OwnServer) -> AsyncIterator[None]:
    """Whom a test brought online goes: the server would assign others' conversations to them."""
    yield
    while ONLINE:
        role, user = ONLINE.pop()
        async with server.client(server.token(role, user)) as client:
            await client.put("/v1/agents/me/presence", json={"status": "offline"})


async def crm_open(server: OwnServer, **fields: str) -> dict:
    async with server.client() as client:
        body = {"customer_phone": fresh_phone(), **fields}
        return ok(await client.post("/crm/api/v1/conversations", json=body, headers=TENANT), 201)


async def crm_say(server: OwnServer, conversation: str, content: str, sender: str = "customer") -> dict:
    async with server.client() as client:
        body = {"conversation_id": conversation, "sender_type": sender, "content": content}
        return ok(await client.post("/crm/api/v1/messages", json=body, headers=TENANT), 201)


_MESSAGES: dict[str, dict[str, Any]] = {
    "conversation:join": {},
    "message:send": {"content": "forged"},
    "conversation:typing:start": {},
    "conversation:typing:stop": {},
}
FORGED = {
    "/": {"conversation:join": {"since": "1"}, "agent:takeover": {"agent_id": "x"}},
    "/agents": _MESSAGES,
    "/customers": _MESSAGES,
}
"""By namespace: what a client asks of a conversation, with the fields beside its id."""


# -- the CRM's namespace


async def test_join_tenant_room(node: Driver, server: OwnServer) -> None:
    """`conversation:new` and everything else of the tenant, in the CRM's shapes."""
    socket = await ready(node.open(server.url, "/"))
    assert await socket.ask("tenant:join", {"tenant_id": ACCOUNT}) == {
        "type": "ack",
        "data": {"tenant_id": ACCOUNT},
    }
    c = await crm_open(server, customer_name="John Doe")
    new = await socket.until(lambda e: e["event"] == "conversation:new" and e["data"]["id"] == c["id"])
    assert new["data"] == c
    made = await crm_say(server, c["id"], "I want to speak to a human")
    said = await socket.until(
        lambda e: e["event"] == "conversation:message" and e["data"]["conversation_id"] == c["id"]
    )
    assert said["data"] == made["message"]
    handoff = await socket.until(
        lambda e: e["event"] == "conversation:handoff" and e["data"]["conversation_id"] == c["id"]
    )
    assert handoff["data"]["reason"] == "Customer requested human agent (keyword: 'speak to human')"


async def test_conversation_room_status_and_takeover(node: Driver, server: OwnServer) -> None:
    async with server.client(server.token("agent", "sio-taker")) as agent:
        await make_room(agent)
    c, other = await crm_open(server), await crm_open(server)
    socket = await ready(node.open(server.url, "/"))
    joined = await socket.ask("conversation:join", {"conversation_id": c["id"]})
    assert joined == {"type": "ack", "data": {"conversation_id": c["id"]}}
    await crm_say(server, other["id"], "not for this room")
    await crm_say(server, c["id"], "hello")
    said = await socket.until("conversation:message")
    assert said["data"]["content"] == "hello" and len(socket.of("conversation:message")) == 1
    taken = await socket.ask("agent:takeover", {"conversation_id": c["id"], "agent_id": "sio-taker"})
    assert taken["data"]["handoff_agent_id"] == "sio-taker", taken
    assigned = await socket.until("agent:assigned")
    assert assigned["data"]["agent_id"] == "sio-taker" and assigned["data"]["conversation_id"] == c["id"]
    status = await socket.until("conversation:status")
    assert status["data"] == {"conversation_id": c["id"], "status": "handed_off"}
    await socket.ask("conversation:leave", {"conversation_id": c["id"]})
    await crm_say(server, c["id"], "unheard")
    await socket.ask("conversation:join", {"conversation_id": other["id"]})
    await crm_say(server, other["id"], "heard")
    await socket.until(lambda e: e["event"] == "conversation:message" and e["data"]["content"] == "heard")
    assert "unheard" not in [e["data"]["content"] for e in socket.of("conversation:message")]


@pytest.mark.parametrize("first", ["active", "handed_off", "resolved"])
@pytest.mark.parametrize("wanted", ["active", "handed_off", "resolved", "expired"])
async def test_status_change(node: Driver, server: OwnServer, first: str, wanted: str) -> None:
    """`conversation:status` tells of each status that the REST API's answer has, the handoff's too."""
    c = await crm_open(server)
    socket = await ready(node.open(server.url, "/"))
    await socket.ask("conversation:join", {"conversation_id": c["id"]})
    path = f"/crm/api/v1/conversations/{c['id']}/status"
    async with server.client() as client:
        for status in (first, wanted):
            ok(await client.put(path, json={"status": status}, headers=TENANT), 200)
    changes = [status for before, status in (("active", first), (first, wanted)) if status != before]

    def told() -> list[str]:
        return [e["data"]["status"] for e in socket.of("conversation:status")]

    await socket.until(lambda _: not changes or told()[-1:] == changes[-1:])
    assert set(changes) <= set(told()), socket.events


@pytest.mark.parametrize("joins", ["tenant", "conversation"])
async def test_what_was_missed_comes_with_the_return_to_a_room(
    node: Driver, server: OwnServer, joins: str
) -> None:
    """The document's client says nothing in its handshake, and joins its rooms again whenever it is connected."""
    c = await crm_open(server)
    socket = await ready(node.open(server.url, "/"))
    room = {"tenant": {"tenant_id": ACCOUNT}, "conversation": {"conversation_id": c["id"]}}[joins]
    mine = lambda e: e["event"] == "conversation:message" and e["data"]["conversation_id"] == c["id"]  # noqa: E731
    await socket.ask(f"{joins}:join", room)
    await crm_say(server, c["id"], "first")
    await socket.until(mine)
    socket.do("cut")
    await socket.until("disconnect")
    await crm_say(server, c["id"], "second")
    await socket.until("connect", 2)
    await socket.ask(f"{joins}:join", room)
    await crm_say(server, c["id"], "third")
    await socket.until(mine, 3)
    assert [e["data"]["content"] for e in socket.events if mine(e)] == ["first", "second", "third"]


@pytest.mark.parametrize("proof", ["token", "tenant"])
async def test_a_conversation_is_followed_under_the_id_it_had_in_the_crm(
    node: Driver, server: OwnServer, proof: str
) -> None:
    c, old = await crm_open(server), str(uuid4())
    await server.sql(
        "INSERT INTO conversation_sessions (account_id, session_id, conversation_id) VALUES ($1, $2, $3)",
        ACCOUNT, old, c["id"],
    )  # fmt: skip
    socket = await ready(
        node.open(server.url, "/", {"token": server.token("service", "s")} if proof == "token" else None)
    )
    if proof == "tenant":
        await socket.ask("tenant:join", {"tenant_id": ACCOUNT})
    joined = await socket.ask("conversation:join", {"conversation_id": old})
    assert joined["data"] == {"conversation_id": c["id"]}
    await crm_say(server, old, "hello")
    assert (await socket.until("conversation:message"))["data"]["conversation_id"] == c["id"]
    unknown = await socket.ask("conversation:join", {"conversation_id": str(uuid4())})
    assert unknown["error"]["code"] == "not_found"


@pytest.mark.parametrize("namespace", ["/", "/agents", "/customers"])
async def test_what_an_event_carries_is_checked(
    node: Driver, server: OwnServer, service: Desk, namespace: str
) -> None:
    identifier = fresh()
    c = await service.open(identifier) if namespace == "/customers" else await crm_open(server)
    token = {"/agents": server.token("agent", "sio-odd"), "/customers": server.customer(identifier)}
    socket = await ready(node.open(server.url, namespace, {"token": token.get(namespace)}))
    no = "00000000-0000-4000-8000-000000000000"
    rows: list[tuple[str, Any, str, str | None]] = [
        ("conversation:join", {}, "invalid", "conversation_id"),
        ("conversation:join", {"conversation_id": 5}, "invalid", "conversation_id"),
        ("conversation:join", {"conversation_id": None}, "invalid", "conversation_id"),
        ("conversation:join", {"conversation_id": c["id"], "since": 5}, "invalid", "since"),
        ("conversation:join", {"conversation_id": c["id"], "since": ["x"]}, "invalid", "since"),
        ("conversation:join", {"conversation_id": "x"}, "not_found", None),
        ("conversation:join", {"conversation_id": no}, "not_found", None),
        ("conversation:join", c["id"], "invalid", None),
        ("conversation:join", [c["id"]], "invalid", None),
        ("nothing:known", {}, "not_found", None),
    ]
    rows += [
        ("tenant:join", {}, "invalid", "tenant_id"),
        ("tenant:join", {"tenant_id": "x"}, "invalid", "tenant_id"),
        ("tenant:join", {"tenant_id": no}, "not_found", None),
        ("agent:takeover", {"conversation_id": c["id"]}, "invalid", "agent_id"),
        ("agent:takeover", {"conversation_id": c["id"], "agent_id": ""}, "invalid", "agent_id"),
        ("agent:takeover", {"conversation_id": c["id"], "agent_id": "<x>"}, "invalid", "agent_id"),
        ("agent:takeover", {"conversation_id": no, "agent_id": "x"}, "not_found", None),
    ] if namespace == "/" else [
        ("agent:status", {}, "invalid", "status"),
        ("agent:status", {"status": "busy"}, "invalid", "status"),
        ("conversation:typing:start", {}, "invalid", "conversation_id"),
        ("conversation:typing:start", {"conversation_id": no}, "not_found", None),
        ("message:send", {"conversation_id": c["id"]}, "invalid", "content"),
        ("message:send", {"conversation_id": c["id"], "content": 5}, "invalid", "content"),
        ("message:send", {"conversation_id": no, "content": "x"}, "not_found", None),
    ]  # fmt: skip
    for event, data, code, path in rows:
        error = (await socket.ask(event, data))["error"]
        assert (error["code"], [e["path"] for e in error.get("errors", [])]) == (
            code,
            [path] if path else [],
        ), data
    assert [e["data"]["code"] for e in socket.of("error")] == [code for _, _, code, _ in rows]


@pytest.mark.parametrize("namespace", ["/", "/agents"])
async def test_a_room_is_the_same_however_often_and_in_which_letters_it_is_joined(
    node: Driver, server: OwnServer, namespace: str
) -> None:
    c = await crm_open(server)
    socket = (
        (await agents(node, server, "sio-twice"))
        if namespace == "/agents"
        else await ready(node.open(server.url, "/"))
    )
    room = {"type": "ack", "data": {"conversation_id": c["id"]}}
    for id in (c["id"], c["id"], c["id"].upper()):
        assert await socket.ask("conversation:join", {"conversation_id": id}) == room
    await crm_say(server, c["id"], "joined")
    await socket.until("conversation:message")
    await socket.ask("conversation:leave", {"conversation_id": c["id"].upper()})
    await crm_say(server, c["id"], "left")
    await socket.ask("conversation:join", {"conversation_id": c["id"]})
    await crm_say(server, c["id"], "joined again")
    await socket.until("conversation:message", 2)
    assert [e["data"]["content"] for e in socket.of("conversation:message")] == ["joined", "joined again"]


async def test_forged_rooms(node: Driver, server: OwnServer, other: Account) -> None:
    c = await crm_open(server)
    theirs = await ready(node.open(server.url, "/", {"token": server.token("service", "s", other.id)}))
    forged = await theirs.ask("tenant:join", {"tenant_id": ACCOUNT})
    assert forged["error"]["code"] == "forbidden"
    assert (await theirs.until("error"))["data"]["event"] == "tenant:join"
    for event in ("conversation:join", "agent:takeover"):
        refused = await theirs.ask(event, {"conversation_id": c["id"], "agent_id": "x"})
        assert refused["error"]["code"] == "not_found", refused
    assert (await theirs.ask("tenant:join", {"tenant_id": 7}))["error"]["code"] == "invalid"
    assert (await theirs.ask("tenant:drop", {}))["error"]["code"] == "not_found"
    mixed = node.open(
        server.url, "/", {"token": server.token("service", "s", other.id), "account_id": ACCOUNT}
    )
    assert (await mixed.until("connect_error"))["more"]["code"] == "forbidden"
    agents_of_other = node.open(server.url, "/agents", {"token": server.token("agent", "x", other.id)})
    await agents_of_other.until("ready")
    assert (await agents_of_other.ask("conversation:join", {"conversation_id": c["id"]}))["error"][
        "code"
    ] == "not_found"
    await crm_say(server, c["id"], "ours")
    await agents_of_other.ask("ping")
    assert not theirs.of("conversation:message") and not agents_of_other.of("conversation:message")


@pytest.mark.parametrize("namespace", ["/", "/agents", "/customers"])
async def test_a_token_of_another_tenant_opens_nothing_here(
    node: Driver, server: OwnServer, service: Desk, other: Account, namespace: str
) -> None:
    """Not the account that the handshake names beside it, and none of its conversations, whatever is asked."""
    identifier = fresh()
    c = await service.open(identifier)
    token = (
        server.customer(identifier, other.id, other.channel)
        if namespace == "/customers"
        else server.token("agent", "x", other.id)
    )
    mixed = node.open(server.url, namespace, {"token": token, "account_id": ACCOUNT})
    assert (await mixed.until("connect_error"))["more"] == {"code": "forbidden"}
    theirs = await ready(node.open(server.url, namespace, {"token": token}))
    for event, fields in FORGED[namespace].items():
        refused = await theirs.ask(event, {"conversation_id": c["id"]} | fields)
        assert refused["error"]["code"] == "not_found", (event, refused)
    await service.say(c["id"], "ours", sender_type="contact")
    await theirs.ask("nothing:known")  # after what was said
    assert [e["event"] for e in theirs.events if "conversation" in e["event"]] == []
    said = ok(await service.http.get(f"/v1/conversations/{c['id']}/messages"), 200)["items"]
    assert [m["content"] for m in said] == ["ours"]


# -- the omnichannel contract's


@pytest.mark.parametrize("namespace", ["/agents", "/customers"])
async def test_auth_middleware(node: Driver, server: OwnServer, namespace: str) -> None:
    for auth, code in (
        (None, "unauthenticated"),
        ({"token": "nonsense"}, "unauthenticated"),
        ({"token": 7}, "malformed"),
        ({"token": server.token("agent"), "account_id": "x"}, "malformed"),
        ({"token": server.token("agent", life=-3600)}, "unauthenticated"),
    ):
        refused = await node.open(server.url, namespace, auth).until("connect_error")
        assert refused["more"] == {"code": code}, refused
    wrong = server.customer(fresh()) if namespace == "/agents" else server.token()
    assert (await node.open(server.url, namespace, {"token": wrong}).until("connect_error"))["more"] == {
        "code": "forbidden"
    }


async def test_a_namespace_that_does_not_exist_is_refused_in_so_many_words(
    node: Driver, server: OwnServer
) -> None:
    refused = await node.open(server.url, "/nothing", {"token": server.token()}).until("connect_error")
    assert (refused["data"], refused.get("more")) == ("Invalid namespace", None)


async def test_agents_events_and_rooms(node: Driver, server: OwnServer, service: Desk) -> None:
    user = fresh("sio")
    async with server.client(server.token("agent", user)) as client:
        await make_room(client)
        one, two = await agents(node, server, user), await agents(node, server, "sio-watcher", "lead")
        assert (await one.ask("agent:status", {"status": "online"}))["data"] == {"status": "online"}
        presence = await two.until(lambda e: e["event"] == "agent:presence" and e["data"]["user_id"] == user)
        assert presence["data"]["status"] == "online"
        c = await service.open(contact_name="Marta")
        new = await two.until(lambda e: e["event"] == "conversation:new" and e["data"]["id"] == c["id"])
        assert new["data"]["contact_name"] == "Marta" and new["data"]["conversation_id"] == c["id"]
        await service.say(c["id"], "to the inbox", sender_type="contact")
        joined = await one.ask("conversation:join", {"conversation_id": c["id"]})
        assert joined["data"] == {"conversation_id": c["id"]}
        ok(await service.do(c["id"], "assign", agent_id=user), 200)
        notice = await one.until(
            lambda e: e["event"] == "notification:assignment" and e["data"]["id"] == c["id"]
        )
        assert notice["data"]["conversation_id"] == c["id"]
        for field, value in (("assignee_id", user), ("status", "assigned")):
            await two.until(
                lambda e, field=field, value=value: (
                    e["event"] == "conversation:updated"
                    and e["data"]["conversation_id"] == c["id"]
                    and e["data"].get(field) == value
                )
            )
        sent = await one.ask("message:send", {"conversation_id": c["id"], "content": "hi there"})
        assert sent["data"]["sender_type"] == "agent"
        got = await one.until(
            lambda e: e["event"] == "conversation:message" and e["data"]["content"] == "hi there"
        )
        assert got["data"]["conversation_id"] == c["id"] and isinstance(got["id"], str)
        await two.ask("conversation:join", {"conversation_id": c["id"]})
        await one.ask("conversation:typing:start", {"conversation_id": c["id"]})
        typing = await two.until(lambda e: e["event"] == "conversation:typing")
        assert (typing["data"]["user_id"], typing["data"]["state"]) == (user, "start")
        await one.ask("conversation:typing:stop", {"conversation_id": c["id"]})
        await two.until(lambda e: e["event"] == "conversation:typing" and e["data"]["state"] == "stop")
        # a message goes to those in the conversation's room alone
        assert "to the inbox" not in [e["data"]["content"] for e in two.of("conversation:message")]


async def test_customers_see_their_own_conversation(node: Driver, server: OwnServer, service: Desk) -> None:
    identifier = fresh()
    socket = node.open(server.url, "/customers", {"token": server.customer(identifier)})
    await socket.until("ready")
    mine, stranger = await service.open(identifier), await service.open()
    refused = await socket.ask("conversation:join", {"conversation_id": stranger["id"]})
    assert refused["error"]["code"] == "not_found"
    await service.say(mine["id"], "between us", is_private=True)
    await service.say(stranger["id"], "not yours")
    await service.say(mine["id"], "hello", sender_type="agent")
    said = await socket.until("conversation:message")
    assert said["data"]["content"] == "hello" and "metadata" not in said["data"].get("explain", {})
    sent = await socket.ask("message:send", {"conversation_id": mine["id"], "content": "thanks"})
    assert sent["data"]["sender_type"] == "contact"
    assert (await socket.ask("agent:status", {"status": "online"}))["error"]["code"] == "forbidden"


@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_a_client_of_socketio_2_is_told_why(node: Driver, server: OwnServer, transport: str) -> None:
    socket = node.open(server.url, "/", version=2, transports=[transport], reconnection=False)
    assert "EIO=4" in (await socket.until("error"))["data"]


async def test_what_a_customer_missed_comes_with_the_return(
    node: Driver, server: OwnServer, service: Desk
) -> None:
    """Without joining a room; and joining one repeats nothing."""
    identifier = fresh()
    socket = node.open(server.url, "/customers", {"token": server.customer(identifier)})
    await socket.until("ready")
    c = await service.open(identifier)
    await service.say(c["id"], "first", sender_type="agent")
    await socket.until("conversation:message")
    socket.do("cut")
    await socket.until("disconnect")
    await service.say(c["id"], "second", sender_type="agent")
    await service.say(c["id"], "a note", is_private=True)
    await socket.until("connect", 2)
    await socket.until("conversation:message", 2)
    await socket.ask("conversation:join", {"conversation_id": c["id"].upper()})
    await service.say(c["id"], "third", sender_type="agent")
    await socket.until("conversation:message", 3)
    assert [e["data"]["content"] for e in socket.of("conversation:message")] == ["first", "second", "third"]


async def test_what_was_missed_comes_with_the_return(node: Driver, server: OwnServer, service: Desk) -> None:
    socket = await agents(node, server, "sio-away")
    c = await service.open()
    await socket.ask("conversation:join", {"conversation_id": c["id"]})
    await service.say(c["id"], "first", sender_type="contact")
    await socket.until("conversation:message")
    socket.do("cut")
    await socket.until("disconnect")
    await service.say(c["id"], "second", sender_type="contact")
    ok(await service.patch(c["id"], priority="high"), 200)
    await socket.until("connect", 2)
    missed = await socket.until(
        lambda e: e["event"] == "conversation:updated" and e["data"].get("priority") == "high"
    )
    assert missed["data"]["conversation_id"] == c["id"]
    await socket.ask("conversation:join", {"conversation_id": c["id"]})
    await socket.until(lambda e: e["event"] == "conversation:message" and e["data"]["content"] == "second")
    assert [e["data"]["content"] for e in socket.of("conversation:message")] == ["first", "second"]


async def test_a_deleted_api_client_is_cut_off(node: Driver, server: OwnServer) -> None:
    async with server.client(server.token("admin", "maker")) as admin:
        made = ok(await admin.post("/v1/api-clients", json={"name": "sio"}), 201)
        grant = {"grant_type": "client_credentials"} | {k: made[k] for k in ("client_id", "client_secret")}
        token = ok(await admin.post("/v1/auth/token", json=grant), 200)["access_token"]
        socket = node.open(server.url, "/agents", {"token": token})
        await socket.until("ready")
        ok(await admin.delete(f"/v1/api-clients/{made['client_id']}"), 204)
    assert (await socket.until("disconnect"))["data"] == "io server disconnect"
    assert (await socket.until("error"))["data"]["code"] == "unauthenticated"


@pytest.mark.parametrize("namespace", ["/", "/agents", "/customers"])
async def test_oversized_and_binary_packets_end_the_connection(
    node: Driver, server: OwnServer, namespace: str
) -> None:
    token = server.customer(fresh()) if namespace == "/customers" else server.token("service", "sio-large")
    socket = node.open(server.url, namespace, {"token": token})
    await socket.until("connect")
    socket.do("emit", event="ping", data={"x": "y" * 600_000})
    await socket.until("disconnect")
    await socket.until("connect", 2)
    joins = {"/": ("tenant:join", {"tenant_id": ACCOUNT})}
    assert (await socket.ask(*joins.get(namespace, ("ping", None))))["type"] == "ack"


async def test_a_reader_that_takes_nothing_is_cut_off_and_harms_nobody(
    node: Driver, server: OwnServer, service: Desk
) -> None:
    c = await service.open()
    room = {"conversation_id": c["id"]}
    fast = await agents(node, server, "sio-fast", "lead")
    await fast.ask("conversation:join", room)
    joining = f'40/agents,{{"token":"{server.token("lead", "sio-slow")}"}}'
    url = f"{server.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket"
    async with websockets.connect(url, proxy=None, max_queue=1) as slow:
        await slow.recv()
        await slow.send(joining)
        while not str(await slow.recv()).startswith('42/agents,["ready"'):
            pass
        await slow.send(f'42/agents,["conversation:join",{json.dumps(room)}]')
        big = "x" * 60_000
        for number in range(15):
            said = (service.say(c["id"], f"{number}.{n} {big}", sender_type="contact") for n in range(10))
            for answer in await asyncio.gather(*said):
                ok(answer, 201)
        mine = lambda e: e["event"] == "conversation:message" and e["data"]["conversation_id"] == c["id"]  # noqa: E731
        await fast.until(mine, 150)
        with pytest.raises(websockets.ConnectionClosed):
            while True:
                await asyncio.wait_for(slow.recv(), 30)
    assert len(fast.of("connect")) == 1


async def test_pages_of_other_origins_are_refused(node: Driver, server: OwnServer) -> None:
    token = server.token("service", "s")
    evil = {"extraHeaders": {"Origin": "http://evil.example"}}
    socket = node.open(server.url, "/agents", {"token": token}, **evil)
    await socket.until("connect_error")
    async with server.client() as client:
        answer = await client.get(
            "/socket.io/?EIO=4&transport=polling", headers={"Origin": "http://evil.example"}
        )
        assert answer.status_code == 403
        unknown = await client.get("/socket.io/?EIO=4&transport=polling&sid=forged")
        assert unknown.status_code == 400


BROKEN = (
    "4",
    "42",
    '42["x"',
    "4" + "[" * 100_000,
    '451-["x",{"_placeholder":true,"num":0}]',
    "42[]",
    "42[5]",
    '42[{"conversation_id":"x"}]',
    '42{"0":"conversation:join"}',
    '42["disconnect"]',
    '42["connect",{"aiohttp.request":{}},{"token":"x"}]',
    '42/agents,1["connect"]',
    "4" + "2" * 100,
)


@pytest.mark.parametrize("packet", BROKEN, ids=range(len(BROKEN)))
async def test_a_broken_packet_ends_the_connection(server: OwnServer, packet: str) -> None:
    async with raw(server) as socket:
        assert str(await socket.recv()).startswith('0{"sid"')
        await socket.send(packet)
        with pytest.raises(websockets.ConnectionClosed):
            await asyncio.wait_for(socket.recv(), 10)


async def test_a_namespace_is_joined_once(server: OwnServer) -> None:
    """Or a second session would outlive the connection."""
    joining = f'40/agents,{{"token":"{server.token("service", "twice")}"}}'
    async with raw(server) as socket:
        await socket.send(joining)
        await socket.send(joining)
        with pytest.raises(websockets.ConnectionClosed):
            while True:
                await asyncio.wait_for(socket.recv(), 10)


def raw(server: OwnServer) -> websockets.connect:
    """A WebSocket below Socket.IO."""
    return websockets.connect(
        f"{server.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket", proxy=None
    )
