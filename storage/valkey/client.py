"""Valkey: connecting, every key prefix of the project, loading Lua scripts, and translating failures.

Data in Valkey may be lost at any moment. Nothing here retries: a caller either has a fallback (a local limit) or answers
503. Each command has a deadline, and the number of connections is bounded.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import RedisError
from redis.maint_notifications import MaintNotificationsConfig

from ...core.errors import StorageUnavailable

SCRIPTS: Final = Path(__file__).parent / "lua"


class Prefix(enum.StrEnum):
    """Every key of the project starts with one of these."""

    TICKET = "tertulia:ticket:"  # + SHA-256 of a stream ticket → the principal; seconds
    PERMITS = "tertulia:permits:"  # + dimension:key → token bucket of a rate limit; until it would be full
    PRESENCE = "tertulia:presence:"  # + account → a hash of its agents' connections; a day


def connect(url: str, *, deadline: float = 0.5, connections: int = 32) -> Redis:
    """A client whose commands end within about two `deadline`s (connect, then command), in seconds.

    The first command opens the first connection. When all `connections` are busy, a caller waits for up to `deadline`,
    then fails.
    """
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=connections,
        timeout=deadline,
        socket_timeout=deadline,
        socket_connect_timeout=deadline,
        retry=Retry(NoBackoff(), 0),
        maint_notifications_config=MaintNotificationsConfig(enabled=False),
    )
    return Redis.from_pool(pool)


def script(client: Redis, name: str) -> AsyncScript:
    """The script `storage/valkey/lua/<name>.lua`. The client reloads it after a restart or SCRIPT FLUSH."""
    return client.register_script((SCRIPTS / f"{name}.lua").read_text("utf-8"))


@contextmanager
def failures() -> Iterator[None]:
    """Turns failures of Valkey into StorageUnavailable."""
    try:
        yield
    except (RedisError, OSError, TimeoutError) as error:
        raise StorageUnavailable("Valkey does not answer", retry_after=1) from error
