"""Rate limits of webhook calls, and which channels have been verified at this gateway.

Keeps a flood of forged calls cheap: a call to a channel that has not been verified here costs its address a permit before
anything is looked up, and so does every call that fails. A verified provider, which may call for thousands of channels from one
address, spends permits of the channel's account only.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from aiohttp import web

from ...core.accounts.records import Channel
from ...core.channels.messages import Credentials
from ...core.errors import RateLimited
from ...core.ports.http import Vault
from ..streams.token_bucket import Rate, TokenBuckets
from .rate_limits import RequestLimits

MAX_CHANNELS: Final = 10_000
"""Channels remembered; the least recently called one is forgotten first."""

SPARE: Final = Rate(20, 20)
"""First calls to a channel that are verified although their address has no permits left, for all addresses at this gateway: a provider's
first call must not be refused because of others at its address."""


class WebhookGate:
    """Remembers at most `MAX_CHANNELS` verified channels and their decrypted credentials."""

    def __init__(self, vault: Vault, limits: RequestLimits) -> None:
        self._vault = vault
        self._limits = limits
        self._spare = TokenBuckets(SPARE)
        self._proved: OrderedDict[str, None] = OrderedDict()
        self._opened: OrderedDict[str, tuple[bytes | None, Credentials]] = OrderedDict()

    async def enter(self, channel_id: str, address: str | None) -> bool:
        """Charge the address unless the channel is verified; returns whether it was charged. Raises RateLimited."""
        if channel_id in self._proved:
            return False
        try:
            await self._limits.admit_address(address)
        except RateLimited:
            if not self._spare.spend(None, 1):
                raise
        return True

    async def refuse(self, address: str | None, *, charged: bool) -> None:
        """Charge the address for a call that failed verification, unless it was charged already. Raises RateLimited."""
        if not charged:
            await self._limits.admit_address(address)

    async def prove(self, channel: Channel) -> None:
        """Remember the channel as verified, and charge its account. Raises RateLimited."""
        self._proved[channel.id] = None
        self._proved.move_to_end(channel.id)
        if len(self._proved) > MAX_CHANNELS:
            self._proved.popitem(last=False)
        await self._limits.admit_account(channel.account_id)

    def credentials(self, channel: Channel) -> Credentials:
        """The channel's credentials, decrypted once until they change."""
        known = self._opened.get(channel.id)
        if known is None or known[0] != channel.credentials:
            known = self._opened[channel.id] = (channel.credentials, self._vault.open(channel))
            if len(self._opened) > MAX_CHANNELS:
                self._opened.popitem(last=False)
        return known[1]


GATE: web.AppKey[WebhookGate] = web.AppKey("webhook_gate", WebhookGate)
