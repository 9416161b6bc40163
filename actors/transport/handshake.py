"""The handshake of a connection between a host and a peer (a gateway or a supervisor): each proves that it knows the host
incarnation's key, and neither ever sends it.

    peer  HELLO      version, the peer's nonce, the peer's name
    host  CHALLENGE  the host's nonce, the host's proof
    peer  PROOF      the peer's proof
    host  ANSWER     empty: the peer is admitted

A proof is an HMAC-SHA-256 over a label, both nonces, the channel binding and the peer's name. The labels of the two sides
differ, so a proof sent back proves nothing; both nonces are fresh, so a recorded handshake cannot be replayed. The channel
binding names the channel that this side sees: the digest of the host's TLS certificate (`tls-server-end-point`, RFC 5929; Python's
ssl has no `tls-exporter`), or the Unix socket. Whoever stands between the two sees another one on each side. The
key is made from the host's incarnation, so a successor of the host accepts nothing that was meant for it.

Pure, but for the nonces. It must never log a key or a proof.
"""

from __future__ import annotations

import hmac
import secrets

VERSION = 1
"""Of this protocol. A side that speaks another one is refused; there is nothing to negotiate."""
NONCE = 32
"""Bytes."""
PROOF = 32
"""Bytes of a proof: SHA-256's."""
MAX_NAME = 256
"""Bytes of a peer's name."""

_KEY = b"tertulia host link, handshake 1"
_HOST = b"tertulia host link 1: the host's proof"
_PEER = b"tertulia host link 1: the peer's proof"


class HandshakeRefused(ConnectionError):
    """The other side did not prove to be what it should be, or does not speak this protocol."""


def key_of(incarnation: str, server_secret: str) -> bytes:
    """The key of a host's incarnation: 32 bytes, made from the secret that all processes of a server share."""
    key = hmac.digest(server_secret.encode(), _KEY, "sha256")
    return hmac.digest(key, incarnation.encode(), "sha256")


def _proof(key: bytes, label: bytes, *parts: bytes) -> bytes:
    """Every part goes with its length, so that no two lists of parts make the same message."""
    message = b"".join(len(part).to_bytes(4, "big") + part for part in (label, *parts))
    return hmac.digest(key, message, "sha256")


class PeerHandshake:
    """The peer's side. It proves itself only to a host that has done so first."""

    def __init__(self, key: bytes, name: str, binding: bytes) -> None:
        self._key = key
        self._name = name.encode()
        self._binding = binding
        self._nonce = secrets.token_bytes(NONCE)

    def hello(self) -> bytes:
        return bytes((VERSION,)) + self._nonce + self._name

    def prove(self, challenge: bytes) -> bytes:
        """The proof for a host that has proved itself. Raises HandshakeRefused."""
        nonce, proof = challenge[:NONCE], challenge[NONCE:]
        parts = (self._nonce, nonce, self._binding, self._name)
        if len(nonce) != NONCE or not hmac.compare_digest(proof, _proof(self._key, _HOST, *parts)):
            raise HandshakeRefused("whoever listens there is not this host")
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
        """Whether the peer has said hello."""
        return self._parts is not None

    def challenge(self, hello: bytes) -> bytes:
        """The answer to a hello. Raises HandshakeRefused."""
        nonce, name = hello[1 : 1 + NONCE], hello[1 + NONCE :]
        if hello[:1] != bytes((VERSION,)) or len(nonce) != NONCE or len(name) > MAX_NAME:
            raise HandshakeRefused("the hello is of another protocol or version")
        try:
            self._name = name.decode()
        except UnicodeDecodeError:
            raise HandshakeRefused("the peer's name is no text") from None
        self._parts = (nonce, self._nonce, self._binding, name)
        return self._nonce + _proof(self._key, _HOST, *self._parts)

    def admit(self, proof: bytes) -> str:
        """The name of a peer that has proved itself. Raises HandshakeRefused."""
        if self._parts is None or not hmac.compare_digest(proof, _proof(self._key, _PEER, *self._parts)):
            raise HandshakeRefused("the peer does not know this host's key")
        return self._name
