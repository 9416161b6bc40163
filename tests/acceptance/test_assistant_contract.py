"""The assistant runtime's API as its document describes it: a test for each endpoint, frame and kind of token."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID, uuid4

import httpx
import jwt
import pytest
import websockets
from assistants import BASE, Runtime, chunks, frames, runtime
from desks import Account, ok
from serving import PAGE, RUNTIME, OwnServer
from stage import Stage
from waiting import until

from tertulia.channels.double.models.state import Script, State
from tertulia.serving.demo import WEBCHAT

CONVERSATION = {"id", "title", "owner_id", "metadata_json", "created_at", "updated_at"}
MESSAGE = {"id", "conversation_id", "role", "content", "metadata_json", "created_at", "updated_at"}
AUTHENTICATED = {"type": "info", "message": "langflow_authenticated"}
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "x" * 22 + "==",
}


@pytest.fixture(autouse=True)
async def unlimited(server: OwnServer) -> AsyncIterator[None]:
    """Tests before these may have made as many model calls as the account has in a minute."""
    async with server.client(server.token("admin")) as admin:
        await set_assistance(admin, {"calls_per_minute": None})
        yield
        await set_assistance(admin, None)


async def set_assistance(admin: httpx.AsyncClient, settings: dict[str, Any] | None) -> None:
    """The tests before these may have used up the account's requests: a refusal that passes is not a failure here."""

    async def accepted() -> bool:
        answer = await admin.patch("/v1/account", json={"settings": {"assistance": settings}})
        if answer.status_code not in (429, 503):
            ok(answer, 200)
        return answer.status_code == 200

    await until(accepted, "the account's settings to be accepted")


@pytest.fixture
async def service(server: OwnServer) -> AsyncIterator[Runtime]:
    async with runtime(server, server.token("service", "service-1")) as made:
        yield made


@pytest.fixture
def flow(stage: Stage) -> Iterator[State]:
    """What the flow answers. Each test leaves it as it was."""
    yield stage.flow
    assert not stage.flow.scripts, "an answer was not asked for"


def token_of(kind: str, subject: str, **claims: Any) -> str:
    """A token of the users' or machines' own issuer."""
    now = int(time.time())
    given = {"iss": RUNTIME[f"CONVERSATION_SERVICE_{kind}_JWT_ISSUER"], "aud": "authenticated", "sub": subject, "iat": now, "exp": now + 600}  # fmt: skip
    return jwt.encode(
        given | claims, RUNTIME[f"CONVERSATION_SERVICE_{kind}_JWT_SECRET_KEY"], algorithm="HS256"
    )


# -- REST


async def test_health(server: OwnServer) -> None:
    async with server.client() as http:
        assert ok(await http.get(f"{BASE}/health"), 200) == {"status": "ok"}


async def test_create_and_get_a_conversation(service: Runtime) -> None:
    owner = str(uuid4())
    made = await service.create(title="Refund", owner_id=owner, metadata_json={"plan": "gold"})
    assert set(made) == CONVERSATION and UUID(made["id"])
    assert (made["title"], made["owner_id"], made["metadata_json"]) == ("Refund", owner, {"plan": "gold"})
    found = ok(await service.http.get(f"{BASE}/conversations/{made['id']}"), 200)
    assert found | {"updated_at": ""} == made | {"updated_at": ""}
    second = await service.create(owner_id=owner)
    assert second["id"] != made["id"] and second["title"] is None, "an owner may have several"
    nobodys = await service.create()
    assert (nobodys["owner_id"], nobodys["metadata_json"]) == (None, {})


async def test_what_is_wrong_is_named(service: Runtime) -> None:
    for body, field in (
        ({"owner_id": "1"}, "owner_id"),
        ({"title": 1}, "title"),
        ({"metadata_json": []}, "metadata_json"),
    ):
        answer = await service.http.post(f"{BASE}/conversations/", json=body)
        assert answer.status_code == 422 and field in answer.json()["detail"]
    made = await service.create()
    for body, field in (({"role": "robot", "content": "x"}, "role"), ({"role": "user"}, "content")):
        answer = await service.http.post(f"{BASE}/conversations/{made['id']}/messages", json=body)
        assert answer.status_code == 422 and field in answer.json()["detail"]
    for path in (f"/conversations/{uuid4()}", f"/conversations/{uuid4()}/messages", "/conversations/1"):
        answer = await service.http.get(BASE + path)
        assert answer.status_code == 404 and set(answer.json()) == {"detail"}


async def test_append_and_list_messages(service: Runtime) -> None:
    made = await service.create()
    system = await service.say(made["id"], "Be brief", "system")
    assert (
        set(system) == MESSAGE and system["conversation_id"] == made["id"] and system["metadata_json"] == {}
    )
    path = f"{BASE}/conversations/{made['id']}/messages"
    noted = {"role": "assistant", "content": "Hello", "metadata_json": {"tokens": 3}}
    assert ok(await service.http.post(path, json=noted), 201)["metadata_json"] == {"tokens": 3}
    assert await service.said(made["id"]) == [("system", "Be brief"), ("assistant", "Hello")]
    assert [m["content"] for m in ok(await service.http.get(path + "?limit=1"), 200)] == ["Hello"]


# -- WebSocket


async def test_websocket_streams_an_answer(service: Runtime, flow: State) -> None:
    made = await service.create()
    flow.scripts.append(Script(chunks=("It ", "left ", "today."), delay=0.01))
    async with (
        service.socket(made["id"]) as ws,
        service.socket(made["id"], f"token={service.token}") as other,
    ):
        note = await service.say(made["id"], "Be brief", "system")
        asked = await service.say(made["id"], "Where is my order?")
        found = await frames(ws)
        assert found == [
            {"type": "ack", "message_id": note["id"], "role": "system"},
            {"type": "ack", "message_id": asked["id"], "role": "user"},
            AUTHENTICATED,
            *chunks("It ", "left ", "today."),
            {"type": "complete"},
        ]
        assert await frames(other) == found, "each WebSocket gets them all"
        bot = await service.say(made["id"], "More?", "assistant")
        assert json.loads(await ws.recv()) == {"type": "ack", "message_id": bot["id"], "role": "assistant"}
    assert (await service.said(made["id"]))[-2] == ("assistant", "It left today.")
    asked_of_flow = next(a for a in reversed(flow.asked) if a.path.endswith("/run/helper"))
    assert asked_of_flow.body["input_value"] == "Where is my order?"
    assert asked_of_flow.body["session_id"] == made["id"]


async def test_websocket_answers_pings(service: Runtime) -> None:
    made = await service.create()
    async with service.socket(made["id"]) as ws, asyncio.timeout(10):
        await (await ws.ping())


async def test_websocket_needs_a_token_and_the_conversation(server: OwnServer, service: Runtime) -> None:
    made = await service.create()
    cases = ((None, made["id"], 401), ("no-token", made["id"], 401), (service.token, str(uuid4()), 404))
    async with server.client() as http:
        for token, id, status in cases:
            headers = {} if token is None else {"Authorization": f"Bearer {token}"}
            answer = await http.get(f"{BASE}/ws/conversations/{id}", headers=headers | UPGRADE)
            assert answer.status_code == status
        wrong = await http.get(f"{BASE}/ws/conversations/{made['id']}?token=no-token", headers=UPGRADE)
        assert wrong.status_code == 401


async def test_a_repeated_message_is_answered_once(service: Runtime, flow: State) -> None:
    made = await service.create()
    path = f"{BASE}/conversations/{made['id']}/messages"
    async with service.socket(made["id"]) as ws:
        first = await service.say(made["id"], "Once?", key="key-1")
        await frames(ws)
        again = await service.http.post(
            path, json={"role": "user", "content": "Once?"}, headers={"Idempotency-Key": "key-1"}
        )
        assert ok(again, 200) == first
        await service.say(made["id"], "Twice?")
        found = await frames(ws)
    assert [f["type"] for f in found].count("ack") == 1, "a repeated message has no effect"
    assert [role for role, _ in await service.said(made["id"])] == ["user", "assistant"] * 2


async def test_langflow_auth_failed(service: Runtime, flow: State) -> None:
    """The flow's server takes our token no more, and gives no other; later it does again."""
    made = await service.create()
    async with service.socket(made["id"]) as ws:
        await service.say(made["id"], "First?")
        await frames(ws)
        flow.auto_login, flow.token = False, "another"
        try:
            await service.say(made["id"], "Second?")
            assert (await frames(ws, "error"))[-1] == {"type": "error", "message": "refused"}
            await service.say(made["id"], "Third?")
            _, *rest = await frames(ws, "error")
            assert rest == [
                {"type": "warn", "message": "langflow_auth_failed"},
                {"type": "error", "message": "refused"},
            ]
        finally:
            flow.auto_login = True
        await service.say(made["id"], "Fourth?")
        _, *rest = await frames(ws)
    assert rest[0] == AUTHENTICATED and rest[-1] == {"type": "complete"}
    assert "".join(f.get("content", "") for f in rest) == "Second?\nThird?\nFourth?", (
        "what was not answered yet"
    )


# -- runs


async def test_one_run_at_a_time_and_cancel(service: Runtime, flow: State) -> None:
    """Messages that come during a run are answered by the next one, together. A cancelled run keeps what it has said."""
    made = await service.create()
    flow.scripts.extend((Script(kind="pause", chunks=("Let me ", "see")), Script(chunks=("Both.",))))
    flow.most_under_way = 0
    async with service.socket(made["id"]) as ws:
        await service.say(made["id"], "First?")
        await until(lambda: flow.under_way == 1, "the run")
        await service.say(made["id"], "Second?")
        await service.say(made["id"], "Third?")
        assert (await frames(ws, "stream"))[-1] == chunks("Let me ")[0]
        await ws.send("not JSON")
        await ws.send(json.dumps({"type": "ping"}))  # what a run does not know changes nothing
        await ws.send(json.dumps({"type": "cancel"}))
        assert (await frames(ws))[-1] == {"type": "complete", "cancelled": True}
        assert [f for f in await frames(ws) if f["type"] not in ("info", "ack")] == [
            *chunks("Both."),
            {"type": "complete"},
        ]
        key = f"Bearer {flow.token}"  # a gateway whose token has ended asks again
        asked = [
            a
            for a in flow.asked
            if a.body.get("session_id") == made["id"] and a.headers["authorization"] == key
        ]
        assert [a.body["input_value"] for a in asked] == ["First?", "Second?\nThird?"]
        assert flow.most_under_way == 1
    said = await service.said(made["id"])
    assert ("assistant", "Let me see") in said and said[-1] == ("assistant", "Both.")


async def test_a_provider_that_fails_costs_the_message_nothing(service: Runtime, flow: State) -> None:
    made = await service.create()
    flow.scripts.extend((Script(kind="error", status=500), Script(chunks=("Here again.",))))
    async with service.socket(made["id"]) as ws:
        await service.say(made["id"], "First?")
        assert (await frames(ws, "error"))[-1] == {"type": "error", "message": "failed"}
        assert await service.said(made["id"]) == [("user", "First?")]
        await service.say(made["id"], "Second?")
        assert (await frames(ws))[-2:] == [*chunks("Here again."), {"type": "complete"}]


# -- tokens


async def test_tokens_of_users_and_machines(server: OwnServer) -> None:
    me, you = str(uuid4()), str(uuid4())
    async with AsyncExitStack() as stack:
        mine = await stack.enter_async_context(runtime(server, token_of("USER", me)))
        yours = await stack.enter_async_context(runtime(server, token_of("USER", you)))
        machine = await stack.enter_async_context(runtime(server, token_of("M2M", "svc")))
        made = await mine.create(title="Mine")
        assert made["owner_id"] == me, "a user owns what they open"
        url = f"{BASE}/conversations/{made['id']}"
        assert (await yours.http.get(url)).status_code == 404
        assert (await yours.http.get(f"{url}/messages")).status_code == 404
        assert (
            await yours.http.post(f"{url}/messages", json={"role": "user", "content": "x"})
        ).status_code == 404
        socket = f"{BASE}/ws/conversations/{made['id']}"
        assert (await yours.http.get(socket, headers=UPGRADE)).status_code == 404
        assert ok(await machine.http.get(url), 200) == ok(await mine.http.get(url), 200)
        taken = await yours.http.post(f"{BASE}/conversations/", json={"owner_id": me})
        assert taken.status_code == 403
        as_bot = await mine.http.post(
            f"{url}/messages", json={"role": "assistant", "content": "I am the bot"}
        )
        assert as_bot.status_code == 403
        async with machine.socket(made["id"]), mine.socket(made["id"], f"token={mine.token}") as ws:
            await machine.say(made["id"], "Written for me")
            assert (await frames(ws))[-1] == {"type": "complete"}
        secret = mine.token.rpartition(".")[2]
    assert not any(secret in line for line in server.output), "the token is in the log"


async def test_tokens_that_prove_nothing(server: OwnServer) -> None:
    user, machine = (RUNTIME[f"CONVERSATION_SERVICE_{kind}_JWT_ISSUER"] for kind in ("USER", "M2M"))
    unsigned = jwt.encode(
        {"iss": user, "aud": "authenticated", "sub": "x", "exp": 2**40}, None, algorithm="none"
    )
    wrong = (
        token_of("USER", "x", iss=machine),  # a user's key proves no machine
        token_of("M2M", "x", iss=user),
        token_of("USER", "x", iss="tertulia"),
        token_of("USER", "x", aud="anybody"),
        token_of("USER", "x", exp=int(time.time()) - 600),
        token_of("USER", "x", nbf=int(time.time()) + 600),
        token_of("USER", "x\n"),
        token_of("USER", ""),
        unsigned,
        "x" * 6_000,
    )
    async with server.client() as http:
        for token in wrong:
            answer = await http.get(
                f"{BASE}/conversations/{uuid4()}", headers={"Authorization": f"Bearer {token}"}
            )
            assert answer.status_code == 401 and set(answer.json()) == {"detail"}
        for kind in ("USER", "M2M"):  # they open nothing else
            headers = {"Authorization": f"Bearer {token_of(kind, 'x')}"}
            assert (await http.get("/v1/conversations", headers=headers)).status_code == 401


async def test_pages_of_allowed_origins(service: Runtime) -> None:
    path = f"{BASE}/conversations/"
    for origin, allowed in ((PAGE, PAGE), ("https://evil.example", None)):
        asked = {
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization",
        }
        preflight = await service.http.options(path, headers=asked)
        assert preflight.headers.get("Access-Control-Allow-Origin") == allowed
        made = await service.http.post(path, json={}, headers={"Origin": origin})
        assert made.headers.get("Access-Control-Allow-Origin") == allowed


# -- strangers


async def test_other_tenants_see_nothing(server: OwnServer, service: Runtime, other: Account) -> None:
    made = await service.create(title="Ours")
    async with runtime(server, server.token("service", "stranger", other.id)) as stranger:
        url = f"{BASE}/conversations/{made['id']}"
        assert (await stranger.http.get(url)).status_code == 404
        assert (await stranger.http.get(f"{url}/messages")).status_code == 404
        body = {"role": "system", "content": "x"}
        assert (await stranger.http.post(f"{url}/messages", json=body)).status_code == 404
        socket = f"{BASE}/ws/conversations/{made['id']}"
        assert (await stranger.http.get(socket, headers=UPGRADE)).status_code == 404
    for token in (service.token, token_of("M2M", "svc"), token_of("USER", str(uuid4()))):
        headers = {"Authorization": f"Bearer {token}", "X-Account-Id": other.id}
        async with server.client() as http:
            answer = await http.get(f"{BASE}/conversations/{made['id']}", headers=headers)
            assert answer.status_code == 403 and set(answer.json()) == {"detail"}


async def test_conversations_of_other_channels_are_not_the_assistants(service: Runtime) -> None:
    new = {"channel_id": WEBCHAT, "contact_identifier": f"visitor-{uuid4()}"}
    made = ok(await service.http.post("/v1/conversations", json=new), 201)
    assert (await service.http.get(f"{BASE}/conversations/{made['id']}")).status_code == 404


@pytest.mark.parametrize(
    ("frame", "code"), [(b"\x00\x01", 1008), ("x" * (600 * 1024), 1009)], ids=["binary", "too big"]
)
async def test_frames_that_end_the_stream(service: Runtime, frame: str | bytes, code: int) -> None:
    made = await service.create()
    async with service.socket(made["id"]) as ws:
        await ws.send(frame)
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await asyncio.wait_for(ws.recv(), 20)
    assert closed.value.rcvd is not None and closed.value.rcvd.code == code
