"""What the migrations make of data that an earlier version has written."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from samples import conversation_id, uid

from tertulia.core.conversation.state import Conversation, Fired, LastHeld, OpenOffer, RoutingState
from tertulia.core.conversation.status import Status
from tertulia.storage.postgres.accounts.supervision import PostgresSupervision
from tertulia.storage.postgres.database import Database
from tertulia.storage.postgres.migrate import FOLDER, upgrade

ACCOUNT = uid()
MADE, REOPENED, DONE, CHANGED = 1_700_000_000_000, 1_700_000_100_123, 1_700_000_200_456, 1_700_000_300_789


@pytest.fixture
async def at_0013(postgres_url: str, tmp_path: Path) -> AsyncIterator[str]:
    """A database of its own at migration 0013."""
    name = "t" + uid().replace("-", "")
    owner = await asyncpg.connect(postgres_url)
    await owner.execute(f"CREATE DATABASE {name}")
    folder = Path(shutil.copytree(FOLDER, tmp_path / "migrations"))
    for later in (file for file in folder.glob("*.sql") if file.name > "0013~"):
        later.unlink()
    url = postgres_url.replace("/postgres?", f"/{name}?")
    await upgrade(url, folder)
    yield url
    await owner.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await owner.close()


async def store(connection: asyncpg.Connection, status: str, **columns: Any) -> str:
    """A conversation as version 0013 wrote it; times in ms."""
    times = {"waiting_since": MADE, "resolved_at": None} | {
        k: columns.pop(k) for k in ("waiting_since", "resolved_at") if k in columns
    }
    made = conversation_id()
    await connection.execute(
        "INSERT INTO conversations (id, account_id, channel_id, channel_type, contact_id, contact_identifier, status, priority,"
        " seq, unread_count, created_at, updated_at, waiting_since, resolved_at, assignee_id, fired, routing)"
        " VALUES ($1, $2, $2, 'webchat', $2, $3, $4, 'normal', 5, 0, to_timestamp($5 / 1000.0), to_timestamp($6 / 1000.0),"
        " to_timestamp($7 / 1000.0), to_timestamp($8 / 1000.0), $9, $10::jsonb, $11::jsonb)",
        made,
        ACCOUNT,
        uid(),
        status,
        MADE,
        CHANGED,
        times["waiting_since"],
        times["resolved_at"],
        columns.get("assignee_id"),
        json.dumps(columns.get("fired", {})),
        json.dumps(columns.get("routing", {})),
    )
    return made


async def test_conversations_of_0013_have_their_age_and_who_held_them(at_0013: str) -> None:
    connection = await asyncpg.connect(at_0013)
    await connection.execute("INSERT INTO accounts (id, name, settings) VALUES ($1, 'Old', '{}')", ACCOUNT)
    await connection.execute("INSERT INTO account_feeds (account_id) VALUES ($1)", ACCOUNT)
    offer = {"id": uid(), "agent_id": "ben", "expires_at": CHANGED}
    kept = {
        "new": await store(connection, "open", routing={"declined_by": ["cleo"], "offer": offer}),
        "again": await store(connection, "assigned", assignee_id="ana", waiting_since=REOPENED),
        "resolved": await store(
            connection,
            "resolved",
            assignee_id="ana",
            waiting_since=REOPENED,
            resolved_at=DONE,
            fired={"csat_asked": True, "sla": {"resolution_warning": DONE}},
            routing={"strategy": "round_robin"},
        ),
        "closed": await store(connection, "closed", assignee_id="ben", waiting_since=REOPENED),
        "expired": await store(connection, "expired"),
    }
    explained = json.dumps({"agent_id": "ana", "by": "routing", "explain": {"roster": "r1"}})
    for place, month in enumerate((kept["new"], "00000000-0000-7000-8000-000000000000"), 1):
        await connection.execute(
            "INSERT INTO entries (conversation_id, seq, account_id, position, at, kind, actor_type, data)"
            " VALUES ($1::text::uuid, 6, $2, $3, now(), 'assigned', 'system', $4::jsonb)",
            month,
            ACCOUNT,
            place,
            explained,
        )
    for digest in ("r1", "r2"):
        await connection.execute(
            "INSERT INTO routing_rosters (account_id, digest, agents) VALUES ($1, $2, '[]')", ACCOUNT, digest
        )
    await connection.execute("INSERT INTO agents (account_id, user_id) VALUES ($1, 'ana')", ACCOUNT)
    await connection.execute(
        "INSERT INTO agent_preferences (account_id, user_id, languages) VALUES ($1, 'ana', '{pt-BR}')",
        ACCOUNT,
    )

    assert await upgrade(at_0013) != []

    database = await Database.connect(at_0013, system=2, app=1)
    supervision = PostgresSupervision(database)
    found: dict[str, Conversation] = await supervision.conversations(list(kept.values()))
    by_name = {name: found[i] for name, i in kept.items()}
    assert {name: c.routing for name, c in by_name.items()} == {
        "new": RoutingState(OpenOffer(**offer | {"id": offer["id"]}), ("cleo",)),
        "again": RoutingState(),
        "resolved": RoutingState(strategy="round_robin", last=LastHeld("ana", DONE)),
        "closed": RoutingState(last=LastHeld("ben", CHANGED)),
        "expired": RoutingState(),
    }
    assert {name: c.fired for name, c in by_name.items()} == {
        "new": Fired(),
        "again": Fired(reopened_at=REOPENED),
        "resolved": Fired(True, {"resolution_warning": DONE}, REOPENED),
        "closed": Fired(),
        "expired": Fired(),
    }
    assert by_name["resolved"].status is Status.RESOLVED and by_name["resolved"].opened_at == REOPENED
    last = await supervision.last_held([(ACCOUNT, ACCOUNT)])
    assert last[ACCOUNT, ACCOUNT].agent_id == "ana"

    await connection.execute("UPDATE routing_rosters SET kept_at = now() - interval '2 days'")
    await supervision.trim_rosters(("00000000-0000-0000-0000-000000000000", ""), 10)
    rosters = await connection.fetch("SELECT digest FROM routing_rosters")
    assert [row[0] for row in rosters] == ["r1"], "an entry names it"
    await connection.execute("DELETE FROM accounts WHERE id = $1", ACCOUNT)
    left = await connection.fetchval("SELECT count(*) FROM account_rule_changes")
    assert left == 0, "what goes with its account notes nothing of it"
    await database.close()
    await connection.close()
