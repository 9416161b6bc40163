"""The handshake between a host and a peer (a gateway or a supervisor). Each proves that it knows the key of the host's
incarnation, and neither sends it.

    peer  HELLO      version, the peer's nonce, the peer's name
    host  CHALLENGE  the host's nonce, the host's proof
    peer  PROOF      the peer's proof
    host  ANSWER     empty: the peer is admitted

A proof is an HMAC-SHA-256 over a label, both nonces, the channel binding and the peer's name. The two sides use different
labels, so a reflected proof is worthless; both nonces are fresh, so a recorded handshake cannot be replayed. The channel
binding identifies the channel that a side sees: the digest of the host's TLS certificate (`tls-server-end-point`, RFC 5929;
Python's ssl has no `tls-exporter`), or the Unix socket. A man in the middle sees a different one on each side. The key is
derived from the host's incarnation, so a successor accepts nothing that was meant for its predecessor.

Pure, except for the nonces. It must never log a key or a proof.
"""

from __future__ import annotations

import hmac
import secrets

VERSION = 1
"""Protocol version. A peer with another version is refused; there is no negotiation."""
NONCE = 32
"""Bytes."""
PROOF = 32
"""Bytes of a proof (SHA-256)."""
MAX_NAME = 256
"""Bytes of a peer's name."""

_KEY = b"tertulia host link, handshake 1"
_HOST = b"tertulia host link 1: the host's proof"
_PEER = b"tertulia host link 1: the peer's proof"


class HandshakeRefused(ConnectionError):
    """The other side failed to authenticate, or speaks another protocol."""


def key_of(incarnation: str, server_secret: str) -> bytes:
    """The key of a host's incarnation: 32 bytes, derived from the secret that all processes of a server share."""
    key = hmac.digest(server_secret.encode(), _KEY, "sha256")
    return hmac.digest(key, incarnation.encode(), "sha256")


def _proof(key: bytes, label: bytes, *parts: bytes) -> bytes:
    """Each part is prefixed with its length, so that different lists of parts cannot produce the same message."""
    message = b"".join(len(part).to_bytes(4, "big") + part for part in (label, *parts))
    return hmac.digest(key, message, "sha256")


class PeerHandshake:
    """The peer's side. It sends its proof only to a host that has sent a valid one."""

    def __init__(self, key: bytes, name: str, binding: bytes) -> None:
        self._key = key
        self._name = name.encode()
        self._binding = binding
        self._nonce = secrets.token_bytes(NONCE)

    def hello(self) -> bytes:
        return bytes((VERSION,)) + self._nonce + self._name

    def prove(self, challenge: bytes) -> bytes:
        """Check the host's proof and return the peer's. Raises HandshakeRefused."""
        nonce, proof = challenge[:NONCE], challenge[NONCE:]
        parts = (self._nonce, nonce, self._binding, self._name)
        if len(nonce) != NONCE or not hmac.compare_digest(proof, _proof(self._key, _HOST, *parts)):
            raise HandshakeRefused("the listener is not the expected host")
        return _proof(self._key, _PEER, *parts)


class HostHandshake:
    """The host's side of one connection."""

    def __init__(self, key: bytes, binding: bytes) -> None:
        self._key = key
        self._binding = binding
        self._nonce = secrets.token_bytes(NONCE)
        self._parts: tuple[bytes, ...] | None = None
        self._name = ""

    @property
    def challenged(self) -> bool:
        """Whether the peer has sent HELLO."""
        return self._parts is not None

    def challenge(self, hello: bytes) -> bytes:
        """The answer to HELLO. Raises HandshakeRefused."""
        nonce, name = hello[1 : 1 + NONCE], hello[1 + NONCE :]
        if hello[:1] != bytes((VERSION,)) or len(nonce) != NONCE or len(name) > MAX_NAME:
            raise HandshakeRefused("the peer speaks another protocol or version")
        try:
            self._name = name.decode()
        except UnicodeDecodeError:
            raise HandshakeRefused("the peer's name is not valid UTF-8") from None
        self._parts = (nonce, self._nonce, self._binding, name)
        return self._nonce + _proof(self._key, _HOST, *self._parts)

    def admit(self, proof: bytes) -> str:
        """Check the peer's proof and return its name. Raises HandshakeRefused."""
        if self._parts is None or not hmac.compare_digest(proof, _proof(self._key, _PEER, *self._parts)):
            raise HandshakeRefused("the peer does not know this host's key")
        return self._name
