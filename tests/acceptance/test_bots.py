"""Bot rules over HTTP: the contract's "I want a refund" step by step, the dry run, and what must never block a customer."""

from __future__ import annotations

from typing import Any

import pytest
from desks import Desk, ok, problem
from offices import RULES, Office
from serving import OwnServer


async def test_i_want_a_refund(server: OwnServer, office: Office) -> None:
    admin = office.admin.http
    team = ok(await admin.post("/v1/teams", json={"name": "Billing"}), 201)
    body = {"short_code": "/refund", "title": "Refunds", "content": "{{contact_name}}, you have 30 days."}
    text = ok(await admin.post("/v1/canned-responses", json=body), 201)
    rule = await office.rule(
        "Billing Keywords", "keyword", {"keywords": ["refund", "return"], "match_mode": "any"},
        reply_template_id=text["id"], assign_team_id=team["id"], assign_strategy="round_robin",
        set_labels=["billing", "refund"], set_priority="high",
    )  # fmt: skip
    said = {"content": "I want a refund", "channel_type": "webchat"}
    tried = ok(await admin.post(RULES + "/test", json=said), 200)
    assert [(v["rule_id"], v["matched"]) for v in tried["rules"]] == [(rule["id"], True)]
    assert "refund" in tried["rules"][0]["reasons"][0]
    assert tried["actions"]["set_labels"] == ["billing", "refund"] and tried["actions"]["handoff"]

    opened = await office.service.open(channel=office.account.channel, contact_name="Carla")
    first = await office.service.say(
        opened["id"], "I want a refund", sender_type="contact", client_message_id="m1"
    )
    message = ok(first, 201)
    assert message["content"] == "I want a refund" and message["direction"] == "inbound"
    c = await office.service.get(opened["id"])
    assert (c["status"], c["priority"], c["labels"]) == ("open", "high", ["billing", "refund"])
    assert c["team_id"] == team["id"] and c["handoff_requested"] and "Billing" in c["handoff_reason"]
    asked, reply = await office.service.messages(opened["id"])
    assert asked["id"] == message["id"] and reply["content"] == "Carla, you have 30 days."
    assert (reply["sender_type"], reply["sender_id"], reply["direction"]) == ("bot", rule["id"], "outbound")
    assert reply["metadata"]["rule_id"] == rule["id"] and reply["metadata"]["reasons"]
    queue = ok(await office.service.http.get("/v1/queue"), 200)["items"]
    assert opened["id"] in [item["conversation_id"] for item in queue]
    # the same message again, and another one: the bot has handed over, and keeps silent
    again = await office.service.say(
        opened["id"], "I want a refund", sender_type="contact", client_message_id="m1"
    )
    assert ok(again, 200)["id"] == message["id"]
    ok(await office.service.say(opened["id"], "refund!", sender_type="contact"), 201)
    bots = [m for m in await office.service.messages(opened["id"]) if m["sender_type"] == "bot"]
    assert len(bots) == 1
    # an agent takes it, resolves it; the customer writes again: it is open, and the bot is there again
    async with server.client(server.token("lead", "lea", office.account.id)) as client:
        agent = Desk(client)
        ok(await client.put("/v1/agents/me/presence", json={"status": "online"}))
        ok(await agent.do(opened["id"], "assign", agent_id="lea"), 200)
        ok(await agent.say(opened["id"], "What is your order number?"), 201)
        ok(await office.service.say(opened["id"], "refund for 17", sender_type="contact"), 201)
        ok(await agent.patch(opened["id"], status="resolved"), 200)
    c = await office.service.get(opened["id"])
    assert c["status"] == "resolved" and c["first_reply_at"]
    assert len([m for m in await office.service.messages(opened["id"]) if m["sender_type"] == "bot"]) == 1
    ok(await office.service.say(opened["id"], "another refund", sender_type="contact"), 201)
    assert [m["sender_type"] for m in await office.service.messages(opened["id"])][-1] == "bot"


async def test_a_dry_run_is_what_happens_and_writes_nothing(office: Office, server: OwnServer) -> None:
    await office.rule(
        "Order", "keyword", {"keywords": ["order", "parcel"], "match_mode": "all"}, reply_text="Both"
    )
    await office.rule(
        "Night", "time_based", {"time_range": {"start": "00:00", "end": "24:00"}}, set_labels=["day"]
    )
    await office.rule("Hi", "new_conversation", {"channels": ["webchat"]}, reply_text="Welcome")
    for text in ("order and parcel", "hello", "a human please"):
        before = await server.sql("SELECT count(*) FROM entries WHERE account_id = $1", office.account.id)
        tried = ok(
            await office.admin.http.post(RULES + "/test", json={"content": text, "channel_type": "webchat"}),
            200,
        )
        after = await server.sql("SELECT count(*) FROM entries WHERE account_id = $1", office.account.id)
        assert before == after
        c = await office.told(text)
        replies = [m["content"] for m in await office.service.messages(c["id"]) if m["sender_type"] == "bot"]
        told = tried["actions"].get("reply_text")
        assert replies == ([] if told is None else [told])
        assert c["labels"] == tried["actions"].get("set_labels", [])
        assert c["handoff_requested"] is ("handoff" in tried["actions"])


async def test_a_change_counts_from_its_answer_on(office: Office) -> None:
    async def heard(text: str) -> list[tuple[list[str], bool]]:
        """What became of several customers who say this, so that every host is asked."""
        return [(c["labels"], c["handoff_requested"]) for c in [await office.told(text) for _ in range(6)]]

    admin = office.admin.http
    assert await heard("word person") == 6 * [([], True)]
    settings = {"handoff_keywords": ["somebody"]}
    ok(await admin.patch("/v1/account", json={"settings": settings}), 200)
    assert await heard("word person") == 6 * [([], False)]
    rule = await office.rule("Word", "keyword", {"keywords": ["word"]}, set_labels=["a"])
    assert await heard("word person") == 6 * [(["a"], False)]
    ok(await admin.patch(f"{RULES}/{rule['id']}", json={"actions": {"set_labels": ["b"]}}), 200)
    assert await heard("word somebody") == 6 * [(["b"], True)]
    ok(await admin.delete(f"{RULES}/{rule['id']}"), 204)
    assert await heard("word person") == 6 * [([], False)]


async def test_at_night_there_are_other_rules(office: Office) -> None:
    night = {"time_range": {"start": "18:00", "end": "08:00", "tz": "Africa/Addis_Ababa"}}
    await office.rule("Night", "time_based", night, reply_text="Offline")

    async def matched(at: str) -> bool:
        body = {"content": "x", "channel_type": "sms", "at": at}
        (verdict,) = ok(await office.admin.http.post(RULES + "/test", json=body), 200)["rules"]
        return verdict["matched"]

    assert await matched("2026-11-21T22:00:00+03:00") and await matched("2026-11-22T04:59:59Z")
    assert not await matched("2026-11-22T05:00:00Z") and not await matched("2026-11-21T14:59:00Z")


async def test_a_faulty_rule_in_the_database_blocks_nobody(office: Office, server: OwnServer) -> None:
    await server.sql(
        "INSERT INTO bot_rules (id, account_id, name, priority, trigger_type, conditions, actions)"
        " VALUES (gen_random_uuid(), $1, 'Bad', -5, 'keyword', '[]', '{\"assign_team_id\": \"none\"}')",
        office.account.id,
    )
    await office.rule("Hello", "keyword", {"keywords": ["hello"]}, reply_text="Hello to you")
    c = await office.told("hello")
    assert [m["content"] for m in await office.service.messages(c["id"])] == ["hello", "Hello to you"]
    body = {"content": "hello", "channel_type": "webchat"}
    tried = ok(await office.admin.http.post(RULES + "/test", json=body), 200)["rules"]
    assert [(v["name"], v["matched"], v["faulty"]) for v in tried] == [
        ("Bad", False, True), ("Hello", True, False)
    ]  # fmt: skip


async def test_a_bot_that_is_unsure_three_times_gives_up(office: Office) -> None:
    opened = await office.service.open(channel=office.account.channel)
    for n in range(3):
        ok(await office.service.say(opened["id"], f"question {n}", sender_type="contact"), 201)
        said = {"sender_type": "bot", "metadata": {"low_confidence": True}}
        ok(await office.service.say(opened["id"], "perhaps", **said), 201)
    c = await office.service.get(opened["id"])
    assert c["handoff_requested"] and c["status"] == "open" and "low-confidence" in c["handoff_reason"]
    late = await office.service.say(opened["id"], "one more", sender_type="bot")
    assert problem(late, 409, "conflict")["current"]["handoff_requested"] is True


GOOD = {"name": "R", "trigger_type": "keyword", "conditions": {"keywords": ["x"]}}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"trigger_type": "nonsense"}, "trigger_type"),
        ({"priority": "high"}, "priority"),
        ({"nonsense": 1}, "nonsense"),
        ({"conditions": {"keywords": ["x"], "nonsense": 1}}, "conditions.nonsense"),
        ({"conditions": {"keywords": ["x" * 101]}}, "conditions.keywords[0]"),
        ({"conditions": {"keywords": ["x"] * 101}}, "conditions.keywords"),
        ({"conditions": {}}, "conditions.keywords"),
        ({"conditions": {"keywords": ["x"], "channels": ["pigeon"]}}, "conditions.channels[0]"),
        ({"conditions": {"keywords": ["x"], "time_range": {"start": "25:00", "end": "08:00"}}},
         "conditions.time_range.start"),
        ({"conditions": {"keywords": ["x"], "time_range": {"start": "20:00", "end": "08:00", "tz": "Mars"}}},
         "conditions.time_range.tz"),
        ({"actions": {"set_priority": "huge"}}, "actions.set_priority"),
        ({"actions": {"assign_team_id": "00000000-0000-7000-8000-000000000000"}}, "actions.assign_team_id"),
        ({"actions": {"assign_team_id": "no id"}}, "actions.assign_team_id"),
        ({"actions": {"reply_template_id": "00000000-0000-7000-8000-000000000000"}}, "actions.reply_template_id"),
        ({"actions": {"collect_info": ["no field!"]}}, "actions.collect_info[0]"),
    ],
)  # fmt: skip
async def test_what_is_no_rule_is_refused_with_the_place(
    office: Office, change: dict[str, Any], path: str
) -> None:
    body = problem(await office.admin.http.post(RULES, json=GOOD | change), 422, "invalid")
    assert body["errors"][0]["path"] == path
    made = ok(await office.admin.http.post(RULES, json=GOOD), 201)
    body = problem(await office.admin.http.patch(f"{RULES}/{made['id']}", json=change), 422, "invalid")
    assert body["errors"][0]["path"] == path
    assert ok(await office.admin.http.get(f"{RULES}/{made['id']}"), 200) == made
