"""Encryption of secrets at rest: channels' credentials and event webhooks' signing secrets.

Ciphertext (MultiFernet) is bound to its account and its owner, so it cannot be decrypted from another account's row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from ..core.accounts.records import Channel
from ..core.errors import Internal

T = TypeVar("T")


def new_key() -> str:
    """A fresh key."""
    return Fernet.generate_key().decode()


class FernetVault:
    """`core.ports.http.Vault`. `keys`: comma separated, newest first. The first one encrypts; any of them decrypts.

    Raises ValueError on a malformed key.
    """

    def __init__(self, keys: str) -> None:
        self._fernet = MultiFernet([Fernet(k.strip()) for k in keys.split(",") if k.strip()])

    def seal(self, account_id: str, channel_id: str, credentials: dict[str, str]) -> bytes:
        return self._seal(account_id, channel_id, credentials)

    def open(self, channel: Channel) -> dict[str, str]:
        if channel.credentials is None:
            return {}
        return self._open(channel.account_id, channel.id, channel.credentials, dict[str, str])

    def seal_secrets(self, account_id: str, webhook_id: str, secrets: Sequence[str]) -> bytes:
        return self._seal(account_id, webhook_id, list(secrets))

    def open_secrets(self, account_id: str, webhook_id: str, sealed: bytes) -> list[str]:
        return self._open(account_id, webhook_id, sealed, list[str])

    def _seal(self, account_id: str, owner: str, secret: Any) -> bytes:
        return self._fernet.encrypt(msgspec.json.encode([account_id, owner, secret]))

    def _open(self, account_id: str, owner: str, sealed: bytes, type_: type[T]) -> T:
        try:
            text = self._fernet.decrypt(sealed)
        except InvalidToken:
            raise Internal("the secrets cannot be decrypted with the current keys") from None
        try:
            found = msgspec.json.decode(text, type=tuple[str, str, type_])
        except msgspec.ValidationError:
            raise Internal("the secrets are of another kind") from None
        if found[:2] != (account_id, owner):
            raise Internal("the secrets belong to another object")
        return found[2]

    def rotate(self, sealed: bytes) -> bytes:
        """Encrypt again with the newest key. Raises InvalidToken."""
        return self._fernet.rotate(sealed)
