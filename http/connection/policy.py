"""The rules for a gateway's connections: how many, their deadlines, trusted proxies, and accepted host names.

Builds them from the settings, and bounds connections by the limit of open files.
"""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Final

import msgspec
import structlog
from aiohttp import web

from ...settings import Settings
from ..auth.client_address import TrustedProxies
from ..auth.hosts import HostPolicy
from .deadlines import Deadlines
from .request_checks import RequestChecks
from .table import ConnectionTable

log = structlog.get_logger(__name__)

MOST_FILES: Final = 1_048_576
"""The limit of open files that is requested at most."""
SPARE_SHARE: Final = 8
"""One file in so many is reserved for uses other than connections: attachments, calls to other services, hosts."""
SPARE: Final = 1_024
"""The largest such reserve."""


class ConnectionPolicy(msgspec.Struct, frozen=True):
    """The connection rules of one application."""

    table: ConnectionTable
    deadlines: Deadlines
    proxies: TrustedProxies
    checks: RequestChecks
    metrics_readers: TrustedProxies

    @classmethod
    def default(cls) -> ConnectionPolicy:
        """For an application without settings."""
        return cls.from_settings(Settings())  # pyright: ignore[reportCallIssue]

    @classmethod
    def from_settings(cls, settings: Settings) -> ConnectionPolicy:
        """Raises ValueError for invalid addresses and host names."""
        proxies = TrustedProxies(settings.proxies())
        possible = max(1, connections_possible())
        most = min(settings.max_connections or possible, possible)
        of_address = min(settings.max_connections_per_address, max(1, most // 2))
        log.debug("connections_bounded", most=most, of_one_address=of_address)
        return cls(
            ConnectionTable(most, of_address, proxies),
            Deadlines.from_settings(settings),
            proxies,
            RequestChecks(HostPolicy.from_settings(settings)),
            TrustedProxies(settings.metrics_readers()),
        )


def raise_file_limit() -> None:
    """Raise the soft limit of open files to the hard one, since each connection is a file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        log.info("file_limit_raised", before=soft, now=wanted)


def connections_possible() -> int:
    """Connections that the limit of open files allows, less the files already open and the reserve."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = MOST_FILES if soft == resource.RLIM_INFINITY else min(soft, MOST_FILES)
    return files - _open_files() - min(SPARE, files // SPARE_SHARE)


def _open_files() -> int:
    try:
        return sum(1 for _ in Path("/proc/self/fd").iterdir())
    except OSError:  # not on Linux
        return 64


POLICY: web.AppKey[ConnectionPolicy] = web.AppKey("connection_policy", ConnectionPolicy)
