"""What Ray reads from the environment. It reads it when it is imported, so this comes first and imports no Ray."""

from __future__ import annotations

import os
import secrets

from .settings import Settings
from .storage.secrets import load_or_create

LOCAL = {
    "RAY_AUTH_MODE": "token",
    "RAY_worker_niceness": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
"""For a Ray that we start ourselves. A variable that is set already wins."""


def prepare(settings: Settings) -> None:
    """Set what a local Ray needs; a configured cluster brings its own."""
    if settings.ray_address is not None:
        return
    token = load_or_create(settings.data, "ray_token", lambda: secrets.token_hex(32))
    for name, value in (LOCAL | {"RAY_AUTH_TOKEN": token}).items():
        os.environ.setdefault(name, value)
