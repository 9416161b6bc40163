"""Writes conversations into Postgres with COPY, which would take minutes through the API."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import asyncpg

from tertulia.core.conversation.entries import Actor, Entry, Message, Opened, kind_of
from tertulia.core.conversation.projection import apply
from tertulia.core.conversation.state import State
from tertulia.core.ids import new_conversation_id, new_id, partition_of_thread
from tertulia.storage.postgres.rows import encode_data

from .processes import Tenant

Say = Callable[[int, int], str]
CONTENT = "Where is my order? It should have come on Monday, number {0}, message {1}."


def fresh_id() -> str:
    return new_id(time.time_ns() // 1_000_000, random.getrandbits(80))


def text(number: int, at: int) -> str:
    return CONTENT.format(number, at)


def message(number: int, at: int, content: str | None = None) -> Message:
    return Message(
        fresh_id(),
        "inbound",
        "contact",
        f"c-{number}",
        text(number, at) if content is None else content,
        client_message_id=f"seed-{number}-{at}",
    )


def conversation(
    tenant: Tenant, identifier: str, number: int, messages: int, say: Say = text
) -> tuple[State, list[Entry]]:
    """A conversation with `messages` messages, and its entries."""
    now = time.time_ns() // 1_000_000
    partition = partition_of_thread(tenant.account, tenant.channel, identifier)
    conversation_id = new_conversation_id(now, random.getrandbits(80), partition)
    by = Actor("contact", identifier)
    opened = Opened(tenant.channel, "webchat", fresh_id(), identifier)
    entries = [Entry(tenant.account, conversation_id, 0, now, by, opened)]
    state = apply(None, entries[0])
    for seq in range(1, messages + 1):
        entries.append(
            Entry(tenant.account, conversation_id, seq, now + seq, by, message(number, seq, say(number, seq)))
        )
        state = apply(state, entries[-1])
    return state, entries


async def seed(
    connection: asyncpg.Connection, tenant: Tenant, prefix: str, count: int, messages: int, say: Say = text
) -> list[State]:
    """Write `count` conversations of customers named `<prefix>-<number>`. `say` makes texts from their and the message's number.

    Returns their states."""
    made = [conversation(tenant, f"{prefix}-{i:06d}", i, messages, say) for i in range(count)]
    account = UUID(tenant.account)
    base: int = await connection.fetchval(
        "UPDATE account_feeds SET position = position + $2 WHERE account_id = $1 RETURNING position - $2",
        account,
        sum(len(entries) for _, entries in made),
    )
    contacts, identifiers, conversations, recency, journal = [], [], [], [], []
    for state, entries in made:
        c = state.conversation
        when = _time(c.created_at)
        contacts.append((UUID(c.contact_id), account))
        identifiers.append((UUID(fresh_id()), account, UUID(c.contact_id), "webchat", c.contact_identifier))
        conversations.append(
            (
                *(UUID(c.id), account, UUID(c.channel_id), c.channel_type, UUID(c.contact_id)),
                *(c.contact_identifier, c.status.value, c.priority, c.seq, c.unread_count, when),
                *(c.last_message_preview, when, when, when),
            )
        )
        recency.append((UUID(c.id), account, when))
        for e in entries:
            base += 1
            journal.append(
                (
                    *(
                        UUID(c.id),
                        e.seq,
                        account,
                        base,
                        _time(e.at),
                        kind_of(e.data),
                        e.actor.type,
                        e.actor.id,
                    ),
                    *(f"seed:{e.seq}", encode_data(e.data).decode()),
                )
            )
    for table, columns, rows in (
        ("contacts", "id account_id", contacts),
        ("contact_identifiers", "id account_id contact_id channel_type identifier", identifiers),
        (
            "conversations",
            "id account_id channel_id channel_type contact_id contact_identifier status priority seq unread_count"
            " last_message_at last_message_preview waiting_since created_at updated_at",
            conversations,
        ),
        ("conversation_recency", "conversation_id account_id last_message_at", recency),
        (
            "entries",
            "conversation_id seq account_id position at kind actor_type actor_id command_key data",
            journal,
        ),
    ):
        await connection.copy_records_to_table(table, records=rows, columns=columns.split())
    return [state for state, _ in made]


def _time(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
