"""Where customers write in: one module for each kind of channel."""

from __future__ import annotations

from ..core.ports_channels import ChannelKind
from ..core.records import ChannelType

CHANNELS: dict[ChannelType, ChannelKind] = {}
"""Channel type → its module."""
