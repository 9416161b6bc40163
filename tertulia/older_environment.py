"""Environment variables of the services that Tertulia replaces: their meaning here, and those that are ignored.

They count only where the setting's own variable is not set, so that a deployment may keep its environment file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

IGNORED: Final = (
    "NODE_ENV",
    "FIREBASE_PROJECT_ID",
    "FIREBASE_CREDENTIALS_PATH",
    "CONVERSATION_SERVICE_ENVIRONMENT",
    "CONVERSATION_SERVICE_ROOT_PATH",
    "AUTH_SERVICE_URL",
    "INITIAL_ADMIN_EMAIL",
    "INITIAL_ADMIN_PASSWORD",
)
"""They mean nothing here."""
PASSWORD: Final = "DB_PASSWORD"
RUNTIME: Final = "CONVERSATION_SERVICE_"
"""Begins the variables of the assistant runtime."""
SECRETS: Final = (
    PASSWORD,
    "INITIAL_ADMIN_PASSWORD",
    f"{RUNTIME}DATABASE_URL",
    f"{RUNTIME}CLIENT_SECRET",
)
"""No process that the server starts inherits them."""
_LEVELS: Final = {"critical": "error", "fatal": "error", "warn": "warning", "notset": "debug"}
"""Python's levels that have other names here."""
_DRIVER: Final = re.compile(r"(postgres(?:ql)?)\+[a-z0-9_]+(?=://)")


def settings_of(environment: Mapping[str, str]) -> dict[str, Any]:
    """The settings that the variables stand for, by field, not validated. Addresses count only with their host."""
    found: dict[str, Any] = {}
    if port := environment.get("PORT"):
        found["port"] = port
    if host := environment.get("DB_HOST"):
        user, password = environment.get("DB_USER", "postgres"), environment.get(PASSWORD)
        login = quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")
        place = f"{_host(host)}:{environment.get('DB_PORT') or 5432}"
        found["database_url"] = (
            f"postgresql://{login}@{place}/{quote(environment.get('DB_NAME') or user, safe='')}"
        )
    if host := environment.get("REDIS_HOST"):
        found["redis_url"] = f"redis://{_host(host)}:{environment.get('REDIS_PORT') or 6379}/0"
    if pool := environment.get("COGNITO_USER_POOL_ID"):
        region = environment.get("AWS_REGION") or pool.partition("_")[0]
        found["jwt_issuer"] = f"https://cognito-idp.{region}.amazonaws.com/{pool}"
        found["jwks_url"] = f"{found['jwt_issuer']}/.well-known/jwks.json"
    return found | _of_the_runtime(environment)


def _of_the_runtime(environment: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if url := environment.get(f"{RUNTIME}DATABASE_URL"):
        found["database_url"] = _DRIVER.sub(r"\1", url, count=1)  # SQLAlchemy's URLs name their driver
    if level := environment.get(f"{RUNTIME}LOGGING_LEVEL"):
        found["log_level"] = _LEVELS.get(level.lower(), level.lower())
    if (origins := _origins(environment)) and "*" not in origins:
        found["allowed_origins"] = ",".join(origins)
    return found


def _origins(environment: Mapping[str, str]) -> list[str]:
    """The runtime's origins, which are a JSON list; what is none is taken for one origin, and refused as such later."""
    text = environment.get(f"{RUNTIME}CORS_ALLOW_ORIGINS", "")
    try:
        listed = json.loads(text) if text else []
    except (ValueError, RecursionError):
        listed = None
    return listed if isinstance(listed, list) and all(isinstance(o, str) for o in listed) else [text]


def ignored(environment: Mapping[str, str]) -> list[str]:
    """The variables that are set and mean nothing here."""
    named = [name for name in IGNORED if environment.get(name)]
    if "*" in _origins(environment):  # every page could use a visitor's cookie
        named.append(f"{RUNTIME}CORS_ALLOW_ORIGINS (name the origins)")
    return named


def _host(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
