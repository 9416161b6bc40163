"""Thousands of streams open at once: their conversations are looked up a few at a time, and nobody is refused for it."""

from __future__ import annotations

import asyncio

from samples import ACCOUNT, uid

from tertulia.core.accounts.principal import Principal, Role
from tertulia.core.conversation.state import Conversation
from tertulia.core.ports.http import ThreadOwner
from tertulia.http.streams.lookups import LOOKUPS_PER_ACCOUNT, Lookups, lookup_slots
from tertulia.http.streams.session import Frame, Session
from tertulia.http.streams.topics import defaults

OTHER = uid()


class Wire:
    kind = "sse"

    def __init__(self) -> None:
        self.gone = False

    async def send(self, frames: list[Frame]) -> None: ...
    async def close(self, code: int, reason: str) -> None: ...
    def abort(self) -> None: ...


class Database:
    """Answers when it is let to; counts the reads under way, by account."""

    def __init__(self) -> None:
        self.running: dict[str, int] = {ACCOUNT: 0, OTHER: 0}
        self.most = 0
        self.read: list[str] = []
        self.let = asyncio.Event()

    async def get(self, account_id: str, conversation_id: str) -> Conversation | None:
        raise NotImplementedError

    async def threads(self, account_id: str, conversations: list[str]) -> dict[str, ThreadOwner]:
        raise NotImplementedError

    async def of_thread(self, account_id: str, channel_id: str, identifier: str) -> list[str]:
        self.running[account_id] += 1
        self.most = max(self.most, self.running[account_id])
        self.read.append(identifier)
        await self.let.wait()
        self.running[account_id] -= 1
        return [uid()]


def visitor(account: str, number: int) -> Session:
    name = f"visitor-{number}"
    principal = Principal(
        account_id=account,
        role=Role.CUSTOMER,
        user_id=name,
        expires_at=1e12,
        channel_id=uid(),
        contact_identifier=name,
    )
    return Session(principal, Wire(), 1 << 20)


async def test_streams_wait_for_their_turn_and_the_gone_are_passed_over() -> None:
    database, slots = Database(), lookup_slots()
    sessions = [visitor(ACCOUNT, n) for n in range(200)]
    opening = [
        asyncio.ensure_future(defaults(s.principal, Lookups(database, slots, s)))
        for s in [*sessions, visitor(OTHER, 200)]
    ]
    while not database.running[OTHER]:  # its turn does not wait for the first account's
        await asyncio.sleep(0)
    assert database.running[ACCOUNT] == LOOKUPS_PER_ACCOUNT
    sessions[150]._transport.gone = True  # type: ignore[attr-defined]
    database.let.set()
    opened = await asyncio.gather(*opening, return_exceptions=True)
    gone = opened.pop(150)
    assert isinstance(gone, ConnectionResetError) and "visitor-150" not in database.read
    assert all(isinstance(topics, list) and len(topics) == 1 for topics in opened)
    assert database.most == LOOKUPS_PER_ACCOUNT and len(database.read) == 200
