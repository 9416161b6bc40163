"""Carries out the tables of fields in docs/contracts.md: what each field of a request allows and refuses, and what each field of an
answer holds. `tests/contract_documents.py` compares the tables with the older services' documents."""

from __future__ import annotations

import copy
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Final, NamedTuple
from uuid import UUID

import httpx
import pytest
from contract_documents import ROOT, SECTIONS, Row, rows, section
from desks import fresh, fresh_phone, ok, problem
from offices import Office
from serving import OwnServer

from tertulia.serving.demo import ACCOUNT, OUTLET

PAGE: Final = (ROOT / "docs/contracts.md").read_text("utf-8")
MISSING: Final = object()
"""In place of a value: the field is left out."""
WITHIN: Final[dict[str, tuple[str | int, ...]]] = {
    "time_range": ("conditions", "time_range"),
    "schedule": ("available_hours", "schedule", 0),
}
"""The first word of a field's name → where the object is that it stands in, where it has another name there."""
SOMEBODYS: Final = frozenset({"agent_id", "customer_phone", "userId", "contact_identifier"})
"""Fields that name somebody: a long value that is allowed would name nobody."""
DEFAULT: Final = re.compile(r"default `([^`]+)`").search
TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")

Body = dict[str, Any]


class Clients(NamedTuple):
    """Clients of the older services, of an account of its own, and of one of its agents; a service writes in `office`'s chat."""

    crm: httpx.AsyncClient
    sync: httpx.AsyncClient
    office: Office
    agent: httpx.AsyncClient

    @property
    def native(self) -> httpx.AsyncClient:
        return self.office.service.http

    async def crm_conversation(self) -> str:
        return ok(await self.crm.post("/api/v1/conversations", json=await crm_opening(self)), 201)["id"]

    async def session(self) -> str:
        opened = ok(await self.sync.post("/api/v1/conversations", json=await sync_opening(self)), 201)
        return opened["data"]["sessionId"]

    async def conversation(self) -> str:
        return ok(await self.native.post("/v1/conversations", json=await opening(self)), 201)["id"]


@pytest.fixture
async def clients(server: OwnServer, office: Office) -> AsyncIterator[Clients]:
    async with server.client(server.token("admin", "maker")) as admin:
        key = ok(await admin.post("/v1/api-clients", json={"name": "fields"}), 201)["client_secret"]
    agent = server.token("agent", fresh("agent"), office.account.id)
    async with server.client() as crm, server.client(key) as sync, server.client(agent) as person:
        crm.base_url, sync.base_url = httpx.URL(f"{server.url}/crm"), httpx.URL(f"{server.url}/sync")
        crm.headers["X-Tenant-Id"] = ACCOUNT
        yield Clients(crm, sync, office, person)


async def crm_opening(_: Clients) -> Body:
    return {"outlet_id": OUTLET, "customer_phone": fresh_phone(), "customer_name": "John Doe"}


async def sync_opening(_: Clients) -> Body:
    return {"userId": fresh_phone(), "subDomain": "demo", "localId": "branch01", "botId": "bot123"}


async def opening(clients: Clients) -> Body:
    return {
        "channel_id": clients.office.account.channel, "contact_identifier": fresh(), "contact_name": "Sara", "subject": "Refund",
        "priority": "high", "labels": ["billing"], "metadata": {"a": 1},
    }  # fmt: skip


async def rule(_: Clients) -> Body:
    conditions = {
        "keywords": ["refund"], "match_mode": "any", "channels": ["sms"], "intent": "billing", "confidence_min": 0.7,
        "time_range": {"start": "18:00", "end": "08:00", "tz": "Africa/Addis_Ababa"},
    }  # fmt: skip
    actions = {
        "reply_text": "Hi",
        "set_labels": ["billing"],
        "set_priority": "high",
        "collect_info": ["name"],
    }
    return {
        "name": "R", "priority": 1, "is_active": False, "trigger_type": "keyword", "conditions": conditions, "actions": actions,
    }  # fmt: skip


async def identifier(clients: Clients) -> Body:
    found = ok(await clients.native.get(f"/v1/conversations/{await clients.conversation()}"), 200)
    return {
        "contact_id": found["contact_id"], "channel_type": "messenger", "identifier": fresh(), "display_name": "Sara", "metadata": {},
    }  # fmt: skip


def always(body: Body) -> Callable[[Clients], Awaitable[Body]]:
    async def made(_: Clients) -> Body:
        return copy.deepcopy(body)

    return made


PREFERENCES: Final[Body] = {
    "available_channels": ["whatsapp"], "available_topics": ["billing"], "languages": ["en"], "max_concurrent_conversations": 5,
    "is_available": True, "auto_accept": False,
    "available_hours": {"schedule": [{"days": ["mon"], "start": "09:00", "end": "17:00"}], "timezone": "Africa/Addis_Ababa"},
    "notification_preferences": {"sound": True, "desktop": True, "email_on_assignment": False},
}  # fmt: skip
STATE: Final = {"intent": "order", "step": "cart", "context": {"a": 1}, "metadata": {"b": 2}}
SAID: Final = {"role": "user", "content": "Hola", "metadata": {"a": 1}}
HANDOFF: Final = {"reason": "asked"}


async def crm_message(clients: Clients) -> Body:
    id = await clients.crm_conversation()
    return {
        "conversation_id": id, "sender_type": "customer", "content": "Hi", "whatsapp_message_id": f"wamid.{id}", "metadata": {"a": 1},
    }  # fmt: skip


async def canned(_: Clients) -> Body:
    return {"short_code": f"/{fresh('code')}", "title": "Hi", "content": "Hello", "category": "greetings"}


BODIES: Final[dict[tuple[str, str], Callable[[Clients], Awaitable[Body]]]] = {
    ("crm.md", "POST /api/v1/conversations"): crm_opening,
    ("crm.md", "POST /api/v1/conversations/:id/handoff"): always(HANDOFF),
    ("crm.md", "PUT /api/v1/conversations/:id/assign"): always({}),
    ("crm.md", "PUT /api/v1/conversations/:id/status"): always({"status": "active"}),
    ("crm.md", "POST /api/v1/messages"): crm_message,
    ("omnichannel.md", "POST /v1/conversations"): opening,
    ("omnichannel.md", "PATCH /v1/conversations/{id}"): always({"priority": "low"}),
    ("omnichannel.md", "POST /v1/conversations/{id}/messages"): always({"content": "Hi"}),
    ("omnichannel.md", "POST /v1/canned-responses"): canned,
    ("omnichannel.md", "POST /v1/bot-rules"): rule,
    ("omnichannel.md", "POST /v1/contact-identifiers"): identifier,
    ("omnichannel.md", "PATCH /v1/agent-preferences/me"): always(PREFERENCES),
    ("sync.md", "POST /api/v1/conversations"): sync_opening,
    ("sync.md", "PUT /api/v1/whatsapp/agent/conversations/:sessionId/sync"): always(STATE),
    ("sync.md", "PATCH /api/v1/conversations/:sessionId/intent"): always({"intent": "order"}),
    ("sync.md", "PATCH /api/v1/conversations/:sessionId/context"): always({"context": {"a": 1}}),
    ("sync.md", "POST /api/v1/whatsapp/agent/conversations/:sessionId/messages"): always(SAID),
    ("sync.md", "POST /api/v1/conversations/:sessionId/messages"): always(SAID),
}
"""A body that is right, for each request in the tables."""


def requested() -> dict[tuple[str, str], list[Row]]:
    """The rows about requests that this module carries out, by request; `–` goes on with the request above."""
    found: dict[tuple[str, str], list[Row]] = {}
    for document in SECTIONS:
        place = ""
        for row in rows(section(PAGE, document)):
            place = place if row.place.startswith("–") else row.place.strip("`")
            if "test_fields_of_requests" in row.tests:
                found.setdefault((document, place), []).append(row)
    return found


REQUESTS: Final = requested()


async def sent(clients: Clients, document: str, place: str, change: Callable[[Body], None]) -> httpx.Response:
    """A request to something new, its body changed."""
    method, path = place.split()
    body = await BODIES[document, place](clients)
    change(body)
    client = {"crm.md": clients.crm, "sync.md": clients.sync}.get(document, clients.native)
    if ":id" in path:
        path = path.replace(":id", await clients.crm_conversation())
    elif ":sessionId" in path:
        path = path.replace(":sessionId", await clients.session())
    elif "{id}" in path:
        path = path.replace("{id}", await clients.conversation())
    elif path.endswith("/me"):
        client = clients.agent
    elif path.startswith(("/v1/canned", "/v1/bot", "/v1/contact-")):
        client = clients.office.admin.http
    return await client.request(method, path, json=body)


def setting(name: str, value: Any) -> Callable[[Body], None]:
    """Gives a field, which may be in an object of the body, a value."""
    first, _, field = name.rpartition(".")
    path = WITHIN.get(first, (first,)) if first else ()

    def change(body: Body) -> None:
        holder: Any = body
        for step in path:
            holder = holder[step]
        if value is MISSING:
            holder.pop(field, None)
        else:
            holder[field] = value

    return change


def fitting(row: Row, value: Any) -> Callable[[Body], None]:
    """Gives a field a value, and what depends on it one that goes with it."""

    def change(body: Body) -> None:
        setting(row.name, value)(body)
        if row.name == "channel_type" and value in ("whatsapp", "sms", "email"):
            body["identifier"] = f"{fresh()}@mail.example" if value == "email" else fresh_phone()
        elif row.name == "channel_type" and value == "telegram":
            body["identifier"] = fresh_phone().removeprefix("+")

    return change


def values_of(rule: str) -> list[str]:
    """The values of `one of …`."""
    return re.findall(r"`(\w+)`", rule.partition("one of ")[2].partition(";")[0])


def allowed(row: Row) -> Iterator[Any]:
    longest = re.search(r"at most (\d+) characters", row.rule)
    if longest and "list" not in row.rule and row.name not in SOMEBODYS:
        yield "x" * int(longest[1])
    yield from values_of(row.rule)
    if "flag" in row.rule:
        yield from (True, False)
    if "or null" in row.rule:
        yield None
    if "optional" in row.rule or "default" in row.rule:
        yield MISSING
    if bounds := re.search(r"whole number from (\d+) to (\d+)", row.rule):
        yield from (int(bounds[1]), int(bounds[2]))


def refused(row: Row) -> Iterator[Any]:
    kind = row.rule.partition(";")[0]
    if "required" in row.rule:
        yield MISSING
    if "or null" not in row.rule:
        yield None
    if longest := re.search(r"at most (\d+) characters", row.rule):
        long = "x" * (int(longest[1]) + 1)
        yield [long] if kind.startswith("list") else long
    if kind.startswith("list"):
        yield from ("x", {}, [7])
    elif kind.startswith("object"):
        yield from ("x", 7, [])
    elif kind.startswith(("flag", "whole number", "number")):
        yield from ("yes", [], 1.5 if kind.startswith("whole") else {})
    else:
        yield from (7, {}, [])
    if bounds := re.search(r"number from (\d+) to (\d+)", kind):
        yield from (int(bounds[1]) - 1, int(bounds[2]) + 1)
    if any(word in kind for word in ("UUID", "one of", "phone number", "time of day", "time zone")):
        yield "nonsense"


async def test_defaults_of_preferences(clients: Clients) -> None:
    mine = ok(await clients.agent.get("/v1/agent-preferences/me"), 200)
    stated = {row.name: row.rule for row in REQUESTS["omnichannel.md", "PATCH /v1/agent-preferences/me"]}
    defaults = {name: found[1] for name, rule in stated.items() if (found := DEFAULT(rule))}
    assert {name: str(mine[name]).lower() for name in defaults} == defaults and len(defaults) == 3


@pytest.mark.parametrize(("document", "place"), REQUESTS)
async def test_fields_of_requests(clients: Clients, document: str, place: str) -> None:
    wrong = []
    for row in REQUESTS[document, place]:
        for value in allowed(row):
            answer = await sent(clients, document, place, fitting(row, value))
            if answer.status_code not in ((200, 201, 409) if row.name == "status" else (200, 201)):
                wrong.append(("refused", row, value, answer.status_code, answer.text[:300]))
        for value in refused(row):
            answer = await sent(clients, document, place, setting(row.name, value))
            if answer.status_code != 422 or row.name.rpartition(".")[2] not in answer.text:
                wrong.append(("allowed", row, value, answer.status_code, answer.text[:300]))
        default = DEFAULT(row.rule)
        if default and not row.place.startswith("–") and not place.startswith("PATCH"):
            answer = await sent(clients, document, place, setting(row.name, MISSING))
            shown = answer.json()[row.name]
            if {"true": True, "false": False}.get(default[1], default[1]) not in (shown, str(shown)):
                wrong.append(("default", row, shown, 0, ""))
    assert not wrong, "\n".join(map(str, wrong))


def holds(rule: str, value: Any) -> bool:
    """Whether a value of an answer is as a rule says."""
    if value is None:
        return "or null" in rule
    kind = rule.partition(";")[0]
    if named := values_of(rule):
        return value in named
    if kind.startswith("UUID"):
        return isinstance(value, str) and str(UUID(value)) == value
    if kind.startswith("time"):
        return isinstance(value, str) and TIME.fullmatch(value) is not None
    types = {"flag": bool, "whole number": int, "object": dict, "list": list}
    type_ = next((types[word] for word in types if kind.startswith(word)), str)
    return isinstance(value, type_) and not (type_ is int and isinstance(value, bool))


async def answers(clients: Clients) -> dict[tuple[str, str], Body]:
    """One of each thing in the tables that is answered."""
    crm, sync, native, admin = clients.crm, clients.sync, clients.native, clients.office.admin.http
    said = ok(await crm.post("/api/v1/messages", json=await crm_message(clients)), 201)
    session = await clients.session()
    path = f"/api/v1/whatsapp/agent/conversations/{session}"
    added = ok(await sync.post(f"{path}/messages", json=SAID), 201)
    phone = ok(await sync.get(f"/api/v1/conversations/{session}"), 200)["data"]["userId"]
    whole = await clients.conversation()
    return {
        ("crm.md", "a conversation"): ok(await crm.get(f"/api/v1/conversations/{said['message']['conversation_id']}"), 200),
        ("crm.md", "a message"): said["message"],
        ("crm.md", "a created message"): said,
        ("crm.md", "`GET /health`"): ok(await crm.get("/health"), 200),
        ("omnichannel.md", "1.1 a conversation"): ok(await native.get(f"/v1/conversations/{whole}"), 200),
        ("omnichannel.md", "1.2 a message"): ok(await native.post(f"/v1/conversations/{whole}/messages", json={"content": "Hi"}), 201),
        ("omnichannel.md", "1.3 a canned response"): ok(await admin.post("/v1/canned-responses", json=await canned(clients)), 201),
        ("omnichannel.md", "1.4 a bot rule"): ok(await admin.post("/v1/bot-rules", json=await rule(clients)), 201),
        ("omnichannel.md", "1.5 a contact identifier"): ok(
            await admin.post("/v1/contact-identifiers", json=await identifier(clients)), 201
        ),
        ("omnichannel.md", "2 an agent's preferences"): ok(await clients.agent.get("/v1/agent-preferences/me"), 200),
        ("sync.md", "every answer"): added,
        ("sync.md", "a tenant"): ok(await sync.get(f"/api/v1/whatsapp/lookup/tenant/{phone}"), 200)["data"],
        ("sync.md", "a synced conversation"): ok(await sync.put(f"{path}/sync", json=STATE), 200)["data"],
        ("sync.md", "a whole conversation"): ok(await sync.get(f"/api/v1/conversations/{session}"), 200)["data"],
        ("sync.md", "added messages"): added["data"],
        ("sync.md", "– `context`"): added["data"]["context"],
        ("sync.md", "– a previous message"): added["data"]["context"]["previousMessages"][0],
    }  # fmt: skip


async def test_fields_of_answers(clients: Clients) -> None:
    shown = await answers(clients)
    checked = [
        (document, row)
        for document in SECTIONS
        for row in rows(section(PAGE, document))
        if "test_fields_of_answers" in row.tests
    ]
    assert {(document, row.place) for document, row in checked} == shown.keys()
    wrong = []
    for document, row in checked:
        answer = shown[document, row.place]
        if row.name not in answer or not holds(row.rule, answer[row.name]):
            wrong.append((document, row, answer.get(row.name, "is not there")))
    assert not wrong, "\n".join(map(str, wrong))


async def test_parameters_of_queries(clients: Clients) -> None:
    crm, id = clients.crm, await clients.crm_conversation()
    for number in range(52):
        body = {"conversation_id": id, "sender_type": "llm", "content": f"{number}"}
        ok(await crm.post("/api/v1/messages", json=body), 201)
    path = f"/api/v1/conversations/{id}"
    assert len(ok(await crm.get(f"{path}/messages"), 200)) == 50
    assert [m["content"] for m in ok(await crm.get(f"{path}/messages/recent"), 200)] == [
        "48",
        "49",
        "50",
        "51",
    ]
    for query, there in (("", False), ("?include_messages=false", False), ("?include_messages=0", False),
                         ("?include_messages=1", True), ("?include_messages=true", True)):  # fmt: skip
        assert ("messages" in ok(await crm.get(path + query), 200)) is there, query
    for query, field in (
        (f"{path}?include_messages=yes", "include_messages"),
        ("/api/v1/conversations/active?outlet_id=x", "outlet_id"),
        (f"{path}/messages?limit=0", "limit"),
        (f"{path}/messages/recent?count=many", "count"),
    ):
        assert field in f"{problem(await crm.get(query), 422, 'invalid')['errors']}", query
