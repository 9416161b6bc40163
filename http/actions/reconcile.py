"""Brings changes of contacts and teams to conversations, whose actors may be in memory.

A conversation actor holds its contact's id and name, and a host holds them for each thread key it has loaded. A change in Postgres alone would
not reach them. Therefore:

- **Merging, renaming, moving an identifier.** First the contacts change in Postgres, so that threads loaded from now on have
  the new ones. Then every conversation gets an `Update` of `contact_id` and `contact_name` through the router. This is an ordinary
  entry: streams and replays see it, and its commit updates the projection. The host's thread follows its conversations
  (`Thread.follow`), so the customer's next conversation is right as well. Conversations opened meanwhile under the old contact are found by
  searching again until there are none. After a failure in between (503), the same request completes the work.
- **Deleting a team.** First the team is hidden, so that no conversation can be assigned to it; then its conversations get an `Update`;
  then it is deleted. A conversation assigned to it in that very moment may keep its id, which then names nothing.
- **Erasing.** First the name and the identifiers are deleted, so that the thread is loaded with a new contact. Then every
  conversation gets an `Erase`: it is closed, its messages are blanked in its actor and in every gateway's memory, and it takes
  no more commands. Then one transaction rewrites the entries and the projection, deletes the providers' ids and the
  contacts, and fails if a conversation has not been erased. After 200, the customer's words, names and addresses are in
  no table, no actor and no replay of this server. They may remain outside: at stream clients and providers, in log archives,
  backups, Postgres's WAL, and in dead tuples until the next vacuum. If interrupted, the same request completes it. A message
  that a provider delivers again afterwards counts as new, since its id is forgotten.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from ...core.accounts.records import Contact, ContactIdentifier
from ...core.conversation.commands import Changes, Command, Erase, Update
from ...core.errors import Conflict, NotFound
from ..framework.endpoint import Call
from ..framework.pagination import author

AT_ONCE = 32
"""Commands of one request in flight at once."""
MAX_ROUNDS = 5


async def follow(
    call: Call[Any], left: str, contact: Contact, identifier: ContactIdentifier | None = None
) -> None:
    """Move the conversations of contact `left`, or those of one of its identifiers, to `contact`."""
    name = msgspec.UNSET if contact.name is None else contact.name
    changes = Changes(contact_id=contact.id, contact_name=name)
    await _each(call, lambda: _conversations(call, [left], identifier), Update(changes))


async def rename(call: Call[Any], contact: Contact) -> None:
    """Give a contact's conversations its new name."""
    await _each(
        call, lambda: _conversations(call, [contact.id], None), Update(Changes(contact_name=contact.name)), 1
    )


async def erase(call: Call[Any], contact_id: str) -> None:
    """Erase a contact. Raises NotFound, Conflict (merged into another)."""
    contacts = call.services.stores.contacts
    ids = await contacts.begin_erasure(call.account_id, contact_id)
    if ids is None:
        raise NotFound("no such contact")
    await _each(call, lambda: _conversations(call, ids, None), Erase())
    ids.sort(key=lambda i: i != contact_id)
    await contacts.finish_erasure(call.account_id, ids, author(call))


async def leave_team(call: Call[Any], team_id: str) -> None:
    """Remove a team that is being deleted from its conversations."""
    teams = call.services.stores.teams
    await _each(call, lambda: teams.conversations(call.account_id, team_id), Update(Changes(team_id=None)))


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
    """Send a command to every conversation that `find` returns, until it returns no new ones."""
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
        raise Conflict("conversations are opened faster than this change can be applied: try again")
