"""The CRM conversation service's Postgres database: its tables `conversations` and `messages`, read in one snapshot.

Rows come through cursors, a batch at a time, and texts are cut to the lengths allowed here; the source sorts and cuts.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import tzinfo
from typing import Any, Final, cast, get_args

import asyncpg
import msgspec

from ..core.conversation.entries import SenderType
from .source import (
    MAX_BYTES,
    MAX_CONTENT,
    MAX_ID,
    MAX_MESSAGES,
    MAX_OBJECT,
    MAX_REASON,
    Head,
    Loaded,
    SetAside,
    SourceConversation,
    SourceError,
    SourceMessage,
    SourceSession,
    SourceStatus,
    Totals,
    Unusable,
    name_of,
    object_of,
    phone_of,
    text_of,
    time_of,
    user_of,
)

BATCH: Final = 200
"""Conversations that are looked at together."""
PREFETCH: Final = 200
"""Messages that one round trip brings."""
DEADLINE: Final = 300.0
"""Seconds for one answer of the source, which sorts before its first one."""
CONNECT_WITHIN: Final = 10
SENDERS: Final[dict[str, SenderType]] = {"customer": "contact", "llm": "bot", "agent": "agent"}


def _within_years(column: str) -> str:
    """A column of times. The driver cannot decode years that Python does not have; infinity stands for them."""
    name = column.rpartition(".")[2]
    return (
        f"CASE WHEN {column} < '0001-01-02' THEN '-infinity' WHEN {column} > '9999-12-30' THEN 'infinity' "
        f"ELSE {column} END AS {name}"
    )


_TOTALS: Final = """
SELECT (SELECT count(*) FROM conversations WHERE tenant_id = $1::uuid),
  (SELECT count(*) FROM messages m JOIN conversations c ON c.id = m.conversation_id WHERE c.tenant_id = $1::uuid)"""
_CONVERSATIONS: Final = f"""
SELECT id::text, outlet_id::text, customer_phone, customer_name, status, handoff_requested, handoff_agent_id::text,
  left(handoff_reason, $2) AS handoff_reason,
  {", ".join(map(_within_years, ("started_at", "ended_at", "last_message_at")))}
FROM conversations WHERE tenant_id = $1::uuid ORDER BY conversations.started_at DESC NULLS LAST, id"""
"""The newest first: of a customer's live conversations, the first stays live."""
_MESSAGES: Final = f"""
SELECT w.id::text AS conversation_id, m.id::text, m.sender_type, m.sender_id, left(m.content, $2) AS content,
  m.whatsapp_message_id, {_within_years("m.timestamp")},
  CASE WHEN octet_length(m.metadata::text) > $3 THEN '""' ELSE m.metadata::text END AS metadata
FROM unnest($1::uuid[]) WITH ORDINALITY AS w (id, ord) LEFT JOIN messages m ON m.conversation_id = w.id
ORDER BY w.ord, m.timestamp NULLS FIRST, m.id"""
_FOUR_TIMES: Final = 4
"""The factor by which JSON may be longer as Postgres writes it than without blanks."""


class CrmDatabase:
    """`Source` of one tenant."""

    def __init__(self, connection: asyncpg.Connection, tenant_id: str, zone: tzinfo, now: int) -> None:
        self._connection = connection
        self._tenant = tenant_id
        self._zone = zone
        self._now = now

    @staticmethod
    async def connect(url: str) -> asyncpg.Connection:
        """A connection that only reads. Raises OSError, asyncpg.PostgresError and what else the driver has."""
        return await asyncpg.connect(
            url,
            timeout=CONNECT_WITHIN,
            command_timeout=DEADLINE,
            server_settings={"default_transaction_read_only": "on", "application_name": "tertulia import"},
        )

    async def totals(self) -> Totals:
        try:
            row = await self._connection.fetchrow(_TOTALS, self._tenant)
        except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError) as error:
            raise SourceError(f"this is not the CRM service's database: {error}") from None
        assert row is not None
        return Totals(*row)

    async def heads(self) -> AsyncIterator[Sequence[Head]]:
        batch: list[Head] = []
        async for row in self._connection.cursor(_CONVERSATIONS, self._tenant, MAX_REASON, prefetch=BATCH):
            batch.append(Head(row["id"], row))
            if len(batch) == BATCH:
                yield batch
                batch = []
        if batch:
            yield batch

    async def load(self, heads: Sequence[Head]) -> AsyncIterator[Loaded]:
        by_id = {head.id: head for head in heads}
        present: _Conversation | None = None
        rows = self._connection.cursor(
            _MESSAGES, list(by_id), MAX_CONTENT + 1, MAX_OBJECT * _FOUR_TIMES, prefetch=PREFETCH
        )
        async for row in rows:
            if present is None or present.head.id != row["conversation_id"]:
                if present is not None:
                    yield present.loaded()
                present = _Conversation(by_id[row["conversation_id"]], self._zone, self._now)
            if row["id"] is not None:
                present.add(row)
        if present is not None:
            yield present.loaded()


class _Conversation:
    """One conversation while its messages arrive."""

    def __init__(self, head: Head, zone: tzinfo, now: int) -> None:
        self.head = head
        self._zone = zone
        self._now = now
        self._messages: list[SourceMessage] = []
        self._set_aside: list[SetAside] = []
        self._total = 0
        self._bytes = 0

    def add(self, row: Mapping[str, Any]) -> None:
        self._total += 1
        if self._total > MAX_MESSAGES or self._bytes > MAX_BYTES:
            return
        try:
            message = _message(row, self._zone, self._now)
        except Unusable as error:
            self._set_aside.append(SetAside("message", row["id"], f"conversation {self.head.id}", str(error)))
            return
        self._bytes += message.size
        self._messages.append(message)

    def loaded(self) -> Loaded:
        try:
            if self._total > MAX_MESSAGES:
                raise Unusable(f"it has more than {MAX_MESSAGES:,} messages")
            if self._bytes > MAX_BYTES:
                raise Unusable(f"its messages have more than {MAX_BYTES:,} bytes")
            c = _conversation(self.head.row, tuple(self._messages), self._zone, self._now)
        except Unusable as error:
            reason = SetAside("conversation", self.head.id, "conversations", str(error))
            return Loaded(self.head, None, [reason], self._total)
        return Loaded(self.head, c, self._set_aside, self._total)


def _conversation(
    row: Mapping[str, Any], messages: tuple[SourceMessage, ...], zone: tzinfo, now: int
) -> SourceConversation:
    status = row["status"] or "active"
    if status not in get_args(SourceStatus):
        raise Unusable("status is none of active, resolved, handed_off, expired")
    if row["started_at"] is not None:
        started = time_of(row["started_at"], "started_at", zone, now)
    elif messages:
        started = messages[0].at
    else:
        started = time_of(row["last_message_at"], "started_at", zone, now)
    ended = row["ended_at"] or (row["last_message_at"] if status in ("resolved", "expired") else None)
    return SourceConversation(
        phone=phone_of(row["customer_phone"], "customer_phone"),
        name=name_of(row["customer_name"]),
        outlet_id=row["outlet_id"],
        status=cast(SourceStatus, status),
        started_at=started,
        ended_at=None if ended is None else time_of(ended, "ended_at", zone, now),
        handoff_requested=bool(row["handoff_requested"]),
        handoff_reason=row["handoff_reason"],
        agent_id=user_of(row["handoff_agent_id"]),
        messages=messages,
        session=SourceSession(row["id"], None, None),
    )


def _message(row: Mapping[str, Any], zone: tzinfo, now: int) -> SourceMessage:
    if row["sender_type"] not in SENDERS:
        raise Unusable("sender_type is none of customer, llm, agent")
    external = row["whatsapp_message_id"]
    return SourceMessage(
        id=row["id"],
        sender=SENDERS[row["sender_type"]],
        sender_id=user_of(row["sender_id"]),
        content=text_of(row["content"], "content", MAX_CONTENT),
        external_id=text_of(external, "whatsapp_message_id", MAX_ID) if external else None,
        at=time_of(row["timestamp"], "timestamp", zone, now),
        metadata=object_of(_json(row["metadata"], "metadata"), "metadata"),
    )


def _json(text: str | None, name: str) -> Any:
    """A value of JSONB, which may be one that JSON here has not: too deep, or a number beyond all bounds. Raises Unusable."""
    if text == '""':
        raise Unusable(f"{name} is not an object, or is too large")
    try:
        return None if text is None else msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Unusable(f"{name} cannot be read: {error}") from None
