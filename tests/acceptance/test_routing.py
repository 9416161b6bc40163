"""Routing as agents and leads see it: who gets what, who waits, offers, presence, claims. Each test in an account of its own."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from desks import fresh, ok, problem
from readers import READERS, SseReader
from redis.asyncio import Redis
from routing_accounts import Team, make_account, self_replay
from serving import OwnServer
from typer.testing import CliRunner
from waiting import until

from tertulia.command_line.app import app
from tertulia.core.ports.http import Hint
from tertulia.simulator.scenario.loading import parsed
from tertulia.storage.valkey.hints import BATCHES, CHANNEL

NOTICE = "notification:queue"


@pytest.fixture
async def team(server: OwnServer) -> AsyncIterator[Team]:
    async with AsyncExitStack() as stack:
        yield await make_account(server, stack)


async def test_sixty_at_once_on_three_agents(team: Team) -> None:
    agents = ["ana", "ben", "cleo"]
    for name in agents:
        await team.prefer(name, auto_accept=True)
        await team.appear(name)
    opened = await asyncio.gather(*(team.open() for _ in range(60)))

    async def settled() -> bool:
        return len(await team.held()) == 15 and len(await team.queue()) == 45

    await until(settled, "15 assigned and 45 queued")
    holders = Counter((await team.held()).values())
    assert holders == {"ana": 5, "ben": 5, "cleo": 5}
    queue = await team.queue()
    assert [item["position"] for item in queue] == list(range(1, 46))
    assert [item["waiting_since"] for item in queue] == sorted(item["waiting_since"] for item in queue)
    assert {item["conversation_id"] for item in queue} | set(await team.held()) == {c["id"] for c in opened}
    # each resolve gives the oldest to whom it frees
    for _ in range(5):
        oldest = (await team.queue())[0]["conversation_id"]
        done, agent = next(iter((await team.held()).items()))
        ok(await team.lead.patch(done, status="resolved"))
        await until(lambda oldest=oldest: team.assignee(oldest), "the oldest to be assigned", 5)
        assert await team.assignee(oldest) == agent
        assert max(Counter((await team.held()).values()).values()) == 5
    listed = ok(await team.lead.http.get("/v1/conversations", params={"status": "open", "limit": 100}))[
        "items"
    ]
    places = {item["conversation_id"]: item["position"] for item in await team.queue()}
    assert {c["id"]: c["queue_position"] for c in listed} == places
    agents_now = ok(await team.lead.http.get("/v1/agents"))["items"]
    shown = {a["user_id"]: (a["status"], a["active"], a["maximum"]) for a in agents_now}
    assert all(shown[name] == ("online", 5, 5) for name in agents)


async def test_one_of_twenty_claims_wins(team: Team) -> None:
    c = await team.open()
    desks = [await team.desk("agent", f"agent{n}") for n in range(20)]
    answers = await asyncio.gather(*(d.do(c["id"], "assign", agent_id="me") for d in desks))
    won = [a.json()["assignee_id"] for a in answers if a.status_code == 200]
    assert len(won) == 1
    for answer in answers:
        if answer.status_code != 200:
            assert problem(answer, 409, "conflict")["current"]["assignee_id"] == won[0]


async def test_capacity_and_availability_bind_what_is_done_by_hand(team: Team) -> None:
    await team.prefer("ana", max_concurrent_conversations=1)
    first, second = await team.open(), await team.open()
    ok(await team.lead.do(first["id"], "assign", agent_id="ana"))
    refused = problem(await team.lead.do(second["id"], "assign", agent_id="ana"), 409, "conflict")
    assert refused["current"]["reason"] == "full" and refused["current"]["maximum"] == 1
    for answer in (
        await team.lead.patch(second["id"], assignee_id="ana"),
        await team.lead.do(second["id"], "handoff", reason="asked", agent_id="ana"),
    ):
        problem(answer, 409, "conflict")
    ok(await team.lead.patch(first["id"], status="resolved"))
    await until(lambda: team.can_assign(second["id"], "ana"), "the slot to be free")
    await team.prefer("ben", is_available=False)
    third = await team.open()
    refused = problem(await team.lead.do(third["id"], "assign", agent_id="ben"), 409, "conflict")
    assert refused["current"]["reason"] == "unavailable"
    assert (await team.lead.get(third["id"]))["status"] == "open"


async def test_an_agent_is_removed_once_they_hold_nothing(server: OwnServer, team: Team) -> None:
    await team.prefer("ana", auto_accept=True)
    await team.appear("ana")
    c, ana = await team.open(), await team.desk("agent", "ana")
    await until(lambda: team.assignee(c["id"]), "ana to have it")
    path = "/v1/agents/ana"
    problem(await team.lead.http.delete(path), 403, "forbidden")
    assert problem(await team.admin.http.delete(path), 409, "conflict")["current"] == {"assigned": [c["id"]]}

    async def shown() -> dict[str, str]:
        return {a["user_id"]: a["status"] for a in ok(await team.lead.http.get("/v1/agents"))["items"]}

    assert (await shown())["ana"] == "online", "a refused removal changes nothing"
    ok(await team.lead.patch(c["id"], status="resolved"))
    async with team.stream("ana"):
        ok(await team.admin.http.delete(path), 204)
        problem(await team.admin.http.delete(path), 404, "not_found")
        problem(await team.lead.http.get("/v1/agent-preferences/ana"), 404, "not_found")
        assert "ana" not in await shown()
        queued = await team.open()
        await until(lambda: team.waits(queued["id"]), "nobody to be there for it")
        assert problem(await team.lead.do(queued["id"], "assign", agent_id="ana"), 422, "invalid")["errors"]

        async def off_the_board() -> bool:
            at = datetime.now(UTC).isoformat()
            board = ok(await team.lead.http.get("/v1/routing/board", params={"at": at}), 200)
            return "ana" not in [a["user_id"] for a in board["agents"]]

        await until(off_the_board, "the journal to say that she is gone")
    (entry,) = ok(await team.admin.http.get("/v1/audit-log", params={"action": "agent.removed"}))["items"]
    assert (entry["target_id"], entry["actor_id"]) == ("ana", "adam")
    await team.appear("ana")  # her token is older than that: she is an agent again
    await until(lambda: team.offered_to(queued["id"], "ana"), "the waiting one to be offered to her")
    assert (await shown())["ana"] == "online"
    await team.appear("zoe")
    ok(await team.admin.http.delete("/v1/agents/zoe"), 204)
    assert "zoe" not in await shown(), "however short a time she was there"
    assert ok(await ana.http.get("/v1/agent-preferences/me"))["auto_accept"] is False, "with the defaults"
    found = await self_replay(server, team.account)
    assert found.agrees and found.equal >= 1


async def test_a_shadow_policy_counts_and_decides_nothing(server: OwnServer, team: Team) -> None:
    async def shadow() -> dict[str, Any]:
        return ok(await team.lead.http.get("/v1/routing/shadow"), 200)

    none = {
        "policy": None,
        "since": None,
        "decisions": 0,
        "compared": 0,
        "agreed": 0,
        "agreement": None,
        "agents": [],
        "recent": [],
    }
    assert await shadow() == none
    wrong = await team.admin.http.patch(
        "/v1/account", json={"settings": {"routing": {"shadow_policy": "best"}}}
    )
    assert problem(wrong, 422, "invalid")["errors"][0]["path"] == "settings.routing.shadow_policy"
    await team.settings(routing={"shadow_policy": "longest_idle"})
    for name in ("ana", "ben"):
        await team.prefer(name, auto_accept=True)
        await team.appear(name)
    opened = []
    for _ in range(2):
        opened.append((await team.open())["id"])
        await until(lambda: team.assignee(opened[-1]), "it to be assigned")
    hers, his = [await team.assignee(c) for c in opened]
    assert {hers, his} == {"ana", "ben"}
    ok(await team.lead.patch(opened[1], status="resolved"))
    await until(lambda: _is_free(team, str(his)), "the second one to be free")
    third = (await team.open())["id"]
    await until(lambda: team.assignee(third), "it to be assigned")
    assert await team.assignee(third) == his, "by load, as the account's own policy says"
    found = await shadow()
    assert (found["policy"], found["decisions"], found["compared"], found["agreed"]) == (
        "longest_idle",
        3,
        3,
        2,
    )
    assert found["agreement"] == pytest.approx(2 / 3)
    (one,) = found["recent"]
    assert (one["conversation_id"], one["agent_id"], one["shadow_agent_id"]) == (third, his, hers)
    assert sorted((a["user_id"], a["got"], a["would_get"]) for a in found["agents"]) == sorted(
        [(hers, 1, 2), (his, 2, 1)]
    )
    metrics = (await team.lead.http.get("/metrics")).text
    assert (
        "tertulia_supervisor_shadow_compared{" in metrics and "tertulia_supervisor_shadow_agreed{" in metrics
    )
    await team.settings(routing={"shadow_policy": None})
    assert await shadow() == none


async def _is_free(team: Team, user: str) -> bool:
    agents = ok(await team.lead.http.get("/v1/agents"))["items"]
    return any(a["user_id"] == user and a["active"] == 0 for a in agents)


async def test_an_offer_is_declined_accepted_and_told(team: Team) -> None:
    ana, ben = await team.desk("agent", "ana"), await team.desk("agent", "ben")
    await team.prefer("ben", auto_accept=False, max_concurrent_conversations=1)
    await team.appear("ana")
    async with team.stream("ana") as hers, team.stream("ben") as his:
        c = await team.open(subject="refund")
        offer = await hers.event("notification:offer")
        assert offer["data"]["conversation_id"] == c["id"] and offer["data"]["subject"] == "refund"
        assert offer["data"]["expires_at"] > c["created_at"]
        problem(await ben.do(c["id"], "accept"), 409, "conflict")
        assert (await team.lead.get(c["id"]))["status"] == "open"
        await team.appear("ben")
        assert ok(await ana.do(c["id"], "decline"))["assignee_id"] is None
        again = await his.event("notification:offer")
        assert again["data"]["conversation_id"] == c["id"]
        problem(await ana.do(c["id"], "accept"), 409, "conflict")
        taken = ok(await ben.do(c["id"], "accept"))
        assert (taken["status"], taken["assignee_id"]) == ("assigned", "ben")
        assert (await his.event("notification:assignment"))["data"]["conversation_id"] == c["id"]
    kinds = [(e["kind"], e["data"].get("outcome")) for e in await team.lead.entries(c["id"])]
    assert kinds == [
        ("offered", None), ("offer_ended", "declined"), ("offered", None), ("offer_ended", "accepted"),
        ("assigned", None), ("status", None),
    ]  # fmt: skip
    (assignment,) = ok(await team.lead.http.get(f"/v1/conversations/{c['id']}/assignments"))["items"]
    chosen = {x["agent_id"]: x for x in assignment["explain"]["candidates"]}
    assert chosen["ben"]["rank"] == 1 and "declined" in chosen["ana"]["reasons"]


async def test_an_offer_lapses_and_goes_to_the_next_never_the_same_again(team: Team) -> None:
    await team.settings(offer_timeout_s=1)
    await team.appear("ana")
    c = await team.open()
    await until(lambda: team.offered_to(c["id"], "ana"), "an offer to ana")
    await team.appear("ben")
    await until(lambda: team.offered_to(c["id"], "ben"), "an offer to ben", 15)
    await until(lambda: team.outcomes(c["id"], 2), "both to lapse", 15)
    assert await team.outcomes(c["id"], 2) == ["timeout", "timeout"]
    (item,) = await team.queue()
    assert item["offered_to"] is None and item["waiting_since"] == c["created_at"]
    ok(await (await team.desk("agent", "ana")).do(c["id"], "assign", agent_id="me"))


async def test_who_is_gone_loses_what_they_have_not_answered(team: Team) -> None:
    await team.settings(presence_grace_s=1)
    for name in ("ana", "ben"):
        await team.prefer(name, auto_accept=True)
    await team.appear("ana")
    one, two = await team.open(), await team.open()
    for c in (one, two):
        await until(lambda c=c: team.assignee(c["id"]), "ana to get it")
    ana = await team.desk("agent", "ana")
    ok(await ana.say(one["id"], "hello"))
    await team.appear("ana", "offline")
    await until(lambda: team.is_open(two["id"]), "the unanswered one to be queued")
    (item,) = await team.queue()
    assert item["conversation_id"] == two["id"] and item["waiting_since"] == two["created_at"]
    await team.appear("ben")
    await until(lambda: team.assignee(two["id"]), "ben to get it")
    assert await team.assignee(two["id"]) == "ben" and await team.assignee(one["id"]) == "ana"


async def test_teams_and_their_strategies(team: Team) -> None:
    billing = ok(await team.admin.http.post("/v1/teams", json={"name": "Billing"}), 201)["id"]
    for name in ("ana", "ben"):
        await team.prefer(name, auto_accept=True)
        await team.appear(name, "online")
    ok(await team.admin.http.post(f"/v1/teams/{billing}/members", json={"user_id": "ben"}), 201)
    c = await team.open()
    await until(lambda: team.assignee(c["id"]), "somebody to get it")
    given = ok(await team.lead.do(c["id"], "assign", team_id=billing, strategy="round_robin"))
    assert (given["team_id"], given["assignee_id"], given["status"]) == (billing, "ben", "assigned")
    waits = ok(await team.lead.do(c["id"], "assign", team_id=billing, strategy="manual_queue"))
    assert (waits["status"], waits["assignee_id"]) == ("open", None)
    (item,) = await team.queue()
    assert item["strategy"] == "manual_queue" and item["requirements"]["team_id"] == billing
    ok(await (await team.desk("agent", "ben")).do(c["id"], "assign", agent_id="me"))
    nowhere = {"team_id": "00000000-0000-0000-0000-0000000000ff"}
    problem(await team.lead.do(c["id"], "assign", **nowhere), 422, "invalid")
    overflow = {"settings": {"routing": {"overflow": {"after_minutes": 1, **nowhere}}}}
    body = problem(await team.admin.http.patch("/v1/account", json=overflow), 422, "invalid")
    assert body["errors"][0]["path"] == "settings.routing.overflow.team_id"


async def test_a_snoozed_conversation_waits_for_nobody(team: Team) -> None:
    await team.prefer("ana", auto_accept=True)
    c = await team.open()
    now = datetime.now(UTC)
    ok(await team.lead.patch(c["id"], snoozed_until=(now + timedelta(hours=1)).isoformat()), 200)
    await until(lambda: team.waits(c["id"], False), "it to leave the queue")
    await team.appear("ana")
    other = await team.open()
    await until(lambda: team.assignee(other["id"]), "ana to get the other one")
    assert (await team.lead.get(c["id"]))["status"] == "open"
    ok(await team.lead.patch(c["id"], snoozed_until=now.isoformat()), 200)
    await until(lambda: team.assignee(c["id"]), "its timer to end it")
    kinds = [e["kind"] for e in await team.lead.entries(c["id"])]
    assert kinds == ["updated", "updated", "updated", "assigned", "status"]


async def test_settings_reach_who_waits_and_regulars_get_their_agent(team: Team) -> None:
    for name in ("ana", "ben"):
        await team.prefer(name, auto_accept=True)
        await team.appear(name)
    await team.settings(routing={"strategy": "manual_queue", "sticky_hours": 1})
    before = await team.service.open("a regular", team.channel)
    await until(lambda: team.waits(before["id"]), "it to wait for a claim")
    ben = await team.desk("agent", "ben")
    ok(await ben.do(before["id"], "assign", agent_id="me"), 200)
    ok(await ben.patch(before["id"], status="closed"), 200)
    again, new = await team.service.open("a regular", team.channel), await team.open()
    for c in (again, new):
        await until(lambda c=c: team.waits(c["id"]), "it to wait for a claim")
    await team.settings(routing={"sticky_hours": 1})
    for c, agent in ((again, "ben"), (new, "ana")):
        await until(lambda c=c: team.assignee(c["id"]), "it to be given away")
        assert await team.assignee(c["id"]) == agent
    (assignment,) = ok(await team.lead.http.get(f"/v1/conversations/{again['id']}/assignments"))["items"]
    assert assignment["explain"]["sticky"] == "ben" and assignment["explain"]["strategy"] == "least_busy"


async def test_the_queue_is_told_and_paged(team: Team) -> None:
    async with team.stream("lena", "lead") as lead:
        opened = [await team.open() for _ in range(3)]
        told: dict[str, Any] = {}
        while len(told) < 3:
            event = await lead.event("queue:update")
            told[event["data"]["conversation_id"]] = event["data"]["position"]
        assert sorted(told.values()) == [1, 2, 3] and set(told) == {c["id"] for c in opened}
        first = ok(await team.lead.http.get("/v1/queue", params={"limit": 2}))
        rest = ok(await team.lead.http.get("/v1/queue", params={"cursor": first["next_cursor"]}))
        assert [i["conversation_id"] for i in first["items"] + rest["items"]] == [c["id"] for c in opened]
        assert rest["next_cursor"] is None and first["total"] == 3
        ok(await team.lead.patch(opened[0]["id"], status="resolved"))
        event = await lead.event("queue:update")
        assert event["data"]["position"] in (1, 2) and event["data"]["conversation_id"] in told
        await team.appear("ana", "away")
        seen = await lead.event("agent:presence")
        assert seen["data"] == {"user_id": "ana", "status": "away", "active": 0, "maximum": 5, "name": None}
    problem(await team.lead.http.get("/v1/queue", params={"cursor": "nonsense"}), 422, "invalid")


async def test_a_stream_says_and_keeps_presence(team: Team) -> None:
    await team.prefer("ana", auto_accept=True)
    async with team.stream("ana") as hers:
        assert (await hers.ask("agent:status", status="online"))["data"] == {"status": "online"}
        c = await team.open()
        await until(lambda: team.assignee(c["id"]), "ana to get it")
        other = await team.open()
        await until(lambda: team.assignee(other["id"]), "ana to get it")
        ok(await team.lead.do(other["id"], "release"))
        refused = await hers.ask("offer:accept", conversation_id=other["id"])
        assert refused["error"]["code"] == "conflict"
        taken = await hers.ask("agent:takeover", conversation_id=other["id"])
        assert taken["data"]["assignee_id"] == "ana"


@pytest.mark.parametrize("kind", READERS)
async def test_leads_are_told_once_of_what_presses_and_waits(
    server: OwnServer, team: Team, kind: str
) -> None:
    lead, agent = (server.token(role, f"{role}-9", team.account) for role in ("lead", "agent"))
    async with READERS[kind](server, lead) as one, READERS[kind](server, agent) as two:
        start = one.cursor
        calm = await team.open()
        high = await team.open(priority="high", subject="Money")
        await one.until(lambda: one.entries(NOTICE), "the notice")
        (event,) = one.entries(NOTICE)
        assert event["conversation_id"] == event["data"]["conversation_id"] == high["id"]
        assert (event["data"]["priority"], event["data"]["subject"]) == ("high", "Money")
        # one that comes to press is told of as well; one that waits again is not told of again
        ok(await team.lead.patch(calm["id"], priority="urgent"), 200)
        await one.until(lambda: len(one.entries(NOTICE)) == 2, "the second notice")
        await team.prefer("ana", auto_accept=True, max_concurrent_conversations=1)
        await team.appear("ana")
        await until(lambda: team.held(), "ana to get one")
        ((taken, _),) = (await team.held()).items()
        ok(await (await team.desk("agent", "ana")).do(taken, "release"), 200)
        ok(await team.lead.patch(taken, status="closed"), 200)
        closed = lambda r: any(  # noqa: E731
            e["type"] == "conversation:status" and e["data"]["to"] == "closed" for e in r.events
        )
        for reader in (one, two):
            await reader.until(lambda r=reader: closed(r), "the end")
        assert [e["conversation_id"] for e in one.entries(NOTICE)] == [high["id"], calm["id"]]
        assert two.entries(NOTICE) == []
    for token, count in ((lead, 2), (agent, 0)):
        async with READERS[kind](server, token, since=start) as again:
            await again.until(lambda r=again: closed(r), "the end")
            assert len(again.entries(NOTICE)) == count
    kinds = [e["kind"] for e in await team.lead.entries(high["id"])]
    assert kinds.count("leads_notified") == 1


@asynccontextmanager
async def hints(server: OwnServer, admin: Redis) -> AsyncIterator[set[tuple[str, str, Any]]]:
    """What supervisors tell of agents and the queue meanwhile, heard under a user of Valkey of its own."""
    await admin.execute_command("ACL", "SETUSER", "ears", "on", "nopass", "&*", "+@all")
    told: set[tuple[str, str, Any]] = set()

    async def listen() -> None:
        async for message in channel.listen():
            if message["type"] == "message":
                several = message["channel"] == BATCHES.encode()
                sent = msgspec.msgpack.decode(message["data"], type=list[Hint] if several else Hint)
                for hint in sent if isinstance(sent, list) else [sent]:
                    of = hint.data.get("user_id") or hint.conversation_id or ""
                    told.add((hint.type, of, hint.data.get("status") or hint.data.get("position")))

    async with Redis.from_url(server.valkey_url(), username="ears") as ears, ears.pubsub() as channel:
        await channel.subscribe(CHANNEL, BATCHES)
        listening = asyncio.ensure_future(listen())
        try:
            yield told
        finally:
            listening.cancel()
            await asyncio.wait([listening])


async def test_what_readers_did_not_hear_they_are_told_later(server: OwnServer, team: Team) -> None:
    token = server.token("lead", "lena", team.account)
    async with SseReader(server, token) as reader, Redis.from_url(server.valkey_url()) as valkey:
        c = await team.open()
        await reader.until(lambda: reader.entries("queue:update"), "the queue to be told of")

        def last(type: str, key: str, value: str) -> Any:
            found = (e["data"][value] for e in reversed(reader.entries(type)) if key in e["data"].values())
            return next(found, None)

        # gateways cannot listen for a while; supervisors do not notice
        await valkey.execute_command("ACL", "SETUSER", "default", "-subscribe")
        try:
            await valkey.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
            async with hints(server, valkey) as told:
                second = await team.open(priority="urgent")
                await team.appear("ben", "away")
                await until(lambda: ("agent:presence", "ben", "away") in told, "ben, told to nobody")
                await until(lambda: ("queue:update", c["id"], 2) in told, "the queue, told to nobody")
            assert last("agent:presence", "ben", "status") is None
            assert last("queue:update", c["id"], "position") == 1
        finally:
            await valkey.execute_command("ACL", "SETUSER", "default", "+subscribe")
        await reader.until(lambda: last("agent:presence", "ben", "status") == "away", "ben")
        await reader.until(lambda: last("queue:update", c["id"], "position") == 2, "the queue as it is")
        assert last("queue:update", second["id"], "position") == 1
        assert reader.connections == 1 and reader.resets == 0


async def test_settings_reach_conversations_that_are_there_and_customers_rate_in_a_digit(
    server: OwnServer, team: Team
) -> None:
    identifier = fresh("customer")
    async with server.client(server.customer(identifier, team.account, team.channel)) as customer:
        sent = ok(await customer.post("/v1/webchat/messages", json={"content": "hello"}), 201)
        c = sent["conversation_id"]

        async def hours() -> float:
            rows = await server.sql(
                "SELECT timer_at - created_at AS left FROM conversations WHERE id = $1", c
            )
            return rows[0]["left"].total_seconds() / 3600

        assert 23.9 < await hours() < 24.1
        await team.settings(expiry_hours=2, csat_enabled=True, csat_question="1 – 5?")
        await until(lambda: is_about(hours, 2), "the timer to follow")
        ok(await team.lead.patch(c, status="resolved"), 200)

        async def asked() -> bool:
            return [m["content"] for m in await team.lead.messages(c)] == ["hello", "1 – 5?"]

        await until(asked, "the question")
        answer = ok(await customer.post("/v1/webchat/messages", json={"content": " ٤ "}), 201)
        assert (answer["content"], answer["conversation_id"], answer["direction"]) == (" ٤ ", c, "inbound")
        assert (await team.lead.get(c))["status"] == "resolved"
        (rated,) = [e["data"] for e in await team.lead.entries(c) if e["kind"] == "rated"]
        assert rated == {"score": 4, "comment": None}
        ok(await customer.post("/v1/webchat/messages", json={"content": "5"}), 201)
        assert (await team.lead.get(c))["status"] == "open", "one score for each time it is resolved"


async def is_about(hours: Any, wanted: float) -> bool:
    return abs(await hours() - wanted) < 0.1


# -- the record


async def test_the_board_of_a_past_time(team: Team) -> None:
    await team.prefer("ana", auto_accept=True)
    await team.appear("ana")
    c = await team.open()
    await until(lambda: team.assignee(c["id"]), "the assignment")
    await team.prefer("ana", is_available=False)

    async def entries(**query: Any) -> dict[str, Any]:
        return ok(await team.lead.http.get("/v1/routing/entries", params=query))

    async def left() -> dict[str, Any] | None:
        items = (await entries(limit=1000))["items"]
        changed = [
            e for e in items if e["kind"] == "agent_changed" and not e["data"]["preferences"]["available"]
        ]
        return changed[0] if changed else None

    await until(left, "the record of the change")
    change = await left()
    assert change is not None and change["agent_id"] == "ana"
    items = (await entries(limit=1000))["items"]
    assert [e["position"] for e in items] == list(range(1, len(items) + 1)) and items[0]["kind"] == "restored"
    assert (await entries(limit=2, after=1))["items"] == items[1:3] and (await entries(limit=1))["has_more"]
    arrived = next(e for e in items if e["kind"] == "arrived")

    async def board(at: str) -> dict[str, Any]:
        return ok(await team.lead.http.get("/v1/routing/board", params={"at": at}))

    then, later = await board(arrived["at"]), await board(change["at"])
    (ana,) = [a for a in later["agents"] if a["user_id"] == "ana"]
    assert (ana["active"], ana["is_available"], later["held"], later["queued"]) == (1, False, 1, 0)
    assert [a["is_available"] for a in then["agents"] if a["user_id"] == "ana"] == [True]
    early = await team.lead.http.get("/v1/routing/board", params={"at": "1999-01-01T00:00:00Z"})
    assert problem(early, 404, "not_found")
    naive = await team.lead.http.get("/v1/routing/board", params={"at": "2026-01-01T00:00:00"})
    assert problem(naive, 422, "invalid")["errors"][0]["path"] == "at"


async def test_decisions_are_made_again_from_the_journal_and_a_wrong_record_is_found(
    team: Team, server: OwnServer, tmp_path: Path
) -> None:
    for name in ("ana", "ben"):
        await team.prefer(name, auto_accept=name == "ana")
        await team.appear(name)
    opened = [(await team.open())["id"] for _ in range(4)]

    async def decided() -> bool:
        again = await self_replay(server, team.account)
        assert again.agrees, again.mismatches
        return again.stored >= len(opened)

    await until(decided, "all to be assigned or offered")
    held = await until(team.held, "an assignment")
    for c in held:
        ok(await team.service.http.patch(f"/v1/conversations/{c}", json={"status": "resolved"}))

    async def gone() -> bool:
        entries = ok(await team.lead.http.get("/v1/routing/entries", params={"limit": 1000}))["items"]
        return {e["conversation_id"] for e in entries if e["kind"] == "gone"} >= held.keys()

    await until(gone, "the record of the ends")

    async def command(*words: str) -> Any:
        environment = {"DATABASE_URL": server.database_url()}
        return await asyncio.to_thread(CliRunner().invoke, app, words, env=environment)

    policy = tmp_path / "policy.toml"
    policy.write_text('name = "Longest idle"\nagents = "longest_idle"\nsticky = "1h"')
    report = tmp_path / "report"
    done = await command(
        "replay", team.account, "--policy", str(policy), "--report", str(report), "--replications", "2"
    )
    assert done.exit_code == 0, done.output
    page = (report / "report.html").read_text()
    assert "Longest idle" in page and "<script" not in page and "http://" not in page
    assert json.loads((report / "report.json").read_bytes())["agreement"]["different"] == 0
    assert (report / "figures.csv").read_text().startswith("measure,recorded,")
    learned = await command("simulate", "learn", team.account, "--from", "1h")
    assert learned.exit_code == 0 and parsed(learned.stdout).agents[0].slots == 5

    forge = (
        "UPDATE entries SET data = jsonb_set(data, '{agent_id}', '\"cleo\"') WHERE account_id = $1"
        " AND conversation_id = $2 AND kind IN ('assigned', 'offered')"
    )
    await server.sql(forge, team.account, opened[0])
    again = await self_replay(server, team.account)
    (wrong,) = again.mismatches
    assert (again.different, again.equal, wrong.fields) == (1, again.stored - 1, ("agent_id",))
    assert wrong.replayed is not None
    assert (wrong.stored.agent_id, wrong.conversation_id) == ("cleo", opened[0])
    assert wrong.replayed.agent_id in ("ana", "ben")
    wrong_record = await command("replay", team.account)
    assert wrong_record.exit_code == 1
    assert "assigned to cleo; replayed: assigned to ana" in wrong_record.output.replace(
        "offered", "assigned"
    ).replace("to ben", "to ana")
