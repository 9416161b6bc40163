"""Where customers write in: one module for each kind of channel, and the table of them."""

from __future__ import annotations

from ..core.ports_channels import ChannelKind
from ..core.records import ChannelType

CHANNELS: dict[ChannelType, ChannelKind] = {}
"""Which module speaks for which type of channel. Web chat has no provider."""
