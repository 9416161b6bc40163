"""Which settings are secrets: what must not reach logs, arguments of actors or the environment of other processes."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from pydantic_settings import BaseSettings

SECRET_NAME = re.compile(r"(^|_)(secret|keys?|tokens?|password)(_|$)")
"""A setting of such a name is a secret."""

SECRET_URLS = frozenset({"database_url", "redis_url"})
"""URLs that usually hold a password. Others count as secrets when they do hold one."""


def secret_fields(settings: BaseSettings) -> frozenset[str]:
    """The settings that are given and must reach nobody but the server's own processes."""
    return frozenset(
        name
        for name in type(settings).model_fields
        if isinstance(value := getattr(settings, name), str) and value and is_secret(name, value)
    )


def is_secret(name: str, value: str) -> bool:
    """Whether a setting's value is nobody's but the server's."""
    if SECRET_NAME.search(name) or name in SECRET_URLS:
        return True
    try:
        return "://" in value and urlsplit(value).password is not None
    except ValueError:
        return False
