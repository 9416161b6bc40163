"""A customer's name that becomes known late: their contact takes it if it has none, and so does each of their conversations.

A name that an agent entered stays. Conversations are named by an ordinary `Update`, so that streams, replays, the projection
and the host's threads follow, as in `reconcile.py`.
"""

from __future__ import annotations

import asyncio

from ...actors.clock import fresh_id
from ...core.accounts.records import ChannelType
from ...core.accounts.user_ids import shown_name
from ...core.conversation.commands import By, Changes, Envelope, Update
from ...core.errors import NotFound
from ..framework.services import Services

AT_ONCE = 16
"""Conversations that one name is given to at the same time; the others wait."""


async def fill(
    services: Services, account_id: str, channel_type: ChannelType, thread: str, name: str | None
) -> None:
    """Name the contact behind a thread's identifier, if there is one. If interrupted, the next call completes it."""
    name = shown_name(name)
    if not name:
        return
    senders = services.stores.senders
    found = await senders.fill_name(account_id, channel_type, thread, name)
    if found is None or not found.conversation_ids:
        return
    free = asyncio.Semaphore(AT_ONCE)
    command = Update(Changes(contact_name=found.name), fills=True)

    async def give(conversation_id: str) -> None:
        async with free:
            by = By("service", None, "service")
            try:
                await services.gateway.router.ask(
                    Envelope(fresh_id(), account_id, by, command, conversation_id)
                )
            except NotFound:
                pass  # gone, or erased meanwhile

    done = await asyncio.gather(*map(give, found.conversation_ids), return_exceptions=True)
    failures = [failure for failure in done if failure is not None]
    if failures or found.more:
        senders.forget_name(account_id, channel_type, thread)
    if failures:
        raise failures[0]
