"""`tertulia import`: an older service's conversations are imported once, completely, with their times, and nothing is sent."""

from __future__ import annotations

import asyncio
import gzip
import os
import re
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import bson
import httpx
import msgspec
import pytest
from bson import json_util
from crm_source import T0, CrmSource, at
from desks import fresh, fresh_phone, ok
from serving import OwnServer
from typer.testing import CliRunner, Result
from waiting import until

from tertulia.actors.clock import now_ms
from tertulia.command_line.app import app
from tertulia.command_line.imports import imports
from tertulia.core.conversation.entries import IMPORTER
from tertulia.http.actions.older_services import recording_channel
from tertulia.importing.crm import CrmDatabase
from tertulia.importing.importer import Destination, Importer
from tertulia.importing.source import Head, Loaded
from tertulia.storage.postgres.accounts.accounts import PostgresAccounts
from tertulia.storage.postgres.accounts.channels import PostgresChannels
from tertulia.storage.postgres.conversations.imports import PostgresImports
from tertulia.storage.postgres.database import Database
from tertulia.storage.postgres.delivery.senders import PostgresSenders

assert any(group.typer_instance is imports for group in app.registered_groups)


class Shop:
    """An account into which is imported."""

    def __init__(self, server: OwnServer, id: str, folder: Path) -> None:
        self.server, self.id, self.folder = server, id, folder
        self.aside = folder / "aside.jsonl"

    async def run(self, service: str, source: object, *options: str) -> Result:
        arguments = [
            "import",
            service,
            "--account",
            self.id,
            "--from",
            str(source),
            "--set-aside",
            str(self.aside),
            *options,
        ]
        environment = {**os.environ, "DATABASE_URL": self.server.database_url()}
        return await asyncio.to_thread(CliRunner().invoke, app, arguments, env=environment)

    def left_out(self) -> set[tuple[str, str]]:
        """What was set aside: ids and reasons."""
        lines = self.aside.read_text().splitlines() if self.aside.exists() else []
        return {(row["id"], row["reason"]) for row in map(msgspec.json.decode, lines)}

    async def sql(self, query: str, *arguments: Any) -> list[Any]:
        return await self.server.sql(query, self.id, *arguments)

    async def of(self, phone: str) -> list[Any]:
        return await self.sql(
            "SELECT * FROM conversations WHERE account_id = $1 AND contact_identifier = $2 ORDER BY created_at",
            phone,
        )

    def client(self, role: str = "service", user: str = "crm") -> httpx.AsyncClient:
        client = self.server.client(self.server.token(role, user, self.id))
        client.headers["X-Tenant-Id"] = self.id
        return client


@pytest.fixture
async def shop(server: OwnServer, tmp_path: Path) -> Shop:
    database = await Database.connect(server.database_url(), system=1, app=1)
    name = fresh("shop")
    await PostgresAccounts(database).create(
        id := str(uuid4()), name, {"csat_enabled": True, "sub_domain": name}
    )
    await database.close()
    return Shop(server, id, tmp_path)


@pytest.fixture
async def source(server: OwnServer, shop: Shop) -> AsyncIterator[CrmSource]:
    async with CrmSource(server.database_url(), shop.id) as source:
        yield source


def counts(result: Result) -> list[tuple[int, ...]]:
    """At the source, stored, stored before, set aside: of conversations, of messages."""
    lines = [line for line in result.output.splitlines() if line.startswith(("conversations:", "messages:"))]
    return [tuple(int(n.replace(",", "")) for n in re.findall(r"\d[\d,]*", line)) for line in lines]


async def test_crm_conversations_come_over_with_their_messages_times_and_statuses(
    shop: Shop, source: CrmSource
) -> None:
    active, waiting, held, resolved, expired = (fresh_phone() for _ in range(5))
    agent, outlet, word = str(uuid4()), str(uuid4()), fresh("samovar")
    wamid = fresh("wamid")
    old = await source.conversation(
        active,
        ("customer", f"Where is my {word}?", 1, {"whatsapp_message_id": wamid}),
        ("llm", "It is on its way.", 2, {"metadata": {"llm_model": "gpt-4o-mini", "tokens_used": 150}}),
        customer_name="John Doe", outlet_id=outlet, last_message_at=at(2),
    )  # fmt: skip
    await source.conversation(
        waiting, ("customer", "human", 1), status="handed_off", handoff_requested=True, handoff_reason="asked"
    )
    await source.conversation(
        held, ("customer", "help", 1), ("agent", "Of course", 3, {"sender_id": agent}),
        status="handed_off", handoff_requested=True, handoff_agent_id=agent,
    )  # fmt: skip
    await source.conversation(resolved, ("customer", "thanks", 4), status="resolved", ended_at=at(5))
    await source.conversation(
        expired, ("customer", "hello", 1), status="expired", ended_at=at(9), started_at=at(-9e5)
    )
    await source.conversation(fresh_phone(), ("customer", "mine", 1), tenant_id=str(uuid4()))

    result = await shop.run("crm", source.url)
    assert result.exit_code == 0, result.output
    assert counts(result) == [(5, 5, 0, 0), (7, 7, 0, 0)] and "the counts agree" in result.output

    iso = lambda minutes: at(minutes).isoformat() + ".000Z"  # noqa: E731
    async with shop.client() as http:
        http.base_url = httpx.URL(f"{shop.server.url}/crm/api/v1")
        (row,) = await shop.of(active)
        c = ok(await http.get(f"/conversations/{row['id']}?include_messages=true"))
        first, second = c.pop("messages")
        assert c == {
            "id": str(row["id"]), "tenant_id": shop.id, "outlet_id": outlet, "customer_phone": active,
            "customer_name": "John Doe", "status": "active", "handoff_requested": False, "handoff_agent_id": None,
            "handoff_reason": None, "started_at": iso(0), "ended_at": None, "last_message_at": iso(2),
        }  # fmt: skip
        assert first == {
            "id": first["id"], "conversation_id": c["id"], "sender_type": "customer", "sender_id": None,
            "content": f"Where is my {word}?", "whatsapp_message_id": wamid, "timestamp": iso(1), "metadata": None,
        }  # fmt: skip
        assert (second["sender_type"], second["timestamp"]) == ("llm", iso(2))
        assert second["metadata"] == {"llm_model": "gpt-4o-mini", "tokens_used": 150}

        # it continues: the customer's next message, and the provider's repetition of one that came before
        body = {"conversation_id": c["id"], "sender_type": "customer", "content": "And now?"}
        again = await http.post(
            "/messages", json=body | {"content": first["content"], "whatsapp_message_id": wamid}
        )
        assert again.status_code == 200 and again.json()["message"]["id"] == first["id"]
        assert (await http.post("/messages", json=body)).status_code == 201
        found = await http.post("/conversations/find-or-create", json={"customer_phone": active})
        assert (found.status_code, found.json()["id"]) == (200, c["id"])

        # under the id it had before, too
        assert ok(await http.get(f"/conversations/{old}"))["id"] == c["id"]
        assert (
            ok(await http.get(f"/conversations/{old.upper()}/messages/recent"))[-1]["content"] == "And now?"
        )
        old_body = body | {"conversation_id": old, "content": "Hello?"}
        assert ok(await http.post("/messages", json=old_body), 201)["message"]["conversation_id"] == c["id"]
        assert (await http.get(f"/conversations/{uuid4()}")).status_code == 404
        unknown = await http.post("/messages", json=old_body | {"conversation_id": str(uuid4())})
        assert unknown.status_code == 404

        def shown(phone: str) -> Any:
            return http.get(f"/conversations/{rows[phone]['id']}")

        rows = {phone: (await shop.of(phone))[0] for phone in (waiting, held, resolved, expired)}
        w, h = ok(await shown(waiting)), ok(await shown(held))
        assert (w["status"], w["handoff_reason"], w["handoff_agent_id"]) == ("handed_off", "asked", None)
        assert (h["status"], h["handoff_agent_id"], h["last_message_at"]) == ("handed_off", agent, iso(3))
        r, e = ok(await shown(resolved)), ok(await shown(expired))
        assert (r["status"], r["ended_at"]) == ("resolved", iso(5))
        assert (e["status"], e["ended_at"], e["started_at"]) == ("expired", iso(9), iso(-9e5))

    numbers = await shop.sql(
        "SELECT conversation_id, array_agg(seq ORDER BY seq) AS seqs FROM entries WHERE account_id = $1 GROUP BY 1"
    )
    assert all(n["seqs"] == list(range(len(n["seqs"]))) for n in numbers) and len(numbers) == 5
    positions = await shop.sql("SELECT position FROM entries WHERE account_id = $1 ORDER BY 1")
    assert [p["position"] for p in positions] == list(range(1, len(positions) + 1))
    assert await shop.sql("SELECT 1 FROM outbox WHERE account_id = $1") == []
    assert (
        await shop.sql("SELECT 1 FROM entries WHERE account_id = $1 AND data ->> 'sender_type' = 'system'")
        == []
    )

    async with shop.client("admin", "admin") as admin:
        hits = ok(await admin.get("/v1/conversations", params={"q": word}))["items"]
        assert [hit["id"] for hit in hits] == [c["id"]]
        since = (T0 - timedelta(hours=1)).isoformat() + "Z"
        report = ok(await admin.get("/v1/conversations/stats", params={"from": since}))
        assert report["volume"]["conversations"] == 4, report  # one began long ago


async def test_a_second_run_adds_nothing_and_tells_what_is_new_at_the_source(
    shop: Shop, source: CrmSource
) -> None:
    phone = fresh_phone()
    one = await source.conversation(phone, ("customer", "one", 1), status="resolved", ended_at=at(2))
    dry = await shop.run("crm", source.url, "--dry-run")
    assert dry.exit_code == 0 and counts(dry) == [(1, 1, 0, 0), (1, 1, 0, 0)]
    tables = ("conversations", "contacts", "channels", "imported_conversations")
    for table in tables:
        assert await shop.sql(f"SELECT 1 FROM {table} WHERE account_id = $1") == []

    assert counts(await shop.run("crm", source.url)) == [(1, 1, 0, 0), (1, 1, 0, 0)]
    before = await shop.sql("SELECT * FROM account_feeds WHERE account_id = $1")
    await source.conversation(phone, ("customer", "two", 30), started_at=at(30))
    again = await shop.run("crm", source.url)
    assert again.exit_code == 0 and counts(again) == [(2, 1, 1, 0), (2, 1, 1, 0)]
    after = await shop.sql("SELECT * FROM account_feeds WHERE account_id = $1")
    assert after[0]["position"] > before[0]["position"]
    third = await shop.run("crm", source.url)
    assert third.exit_code == 0 and counts(third) == [(2, 0, 2, 0), (2, 0, 2, 0)]
    assert await shop.sql("SELECT * FROM account_feeds WHERE account_id = $1") == after
    assert len(await shop.of(phone)) == 2

    await source.connection.execute(
        "INSERT INTO messages (conversation_id, sender_type, content) VALUES ($1, 'customer', 'late')", one
    )
    late = await shop.run("crm", source.url)
    assert late.exit_code == 1
    assert "the source has 3 messages, 2 are accounted for" in late.output
    await shop.sql("DELETE FROM entries WHERE account_id = $1 AND data ->> 'content' = 'one'")
    lost = await shop.run("crm", source.url)
    assert lost.exit_code == 1 and "1 messages that were imported are missing here" in lost.output


async def test_bad_rows_are_set_aside_with_their_reasons(shop: Shop, source: CrmSource) -> None:
    phone, twice = fresh_phone(), fresh("wamid")
    ids = {name: str(uuid4()) for name in ("second", "empty", "long", "list", "large", "undated")}
    no_phone = await source.conversation("call me", ("customer", "a", 1), ("customer", "b", 2))
    ahead = await source.conversation(fresh_phone(), started_at=at(60 * 24 * 400))
    endless = await source.conversation(fresh_phone())
    await source.connection.execute(
        "INSERT INTO messages (conversation_id, sender_type, content) SELECT $1, 'llm', 'x' FROM generate_series(1, 10001)",
        endless,
    )
    await source.conversation(
        phone,
        ("customer", "good", 1, {"whatsapp_message_id": twice}),
        ("customer", "good", 2, {"whatsapp_message_id": twice, "id": ids["second"]}),
        ("customer", "", 3, {"id": ids["empty"]}),
        ("customer", "x" * 65_537, 4, {"id": ids["long"]}),
        ("customer", "x", 5, {"id": ids["list"], "metadata": [1]}),
        ("customer", "x", 6, {"id": ids["large"], "metadata": {"a": "x" * 70_000}}),
        ("customer", "x", 0, {"id": ids["undated"], "timestamp": None}),
        ("customer", "last", 7),
    )
    result = await shop.run("crm", source.url)
    assert result.exit_code == 0, result.output
    assert counts(result) == [(4, 1, 0, 3), (10_011, 2, 0, 10_009)]
    assert shop.left_out() == {
        (no_phone, "customer_phone is not a phone number with its country code"),
        (ahead, "started_at lies in the future"),
        (endless, "it has more than 10,000 messages"),
        (ids["second"], f"whatsapp_message_id {twice} is another message's"),
        (ids["empty"], "content is missing or not text"),
        (ids["long"], "content has more than 65,536 characters"),
        (ids["list"], "metadata is not an object"),
        (ids["large"], "metadata is not an object, or is too large"),
        (ids["undated"], "timestamp is missing or not a time"),
    }
    again = await shop.run("crm", source.url)
    assert again.exit_code == 0 and counts(again) == [(4, 0, 1, 3), (10_011, 0, 2, 10_009)]


async def test_what_postgres_keeps_and_python_cannot_read_is_set_aside(shop: Shop, source: CrmSource) -> None:
    ids = {name: str(uuid4()) for name in ("deep", "vast", "ancient", "distant")}
    deep = msgspec.Raw(b'{"a":%s}' % (b"[" * 3_000 + b"]" * 3_000))
    ancient = await source.conversation(fresh_phone())
    await source.conversation(
        fresh_phone(),
        ("customer", "deep", 1, {"id": ids["deep"], "metadata": deep}),
        ("customer", "vast", 2, {"id": ids["vast"], "metadata": msgspec.Raw(b'{"a":1e400}')}),
        ("customer", "ancient", 3, {"id": ids["ancient"]}),
        ("customer", "distant", 4, {"id": ids["distant"]}),
        ("customer", "last", 5),
    )
    change = source.connection.execute
    await change("UPDATE conversations SET started_at = '0044-03-15 BC' WHERE id = $1", ancient)
    await change("UPDATE messages SET timestamp = '0044-03-15 BC' WHERE id = $1", ids["ancient"])
    await change("UPDATE messages SET timestamp = '11000-01-01' WHERE id = $1", ids["distant"])
    result = await shop.run("crm", source.url)
    assert result.exit_code == 0, result.output
    assert counts(result) == [(2, 1, 0, 1), (5, 1, 0, 4)]
    reasons = dict(shop.left_out())
    assert set(reasons) == {ancient, *ids.values()}
    assert reasons[ancient].startswith("started_at ") and reasons[ids["distant"]].startswith("timestamp ")
    assert reasons[ids["deep"]].startswith("metadata cannot be read: ")


async def test_one_live_conversation_a_customer_the_newest(shop: Shop, source: CrmSource) -> None:
    phone, talking = fresh_phone(), fresh_phone()
    await source.conversation(phone, ("customer", "old", 1))
    await source.conversation(f"00{phone[1:]}", ("customer", "new", 30), started_at=at(30))
    await source.conversation(talking, ("customer", "before", 1))
    async with shop.client() as http:
        # this customer writes here already, and the host has the thread in memory
        here = ok(
            await http.post(f"{shop.server.url}/crm/api/v1/conversations", json={"customer_phone": talking}),
            201,
        )
        result = await shop.run("crm", source.url)
        assert result.exit_code == 0 and "2 live conversations were stored as expired" in result.output
        assert [c["status"] for c in await shop.of(phone)] == ["expired", "bot"]
        assert sorted(c["status"] for c in await shop.of(talking)) == ["expired", "open"]
        found = await http.post(
            f"{shop.server.url}/crm/api/v1/conversations/find-or-create", json={"customer_phone": talking}
        )
        assert (found.status_code, found.json()["id"]) == (200, here["id"])


async def test_a_customer_whose_thread_is_in_memory_goes_on_in_what_was_imported(
    shop: Shop, source: CrmSource
) -> None:
    phone = fresh_phone()
    async with shop.client() as http:
        http.base_url = httpx.URL(f"{shop.server.url}/crm/api/v1")
        here = ok(await http.post("/conversations", json={"customer_phone": phone}), 201)
        ok(await http.put(f"/conversations/{here['id']}/status", json={"status": "expired"}), 200)
        await source.conversation(phone, ("customer", "before", 1))
        assert (await shop.run("crm", source.url)).exit_code == 0
        (live,) = [c for c in await shop.of(phone) if c["status"] == "bot"]
        found = await http.post("/conversations/find-or-create", json={"customer_phone": phone})
        assert (found.status_code, found.json()["id"]) == (200, str(live["id"]))


async def test_an_import_makes_no_events(shop: Shop, source: CrmSource) -> None:
    async with shop.client("admin", "admin") as admin:
        hook = {"url": "http://127.0.0.1:9/", "event_types": []}
        made = ok(await admin.post("/v1/event-webhooks", json=hook), 201)
        await source.conversation(fresh_phone(), ("customer", "hello", 1), status="resolved", ended_at=at(2))
        assert (await shop.run("crm", source.url)).exit_code == 0
        ok(await admin.post("/v1/conversations", json={
            "channel_id": str((await shop.sql("SELECT id FROM channels WHERE account_id = $1"))[0]["id"]),
            "contact_identifier": fresh_phone(),
        }), 201)  # fmt: skip

        async def delivered() -> list[Any]:
            return ok(await admin.get(f"/v1/event-webhooks/{made['id']}/deliveries"))["items"]

        await until(delivered, "a delivery")
        imported = await shop.sql("SELECT conversation_id FROM imported_conversations WHERE account_id = $1")
        seen = await shop.sql("SELECT DISTINCT conversation_id FROM event_deliveries WHERE account_id = $1")
        assert len(imported) == 1 and imported[0] not in seen


class Broken(CrmDatabase):
    """A source that goes away after some conversations."""

    left = 230

    async def load(self, heads: Sequence[Head]) -> AsyncIterator[Loaded]:
        async for loaded in super().load(heads):
            if self.left == 0:
                raise ConnectionResetError("the source is gone")
            self.left -= 1
            yield loaded


async def test_an_interrupted_import_goes_on_where_it_was(shop: Shop, source: CrmSource) -> None:
    await source.connection.execute(
        """INSERT INTO conversations (tenant_id, customer_phone, status, started_at)
           SELECT $1, '+62812' || 3000000 + n, 'resolved', now() - interval '1 day' FROM generate_series(1, 250) AS n""",
        source.tenant,
    )
    await source.connection.execute(
        "INSERT INTO messages (conversation_id, sender_type, content, timestamp)"
        " SELECT id, 'customer', 'hi', started_at + n * interval '1 minute' FROM conversations, generate_series(1, 3) AS n"
    )
    database = await Database.connect(shop.server.database_url(), system=2, app=1)
    channel = recording_channel(shop.id, 0)
    await PostgresChannels(database).ensure(channel, IMPORTER)
    run = Importer(
        Broken(source.connection, shop.id, UTC, now_ms()),
        PostgresImports(database, shop.id, "crm"),
        PostgresSenders(database),
        Destination(shop.id, channel.id, "crm", 72),
        now=now_ms(), dry_run=False, aside=lambda row: None, progress=lambda counts, done: None,
    )  # fmt: skip
    with pytest.raises(ConnectionResetError):
        async with source.connection.transaction():
            await run.run()
    await database.close()
    assert len(await shop.sql("SELECT 1 FROM conversations WHERE account_id = $1")) == 200
    result = await shop.run("crm", source.url)
    assert result.exit_code == 0 and counts(result) == [(250, 50, 200, 0), (750, 150, 600, 0)]
    (total,) = await shop.sql(
        "SELECT count(*), count(DISTINCT conversation_id) AS c FROM entries WHERE account_id = $1 AND kind = 'message'"
    )
    assert tuple(total) == (750, 250)


def document(phone: str, sub_domain: str, *messages: tuple[str, str, float], **fields: Any) -> dict[str, Any]:
    """A conversation as the sync service keeps it."""
    said = [{"role": role, "content": text, "timestamp": at(minutes)} for role, text, minutes in messages]
    return {
        "_id": bson.ObjectId(),
        "sessionId": f"bot123_{phone[1:]}_{int(T0.timestamp())}_{uuid4().hex[:6]}",
        "userId": phone,
        "subDomain": sub_domain,
        "localId": "branch01",
        "botId": "bot123",
        "currentIntent": "payment",
        "currentStep": "processing_payment",
        "context": {
            "selectedItems": [{"name": "Pizza", "quantity": 1, "price": 15.5}],
            "orderTotal": bson.Int64(50),
            "previousMessages": said,
            "lastUserMessage": "x",
        },
        "metadata": {"agentVersion": "1.0.0"},
        "isActive": True,
        "createdAt": at(0),
        "lastActivity": at(5),
    } | fields


async def test_a_dry_run_counts_what_many_documents_name_twice_as_the_import_does(shop: Shop) -> None:
    """A session id of one and of another that is far behind it."""
    (row,) = await shop.sql("SELECT settings ->> 'sub_domain' AS sub FROM accounts WHERE id = $1")
    documents = [document(fresh_phone(), row["sub"], ("user", "hola", 1)) for _ in range(120)]
    documents.append(document(fresh_phone(), row["sub"], sessionId=documents[0]["sessionId"]))
    path = shop.folder / "conversations.json"
    path.write_text("\n".join(map(json_util.dumps, documents)))
    for options in ("--dry-run",), (), ("--dry-run",):
        result = await shop.run("sync", path, *options)
        assert [(found, aside) for found, _, _, aside in counts(result)] == [(121, 1), (120, 0)], options
        assert (
            str(documents[-1]["_id"]),
            f"sessionId {documents[0]['sessionId']} is another conversation's",
        ) in shop.left_out()


async def test_a_dry_run_counts_messages_that_many_conversations_share_as_the_import_does(
    shop: Shop, source: CrmSource
) -> None:
    wamid = {"whatsapp_message_id": fresh("wamid")}
    for n in range(210):
        shared = wamid if n in (0, 209) else {}
        await source.conversation(fresh_phone(), ("customer", "hello", 1, shared), started_at=at(-n))
    for options in ("--dry-run",), (), ("--dry-run",):
        result = await shop.run("crm", source.url, *options)
        assert [(found, aside) for found, _, _, aside in counts(result)] == [(210, 0), (210, 1)], options


@pytest.mark.parametrize("form", ["canonical", "relaxed array", "bson", "bson.gz"])
async def test_sync_documents_come_over_from_json_and_bson(shop: Shop, form: str) -> None:
    (name,) = [
        row["sub"]
        for row in await shop.sql("SELECT settings ->> 'sub_domain' AS sub FROM accounts WHERE id = $1")
    ]
    phone = fresh_phone()
    live = document(phone, name, ("user", "Quiero una pizza", 1), ("bot", "¡Perfecto!", 2))
    old = document(phone, name, ("user", "hola", -90), isActive=True, createdAt=at(-91), lastActivity=at(-90))
    strange = document(
        phone, name, ("user", "", 1), ("robot", "x", 2), ("user", "ok", 3), isActive=False, currentIntent=""
    )
    taken = document(phone, name, isActive=False, sessionId=old["sessionId"])
    theirs = document(fresh_phone(), "another", ("user", "x", 1))
    twice = live | {"sessionId": "exported twice", "lastActivity": at(4)}
    documents = [old, live, strange, taken, theirs, twice]
    path = shop.folder / f"conversations.{form if form.startswith('bson') else 'json'}"
    if form.startswith("bson"):
        raw = b"".join(map(bson.encode, documents))
        path.write_bytes(gzip.compress(raw) if form.endswith("gz") else raw)
    else:
        options = json_util.CANONICAL_JSON_OPTIONS if form == "canonical" else json_util.RELAXED_JSON_OPTIONS
        rows = [json_util.dumps(d, json_options=options) for d in documents]
        path.write_text("\n".join([*rows, "{broken\n"]) if form == "canonical" else f"[{','.join(rows)}]")
    bad = 2 + (form == "canonical")

    dry = await shop.run("sync", path, "--dry-run")
    assert dry.exit_code == 0 and counts(dry) == [(3 + bad, 3, 0, bad), (8, 4, 0, 4)], dry.output
    result = await shop.run("sync", path)
    assert result.exit_code == 0, result.output
    assert counts(result) == [(3 + bad, 3, 0, bad), (8, 4, 0, 4)]
    reasons = dict(shop.left_out())
    assert reasons[str(taken["_id"])] == f"sessionId {old['sessionId']} is another conversation's"
    assert reasons[f"{strange['_id']}/1"] == "content is missing or not text"
    assert reasons[f"{strange['_id']}/2"] == "role is neither user nor bot"
    assert f"an earlier document has its id, {live['_id']}" in reasons.values()
    again = await shop.run("sync", path)
    assert again.exit_code == 0 and counts(again) == [(3 + bad, 0, 3, bad), (8, 0, 4, 4)], again.output

    async with shop.client("admin", "admin") as admin:
        key = ok(await admin.post("/v1/api-clients", json={"name": "sync"}), 201)["client_secret"]
    async with shop.server.client(key) as http:
        http.base_url = httpx.URL(f"{shop.server.url}/sync/api/v1")
        looked_up = ok(await http.get(f"/whatsapp/lookup/tenant/{phone}"))["data"]
        assert looked_up == {
            "subDomain": name,
            "botId": "bot123",
            "sessionId": live["sessionId"],
            "isActive": True,
        }
        c = ok(await http.get(f"/conversations/{live['sessionId']}"))["data"]
        assert (c["currentIntent"], c["currentStep"], c["localId"]) == (
            "payment",
            "processing_payment",
            "branch01",
        )
        assert c["context"] == {
            "selectedItems": [{"name": "Pizza", "quantity": 1, "price": 15.5}],
            "orderTotal": 50,
            "previousMessages": [
                {"role": "user", "content": "Quiero una pizza", "timestamp": at(1).isoformat() + ".000Z"},
                {"role": "bot", "content": "¡Perfecto!", "timestamp": at(2).isoformat() + ".000Z"},
            ],
            "lastUserMessage": "Quiero una pizza",
        }
        assert c["metadata"] == {"agentVersion": "1.0.0"} and c["createdAt"] == at(0).isoformat() + ".000Z"
        assert ok(await http.get(f"/conversations/{old['sessionId']}"))["data"]["isActive"] is False
        said = await http.post(
            f"/conversations/{live['sessionId']}/messages", json={"role": "user", "content": "¿Y ahora?"}
        )
        assert said.status_code == 201


async def test_what_cannot_be_imported_is_said_in_one_sentence(shop: Shop, source: CrmSource) -> None:
    await source.connection.execute("ALTER TABLE messages DROP COLUMN content")
    dumps = {
        "cut.json": b"[{},",
        "cut.bson": bson.encode({"a": 1})[:-2],
        "wild.bson": b"\xff\xff\xff\x7f",
        "bad.gz": b"no",
    }
    for name, content in dumps.items():
        (shop.folder / name).write_bytes(content)
    for arguments, sentence in (
        (("crm", "mysql://x"), "--from must be a postgresql:// URL"),
        (("crm", "postgresql://u:secret@127.0.0.1:1/x"), "the source (--from) cannot be used"),
        (("crm", source.url, "--time-zone", "Mars/Base"), "--time-zone is not a time zone"),
        (("crm", source.url, "--account", "x"), "--account must be a UUID"),
        (("crm", source.url, "--account", str(uuid4())), "there is no account"),
        (("sync", shop.folder / "cut.json"), "the file ends within the document or array of line 1"),
        (("sync", shop.folder / "cut.bson"), "the file ends within document 1"),
        (("sync", shop.folder / "wild.bson"), "document 1 is damaged"),
        (("sync", shop.folder / "bad.gz"), "cannot be read"),
    ):
        service, place, *options = arguments
        result = await shop.run(str(service), place, *map(str, options))
        assert result.exit_code == 2 and sentence in result.output, (arguments, result.output)
        assert "secret" not in result.output
