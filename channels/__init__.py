"""Providers' wire formats: verify, parse, send. One table says which module speaks for which type of channel.

Web chat is not in it: it has no provider, no webhook and nothing to send to; its customers read their own stream.
"""

from __future__ import annotations

from ..core.accounts.records import ChannelType
from ..core.ports.channels import ChannelKind
from .email import channel
from .meta import messenger, whatsapp
from .sms import channel as sms
from .telegram import channel as telegram

CHANNELS: dict[ChannelType, ChannelKind] = {
    "whatsapp": whatsapp,
    "messenger": messenger,
    "telegram": telegram,
    "sms": sms,
    "email": channel,
}
