"""The transport of a connection between a host and a peer: a Unix socket in a private folder on one machine, TLS 1.3 over
TCP between machines. Nothing crosses a network unencrypted.

Owns the sockets, the TLS contexts and the channel binding that the handshake proves (`handshake.py`). TLS alone
authenticates neither side unless the operator configures a CA: a certificate is trusted because its digest is part of both
sides' proofs.
"""

from __future__ import annotations

import asyncio
import datetime
import functools
import hashlib
import os
import socket
import ssl
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

UNIX_BINDING = b"unix"
BACKLOG = 256
"""Connections that the kernel queues until the host accepts them. Beyond this a peer retries."""
CERTIFICATE_DAYS = 3650
"""Lifetime of a generated certificate. It ends with its process, which alone has the key."""

_CREDENTIALS = struct.Struct("3i")


class Tls(msgspec.Struct, frozen=True):
    """A host's TLS context, and the SHA-256 digest of its certificate."""

    context: ssl.SSLContext
    digest: bytes


class ListeningSocket(msgspec.Struct, frozen=True):
    """A host's listening socket: `address` and `port` as in the partition map (a path and 0 for a Unix socket)."""

    socket: socket.socket
    address: str
    port: int
    tls: Tls | None
    binding: bytes

    def close(self) -> None:
        self.socket.close()
        if self.socket.family == socket.AF_UNIX:
            Path(self.address).unlink(missing_ok=True)


def _binding(digest: bytes) -> bytes:
    return b"tls-server-end-point:" + digest


def make_tls() -> Tls:
    """Generate a P-256 key and a self-signed certificate. OpenSSL reads the key from a private temporary file, which is
    deleted right away."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tertulia host")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=CERTIFICATE_DAYS))
        .sign(key, hashes.SHA256())
    )
    with tempfile.TemporaryDirectory(prefix="tertulia-tls-") as folder:  # mode 0700
        chain, private = Path(folder) / "certificate.pem", Path(folder) / "key.pem"
        chain.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        private.touch(mode=0o600)
        private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return load_tls(chain, private)


def load_tls(certificate: Path, key: Path) -> Tls:
    """Load an operator's certificate (PEM: the host's own, then its chain) and key. Raises ValueError or OSError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0  # connections are long-lived: no session is resumed
    try:
        context.load_cert_chain(certificate, key)
    except ssl.SSLError as error:
        raise ValueError(
            f"{certificate} and {key} are not a certificate and its key: {error.reason}"
        ) from error
    shown = x509.load_pem_x509_certificate(certificate.read_bytes())
    return Tls(context, hashlib.sha256(shown.public_bytes(serialization.Encoding.DER)).digest())


@functools.cache
def client_context(ca: Path | None) -> ssl.SSLContext:
    """A peer's TLS context. Without `ca`, TLS accepts any certificate, because the handshake checks it. With `ca`, the
    chain must lead there too. Names are not compared, since hosts are found by address. Raises ValueError or OSError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    if ca is None:
        context.verify_mode = ssl.CERT_NONE
        return context
    try:
        context.load_verify_locations(ca)
    except ssl.SSLError as error:
        raise ValueError(f"{ca} holds no certificates: {error.reason}") from error
    return context


def listen_tls(address: str, tls: Tls) -> ListeningSocket:
    """Listen on a free port of `address`. Raises OSError."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.bind((address, 0))
        return _listening(listening, address, listening.getsockname()[1], tls, _binding(tls.digest))
    except BaseException:
        listening.close()
        raise


def listen_unix(path: Path) -> ListeningSocket:
    """Listen on a Unix socket in a folder that the caller has made private. Sockets left by earlier hosts of this name
    (`<name>.<anything>.sock`) are removed. Raises OSError."""
    name = path.name.split(".", 1)[0]
    for left in path.parent.glob(f"{name}.*.sock"):
        left.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.bind(str(path))
        path.chmod(0o600)
        return _listening(listening, str(path), 0, None, UNIX_BINDING)
    except BaseException:
        listening.close()
        raise


def _listening(
    listening: socket.socket, address: str, port: int, tls: Tls | None, binding: bytes
) -> ListeningSocket:
    listening.listen(BACKLOG)
    listening.setblocking(False)
    return ListeningSocket(listening, address, port, tls, binding)


def foreign_user(connected: socket.socket) -> int | None:
    """The user id of the process at the other end of a Unix socket if it is another user's, else None."""
    if connected.family != socket.AF_UNIX or not hasattr(socket, "SO_PEERCRED"):
        return None
    found = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, uid, _ = _CREDENTIALS.unpack(found)
    return uid if uid != os.geteuid() else None


async def connect(factory: Callable[[], asyncio.Protocol], address: str, port: int, ca: Path | None) -> bytes:
    """Connect to a host at its published address and return the channel binding. Raises OSError."""
    loop = asyncio.get_running_loop()
    if address.startswith("/"):
        plain = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            plain.setblocking(False)
            await loop.sock_connect(plain, address)
            if (uid := foreign_user(plain)) is not None:
                raise PermissionError(f"user {uid} listens at {address}")
        except BaseException:
            plain.close()
            raise
        await loop.create_unix_connection(factory, sock=plain)
        return UNIX_BINDING
    transport, _ = await loop.create_connection(factory, address, port, ssl=client_context(ca))
    shown: bytes | None = transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
    if shown is None:
        transport.abort()
        raise ConnectionError("the host showed no certificate")
    return _binding(hashlib.sha256(shown).digest())
