"""Actors' settings: Ray stores no secret of them, and actors find the right ones."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tertulia.composition.actor_settings import (
    ActorSettings,
    SecretsDiffer,
    complete,
    forget,
    secrets_file,
    withhold,
)
from tertulia.secret_settings import secret_fields
from tertulia.settings import Settings
from tertulia.settings_environment import forget_secrets, variables

SECRETS = {
    "jwt_secret": "canary-jwt-secret-of-thirty-two-bytes",
    "credentials_keys": "canary-credentials",
    "database_url": "postgresql://tertulia:canary-database@db.internal/tertulia",
    "redis_url": "rediss://:canary-redis@valkey.internal:6379/0",
    "s3_access_key_id": "canary-s3-id",
    "s3_secret_access_key": "canary-s3",
    "classifier_key": "canary-classifier",
    "jwks_url": "https://user:canary-jwks@example.com/keys",
}


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = dict(os.environ)
    for name in Settings.model_fields:
        for variable in variables(name):
            monkeypatch.delenv(variable, raising=False)
    yield
    os.environ.clear()
    os.environ.update(before)


def given(data: Path, **changes: Any) -> Settings:
    return Settings(**({**SECRETS, "data": data, "port": 9000} | changes))


def shipped(settings: Settings) -> tuple[bytes, ActorSettings]:
    """The settings as Ray stores them, and as the actor gets them."""
    payload = pickle.dumps(withhold(settings))
    return payload, pickle.loads(payload)


def test_no_secret_is_among_the_arguments_and_the_actor_has_them_all(tmp_path: Path) -> None:
    settings = given(tmp_path)
    payload, arrived = shipped(settings)
    assert b"canary" not in payload and b"valkey.internal" not in payload
    assert complete(arrived) == settings
    assert secrets_file(settings).stat().st_mode & 0o777 == 0o600


def test_every_setting_that_is_named_as_a_secret_is_one() -> None:
    words = ("secret", "password", "token", "credential", "_key")
    named = {name for name in Settings.model_fields if any(word in name for word in words)}
    strings = {n for n in named if Settings.model_fields[n].annotation in (str, str | None)}
    full = Settings.model_construct(**dict.fromkeys(strings, "x"))
    assert strings and strings <= secret_fields(full)


def test_another_machine_takes_them_from_its_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = given(tmp_path)
    _, arrived = shipped(settings)
    forget(settings)
    assert not secrets_file(settings).exists()
    for name, value in SECRETS.items():
        monkeypatch.setenv(variables(name)[-1], value)
    assert complete(arrived) == settings


def test_an_old_environment_gives_way_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = given(tmp_path)
    monkeypatch.setenv("TERTULIA_JWT_SECRET", "of-the-last-start-thirty-two-bytes-long")
    monkeypatch.setenv("TERTULIA_CLASSIFIER_KEY", "of-the-last-start")
    assert complete(shipped(settings)[1]) == settings


@pytest.mark.parametrize("name", ["jwt_secret", "classifier_key", "database_url"])
@pytest.mark.parametrize("other", [None, "postgresql://u:another-secret-of-thirty-two-bytes@h/d"])
def test_a_node_without_them_says_which(
    name: str, other: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = given(tmp_path)
    _, arrived = shipped(settings)
    forget(settings)
    for field, value in (SECRETS | {name: other}).items():
        if value is not None:
            monkeypatch.setenv(variables(field)[0], value)
    what = "not set" if other is None else "not the server's"
    with pytest.raises(SecretsDiffer, match=f"^{variables(name)[0]}: {what} on node ") as refused:
        complete(arrived)
    assert "canary" not in str(refused.value) and "another" not in str(refused.value)


def test_a_file_behind_a_link_is_not_read(tmp_path: Path) -> None:
    settings = given(tmp_path)
    _, arrived = shipped(settings)
    path = secrets_file(settings)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SecretsDiffer):
        complete(arrived)
    withhold(settings)  # the next start replaces the link, and writes nothing behind it
    assert not path.is_symlink() and complete(arrived) == settings


def test_the_processes_that_the_server_starts_inherit_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(variables(name)[0], value)
    monkeypatch.delenv("TERTULIA_CLASSIFIER_KEY")
    monkeypatch.setenv("tertulia_classifier_key", "canary-classifier")
    monkeypatch.setenv("TERTULIA_TWILIO_URL", "https://user:canary@example.com")
    monkeypatch.setenv("TERTULIA_HOSTS", "3")
    forget_secrets(Settings())
    assert not [value for value in os.environ.values() if "canary" in value]
    assert os.environ["TERTULIA_HOSTS"] == "3"


def test_they_are_not_in_a_repr(tmp_path: Path) -> None:
    settings = given(tmp_path)
    assert "canary" not in repr(settings) + str(settings) + repr(withhold(settings))
