"""The environment variables of the settings, and how secrets are removed from the environment."""

from __future__ import annotations

import os

from pydantic import AliasChoices
from pydantic_settings import EnvSettingsSource

from . import older_environment
from .secret_settings import secret_fields
from .settings import Settings


def variables(field: str) -> list[str]:
    """The environment variables of a setting, the primary one first."""
    alias = Settings.model_fields[field].validation_alias
    return (
        [str(a) for a in alias.choices] if isinstance(alias, AliasChoices) else [f"TERTULIA_{field.upper()}"]
    )


def given_by_environment() -> dict[str, str]:
    """The settings in this process's environment, by field, not validated."""
    fields = {variable.lower(): name for name in Settings.model_fields for variable in variables(name)}
    return {
        fields.get(key.lower(), key): value for key, value in EnvSettingsSource(Settings)().items() if value
    }


def forget_secrets(settings: Settings) -> None:
    """Remove the secrets from this process's environment, or every process that it starts would inherit them."""
    hidden = {variable.lower() for name in secret_fields(settings) for variable in variables(name)}
    hidden.update(name.lower() for name in older_environment.SECRETS)
    for name in [name for name in os.environ if name.lower() in hidden]:
        del os.environ[name]
