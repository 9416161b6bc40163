"""The composition of attachments: records and bytes, the loop that fetches them, and the guard for its requests."""

from __future__ import annotations

from ..channels import CHANNELS
from ..channels.outgoing.guard import Guard
from ..channels.outgoing.media_fetcher import MediaFetcher
from ..core.url_policy import AddressRules
from ..settings import Settings
from ..storage.credentials import FernetVault
from ..storage.objects.object_store import open_objects
from ..storage.postgres.accounts.channels import PostgresChannels
from ..storage.postgres.database import Database
from ..storage.postgres.delivery.attachments import PostgresAttachments


def attachments(settings: Settings, database: Database) -> PostgresAttachments:
    """The store of attachments: records and bytes."""
    return PostgresAttachments(database, open_objects(settings), most=settings.max_attachment)


def guard(settings: Settings, *, connections: int = 64) -> Guard:
    """The guard through which all requests to foreign addresses go. The caller closes it."""
    return Guard(AddressRules(networks=settings.networks()), connections=connections)


def media_fetcher(settings: Settings, database: Database, guard: Guard) -> MediaFetcher:
    """The loop that fetches customers' files from providers. Any number of processes may run one."""
    assert settings.credentials_keys is not None
    return MediaFetcher(
        attachments(settings, database),
        guard,
        CHANNELS,
        PostgresChannels(database).find,
        FernetVault(settings.credentials_keys).open,
        settings.provider_access(),
        most=settings.max_attachment,
    )
