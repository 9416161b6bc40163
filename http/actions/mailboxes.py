"""The context of a channel's parser: its configuration, and the addresses that belong to the account.

A mail may reach several of an account's mailboxes. Each channel takes it into a conversation of its own, answered from its own address; the
other mailboxes get no copy of the answer, and mail from one of them to another triggers no bot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ...core.accounts.records import Channel
from ...core.errors import TertuliaError
from ...core.ports.resources import ChannelStore

Opened = Callable[[Channel], Mapping[str, str]]
"""A channel's credentials. Raises TertuliaError where they cannot be opened."""


async def settings_for(channels: ChannelStore, channel: Channel, credentials: Opened) -> dict[str, Any]:
    """The channel's configuration; of an e-mail channel with `from_address`, and `siblings`: the other mailboxes' addresses."""
    if channel.type != "email":
        return channel.config
    address = credentials(channel).get("from_address")
    others = [c for c in await channels.of_type(channel.account_id, "email") if c.id != channel.id]
    siblings = [found for other in others for found in _addresses(other, credentials)]
    stated = {"from_address": address} if address else {}
    return {**channel.config, **stated, **({"siblings": siblings} if siblings else {})}


def _addresses(channel: Channel, credentials: Opened) -> Iterator[str]:
    try:
        found = [credentials(channel).get("from_address")]
    except TertuliaError:  # sealed by a key that is gone: its configuration still counts
        found = []
    listed = channel.config.get("addresses")
    for address in (*found, channel.config.get("reply_to"), *(listed if isinstance(listed, list) else ())):
        if isinstance(address, str):
            yield address
