"""The settings that actors get as an argument: without secrets, but with fingerprints to check the secrets they find.

Ray's head stores an actor's arguments in clear for as long as the actor lives, so they must not contain a secret. An
actor's process reads the secrets itself: from its node's environment (a cluster), or from a private file in the data folder
that `tertulia serve` writes for actors on its own machine. Fingerprints in the arguments identify the right ones. They are
keyed by the JWT secret, so nobody without it can use them to guess another secret.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import ray

from .. import logs
from ..secret_settings import secret_fields
from ..settings import Settings
from ..settings_environment import given_by_environment, variables
from ..storage.data_folder import UMASK
from ..storage.embedded.files import write_private
from ..storage.secrets import read_private


class SecretsDiffer(Exception):
    """An actor does not find the server's secrets where it runs. The message names the variables and the node."""


class ActorSettings(msgspec.Struct, frozen=True):
    """A server's settings as an actor's argument: `fingerprints` by field, the `file` with the secrets on the server's machine, and
    a `digest` of everything that an actor depends on."""

    settings: Settings
    fingerprints: dict[str, str]
    file: Path
    digest: str = ""


NOT_DIGESTED = frozenset(
    {"hosts", "hosts_per_node", "gateways", "gateways_per_node", "on_stop", "log_format", "data"}
    | {name for name in Settings.model_fields if name.startswith("autoscale_")}
)
"""Settings of `tertulia serve` alone: actors need not be renewed when they change."""


def secrets_file(settings: Settings) -> Path:
    """The file with the secrets of the server on this port, for actors on its machine. It exists while the server runs."""
    return settings.data / "secrets" / f"serve-{settings.port}.json"


def withhold(settings: Settings) -> ActorSettings:
    """Write the secrets into the private file, and return the settings without them."""
    assert settings.jwt_secret is not None
    secrets = {name: getattr(settings, name) for name in secret_fields(settings)}
    path = secrets_file(settings)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(path, msgspec.json.encode(secrets).decode())
    shown = settings.model_copy(update=dict.fromkeys(secrets))
    fingerprints = {name: _fingerprint(settings.jwt_secret, name, value) for name, value in secrets.items()}
    return ActorSettings(shown, fingerprints, path, _digest(shown, fingerprints))


def _digest(shown: Settings, fingerprints: dict[str, str]) -> str:
    given = shown.model_dump(mode="json", exclude=set(NOT_DIGESTED))
    text = msgspec.json.encode([given, fingerprints], order="sorted")
    return hashlib.sha256(text).hexdigest()[:16]


def forget(settings: Settings) -> None:
    """Remove the private file. No actor can start afterwards."""
    secrets_file(settings).unlink(missing_ok=True)


def begin_process(given: ActorSettings) -> Settings:
    """Prepare an actor's process: set its umask, find the secrets, start logging. Raises SecretsDiffer."""
    os.umask(UMASK)
    settings = complete(given)
    logs.configure(settings.log_level, settings.log_format)
    return settings


def complete(given: ActorSettings) -> Settings:
    """Add the secrets from the environment, or else from the file. Raises SecretsDiffer."""
    sources = [given_by_environment(), _kept(given.file)]
    found: dict[str, str] = {}
    for jwt_secret in (source.get("jwt_secret") for source in sources):
        if jwt_secret is not None and _right(given, jwt_secret, "jwt_secret", jwt_secret):
            found = _matching(given, jwt_secret, sources)
            break
    if wrong := sorted(set(given.fingerprints) - set(found)):
        raise SecretsDiffer(_explained(wrong, sources))
    return given.settings.model_copy(update=found)


def _matching(given: ActorSettings, jwt_secret: str, sources: list[Mapping[str, Any]]) -> dict[str, str]:
    return {
        name: source[name]
        for source in sources
        for name in given.fingerprints
        if isinstance(source.get(name), str) and _right(given, jwt_secret, name, source[name])
    }


def _right(given: ActorSettings, jwt_secret: str, name: str, value: str) -> bool:
    return hmac.compare_digest(given.fingerprints[name], _fingerprint(jwt_secret, name, value))


def _fingerprint(jwt_secret: str, name: str, value: str) -> str:
    key = hashlib.sha256(b"tertulia settings fingerprint\0" + jwt_secret.encode()).digest()
    return hmac.digest(key, f"{name}\0{value}".encode(), "sha256").hex()


def _kept(path: Path) -> dict[str, Any]:
    try:
        return msgspec.json.decode(read_private(path), type=dict[str, Any])
    except (OSError, ValueError):  # another machine's, or not readable: the environment must have them
        return {}


def _explained(wrong: list[str], sources: list[Mapping[str, Any]]) -> str:
    """Names the JWT secret alone if it is missing, since nothing can be compared without it."""
    names = ["jwt_secret"] if "jwt_secret" in wrong else wrong
    there = any(source.get(name) for source in sources for name in names)
    missing = ", ".join(variables(name)[0] for name in names)
    node = ray.util.get_node_ip_address()
    what = "not the server's" if there else "not set"
    return (
        f"{missing}: {what} on node {node}; every node's environment must hold the server's own before `ray start` "
        "(cluster.yaml says how)"
    )
