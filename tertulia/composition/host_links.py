"""Settings of the connections to hosts: the folder of the Unix sockets on one machine, the certificate in a cluster."""

from __future__ import annotations

from pathlib import Path

from ..actors.transport.link_transport import Tls, load_tls, make_tls
from ..settings import Settings
from ..storage.embedded.files import private_folder, socket_folder

LONGEST_SOCKET = "host-255.00000000.sock"
"""As long as the longest name of a host's socket."""


def choose_folder(settings: Settings) -> Path | None:
    """The private folder of the hosts' sockets; None in a cluster. Absolute, as actors may run in another directory.

    Raises ServerError or OSError."""
    if settings.ray_address is not None:
        return None
    if settings.link_folder is not None:
        return private_folder(settings.link_folder.absolute())
    data = settings.data.absolute()
    data.mkdir(parents=True, exist_ok=True)
    return socket_folder(data, LONGEST_SOCKET)


def socket_of(settings: Settings, name: str, incarnation: str) -> Path | None:
    """The path of a host's socket on one machine; None if it listens with TLS."""
    if settings.link_folder is None:
        return None
    return private_folder(settings.link_folder) / f"{name.replace(':', '-')}.{incarnation[:8]}.sock"


def tls_of(settings: Settings) -> Tls:
    """The operator's certificate, or a new one for this process alone. Raises ValueError or OSError."""
    if (settings.link_cert is None) != (settings.link_key is None):
        raise ValueError(
            "a certificate (TERTULIA_LINK_CERT) and its key (TERTULIA_LINK_KEY) must be set together"
        )
    if settings.link_cert is not None and settings.link_key is not None:
        return load_tls(settings.link_cert, settings.link_key)
    return make_tls()
