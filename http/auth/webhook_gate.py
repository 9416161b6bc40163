"""Who gets in at the webhooks: what a gateway remembers of channels whose providers have proved themselves.

Owns the order that keeps a flood cheap: a call for a channel that nobody has proved to know here costs its address a
permit before anything is looked up, as does every call that fails; a channel's own provider, which may call for
thousands of channels from one address, pays with its account's permits alone.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from aiohttp import web

from ...core.accounts.records import Channel
from ...core.channels.messages import Credentials
from ...core.ports.http import Vault
from .rate_limits import RequestLimits

MAX_CHANNELS: Final = 10_000
"""Channels remembered; the one that was called longest ago is forgotten first."""


class WebhookGate:
    """See the module."""

    def __init__(self, vault: Vault, limits: RequestLimits) -> None:
        self._vault = vault
        self._limits = limits
        self._proved: OrderedDict[str, None] = OrderedDict()
        self._opened: OrderedDict[str, tuple[bytes | None, Credentials]] = OrderedDict()

    async def enter(self, channel_id: str, address: str | None) -> bool:
        """Whether the address was charged for this call already. Raises RateLimited."""
        if channel_id in self._proved:
            return False
        await self._limits.admit_address(address)
        return True

    async def refuse(self, address: str | None, *, charged: bool) -> None:
        """Charges the address for a call that proved nothing, unless it was. Raises RateLimited."""
        if not charged:
            await self._limits.admit_address(address)

    async def prove(self, channel: Channel) -> None:
        """A verified call: counts for its account. Raises RateLimited."""
        self._proved[channel.id] = None
        self._proved.move_to_end(channel.id)
        if len(self._proved) > MAX_CHANNELS:
            self._proved.popitem(last=False)
        await self._limits.admit_account(channel.account_id)

    def credentials(self, channel: Channel) -> Credentials:
        """The channel's credentials, opened once as long as they do not change."""
        known = self._opened.get(channel.id)
        if known is None or known[0] != channel.credentials:
            known = self._opened[channel.id] = (channel.credentials, self._vault.open(channel))
            if len(self._opened) > MAX_CHANNELS:
                self._opened.popitem(last=False)
        return known[1]


GATE: web.AppKey[WebhookGate] = web.AppKey("webhook_gate", WebhookGate)
