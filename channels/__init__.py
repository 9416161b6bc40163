"""Providers' wire formats: verify, parse, send. One table says which module speaks for which type of channel.

Web chat is not in it: it has no provider, no webhook and nothing to send to; its customers read their own stream.
"""

from __future__ import annotations

from ..core.ports_channels import ChannelKind
from ..core.records import ChannelType
from . import email, messenger, sms, telegram, whatsapp

CHANNELS: dict[ChannelType, ChannelKind] = {
    "whatsapp": whatsapp,
    "messenger": messenger,
    "telegram": telegram,
    "sms": sms,
    "email": email,
}
