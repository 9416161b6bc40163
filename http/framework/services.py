"""Everything that handlers may use, built by the composition and held under one AppKey."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import msgspec
from aiohttp import web

from ...actors.assistant.answering import Answerer
from ...actors.assistant.drafting import Drafter
from ...actors.assistant.knowledge import Knowledge
from ...actors.assistant.runs import AssistantRuns
from ...actors.gateway.gateway import Gateway
from ...actors.host.analysis.message_analyser import MessageAnalyser
from ...actors.webhooks.event_delivery import WebhookCaller
from ...core.accounts.records import ChannelType
from ...core.channels.signed_urls import LinkSigner
from ...core.ports.channels import ChannelKind
from ...core.ports.event_webhooks import WebhookSecrets
from ...core.ports.http import Hints, Stores, Vault
from ...core.ports.ownership import Processes
from ...core.ports.supervision import Supervision
from ...core.views.metrics import Sample
from ...settings import Settings
from ..auth.origins import OriginPolicy
from ..auth.rate_limits import RequestLimits
from ..auth.revocations import Revocations
from ..auth.tickets import Tickets
from ..auth.tokens import TokenSigner, TokenVerifier
from ..streams.hub import Hub
from ..streams.presence import PresenceKeeper
from ..streams.typists import Typists
from .expensive_reads import ExpensiveReads


class Services(msgspec.Struct, frozen=True):
    """The services of one gateway. `stores` are the tables of `core/ports/http.py`, `kinds` the modules of `channels/` by channel type."""

    settings: Settings
    gateway: Gateway
    hub: Hub
    signer: TokenSigner
    verifier: TokenVerifier
    tickets: Tickets
    limits: RequestLimits
    expensive: ExpensiveReads
    revocations: Revocations
    stores: Stores
    origins: OriginPolicy
    hints: Hints
    supervision: Supervision
    presence: PresenceKeeper
    typists: Typists
    vault: Vault
    kinds: Mapping[ChannelType, ChannelKind]
    links: LinkSigner
    webhook_secrets: WebhookSecrets
    webhook_caller: WebhookCaller
    analyser: MessageAnalyser
    drafter: Drafter
    knowledge: Knowledge
    answerer: Answerer
    assistant: AssistantRuns
    readiness: Callable[[], Awaitable[dict[str, str]]]
    update_metrics: Callable[[], Awaitable[list[Sample]]]
    processes: Processes


SERVICES: web.AppKey[Services] = web.AppKey("services", Services)
