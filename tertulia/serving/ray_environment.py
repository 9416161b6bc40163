"""Environment variables that Ray reads when it is imported. Set first, so this module must not import Ray."""

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
    "AUTOSCALER_METRIC_PORT": "-1",  # no port, since these metrics need no token. Ray logs that it cannot listen, and carries on
    # Off means a Ray of one machine whose processes all listen on 127.0.0.1. Ray offers no other way to get that: it
    # replaces a loopback address by one that other machines can reach (services.resolve_ip_for_localhost).
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
}
"""For a Ray that the server starts itself. Variables that are already set take precedence."""


def prepare(settings: Settings) -> None:
    """Set the variables of a local Ray, and remove secrets from its environment. A configured cluster has its own."""
    if settings.ray_address is not None:
        return
    token = load_or_create(settings.data, "ray_token", lambda: secrets.token_hex(32))
    for name, value in (LOCAL | {"RAY_AUTH_TOKEN": token}).items():
        os.environ.setdefault(name, value)
    forget_secrets(settings)
