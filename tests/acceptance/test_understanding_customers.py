"""Message analysis for bots and routing: languages, anger, intents; with a working classifier, and with one that fails."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from desks import Desk, fresh, ok
from routing_accounts import Team, make_account
from serving import OwnServer
from waiting import until

RULES = "/v1/bot-rules"
GERMAN = "Guten Tag, wo ist meine Bestellung?"


@pytest.fixture
async def team(server: OwnServer) -> AsyncIterator[Team]:
    async with AsyncExitStack() as stack:
        yield await make_account(server, stack)


async def rule(team: Team, name: str, conditions: dict[str, Any], **actions: Any) -> dict[str, Any]:
    body = {"name": name, "trigger_type": "keyword", "conditions": conditions, "actions": actions}
    return ok(await team.admin.http.post(RULES, json=body), 201)


async def tried(team: Team, content: str, **fields: Any) -> dict[str, Any]:
    body = {"content": content, "channel_type": "webchat", **fields}
    return ok(await team.admin.http.post(RULES + "/test", json=body), 200)


async def told(team: Team, content: str, **opening: Any) -> dict[str, Any]:
    """The conversation of a new customer who says this."""
    c = await team.open(**opening)
    ok(await team.service.say(c["id"], content, sender_type="contact"), 201)
    return await team.service.get(c["id"])


async def answers(team: Team, conversation: str) -> list[str]:
    said = await team.service.messages(conversation)
    return [m["content"] for m in said if m["sender_type"] == "bot"]


async def test_a_rule_for_those_who_write_in_german(team: Team) -> None:
    await rule(
        team, "German", {"keywords": ["bestellung", "order"], "languages": ["de"]}, reply_text="Moment!"
    )
    c = await told(team, GERMAN)
    assert c["status"] == "bot" and c["bot_context"] == {"language": "de"}
    kinds = [e["kind"] for e in await team.service.entries(c["id"])]
    assert kinds == ["message", "updated", "message", "status"]
    for content, language in (("Where is my order?", "en"), ("order", None), ("ትዕዛዜ የት አለ? order", "am")):
        c = await told(team, content)
        assert await answers(team, c["id"]) == [] and c["bot_context"].get("language") == language
    known_before = await told(team, "order", metadata={"language": "de"})
    assert await answers(team, known_before["id"]) == ["Moment!"] and known_before["bot_context"] == {}

    (verdict,) = (await tried(team, GERMAN))["rules"]
    assert verdict["matched"] and "language de (detected) is one of de" in verdict["reasons"]
    (verdict,) = (await tried(team, GERMAN, language="fr"))["rules"]
    assert not verdict["matched"] and "language fr is not one of de" in verdict["reasons"]
    (verdict,) = (await tried(team, "order"))["rules"]
    assert "language unknown is not one of de" in verdict["reasons"]


async def test_who_writes_in_german_gets_who_speaks_it(team: Team, server: OwnServer) -> None:
    async def first(content: str) -> str:
        """The conversation that a new customer's message opens."""
        token = server.customer(fresh("customer"), team.account, team.channel)
        async with server.client(token) as client:
            said = ok(await client.post("/v1/webchat/messages", json={"content": content}), 201)
        return said["conversation_id"]

    for name, languages in (("ana", ["en"]), ("ben", ["de", "am"])):
        await team.prefer(name, auto_accept=True, languages=languages)

    for name in ("ana", "ben"):
        await team.appear(name)
    async with team.stream("lena", "lead") as stream:
        for content, agent in (
            (GERMAN, "ben"),
            ("Where is my order, please?", "ana"),
            ("ትዕዛዜ የት አለ?", "ben"),
        ):
            c = await first(content)
            await until(lambda c=c: team.assignee(c), "an agent")
            assert await team.assignee(c) == agent
        changed = await stream.event("conversation:updated")
        assert changed["data"] == {"bot_context": {"language": "de"}}


async def test_who_is_angry_in_english_gets_a_human(team: Team) -> None:
    await rule(team, "Order", {"keywords": ["order", "die"]}, reply_text="We look into it.", set_labels=["o"])
    angry = "This order is the worst ever, you are liars and thieves!"
    c = await told(team, angry)
    assert await answers(team, c["id"]) == [] and c["labels"] == ["o"]
    assert c["status"] == "open" and c["handoff_requested"]
    assert c["handoff_reason"].startswith("Strongly negative sentiment (-0.")
    dry = (await tried(team, angry))["actions"]
    assert dry["handoff"] == c["handoff_reason"] and "reply_text" not in dry
    german = "die Firma hat die Ware, die ich nicht will"
    assert await answers(team, (await told(team, german))["id"]) == ["We look into it."]
    assert "handoff" not in (await tried(team, german))["actions"]

    await team.settings(handoff_sentiment=-1)
    assert await answers(team, (await told(team, angry))["id"]) == ["We look into it."]
    assert "handoff" not in (await tried(team, angry))["actions"]
    refused = await team.admin.http.patch("/v1/account", json={"settings": {"handoff_sentiment": -2}})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["path"] == "settings.handoff_sentiment"


# -- the classifier

Answer = Callable[[dict[str, Any]], Awaitable[web.StreamResponse]]


class Classifier:
    """The operator's: knows a bill when it sees one."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.keys: set[str | None] = set()
        self.answer: Answer = self.well

    async def well(self, question: dict[str, Any]) -> web.StreamResponse:
        intent = "billing" if "charged" in question["text"] else "other"
        return web.json_response({"intent": intent, "confidence": 0.9})

    async def handle(self, request: web.Request) -> web.StreamResponse:
        question = await request.json()
        self.asked.append(question)
        self.keys.add(request.headers.get("Authorization"))
        return await self.answer(question)

    async def nonsense(self, question: dict[str, Any]) -> web.StreamResponse:
        return web.Response(text=json.dumps({"intent": "billing", "confidence": "very"}))


@asynccontextmanager
async def a_classifier(server: OwnServer) -> AsyncIterator[Classifier]:
    classifier = Classifier()
    app = web.Application()
    app.router.add_post("/classify", classifier.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", server.classifier_port).start()
    try:
        yield classifier
    finally:
        await runner.cleanup()


async def test_a_rule_by_intent(team: Team, server: OwnServer, service: Desk) -> None:
    charged = "I was charged twice"
    asks = {"intent": "billing", "confidence_min": 0.7}
    async with a_classifier(server) as classifier:
        made = await rule(team, "Billing", asks, reply_text="About your bill …")
        c = await told(team, charged)
        assert c["status"] == "bot" and await answers(team, c["id"]) == ["About your bill …"]
        assert classifier.keys == {"Bearer classifier-key"}
        question = {"text": charged, "channel_type": "webchat", "language": None, "account_id": team.account}
        assert classifier.asked[-1] == question
        c = await told(team, "what a day", metadata={"language": "en"})
        assert c["status"] == "open" and await answers(team, c["id"]) == []
        assert classifier.asked[-1]["language"] == "en"
        (verdict,) = (await tried(team, charged))["rules"]
        assert (verdict["rule_id"], verdict["matched"]) == (made["id"], True)
        assert verdict["reasons"] == ["intent billing with confidence 0.90"]

        ok(await team.service.do(c["id"], "assign", agent_id=fresh("holder")), 200)
        elsewhere = (await service.open())["id"]
        asked = len(classifier.asked)
        # an agent's, and one of an account without such a rule
        for desk, conversation in ((team.service, c["id"]), (service, elsewhere)):
            ok(await desk.say(conversation, charged, sender_type="contact"), 201)
        assert len(classifier.asked) == asked

        classifier.answer = classifier.nonsense
        before = len(classifier.asked)
        c = await told(team, charged)
        assert c["status"] == "open" and await answers(team, c["id"]) == [] and not c["handoff_requested"]
        assert len(classifier.asked) == before + 1
        (verdict,) = (await tried(team, charged))["rules"]
        assert verdict["reasons"] == ["the message was not classified"]
    # nobody there at all: the customer is not told, and the other rules continue
    await rule(team, "Day", {"keywords": ["day"]}, reply_text="A good day to you.")
    assert await answers(team, (await told(team, "what a day"))["id"]) == ["A good day to you."]
    c = await told(team, charged)
    assert c["status"] == "open" and await answers(team, c["id"]) == []
