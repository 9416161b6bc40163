"""From the bot to humans and back: who may give a conversation back, what it frees, and what the customer sees of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from desks import Desk, fresh, ok, problem
from readers import READERS
from routing_accounts import Team, make_account
from serving import OwnServer
from waiting import until


@pytest.fixture
async def team(server: OwnServer) -> AsyncIterator[Team]:
    async with AsyncExitStack() as stack:
        yield await make_account(server, stack)


async def test_given_back_to_the_bot_it_frees_its_slot_and_leaves_the_queue(team: Team) -> None:
    ana, ben = await team.desk("agent", "ana"), await team.desk("agent", "ben")
    await team.prefer("ana", auto_accept=True, max_concurrent_conversations=1)
    await team.appear("ana")
    first = (await team.open())["id"]
    await until(lambda: team.assignee(first), "ana to have the first")
    second, third = (await team.open())["id"], (await team.open())["id"]
    ok(await team.service.do(first, "handoff", reason="asked", agent_id="ana"), 200)
    silent = problem(await team.service.say(first, "may I?"), 409, "conflict")
    assert "/handback" in silent["detail"] and silent["current"]["handoff_requested"] is True
    for refused in (await ben.do(first, "handback"), await ben.do(first, "handoff", reason="mine")):
        assert problem(refused, 409, "conflict")["current"]["assignee_id"] == "ana"
    problem(await ben.do(second, "handback"), 409, "conflict")

    c = ok(await ana.do(first, "handback"), 200)
    assert (c["status"], c["assignee_id"], c["handoff_requested"]) == ("bot", None, False)
    assert c["handoff_reason"] is None
    await until(lambda: team.assignee(second), "the slot to go to the next")
    assert await team.assignee(second) == "ana"
    assert ok(await team.lead.do(third, "handback"), 200)["status"] == "bot"

    async def queue_is_empty() -> bool:
        return await team.queue() == []

    await until(queue_is_empty, "the queue to be without it")
    assert ok(await team.service.say(first, "here I am again"), 201)["sender_type"] == "bot"
    ok(await team.service.do(first, "handoff", reason="asked"), 200)
    assert [q["conversation_id"] for q in await until(team.queue, "it to wait again")] == [first]


@pytest.mark.parametrize("kind", READERS)
async def test_customers_do_not_hear_why_the_bot_steps_back(
    server: OwnServer, desks: dict[str, Desk], kind: str
) -> None:
    identifier = fresh()
    service = desks["service"]
    i = (await service.open(identifier))["id"]
    token = server.customer(identifier)
    async with READERS[kind](server, token) as live:
        start = live.cursor
        ok(await service.do(i, "handoff", reason="an awkward customer"), 200)
        await live.until(lambda: live.entries("conversation:handoff"), "the handoff")
    async with READERS[kind](server, token, since=start) as again:
        await again.until(lambda: again.entries("conversation:handoff"), "the handoff, replayed")
    async with READERS[kind](server, server.token(), f"conversation:{i}", start) as staff:
        await staff.until(lambda: staff.entries("conversation:handoff"), "the handoff, for staff")
    for reader, reason in ((live, None), (again, None), (staff, "an awkward customer")):
        (event,) = reader.entries("conversation:handoff")
        assert event["data"] == {"reason": reason}
    async with server.client(token) as customer:
        shown = ok(await customer.get(f"/v1/conversations/{i}/entries"), 200)
        assert "awkward" not in str(shown) and [e["kind"] for e in shown["items"]] == ["handoff"]
