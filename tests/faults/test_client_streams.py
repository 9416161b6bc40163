"""The Python client's streams and calls while gateways are killed: nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from contextlib import AsyncExitStack

from desks import fresh
from serving import OwnServer
from waiting import until

from tertulia.client import AsyncClient, AsyncStream, Client, Event
from tertulia.serving.demo import WEBCHAT

MESSAGES = 60


class Reader:
    """What one stream handed out: the content of each message of a conversation."""

    def __init__(self, conversation: str) -> None:
        self._conversation = conversation
        self.seen: list[str] = []

    def take(self, event: Event) -> bool:
        """Note an event. True after the last message."""
        if event["type"] == "conversation:message" and event["data"]["conversation_id"] == self._conversation:
            self.seen.append(event["data"]["content"])
        return self.seen[-1:] == [str(MESSAGES - 1)]

    async def read(self, stream: AsyncStream) -> None:
        async for event in stream:
            if self.take(event):
                return


def read_in_thread(server: OwnServer, reader: Reader, since: str | None) -> threading.Thread:
    """Follow the account with the blocking client."""

    def run() -> None:
        with Client(server.url, server.token("lead")) as client:
            for event in client.events(["account"], since=since, over="websocket"):
                if reader.take(event):
                    return

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


async def test_streams_and_calls_survive_killed_gateways(battered: OwnServer) -> None:
    server = battered
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(AsyncClient(server.url, server.token("lead"))) for _ in "ab"
        ]
        service = await stack.enter_async_context(AsyncClient(server.url, server.token("service")))
        conversation = await service.create_conversation(channel_id=WEBCHAT, contact_identifier=fresh())
        readers = [Reader(conversation["id"]) for _ in "abc"]
        over_sse = await stack.enter_async_context(clients[0].stream(["account"], over="sse"))
        over_websocket = await stack.enter_async_context(clients[1].stream(["account"], over="websocket"))
        reading = [
            asyncio.ensure_future(readers[0].read(over_sse)),
            asyncio.ensure_future(readers[1].read(over_websocket)),
        ]
        thread = read_in_thread(server, readers[2], over_sse.cursor)
        first = await until(lambda: server.gateways if len(server.gateways) == 2 else None, "two gateways")
        for number in range(MESSAGES):
            if number in (20, 40):  # each of the two that the streams may have begun at
                os.kill(first[number // 20 - 1], signal.SIGKILL)
                await until(lambda: len(server.gateways) == 2, "another gateway")
            await service.create_message(conversation["id"], content=str(number))
        async with asyncio.timeout(60):
            await asyncio.gather(*reading)
            await asyncio.to_thread(thread.join, 60)
        stored = [m["content"] async for m in service.iter_messages(conversation["id"], limit=25)]
    wanted = [str(number) for number in range(MESSAGES)]
    assert stored == wanted
    assert [reader.seen for reader in readers] == [wanted] * 3
    assert over_sse.connections + over_websocket.connections > 2, "some were cut"
