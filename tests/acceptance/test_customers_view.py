"""What a customer sees of their own conversation, on every route and in every event they can reach.

The routes come from the route table and the permissions: one that customers may call and that has no row in `SEEN` fails. Every
field that is the team's own holds a canary; every answer and event is compared with the fields that customers may see.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx
import pytest
from desks import Desk, fresh, make_room, ok
from examples import MESSAGES, ROUTES, filled
from objects import more_objects
from readers import READERS, Chat, open_socket
from serving import OwnServer
from test_access import KEYS, call, request_for

from tertulia.core.accounts.principal import PERMISSIONS, Role
from tertulia.http.routes import ALL as TABLE
from tertulia.serving.demo import WEBCHAT

CANARY = "canary-2b9d"
HIDDEN = {
    "priority": "normal", "labels": [], "team_id": None, "handoff_reason": None, "bot_context": {}, "metadata": {},
    "unread_count": 0, "snoozed_until": None, "archived_at": None, "external_id": None, "delivery_error": None,
    "reason": None, "by": None, "assignment_id": None,
}  # fmt: skip
"""What is told instead of the team's own fields, wherever they would stand."""

CONVERSATION = {
    "id", "account_id", "channel_id", "channel_type", "contact_id", "contact_identifier", "contact_name", "outlet_id",
    "status", "subject", "assignee_id", "handoff_requested", "seq", "queue_position", "first_reply_at", "last_message_at",
    "last_message_preview", "resolved_at", "created_at", "updated_at",
}  # fmt: skip
MESSAGE = {
    "id", "conversation_id", "seq", "direction", "sender_type", "sender_id", "content", "content_type", "is_private",
    "client_message_id", "reply_to", "delivery_status", "created_at",
    "attachments", "attachments.url", "attachments.name", "attachments.content_type", "attachments.size",
}  # fmt: skip
ATTACHMENT = {"id", "url", "name", "content_type", "size"}
PROBLEM = {"type", "title", "status", "code", "detail", "errors", "request_id", "current", "current.status"}
ENTRY_DATA = MESSAGE | {"agent_id", "previous_agent_id", "from", "to"}


def within(name: str, fields: set[str]) -> set[str]:
    return {name} | {f"{name}.{field}" for field in fields}


ITEMS = within("items", MESSAGE) | {"has_more"}
SEEN: dict[str, set[str] | None] = {
    "GET /v1/conversations/{id}": CONVERSATION | within("messages", MESSAGE),
    "POST /v1/conversations/{id}/csat": CONVERSATION,
    "POST /v1/conversations/{id}/typing": set(),
    "POST /v1/conversations/{id}/messages": MESSAGE,
    "GET /v1/conversations/{id}/messages": ITEMS,
    "GET /v1/conversations/{id}/entries": {"has_more"}
    | within("items", {"seq", "kind", "at", "actor", "actor.type", "actor.id"} | within("data", ENTRY_DATA)),
    "POST /v1/conversations/{id}/read": set(),  # refused
    "POST /crm/api/v1/messages": set(),  # refused
    "POST /assistant/api/v1/conversations/": set(),  # refused to customers of other channels
    "GET /assistant/api/v1/conversations/{id}": set(),
    "GET /assistant/api/v1/conversations/{id}/messages": set(),
    "POST /assistant/api/v1/conversations/{id}/messages": set(),
    "GET /assistant/api/v1/ws/conversations/{id}": set(),
    "POST /v1/webchat/messages": MESSAGE,
    "GET /v1/webchat/messages": ITEMS,
    "GET /v1/webchat/conversation": {"agent_name", "estimated_wait_s", "can_rate"}
    | within("conversation", CONVERSATION),
    "POST /v1/webchat/answers": {"answer"}
    | within("citations", {"number", "article_id", "title", "content"}),
    "GET /v1/webchat/articles": within("items", {"article_id", "title", "heading", "content", "language"}),
    "POST /v1/attachments": ATTACHMENT,
    "GET /v1/attachments/{id}": None,  # the file's own bytes
    "GET /v1/attachments/{id}/link": {"url", "expires_at"},
    "GET /v1/stream": None,  # events: see below
    "GET /v1/ws": None,
    "POST /v1/auth/ticket": {"ticket", "expires_at"},
}
"""Route → the fields a customer sees. None: no JSON object of ours."""
EVENTS: dict[str, set[str]] = {
    "conversation:message": MESSAGE,
    "conversation:status": {"from", "to"},
    "conversation:handoff": set(),
    "conversation:updated": within("message", {"id", "seq", "content", "edited_at"}),
    "conversation:typing": {"conversation_id", "user_id", "name", "state"},
    "conversation:receipt": {"message_id", "delivery_status"},
    "agent:assigned": {"agent_id", "previous_agent_id"},
    "queue:update": {"conversation_id", "position", "estimated_wait_s"},
}
ACKS: dict[str, set[str]] = {
    "subscribe": {"topics"},
    "unsubscribe": {"topics"},
    "conversation:join": {"conversation_id"},
    "conversation:leave": {"conversation_id"},
    "conversation:typing:start": {"conversation_id", "state"},
    "conversation:typing:stop": {"conversation_id", "state"},
    "message:send": MESSAGE,
    "ping": set(),
}
"""WebSocket message → the fields of its answer; the others are refused to customers."""

REACHED = [
    key
    for key, route in zip(KEYS, TABLE, strict=True)
    if route.permission is not None and route.permission in PERMISSIONS[Role.CUSTOMER]
]
OPEN = [key for key, route in zip(KEYS, TABLE, strict=True) if route.permission is None]


def test_every_route_a_customer_reaches_has_a_row() -> None:
    assert set(REACHED) == set(SEEN)


def unseen(value: Any, fields: set[str], path: str = "") -> Iterator[str]:
    """Fields that hold what a customer may not see."""
    if isinstance(value, list):
        for item in value:
            yield from unseen(item, fields, path)
    elif isinstance(value, dict):
        for name, inner in value.items():
            at = f"{path}.{name}" if path else name
            if name in HIDDEN and at not in fields:
                if inner != HIDDEN[name]:
                    yield f"{at} = {inner!r}"
            elif at not in fields:
                yield at
            else:
                yield from unseen(inner, fields, at)


class Thread(NamedTuple):
    id: str
    identifier: str
    objects: dict[str, str]


@pytest.fixture
async def thread(server: OwnServer, desks: dict[str, Desk]) -> Thread:
    """A conversation in which whatever the team may write holds the canary."""
    identifier = fresh()
    service = desks["service"]
    i = (await service.open(identifier, priority="urgent", labels=[CANARY], metadata={CANARY: CANARY}))["id"]
    ok(await service.say(i, "hello", sender_type="contact", metadata={CANARY: CANARY}), 201)
    objects = {"conversation": i, "channel": WEBCHAT, "fresh": fresh()}
    objects |= await more_objects(server, fresh(), ROUTES["GET /v1/attachments/{id}"], i)
    return Thread(i, identifier, objects)


async def team_writes(server: OwnServer, desks: dict[str, Desk], i: str) -> None:
    """Everything that tells the conversation's readers something."""
    service, lead = desks["service"], desks["lead"]
    ok(
        await service.say(
            i, "beep", sender_type="bot", client_message_id=fresh(CANARY), metadata={"rule_id": CANARY}
        ),
        201,
    )
    ok(await service.say(i, f"a note {CANARY}", is_private=True), 201)
    ok(await service.do(i, "handoff", reason=CANARY), 200)
    team = ok(await lead.http.post("/v1/teams", json={"name": fresh("team")}), 201)["id"]
    async with server.client(server.token(user="customers-agent")) as client:
        await make_room(client)
    ok(await lead.do(i, "assign", agent_id="customers-agent"), 200)
    ok(await lead.patch(i, team_id=team, labels=[CANARY, "vip"], metadata={"more": CANARY}, archived=True,
                        snoozed_until="2099-01-01T00:00:00Z"), 200)  # fmt: skip
    async with server.client(server.token(user="customers-agent")) as client:
        person = Desk(client)
        ok(await person.do(i, "typing", state="start"), 204)
        ok(await person.say(i, "good day", client_message_id=fresh(CANARY), metadata={CANARY: CANARY}), 201)
        ok(await person.patch(i, status="pending"), 200)


async def answers(server: OwnServer, client: httpx.AsyncClient, thread: Thread) -> dict[str, tuple[int, str]]:
    return {key: await call(server, client, request_for(key, thread.objects)) for key in [*REACHED, *OPEN]}


def check(key: str, status: int, text: str) -> None:
    assert CANARY not in text, (key, text)
    fields = SEEN.get(key)
    if status >= 400:
        body = json.loads(text.rpartition("Headers(")[0] or text)  # of a WebSocket there is the body alone
        assert not list(unseen(body, PROBLEM)), (key, text)
    elif fields is not None and status != 204:
        body = json.loads(text.rpartition("Headers(")[0])
        assert not list(unseen(body, fields)), (key, text)


async def test_every_answer(server: OwnServer, desks: dict[str, Desk], thread: Thread) -> None:
    i = thread.id
    async with server.client(server.customer(thread.identifier)) as customer:
        await team_writes(server, desks, i)
        refused = {key for key, answer in (await answers(server, customer, thread)).items()
                   if check(key, *answer) or answer[0] >= 400}  # fmt: skip
        # nothing to rate yet; the read marker is the team's; customers write through the web chat; theirs is no assistant
        assert refused & set(REACHED) == {
            "POST /v1/conversations/{id}/csat",
            "POST /v1/conversations/{id}/read",
            "POST /crm/api/v1/messages",
            *(key for key in REACHED if "/assistant/" in key),
        }
        ok(await desks["lead"].patch(i, status="resolved"), 200)
        rated = await call(server, customer, request_for("POST /v1/conversations/{id}/csat", thread.objects))
        assert rated[0] == 200, rated
        check("POST /v1/conversations/{id}/csat", *rated)
        again = await call(server, customer, request_for("POST /v1/conversations/{id}/csat", thread.objects))
        assert again[0] == 409 and '"current"' in again[1]
        check("POST /v1/conversations/{id}/csat", *again)
        (key,) = (fresh(),)
        for content, status in (("one", 201), ("one", 200), ("other", 409)):
            sent = await Desk(customer).say(i, content, client_message_id=key, metadata={"own": 1})
            assert sent.status_code == status and CANARY not in sent.text
    seen = ok(await desks["service"].http.get(f"/v1/conversations/{i}"))
    assert seen["priority"] == "urgent" and CANARY in json.dumps(seen), "the team's view has it all"


@pytest.mark.parametrize("kind", READERS)
async def test_every_event(server: OwnServer, desks: dict[str, Desk], thread: Thread, kind: str) -> None:
    token = server.customer(thread.identifier)
    async with READERS[kind](server, token, since=None) as reader:
        await team_writes(server, desks, thread.id)
        ok(await desks["lead"].patch(thread.id, status="resolved"), 200)
        await reader.until(
            lambda: any(e["data"] == {"from": "pending", "to": "resolved"} for e in reader.events), "the end"
        )
        # a hint travels beside the entries, and may come after them
        await reader.until(lambda: any(e["type"] == "conversation:typing" for e in reader.events), "a hint")
        live = list(reader.events)
    first = next(e for e in live if e["seq"])
    async with READERS[kind](server, token, since=first["id"]) as again:
        await again.until(
            lambda: any(e["data"] == {"from": "pending", "to": "resolved"} for e in again.events), "the end"
        )
        replayed = list(again.events)
    assert {e["type"] for e in live} >= {
        "conversation:message", "conversation:status", "conversation:handoff", "agent:assigned",
        "conversation:typing",
    }  # fmt: skip
    for event in (*live, *replayed):
        assert CANARY not in json.dumps(event), event
        assert not list(unseen(event["data"], EVENTS[event["type"]])), event
    assert [e for e in replayed if e["seq"]] == [e for e in live if e["seq"]][1:]


async def test_every_answer_on_a_socket(server: OwnServer, desks: dict[str, Desk], thread: Thread) -> None:
    await team_writes(server, desks, thread.id)
    async with open_socket(server, server.customer(thread.identifier)) as ws:
        chat = Chat(ws)
        for type, fields in MESSAGES.items():
            known = fields or ({"conversation_id": thread.id} if type == "conversation:leave" else {})
            answer = await chat.ask(type, **filled(known, thread.objects))
            assert CANARY not in json.dumps(answer), answer
            if type in ACKS:
                assert answer["type"] == "ack" and not list(unseen(answer["data"], ACKS[type])), answer
            else:
                assert answer["error"]["code"] in ("forbidden", "invalid"), answer
