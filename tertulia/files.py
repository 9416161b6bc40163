"""The composition of files: their records and bytes, the loop that fetches them, and the guard it fetches through."""

from __future__ import annotations

from .channels import CHANNELS
from .channels.fetching import MediaFetcher
from .channels.guard import Guard
from .core.addresses import AddressRules
from .settings import Settings
from .storage.attachments import PostgresAttachments
from .storage.channels import PostgresChannels
from .storage.credentials import FernetVault
from .storage.objects import open_objects
from .storage.postgres import Database


def attachments(settings: Settings, database: Database) -> PostgresAttachments:
    """Files: records and bytes."""
    return PostgresAttachments(database, open_objects(settings), most=settings.max_attachment)


def guard(settings: Settings, *, connections: int = 64) -> Guard:
    """The one way to addresses that came from outside. Whoever makes it closes it."""
    return Guard(AddressRules(networks=settings.networks()), connections=connections)


def media_fetcher(settings: Settings, database: Database, guard: Guard) -> MediaFetcher:
    """The loop that fetches what customers sent to providers; any number of processes may run one."""
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
