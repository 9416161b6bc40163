"""Gateways with real routes, stores and provider formats over real Postgres and one conversation host, in this process.

What is a double says so: the file store (which only notes what it is told), the permits, the hints (which are kept).
"""

from __future__ import annotations

import asyncio
import itertools
import os
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import asyncpg
import httpx
import msgspec
from aiohttp.test_utils import TestServer
from plain_http import NO_TLS
from provider_calls import CREDENTIALS, PUBLIC, signed

from tertulia.actors.clock import fresh_id, now_ms
from tertulia.actors.host.host import ConversationHost
from tertulia.actors.host.placement import SharedPlacement
from tertulia.actors.transport import codec
from tertulia.actors.transport.router import Router
from tertulia.channels.email import channel as email
from tertulia.channels.meta import messenger, whatsapp
from tertulia.channels.sms import channel as sms
from tertulia.channels.telegram import channel as telegram
from tertulia.core.accounts.principal import Role
from tertulia.core.accounts.records import Channel
from tertulia.core.channels.records import NewMedia, StoredAttachment
from tertulia.core.channels.signed_urls import LinkSigner
from tertulia.core.conversation.commands import Envelope, Outcome
from tertulia.core.ids import PARTITIONS
from tertulia.core.ports.auth import Lease
from tertulia.core.ports.http import Stores
from tertulia.core.ports.ownership import HostAddress, PartitionMap
from tertulia.http.app import make_app
from tertulia.http.auth.origins import OriginPolicy
from tertulia.http.auth.rate_limits import RequestLimits
from tertulia.http.auth.tokens import TokenSigner, TokenVerifier
from tertulia.http.framework.services import Services
from tertulia.http.routes.providers.webhooks import DEADLINES, WebhookDeadlines
from tertulia.settings import Settings
from tertulia.storage.credentials import FernetVault, new_key
from tertulia.storage.postgres.accounts.accounts import PostgresAccounts
from tertulia.storage.postgres.accounts.agents import PostgresAgents
from tertulia.storage.postgres.accounts.audit import PostgresAudit
from tertulia.storage.postgres.accounts.channels import PostgresChannels
from tertulia.storage.postgres.accounts.clients import PostgresClients
from tertulia.storage.postgres.accounts.contacts import PostgresContacts
from tertulia.storage.postgres.conversations.archive import PostgresArchive
from tertulia.storage.postgres.conversations.conversations import PostgresConversations
from tertulia.storage.postgres.conversations.inbox import PostgresInbox
from tertulia.storage.postgres.conversations.journal import PostgresJournal
from tertulia.storage.postgres.database import Database
from tertulia.storage.postgres.delivery.deliveries import PostgresDeliveries
from tertulia.storage.postgres.delivery.inbound import PostgresInbound
from tertulia.storage.postgres.delivery.senders import PostgresSenders

KINDS = {"whatsapp": whatsapp, "messenger": messenger, "telegram": telegram, "sms": sms, "email": email}
_numbers = itertools.count(1)


class Files:
    """A double of the file store: it keeps what it is told in a list."""

    def __init__(self) -> None:
        self.ingested: list[NewMedia] = []

    async def ingest(
        self, account_id: str, channel_id: str, wanted: Sequence[NewMedia]
    ) -> list[StoredAttachment]:
        self.ingested += wanted
        return []


class Permits:
    """A double of the shared buckets: `left` permits for all keys of a dimension together. At a rate below 40 they are
    asked for one by one, so that `spent` counts requests."""

    def __init__(self) -> None:
        self.left: dict[str, int] = {}
        self.spent: dict[str, int] = {}

    async def lease(self, bucket: str, *, rate: float, burst: int, wanted: int) -> Lease:
        dimension = bucket.partition(":")[0]
        left = self.left.get(dimension, 10**9)
        granted = min(wanted, left)
        self.left[dimension] = left - granted
        self.spent[dimension] = self.spent.get(dimension, 0) + granted
        return Lease(granted, 0.0 if granted else 60.0)


class Hints:
    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any], list[str]]] = []

    async def send(
        self,
        account_id: str,
        type: str,
        data: dict[str, Any],
        topics: list[str],
        conversation_id: str | None = None,
    ) -> bool:
        self.sent.append((type, data, topics))
        return True


class _Link:
    """The way to the host without Ray: batches of bytes all the same. `broken`: what it answers instead."""

    incarnation = "one"

    def __init__(
        self, host: ConversationHost, settle: Callable[[Envelope, Outcome | None], None], rig: Rig
    ) -> None:
        self._host = host
        self._settle = settle
        self._rig = rig
        self._queue: list[Envelope] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def send(self, envelope: Envelope) -> None:
        self._queue.append(envelope)
        if len(self._queue) == 1:
            task = asyncio.get_running_loop().create_task(self._flush())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _flush(self) -> None:
        batch, self._queue = self._queue, []
        if self._rig.answers is not None:
            outcomes: list[Any] = [self._rig.answers] * len(batch)
        else:
            outcomes = codec.decode_outcomes(await self._host.submit(codec.encode(batch)))
        for envelope, outcome in zip(batch, outcomes, strict=True):
            self._settle(envelope, outcome)

    def close(self) -> None:
        pass


class _Map:
    async def read_map(self) -> PartitionMap:
        return PartitionMap(("host",) * PARTITIONS, {"host": HostAddress("one", "127.0.0.1", 1)})


class _Gateway:
    def __init__(self, router: Router) -> None:
        self.router = router


class _Publisher:
    def publish(self, entries: Any, positions: Any) -> None:
        pass


class Rig:
    """One host, `gateways` gateways, an account."""

    def __init__(
        self, database: Database, owner: asyncpg.Connection, *, gateways: int = 2, **settings: Any
    ) -> None:
        self.database, self.owner = database, owner
        self.settings = Settings(public_url=PUBLIC, command_deadline=5, **settings)  # pyright: ignore
        self.files, self.permits, self.hints = Files(), Permits(), Hints()
        self.deadlines = WebhookDeadlines()
        self.answers: Outcome | None = None
        """Set, the host is not asked: this is what it says."""
        self.signer = TokenSigner.from_settings(self.settings, "s" * 32)
        self.vault = FernetVault(new_key())
        self.kinds: dict[str, Any] = dict(KINDS)
        self._count = gateways
        self.account = ""
        self.clients: list[httpx.AsyncClient] = []
        self._servers: list[TestServer] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        self.account = str(uuid.uuid4())
        await PostgresAccounts(self.database).create(self.account, "Test")
        self.host = ConversationHost(
            PostgresJournal(self.database), PostgresArchive(self.database), _Publisher(),
            SharedPlacement(now=now_ms, new_id=fresh_id),
            max_waiting=1000, on_stale=asyncio.Event(),
        )  # fmt: skip
        async with self.database.system() as connection:
            self.host.own(
                dict(await connection.fetch("UPDATE partitions SET epoch = epoch + 1 RETURNING id, epoch"))
            )
        loops = [self.host.main_loop()]
        for _ in range(self._count):
            router = Router(
                _Map(), lambda name, at, settle: _Link(self.host, settle, self),  # type: ignore[arg-type, return-value]
                deadline=5, max_waiting=1000, on_hosts_changed=lambda: None,
            )  # fmt: skip
            await router.startup()
            loops.append(router.main_loop())
            app = make_app(self._services(router))
            app[DEADLINES] = self.deadlines
            server = TestServer(app)
            await server.start_server()
            self._servers.append(server)
            self.clients.append(
                httpx.AsyncClient(base_url=str(server.make_url("/")), timeout=20, verify=NO_TLS)
            )
        self._tasks = [asyncio.create_task(loop) for loop in loops]

    def _services(self, router: Router) -> Services:
        database: Any = self.database
        unused: Any = None
        stores: dict[str, Any] = dict.fromkeys(Stores.__struct_fields__) | {
            "conversations": PostgresConversations(database), "channels": PostgresChannels(database),
            "agents": PostgresAgents(database), "contacts": PostgresContacts(database),
            "accounts": PostgresAccounts(database), "clients": PostgresClients(database),
            "audit": PostgresAudit(database), "inbox": PostgresInbox(database), "senders": PostgresSenders(database),
            "inbound": PostgresInbound(database), "deliveries": PostgresDeliveries(database), "attachments": self.files,
        }  # fmt: skip
        return Services(
            settings=self.settings, gateway=_Gateway(router), hub=unused, signer=self.signer,  # type: ignore[arg-type]
            verifier=TokenVerifier.from_settings(self.settings, self.signer, None), tickets=unused, processes=unused,
            limits=RequestLimits(self.settings, self.permits), expensive=unused, revocations=unused,
            stores=Stores(**stores),
            origins=OriginPolicy.from_settings(self.settings), hints=self.hints, vault=self.vault, kinds=self.kinds, supervision=unused, presence=unused, typists=unused, analyser=unused, drafter=unused, knowledge=unused, answerer=unused, assistant=unused,
            links=LinkSigner("s" * 32, PUBLIC), webhook_secrets=unused, webhook_caller=unused, readiness=unused, update_metrics=unused,
        )  # fmt: skip

    async def stop(self) -> None:
        for client in self.clients:
            await client.aclose()
        for server in self._servers:
            await server.close()
        for task in self._tasks:
            assert not task.done(), task.exception()
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- things and what became of them

    async def channel(self, type: str, **fields: Any) -> Channel:
        """A channel with credentials of its own: no other channel's pass here."""
        made, account = str(uuid.uuid4()), fields.get("account", self.account)
        secrets = {k: f"{v}{next(_numbers)}{os.getpid()}" for k, v in CREDENTIALS[type].items()}
        sealed = self.vault.seal(account, made, secrets)
        await self.owner.execute(
            "INSERT INTO channels (id, account_id, type, name, credentials, is_active) VALUES ($1, $2, $3, 'x', $4, $5)",
            made, account, type, sealed, fields.get("is_active", True),
        )  # fmt: skip
        channel = await PostgresChannels(self.database).find(made)
        assert channel is not None
        return channel

    async def second_account(self) -> str:
        made = str(uuid.uuid4())
        await PostgresAccounts(self.database).create(made, "Other")
        return made

    def secrets(self, channel: Channel) -> dict[str, str]:
        return self.vault.open(channel)

    async def call(
        self, channel: Channel, payload: Any, *, gateway: int = 0, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """A provider's call, signed as it signs; `headers` replace what proves it."""
        body, proof = signed(channel, self.secrets(channel), payload)
        url = f"/v1/webhooks/{channel.type}/{channel.id}"
        return await self.clients[gateway].post(
            url, content=body, headers=proof if headers is None else headers
        )

    async def messages(self, channel: Channel) -> list[dict[str, Any]]:
        """Every stored message of the channel with its thread: oldest first within a conversation."""
        rows = await self.owner.fetch(
            "SELECT e.data::text, c.id::text, c.contact_identifier, c.topic, c.contact_id::text, c.subject, c.contact_name,"
            " c.unread_count, c.last_message_preview, e.seq FROM entries e JOIN conversations c ON c.id = e.conversation_id"
            " WHERE c.channel_id = $1 AND e.kind = 'message' ORDER BY c.id, e.seq",
            channel.id,
        )
        names = ("conversation", "contact_identifier", "topic", "contact_id", "subject", "contact_name", "unread",
                 "preview", "seq")  # fmt: skip
        return [msgspec.json.decode(data) | dict(zip(names, rest, strict=True)) for data, *rest in rows]

    async def kinds_of(self, conversation: str) -> list[str]:
        rows = await self.owner.fetch(
            "SELECT kind FROM entries WHERE conversation_id = $1 ORDER BY seq", conversation
        )
        return [row[0] for row in rows]

    def admin(self) -> dict[str, str]:
        token = self.signer.issue("ada", {self.account: Role.ADMIN}, lifetime=600)
        return {"Authorization": f"Bearer {token}"}
