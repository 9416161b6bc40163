"""Language tags (BCP 47) as routing and rules compare them."""

from __future__ import annotations

from typing import Any


def primary(tag: str) -> str:
    """Its first part: who speaks `pt` can answer who writes `pt-BR`, and the other way round."""
    return tag.casefold().replace("_", "-").split("-")[0]


def language_of(metadata: dict[str, Any], bot_context: dict[str, Any]) -> str | None:
    """A conversation's language, as rules and routing read it: what the channel or a service said goes first."""
    said = (metadata.get("language"), bot_context.get("language"))
    return next((language for language in said if isinstance(language, str) and language), None)
