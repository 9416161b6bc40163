"""Events that are no entries: typing, and what is told again after it was lost."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from typing import Any

from desks import Desk, fresh, ok
from readers import READERS, Chat, Reader, open_socket
from redis.asyncio import Redis
from routing_accounts import make_account
from serving import OwnServer

from tertulia.actors.supervisor import TELL
from tertulia.demo import WEBCHAT

TYPING = "conversation:typing"


def said(reader: Reader) -> list[tuple[str, str | None, str]]:
    return [(e["data"]["user_id"], e["data"]["name"], e["data"]["state"]) for e in reader.entries(TYPING)]


async def test_who_vanishes_is_not_typing_for_ever(server: OwnServer, service: Desk) -> None:
    identifier = fresh()
    c = await service.open(identifier, WEBCHAT, contact_name="Sara")
    i, topic = c["id"], f"conversation:{c['id']}"
    async with AsyncExitStack() as stack:
        tokens = [server.token("agent", f"reader-{n}") for n in range(3)]  # both gateways get some
        readers = [
            await stack.enter_async_context(READERS[kind](server, token, topic))
            for token in tokens
            for kind in READERS
        ]
        async with open_socket(server, server.customer(identifier)) as socket:
            chat = Chat(socket)
            await chat.event("ready")
            for _ in range(20):
                await chat.ask("conversation:typing:start", conversation_id=i)
        started = time.monotonic()
        async with server.client(server.token("agent", fresh("agent"), name="Abeba")) as client:
            ok(await Desk(client).do(i, "typing", state="start"), 204)
            ok(await Desk(client).do(i, "typing", state="stop"), 204)
        for reader in readers:
            await reader.until(lambda r=reader: (identifier, "Sara", "stop") in said(r), "the stop")
        assert 4 < time.monotonic() - started < 15
    for reader in readers:
        events = said(reader)
        customers = [(name, state) for who, name, state in events if who == identifier]
        assert customers[0] == ("Sara", "start") and customers[-1] == ("Sara", "stop")
        assert customers.count(("Sara", "stop")) == 1 and len(customers) < 10
        assert [(name, state) for who, name, state in events if who != identifier] == [
            ("Abeba", "start"),
            ("Abeba", "stop"),
        ]
        assert all(e["seq"] is None for e in reader.entries(TYPING))


async def test_what_readers_did_not_hear_they_are_told_later(server: OwnServer) -> None:
    async with AsyncExitStack() as stack:
        team = await make_account(server, stack)
        token = server.token("lead", "lena", team.account)
        reader = await stack.enter_async_context(READERS["sse"](server, token))
        valkey = await stack.enter_async_context(Redis.from_url(server.valkey_url()))
        c = await team.open()
        await reader.until(lambda: reader.entries("queue:update"), "the queue to be told of")

        def last(type: str, key: str, value: str) -> Any:
            found = (e["data"][value] for e in reversed(reader.entries(type)) if key in e["data"].values())
            return next(found, None)

        # gateways cannot listen for a while; supervisors do not notice
        await valkey.execute_command("ACL", "SETUSER", "default", "-subscribe")
        try:
            await valkey.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
            second = await team.open(priority="urgent")
            await team.appear("ben", "away")
            await asyncio.sleep(2 * TELL)
            assert last("agent:presence", "ben", "status") is None
            assert last("queue:update", c["id"], "position") == 1
        finally:
            await valkey.execute_command("ACL", "SETUSER", "default", "+subscribe")
        await reader.until(lambda: last("agent:presence", "ben", "status") == "away", "ben")
        await reader.until(lambda: last("queue:update", c["id"], "position") == 2, "the queue as it is")
        assert last("queue:update", second["id"], "position") == 1
        assert reader.connections == 1 and reader.resets == 0
