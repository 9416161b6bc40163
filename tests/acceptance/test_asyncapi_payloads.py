"""The AsyncAPI document against a served account: every event that streams send, and each message of a WebSocket with its answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx_sse
import pytest
from desks import fresh, ok
from examples import MESSAGES, filled
from jsonschema import Draft7Validator
from readers import open_socket
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7
from routing_accounts import Team, make_account
from serving import OwnServer

from tertulia.core.views.event_shapes import EVENTS

Json = dict[str, Any]


class Document:
    """The document as served; checks payloads against its messages."""

    def __init__(self, json: Json) -> None:
        self.json = json
        self._registry = Registry().with_resource("urn:doc", Resource(json, DRAFT7))

    def names(self, channel: str) -> list[str]:
        return list(self.json["channels"][channel]["messages"])

    def check(self, names: list[str], payload: Json) -> str:
        """The first of these messages that the payload is."""
        faults = {}
        for name in names:
            schema = {"$ref": f"urn:doc#/components/schemas/{name}"}
            faults[name] = [
                e.message for e in Draft7Validator(schema, registry=self._registry).iter_errors(payload)
            ]
            if not faults[name]:
                return name
        raise AssertionError((faults if len(faults) == 1 else names, payload))  # fmt: skip

    def event(self, channel: str, payload: Json) -> str:
        messages = self.json["components"]["messages"]
        names = [n for n in self.names(channel) if messages[n]["name"] == payload["type"]]
        assert names, payload
        self.check(names, payload)
        return payload["type"]

    def operation(self, type: str) -> Json:
        """The operation that takes messages of a type."""
        return next(o for o in self.json["operations"].values()
                    if o["action"] == "receive" and self._type_of(o) == type)  # fmt: skip

    def _type_of(self, operation: Json) -> str:
        return self.json["components"]["messages"][_last(operation["messages"][0])]["name"]


def _last(reference: Json) -> str:
    return reference["$ref"].rsplit("/", 1)[1]


@pytest.fixture
async def doc(server: OwnServer) -> Document:
    async with server.client() as client:
        return Document(ok(await client.get("/asyncapi.json"), 200))


@pytest.fixture
async def team(server: OwnServer) -> AsyncIterator[Team]:
    async with AsyncExitStack() as stack:
        yield await make_account(server, stack)


class Listeners:
    """Streams over both transports, each of whose events is checked."""

    def __init__(self, server: OwnServer, doc: Document, group: asyncio.TaskGroup) -> None:
        self.seen: set[str] = set()
        self._server = server
        self._doc = doc
        self._group = group
        self._news = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def add(self, channel: str, token: str, query: str = "") -> None:
        """Listen. Returns once the topics are followed."""
        ready = asyncio.Event()
        listen = self._over_websocket if channel == "webSocket" else self._over_events
        self._tasks.append(self._group.create_task(listen(token, query, ready)))
        await ready.wait()

    async def _over_websocket(self, token: str, query: str, ready: asyncio.Event) -> None:
        async with open_socket(self._server, token, query) as socket:
            async for text in socket:
                self._take("webSocket", str(text), ready)

    async def _over_events(self, token: str, query: str, ready: asyncio.Event) -> None:
        async with (
            self._server.client(token) as client,
            httpx_sse.aconnect_sse(client, "GET", f"/v1/stream?{query}", timeout=60) as source,
        ):
            async for sent in source.aiter_sse():
                if sent.data:
                    self._take("eventStream", sent.data, ready)

    def _take(self, channel: str, text: str, ready: asyncio.Event) -> None:
        self.seen.add(self._doc.event(channel, json.loads(text)))
        ready.set()
        self._news.set()

    async def until(self, *types: str) -> None:
        try:
            async with asyncio.timeout(45):
                while not self.seen.issuperset(types):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"waited in vain for {set(types) - self.seen}") from None

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()


async def test_every_type_of_event_is_sent_as_the_document_says(
    server: OwnServer, doc: Document, team: Team
) -> None:
    lead = server.token("lead", "lena", team.account)
    ana = server.token("agent", "ana", team.account)
    bot = {"type": "telegram", "name": fresh(), "credentials": {}}
    channel = ok(await team.admin.http.post("/v1/channels", json=bot), 201)["id"]
    async with asyncio.TaskGroup() as group:
        listeners = Listeners(server, doc, group)
        await listeners.add("webSocket", lead, "since=nonsense")
        await listeners.add("eventStream", lead)
        await listeners.add("eventStream", server.token("agent", "ben", team.account, life=3))
        await listeners.add("webSocket", ana, "topics=user,account")
        await _events_of_a_team(team, listeners)
        c = (await team.service.open(fresh(), channel))["id"]
        await listeners.add("webSocket", ana, f"topics=conversation:{c}")
        await _events_of_a_conversation(team, c)
        await listeners.until(*EVENTS)
        listeners.stop()
    assert listeners.seen == set(EVENTS)


async def _events_of_a_team(team: Team, listeners: Listeners) -> None:
    """Offers, assignments, the queue, SLA targets."""
    await team.settings(sla={"first_reply_minutes": 1, "warn_percent": 1})
    await team.prefer("ana", auto_accept=False, max_concurrent_conversations=1)
    await team.appear("ana")
    first = (await team.open())["id"]
    await listeners.until("conversation:new", "notification:offer", "agent:presence")
    ok(await (await team.desk("agent", "ana")).do(first, "accept"), 200)
    waits = (await team.open(priority="urgent"))["id"]
    ok(await team.service.say(waits, "Hello?", sender_type="contact"), 201)
    await listeners.until("notification:assignment", "queue:update", "notification:queue", "notification:sla")


async def _events_of_a_conversation(team: Team, conversation: str) -> None:
    """What happens in it, and what its readers are told besides. Its channel has no credentials, so sending fails."""
    path = f"/v1/conversations/{conversation}"
    ok(await team.lead.say(conversation, "@ana, see this", is_private=True), 201)
    ok(await team.lead.patch(conversation, priority="high"), 200)
    ok(await team.lead.do(conversation, "typing", state="start"), 204)
    ok(await team.lead.http.put(f"{path}/draft", json={"content": "Dear"}), 200)
    ok(await team.lead.http.post(f"{path}/suggestions", json={"draft": "It left today"}), 201)
    ok(await team.lead.http.post(f"{path}/viewing", json={"state": "start"}), 204)
    ok(await team.service.say(conversation, "one"), 201)
    ok(await team.service.do(conversation, "handoff", reason="why"), 200)


async def test_each_message_of_a_websocket_and_its_answer(
    server: OwnServer, doc: Document, team: Team
) -> None:
    objects = {"conversation": (await team.open())["id"]}
    more = {"conversation:leave": {"conversation_id": "{conversation}"}, "agent:status": {"status": "online"}}
    async with team.stream("ana") as chat:
        for type, fields in MESSAGES.items():
            named = filled(fields or more.get(type, {}), objects)
            operation = doc.operation(type)
            doc.check([_last(m) for m in operation["messages"]], {"type": type, "ref": "1", **named})
            answers = [_last(m) for m in operation["reply"]["messages"]]
            doc.check(answers, await chat.ask(type, **named))
            assert doc.check(answers, await chat.ask(type, **named, nonsense=1)) == "ErrorAnswer"


async def test_a_wrong_payload_would_be_seen(doc: Document) -> None:
    event = {"id": "", "type": "conversation:status", "topic": "", "conversation_id": None, "seq": 1,
             "at": "2026-03-02T09:30:00.000Z", "data": {"from": "open", "to": "bot"}}  # fmt: skip
    with pytest.raises(AssertionError):
        doc.event("webSocket", event)
