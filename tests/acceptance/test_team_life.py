"""Preferences, teams, canned responses, mentions, labels and agents' figures, as a team uses them."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import quote

import pytest
from desks import Desk, fresh, ok, problem
from readers import READERS, Chat, Reader, open_socket
from serving import OwnServer

from tertulia.serving.demo import WEBCHAT

DEFAULTS = {
    "available_channels": [],
    "available_topics": [],
    "available_hours": None,
    "languages": [],
    "max_concurrent_conversations": 5,
    "is_available": True,
    "auto_accept": False,
    "notification_preferences": {"sound": True, "desktop": True, "email_on_assignment": False},
}
HOURS = {
    "schedule": [
        {"days": ["mon", "tue", "wed", "thu", "fri"], "start": "09:00", "end": "17:00"},
        {"days": ["sat"], "start": "22:00", "end": "24:00"},
    ],
    "timezone": "Africa/Addis_Ababa",
}
ME = "/v1/agent-preferences/me"
INBOX = f"{ME}/inbox"


# -- preferences


async def test_preferences_begin_with_the_defaults_and_change_field_by_field(
    server: OwnServer, desks: dict[str, Desk]
) -> None:
    user = fresh("agent|ü ")
    path = f"/v1/agent-preferences/{quote(user, safe='')}"
    problem(await desks["lead"].http.get(path), 404, "not_found")
    async with server.client(server.token("agent", user)) as client:
        made = ok(await client.get(ME), 200)
        assert made | DEFAULTS == made and made["user_id"] == user
        assert set(made) == {*DEFAULTS, "id", "user_id", "created_at", "updated_at"}
        changed = {
            "available_channels": ["whatsapp", "sms"],
            "available_topics": ["billing"],
            "available_hours": HOURS,
            "languages": ["en", "am-ET"],
            "max_concurrent_conversations": 2,
            "is_available": False,
            "auto_accept": True,
        }
        after = ok(await client.patch(ME, json=changed), 200)
        assert after | changed == after and after["id"] == made["id"]
        assert ok(await client.get(ME)) == after == ok(await desks["lead"].http.get(path))
        muted = ok(await client.patch(ME, json={"notification_preferences": {"sound": False}}))
        assert muted["notification_preferences"] == {
            "sound": False,
            "desktop": True,
            "email_on_assignment": False,
        }
        problem(await client.patch(path, json={"is_available": True}), 403, "forbidden")
    by_lead = ok(await desks["lead"].http.patch(path, json={"is_available": True, "available_hours": None}))
    assert (by_lead["is_available"], by_lead["available_hours"]) == (True, None)
    page = ok(await desks["admin"].http.get("/v1/audit-log", params={"target_id": user}))
    assert [r["action"] for r in page["items"]] == ["agent_preferences.updated"]


async def test_saved_filters_and_shortcuts_follow_the_agent(
    server: OwnServer, desks: dict[str, Desk]
) -> None:
    user = fresh("roaming")
    async with (
        server.client(server.token("agent", user)) as office,
        server.client(server.token("agent", user)) as home,
    ):
        assert ok(await office.get(INBOX), 200) == {"filters": {}, "shortcuts": {}}
        ok(await office.patch(INBOX, json={"filters": {"Refunds": {"label": "refund"}}}), 200)
        ok(await home.patch(INBOX, json={"filters": {"Mail": {"channel_type": "email"}}}), 200)
        ok(await home.patch(INBOX, json={"shortcuts": {"resolve": "g x"}}), 200)
        kept = ok(await office.get(INBOX), 200)
        assert set(kept["filters"]) == {"Refunds", "Mail"} and kept["shortcuts"] == {"resolve": "g x"}
        assert kept["filters"]["Refunds"] == {
            "status": [], "team_id": None, "channel_type": None, "label": "refund", "priority": None, "q": "",
            "sort": "last_message_at:desc",
        }  # fmt: skip
        after = ok(
            await office.patch(INBOX, json={"filters": {"Mail": None}, "shortcuts": {"resolve": None}}), 200
        )
        assert (set(after["filters"]), after["shortcuts"]) == ({"Refunds"}, {})
        for body, path in (
            ({}, ""),
            ({"filters": {"a": {"labels": []}}}, "filters[...].labels"),
            ({"filters": {"a": {"status": ["lost"]}}}, "filters[...].status[0]"),
            ({"shortcuts": {"resolve": "Enter"}}, "shortcuts[...]"),
            ({"shortcuts": {f"c{n}": "x" for n in range(101)}}, "shortcuts"),
        ):
            refused = problem(await office.patch(INBOX, json=body), 422, "invalid")
            assert [e["path"] for e in refused["errors"]] == [path]
        assert ok(await home.get(INBOX), 200) == after
        seen = ok(await desks["admin"].http.get(f"/v1/agent-preferences/{user}"), 200)
        assert not {"filters", "shortcuts", "inbox"} & set(seen), "they are the agent's own"


def block(**fields: Any) -> dict[str, Any]:
    return {"available_hours": {"timezone": "UTC", "schedule": [HOURS["schedule"][0] | fields]}}


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, ""),
        ({"typo": 1}, "typo"),
        ({"is_available": None}, "is_available"),
        ({"is_available": "yes"}, "is_available"),
        ({"available_channels": ["fax"]}, "available_channels[0]"),
        ({"available_topics": [""]}, "available_topics[0]"),
        ({"languages": ["en", "!"]}, "languages[1]"),
        ({"languages": ["en\n"]}, "languages[0]"),
        ({"max_concurrent_conversations": -1}, "max_concurrent_conversations"),
        ({"max_concurrent_conversations": 1.5}, "max_concurrent_conversations"),
        ({"notification_preferences": {"smoke": True}}, "notification_preferences.smoke"),
        ({"available_hours": {"schedule": []}}, "available_hours.timezone"),
        ({"available_hours": HOURS | {"timezone": "Mars/Base"}}, "available_hours.timezone"),
        (block(days=["monday"]), "available_hours.schedule[0].days[0]"),
        (block(days=[]), "available_hours.schedule[0].days"),
        (block(start="9:00"), "available_hours.schedule[0].start"),
        (block(start="24:00"), "available_hours.schedule[0].start"),
        (block(end="24:01"), "available_hours.schedule[0].end"),
        (block(end="09:00"), "available_hours.schedule[0].end"),
    ],
)  # fmt: skip
async def test_preferences_that_are_wrong_change_nothing(
    agent: Desk, body: dict[str, Any], path: str
) -> None:
    before = ok(await agent.http.get(ME))
    refused = problem(await agent.http.patch(ME, json=body), 422, "invalid")
    assert [e["path"] for e in refused["errors"]] == [path]
    assert ok(await agent.http.get(ME)) == before


async def test_the_list_of_preferences_is_filtered_and_paged(
    server: OwnServer, desks: dict[str, Desk]
) -> None:
    topic, users = fresh("topic"), [fresh("agent") for _ in range(3)]
    for user in users:
        async with server.client(server.token("agent", user)) as client:
            ok(await client.patch(ME, json={"available_topics": [topic, user]}))
    wanted = {"available_topics": [topic, users[1]], "is_available": "true", "limit": 100}
    found, cursor = [], None
    while True:
        query = wanted | ({"cursor": cursor} if cursor else {}) | {"limit": 2}
        page = ok(await desks["service"].http.get("/v1/agent-preferences", params=query))
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    named = [p["user_id"] for p in found if topic in p["available_topics"]]
    assert named == [users[1]] and all(p["is_available"] for p in found)
    assert all(p["available_topics"] == [] for p in found if p["user_id"] != users[1]), "any topic is theirs"
    problem(await desks["service"].http.get("/v1/agent-preferences?available_channels=fax"), 422, "invalid")


@pytest.mark.parametrize("wrong", ["%00", "a%0ab", "x" * 256, "nobody-of-that-name"])
async def test_users_that_are_none(desks: dict[str, Desk], wrong: str) -> None:
    for path in (f"/v1/agent-preferences/{wrong}", f"/v1/agents/{wrong}/stats"):
        problem(await desks["lead"].http.get(path), 404, "not_found")


# -- teams


async def new_team(lead: Desk, **fields: Any) -> dict[str, Any]:
    return ok(await lead.http.post("/v1/teams", json={"name": fresh("Team")} | fields), 201)


async def test_a_teams_life(desks: dict[str, Desk]) -> None:
    lead, agent, service = desks["lead"], desks["agent"], desks["service"]
    team = await new_team(lead, description="money")
    path = f"/v1/teams/{team['id']}"
    assert ok(await agent.http.get(path)) == team and team["description"] == "money"
    taken = problem(await lead.http.post("/v1/teams", json={"name": team["name"].upper()}), 409, "conflict")
    assert taken["current"] == {"team_id": team["id"]} and taken["errors"][0]["path"] == "name"
    assert ok(await lead.http.patch(path, json={"description": None}))["description"] is None
    problem(await lead.http.post("/v1/teams", json={"name": " "}), 422, "invalid")
    user = fresh("new|")
    joined = ok(await lead.http.post(path + "/members", json={"user_id": user}), 201)
    assert ok(await lead.http.post(path + "/members", json={"user_id": user}), 200) == joined
    refused = problem(await lead.http.post(path + "/members", json={"user_id": "a\nb"}), 422, "invalid")
    assert refused["errors"][0]["path"] == "user_id"
    assert ok(await agent.http.get(path + "/members"))["items"] == [joined] and joined["user_id"] == user
    ok(
        await lead.http.patch(f"/v1/agent-preferences/{quote(user, safe='')}", json={"auto_accept": True}),
        200,
    )

    i = (await service.open())["id"]
    over = (await service.open())["id"]
    for conversation in (i, over):
        given = ok(await lead.do(conversation, "assign", team_id=team["id"], strategy="manual_queue"), 200)
        assert given["team_id"] == team["id"]
    ok(await service.patch(over, status="closed"), 200)
    ok(await lead.http.delete(f"{path}/members/{quote(user, safe='')}"), 204)
    problem(await lead.http.delete(f"{path}/members/{quote(user, safe='')}"), 404, "not_found")
    ok(await lead.http.delete(path), 204)
    problem(await lead.http.delete(path), 404, "not_found")
    problem(await agent.http.get(path + "/members"), 404, "not_found")
    assert (await service.get(i))["team_id"] is None
    assert (await service.entries(i))[-1]["data"] == {"team_id": None}
    assert (await service.get(over))["team_id"] == team["id"], "what is over keeps its history"
    again = ok(await lead.http.post("/v1/teams", json={"name": team["name"]}), 201)
    assert again["id"] != team["id"]


async def test_a_conversation_is_given_to_teams_of_its_account_only(
    server: OwnServer, desks: dict[str, Desk], other: Any
) -> None:
    lead, i = desks["lead"], (await desks["service"].open())["id"]
    async with server.client(server.token("lead", "lead-b", other.id)) as client:
        theirs = (await new_team(Desk(client)))["id"]
    for wrong in (theirs, "00000000-0000-0000-0000-0000000000ff"):
        for refused in (await lead.patch(i, team_id=wrong), await lead.do(i, "assign", team_id=wrong)):
            assert [e["path"] for e in problem(refused, 422, "invalid")["errors"]] == ["team_id"]
    mine = (await new_team(lead))["id"]
    problem(await lead.patch(i, team_id=mine + "\n"), 422, "invalid")
    assert ok(await desks["agent"].patch(i, team_id=mine))["team_id"] == mine
    assert ok(await desks["agent"].patch(i, team_id=None))["team_id"] is None


# -- canned responses


async def test_a_canned_response_is_filled_in(server: OwnServer, desks: dict[str, Desk]) -> None:
    lead, service = desks["lead"], desks["service"]
    code = f"/{fresh('Refund')}"
    text = "Hi {{ contact_name }}, {{agent_name}} here about {{conversation_id}}. {{unknown}}"
    body = {"short_code": code, "title": "Refund", "content": text, "category": "billing"}
    made = ok(await lead.http.post("/v1/canned-responses", json=body), 201)
    assert made | body == made and made["created_by"] == "lead-1"
    path = f"/v1/canned-responses/{made['id']}"
    taken = problem(await lead.http.post("/v1/canned-responses", json=body | {"short_code": code.lower()}), 409,
                    "conflict")  # fmt: skip
    assert taken["current"] == {"canned_response_id": made["id"]}
    for wrong in ("", "/a b", "/a\n", "x" * 101):
        refused = problem(
            await lead.http.post("/v1/canned-responses", json=body | {"short_code": wrong}), 422, "invalid"
        )
        assert refused["errors"][0]["path"] == "short_code"
    found = ok(
        await desks["agent"].http.get(
            "/v1/canned-responses", params={"q": code[1:].upper(), "category": "billing"}
        )
    )
    assert found["items"] == [made]

    c = await service.open(contact_name="{{agent_name}}")
    asked = {"conversation_id": c["id"]}
    async with server.client(server.token("agent", fresh("agent"), name="Abeba")) as client:
        rendered = ok(await client.post(path + "/render", json=asked), 200)
    assert rendered == {"content": f"Hi {{{{agent_name}}}}, Abeba here about {c['id']}. {{{{unknown}}}}"}
    nameless = ok(await service.http.post(path + "/render", json=asked), 200)["content"]
    assert nameless == f"Hi {{{{agent_name}}}},  here about {c['id']}. {{{{unknown}}}}"
    nowhere = {"conversation_id": "00000000-0000-0000-0000-0000000000ff"}
    gone = problem(await lead.http.post(path + "/render", json=nowhere), 404, "not_found")
    assert gone["errors"][0]["path"] == "conversation_id"
    assert ok(await lead.http.patch(path, json={"category": None}))["category"] is None
    ok(await lead.http.delete(path), 204)
    problem(await desks["agent"].http.get(path), 404, "not_found")


# -- mentions


@pytest.mark.parametrize("kind", READERS)
async def test_who_is_named_in_a_note_hears_of_it_live_and_again(
    server: OwnServer, desks: dict[str, Desk], kind: str
) -> None:
    agent, c = desks["agent"], await desks["service"].open()
    named, called = fresh("agent"), fresh("Ünal")
    stranger = server.token("agent", fresh("agent"))
    token, by_name = server.token("agent", named), server.token("agent", fresh("agent"), name=f"{called} B")
    async with (
        READERS[kind](server, token, topics="user") as one,
        READERS[kind](server, by_name, topics="user") as two,
        READERS[kind](server, stranger, topics="user") as none,
    ):
        text = f'@{named}, @"{called.upper()} b" and @agent-1: look'
        note = ok(await agent.say(c["id"], text, is_private=True, metadata={"mentions": ["x"], "a": 1}), 201)
        readers = (one, two)
        await asyncio.gather(
            *(r.until(lambda r=r: r.entries("notification:mention"), "the mention") for r in readers)
        )
        events = [r.entries("notification:mention") for r in readers]
        quiet = ok(await agent.say(c["id"], f"@{named}"), 201)
        assert quiet["metadata"] == {}
        last = ok(await agent.say(c["id"], f"@{named} again", is_private=True), 201)
        await one.until(lambda: len(one.entries("notification:mention")) == 2, "the second mention")
        assert none.entries("notification:mention") == []
    assert note["metadata"]["a"] == 1 and note["metadata"]["mentions"][0] == named
    assert len(note["metadata"]["mentions"]) == 2, "neither what the client wrote nor the author"
    for (event,) in events:
        assert event["data"] == note and event["topic"].startswith("user:") and event["seq"] == note["seq"]
    async with READERS[kind](server, token, topics="user", since=events[0][0]["id"]) as later:
        await later.until(lambda: later.entries("notification:mention"), "the replay")
        assert [e["data"] for e in later.entries("notification:mention")] == [last]
    assert [m["metadata"] for m in await agent.messages(c["id"])] == [note["metadata"], {}, last["metadata"]]


# -- typing


TYPING = "conversation:typing"


def said(reader: Reader) -> list[tuple[str, str | None, str]]:
    return [(e["data"]["user_id"], e["data"]["name"], e["data"]["state"]) for e in reader.entries(TYPING)]


async def test_who_vanishes_is_not_typing_for_ever(server: OwnServer, service: Desk) -> None:
    identifier = fresh()
    c = await service.open(identifier, WEBCHAT, contact_name="Sara")
    i, topic = c["id"], f"conversation:{c['id']}"
    async with AsyncExitStack() as stack:
        tokens = [server.token("agent", f"reader-{n}") for n in range(3)]  # both gateways get some
        readers = [
            await stack.enter_async_context(READERS[kind](server, token, topic))
            for token in tokens
            for kind in READERS
        ]
        async with open_socket(server, server.customer(identifier)) as socket:
            chat = Chat(socket)
            await chat.event("ready")
            for _ in range(20):
                await chat.ask("conversation:typing:start", conversation_id=i)
        started = time.monotonic()
        async with server.client(server.token("agent", fresh("agent"), name="Abeba")) as client:
            ok(await Desk(client).do(i, "typing", state="start"), 204)
            ok(await Desk(client).do(i, "typing", state="stop"), 204)
        for reader in readers:
            await reader.until(lambda r=reader: (identifier, "Sara", "stop") in said(r), "the stop")
        assert time.monotonic() - started > 4
    for reader in readers:
        events = said(reader)
        customers = [(name, state) for who, name, state in events if who == identifier]
        assert customers[0] == ("Sara", "start") and customers[-1] == ("Sara", "stop")
        assert customers.count(("Sara", "stop")) == 1 and len(customers) < 10
        assert [(name, state) for who, name, state in events if who != identifier] == [
            ("Abeba", "start"),
            ("Abeba", "stop"),
        ]
        assert all(e["seq"] is None for e in reader.entries(TYPING))


# -- figures and labels


async def test_an_agents_own_figures(server: OwnServer, desks: dict[str, Desk]) -> None:
    user, identifier = fresh("agent"), fresh()
    i = (await desks["service"].open(identifier))["id"]
    async with server.client(server.token("agent", user)) as client:
        desk = Desk(client)
        ok(await desk.do(i, "assign", agent_id="me"), 200)
        ok(await desk.say(i, "hello"), 201)
        ok(await desk.say(i, "a note", is_private=True), 201)
        ok(await desk.patch(i, status="resolved"), 200)
        ok(await desks["service"].do(i, "csat", score=4), 200)
        own = ok(await client.get("/v1/agents/me/stats"), 200)
        assert own == ok(
            await client.get(f"/v1/agents/{user}/stats", params={"from": own["from"], "to": own["to"]})
        )
        problem(await client.get("/v1/agents/agent-1/stats"), 403, "forbidden")
        problem(await client.get("/v1/agents/me/stats?from=2026-01-01"), 422, "invalid")
    assert (own["user_id"], own["assigned"], own["resolved"], own["messages"]) == (user, 1, 1, 1)
    assert own["first_reply"]["count"] == 1 and own["csat"]["average"] == 4
    problem(await desks["service"].http.get("/v1/agents/me/stats"), 404, "not_found")


async def test_labels_are_counted(desks: dict[str, Desk]) -> None:
    label = fresh("label")
    for _ in range(2):
        await desks["service"].open(labels=[label])
    items = ok(await desks["agent"].http.get("/v1/labels"), 200)["items"]
    assert {"label": label, "count": 2} in items
    assert items == sorted(items, key=lambda i: (-i["count"],)) or len(items) == 1000
