"""The environment variables of conversation sync, with the names and defaults of the sync contract."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass

OFF = {"0", "false", "no", "off"}
DEFAULT_TIMEOUT = 10.0


@dataclass(frozen=True, slots=True)
class SyncSettings:
    """`USE_CARTAAI_API` is read for completeness: it concerns menus and orders, and does not switch sync."""

    ENABLE_CONVERSATION_SYNC: bool
    CONVERSATION_API_TIMEOUT: float
    CARTAAI_API_BASE_URL: str
    CARTAAI_SUBDOMAIN: str | None
    CARTAAI_LOCAL_ID: str | None
    CARTAAI_API_KEY: str | None
    USE_CARTAAI_API: bool

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None) -> SyncSettings:
        """The settings as they are now. What cannot be read has its default."""
        given = os.environ if environment is None else environment
        return cls(
            ENABLE_CONVERSATION_SYNC=given.get("ENABLE_CONVERSATION_SYNC", "true").strip().lower() not in OFF,
            CONVERSATION_API_TIMEOUT=_seconds(given.get("CONVERSATION_API_TIMEOUT", "")),
            CARTAAI_API_BASE_URL=given.get("CARTAAI_API_BASE_URL") or "https://api.example.com",
            CARTAAI_SUBDOMAIN=given.get("CARTAAI_SUBDOMAIN") or None,
            CARTAAI_LOCAL_ID=given.get("CARTAAI_LOCAL_ID") or None,
            CARTAAI_API_KEY=given.get("CARTAAI_API_KEY") or None,
            USE_CARTAAI_API=given.get("USE_CARTAAI_API", "false").strip().lower() not in {"", *OFF},
        )


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        return DEFAULT_TIMEOUT
    return seconds if math.isfinite(seconds) and seconds > 0 else DEFAULT_TIMEOUT
