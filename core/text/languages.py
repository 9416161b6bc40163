"""Language tags (BCP 47), as routing and rules compare them."""

from __future__ import annotations

from typing import Any


def primary(tag: str) -> str:
    """The primary subtag: an agent that speaks `pt` can answer a customer who writes `pt-BR`, and vice versa."""
    return tag.casefold().replace("_", "-").split("-")[0]


def language_of(metadata: dict[str, Any], bot_context: dict[str, Any]) -> str | None:
    """A conversation's language: the one that the channel or a service gave, else the one in the bot's context."""
    tags = (metadata.get("language"), bot_context.get("language"))
    return next((language for language in tags if isinstance(language, str) and language), None)
