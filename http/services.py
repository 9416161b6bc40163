"""What the HTTP side stands on: everything a handler may use, made by the composition and held under one AppKey."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from ..actors.events import WebhookCaller
from ..actors.gateway import Gateway
from ..actors.understanding import Understanding
from ..core.links import LinkSigner
from ..settings import Settings
from .expensive_reads import ExpensiveReads
from .limits import RequestLimits
from .metrics import Sample
from .origins import OriginPolicy
from .presence import PresenceKeeper
from .revocations import Revocations
from .tickets import Tickets
from .tokens import TokenSigner, TokenVerifier

if TYPE_CHECKING:
    from ..core.ports_channels import ChannelKind
    from ..core.ports_events import WebhookSecrets
    from ..core.ports_http import Hints, Stores, Vault
    from ..core.records import ChannelType
    from ..core.supervision import Supervision
    from .streams.hub import Hub
    from .streams.typists import Typists


class Services(msgspec.Struct, frozen=True):
    """See the module. `stores` are the tables of `core/ports_http.py`, `kinds` the modules of `channels/` by channel type."""

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
    understanding: Understanding
    readiness: Callable[[], Awaitable[dict[str, str]]]
    update_metrics: Callable[[], Awaitable[list[Sample]]]


SERVICES: web.AppKey[Services] = web.AppKey("services", Services)
