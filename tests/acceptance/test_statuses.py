"""The status table of the API, walked over HTTP: every status with everything that may be asked of it."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable

import pytest
from desks import Desk, fresh, ok, problem
from serving import OwnServer

from tertulia.serving.demo import IDENTITY_SECRET, WEBCHAT

STATUSES = ("open", "bot", "assigned", "pending", "resolved", "closed", "expired")
REFUSED = None

NAMED: dict[str, dict[str, str | None]] = {
    # from → what `PATCH {status}` asks for → what becomes of it
    "open": {"open": "open", "bot": REFUSED, "assigned": REFUSED, "pending": REFUSED, "resolved": "resolved",
             "closed": "closed", "expired": "expired"},
    "bot": {"open": REFUSED, "bot": "bot", "assigned": REFUSED, "pending": REFUSED, "resolved": "resolved",
            "closed": "closed", "expired": "expired"},
    "assigned": {"open": REFUSED, "bot": REFUSED, "assigned": "assigned", "pending": "pending",
                 "resolved": "resolved", "closed": "closed", "expired": REFUSED},
    "pending": {"open": REFUSED, "bot": REFUSED, "assigned": REFUSED, "pending": "pending", "resolved": "resolved",
                "closed": "closed", "expired": "expired"},
    "resolved": {"open": "open", "bot": REFUSED, "assigned": REFUSED, "pending": REFUSED, "resolved": "resolved",
                 "closed": "closed", "expired": REFUSED},
    "closed": dict.fromkeys(STATUSES, REFUSED) | {"closed": "closed"},
    "expired": dict.fromkeys(STATUSES, REFUSED) | {"expired": "expired"},
}  # fmt: skip

DONE: dict[str, dict[str, str | None]] = {
    # from → what is done → what becomes of it
    "open": {"assign": "assigned", "release": REFUSED, "handoff": "open", "handback": "bot", "delete": "closed", "inbound": "open"},
    "bot": {"assign": "assigned", "release": REFUSED, "handoff": "open", "handback": REFUSED, "delete": "closed", "inbound": "bot"},
    "assigned": {"assign": "assigned", "release": "open", "handoff": "open", "handback": "bot", "delete": "closed",
                 "inbound": "assigned"},
    "pending": {"assign": "assigned", "release": "open", "handoff": "open", "handback": "bot", "delete": "closed",
                "inbound": "assigned"},
    "resolved": {"assign": REFUSED, "release": REFUSED, "handoff": REFUSED, "handback": REFUSED, "delete": "closed", "inbound": "open"},
    "closed": {"assign": REFUSED, "release": REFUSED, "handoff": REFUSED, "handback": REFUSED, "delete": "closed", "inbound": REFUSED},
    "expired": {"assign": REFUSED, "release": REFUSED, "handoff": REFUSED, "handback": REFUSED, "delete": REFUSED, "inbound": REFUSED},
}  # fmt: skip

NAMES_BOTH = {
    "assign": "assigned",
    "release": "released",
    "handoff": "handed_off",
    "handback": "given_back",
    "delete": "closed",
}
"""What a refusal's detail calls the other state."""

DO: dict[str, Callable[[Desk, str], Awaitable]] = {
    "assign": lambda desk, i: desk.do(i, "assign", agent_id=fresh("someone-else")),
    "release": lambda desk, i: desk.do(i, "release"),
    "handoff": lambda desk, i: desk.do(i, "handoff", reason="asked"),
    "handback": lambda desk, i: desk.do(i, "handback"),
    "delete": lambda desk, i: desk.http.delete(f"/v1/conversations/{i}"),
    "inbound": lambda desk, i: desk.say(i, "hello", sender_type="contact"),
}


async def brought_to(status: str, service: Desk) -> str:
    """A conversation in that status."""
    i = (await service.open())["id"]
    if status == "bot":
        ok(await service.do(i, "handback"), 200)
    if status in ("assigned", "pending"):
        ok(await service.do(i, "assign", agent_id=fresh("holder")), 200)
    if status in ("pending", "resolved", "closed", "expired"):
        ok(await service.patch(i, status=status), 200)
    assert (await service.get(i))["status"] == status
    return i


def detail_names(detail: str, *states: str) -> bool:
    return all(state in detail for state in states)


@pytest.mark.parametrize("wanted", STATUSES)
@pytest.mark.parametrize("status", STATUSES)
async def test_naming_a_status(service: Desk, status: str, wanted: str) -> None:
    i = await brought_to(status, service)
    before = await service.stored(i)
    answer = await service.patch(i, status=wanted)
    after = await service.stored(i)
    expected = NAMED[status][wanted]
    if expected is REFUSED:
        body = problem(answer, 409, "conflict")
        assert detail_names(body["detail"], status, wanted) and body["current"]["status"] == status
        assert after == before
    else:
        assert ok(answer, 200) == after and after["status"] == expected
        assert (after["resolved_at"] is not None) == (
            expected == "resolved" or status == "resolved" != expected == "closed"
        )
        assert after["seq"] == before["seq"] + (status != expected)


@pytest.mark.parametrize("what", DO)
@pytest.mark.parametrize("status", STATUSES)
async def test_doing_something(service: Desk, status: str, what: str) -> None:
    i = await brought_to(status, service)
    before = await service.stored(i)
    answer = await DO[what](service, i)
    after = await service.stored(i)
    expected = DONE[status][what]
    if expected is REFUSED:
        body = problem(answer, 409, "conflict")
        assert status in body["detail"] and body["current"]["status"] == status
        if what in NAMES_BOTH:
            assert detail_names(body["detail"], NAMES_BOTH[what])
        assert after == before
    else:
        ok(answer)
        assert after["status"] == expected
        held = what == "assign" or (what in ("inbound", "delete") and status in ("assigned", "pending"))
        assert (after["assignee_id"] is not None) == held
    entries = await service.entries(i)
    assert [e["seq"] for e in entries] == list(range(1, after["seq"] + 1))


async def test_the_customer_writes_again_after_each_end(server: OwnServer, service: Desk) -> None:
    """Into the live one, else the newest resolved one, else a new one."""
    identifier = fresh()
    async with server.client(server.customer(identifier)) as customer:

        async def write() -> str:
            return ok(await customer.post("/v1/webchat/messages", json={"content": "hi"}), 201)[
                "conversation_id"
            ]

        first = await write()
        assert await write() == first
        ok(await service.patch(first, status="resolved"), 200)
        assert await write() == first and (await service.get(first))["status"] == "open"
        for end in ("closed", "expired"):
            current = await write()
            ok(await service.patch(current, status=end), 200)
            assert await write() != current
        current = await write()
        ok(await service.patch(current, status="resolved"), 200)
        beside = (await service.open(identifier))["id"]
        assert await write() == beside
        refused = problem(await service.patch(current, status="open"), 409, "conflict")
        assert refused["current"]["live_conversation_id"] == beside
        problem(await service.say(current, "hi", sender_type="contact"), 409, "conflict")


async def test_who_may_take_a_conversation(server: OwnServer, desks: dict[str, Desk]) -> None:
    agent, lead, service = desks["agent"], desks["lead"], desks["service"]
    i = (await service.open())["id"]
    problem(await agent.do(i, "assign", agent_id=fresh("someone-else")), 403, "forbidden")
    c = ok(await agent.do(i, "assign", agent_id="me"), 200)
    assert (c["status"], c["assignee_id"]) == ("assigned", "agent-1")
    async with server.client(server.token("agent", "agent-2")) as client:
        refused = problem(await Desk(client).do(i, "assign", agent_id="me"), 409, "conflict")
        assert refused["current"]["assignee_id"] == "agent-1"
        problem(await Desk(client).do(i, "release"), 409, "conflict")
    ok(await agent.do(i, "assign", agent_id="agent-2"), 200)  # its assignee passes it on
    problem(await agent.do(i, "release"), 409, "conflict")
    ok(await lead.do(i, "assign", agent_id="agent-1"), 200)
    ok(await agent.patch(i, status="pending"), 200)
    ok(await agent.patch(i, assignee_id=None), 200)
    c = await agent.get(i)
    assert (c["status"], c["assignee_id"]) == ("open", None)
    problem(await agent.patch(i, status="expired"), 403, "forbidden")
    problem(await lead.patch(i, status="expired"), 403, "forbidden")
    for wrong in ({}, {"agent_id": "a", "team_id": "00000000-0000-0000-0000-000000000001"}):
        problem(
            await lead.do(i, "assign", **wrong),
            400 if not wrong else 422,
            "malformed" if not wrong else "invalid",
        )


async def test_a_patch_changes_what_it_names(service: Desk) -> None:
    i = (await service.open(subject="old", labels=["a"], metadata={"x": 1}))["id"]
    changed = {
        "priority": "urgent",
        "labels": ["b", "c", "b"],
        "subject": "new",
        "metadata": {"y": [1, {"z": None}]},
        "snoozed_until": "2031-05-06T07:08:09.123+02:00",
        "archived": True,
    }
    c = ok(await service.patch(i, **changed), 200)
    assert c == await service.stored(i)
    assert (c["priority"], c["labels"], c["subject"], c["metadata"], c["snoozed_until"]) == (
        "urgent", ["b", "c"], "new", {"y": [1, {"z": None}]}, "2031-05-06T05:08:09.123Z",
    )  # fmt: skip
    assert c["archived_at"] is not None and c["seq"] == 1
    assert ok(await service.patch(i, **changed), 200)["seq"] == 1, "nothing changed, so nothing is numbered"
    c = ok(await service.patch(i, subject=None, snoozed_until=None, archived=False), 200)
    assert (c["subject"], c["snoozed_until"], c["archived_at"]) == (None, None, None)
    both = ok(await service.patch(i, assignee_id="x", status="pending"), 200)
    assert (both["status"], both["assignee_id"]) == ("pending", "x")
    before = await service.stored(i)
    problem(await service.patch(i, subject="lost", status="bot"), 409, "conflict")
    now = await service.stored(i)
    assert now == before, "a refused patch changes nothing, the good half of it neither"


async def test_a_handoff_and_a_rating_are_kept(server: OwnServer, service: Desk) -> None:
    identifier = fresh()
    i = (await service.open(identifier))["id"]
    c = ok(await service.do(i, "handoff", reason="angry"), 200)
    assert (c["handoff_requested"], c["handoff_reason"], c["status"]) == (True, "angry", "open")
    c = ok(await service.do(i, "handoff", reason="again", agent_id="x"), 200)
    assert (c["status"], c["assignee_id"]) == ("assigned", "x")
    async with server.client(server.customer(identifier)) as customer:
        problem(await Desk(customer).do(i, "csat", score=5), 409, "conflict")
        ok(await service.patch(i, status="resolved"), 200)
        ok(await Desk(customer).do(i, "csat", score=5, comment="good"), 200)
        problem(await Desk(customer).do(i, "csat", score=6), 422, "invalid")
        problem(await Desk(customer).do(i, "csat", score=4), 409, "conflict")
    rated = [e for e in await service.entries(i) if e["kind"] == "rated"]
    assert [(e["data"], e["actor"]["type"]) for e in rated] == [({"score": 5, "comment": "good"}, "contact")]


async def test_web_chat_sessions(server: OwnServer, service: Desk) -> None:
    path = f"/v1/webchat/{WEBCHAT}/sessions"
    async with server.client() as nobody:
        fresh_one = ok(await nobody.post(path, json={"contact_name": "Ana"}), 201)
        assert ok(await nobody.post(path), 201)["contact_identifier"] != fresh_one["contact_identifier"]
        identifier = fresh("ana@example.org-")
        proof = hmac.new(IDENTITY_SECRET.encode(), identifier.encode(), hashlib.sha256).hexdigest()
        known = {"contact_identifier": identifier}
        for wrong in ({}, {"identity_hash": "0" * 64}, {"identity_hash": proof[:-1]}, {"identity_hash": ""}):
            problem(await nobody.post(path, json=known | wrong), 403, "forbidden")
        session = ok(await nobody.post(path, json=known | {"identity_hash": proof.upper()}), 201)
        assert session["contact_identifier"] == identifier
        problem(
            await nobody.post(f"/v1/webchat/{'0' * 8}-0000-0000-0000-{'0' * 12}/sessions"), 404, "not_found"
        )
        problem(await nobody.post("/v1/webchat/nonsense/sessions"), 404, "not_found")
    assert ok(await service.http.post(path, json=known), 201)["contact_identifier"] == identifier

    async with server.client(fresh_one["token"]) as customer:
        assert ok(await customer.get("/v1/webchat/messages")) == {"items": [], "has_more": False}
        body = {"content": "hello", "client_message_id": "m1"}
        first = ok(await customer.post("/v1/webchat/messages", json=body), 201)
        assert ok(await customer.post("/v1/webchat/messages", json=body), 200) == first
        problem(await customer.post("/v1/webchat/messages", json=body | {"content": "no"}), 409, "conflict")
        assert ok(await customer.get("/v1/webchat/messages"))["items"] == [first]
        c = await service.get(first["conversation_id"])
        assert (c["contact_name"], c["contact_identifier"]) == ("Ana", fresh_one["contact_identifier"])


async def test_nothing_is_opened_on_a_channel_that_is_switched_off(desks: dict[str, Desk]) -> None:
    http = desks["admin"].http
    channel = ok(await http.post("/v1/channels", json={"type": "webchat", "name": fresh("off")}), 201)["id"]
    ok(await http.patch(f"/v1/channels/{channel}", json={"is_active": False}), 200)
    body = {"channel_id": channel, "contact_identifier": fresh()}
    for path in ("/v1/conversations", "/v1/conversations/find-or-create"):
        refused = problem(await http.post(path, json=body), 409, "conflict")
        assert refused["detail"] == "the channel is switched off"
