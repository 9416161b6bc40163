"""Types of settings whose form can be checked without reaching anything: URLs of each kind, lists of networks.

A wrong value raises ValueError. Its message says what is expected and never repeats the value, which may contain a password.
"""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import SplitResult, parse_qs, urlsplit

from pydantic import AfterValidator, BeforeValidator


def _split(url: str, *schemes: str) -> SplitResult:
    wanted = " or ".join(f"{scheme}://" for scheme in schemes)
    if url != url.strip() or any(c.isspace() or not c.isprintable() for c in url):
        raise ValueError("a URL has no blanks or line breaks")
    parts = urlsplit(url)
    if parts.scheme not in schemes:
        found = f"{parts.scheme}://" if "://" in url else "no scheme"
        raise ValueError(f"the URL must start with {wanted}, but has {found}")
    try:
        port = parts.port  # raises ValueError
    except ValueError:
        raise ValueError("the URL's port must be a number from 1 to 65535") from None
    if port == 0:
        raise ValueError("the URL's port must be a number from 1 to 65535")
    return parts


def _http(url: str) -> str:
    parts = _split(url, "http", "https")
    if not parts.hostname:
        raise ValueError("the URL has no host, as in https://chat.example.com")
    if parts.query or parts.fragment:
        raise ValueError("the URL must end with its path: no ? and no #")
    return url.rstrip("/")


def _any_http(url: str) -> str:
    if not _split(url, "http", "https").hostname:
        raise ValueError("the URL has no host, as in https://login.example.com/.well-known/jwks.json")
    return url


def _postgres(url: str) -> str:
    parts = urlsplit(url)
    if "," in parts.netloc:  # several hosts, which urlsplit does not know
        _split(url.replace(parts.netloc, "hosts"), "postgresql", "postgres")
    else:
        _split(url, "postgresql", "postgres")
    if not parts.netloc.rpartition("@")[2] and "host" not in parse_qs(parts.query):
        raise ValueError("the URL has no host, as in postgresql://user:password@db.example.com:5432/tertulia")
    return url


def _redis(url: str) -> str:
    parts = _split(url, "redis", "rediss", "unix")
    if parts.scheme == "unix":
        if not parts.path.strip("/"):
            raise ValueError("the URL has no path, as in unix:///run/valkey.sock")
    elif not parts.hostname:
        raise ValueError("the URL has no host, as in redis://valkey.example.com:6379/0")
    elif (number := parts.path.strip("/")) and not number.isdigit():
        raise ValueError(
            "the URL's path must be the number of a database, as in redis://valkey.example.com:6379/0"
        )
    return url


def _amqp(url: str) -> str:
    if not _split(url, "amqp", "amqps").hostname:
        raise ValueError("the URL has no host, as in amqp://user:password@mq.example.com:5672/")
    return url


HttpUrl = Annotated[str, AfterValidator(_http)]
"""http(s)://host[:port][/path], stored without a trailing slash."""
AnyHttpUrl = Annotated[str, AfterValidator(_any_http)]
"""http(s)://host…, as it is."""
PostgresUrl = Annotated[str, AfterValidator(_postgres)]
"""postgresql://…, as asyncpg reads it."""
RedisUrl = Annotated[str, AfterValidator(_redis)]
"""redis://, rediss:// or unix://, as redis-py reads it."""


AmqpUrl = Annotated[str, AfterValidator(_amqp)]
"""amqp:// or amqps://, as aio-pika reads it."""


def _off(value: Any) -> Any:
    return None if isinstance(value, str) and value.strip().lower() == "off" else value


Rate = Annotated[float | None, BeforeValidator(_off)]
"""A rate; None for `off`."""
Count = Annotated[int | None, BeforeValidator(_off)]
"""A number; None for `off`."""
