"""Agents' figures and the labels in use: what is counted, and that it is the account's own."""

from __future__ import annotations

import uuid

import asyncpg
import msgspec

from tertulia.core.views.people import LabelCount
from tertulia.core.views.statistics import DAY_MS, Durations, Period
from tertulia.storage.postgres.conversations.inbox import PostgresInbox
from tertulia.storage.postgres.database import Database


async def write(
    owner: asyncpg.Connection, account_id: str, conversation: str, seq: int, at: int, kind: str, data: dict
) -> None:
    await owner.execute(
        "INSERT INTO entries (conversation_id, seq, account_id, position, at, kind, actor_type, data)"
        " VALUES ($1, $2, $3, 0, to_timestamp($4), $5, 'agent', $6::text::jsonb)",
        conversation, seq, account_id, at, kind, msgspec.json.encode(data).decode(),
    )  # fmt: skip


async def project(
    owner: asyncpg.Connection, account_id: str, *, created: int, replied: int | None = None, resolved: int | None = None,
    assignee: str | None = None, labels: tuple[str, ...] = (),
) -> str:  # fmt: skip
    made = str(uuid.uuid4())
    await owner.execute(
        "INSERT INTO conversations (id, account_id, channel_id, channel_type, contact_id, contact_identifier, status,"
        " priority, seq, unread_count, waiting_since, created_at, updated_at, first_reply_at, resolved_at, assignee_id,"
        " labels) VALUES ($1, $2, $1, 'sms', $1, '+1', 'closed', 'normal', 0, 0, now(), to_timestamp($3), now(),"
        " to_timestamp($4), to_timestamp($5), $6, $7::text::jsonb)",
        made, account_id, created, replied, resolved, assignee, msgspec.json.encode(labels).decode(),
    )  # fmt: skip
    return made


async def test_an_agents_figures(owner: asyncpg.Connection, account_id: str, database: Database) -> None:
    """Of three conversations: one of ana's, one that ben took from her, one she only wrote into."""
    said = {"direction": "outbound", "sender_type": "agent", "sender_id": "ana"}
    one = await project(owner, account_id, created=100, replied=110, resolved=200, assignee="ana")
    two = await project(owner, account_id, created=100, replied=130, resolved=210, assignee="ben")
    three = await project(owner, account_id, created=100, replied=105)
    for conversation, seq, at, kind, data in (
        (one, 1, 101, "assigned", {"assignment_id": "a", "agent_id": "ana"}),
        (one, 2, 110, "message", said),
        (one, 3, 120, "message", said),
        (one, 4, 121, "message", said | {"is_private": True}),
        (one, 5, 201, "assigned", {"assignment_id": "b", "agent_id": None}),
        (one, 6, 220, "rated", {"score": 1}),
        (one, 7, 221, "rated", {"score": 5}),
        (two, 1, 101, "assigned", {"assignment_id": "c", "agent_id": "ana"}),
        (two, 2, 130, "message", said),
        (two, 3, 140, "assigned", {"assignment_id": "d", "agent_id": "ben"}),
        (two, 4, 220, "rated", {"score": 2}),
        (three, 1, 105, "message", said | {"sender_type": "bot"}),
        (three, 2, 106, "message", said),
        (three, 3, 107, "rated", {"score": 3}),
    ):
        await write(owner, account_id, conversation, seq, at, kind, data)
    inbox, all_of_it = PostgresInbox(database), Period(0, DAY_MS)
    ana = await inbox.agent_stats(account_id, "ana", all_of_it)
    assert (ana.user_id, ana.assigned, ana.resolved, ana.messages) == ("ana", 2, 1, 4)
    assert ana.first_reply == Durations(2, 20.0, 28.0)
    assert (ana.csat.count, ana.csat.average) == (1, 5.0)
    ben = await inbox.agent_stats(account_id, "ben", all_of_it)
    assert (ben.assigned, ben.resolved, ben.messages, ben.first_reply.count) == (1, 1, 0, 0)
    assert (ben.csat.count, ben.csat.average) == (1, 2.0)
    early = await inbox.agent_stats(account_id, "ana", Period(0, 120_000))
    assert (early.assigned, early.resolved, early.messages, early.csat.count) == (2, 0, 2, 0)
    stranger = str(uuid.uuid4())
    await owner.execute("INSERT INTO accounts (id, name) VALUES ($1, 'Other')", stranger)
    theirs = await inbox.agent_stats(stranger, "ana", all_of_it)
    assert (theirs.assigned, theirs.messages, theirs.csat.average) == (0, 0, None)


async def test_labels_in_use(owner: asyncpg.Connection, account_id: str, database: Database) -> None:
    inbox = PostgresInbox(database)
    assert await inbox.labels(account_id) == []
    for labels in (("vip", "big"), ("vip",), (), ("a", "vip")):
        await project(owner, account_id, created=100, labels=labels)
    assert await inbox.labels(account_id) == [LabelCount("vip", 3), LabelCount("a", 1), LabelCount("big", 1)]
    stranger = str(uuid.uuid4())
    await owner.execute("INSERT INTO accounts (id, name) VALUES ($1, 'Other')", stranger)
    assert await inbox.labels(stranger) == []
