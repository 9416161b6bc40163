"""Which settings are secrets, which must not reach logs, actors' arguments or other processes' environments."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from pydantic_settings import BaseSettings

SECRET_NAME = re.compile(r"(^|_)(secret|keys?|tokens?|password)(_|$)")
"""A setting with such a name is a secret."""

SECRET_URLS = frozenset({"database_url", "redis_url", "rabbitmq_url"})
"""URLs that usually hold a password. Others count as secrets when they do hold one."""


def secret_fields(settings: BaseSettings) -> frozenset[str]:
    """The secrets that are set. Only the server's own processes may see them."""
    return frozenset(
        name
        for name in type(settings).model_fields
        if isinstance(value := getattr(settings, name), str) and value and is_secret(name, value)
    )


def is_secret(name: str, value: str) -> bool:
    """Whether a setting's value is a secret."""
    if SECRET_NAME.search(name) or name in SECRET_URLS:
        return True
    try:
        return "://" in value and urlsplit(value).password is not None
    except ValueError:
        return False
