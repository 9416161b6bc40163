"""Environment variables of the services that Tertulia replaces: their meaning here, and those that are ignored.

They count only where the setting's own variable is not set, so that a deployment may keep its environment file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

IGNORED: Final = ("NODE_ENV", "FIREBASE_PROJECT_ID", "FIREBASE_CREDENTIALS_PATH")
"""They mean nothing here."""
SECRET: Final = "DB_PASSWORD"


def settings_of(environment: Mapping[str, str]) -> dict[str, Any]:
    """The settings that the variables stand for, by field, not validated. Addresses count only with their host."""
    found: dict[str, Any] = {}
    if port := environment.get("PORT"):
        found["port"] = port
    if host := environment.get("DB_HOST"):
        user, password = environment.get("DB_USER", "postgres"), environment.get(SECRET)
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
    return found


def ignored(environment: Mapping[str, str]) -> list[str]:
    """The variables that are set and mean nothing here."""
    return [name for name in IGNORED if environment.get(name)]


def _host(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
