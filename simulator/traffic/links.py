"""Agents' connections: WebSocket, SSE or Socket.IO, behind one interface."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import socketio
from socketio.exceptions import SocketIOError

from ...client import ApiError, AsyncClient, AsyncStream, TertuliaError
from ..figures.figures import Figures
from .feed import Event, Tamper
from .requests import ATTEMPTS, FIRST_PAUSE, REFUSED, Answer, Requests

CALL_WITHIN = 30
RECONNECTS = 5
LOOK_EVERY = 2.0
"""Seconds between two looks at whether a connection was cut."""


def type_of(error: Exception) -> str:
    return type(error).__name__


class Link(ABC):
    """One agent's connection. `on_event` gets its events; `send` is acknowledged after the commit.

    A status ends soon after its connection, and so does the following of conversations: after a cut both are said again.
    """

    def __init__(
        self,
        client: AsyncClient,
        requests: Requests,
        token: str,
        on_event: Callable[[Event], None],
        tamper: Tamper,
    ) -> None:
        self.client = client.as_user(token)
        self.requests = requests
        self.figures: Figures = requests.figures
        self.token = token
        self._on_event = on_event
        self._tamper = tamper
        self._status = "online"
        self._joined: set[str] = set()

    @abstractmethod
    async def open(self) -> None:
        """Connect, and say that the agent is there. Raises TertuliaError, TimeoutError."""

    @abstractmethod
    async def close(self) -> None: ...

    async def present(self, status: str) -> None:
        self._status = status
        answer = await self.requests.insist(
            "PUT /v1/agents/me/presence", "/v1/agents/me/presence", token=self.token, body={"status": status}
        )
        if not answer.ok:
            self.figures.error(f"presence: {answer.problem}")

    async def again(self) -> None:
        """What a new connection does not know of the one before."""
        self.figures.counts["reconnects"] += 1
        await self.present(self._status)
        for conversation_id in list(self._joined):
            await self.follow(conversation_id)

    async def join(self, conversation_id: str) -> None:
        """Follow a conversation's messages."""
        self._joined.add(conversation_id)
        await self.follow(conversation_id)

    async def leave(self, conversation_id: str) -> None:
        self._joined.discard(conversation_id)
        await self.unfollow(conversation_id)

    @abstractmethod
    async def follow(self, conversation_id: str) -> None: ...

    @abstractmethod
    async def unfollow(self, conversation_id: str) -> None: ...

    async def send(self, conversation_id: str, text: str, key: str) -> Answer:
        return await self.requests.insist(
            "POST /v1/conversations/{id}/messages", f"/v1/conversations/{conversation_id}/messages", token=self.token,
            body={"content": text, "client_message_id": key},
        )  # fmt: skip

    async def accept(self, conversation_id: str) -> Answer:
        path = f"/v1/conversations/{conversation_id}/accept"
        return await self.requests.call("POST /v1/conversations/{id}/accept", path, token=self.token, body={})

    def received(self, event: Event) -> None:
        for one in self._tamper("agent", event):
            self._on_event(one)


class _StreamLink(Link):
    """Over the typed client's streams, which resume by themselves."""

    stream: AsyncStream
    _task: asyncio.Task[None] | None = None
    _watch: asyncio.Task[None] | None = None

    async def open(self) -> None:
        ready = asyncio.Event()
        self.stream = self.make()
        self._task = asyncio.ensure_future(self._read(ready))
        self._task.add_done_callback(lambda _: ready.set())
        async with asyncio.timeout(CALL_WITHIN):
            await ready.wait()
        if self._task.done():
            self._task.result()
        await self.present("online")
        self._watch = asyncio.ensure_future(self._after_cuts())

    @abstractmethod
    def make(self) -> AsyncStream: ...

    async def _read(self, ready: asyncio.Event) -> None:
        async with self.stream as stream:
            self.figures.counts["streams opened"] += 1
            ready.set()
            async for event in stream:
                self.received(event)

    async def _after_cuts(self) -> None:
        known = 1
        while True:
            await asyncio.sleep(LOOK_EVERY)
            if self.stream.connections > known:
                known = self.stream.connections
                await self.again()

    async def close(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        if self._task is not None:
            if self._task.done() and not self._task.cancelled() and (error := self._task.exception()):
                self.figures.error(f"an agent's stream ended: {type(error).__name__}", str(error))
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)


class WebSocketLink(_StreamLink):
    """Follows the agent's own topic and the conversations it holds; sends over the socket."""

    def make(self) -> AsyncStream:
        return self.client.stream(["user"], over="websocket")

    async def follow(self, conversation_id: str) -> None:
        await self._asked("conversation:join", conversation_id=conversation_id)

    async def unfollow(self, conversation_id: str) -> None:
        await self._asked("conversation:leave", conversation_id=conversation_id)

    async def send(self, conversation_id: str, text: str, key: str) -> Answer:
        return await self._asked(
            "message:send", conversation_id=conversation_id, content=text, client_message_id=key
        )

    async def _asked(self, type: str, **fields: Any) -> Answer:
        answer = Answer(0)
        for attempt in range(ATTEMPTS):
            answer = await self._once(type, fields)
            if answer.ok or answer.status not in (0, *REFUSED):
                break
            await asyncio.sleep(answer.retry_after or FIRST_PAUSE * 2**attempt)
        if not answer.ok:
            self.figures.counts["failed"] += 1
        return answer

    async def _once(self, type: str, fields: dict[str, Any]) -> Answer:
        start, kind = time.monotonic(), f"WS {type}"
        row = self.figures.row(kind)
        try:
            answer = Answer(200, await self.stream.send(type, **fields))
        except ApiError as error:
            answer = Answer(
                error.status, problem=f"{error.code}: {error.detail}", retry_after=error.retry_after
            )
        except TertuliaError as error:
            answer = Answer(0, problem=type_of(error))
        row.latency.record(time.monotonic() - start)
        row.statuses["ok" if answer.ok else answer.problem.partition(":")[0]] += 1
        if not answer.ok:
            row.failed += 1
            self.requests.refused(kind, answer)
        return answer


class SseLink(_StreamLink):
    """Follows the account and the agent's own topic, as the inbox does; everything else goes over HTTP."""

    def make(self) -> AsyncStream:
        return self.client.stream(["account", "user"], over="sse")

    async def follow(self, conversation_id: str) -> None:
        """The account's topic has all messages."""

    async def unfollow(self, conversation_id: str) -> None: ...


class SocketIoLink(Link):
    """The namespace `/agents`, with the library that its users have."""

    NAMESPACE = "/agents"

    async def open(self) -> None:
        self._io = socketio.AsyncClient(reconnection_delay_max=RECONNECTS)
        self._io.on("*", self._named_event, namespace=self.NAMESPACE)
        await self._io.connect(
            self.requests.url, namespaces=[self.NAMESPACE], auth={"token": self.token}, transports=["websocket"], wait_timeout=CALL_WITHIN,
        )  # fmt: skip
        self.figures.counts["streams opened"] += 1
        await self.present("online")
        self._io.on("connect", self.again, namespace=self.NAMESPACE)

    async def _named_event(self, name: str, data: Any = None, *offset: Any) -> None:
        del offset  # for the library's own recovery
        if isinstance(data, dict):
            self.received(
                {
                    "type": name,
                    "conversation_id": data.get("conversation_id"),
                    "seq": data.get("seq"),
                    "data": data,
                }
            )

    async def follow(self, conversation_id: str) -> None:
        await self._asked("conversation:join", {"conversation_id": conversation_id})

    async def unfollow(self, conversation_id: str) -> None:
        await self._asked("conversation:leave", {"conversation_id": conversation_id})

    async def send(self, conversation_id: str, text: str, key: str) -> Answer:
        return await self._asked(
            "message:send", {"conversation_id": conversation_id, "content": text, "client_message_id": key}
        )

    async def _asked(self, name: str, data: dict[str, Any]) -> Answer:
        start, kind = time.monotonic(), f"IO {name}"
        row = self.figures.row(kind)
        try:
            said = await self._io.call(name, data, namespace=self.NAMESPACE, timeout=CALL_WITHIN)
            error = said.get("error") if isinstance(said, dict) else {"code": "no answer"}
            problem = f"{error.get('code')}: {error.get('detail', '')}" if error else ""
        except (SocketIOError, ConnectionError) as failure:
            said, problem = None, type_of(failure)
        answer = Answer(0, problem=problem) if problem or said is None else Answer(200, said.get("data"))
        row.latency.record(time.monotonic() - start)
        row.statuses[problem.partition(":")[0] or "ok"] += 1
        if problem:
            row.failed += 1
            self.requests.refused(kind, answer)
            self.figures.counts["failed"] += 1
        return answer

    async def close(self) -> None:
        await self._io.disconnect()


LINKS: dict[str, type[Link]] = {"ws": WebSocketLink, "sse": SseLink, "socketio": SocketIoLink}
