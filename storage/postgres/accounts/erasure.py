"""The storage's part in erasing a contact. Which fields are blanked: `core/conversation/erasure.py`.

The order makes it safe; `http/actions/reconcile.py` drives it. First the contact's identifiers are deleted, so that hosts
that load the thread create a new contact. Then a command erases each conversation, after which its actor is empty and
accepts nothing more. Only then are the stored entries rewritten here, since no host touches them any longer. The bytes of
attachments follow their records: deleting a record leaves a note for the sweep (`delivery/attachments.py`).

A new table that contains customers' texts or names must be blanked here as well.
"""

from __future__ import annotations

from collections.abc import Sequence

from ....core.channels.signed_urls import id_of
from ....core.conversation.entries import Actor, Entry, Message
from ....core.conversation.erasure import blanked
from ....core.errors import Conflict
from ....core.webhooks.events import body_of, outgoing
from ..database import Connection, Database
from ..queries import sql
from ..rows import encode_data, entry_from_row
from .audit import record

BATCH = 1000
"""Entries rewritten by one statement."""


class Erasure:
    """`begin_erasure` and `finish_erasure` of `core.ports.resources.ContactStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin_erasure(self, account_id: str, contact_id: str) -> list[str] | None:
        async with self._database.account(account_id) as connection, connection.transaction():
            found = await connection.fetchrow(sql("contacts_lock"), [contact_id])
            if found is None:
                return None
            if found[1] is not None:
                raise Conflict(
                    "the contact was merged into another: erase that one", current={"merged_into": found[1]}
                )
            await connection.execute(sql("erase_uploads"), contact_id)
            return [row[0] for row in await connection.fetch(sql("erase_begin"), contact_id)]

    async def finish_erasure(self, account_id: str, contact_ids: Sequence[str], by: Actor) -> int:
        # As the system, since the application's role must not write the journal. Every statement names the account.
        async with self._database.system() as connection, connection.transaction():
            await connection.execute(sql("erase_event_locks"), account_id)
            rows = await connection.fetch(sql("erase_conversations"), account_id, contact_ids)
            if not all(erased for _, erased in rows):
                raise Conflict("the customer wrote during the erasure: try again")
            conversations = [row[0] for row in rows]
            named: list[str] = []
            for conversation_id in conversations:
                named += await _rewrite(connection, conversation_id)
            await connection.execute(sql("erase_attachments"), account_id, conversations, named)
            await connection.execute(sql("erase_projection"), conversations)
            await connection.execute(sql("erase_rest"), conversations, contact_ids)
            details = {"contacts": list(contact_ids), "conversations": len(conversations)}
            await record(connection, account_id, by, "contact.erased", ("contact", contact_ids[0]), details)
        return len(conversations)


async def _rewrite(connection: Connection, conversation_id: str) -> list[str]:
    """Blank a conversation's entries. Returns the ids of the attachments that its messages named."""
    after, named = -1, []
    while True:
        rows = await connection.fetch(
            sql("entries_all", columns=sql("entry_columns")), conversation_id, after, BATCH
        )
        if not rows:
            return named
        before = [entry_from_row(row) for row in rows]
        named += [i for e in before if isinstance(e.data, Message) for i in _named(e.data)]
        entries: list[Entry] = [blanked(e) for e in before]
        await connection.execute(
            sql("erase_entries"),
            [conversation_id] * len(entries),
            [e.seq for e in entries],
            [e.actor.id for e in entries],
            [encode_data(e.data).decode() for e in entries],
        )
        await _rewrite_deliveries(connection, conversation_id, entries)
        after = entries[-1].seq


def _named(message: Message) -> list[str]:
    return [i for a in message.attachments if (i := id_of(a.url)) is not None]


async def _rewrite_deliveries(connection: Connection, conversation_id: str, entries: Sequence[Entry]) -> None:
    """Rewrite webhook deliveries of these entries, sent or unsent."""
    events = [event for entry in entries for event in outgoing(entry, "erased")]
    await connection.execute(
        sql("erase_event_deliveries"),
        conversation_id,
        [event.id.removeprefix("evt_erased_") for event in events],
        [body_of(event) for event in events],
    )
