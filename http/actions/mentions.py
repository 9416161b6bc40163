"""Mentions in internal notes: looks up the agents that a note names, and stores them in its `metadata.mentions`."""

from __future__ import annotations

from typing import Any

from ...core.conversation.mentions import KEY, mentioned, words_of
from ..framework.endpoint import Call


async def with_mentions(call: Call[Any], text: str, metadata: dict[str, Any]) -> dict[str, Any]:
    """A note's metadata with the ids of the agents that its text names, except its author.

    Mentions written by the client are replaced: only the text decides who is notified.
    """
    metadata = {k: v for k, v in metadata.items() if k != KEY}
    words = words_of(text)
    if not words.ids:
        return metadata
    agents = await call.services.stores.agents.called(call.account_id, words.ids, words.names)
    author = call.principal.user_id
    named = [i for i in mentioned(text, agents) if i != author]
    return {**metadata, KEY: named} if named else metadata
