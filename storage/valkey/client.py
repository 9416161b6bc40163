"""Valkey: how to connect, every key prefix of the project, the Lua scripts, and what its failures become.

What is kept there may be lost at any moment. This module must never retry: a caller either has another
way (a local limit) or answers 503. Each command has a deadline, and the pool a bound on how many wait.
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

    TICKET = "tertulia:ticket:"  # + sha256 of a stream ticket → the principal; seconds
    PERMITS = "tertulia:permits:"  # + dimension:key → token bucket of a rate limit; until it would be full
    PRESENCE = "tertulia:presence:"  # + account:agent → status; a minute
    TYPING = "tertulia:typing:"  # + conversation:user; seconds
    CACHE = "tertulia:cache:"  # + what is cached; only what can be computed again


def connect(url: str, *, deadline: float = 0.5, connections: int = 32) -> Redis:
    """A client that answers or fails within about two `deadline`s (connect, then command), in seconds.

    Nothing is opened before the first command. When all `connections` are busy a caller waits up to
    `deadline` for one, then fails.
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
    """The script `storage/valkey/lua/<name>.lua`; it is loaded again by itself after a restart or SCRIPT FLUSH."""
    return client.register_script((SCRIPTS / f"{name}.lua").read_text("utf-8"))


@contextmanager
def failures() -> Iterator[None]:
    """Within it a failure of Valkey becomes StorageUnavailable."""
    try:
        yield
    except (RedisError, OSError, TimeoutError) as error:
        raise StorageUnavailable("Valkey does not answer", retry_after=1) from error
