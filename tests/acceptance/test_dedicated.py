"""Conversations in processes of their own: a message takes the same path, from the bot's rule to the next in the queue."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from desks import ok
from routing_accounts import Team, make_account
from serving import OwnServer
from waiting import until


async def customer_writes(server: OwnServer, team: Team, text: str) -> str:
    """A new customer's first message in the web chat. The conversation."""
    async with server.client() as visitor:
        session = ok(await visitor.post(f"/v1/webchat/{team.channel}/sessions", json={}))
    async with server.client(session["token"]) as visitor:
        return ok(await visitor.post("/v1/webchat/messages", json={"content": text}), 201)["conversation_id"]


async def test_a_process_for_each_conversation(own_server: Callable[..., Awaitable[OwnServer]]) -> None:
    one_each = {"TERTULIA_PLACEMENT": "dedicated", "TERTULIA_HOSTS": "1", "TERTULIA_GATEWAYS": "1"}
    server = await own_server({**one_each, "TERTULIA_SUPERVISORS": "2"})
    async with AsyncExitStack() as stack:
        team = await make_account(server, stack)
        billing = ok(await team.lead.http.post("/v1/teams", json={"name": "Billing"}), 201)["id"]
        for name in ("ana", "ben"):  # Ben is free, and not of the team
            await team.prefer(name, auto_accept=True, max_concurrent_conversations=1)
            await team.appear(name)
        ok(await team.lead.http.post(f"/v1/teams/{billing}/members", json={"user_id": "ana"}))
        rule = {
            "name": "Refunds",
            "priority": 1,
            "trigger_type": "keyword",
            "conditions": {"keywords": ["refund"], "match_mode": "any"},
            "actions": {"reply_text": "One moment.", "assign_team_id": billing, "set_labels": ["refund"]},
        }
        ok(await team.admin.http.post("/v1/bot-rules", json=rule), 201)

        first = await customer_writes(server, team, "I want a refund")
        await until(lambda: team.assignee(first), "ana to get the first")
        second = await customer_writes(server, team, "a refund, please")
        await until(lambda: team.waits(second), "the second to wait for her")
        assert len(server.pids("ray::ConversationProcess")) == 2

        ana = await team.desk("agent", "ana")
        ok(await ana.say(first, "Your order number?"), 201)
        said = [(m["sender_type"], m["content"]) for m in await ana.messages(first)]
        assert said == [
            ("contact", "I want a refund"), ("bot", "One moment."), ("agent", "Your order number?"),
        ]  # fmt: skip
        c = await ana.get(first)
        assert (c["assignee_id"], c["team_id"], c["labels"]) == ("ana", billing, ["refund"])
        ok(await ana.patch(first, status="resolved"), 200)
        await until(lambda: team.assignee(second), "ana to get the next")
        (assignment,) = ok(await team.lead.http.get(f"/v1/conversations/{second}/assignments"))["items"]
        assert assignment["agent_id"] == "ana"
        reasons = {x["agent_id"]: x.get("reasons") for x in assignment["explain"]["candidates"]}
        assert reasons["ben"] == ["team"] and not reasons["ana"]
