"""A separate account for each routing test, so that agents of one test get no conversations of another."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from desks import Desk, fresh, new_accounts, ok
from readers import Chat, open_socket
from serving import OwnServer

from tertulia.actors.clock import now_ms
from tertulia.planning.recording import Recording
from tertulia.planning.self_replay import Agreement
from tertulia.storage.postgres.database import Database


class Team:
    """An account with its desks and its assignments."""

    def __init__(self, server: OwnServer, stack: AsyncExitStack, account: str, channel: str) -> None:
        self._server = server
        self._stack = stack
        self.account = account
        self.channel = channel
        self._desks: dict[str, Desk] = {}
        self.lead: Desk
        self.admin: Desk
        self.service: Desk

    async def desk(self, role: str, user: str) -> Desk:
        if user not in self._desks:
            token = self._server.token(role, user, self.account)
            client = await self._stack.enter_async_context(self._server.client(token))
            self._desks[user] = Desk(client)
        return self._desks[user]

    @asynccontextmanager
    async def stream(self, user: str, role: str = "agent") -> AsyncIterator[Chat]:
        async with open_socket(self._server, self._server.token(role, user, self.account)) as socket:
            chat = Chat(socket)
            await chat.event("ready")
            yield chat

    async def open(self, **fields: Any) -> dict[str, Any]:
        return await self.service.open(fresh("customer"), self.channel, **fields)

    async def prefer(self, user: str, **preferences: Any) -> None:
        desk = await self.desk("agent", user)
        ok(await desk.http.patch("/v1/agent-preferences/me", json=preferences), 200)

    async def appear(self, user: str, status: str = "online") -> None:
        desk = await self.desk("agent", user)
        ok(await desk.http.put("/v1/agents/me/presence", json={"status": status}), 200)

    async def settings(self, **settings: Any) -> None:
        ok(await self.admin.http.patch("/v1/account", json={"settings": settings}), 200)

    async def held(self) -> dict[str, str]:
        """Conversation → its agent, as stored."""
        rows = await self._server.sql(
            "SELECT id::text, assignee_id FROM conversations WHERE account_id = $1 AND status IN ('assigned', 'pending')",
            self.account,
        )
        return {row[0]: row[1] for row in rows}

    async def queue(self) -> list[dict[str, Any]]:
        return ok(await self.lead.http.get("/v1/queue", params={"limit": 100}), 200)["items"]

    async def assignee(self, conversation: str) -> str | None:
        return (await self.lead.get(conversation))["assignee_id"]

    async def is_open(self, conversation: str) -> bool:
        return (await self.lead.get(conversation))["status"] == "open"

    async def waits(self, conversation: str, wanted: bool = True) -> bool:
        """Whether its being in the queue is as `wanted`."""
        return any(i["conversation_id"] == conversation for i in await self.queue()) is wanted

    async def can_assign(self, conversation: str, agent: str) -> bool:
        return (await self.lead.do(conversation, "assign", agent_id=agent)).status_code == 200

    async def offered_to(self, conversation: str, agent: str) -> bool:
        return any(
            i["conversation_id"] == conversation and i["offered_to"] == agent for i in await self.queue()
        )

    async def outcomes(self, conversation: str, count: int) -> list[str] | None:
        """The outcomes of the conversation's offers, once there are `count`."""
        entries = await self.lead.entries(conversation)
        ended = [e["data"]["outcome"] for e in entries if e["kind"] == "offer_ended"]
        return ended if len(ended) >= count else None


async def make_account(server: OwnServer, stack: AsyncExitStack) -> Team:
    account, channel = (await new_accounts(server, "Routed"))[0]
    team = Team(server, stack, account, channel)
    team.lead = await team.desk("lead", "lena")
    team.admin = await team.desk("admin", "adam")
    team.service = await team.desk("service", "svc")
    return team


async def self_replay(server: OwnServer, account: str) -> Agreement:
    """All that an account's routing decided, decided again from its journal."""
    database = await Database.connect(server.database_url(), system=1, app=1)
    try:
        recording = Recording(database, account, 0, now_ms())
        return await recording.self_replay(await recording.entries())
    finally:
        await database.close()
