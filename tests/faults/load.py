"""Load with a log: writers that each wait for their response, and a unique token in every message.

Half of the writers retry failed messages under the same key until they are answered. The other half give up, so the outcome
stays unknown.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable

import aiohttp
import asyncpg
from oracle import History, Verdict, judge
from readers import Event, Reader
from serving import OwnServer

from tertulia.serving.demo import WEBCHAT

PAUSE = 0.15
"""Seconds between a writer's messages. A fault needs traffic, not saturation, and the machine is shared."""
FAILURES = (aiohttp.ClientError, OSError, TimeoutError)
"""What was measured, printed at the end of the run."""


class Load:
    """`writers` writers over `conversations` conversations of `server`."""

    def __init__(self, server: OwnServer, *, writers: int = 200, conversations: int = 40) -> None:
        self.server = server
        self.history = History()
        self.conversations: list[str] = []
        self.statuses: Counter[int | str] = Counter()
        self.begun: dict[str, float] = {}
        self.acked: dict[str, float] = {}
        self._writers, self._count = writers, conversations
        self._tasks: list[asyncio.Task[None]] = []
        self._news = asyncio.Event()
        self._stopping = False
        self._session: aiohttp.ClientSession

    async def __aenter__(self) -> Load:
        self._session = aiohttp.ClientSession(
            base_url=self.server.url,
            headers={"Authorization": f"Bearer {self.server.token('service', 'load')}"},
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=30),
        )
        batch = os.urandom(4).hex()
        for n in range(self._count):
            body = {"channel_id": WEBCHAT, "contact_identifier": f"load-{batch}-{n}"}
            async with self._session.post("/v1/conversations", json=body) as answer:
                self.conversations.append((await answer.json())["id"])
        self._tasks = [asyncio.ensure_future(self._write(n)) for n in range(self._writers)]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._session.close()

    async def stop(self) -> None:
        """Let every writer finish its current message."""
        self._stopping = True
        await asyncio.gather(*self._tasks)

    async def _write(self, number: int) -> None:
        conversation = self.conversations[number % self._count]
        repeats = (number // self._count) % 2 == 0
        while not self._stopping:
            token = self.history.invoke(conversation)
            self.begun[token] = time.monotonic()
            while not await self._post(conversation, token) and repeats and not self._stopping:
                await asyncio.sleep(PAUSE)
            await asyncio.sleep(PAUSE)

    async def _post(self, conversation: str, token: str) -> bool:
        """Whether the server gave a final answer."""
        body = {"content": token, "client_message_id": token}
        try:
            async with self._session.post(f"/v1/conversations/{conversation}/messages", json=body) as answer:
                status, text = answer.status, await answer.text()
                found = await answer.json() if status < 300 else {}
        except FAILURES as error:
            self.statuses[type(error).__name__] += 1
            await asyncio.sleep(PAUSE)  # nothing listens: leave the machine to what is restarting
            return False
        self.statuses[status] += 1
        if status in (200, 201):
            self.acked[token] = time.monotonic()
            self.history.succeed(token, found["seq"], self.acked[token])
            self._news.set()
            return True
        if status < 500:
            self.history.fail(token, f"{status} {text[:200]}")
            return True
        return False

    async def until(self, condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
        """Wait for `condition`, which is checked after every acknowledgement."""
        try:
            async with asyncio.timeout(seconds):
                while not condition():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(
                f"waited in vain for {what}; {self.statuses}\n{self.server.tail()}"
            ) from None

    async def flows(self, each: int = 5) -> float:
        """Until every conversation has that many new acknowledgements of messages begun from now on; when it began."""
        began = time.monotonic()
        before = {i: len(self.history.acks[i]) for i in self.conversations}
        await self.until(
            lambda: all(len(self.history.acks[i]) >= before[i] + each for i in self.conversations),
            "acknowledgements in every conversation",
        )
        return began

    def acknowledged_within(self, begin: float, end: float) -> list[str]:
        """Tokens both begun and acknowledged between two moments."""
        return [t for t, at in self.acked.items() if at < end and self.begun[t] > begin]

    async def verdict(self, *readers: Reader) -> Verdict:
        """The oracle's verdict, once every reader has the newest message. What the network delivers late is stored late."""
        self._places = frozenset(self.conversations)
        rows, seen_by_all = await self._stored(), -1
        while len(rows) != seen_by_all:
            seen_by_all = len(rows)
            for reader in readers:
                await reader.until(lambda r=reader, n=seen_by_all: len(self._own(r)) >= n, "what is stored")
            rows = await self._stored()
        stored: dict[str, list[tuple[int, str]]] = {i: [] for i in self.conversations}
        for conversation, seq, token in rows:
            stored[conversation].append((seq, token))
        seen = {}
        for number, reader in enumerate(readers):
            view: dict[str, list[tuple[int, str]]] = {}
            for event in self._own(reader):
                view.setdefault(event["conversation_id"], []).append((event["seq"], event["data"]["content"]))
            seen[f"{type(reader).__name__} {number}"] = view
            assert reader.resets == 0, "a reset where continuity could be proved"
        assert not self.history.failed, list(self.history.failed.values())[:3]
        assert len(self.history.ok) > 100
        return judge(self.history, stored, seen)

    async def _stored(self) -> list[asyncpg.Record]:
        return await self.server.sql(
            "SELECT conversation_id::text, seq, data ->> 'content' FROM entries"
            " WHERE conversation_id = ANY ($1::uuid[]) AND seq > 0 ORDER BY conversation_id, seq",
            self.conversations,
        )

    def _own(self, reader: Reader) -> list[Event]:
        return [e for e in reader.entries() if e["conversation_id"] in self._places]
