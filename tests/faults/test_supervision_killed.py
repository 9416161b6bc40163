"""The supervisor is killed while it assigns: every assignment happens once, nobody exceeds their capacity, the queue keeps
its order, and requests meanwhile only take longer."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter
from contextlib import AsyncExitStack

import pytest
from desks import ok
from figures import note
from routing_accounts import Team, make_account, self_replay
from serving import OwnServer
from waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]
AGENTS = 25
EACH = 10
WAITING = 380
RESOLVED = 330
HELD_AT_LEAST = 60
KILL_AFTER = 50
"""Assignments between two kills: a successor that never got to work would show nothing."""


async def test_a_supervisor_is_killed_during_five_hundred_assignments(battered: OwnServer) -> None:
    server = battered
    async with AsyncExitStack() as stack:
        team = await make_account(server, stack)
        agents = [f"agent{n}" for n in range(AGENTS)]
        for name in agents:
            # most are given what comes, every fifth claims by hand
            auto = int(name.removeprefix("agent")) % 5 > 0
            await team.prefer(name, auto_accept=auto, max_concurrent_conversations=EACH)
            if auto:
                await team.appear(name)
        total = AGENTS * EACH
        opened = [c["id"] for c in await asyncio.gather(*(team.open() for _ in range(total + WAITING)))]
        kills = asyncio.ensure_future(_kill_now_and_then(server, team))
        gaps = await asyncio.gather(*(_claim_all(team, name, opened) for name in agents[::5]))
        # every resolve frees a slot, which the oldest gets: as many assignments again
        resolved = 0
        while resolved < RESOLVED:
            held = await until(lambda: _enough(team), "agents to have something to do", 120)
            done = list(held)[: min(HELD_AT_LEAST, RESOLVED - resolved)]
            await asyncio.gather(*(team.service.patch(i, status="resolved") for i in done))
            resolved += len(done)
        assert not kills.done(), kills.exception()
        kills.cancel()
        note("supervisor killed during assignments", longest_wait=max(gaps))
        live = [i for i in opened if await _live(team, i)]
        autos = {name for name in agents if int(name.removeprefix("agent")) % 5 > 0}

        async def settled() -> bool:
            held = Counter((await team.held()).values())
            queue = await _queue_length(team)
            return len(await team.held()) + queue == len(live) and (
                queue == 0 or all(held[name] == EACH for name in autos)
            )

        await until(settled, "everything to be assigned or queued", 120)
        await _check(server, team, opened)


async def _enough(team: Team) -> dict[str, str] | None:
    held = await team.held()
    return held if len(held) >= HELD_AT_LEAST else None


async def _live(team: Team, conversation: str) -> bool:
    return (await team.service.get(conversation))["status"] in ("open", "assigned")


async def _queue_length(team: Team) -> int:
    answer = await team.lead.http.get("/v1/queue")
    return answer.json()["total"] if answer.status_code == 200 else -1


async def _kill_now_and_then(server: OwnServer, team: Team) -> None:
    kill_at = 0
    while True:
        ((assigned,),) = await server.sql(
            "SELECT count(*) FROM entries WHERE account_id = $1 AND kind = 'assigned' AND data ->> 'agent_id' <> ''",
            team.account,
        )
        if assigned >= kill_at:
            for pid in server.pids("ray::SupervisorProcess"):
                os.kill(pid, signal.SIGKILL)
            kill_at = assigned + KILL_AFTER
        await asyncio.sleep(0.2)


async def _claim_all(team: Team, name: str, conversations: list[str]) -> float:
    """Claim until full; the longest that one answer took."""
    desk = await team.desk("agent", name)
    longest, start = 0.0, int(name.removeprefix("agent")) * EACH
    for n in range(len(conversations)):
        began = time.monotonic()
        answer = await desk.do(conversations[(start + n) % len(conversations)], "assign", agent_id="me")
        longest = max(longest, time.monotonic() - began)
        assert answer.status_code in (200, 409, 503), answer.text
        if answer.status_code == 409 and answer.json()["current"].get("reason") == "full":
            break
    return longest


async def _check(server: OwnServer, team: Team, opened: list[str]) -> None:
    rows = await server.sql(
        "SELECT conversation_id::text, seq, kind, data ->> 'agent_id', data ->> 'to_status', data ->> 'by'"
        " FROM entries"
        " WHERE account_id = $1 AND kind IN ('assigned', 'status') ORDER BY position",
        team.account,
    )
    holder: dict[str, str] = {}
    load: Counter[str] = Counter()
    assignments = 0
    routed: set[str] = set()
    for conversation, _, kind, agent, to, by in rows:
        if kind == "assigned" and agent is not None:
            assert conversation not in holder, "assigned while somebody has it"
            holder[conversation] = agent
            load[agent] += 1
            assignments += 1
            routed |= {conversation} if by == "routing" else set()
            assert load[agent] <= EACH, f"{agent} is over capacity"
        elif kind == "assigned" or to in ("resolved", "closed", "open"):
            before = holder.pop(conversation, None)
            load[before or ""] -= before is not None
    note("assignments under kills of the supervisor", count=assignments)
    assert assignments >= 500
    assert holder == await team.held(), "what is stored is what the entries say"
    queue = await team.queue()
    since = [item["waiting_since"] for item in queue]
    assert since == sorted(since) and [i["position"] for i in queue] == list(range(1, len(queue) + 1))
    ages = dict(
        await server.sql(
            "SELECT id::text, waiting_since FROM conversations WHERE account_id = $1", team.account
        )
    )
    waiting = {i["conversation_id"] for i in queue}
    assert max(ages[i] for i in routed) <= min(ages[i] for i in waiting), "the oldest came first"
    shown = {a["user_id"]: a["active"] for a in ok(await team.lead.http.get("/v1/agents"))["items"]}
    assert {k: v for k, v in shown.items() if v} == dict(+load)
    assert set(holder) | {i["conversation_id"] for i in queue} <= set(opened)
    again = await self_replay(server, team.account)
    note("decisions made again", stored=again.stored, takeovers=again.restarts)
    assert again.agrees, again.mismatches[:3]
    assert again.stored >= len(routed) and again.restarts > 0
