"""Conversations by the thousand, made in the database: what `test_inbox.py` pages through."""

from __future__ import annotations

import hashlib
import unicodedata
import uuid
from collections.abc import Callable, Iterator

import asyncpg
import msgspec

from tertulia.core.conversation.state import Conversation
from tertulia.core.conversation.status import Status
from tertulia.core.views.inbox import PRIORITIES, InboxFilter, Seen, Sort
from tertulia.storage.postgres.conversations.inbox import PostgresInbox
from tertulia.storage.postgres.queries import sql
from tertulia.storage.postgres.rows import conversation_from_row

MAKE = """
WITH made AS (
  SELECT g, uuidv7(-g * interval '90 seconds') AS id,
    date_trunc('milliseconds', now() - g * interval '90 seconds') AS born,
    CASE WHEN g > $3 * 0.15 THEN (ARRAY['closed', 'closed', 'closed', 'expired', 'resolved'])[1 + g % 5]
         ELSE (ARRAY['open', 'assigned', 'assigned', 'bot', 'pending', 'resolved'])[1 + g % 6] END AS status
  FROM generate_series(1, $3::integer) AS g
), contact AS (
  INSERT INTO contacts (id, account_id, name)
  SELECT md5($1 || 'contact' || n)::uuid, $1::uuid, CASE WHEN n % 700 = 0 THEN 'Renamed ' || n ELSE 'Contact ' || n END
  FROM generate_series(0, $3 / 2) AS n ON CONFLICT DO NOTHING
), conversation AS (
  INSERT INTO conversations (id, account_id, channel_id, channel_type, contact_id, contact_identifier, topic, contact_name,
    status, priority, subject, labels, assignee_id, team_id, seq, unread_count, waiting_since, resolved_at, archived_at,
    first_reply_at, last_message_at, created_at, updated_at)
  SELECT id, $1::uuid, md5($1 || 'channel' || g % 5)::uuid, (ARRAY['webchat', 'email', 'sms', 'whatsapp', 'email'])[1 + g % 5],
    md5($1 || 'contact' || g / 2)::uuid, '+4415' || lpad((g * 7919 % 100000)::text, 5, '0'), 'topic ' || id,
    CASE WHEN g % 11 > 0 THEN (ARRAY['Ana', 'Bo', 'Cé'])[1 + g % 3] || ' Name' || g % 900 END,
    status, (ARRAY['normal', 'normal', 'normal', 'low', 'normal', 'high', 'normal', 'normal', 'normal', 'urgent'])[1 + g % 10],
    CASE WHEN g % 4 = 0 THEN 'Order ' || g || '_50% off' END,
    CASE WHEN g % 400 = 0 THEN '["vip", "big"]' WHEN g % 2 = 0 THEN '["big"]' ELSE '[]' END::jsonb,
    CASE WHEN status IN ('assigned', 'pending', 'closed', 'resolved') THEN 'agent-' || g % 30 END,
    CASE WHEN g % 3 = 0 THEN md5($1 || 'team' || g % 4)::uuid END, 3, 0,
    born + g % 13 * interval '1 minute', CASE WHEN status IN ('resolved', 'closed') THEN born + interval '1 hour' END,
    CASE WHEN g > $3 * 0.7 THEN born + interval '3 days' END, born + g % 100 * interval '1 second',
    CASE WHEN g % 50 > 0 THEN born + g % 77 / 7 * interval '1 minute' END, born, born
  FROM made
), recency AS (
  INSERT INTO conversation_recency
  SELECT id, $1::uuid, CASE WHEN g % 50 > 0 THEN born + g % 77 / 7 * interval '1 minute' ELSE born END FROM made
), entry AS (
  INSERT INTO entries (conversation_id, seq, account_id, position, at, kind, actor_type, data)
  SELECT id, seq, $1::uuid, $4::bigint + ($3 - g) * 4 + seq + 1, born + seq * interval '30 seconds',
    CASE WHEN seq = 0 THEN 'opened' WHEN seq < 3 THEN 'message' WHEN g % 9 = 0 THEN 'rated' ELSE 'handoff' END, 'contact',
    CASE WHEN seq = 0 THEN jsonb_build_object('kind', 'opened', 'contact_identifier', '+4415' || lpad((g * 7919 % 100000)::text, 5, '0'),
           'contact_name', CASE WHEN g % 11 > 0 THEN (ARRAY['Ana', 'Bo', 'Cé'])[1 + g % 3] || ' Name' || g % 900 END,
           'subject', CASE WHEN g % 4 = 0 THEN 'Order ' || g || '_50% off' END)
         WHEN seq = 3 THEN jsonb_build_object('kind', 'x', 'score', 1 + g % 5, 'reason', 'asked')
         ELSE jsonb_build_object('kind', 'message', 'id', gen_random_uuid(), 'direction',
           CASE seq WHEN 1 THEN 'inbound' ELSE 'outbound' END, 'sender_type',
           CASE WHEN seq = 1 THEN 'contact' WHEN g % 4 = 0 THEN 'bot' ELSE 'agent' END, 'content',
           'hello from $2 ' || CASE WHEN g % 1000 = 0 THEN 'zebra ' ELSE '' END || 'word' || g % 300) END
  FROM made CROSS JOIN generate_series(0, 3) AS seq
)
SELECT count($2::text) FROM made
""".replace("$2 '", "' || $2 || ' '")


async def fill(owner: asyncpg.Connection, account_id: str, count: int, note: str = "here") -> None:
    """`count` conversations, 90 s apart, the newest first; old ones are closed, the oldest archived."""
    base = await owner.fetchval(
        "INSERT INTO account_feeds AS f (account_id, position) VALUES ($1, $2::bigint * 4)"
        " ON CONFLICT (account_id) DO UPDATE SET position = f.position + excluded.position"
        " RETURNING position - $2::bigint * 4",
        account_id,
        count,
    )
    await owner.fetchval(MAKE, account_id, note, count, base)


async def conversations_of(
    owner: asyncpg.Connection, account_id: str
) -> tuple[list[Conversation], dict[str, int], dict[str, str]]:
    """An account's conversations, and by id: their place in the inbox in μs, and all that was said, a line each."""
    rows = await owner.fetch(
        f"SELECT {sql('conversation_columns')} FROM conversations c WHERE account_id = $1", account_id
    )
    recency = await owner.fetch(
        "SELECT conversation_id::text, (extract(epoch FROM last_message_at) * 1000000)::bigint"
        " FROM conversation_recency WHERE account_id = $1",
        account_id,
    )
    said = await owner.fetch(
        "SELECT conversation_id::text, string_agg(data ->> 'content', chr(10) ORDER BY seq) FROM entries"
        " WHERE account_id = $1 AND kind = 'message' GROUP BY 1",
        account_id,
    )
    return [conversation_from_row(row) for row in rows], dict(recency), dict(said)


def named(account_id: str, name: str) -> str:
    """The id that `fill` gives a channel, team or contact: `channel0`, `team3`, `contact12`."""
    return str(uuid.UUID(hashlib.md5(f"{account_id}{name}".encode()).hexdigest()))


def plain(text: str) -> str:
    """A text without case and accents, by other means than the database's."""
    apart = unicodedata.normalize("NFKD", text).casefold()
    return "".join(c for c in apart if not unicodedata.combining(c))


class Big(msgspec.Struct):
    """An account with many conversations, beside others', and what should be found in it."""

    account_id: str
    noise: list[str]
    inbox: PostgresInbox
    conversations: list[Conversation]
    recency: dict[str, int]
    said: dict[str, str]
    contacts: dict[str, str]
    orders: dict[tuple[str, bool], list[tuple[Seen, Conversation]]] = {}

    def key(self, sort: Sort) -> Callable[[Conversation], int]:
        if sort.key == "last_message_at":
            return lambda c: self.recency[c.id]
        if sort.key == "priority":
            return lambda c: PRIORITIES.index(c.priority) + 1
        return lambda c: getattr(c, sort.key) * 1000

    def order(self, sort: Sort) -> list[tuple[Seen, Conversation]]:
        """All conversations in the order of `sort`, each with its place."""
        known = self.orders.get((sort.key, sort.descending))
        if known is None:
            key = self.key(sort)
            ordered = sorted(self.conversations, key=lambda c: (key(c), c.id), reverse=sort.descending)
            known = [(Seen(key(c), c.id), c) for c in ordered]
            self.orders[sort.key, sort.descending] = known
        return known

    def expected(self, f: InboxFilter, sort: Sort) -> list[Seen]:
        searched = None if f.q is None else self._finds(f.q)
        return [
            seen
            for seen, c in self.order(sort)
            if (f.statuses is None or c.status in f.statuses)
            and (f.assignee_id is None or c.assignee_id == f.assignee_id)
            and not (f.unassigned and c.assignee_id is not None)
            and (f.team_id is None or c.team_id == f.team_id)
            and (f.channel_id is None or c.channel_id == f.channel_id)
            and (f.channel_type is None or c.channel_type == f.channel_type)
            and (f.contact_id is None or c.contact_id == f.contact_id)
            and (f.labels is None or set(f.labels) <= set(c.labels))
            and (f.priority is None or c.priority == f.priority)
            and (f.archived is None or f.archived is (c.archived_at is not None))
            and (searched is None or c.id in searched)
        ]

    def _finds(self, q: str) -> set[str]:
        parts = plain(q).split()

        def has(text: str) -> bool:
            return all(part in plain(text) for part in parts)

        texts = {text: any(map(has, text.split("\n"))) for text in set(self.said.values())}
        return {
            c.id
            for c in self.conversations
            if has(f"{c.contact_name or ''} {c.contact_identifier} {c.subject or ''}")
            or has(self.contacts[c.contact_id])
            or texts[self.said[c.id]]
        }


def filters(account: str) -> dict[str, InboxFilter]:
    """Every condition alone: those that few pass, many, and none."""
    return {
        "all": InboxFilter(),
        "open": InboxFilter(statuses=(Status.OPEN,)),
        "live": InboxFilter(statuses=(Status.OPEN, Status.BOT, Status.ASSIGNED, Status.PENDING)),
        "closed": InboxFilter(statuses=(Status.CLOSED,)),
        "agent": InboxFilter(assignee_id="agent-4"),
        "nobody's": InboxFilter(unassigned=True),
        "team": InboxFilter(team_id=named(account, "team0")),
        "channel": InboxFilter(channel_id=named(account, "channel1")),
        "type": InboxFilter(channel_type="email"),
        "contact": InboxFilter(contact_id=named(account, "contact77")),
        "rare label": InboxFilter(labels=("vip",)),
        "label": InboxFilter(labels=("big",)),
        "no such label": InboxFilter(labels=("none",)),
        "urgent": InboxFilter(priority="urgent"),
        "normal": InboxFilter(priority="normal"),
        "archived": InboxFilter(archived=True),
        "not archived": InboxFilter(archived=False),
        "rare word": InboxFilter(q="zebr"),
        "word of all": InboxFilter(q="hello"),
        "others' word": InboxFilter(q="elsewhere"),
        "letter": InboxFilter(q="a"),
        "contact's name": InboxFilter(q="ana name77"),
        "new name": InboxFilter(q="Renamed 14"),
        "subject": InboxFilter(q="order 48_50%"),
    }


class Plans(msgspec.Struct):
    """What auto_explain told of a statement and of those inside the functions it called."""

    plans: list[dict]
    buffers: int

    def scans(self, kind: str) -> set[str]:
        """The tables that were scanned in this way, partitions by their table's name."""
        return {
            "entries" if node["Relation Name"].startswith("entries_") else node["Relation Name"]
            for plan in self.plans
            for node in _nodes(plan)
            if node["Node Type"] == kind
        }

    def indexes(self) -> set[str]:
        return {node["Index Name"] for plan in self.plans for node in _nodes(plan) if "Index Name" in node}


def _nodes(plan: dict) -> Iterator[dict]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)


class Explaining:
    """A connection as the product's, bound to an account by the role, that tells every plan it ran."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._told: list[dict] = []
        connection.add_log_listener(self._listen)

    @classmethod
    async def open(cls, url: str, account_id: str) -> Explaining:
        connection = await asyncpg.connect(url)
        await connection.execute(
            "LOAD 'auto_explain'; SET auto_explain.log_min_duration = 0; SET auto_explain.log_nested_statements = on;"
            "SET auto_explain.log_format = json; SET auto_explain.log_analyze = on; SET auto_explain.log_buffers = on;"
            "SET auto_explain.log_timing = off; SET auto_explain.log_level = notice; SET ROLE tertulia_app"
        )
        await connection.execute("SELECT set_config('tertulia.account', $1, false)", account_id)
        return cls(connection)

    def _listen(self, _: object, message: asyncpg.PostgresLogMessage) -> None:
        if "plan:" in message.message:
            self._told.append(msgspec.json.decode(message.message.split("plan:", 1)[1])["Plan"])

    async def explain(self, query: str, *arguments: object) -> Plans:
        """Run a statement; its plan and those of the functions inside."""
        await self._connection.fetch(query, *arguments)  # a fresh connection reads the catalogs first
        self._told.clear()
        await self._connection.fetch(query, *arguments)
        plans = list(self._told)
        return Plans(plans, max(p["Shared Hit Blocks"] + p["Shared Read Blocks"] for p in plans))

    async def close(self) -> None:
        await self._connection.close()
