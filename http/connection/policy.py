"""What binds the connections of a gateway: how many, for how long, whose word about clients counts, by which names they may call.

Owns the making of these from the settings, and the bound by open files.
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
"""Open files that are asked for at most, where the hard limit is higher or there is none."""
SPARE_SHARE: Final = 8
"""One in so many files is kept for what a gateway opens besides connections: attachments, calls to other services, hosts."""
SPARE: Final = 1_024
"""The most that is kept so."""


class ConnectionPolicy(msgspec.Struct, frozen=True):
    """See the module."""

    table: ConnectionTable
    deadlines: Deadlines
    proxies: TrustedProxies
    checks: RequestChecks
    metrics_readers: TrustedProxies

    @classmethod
    def default(cls) -> ConnectionPolicy:
        """That of an application without settings."""
        return cls.from_settings(Settings())  # pyright: ignore[reportCallIssue]

    @classmethod
    def from_settings(cls, settings: Settings) -> ConnectionPolicy:
        """Raises ValueError for addresses and host names that are none."""
        proxies = TrustedProxies(settings.proxies())
        possible = max(1, connections_possible())
        most = min(settings.max_connections or possible, possible)
        of_address = min(settings.max_connections_per_address, max(1, most // 2))
        log.info("connections_bounded", most=most, of_one_address=of_address)
        return cls(
            ConnectionTable(most, of_address, proxies),
            Deadlines.from_settings(settings),
            proxies,
            RequestChecks(HostPolicy.from_settings(settings)),
            TrustedProxies(settings.metrics_readers()),
        )


def raise_file_limit() -> None:
    """Ask for as many open files as the hard limit allows: a connection is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        log.info("file_limit_raised", before=soft, now=wanted)


def connections_possible() -> int:
    """How many connections the limit of open files leaves room for, beside what is open already and what is spared."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = MOST_FILES if soft == resource.RLIM_INFINITY else min(soft, MOST_FILES)
    return files - _open_files() - min(SPARE, files // SPARE_SHARE)


def _open_files() -> int:
    try:
        return sum(1 for _ in Path("/proc/self/fd").iterdir())
    except OSError:  # not on Linux
        return 64


POLICY: web.AppKey[ConnectionPolicy] = web.AppKey("connection_policy", ConnectionPolicy)
