"""What Ray reads from the environment. It reads it when it is imported, so this comes first and imports no Ray."""

from __future__ import annotations

import os
import secrets

from ..settings import Settings
from ..settings_environment import forget_secrets
from ..storage.secrets import load_or_create

LOCAL = {
    "RAY_AUTH_MODE": "token",
    "RAY_worker_niceness": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_enable_metrics_collection": "0",
    "AUTOSCALER_METRIC_PORT": "-1",  # no port: these metrics ask for no token. Ray logs that it cannot listen, and goes on
    # Off means a Ray of one machine, whose processes all listen on 127.0.0.1. Ray has no other way to ask for that: it
    # replaces a loopback address that it is given by one that other machines reach (services.resolve_ip_for_localhost).
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
}
"""For a Ray that we start ourselves. A variable that is set already wins."""


def prepare(settings: Settings) -> None:
    """Set what a local Ray needs, and hide from its processes what they need not know; a configured cluster brings its own."""
    if settings.ray_address is not None:
        return
    token = load_or_create(settings.data, "ray_token", lambda: secrets.token_hex(32))
    for name, value in (LOCAL | {"RAY_AUTH_TOKEN": token}).items():
        os.environ.setdefault(name, value)
    forget_secrets(settings)
