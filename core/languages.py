"""Language tags (BCP 47) as routing and rules compare them."""

from __future__ import annotations


def primary(tag: str) -> str:
    """Its first part: who speaks `pt` can answer who writes `pt-BR`, and the other way round."""
    return tag.casefold().replace("_", "-").split("-")[0]
