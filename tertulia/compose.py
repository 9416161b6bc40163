"""The composition: the one module that knows which implementation stands behind which port.

`host` and `gateway` are called inside their Ray actors; `Settings` come to them complete: URLs and secrets are set.
"""

from __future__ import annotations

import asyncio
import uuid

import aiohttp
import asyncpg
import ray
import structlog
from aiohttp import web

from . import __version__, logs
from .actors import wire
from .actors.classifier_client import HttpClassifier
from .actors.commits import Item
from .actors.connections import secret_of
from .actors.conversation import Taken
from .actors.events import WebhookCaller
from .actors.gateway import Gateway
from .actors.handles import DispatcherLinks, RayConversation
from .actors.host import ConversationHost, Placement, fresh_id, now_ms
from .actors.membership import MembershipKeeper
from .actors.options import CONVERSATION, create
from .actors.placement import DedicatedPlacement, SharedPlacement
from .actors.publishing import FeedPublisher
from .actors.retiming import Retimer
from .actors.supervision import SupervisorLinks
from .actors.ticking import Ticker
from .actors.understanding import Understanding
from .channels import CHANNELS
from .core.conversation import State
from .core.entries import Entry
from .core.links import LinkSigner
from .core.ports_http import Stores
from .events import make_poster
from .files import attachments
from .garbage import calm_garbage_collector
from .http.app import make_app
from .http.jwks import KeySet, http_fetch
from .http.limits import RequestLimits
from .http.origins import OriginPolicy
from .http.presence import PresenceKeeper
from .http.protocol import ProblemRunner
from .http.retelling import Retelling
from .http.services import Services
from .http.streams.hub import Hub
from .http.streams.stream_limits import StreamLimits
from .http.streams.typists import TYPING, Typists
from .http.tickets import Tickets
from .http.tokens import TokenSigner, TokenVerifier
from .measuring import gateway_samples
from .settings import Settings
from .storage import valkey
from .storage.accounts import PostgresAccounts
from .storage.agents import PostgresAgents, PostgresPreferences
from .storage.archive import PostgresArchive
from .storage.audit import PostgresAudit
from .storage.bots import PostgresBotRules, PostgresRulesArchive, PostgresTimers
from .storage.canned import PostgresCanned
from .storage.channels import PostgresChannels
from .storage.clients import PostgresClients
from .storage.contacts import PostgresContacts
from .storage.conversations import PostgresConversations
from .storage.credentials import FernetVault
from .storage.deliveries import PostgresDeliveries
from .storage.event_webhooks import PostgresEventWebhooks
from .storage.feeds import PostgresFeeds
from .storage.hints import Hint, ValkeyHints
from .storage.inbound import PostgresInbound
from .storage.inbox import PostgresInbox
from .storage.journal import PostgresJournal
from .storage.migrate import make_months
from .storage.ownership import PostgresOwnership
from .storage.permits import ValkeyPermits
from .storage.postgres import Database, storage_unavailable, unreachable
from .storage.presence import ValkeyPresence
from .storage.retiming import PostgresRetiming
from .storage.senders import PostgresSenders
from .storage.teams import PostgresTeams
from .storage.tickets import ValkeyTickets

log = structlog.get_logger(__name__)

HOST_CONNECTIONS = 6
GATEWAY_CONNECTIONS = 8
WEBHOOK_TESTS = 16
"""Tests of event webhooks that a gateway has under way; beyond them 503."""
MONTHS_EVERY = 6 * 3600.0
TIDY_EVERY = 0.2


def node_id() -> str:
    """Ray's id of the node this process runs on."""
    return ray.get_runtime_context().get_node_id()


class HostParts:
    """A conversation host with its loops. See `actors.processes.HostParts`."""

    def __init__(self, settings: Settings, name: str, database: Database) -> None:
        assert settings.jwt_secret is not None
        incarnation = str(uuid.uuid4())
        self.stale = asyncio.Event()
        self.secret = secret_of(incarnation, settings.jwt_secret)
        self.publisher = FeedPublisher()
        self._database = database
        self._classifier = classifier(settings)
        self.host = ConversationHost(
            PostgresJournal(database),
            PostgresArchive(database),
            self.publisher,
            self._placement(settings),
            max_waiting=settings.max_waiting,
            on_stale=self.stale,
            outbound=DispatcherLinks(settings.dispatchers).wake,
            rules=PostgresRulesArchive(database),
            understanding=Understanding(self._classifier),
        )
        self.ticker = Ticker(PostgresTimers(database), self.host, now=now_ms, new_id=fresh_id)
        self.retimer = Retimer(PostgresRetiming(database), self.host, self.ticker, now=now_ms)
        self.membership = MembershipKeeper(
            PostgresOwnership(database),
            self.host,
            name=name,
            incarnation=incarnation,
            node=node_id(),
            takeover_after=settings.takeover_after,
            stale=self.stale,
        )
        self._settings = settings

    def _placement(self, settings: Settings) -> Placement:
        if settings.placement == "shared":
            return SharedPlacement(self._taken, now=now_ms, new_id=fresh_id)
        return DedicatedPlacement(
            self._taken,
            lambda resident, items: self.host.taken_back(resident, items),
            _start_conversation,
            now=now_ms,
        )

    def _taken(self, item: Item, taken: Taken) -> None:
        self.host.taken(item, taken)

    async def main_loop(self) -> None:
        """Serve until superseded."""
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self.host.commits.main_loop()),
                group.create_task(self.host.residents.main_loop()),
                group.create_task(self.membership.main_loop()),
                group.create_task(self._sweep()),
                group.create_task(self._months()),
                group.create_task(self._tidy()),
                group.create_task(self.ticker.main_loop()),
                group.create_task(self.retimer.main_loop()),
                group.create_task(self.host.main_loop()),
            ]
            await self.stale.wait()
            for task in tasks:
                task.cancel()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(min(30.0, self._settings.idle_after))
            self.host.residents.sweep(self._settings.idle_after, self._settings.resident_conversations)

    async def _months(self) -> None:
        """New months need new partitions of the journal; made well ahead, so a failure has time to be mended."""
        while True:
            await asyncio.sleep(MONTHS_EVERY)
            try:
                async with self._database.system() as connection:
                    await make_months(connection)
            except Exception as error:
                log.error("journal_partitions_failed", error=repr(error))

    async def _tidy(self) -> None:
        """Keep the search indexes' pending lists short while there are commits (see migration 0009)."""
        seen = 0
        while True:
            await asyncio.sleep(TIDY_EVERY)
            if seen == self.host.commits.committed:
                continue
            seen = self.host.commits.committed
            try:
                async with self._database.system() as connection:
                    await connection.execute("SELECT tidy_search_indexes()")
            except Exception as error:
                log.warning("search_upkeep_failed", error=repr(error))

    async def close(self) -> None:
        if self._classifier is not None:
            await self._classifier.close()
        await self._database.close()


def classifier(settings: Settings) -> HttpClassifier | None:
    """Make it where a loop runs; `close` it. None: there is none."""
    if settings.classifier_url is None:
        return None
    return HttpClassifier(settings.classifier_url, settings.classifier_key, settings.classifier_timeout)


async def connect(settings: Settings, *, system: int, app: int) -> Database:
    """The database; StorageUnavailable while it is away, for which the actors wait."""
    assert settings.database_url is not None
    try:
        return await Database.connect(settings.database_url, system=system, app=app)
    except (OSError, asyncpg.InterfaceError, asyncpg.PostgresError) as error:
        if not unreachable(error):
            raise
        raise storage_unavailable(error) from error


async def host(settings: Settings, name: str) -> HostParts:
    """A host's parts, connected."""
    logs.configure(settings.log_level, settings.log_format)
    parts = HostParts(settings, name, await connect(settings, system=HOST_CONNECTIONS, app=1))
    calm_garbage_collector()
    return parts


def _start_conversation(state: State) -> RayConversation:
    key = state.conversation.id
    return RayConversation(
        CONVERSATION.name.format(key), lambda: create(CONVERSATION, key, wire.encode(state))
    )


class GatewayParts:
    """A gateway with its HTTP server and its loops. See `actors.processes.GatewayParts`."""

    def __init__(
        self, settings: Settings, name: str, database: Database, session: aiohttp.ClientSession
    ) -> None:
        assert settings.redis_url is not None and settings.jwt_secret is not None
        assert settings.credentials_keys is not None
        self._settings = settings
        self._database = database
        self._session = session
        self._valkey = valkey.connect(settings.redis_url)
        feeds = PostgresFeeds(database)
        self.hub = Hub(
            feeds,
            max_streams=settings.max_streams,
            send_deadline=settings.stream_send_deadline,
            limits=StreamLimits.of(settings),
        )
        self.gateway = Gateway(
            name,
            PostgresOwnership(database),
            PostgresFeeds(database, as_stored=True),
            self._on_entry,
            secret=settings.jwt_secret,
            deadline=settings.command_deadline,
            max_waiting=settings.max_waiting,
        )
        self.hub.feeds = self.gateway.feeds
        self.typists = Typists(self.hub)
        dispatchers = DispatcherLinks(settings.dispatchers)
        supervision = SupervisorLinks(settings.supervisors)
        self.retelling = Retelling(supervision, self.hub.accounts)
        self.hints = ValkeyHints(self._valkey, self._on_hint, self.retelling.lost)
        self.presence = PresenceKeeper(
            name,
            ValkeyPresence(self._valkey),
            supervision,
            self.hub.staff,
            ttl=settings.presence_ttl,
        )
        signer = TokenSigner.from_settings(settings, settings.jwt_secret)
        vault = FernetVault(settings.credentials_keys)
        self._poster = make_poster(settings)
        self._classifier = classifier(settings)
        keys = KeySet(http_fetch(session, settings.jwks_url)) if settings.jwks_url else None
        services = Services(
            settings=settings,
            gateway=self.gateway,
            hub=self.hub,
            signer=signer,
            verifier=TokenVerifier.from_settings(settings, signer, keys),
            tickets=Tickets(ValkeyTickets(self._valkey)),
            limits=RequestLimits(settings, ValkeyPermits(self._valkey)),
            stores=Stores(
                conversations=PostgresConversations(database),
                channels=PostgresChannels(database),
                agents=PostgresAgents(database),
                contacts=PostgresContacts(database),
                accounts=PostgresAccounts(database),
                clients=PostgresClients(database),
                audit=PostgresAudit(database),
                inbox=PostgresInbox(database),
                preferences=PostgresPreferences(database),
                teams=PostgresTeams(database),
                canned=PostgresCanned(database),
                bot_rules=PostgresBotRules(database),
                attachments=attachments(settings, database),
                event_webhooks=PostgresEventWebhooks(database),
                deliveries=PostgresDeliveries(database),
                senders=PostgresSenders(database),
                inbound=PostgresInbound(database),
            ),
            origins=OriginPolicy.from_settings(settings),
            hints=self.hints,
            supervision=supervision,
            presence=self.presence,
            typists=self.typists,
            vault=vault,
            kinds=CHANNELS,
            links=LinkSigner(settings.jwt_secret, settings.public_url),
            webhook_secrets=vault,
            webhook_caller=WebhookCaller(self._poster, vault, most=WEBHOOK_TESTS),
            understanding=Understanding(self._classifier),
            readiness=self._readiness,
            update_metrics=lambda: gateway_samples(self.gateway, self.hub, dispatchers, supervision),
        )
        self._runner = ProblemRunner(
            make_app(services, __version__),
            access_log=None,
            handle_signals=False,
            shutdown_timeout=settings.drain,
        )

    def _on_entry(self, entry: Entry) -> None:
        self.hub.on_entry(entry)

    def _on_hint(self, hint: Hint) -> None:
        if hint.type == TYPING and hint.conversation_id is not None:
            self.typists.deliver(hint.account_id, hint.data, hint.topics, hint.conversation_id)
        else:
            self.hub.hint(hint.account_id, hint.type, hint.data, hint.topics, hint.conversation_id)

    async def _readiness(self) -> dict[str, str]:
        checks = {"postgres": "ok", "valkey": "ok", "hosts": "ok"}
        try:
            async with asyncio.timeout(2):
                await self.gateway.router.refresh()
        except Exception as error:
            checks["postgres"] = f"not reachable ({type(error).__name__})"
        if not self.gateway.router.complete:
            checks["hosts"] = "some partitions have no host at the moment"
        try:
            async with asyncio.timeout(1):
                await self._valkey.ping()
        except Exception as error:
            checks["valkey"] = f"not reachable ({type(error).__name__})"
        return checks

    async def startup(self) -> None:
        """Find the hosts, then listen."""
        await self.gateway.startup()
        await self._runner.setup()
        await web.TCPSite(
            self._runner, self._settings.host, self._settings.port, backlog=1024, reuse_port=True
        ).start()

    async def main_loop(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.gateway.main_loop())
            group.create_task(self.hub.main_loop())
            group.create_task(self.hints.main_loop())
            group.create_task(self.presence.main_loop())
            group.create_task(self.typists.main_loop())
            group.create_task(self.retelling.main_loop())

    async def drain(self) -> None:
        """Stop listening, end the streams, let requests finish, close what is open."""
        for site in list(self._runner.sites):
            await site.stop()
        await self.hub.drain()
        await self._runner.cleanup()
        await self._valkey.aclose()
        await self._poster.close()
        if self._classifier is not None:
            await self._classifier.close()
        await self._session.close()
        await self._database.close()


async def gateway(settings: Settings, name: str) -> GatewayParts:
    """A gateway's parts, connected but not listening."""
    logs.configure(settings.log_level, settings.log_format)
    database = await connect(settings, system=4, app=GATEWAY_CONNECTIONS)
    parts = GatewayParts(settings, name, database, aiohttp.ClientSession())
    calm_garbage_collector()
    return parts
