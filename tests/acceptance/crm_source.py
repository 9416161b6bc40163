"""The CRM service's database, by the schema of its document, in a database of the shared server's Postgres."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import msgspec

SCHEMA = """
CREATE TABLE tenants (id UUID PRIMARY KEY);
CREATE TABLE outlets (id UUID PRIMARY KEY);
CREATE TABLE users (id UUID PRIMARY KEY);
CREATE TABLE conversations (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant_id UUID REFERENCES tenants(id) ON DELETE CASCADE,
  outlet_id UUID REFERENCES outlets(id) ON DELETE CASCADE,
  customer_phone VARCHAR(50) NOT NULL,
  customer_name VARCHAR(255),
  status VARCHAR(50) DEFAULT 'active',
  handoff_requested BOOLEAN DEFAULT FALSE,
  handoff_agent_id UUID REFERENCES users(id),
  handoff_reason TEXT,
  started_at TIMESTAMP DEFAULT NOW(),
  ended_at TIMESTAMP,
  last_message_at TIMESTAMP,
  CONSTRAINT valid_conversation_status CHECK (status IN ('active', 'resolved', 'handed_off', 'expired'))
);
CREATE INDEX idx_conversations_tenant ON conversations(tenant_id);
CREATE TABLE messages (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  conversation_id UUID REFERENCES conversations(id) ON DELETE CASCADE,
  sender_type VARCHAR(50) NOT NULL,
  sender_id VARCHAR(255),
  content TEXT NOT NULL,
  whatsapp_message_id VARCHAR(255),
  timestamp TIMESTAMP DEFAULT NOW(),
  metadata JSONB,
  CONSTRAINT valid_sender_type CHECK (sender_type IN ('customer', 'llm', 'agent'))
);
CREATE INDEX idx_messages_conversation ON messages(conversation_id, timestamp DESC);
"""
T0 = datetime.now(UTC).replace(tzinfo=None, microsecond=0) - timedelta(hours=2)
"""Two hours ago, as a TIMESTAMP."""


def at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


class CrmSource:
    """The database of a CRM service with one tenant, `tenant`, and another one beside it."""

    def __init__(self, owner: str, tenant: str) -> None:
        self._owner = owner
        self._name = f"crm_{uuid.uuid4().hex}"
        self.url = re.sub(r"@/\w+", f"@/{self._name}", owner)
        self.tenant = tenant
        self.connection: asyncpg.Connection

    async def __aenter__(self) -> CrmSource:
        owner = await asyncpg.connect(self._owner)
        await owner.execute(f"CREATE DATABASE {self._name}")
        await owner.close()
        self.connection = await asyncpg.connect(self.url)
        await self.connection.execute(SCHEMA)
        await self.connection.execute("INSERT INTO tenants VALUES ($1)", self.tenant)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.connection.close()
        owner = await asyncpg.connect(self._owner)
        await owner.execute(f"DROP DATABASE {self._name} WITH (FORCE)")
        await owner.close()

    async def conversation(self, phone: str, *messages: tuple[Any, ...], **fields: Any) -> str:
        """A conversation with messages (sender type, content, minutes, further columns)."""
        row = {
            "id": str(uuid.uuid4()),
            "tenant_id": self.tenant,
            "customer_phone": phone,
            "started_at": at(0),
        } | fields
        for table, column in (
            ("tenants", "tenant_id"),
            ("outlets", "outlet_id"),
            ("users", "handoff_agent_id"),
        ):
            if row.get(column) is not None:
                await self.connection.execute(
                    f"INSERT INTO {table} VALUES ($1) ON CONFLICT DO NOTHING", row[column]
                )
        await self._insert("conversations", row)
        for sender, content, minutes, *rest in messages:
            more = {"timestamp": at(minutes), "conversation_id": row["id"]} | (rest[0] if rest else {})
            await self._insert("messages", {"sender_type": sender, "content": content} | more)
        return row["id"]

    async def _insert(self, table: str, row: dict[str, Any]) -> None:
        values = [msgspec.json.encode(v).decode() if k == "metadata" else v for k, v in row.items()]
        places = ", ".join(f"${n}" for n in range(1, len(row) + 1))
        await self.connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", *values)
