"""Contacts, teams and the actors that know them: how a change of theirs reaches conversations in memory.

A conversation holds its contact's id and name in its actor, and a host holds them for each thread key it has loaded, so
nothing may be changed behind their backs. Therefore:

- **Merging, renaming, moving an identifier.** First the contacts change in Postgres, so that threads loaded from now on have
  the new ones. Then every conversation gets an `Update` of `contact_id` and `contact_name` through the router: an entry
  like any other, seen by streams and replays, written into the projection by its commit; and the host's thread follows its
  conversations (`Thread.follow`), so the customer's next conversation starts right as well. A conversation that was opened
  meanwhile under the old contact is found by looking again, until there are none. What fails in between (503) is
  completed by asking again.
- **Deleting a team.** First nobody sees it any more, so that no conversation is given to it; then those it has get an `Update`;
  then it goes. A conversation that was given to it in that same moment may keep its id, which names nothing then.
- **Erasing.** First the name and the identifiers go, so that whoever loads the thread makes a new contact. Then every
  conversation gets an `Erase`: it is closed, its actor and every gateway's memory of its messages are blanked, and it takes
  no more commands. Then one transaction rewrites the entries and the projection, deletes the providers' ids and the
  contacts, and refuses if a conversation had not been erased. After 200, the customer's words, names and addresses are in
  no table, no actor and no replay of this server. They may be in what left it: streams' clients, providers, log archives,
  backups, Postgres's WAL, and dead tuples until the next vacuum. Broken off, it is completed by asking again. A message
  that a provider delivers again afterwards counts as new, as its id is forgotten.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from ...core.accounts.records import Contact, ContactIdentifier
from ...core.conversation.commands import Command, Erase, Update
from ...core.errors import Conflict, NotFound
from ..framework.endpoint import Call
from ..framework.pagination import author

AT_ONCE = 32
"""Commands of one request under way at the same time."""
MAX_ROUNDS = 5


async def follow(
    call: Call[Any], left: str, contact: Contact, identifier: ContactIdentifier | None = None
) -> None:
    """Bring the conversations of contact `left` (with one identifier only) to `contact`."""
    changes: dict[str, Any] = {"contact_id": contact.id}
    if contact.name is not None:
        changes["contact_name"] = contact.name
    await _each(call, lambda: _conversations(call, [left], identifier), Update(changes))


async def rename(call: Call[Any], contact: Contact) -> None:
    """Bring a contact's new name to its conversations."""
    await _each(
        call, lambda: _conversations(call, [contact.id], None), Update({"contact_name": contact.name}), 1
    )


async def erase(call: Call[Any], contact_id: str) -> None:
    """Forget a contact. Raises NotFound, Conflict (merged into another)."""
    contacts = call.services.stores.contacts
    ids = await contacts.begin_erasure(call.account_id, contact_id)
    if ids is None:
        raise NotFound("no such contact")
    await _each(call, lambda: _conversations(call, ids, None), Erase())
    ids.sort(key=lambda i: i != contact_id)
    await contacts.finish_erasure(call.account_id, ids, author(call))


async def leave_team(call: Call[Any], team_id: str) -> None:
    """Take a team that is being deleted from its conversations."""
    teams = call.services.stores.teams
    await _each(call, lambda: teams.conversations(call.account_id, team_id), Update({"team_id": None}))


async def _conversations(
    call: Call[Any], contact_ids: list[str], identifier: ContactIdentifier | None
) -> list[str]:
    stores = call.services.stores
    return [
        i
        for contact_id in contact_ids
        for i in await stores.contacts.conversations(call.account_id, contact_id, identifier)
    ]


async def _each(
    call: Call[Any], find: Callable[[], Awaitable[list[str]]], command: Command, rounds: int = MAX_ROUNDS
) -> None:
    """Send a command to every conversation that `find` finds, until it finds no others."""
    done: set[str] = set()
    free = asyncio.Semaphore(AT_ONCE)

    async def send(conversation_id: str) -> None:
        async with free:
            try:
                await call.ask(command, conversation=conversation_id)
            except NotFound:
                pass  # gone, or erased meanwhile
        done.add(conversation_id)

    for _ in range(rounds):
        waiting = [i for i in await find() if i not in done]
        if not waiting:
            return
        failures = [
            r for r in await asyncio.gather(*map(send, waiting), return_exceptions=True) if r is not None
        ]
        if failures:
            raise failures[0]
    if rounds > 1:
        raise Conflict("conversations are opened faster than they can be changed: ask again")
