"""The composition of a gateway, called inside its Ray actor: the implementations behind the HTTP side's ports."""

from __future__ import annotations

import asyncio
import uuid

import aiohttp
import structlog
from aiohttp import web

from .. import __version__
from ..actors.assistant.answering import Answerer
from ..actors.cluster.peer_watch import PeerWatch
from ..actors.cluster.process_beat import ProcessBeat
from ..actors.cluster.shard_map import ShardMap
from ..actors.gateway.gateway import Gateway
from ..actors.gateway.supervisor_client import SupervisorClient
from ..actors.host.analysis.message_analyser import MessageAnalyser
from ..actors.transport.ray_calls import DispatcherWaker
from ..actors.webhooks.event_delivery import WebhookCaller
from ..channels import CHANNELS
from ..core.channels.signed_urls import LinkSigner
from ..core.conversation.entries import Entry
from ..core.errors import DISK_FULL, StorageUnavailable
from ..core.ids import PARTITIONS
from ..core.ports.http import Hint, Stores
from ..core.views.metrics import Sample
from ..http.actions.hint_recovery import HintRecovery
from ..http.app import make_app
from ..http.auth.jwks import KeySet, http_fetch
from ..http.auth.origins import OriginPolicy
from ..http.auth.rate_limits import RequestLimits
from ..http.auth.revocations import Revocations
from ..http.auth.tickets import Tickets
from ..http.auth.tokens import TokenSigner, TokenVerifier
from ..http.connection.fast_path import FAST_PATH
from ..http.connection.fast_router import FAST_ROUTER
from ..http.connection.policy import POLICY, raise_file_limit
from ..http.connection.protocol import ProblemRunner
from ..http.framework.expensive_reads import ExpensiveReads
from ..http.framework.metrics import METRICS, RequestMetrics
from ..http.framework.services import Services
from ..http.streams.hub import Hub
from ..http.streams.presence import PresenceKeeper
from ..http.streams.stream_limits import StreamLimits
from ..http.streams.typists import TYPING, Typists
from ..settings import Settings
from ..storage.credentials import FernetVault
from ..storage.postgres.accounts.accounts import PostgresAccounts
from ..storage.postgres.accounts.agents import PostgresAgents, PostgresPreferences
from ..storage.postgres.accounts.audit import PostgresAudit
from ..storage.postgres.accounts.bots import PostgresBotRules
from ..storage.postgres.accounts.canned import PostgresCanned
from ..storage.postgres.accounts.channels import PostgresChannels
from ..storage.postgres.accounts.clients import PostgresClients
from ..storage.postgres.accounts.contacts import PostgresContacts
from ..storage.postgres.accounts.routing_journal import PostgresRoutingJournal
from ..storage.postgres.accounts.supervision import PostgresSupervision
from ..storage.postgres.accounts.teams import PostgresTeams
from ..storage.postgres.assistance.articles import PostgresArticles
from ..storage.postgres.assistance.reply_desk import PostgresReplyDesk
from ..storage.postgres.assistance.suggestions import PostgresSuggestions
from ..storage.postgres.conversations.conversations import PostgresConversations
from ..storage.postgres.conversations.drafts import PostgresDrafts
from ..storage.postgres.conversations.feeds import PostgresFeeds
from ..storage.postgres.conversations.inbox import PostgresInbox
from ..storage.postgres.conversations.ownership import PostgresOwnership
from ..storage.postgres.conversations.poison import PostgresPoisonList
from ..storage.postgres.conversations.processes import PostgresProcesses
from ..storage.postgres.conversations.sessions import PostgresSessions
from ..storage.postgres.database import Database
from ..storage.postgres.delivery.deliveries import PostgresDeliveries
from ..storage.postgres.delivery.event_webhooks import PostgresEventWebhooks
from ..storage.postgres.delivery.inbound import PostgresInbound
from ..storage.postgres.delivery.senders import PostgresSenders
from ..storage.postgres.reports.reports import PostgresReports
from ..storage.valkey import client
from ..storage.valkey.hints import ValkeyHints
from ..storage.valkey.permits import ValkeyPermits
from ..storage.valkey.presence import ValkeyPresence
from ..storage.valkey.tickets import ValkeyTickets
from .actor_settings import ActorSettings, begin_process
from .attachments import attachments
from .classifier import classifier
from .database import connect
from .event_delivery import EventSinkStates, make_poster
from .garbage_collection import calm_garbage_collector
from .metrics.gateway_samples import gateway_samples, own_samples
from .models import assistant_runs, drafter, knowledge, model_calls
from .process_beat import process_beat

log = structlog.get_logger(__name__)

GATEWAY_CONNECTIONS = 8
WEBHOOK_TESTS = 16
"""Test calls of event webhooks under way in one gateway; beyond it 503."""


NO_EVENTS = "does not accept events: the dispatchers' logs say why (events_not_copied)"


class GatewayParts:
    """A gateway with its HTTP server and loops, as `actors.actor_processes.GatewayParts`."""

    beat: ProcessBeat

    def __init__(
        self,
        settings: Settings,
        name: str,
        incarnation: str,
        database: Database,
        session: aiohttp.ClientSession,
    ) -> None:
        assert settings.redis_url is not None and settings.jwt_secret is not None
        assert settings.credentials_keys is not None
        self._settings = settings
        self._leaving = False
        self._database = database
        self._session = session
        self._valkey = client.connect(settings.redis_url)
        feeds = PostgresFeeds(database)
        self.hub = Hub(
            feeds,
            max_streams=settings.max_streams,
            send_deadline=settings.stream_send_deadline,
            heartbeat=settings.heartbeat,
            limits=StreamLimits.of(settings),
        )
        self.gateway = Gateway(
            name,
            PostgresOwnership(database),
            PostgresFeeds(database, as_stored=True),
            self._on_entry,
            secret=settings.jwt_secret,
            link_ca=settings.link_ca,
            poison=PostgresPoisonList(database),
            deadline=settings.command_deadline,
            max_waiting=settings.max_waiting,
        )
        self.hub.feeds = self.gateway.feeds
        self.typists = Typists(self.hub)
        dispatchers = DispatcherWaker(settings.dispatchers)
        peers = PeerWatch(PostgresProcesses(database), "supervisor", settings.supervisors)
        shards = ShardMap(peers, PostgresSupervision(database).holders, count=settings.supervisors)
        supervision = self._supervision = SupervisorClient(
            shards, watches=settings.may_have_several_supervisors
        )
        self.hint_recovery = HintRecovery(supervision, self.hub.accounts)
        self.hints = ValkeyHints(self._valkey, self._on_hint, self.hint_recovery.lost)
        agents = PostgresAgents(database)
        self.presence = PresenceKeeper(
            name,
            ValkeyPresence(self._valkey),
            supervision,
            agents,
            self.hub.staff,
            ttl=settings.presence_ttl,
        )
        signer = TokenSigner.from_settings(settings, settings.jwt_secret)
        vault = FernetVault(settings.credentials_keys)
        self._poster = make_poster(settings)
        self._classifier = classifier(settings)
        self._models = model_calls(settings, database)
        self._runs = assistant_runs(settings, database, incarnation, self.gateway.router.ask, self.hints)
        clients = PostgresClients(database)
        keys = KeySet(http_fetch(session, settings.jwks_url)) if settings.jwks_url else None
        verifier = TokenVerifier.from_settings(settings, signer, keys)
        self._revocations = Revocations(clients, verifier, self.hub)
        self._tickets = Tickets(ValkeyTickets(self._valkey))
        self._sinks = EventSinkStates(settings, database)
        services = Services(
            settings=settings,
            gateway=self.gateway,
            hub=self.hub,
            signer=signer,
            verifier=verifier,
            tickets=self._tickets,
            limits=RequestLimits(settings, ValkeyPermits(self._valkey)),
            expensive=ExpensiveReads.from_settings(settings),
            revocations=self._revocations,
            stores=Stores(
                conversations=PostgresConversations(database),
                channels=PostgresChannels(database),
                agents=agents,
                contacts=PostgresContacts(database),
                accounts=PostgresAccounts(database),
                clients=clients,
                audit=PostgresAudit(database),
                inbox=PostgresInbox(database),
                reports=PostgresReports(database),
                preferences=PostgresPreferences(database),
                teams=PostgresTeams(database),
                canned=PostgresCanned(database),
                drafts=PostgresDrafts(database),
                bot_rules=PostgresBotRules(database),
                attachments=attachments(settings, database),
                event_webhooks=PostgresEventWebhooks(database),
                deliveries=PostgresDeliveries(database),
                senders=PostgresSenders(database),
                inbound=PostgresInbound(database),
                sessions=PostgresSessions(database),
                suggestions=PostgresSuggestions(database),
                routing=PostgresRoutingJournal(database),
                reply_desk=PostgresReplyDesk(database),
                articles=PostgresArticles(database),
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
            analyser=MessageAnalyser(self._classifier),
            drafter=drafter(database, self._models),
            knowledge=knowledge(database),
            answerer=Answerer(self._models, knowledge(database)),
            assistant=self._runs,
            readiness=self._readiness,
            processes=PostgresProcesses(database),
            update_metrics=lambda: gateway_samples(
                self.gateway, self.hub, self._app[POLICY].table, dispatchers, supervision, self._sinks.faults
            ),
        )
        self._app = make_app(services, __version__)
        self._runner = ProblemRunner(
            self._app,
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
        if self._leaving:
            checks["gateway"] = "leaving"
        try:
            async with asyncio.timeout(2):
                await self.gateway.router.refresh()
        except Exception as error:
            full = isinstance(error, StorageUnavailable) and error.detail == DISK_FULL
            checks["postgres"] = DISK_FULL if full else f"not reachable ({type(error).__name__})"
        if self.gateway.router.disk_full:
            checks["postgres"] = DISK_FULL
        # Not for some partitions: other gateways miss them too, and their commands alone fail. A balancer that took out
        # every gateway would end all streams.
        if self.gateway.router.partitions_without_host == PARTITIONS:
            checks["hosts"] = "no partition has a host"
        try:
            async with asyncio.timeout(1):
                await self._valkey.ping()
        except Exception as error:
            checks["valkey"] = f"not reachable ({type(error).__name__})"
        return checks | await self._sink_checks()

    async def _sink_checks(self) -> dict[str, str]:
        """Without addresses, since anybody may ask. Nothing while Postgres, which knows the faults, cannot be read."""
        try:
            async with asyncio.timeout(1):
                faults = await self._sinks.faults()
        except (StorageUnavailable, TimeoutError):
            return {}
        return {sink: NO_EVENTS if fault else "ok" for sink, fault in faults.items()}

    @property
    def requests(self) -> RequestMetrics:
        """The counts of its answers."""
        return self._app[METRICS].requests

    async def samples(self) -> list[Sample]:
        """Its own figures, for Prometheus."""
        return own_samples(self.gateway, self.hub, self._app[POLICY].table)

    def statistics(self) -> dict[str, float]:
        """What the number of nodes depends on."""
        return {"streams": len(self.hub)}

    async def startup(self) -> None:
        """Find the hosts, then listen."""
        await self.gateway.startup()
        await self._revocations.refresh()
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
            group.create_task(self.hint_recovery.main_loop())
            group.create_task(self._runs.main_loop())
            group.create_task(self._supervision.main_loop())
            group.create_task(self._revocations.main_loop())
            group.create_task(self._tickets.main_loop())

    async def drain(self) -> None:
        """Give notice, stop listening, end the streams, let requests finish, close connections."""
        await self._give_notice()
        for site in list(self._runner.sites):
            await site.stop()
        await self.hub.drain()
        await self._runner.cleanup()
        await self._runs.close()
        await self._valkey.aclose()
        await self._poster.close()
        if self._classifier is not None:
            await self._classifier.close()
        await self._models.close()
        await self._session.close()
        await self._database.close()

    async def _give_notice(self) -> None:
        """Serve for a while after /ready says no. A listener that closed before its load balancer knew would refuse connections,
        and a pooled connection closed while a request is on its way would lose that request."""
        self._leaving = True
        self._app[FAST_PATH].is_open = False
        self._app[FAST_ROUTER].last_responses = True
        await asyncio.sleep(self._settings.notice)


async def gateway(given: ActorSettings, name: str) -> GatewayParts:
    """Connect a gateway's parts, without listening."""
    settings = begin_process(given)
    raise_file_limit()
    database = await connect(settings, system=4, app=GATEWAY_CONNECTIONS)
    # a size limit counts decoded bytes, so nothing may decode later
    session = aiohttp.ClientSession(headers={"Accept-Encoding": "identity"}, auto_decompress=False)
    incarnation = str(uuid.uuid4())
    parts = GatewayParts(settings, name, incarnation, database, session)
    parts.beat = await process_beat(
        settings, given, "gateway", name, parts.samples, parts.requests, incarnation
    )
    calm_garbage_collector()
    return parts
