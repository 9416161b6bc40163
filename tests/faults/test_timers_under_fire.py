"""Hosts are killed while timers fire: every timer takes effect exactly once."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest
from serving import OwnServer
from waiting import until

from tertulia.serving.demo import WEBCHAT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
CONVERSATIONS = 400
ENDED = (
    "SELECT count(*) AS n FROM conversations WHERE status = 'expired' AND contact_identifier LIKE 'late-%'"
)


async def test_hosts_killed_while_conversations_expire(battered: OwnServer) -> None:
    async with battered.client(battered.token("service", "svc")) as client:

        async def open_one(n: int) -> None:
            body = {"channel_id": WEBCHAT, "contact_identifier": f"late-{os.getpid()}-{n}"}
            response = await client.post("/v1/conversations", json=body)
            assert response.status_code == 201, response.text

        for start in range(0, CONVERSATIONS, 50):
            await asyncio.gather(*(open_one(n) for n in range(start, start + 50)))
    # Two days have passed, as the database tells it; what hosts remember is gone with them. They are stopped first, since a
    # commit under way would write back what they remember.
    hosts = battered.hosts
    for pid in hosts:
        os.kill(pid, signal.SIGSTOP)
    await battered.sql(
        "UPDATE conversations SET created_at = created_at - interval '2 days', timer_at = timer_at - interval '2 days'"
        " WHERE contact_identifier LIKE 'late-%'"
    )
    for pid in hosts:
        os.kill(pid, signal.SIGKILL)

    async def ended(at_least: int) -> bool:
        (row,) = await battered.sql(ENDED)
        return row["n"] >= at_least

    await until(lambda: ended(1), "the first conversation to expire", 60)
    for pid in battered.hosts:
        os.kill(pid, signal.SIGKILL)
    await until(lambda: ended(CONVERSATIONS), "all conversations to expire", 60)
    rows = await battered.sql(
        "SELECT c.id, c.seq, c.timer_at, count(*) FILTER (WHERE e.data ->> 'to_status' = 'expired') AS ends"
        " FROM conversations c JOIN entries e ON e.conversation_id = c.id"
        " WHERE c.contact_identifier LIKE 'late-%' GROUP BY c.id"
    )
    assert len(rows) == CONVERSATIONS
    assert all(row["ends"] == 1 and row["timer_at"] is None for row in rows)
