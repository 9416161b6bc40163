"""Channel credentials at rest: encrypted (MultiFernet), and bound to their channel, so that ciphertext moved to another
account's row does not open.
"""

from __future__ import annotations

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from ..core.errors import Internal
from ..core.records import Channel


def new_key() -> str:
    """A fresh key."""
    return Fernet.generate_key().decode()


class FernetVault:
    """`core.ports_http.Vault`. `keys`, newest first, comma separated; all of them open, the first one seals.

    Raises ValueError on a malformed key.
    """

    def __init__(self, keys: str) -> None:
        self._fernet = MultiFernet([Fernet(k.strip()) for k in keys.split(",") if k.strip()])

    def seal(self, account_id: str, channel_id: str, credentials: dict[str, str]) -> bytes:
        return self._fernet.encrypt(msgspec.json.encode([account_id, channel_id, credentials]))

    def open(self, channel: Channel) -> dict[str, str]:
        if channel.credentials is None:
            return {}
        try:
            account_id, channel_id, credentials = msgspec.json.decode(
                self._fernet.decrypt(channel.credentials), type=tuple[str, str, dict[str, str]]
            )
        except InvalidToken:
            raise Internal("the channel's credentials cannot be opened with the present keys") from None
        if (account_id, channel_id) != (channel.account_id, channel.id):
            raise Internal("the channel's credentials belong to another channel")
        return credentials

    def rotate(self, sealed: bytes) -> bytes:
        """The same under the newest key. Raises InvalidToken."""
        return self._fernet.rotate(sealed)
