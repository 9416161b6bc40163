"""The omnichannel contract's end-to-end flow, step by step, with nothing left out: a customer on WhatsApp wants a refund; the
bot answers, the right agent gets the conversation, answers, resolves; the customer comes back.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

import httpx
from desks import Desk, ok
from plain_http import NO_TLS
from routing_accounts import Team, make_account
from serving import OwnServer
from waiting import until

from tertulia.serving import demo

CREDENTIALS = {
    "app_secret": "story-secret",
    "verify_token": "story-verify",
    "access_token": "story-token",
    "phone_number_id": "100000000000777",
}
CUSTOMER = "+14155550777"


async def whatsapp(server: OwnServer, team: Team, double: httpx.AsyncClient) -> str:
    """A WhatsApp channel of the account, at the double."""
    config = {"base_url": str(double.base_url).rstrip("/")}
    body = {"type": "whatsapp", "name": "Support line", "config": config, "credentials": CREDENTIALS}
    channel = ok(await team.admin.http.post("/v1/channels", json=body), 201)["id"]
    known = {"id": channel, "type": "whatsapp", "credentials": CREDENTIALS}
    known["webhook_url"] = f"{server.url}/v1/webhooks/whatsapp/{channel}"
    ok(await double.post("/double/channels", json=known), 201)
    return channel


async def test_i_want_a_refund(server: OwnServer, desks: dict[str, Desk]) -> None:
    shown = ok(await desks["admin"].http.get(f"/v1/channels/{demo.CHANNELS[0].id}"), 200)
    async with (
        AsyncExitStack() as stack,
        httpx.AsyncClient(base_url=shown["config"]["base_url"], timeout=30, verify=NO_TLS) as double,
    ):
        team = await make_account(server, stack)
        channel = await whatsapp(server, team, double)

        async def customer_says(text: str) -> None:
            play = {"from": CUSTOMER, "name": "Sara", "text": text}
            (answer,) = ok(await double.post(f"/double/{channel}/messages", json=play))["answers"]
            assert answer["status"] == 200

        async def customer_was_sent(count: int) -> list[str] | None:
            items = ok(await double.get(f"/double/{channel}/sent"), 200)["items"]
            return [item["text"] for item in items] if len(items) >= count else None

        # the billing team: Ana knows billing; Ben is free as well, and does not
        billing = ok(await team.lead.http.post("/v1/teams", json={"name": "Billing"}), 201)["id"]
        for name, topics in (("ana", ["billing"]), ("ben", ["technical"])):
            await team.prefer(
                name, available_topics=topics, available_channels=["whatsapp"], auto_accept=True
            )
        ok(await team.lead.http.post(f"/v1/teams/{billing}/members", json={"user_id": "ana"}))
        policy = {
            "short_code": "/refund",
            "title": "Refunds",
            "content": "{{contact_name}}, refunds take 30 days.",
        }
        template = ok(await team.lead.http.post("/v1/canned-responses", json=policy), 201)["id"]
        actions: dict[str, Any] = {
            "reply_template_id": template,
            "assign_team_id": billing,
            "assign_strategy": "least_busy",
            "set_labels": ["billing", "refund"],
            "set_priority": "high",
        }
        rule = {
            "name": "Billing Keywords",
            "priority": 1,
            "trigger_type": "keyword",
            "conditions": {"keywords": ["refund", "return"], "match_mode": "any"},
            "actions": actions,
        }
        ok(await team.admin.http.post("/v1/bot-rules", json=rule), 201)

        async with team.stream("ana") as ana_hears:
            for name in ("ana", "ben"):
                await team.appear(name)
            # 1–5: the customer writes; the bot answers and routes
            await customer_says("I want a refund")
            notice = await ana_hears.event("notification:assignment")
            conversation = notice["conversation_id"]
            c = await team.lead.get(conversation)
            assert (c["status"], c["assignee_id"], c["team_id"]) == ("assigned", "ana", billing)
            assert (c["labels"], c["priority"], c["contact_name"]) == (["billing", "refund"], "high", "Sara")
            assert c["contact_identifier"] == CUSTOMER and c["channel_id"] == channel
            sent = await until(lambda: customer_was_sent(1), "the bot's answer to be sent")
            assert sent == ["Sara, refunds take 30 days."]
            (held,) = ok(await team.lead.http.get(f"/v1/conversations/{conversation}/assignments"), 200)[
                "items"
            ]
            assert held["agent_id"] == "ana" and held["explain"]["chosen"] == "ana"

            # 6–7: Ana opens it, sees what was said, answers
            ana = await team.desk("agent", "ana")
            detail = ok(
                await ana.http.get(f"/v1/conversations/{conversation}", params={"include": "messages"}), 200
            )
            assert [(m["sender_type"], m["content"]) for m in detail["messages"]] == [
                ("contact", "I want a refund"),
                ("bot", "Sara, refunds take 30 days."),
            ]
            ok(await ana.say(conversation, "Hi! What is your order number?"), 201)
            sent = await until(lambda: customer_was_sent(2), "Ana's answer to be sent")
            assert sent[1] == "Hi! What is your order number?"
            assert (await ana.get(conversation))["first_reply_at"]

            # the customer answers, to a human: the bot keeps silent
            await customer_says("It is 4711, I want to return it")
            said = await ana.messages(conversation)
            assert [m["sender_type"] for m in said] == ["contact", "bot", "agent", "contact"]

            # Ana resolves it; the customer comes back, and it is opened again
            ok(await ana.patch(conversation, status="resolved"), 200)
            assert (await ana.get(conversation))["resolved_at"]
            await customer_says("One more question")

            async def taken_again() -> bool:
                return (await ana.get(conversation))["status"] in ("open", "assigned")

            await until(taken_again, "the conversation to be open again")
            c = await ana.get(conversation)
            assert c["id"] == conversation and c["resolved_at"] is None and c["unread_count"] >= 1
