"""The application over a host in memory, served on a socket: for tests that send messages as bytes."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

from aiohttp import web
from samples import ACCOUNT, uid
from webhook_rig import Permits

from tertulia.actors.transport.router import Router
from tertulia.core.accounts.principal import Role
from tertulia.core.accounts.records import Channel
from tertulia.core.conversation.commands import Done, Envelope, Outcome
from tertulia.core.conversation.entries import Actor, Entry, Message
from tertulia.core.ids import PARTITIONS
from tertulia.core.ports.ownership import HostAddress, PartitionMap
from tertulia.http.app import make_app
from tertulia.http.auth.origins import OriginPolicy
from tertulia.http.auth.rate_limits import RequestLimits
from tertulia.http.auth.tokens import TokenSigner, TokenVerifier
from tertulia.http.connection.fast_path import FAST_PATH
from tertulia.http.connection.protocol import ProblemRunner
from tertulia.http.framework.services import Services
from tertulia.settings import Settings

CONVERSATION = uid()
OTHER = uid()
DESK = "https://desk.example.com"
"""The origin of the account's own pages."""
BODY = {"content": "hello", "sender_type": "agent"}
Decide = Callable[[Envelope], Outcome | None]


def accepted(envelope: Envelope, *, repeated: bool = False) -> Done:
    post = envelope.post
    assert post is not None
    said = Message(
        id=CONVERSATION,
        direction="outbound",
        sender_type=post.sender_type,
        sender_id="svc",
        content=post.content,
    )
    entry = Entry(
        ACCOUNT, envelope.conversation_id or CONVERSATION, 7, 1_800_000_000_000, Actor("service", "svc"), said
    )
    return Done((entry,), repeated=repeated)


class Link:
    """A host that answers as `decide` says once the loop has turned; `held` while it is told to wait."""

    incarnation = "i"

    def __init__(self, settle: Callable[[Envelope, Outcome | None], None]) -> None:
        self._settle = settle
        self.decide: Decide = accepted
        self.got: list[Envelope] = []
        self.waits = False
        self.held: list[Envelope] = []
        self.arrived = asyncio.Event()

    def send(self, envelope: Envelope) -> None:
        self.got.append(envelope)
        self.arrived.set()
        if self.waits:
            self.held.append(envelope)
        else:
            asyncio.get_running_loop().call_soon(self._answer, envelope)

    def go_on(self) -> None:
        self.waits = False
        held, self.held = self.held, []
        for envelope in held:
            self._answer(envelope)

    def _answer(self, envelope: Envelope) -> None:
        self._settle(envelope, self.decide(envelope))

    def close(self) -> None: ...


class Map:
    async def read_map(self) -> PartitionMap:
        return PartitionMap(("h",) * PARTITIONS, {"h": HostAddress("i", "127.0.0.1", 1)})


class Agents:
    async def ensure(self, *_: Any) -> None: ...


class Attachments:
    async def get_all(self, *_: Any) -> dict[str, Any]:
        return {}

    async def link(self, *_: Any) -> None: ...


class Channels:
    """The pages of one web chat channel."""

    id, origin = uid(), "https://shop.example"

    async def find(self, channel_id: str) -> Channel | None:
        return self.known(channel_id)

    def known(self, channel_id: str) -> Channel | None:
        config = {"allowed_origins": [self.origin]}
        return (
            Channel(self.id, ACCOUNT, "webchat", "w", config, None, True, 0, 0)
            if channel_id == self.id
            else None
        )

    async def allows_origin(self, origin: str) -> bool:
        return origin == self.origin


async def nothing() -> list[Any]:
    return []


class Gate:
    """The application over a host in memory; `fast` counts the requests that took the fast path."""

    def __init__(self) -> None:
        self.permits = Permits()
        self.fast = 0

    async def start(
        self,
        *,
        max_waiting: int = 1000,
        max_body: int = 2000,
        without: Sequence[web.AppKey[Any]] = (),
        **options: Any,
    ) -> None:
        """Serve, `without` some keys of the application, such as `FAST_PATH`."""
        configuration = Settings(rate_account=2000, rate_user=2000, max_body=max_body, allowed_origins=DESK)
        self.signer = TokenSigner.from_settings(configuration, "s" * 40)
        self.router = Router(
            Map(),  # pyright: ignore[reportArgumentType]
            self._connect,  # pyright: ignore[reportArgumentType]
            deadline=5,
            max_waiting=max_waiting,
            on_hosts_changed=lambda: None,
        )
        await self.router.startup()
        self._routing = asyncio.create_task(self.router.main_loop())
        parts: dict[str, Any] = {
            "settings": configuration,
            "gateway": SimpleNamespace(router=self.router),
            "signer": self.signer,
            "verifier": TokenVerifier.from_settings(configuration, self.signer, None),
            "limits": RequestLimits(configuration, self.permits, clock=lambda: 0.0),
            "origins": OriginPolicy.from_settings(configuration),
            "stores": SimpleNamespace(agents=Agents(), attachments=Attachments(), channels=Channels()),
            "update_metrics": nothing,
        }
        app = make_app(Services(**{name: parts.get(name) for name in Services.__struct_fields__}))  # pyright: ignore
        begin = app[FAST_PATH].begin

        def counted(*arguments: Any) -> Any:
            left = begin(*arguments)
            self.fast += left is None
            return left

        app[FAST_PATH].begin = counted  # type: ignore[method-assign]
        for key in without:
            del app[key]
        self.runner = ProblemRunner(app, access_log=None, handler_cancellation=False, **options)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        self.token = self.token_of(Role.SERVICE)
        await self.ask(request(self.token))  # the token becomes known, and permits are at hand
        assert self.fast == 0
        self.host.got.clear()
        self.host.arrived.clear()

    def token_of(self, role: Role, **claims: Any) -> str:
        return self.signer.issue("svc", {ACCOUNT: role}, lifetime=3600, **claims)

    def _connect(self, name: str, at: HostAddress, settle: Any) -> Link:
        self.host = Link(settle)
        return self.host

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.runner.addresses[0][1])

    async def under_way(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection with a message that has reached the host, which waits until it is told to `go_on`."""
        self.host.waits = True
        reader, writer = await self.open()
        writer.write(request(self.token))
        await self.host.arrived.wait()
        return reader, writer

    async def ask(self, sent: bytes) -> tuple[int, dict[str, str], bytes]:
        reader, writer = await self.open()
        try:
            writer.write(sent)
            return await answer(reader)
        finally:
            writer.close()

    async def stop(self) -> None:
        await self.runner.cleanup()
        self._routing.cancel()


async def answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    async with asyncio.timeout(10):
        head = b"HTTP/1.1 100 "
        while head.startswith(b"HTTP/1.1 100 "):
            head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")[:-2]
        headers = dict(line.split(": ", 1) for line in lines)
        assert len(headers) == len(lines), "no header twice"
        return int(first.split()[1]), headers, await reader.readexactly(int(headers.get("Content-Length", 0)))


def request(
    token: str | None,
    body: bytes | dict[str, Any] = BODY,
    *,
    path: str = f"/v1/conversations/{CONVERSATION}/messages",
    method: str = "POST",
    version: str = "1.1",
    **headers: str | None,
) -> bytes:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields: dict[str, str | None] = {"Host": "127.0.0.1", "Content-Type": "application/json"}
    fields |= {"Content-Length": str(len(sent)), "Authorization": token and f"Bearer {token}"}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{k}: {v}\r\n" for k, v in fields.items() if v is not None)
    return f"{method} {path} HTTP/{version}\r\n{lines}\r\n".encode() + sent


def comparable(answered: tuple[int, dict[str, str], bytes]) -> tuple[int, dict[str, str], bytes]:
    """An answer without what differs each time."""
    status, headers, body = answered
    ids = rb'"request_id":"[^"]*"'
    kept = {k: v for k, v in headers.items() if k not in ("Date", "X-Request-Id", "Content-Length")}
    return status, kept, re.sub(ids, b"", body)
